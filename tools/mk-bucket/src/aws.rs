//! Every S3 call about buckets. Bucket names are worldwide, so each call says which account the bucket
//! must be of.

mod client;
mod lifecycle;
mod objects;
mod settings;
mod tags;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration, ObjectOwnership};
use plumbing::{Error, Result, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{Have, Part, Want};

pub use client::{S3, client};
pub use tags::BucketTags;

/// A bucket that exists by CreateBucket's word shows within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);

impl S3 {
    /// The bucket of a name; two calls deep.
    ///
    /// Errors: it is another account's, or of another region.
    pub async fn get(&self, bucket: &str) -> Result<Option<Have>> {
        match self.get_tags(bucket).await? {
            BucketTags::NoBucket => Ok(None),
            BucketTags::Tags(tags) => Ok(Some(self.with_settings(bucket, tags).await?)),
            BucketTags::Elsewhere(_, error) => Err(error),
        }
    }

    /// A bucket with these tags; its settings are asked for only if it is the environment's.
    pub async fn with_settings(
        &self,
        bucket: &str,
        tags: BTreeMap<String, String>,
    ) -> Result<Have> {
        if !self.aws.env.owns(&tags) {
            return Ok(Have {
                tags,
                ..Have::default()
            });
        }
        let (private, ownership, policy, encryption, versioning, rules, replication, website) = try_join!(
            self.blocks_public_access(bucket),
            self.get_object_ownership(bucket),
            self.get_policy(bucket),
            self.get_encryption(bucket),
            self.get_versioning(bucket),
            self.get_lifecycle_rules(bucket),
            self.get_replication(bucket),
            self.is_website(bucket)
        )?;
        let website = website.then(|| "website hosting".to_string());
        Ok(Have {
            tags,
            private,
            ownership,
            policy,
            encryption,
            versioning,
            lifecycle: lifecycle::in_words(&rules)?,
            keeps_longer: lifecycle::longer_in_words(&rules)?,
            opened: replication.into_iter().chain(website).collect(),
        })
    }

    /// Waits for a bucket that someone else just made.
    pub async fn wait_visible(&self, bucket: &str) -> Result<Have> {
        let what = format!("bucket {bucket} exists, but S3 does not show it");
        let get = || self.get(bucket);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// Makes a bucket with its tags; answers false where it is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let bucket = &want.bucket;
        let mut configuration =
            CreateBucketConfiguration::builder().set_tags(Some(tags::in_sdk_types(&want.tags)?));
        // In us-east-1 S3 takes no location, everywhere else it wants one.
        let region = self.aws.env.region.as_str();
        if region != "us-east-1" {
            let location = BucketLocationConstraint::from(region);
            configuration = configuration.location_constraint(location);
        }
        let request = self
            .client
            .create_bucket()
            .bucket(bucket)
            .create_bucket_configuration(configuration.build())
            .object_ownership(ObjectOwnership::BucketOwnerEnforced);
        let send = || request.clone().send();
        let error = match wait::retry(&self.aws.control, "s3:CreateBucket", send).await {
            Ok(_) => {
                self.set_tags_if_overlooked(want).await?;
                return Ok(true);
            }
            Err(error) => error,
        };
        match code(&error) {
            "BucketAlreadyOwnedByYou" => Ok(false),
            "BucketAlreadyExists" => {
                let message = format!("bucket {bucket} is another account's");
                let hint = "bucket names are the world's: name the environment otherwise";
                Err(Error::refused(message).hint(hint))
            }
            _ => {
                let what = format!("create bucket {bucket}");
                Err(aws_error("s3:CreateBucket", what, error))
            }
        }
    }

    /// Sets all that a bucket just made lacks, one after the other; it has no policy and no lifecycle
    /// rules of others.
    pub async fn set_up(&self, want: &Want) -> Result<()> {
        let bucket = &want.bucket;
        self.block_public_access(bucket).await?;
        self.set_policy(bucket, None).await?;
        self.set_encryption(bucket, &want.encryption).await?;
        self.enable_versioning(bucket).await?;
        self.set_lifecycle_rules(bucket, Vec::new()).await
    }

    /// Brings one part of a bucket into line.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        let bucket = &want.bucket;
        match part {
            Part::PublicAccess => self.block_public_access(bucket).await,
            Part::Ownership => self.set_object_ownership(bucket).await,
            // Policy and rules are read again: others' stay as they are at this moment.
            Part::Policy => {
                let policy = self.get_policy(bucket).await?;
                self.set_policy(bucket, policy.as_ref()).await
            }
            Part::Encryption => self.set_encryption(bucket, &want.encryption).await,
            Part::Versioning => self.enable_versioning(bucket).await,
            Part::Lifecycle => {
                let rules = self.get_lifecycle_rules(bucket).await?;
                self.set_lifecycle_rules(bucket, rules).await
            }
            Part::Tags => self.set_tags(want).await,
        }
    }

    /// Deletes an empty bucket; answers false while something is in it.
    pub async fn delete(&self, bucket: &str) -> Result<bool> {
        let request = self
            .client
            .delete_bucket()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let error = match request.send().await {
            Ok(_) => return Ok(true),
            Err(error) => error,
        };
        match code(&error) {
            "NoSuchBucket" => Ok(true),
            "BucketNotEmpty" | "OperationAborted" => Ok(false),
            _ => {
                let what = format!("delete bucket {bucket}");
                Err(aws_error("s3:DeleteBucket", what, error))
            }
        }
    }
}
