//! The security groups of an environment: for each app one of its load balancer (`alb/web`) and
//! one of its tasks (`task/web`), with the rules that its edges need and no others.
//!
//! Found again by the identity tag, told apart by their names. Rules have no life of their own:
//! whatever stands in a group of ours and is not wanted goes. Groups of apps that are wanted no
//! more stay until `rm-env`; IPv6 is deliberately absent.

pub mod aws;
mod delete;
pub mod make;
pub mod plan;

use plumbing::{Aws, Env, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's groups and who calls whom as records, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let have = aws::client(aws).find().await?;
    Ok(plan::records(env, &have))
}

/// Deletes the groups among `records`, once nothing uses them.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    delete::groups(&aws::client(aws), records).await
}
