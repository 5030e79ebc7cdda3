//! The calls that empty a bucket: of versions and delete markers, and of uploads that never ended.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};
use plumbing::{Error, Result, aws_error, code};

use super::client::{S3, incomplete};
use crate::plan;

/// How many versions DeleteObjects takes.
const BATCH: i32 = 1000;
/// After so many more versions a person is told how many are deleted.
const PROGRESS: usize = 5000;
/// What S3 says of one object among many that does not exist, or that it could not delete at the
/// moment.
const PASSES: [&str; 5] = [
    "NoSuchKey",
    "NoSuchVersion",
    "InternalError",
    "SlowDown",
    "ServiceUnavailable",
];

/// A version of an object, or a delete marker.
struct Version {
    key: String,
    id: Option<String>,
}

/// An upload of several parts that has not ended.
struct Upload {
    key: Option<String>,
    id: Option<String>,
}

/// What one call lists, and where the next one begins, if there is more.
struct Page<T> {
    items: Vec<T>,
    next: Option<Marker>,
}

/// Where a list goes on: after this key, and this version or upload of it.
#[derive(Default)]
struct Marker {
    key: Option<String>,
    id: Option<String>,
}

impl S3 {
    /// Deletes what is in a bucket.
    ///
    /// Errors: S3 refuses to delete something, as under a lock that someone put on it.
    pub async fn empty(&self, bucket: &str) -> Result<()> {
        let mut marker = Marker::default();
        let mut deleted = 0;
        loop {
            let Some(page) = self.list_versions(bucket, marker).await? else {
                return Ok(());
            };
            let versions = page.items.len();
            self.delete_versions(bucket, page.items).await?;
            deleted += versions;
            if deleted >= PROGRESS && deleted % PROGRESS < versions {
                let line = format!("bucket {bucket}: {deleted} versions deleted");
                self.aws.voice.say(&line);
            }
            match page.next {
                Some(next) => marker = next,
                None => break,
            }
        }
        self.abort_uploads(bucket).await
    }

    /// A page of a bucket's versions and delete markers; nothing where there is no such bucket.
    async fn list_versions(&self, bucket: &str, marker: Marker) -> Result<Option<Page<Version>>> {
        let request = self
            .client
            .list_object_versions()
            .bucket(bucket)
            .max_keys(BATCH)
            .expected_bucket_owner(&self.aws.env.account)
            .encoding_type(EncodingType::Url)
            .set_key_marker(marker.key)
            .set_version_id_marker(marker.id);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "NoSuchBucket" => return Ok(None),
            Err(error) => return Err(empty_error("s3:ListBucketVersions", bucket, error)),
        };
        let encoding = answer.encoding_type.as_ref();
        let mut items = Vec::new();
        for version in answer.versions.unwrap_or_default() {
            if let Some(key) = version.key {
                let key = key_of(encoding, &key);
                let id = version.version_id;
                items.push(Version { key, id });
            }
        }
        for marker in answer.delete_markers.unwrap_or_default() {
            if let Some(key) = marker.key {
                let key = key_of(encoding, &key);
                let id = marker.version_id;
                items.push(Version { key, id });
            }
        }
        let next_key = answer.next_key_marker;
        let next = Marker {
            key: next_key.map(|key| key_of(encoding, &key)),
            id: answer.next_version_id_marker,
        };
        let is_truncated = answer.is_truncated == Some(true);
        Ok(Some(Page {
            items,
            next: is_truncated.then_some(next),
        }))
    }

    async fn delete_versions(&self, bucket: &str, versions: Vec<Version>) -> Result<()> {
        let mut objects = Vec::new();
        for version in versions {
            if plan::fits_xml(&version.key) {
                let object = ObjectIdentifier::builder()
                    .key(version.key)
                    .set_version_id(version.id);
                objects.push(object.build().map_err(incomplete)?);
            } else {
                self.delete_version(bucket, version).await?;
            }
        }
        if objects.is_empty() {
            return Ok(());
        }
        self.delete_objects(bucket, objects).await
    }

    async fn delete_version(&self, bucket: &str, version: Version) -> Result<()> {
        let request = self
            .client
            .delete_object()
            .bucket(bucket)
            .key(version.key)
            .set_version_id(version.id)
            .expected_bucket_owner(&self.aws.env.account);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("delete an object of bucket {bucket}");
                Err(aws_error("s3:DeleteObjectVersion", what, error))
            }
        }
    }

    async fn delete_objects(&self, bucket: &str, objects: Vec<ObjectIdentifier>) -> Result<()> {
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true);
        let request = self
            .client
            .delete_objects()
            .bucket(bucket)
            .delete(delete.build().map_err(incomplete)?)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Err(empty_error("s3:DeleteObjectVersion", bucket, error)),
        };
        // S3 answers 200 also where it refused some.
        for error in answer.errors() {
            let code = error.code().unwrap_or_default();
            if PASSES.contains(&code) {
                continue; // what S3 only failed to delete is there at the next pass
            }
            let key = error.key().unwrap_or("an object");
            let message = error.message().unwrap_or_default();
            return Err(Error::refused(format!(
                "cannot delete {key} of bucket {bucket}: {code}: {message} (s3:DeleteObjectVersion)"
            )));
        }
        Ok(())
    }

    async fn abort_uploads(&self, bucket: &str) -> Result<()> {
        let mut marker = Marker::default();
        loop {
            let Some(page) = self.list_uploads(bucket, marker).await? else {
                return Ok(());
            };
            for upload in page.items {
                self.abort_upload(bucket, upload).await?;
            }
            match page.next {
                Some(next) => marker = next,
                None => return Ok(()),
            }
        }
    }

    /// A page of a bucket's uploads; nothing where there is no such bucket.
    async fn list_uploads(&self, bucket: &str, marker: Marker) -> Result<Option<Page<Upload>>> {
        let request = self
            .client
            .list_multipart_uploads()
            .bucket(bucket)
            .encoding_type(EncodingType::Url)
            .expected_bucket_owner(&self.aws.env.account)
            .set_key_marker(marker.key)
            .set_upload_id_marker(marker.id);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "NoSuchBucket" => return Ok(None),
            Err(error) => {
                return Err(empty_error("s3:ListBucketMultipartUploads", bucket, error));
            }
        };
        let encoding = answer.encoding_type.as_ref();
        let mut items = Vec::new();
        for upload in answer.uploads.unwrap_or_default() {
            let key = upload.key.map(|key| key_of(encoding, &key));
            let id = upload.upload_id;
            items.push(Upload { key, id });
        }
        let next_key = answer.next_key_marker;
        let next = Marker {
            key: next_key.map(|key| key_of(encoding, &key)),
            id: answer.next_upload_id_marker,
        };
        let is_truncated = answer.is_truncated == Some(true);
        Ok(Some(Page {
            items,
            next: is_truncated.then_some(next),
        }))
    }

    async fn abort_upload(&self, bucket: &str, upload: Upload) -> Result<()> {
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(bucket)
            .set_key(upload.key)
            .set_upload_id(upload.id)
            .expected_bucket_owner(&self.aws.env.account);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "NoSuchUpload" => Ok(()),
            Err(error) => Err(empty_error("s3:AbortMultipartUpload", bucket, error)),
        }
    }
}

fn empty_error<E>(operation: &str, bucket: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    aws_error(operation, format!("empty bucket {bucket}"), error)
}

/// A key as it is: in an answer it is encoded, since XML cannot carry all of them, if the endpoint
/// says that it did as it was asked.
fn key_of(encoding: Option<&EncodingType>, key: &str) -> String {
    match encoding {
        Some(EncodingType::Url) => plan::decoded(key),
        _ => key.to_string(),
    }
}
