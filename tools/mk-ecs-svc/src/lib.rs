//! The ECS cluster of an environment, and the task definition and service of each of its apps.
//!
//! Found again by name, which ECS keeps unique; the identity tag says whether it is ours. A task
//! definition is compared with its family's newest revision, and registered again only when it
//! differs. A count that Application Auto Scaling sets stays; mk-scaling has it do that.

pub mod aws;
mod check;
mod delete;
mod find;
pub mod make;
pub mod plan;
mod prune;
mod reference;
mod settled;
mod steady;

use std::collections::BTreeSet;

use plan::stopped::StoppedTask;
use plumbing::{App, Aws, Deletion, Half, Listener, Owner, Result, Service};

/// The cluster, services and task definitions, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-ecs-svc",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find::find(aws)),
    deletions: &[Deletion {
        kinds: &["service", "task_definition", "cluster"],
        delete: |stream, aws, records| {
            Box::pin(async move { delete::delete(stream, &aws::client(aws), records).await })
        },
    }],
    prune: Some(|stream, aws, records| {
        Box::pin(async move { prune::prune(stream, &aws::client(aws), records).await })
    }),
};

/// The services of some apps that are steady at this moment, for `wait-env`.
pub async fn find_steady(aws: &Aws, apps: &[String]) -> Result<Vec<Service>> {
    steady::find(&aws::client(aws), apps).await
}

/// Waits until the services of these apps run in full where the apps and listeners say, and in no subnet
/// of a zone that is left, for `prune-env`.
///
/// Errors: one is still to be moved; or its deployment fails, or takes too long.
pub async fn wait_settled(
    aws: &Aws,
    apps: &[App],
    listeners: &[Listener],
    left: &[String],
) -> Result<()> {
    settled::wait(&aws::client(aws), apps, listeners, left).await
}

/// Refuses to go on while a service, but for those of the apps that are `going`, is in one of the subnets
/// that are to go, for `prune-env`.
pub async fn check_left(aws: &Aws, left: &[String], going: &[String]) -> Result<()> {
    settled::check_left(&aws::client(aws), left, going).await
}

/// Waits until each service runs, in full, the task definition that its record names, for
/// `wait-env`. Ten services are described in a call, the first time at once. Answers the names of
/// the services that were not steady then. `last_lines` answers the end of the log of an app's
/// task.
///
/// Errors: a deployment failed, was rolled back or cannot succeed, with AWS's reasons; or it takes
/// too long.
pub async fn wait_steady(
    aws: &Aws,
    services: &[Service],
    last_lines: impl AsyncFn(&str, &StoppedTask) -> Vec<String>,
) -> Result<BTreeSet<String>> {
    steady::wait(&aws::client(aws), services, last_lines).await
}
