//! The load balancers of an environment's apps: each with its target group and its listener.
//!
//! Found again by their names and the identity tag; a listener, which has no name, by its load
//! balancer and port 80. Certificates, rules and access logs are deliberately absent.

pub mod aws;
mod delete;
pub mod make;
pub mod plan;
mod record;

use futures_util::future::try_join_all;
use plumbing::name::LOAD_BALANCER_LIMIT;
use plumbing::{Aws, Deletion, Half, Owner, Record, Result};

/// The load balancers, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-alb",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["alb", "listener", "target_group"],
        delete: |stream, aws, records| {
            Box::pin(async move { delete::all(stream, &aws::client(aws), records).await })
        },
    }],
};

/// The environment's load balancers as records, with what they tell of the apps.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let have = aws::client(aws).find().await?;
    Ok(record::records(&aws.env, &have))
}

/// Waits until all of some load balancers are active, for `wait-env`.
pub async fn wait_active(aws: &Aws, arns: &[String]) -> Result<()> {
    aws::client(aws).active(arns).await
}

/// Waits until the targets of an app are healthy, for `wait-env`.
pub async fn wait_healthy(aws: &Aws, app: &str, target_group: &str) -> Result<()> {
    aws::client(aws).healthy(app, target_group).await
}

/// The ARNs of the target groups of some apps that are healthy at this moment, for `wait-env`.
pub async fn healthy_target_groups(aws: &Aws, apps: &[String]) -> Result<Vec<String>> {
    let elb = aws::client(aws);
    let names: Vec<String> = apps
        .iter()
        .map(|app| aws.env.named("tg", app, LOAD_BALANCER_LIMIT))
        .collect();
    // AWS says how many ARNs a call takes, not how many names; the same is safe.
    let chunks = names.chunks(aws::ARNS_AT_ONCE);
    let healthy = chunks.map(|names| elb.serving(names.to_vec()));
    Ok(try_join_all(healthy).await?.concat())
}

/// Whether a target group has no targets that are to stay, for `wait-env`.
pub async fn has_no_targets(aws: &Aws, target_group: &str) -> Result<bool> {
    aws::client(aws).targetless(target_group).await
}
