//! The load balancers of an environment's apps: each with its target group and its listener.
//!
//! Found again by their names and the identity tag; a listener, which has no name, by its load
//! balancer and port 80. Certificates, rules and access logs are deliberately absent.

pub mod aws;
mod delete;
pub mod make;
pub mod plan;
mod record;

use plumbing::name::LOAD_BALANCER_LIMIT;
use plumbing::{Aws, Env, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's load balancers as records, for `ls-env`, with what they tell of the apps.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let have = aws::client(aws).find().await?;
    Ok(record::records(env, &have))
}

/// Deletes the load balancers, listeners and target groups among `records`, for `rm-env`, once no
/// service uses them.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::all(&aws::client(aws), records).await
}

/// Waits until all of some load balancers are active, for `wait-env`.
pub async fn wait_active(stream: &Stream, aws: &Aws, env: &Env, arns: &[String]) -> Result<()> {
    aws::client(aws).active(arns).await
}

/// Waits until the targets of an app are healthy, for `wait-env`.
pub async fn wait_healthy(
    stream: &Stream,
    aws: &Aws,
    env: &Env,
    app: &str,
    target_group: &str,
) -> Result<()> {
    aws::client(aws).healthy(app, target_group).await
}

/// The ARNs of the target groups of some apps that are healthy at this moment, for `wait-env`.
pub async fn serving(
    stream: &Stream,
    aws: &Aws,
    env: &Env,
    apps: &[String],
) -> Result<Vec<String>> {
    let elb = aws::client(aws);
    let named = |apps: &[String]| {
        apps.iter()
            .map(|app| env.named("tg", app, LOAD_BALANCER_LIMIT))
            .collect()
    };
    // AWS says how many ARNs a call takes, not how many names; the same is safe.
    let each = apps
        .chunks(aws::ARNS_AT_ONCE)
        .map(|apps| elb.serving(named(apps)));
    Ok(futures_util::future::try_join_all(each).await?.concat())
}

/// Whether a target group knows of no targets at all, for `wait-env`.
pub async fn targetless(stream: &Stream, aws: &Aws, env: &Env, target_group: &str) -> Result<bool> {
    aws::client(aws).targetless(target_group).await
}
