//! The artifact bucket of an environment's pipelines.
//!
//! Found again by its name, which is worldwide and so carries account and region, and ours if it
//! carries the identity tag. Keys of one's own, replication, object lock and access logs are
//! deliberately absent.

pub mod aws;
mod delete;
pub mod plan;

use aws::Shown;
use plumbing::{Aws, Bucket, Change, Env, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's bucket as a record, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let (s3, name) = (aws::client(aws), env.bucket_name());
    match s3.shown(&name).await? {
        Shown::Tags(tags) if env.owns(&tags) => {
            let have = s3.with(&name, tags).await?;
            Ok(vec![plan::record(env, plan::settled(env, &name, &have))])
        }
        Shown::Elsewhere(why, _) => {
            stream
                .voice
                .say(&format!("bucket {name} {why}; it is left alone"));
            Ok(Vec::new())
        }
        _ => Ok(Vec::new()),
    }
}

/// Deletes the bucket among `records` with every version of every object, for `rm-env`, once nothing
/// writes to it.
///
/// Errors: it is not the environment's, and left alone; or something in it cannot be deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let buckets: Vec<Bucket> = records.iter().filter_map(Record::typed).collect();
    if buckets.is_empty() {
        return Ok(());
    }
    let s3 = aws::client(aws);
    stream
        .control
        .try_all(buckets, async |record| {
            match s3.shown(&record.bucket).await? {
                Shown::Tags(tags) if env.owns(&tags) => {}
                Shown::Tags(_) => return Err(plan::foreign(env, &record.bucket)),
                Shown::Nothing => return Ok(()),
                Shown::Elsewhere(why, _) => {
                    // The environment's own is gone, and somebody was glad of its name.
                    stream
                        .voice
                        .say(&format!("bucket {} {why}; it is left alone", record.bucket));
                    return Ok(());
                }
            }
            delete::all(&s3, &record.bucket).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
