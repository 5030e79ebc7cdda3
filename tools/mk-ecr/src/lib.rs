//! The image repositories of an environment's apps and sources.
//!
//! Found again by name, and ours if they carry the identity tag. Repository policies, replication
//! and keys of one's own are deliberately absent.

pub mod aws;
pub mod plan;

use plumbing::{Aws, Change, Env, Record, Repo, Result, Stream, wait};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's repositories as records, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let ecr = aws::client(aws);
    let names = ecr.names().await?;
    let candidates = names
        .iter()
        .filter_map(|name| Some((name, plan::app(env, name)?)));
    let looked = wait::all(candidates.map(|(name, app)| {
        let ecr = &ecr;
        async move { Ok((app, ecr.tags(name).await?)) }
    }));
    let ours = looked
        .await?
        .into_iter()
        .filter(|(_, tags)| tags.as_ref().is_some_and(|tags| env.owns(tags)));
    Ok(ours
        .map(|(app, tags)| plan::record(env, app, &plan::needed_by(&tags.unwrap_or_default())))
        .collect())
}

/// Deletes the repositories among `records` with all their images, for `rm-env`.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let ecr = aws::client(aws);
    let repositories = records.iter().filter_map(Record::typed::<Repo>);
    stream
        .control
        .try_all(repositories, async |record| {
            let Some((_, name)) = record.arn.split_once(":repository/") else {
                return Ok(());
            };
            let Some(tags) = ecr.tags(name).await? else {
                return Ok(());
            };
            if !env.owns(&tags) {
                return Err(plan::foreign(env, name));
            }
            ecr.delete(name).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
