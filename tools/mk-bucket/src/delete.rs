//! Emptying and deleting a bucket.

use std::time::Duration;

use plumbing::{Result, wait};

use crate::aws::S3;

/// What writes to the bucket is deleted by now, but its last objects may still be on their way.
const EMPTY_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// Deletes every version, every delete marker and every unfinished upload, then the bucket; again
/// while something arrives.
pub async fn bucket_with_objects(s3: &S3, bucket: &str) -> Result<()> {
    let what = format!("bucket {bucket} is still not empty");
    wait::until(&s3.aws.control, &what, EMPTY_DEADLINE, || async {
        s3.empty(bucket).await?;
        let deleted = s3.delete(bucket).await?;
        Ok(deleted.then_some(()))
    })
    .await
}
