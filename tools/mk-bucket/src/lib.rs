//! The artifact bucket of an environment's pipelines.
//!
//! Found again by its name, which is worldwide and so carries account and region, and ours if it
//! carries the identity tag. Keys of one's own, replication, object lock and access logs are
//! deliberately absent.

pub mod aws;
mod delete;
pub mod plan;

use plumbing::{Aws, Bucket, Change, Env, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's bucket as a record, for `ls-env`.
pub async fn find(stream: &Stream, aws: &Aws, env: &Env) -> Result<Vec<Record>> {
    let name = env.bucket_name();
    let have = aws::client(aws, stream, env).look(&name).await?;
    let ours = have.filter(|have| env.owns(&have.tags));
    Ok(ours.iter().map(|have| plan::record(env, plan::settled(env, &name, have))).collect())
}

/// Deletes the bucket among `records` with every version of every object, for `rm-env`, once nothing
/// writes to it.
///
/// Errors: it is not the environment's, and left alone; or something in it cannot be deleted.
pub async fn delete(stream: &Stream, aws: &Aws, env: &Env, records: &[Record]) -> Result<()> {
    let buckets: Vec<Bucket> = records.iter().filter_map(Record::typed).collect();
    if buckets.is_empty() {
        return Ok(());
    }
    let s3 = aws::client(aws, stream, env);
    stream
        .each(buckets, async |record| {
            let Some(tags) = s3.tags(&record.bucket).await? else { return Ok(()) };
            if !env.owns(&tags) {
                return Err(plan::foreign(env, &record.bucket));
            }
            delete::all(&s3, &record.bucket).await?;
            stream.write(Record::of(&record).changed(Change::Deleted, &[])).await
        })
        .await
}
