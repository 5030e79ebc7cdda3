//! The security groups of an environment: for each app one of its load balancer (`alb/web`) and
//! one of its tasks (`task/web`), with the rules that follow from who calls whom, and no others.
//!
//! Found again by the identity tag, told apart by their names. Rules are not resources of their own:
//! whatever is in a group of ours and not wanted is revoked. Groups of apps that nobody wants any
//! more stay until `rm-env`. IPv6 is deliberately absent.

pub mod aws;
mod delete;
pub mod make;
pub mod plan;

use plumbing::{Aws, Deletion, Half, Owner, Record, Result};

/// The security groups, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-sg",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["sg"],
        delete: |stream, aws, records| Box::pin(delete::delete(stream, aws, records)),
    }],
};

/// The environment's groups, and which app calls which, as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let groups = aws::client(aws).find().await?;
    Ok(plan::records(&aws.env, &groups))
}
