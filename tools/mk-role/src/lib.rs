//! The IAM roles of an environment, under the path `/plumbline/REGION/ENVIRONMENT/`.
//!
//! Found again by name, or all of them by path, and ours if they carry the identity tag. Managed
//! policies, permission boundaries and service-linked roles are deliberately absent.

pub mod aws;
mod document;
pub mod plan;
pub mod want;

use plumbing::{Aws, Change, Env, Record, Result, Role, Stream, wait};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's roles as records, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let iam = aws::client(aws);
    let names = iam.names().await?;
    // A listing shows no tags.
    let found = wait::all(names.iter().map(|name| iam.find(name))).await?;
    let ours = names.iter().zip(found).filter_map(|(name, have)| {
        let have = have.filter(|have| env.owns(&have.tags))?;
        let record = have.tags.get(want::ROLE).unwrap_or(name);
        Some(plan::record(record, &plan::arn(env, name)))
    });
    Ok(ours.collect())
}

/// Deletes the roles among `records`, for `rm-env`, once nothing uses them.
///
/// Errors: one is not the environment's, or someone else needs it; it is named and left alone, and
/// all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let iam = aws::client(aws);
    let roles = records.iter().filter_map(Record::typed::<Role>);
    stream
        .control
        .try_all(roles, async |record| {
            let name = record.arn.rsplit('/').next().unwrap_or_default();
            let Some(have) = iam.find(name).await? else {
                return Ok(());
            };
            if !env.owns(&have.tags) || have.path != plan::path(env) {
                return Err(plan::foreign(env, name));
            }
            iam.delete(name).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
