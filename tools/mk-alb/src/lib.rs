//! The load balancers of an environment's apps: each with its target group and its listener.
//!
//! Found again by their names and the identity tag; a listener, which has no name, by its load
//! balancer and port 80. Certificates, rules and access logs are deliberately absent.

pub mod aws;
mod check;
mod delete;
pub mod make;
pub mod plan;
mod prune;
mod record;
mod traffic;

use futures_util::future::try_join_all;
use plumbing::{App, Aws, Deletion, Half, Owner, Record, Result, Stream};

use plan::want::target_group_name;

/// The load balancers, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-alb",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: delete::KINDS,
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: Some(|stream, aws, records| Box::pin(prune::prune(stream, aws, records))),
};

/// The environment's load balancers as records, with what they tell of the apps.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let have = aws::client(aws).find().await?;
    Ok(record::records(&aws.env, &have))
}

/// Deletes the load balancers, listeners and target groups among `records`, once no service uses
/// them. What is not the environment's is left alone.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::delete(stream, &aws::client(aws), records).await
}

/// Waits until all of some load balancers are active, for `wait-env`.
pub async fn wait_active(aws: &Aws, arns: &[String]) -> Result<()> {
    aws::client(aws).wait_active(arns).await
}

/// Waits until the targets of an app are healthy, for `wait-env`.
pub async fn wait_healthy(aws: &Aws, app: &str, target_group: &str) -> Result<()> {
    aws::client(aws).wait_healthy(app, target_group).await
}

/// The ARNs of the target groups of some apps that are healthy at this moment, for `wait-env`.
pub async fn healthy_target_groups(aws: &Aws, apps: &[App]) -> Result<Vec<String>> {
    let elb = aws::client(aws);
    let mut names = Vec::new();
    for app in apps {
        names.push(target_group_name(&aws.env, app));
    }
    // AWS says how many ARNs a call takes, not how many names; the same is safe.
    let chunks = names.chunks(aws::ARNS_AT_ONCE);
    let healthy = chunks.map(|names| elb.healthy_target_groups(names));
    Ok(try_join_all(healthy).await?.concat())
}

/// Whether a target group has no targets that are to stay, for `wait-env`.
pub async fn has_no_targets(aws: &Aws, target_group: &str) -> Result<bool> {
    aws::client(aws).has_no_targets(target_group).await
}
