//! The functions of an environment's sources: each tags what its pipeline just built `production`.
//!
//! Found again by name, and ours if it carries the identity tag. Versions, layers, permissions for
//! others to invoke it and code from elsewhere are deliberately absent.

pub mod aws;
pub mod code;
pub mod plan;

use plumbing::{Aws, Change, Env, Function, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's functions as records, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let found = aws::client(aws).find().await?;
    let ours = found.iter().filter(|(_, tags)| env.owns(tags));
    Ok(ours
        .map(|(function, tags)| plan::record(env, plan::source(function, tags), function))
        .collect())
}

/// Deletes the functions among `records`, for `rm-env`, and waits until they are gone.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let functions: Vec<Function> = records.iter().filter_map(Record::typed).collect();
    if functions.is_empty() {
        return Ok(());
    }
    let lambda = aws::client(aws);
    stream
        .control
        .try_all(functions, async |record| {
            let Some(have) = lambda.function(&record.function).await? else {
                return Ok(());
            };
            if !env.owns(&have.tags) {
                return Err(plan::foreign(env, &record.function));
            }
            lambda.delete(&record.function, &have).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
