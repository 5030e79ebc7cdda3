//! The artifact bucket of an environment's pipelines.
//!
//! Found again by its name, which is worldwide and so carries account and region, and ours if it
//! carries the identity tag. Keys of one's own, replication, object lock and access logs are
//! deliberately absent.

pub mod aws;
mod check;
mod delete;
pub mod plan;

use plumbing::step::delete_each;
use plumbing::{Aws, Bucket, Deletion, Half, Owner, Record, Result, Stream};

use crate::aws::BucketTags;

/// The bucket, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-bucket",
    half: Half::Pipelines,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["bucket"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's bucket as a record, if there is one.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let env = &aws.env;
    let s3 = aws::client(aws);
    let bucket = env.bucket_name();
    match s3.get_tags(&bucket).await? {
        BucketTags::Tags(tags) if env.owns(&tags) => {
            let have = s3.with_settings(&bucket, tags).await?;
            let encryption = plan::encryption_once_set_up(env, &have);
            Ok(vec![plan::record(env, encryption)])
        }
        BucketTags::Elsewhere(why, _) => {
            let line = format!("bucket {bucket} {why}; it is left alone");
            aws.voice.say(&line);
            Ok(Vec::new())
        }
        BucketTags::Tags(_) | BucketTags::NoBucket => Ok(Vec::new()),
    }
}

/// Deletes the bucket among `records` with every version of every object, once nothing writes to it.
///
/// Errors: it is not the environment's, and left alone; or something in it cannot be deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let s3 = aws::client(aws);
    delete_each(stream, records, async |record: &Bucket| {
        let bucket = &record.bucket;
        match s3.get_tags(bucket).await? {
            BucketTags::NoBucket => Ok(false),
            BucketTags::Elsewhere(why, _) => {
                // The environment's own was deleted, and somebody else has taken its name.
                let line = format!("bucket {bucket} {why}; it is left alone");
                aws.voice.say(&line);
                Ok(false)
            }
            BucketTags::Tags(tags) => {
                aws.env.check_ours(format!("bucket {bucket}"), &tags)?;
                delete::bucket_with_objects(&s3, bucket).await?;
                Ok(true)
            }
        }
    })
    .await
}
