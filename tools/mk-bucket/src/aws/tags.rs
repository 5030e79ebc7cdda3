//! The calls about a bucket's tags, which say whose it is.

use std::collections::BTreeMap;

use aws_sdk_s3::types::{Tag, Tagging};
use plumbing::name::IDENTITY;
use plumbing::{Error, Result, aws_error, code, wait};

use super::client::{S3, incomplete, read_error};
use crate::plan::{IN_ANOTHER_REGION, OF_ANOTHER_ACCOUNT, Want};

/// What S3 answers when it is asked for the tags of the bucket of a name.
pub enum BucketTags {
    /// There is no bucket of this name.
    NoBucket,
    /// The account has it in this region, with these tags.
    Tags(BTreeMap<String, String>),
    /// It is another account's or in another region: which of them in words, and the error.
    Elsewhere(&'static str, Error),
}

impl S3 {
    /// The tags of the bucket of a name.
    pub async fn get_tags(&self, bucket: &str) -> Result<BucketTags> {
        let request = self
            .client
            .get_bucket_tagging()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let error = match request.send().await {
            Ok(answer) => {
                let tags = answer.tag_set.into_iter();
                let tags = tags.map(|tag| (tag.key, tag.value)).collect();
                return Ok(BucketTags::Tags(tags));
            }
            Err(error) => error,
        };
        let what = format!("find bucket {bucket}");
        match code(&error) {
            "NoSuchBucket" => Ok(BucketTags::NoBucket),
            "NoSuchTagSet" => Ok(BucketTags::Tags(BTreeMap::new())),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
                let message = format!("bucket {bucket} exists in another region; it is left alone");
                let hint = "delete it, or name the environment otherwise";
                let error = Error::refused(message).hint(hint);
                Ok(BucketTags::Elsewhere(IN_ANOTHER_REGION, error))
            }
            // S3 answers the same of a bucket of one's own that one may not read.
            "AccessDenied" if self.account_lacks(bucket).await => {
                let hint = "bucket names are the world's, and another account has this one: name the environment otherwise";
                let error = aws_error("s3:GetBucketTagging", what, error).hint(hint);
                Ok(BucketTags::Elsewhere(OF_ANOTHER_ACCOUNT, error))
            }
            _ => Err(aws_error("s3:GetBucketTagging", what, error)),
        }
    }

    /// Whether the account is known to have no bucket of this name.
    async fn account_lacks(&self, bucket: &str) -> bool {
        let Ok(answer) = self.client.list_buckets().prefix(bucket).send().await else {
            return false;
        };
        let mut names = answer.buckets().iter().map(|bucket| bucket.name());
        names.all(|name| name != Some(bucket))
    }

    /// Tags in the create call are new to S3: a bucket just made by an endpoint that overlooked them
    /// gets them now.
    pub(super) async fn set_tags_if_overlooked(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .get_bucket_tagging()
            .bucket(&want.bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "s3:GetBucketTagging", send).await {
            Ok(answer) => {
                let has_identity = answer.tag_set.iter().any(|tag| tag.key == IDENTITY);
                if has_identity {
                    return Ok(());
                }
                self.set_tags(want).await
            }
            Err(error) if code(&error) == "NoSuchTagSet" => self.set_tags(want).await,
            Err(error) => Err(read_error("s3:GetBucketTagging", &want.bucket, error)),
        }
    }

    /// Sets our tags; S3 replaces the whole set, so others' tags are put again.
    pub(super) async fn set_tags(&self, want: &Want) -> Result<()> {
        let bucket = &want.bucket;
        let mut tags = match self.get_tags(bucket).await? {
            BucketTags::Tags(tags) => tags,
            BucketTags::NoBucket => BTreeMap::new(), // one just made may not show yet
            BucketTags::Elsewhere(_, error) => return Err(error),
        };
        for (key, _) in &want.tags {
            tags.remove(key);
        }
        let ours = in_sdk_types(&want.tags)?;
        let others: Vec<(String, String)> = tags.into_iter().collect();
        let others = in_sdk_types(&others)?;
        let tagging = Tagging::builder().set_tag_set(Some([ours, others].concat()));
        let request = self
            .client
            .put_bucket_tagging()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .tagging(tagging.build().map_err(incomplete)?);
        let send = || request.clone().send();
        self.put("s3:PutBucketTagging", bucket, send).await
    }
}

/// Tags in the SDK's types.
pub(super) fn in_sdk_types(tags: &[(String, String)]) -> Result<Vec<Tag>> {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(incomplete)
}
