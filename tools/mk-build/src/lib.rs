//! The build projects of an environment's sources, in CodeBuild.
//!
//! Found again by name, or all of them in the account's list, and ours if they carry the identity tag.
//! Networks of one's own, build batches, reports and badges are deliberately absent; so is every
//! secret, since what a build needs its role lets it do.

pub mod aws;
mod delete;
pub mod plan;

use plumbing::{Aws, Build, Change, Env, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's build projects as records, with what they tell of their sources, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let found = aws::client(aws).find().await?;
    let ours = found.iter().filter(|have| env.owns(&have.tags));
    Ok(ours
        .flat_map(|have| {
            [
                plan::source_record(have),
                plan::record(env, plan::source(have), &have.name),
            ]
        })
        .collect())
}

/// Deletes the build projects among `records`, for `rm-env`, once nothing starts their builds: those
/// that run are stopped, and all are deleted with their project.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let builds: Vec<Build> = records.iter().filter_map(Record::typed).collect();
    if builds.is_empty() {
        return Ok(());
    }
    let codebuild = aws::client(aws);
    stream
        .control
        .try_all(builds, async |record| {
            let Some(have) = codebuild.look(&record.project).await? else {
                return Ok(());
            };
            if !env.owns(&have.tags) {
                return Err(plan::foreign(env, &have.name));
            }
            delete::with_builds(&codebuild, &have.name).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
