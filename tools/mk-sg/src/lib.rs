//! The security groups of an environment: for each app one for its load balancer (`alb/web`), if it has
//! one, and one for its tasks (`task/web`), with the rules that follow from which app calls which, from
//! what each says that it reaches and is reached by besides, and no others.
//!
//! Found again by the identity tag; their names say which is which. Rules are not resources of their
//! own: a rule in a group of ours that is not wanted is surplus, whoever added it, and `prune-env` has
//! it revoked at the end. IPv6 is deliberately absent.

pub mod aws;
mod check;
mod delete;
pub mod make;
pub mod plan;
mod prune;

use plumbing::{Aws, Deletion, Half, Owner, Record, Result};

/// The security groups, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-sg",
    half: Half::Services,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["sg"],
        delete: |stream, aws, records| Box::pin(delete::delete(stream, aws, records)),
    }],
    prune: Some(|stream, aws, records| Box::pin(prune::prune(stream, aws, records))),
};

/// The environment's groups, and which app calls which, as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let groups = aws::client(aws).find().await?;
    Ok(plan::records(&aws.env, &groups))
}
