//! The IAM roles of an environment, under the path `/plumbline/REGION/ENVIRONMENT/`.
//!
//! Found again by name, or all of them by path, and ours if they carry the identity tag. Managed
//! policies, permission boundaries and service-linked roles are deliberately absent.

pub mod aws;
mod check;
mod document;
mod name;
pub mod plan;
mod policy;
pub mod purpose;
pub mod want;

use aws::Iam;
use plumbing::step::delete_each;
use plumbing::{Aws, Deletion, Half, Owner, Record, Result, Role, Stream, wait};

/// The roles, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-role",
    half: Half::ByRecord(plan::half),
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["role"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's roles as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let iam = aws::client(aws);
    let roles = iam.list_names().await?;
    records_of(&iam, roles).await
}

/// The records of those among some roles that are the environment's.
pub async fn records_of(iam: &Iam, roles: Vec<String>) -> Result<Vec<Record>> {
    let env = &iam.aws.env;
    // A listing shows no tags.
    let found = wait::all(roles.iter().map(|role| iam.get_without_policies(role))).await?;
    let mut records = Vec::new();
    for (role, have) in roles.iter().zip(found) {
        if let Some(have) = have
            && env.owns(&have.tags)
        {
            let record_name = have.tags.get(want::ROLE).unwrap_or(role);
            records.push(plan::record(record_name, &name::arn(env, role)));
        }
    }
    Ok(records)
}

/// Deletes the roles among `records`, once nothing uses them.
///
/// Errors: one is not the environment's, or someone else needs it; it is named and left alone, and
/// all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let env = &aws.env;
    let iam = aws::client(aws);
    delete_each(stream, records, async |record: &Role| {
        let role = record.arn.rsplit('/').next().unwrap_or_default();
        let Some(have) = iam.get_without_policies(role).await? else {
            return Ok(false);
        };
        let what = format!("role {role}");
        env.check_ours(&what, &have.tags)?;
        if have.path != name::path(env) {
            return Err(env.not_ours(what));
        }
        iam.delete(role).await?;
        Ok(true)
    })
    .await
}
