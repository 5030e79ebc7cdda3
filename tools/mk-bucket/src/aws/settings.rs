//! The calls about a bucket's settings, each to read one and to set it.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};
use plumbing::{Error, Result};
use serde_json::Value;

use super::client::{S3, if_set, incomplete, read_error};
use crate::plan;

/// The key that a bucket has which names none.
const DEFAULT_KEY: &str = "alias/aws/s3";

impl S3 {
    /// Whether all four kinds of public access are blocked.
    pub(super) async fn blocks_public_access(&self, bucket: &str) -> Result<bool> {
        let request = self
            .client
            .get_public_access_block()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetBucketPublicAccessBlock",
            bucket,
            request.send().await,
            "NoSuchPublicAccessBlockConfiguration",
        )?;
        let block = answer.and_then(|answer| answer.public_access_block_configuration);
        let Some(block) = block else {
            return Ok(false);
        };
        let kinds = [
            block.block_public_acls,
            block.ignore_public_acls,
            block.block_public_policy,
            block.restrict_public_buckets,
        ];
        Ok(kinds == [Some(true); 4])
    }

    pub(super) async fn block_public_access(&self, bucket: &str) -> Result<()> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true);
        let request = self
            .client
            .put_public_access_block()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .public_access_block_configuration(block.build());
        let send = || request.clone().send();
        self.put("s3:PutBucketPublicAccessBlock", bucket, send)
            .await
    }

    /// Who owns objects.
    pub(super) async fn get_object_ownership(&self, bucket: &str) -> Result<String> {
        let request = self
            .client
            .get_bucket_ownership_controls()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetBucketOwnershipControls",
            bucket,
            request.send().await,
            "OwnershipControlsNotFoundError",
        )?;
        let controls = answer.and_then(|answer| answer.ownership_controls);
        let rules = controls.map(|controls| controls.rules).unwrap_or_default();
        match rules.first() {
            Some(rule) => Ok(rule.object_ownership.as_str().into()),
            None => Ok("none".into()),
        }
    }

    /// Has the bucket's owner own all objects.
    pub(super) async fn set_object_ownership(&self, bucket: &str) -> Result<()> {
        let rule =
            OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced);
        let controls = OwnershipControls::builder().rules(rule.build().map_err(incomplete)?);
        let request = self
            .client
            .put_bucket_ownership_controls()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .ownership_controls(controls.build().map_err(incomplete)?);
        let send = || request.clone().send();
        self.put("s3:PutBucketOwnershipControls", bucket, send)
            .await
    }

    /// The bucket's policy.
    pub(super) async fn get_policy(&self, bucket: &str) -> Result<Option<Value>> {
        let request = self
            .client
            .get_bucket_policy()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetBucketPolicy",
            bucket,
            request.send().await,
            "NoSuchBucketPolicy",
        )?;
        let text = answer.and_then(|answer| answer.policy);
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Puts our statement into the policy that the bucket has.
    pub(super) async fn set_policy(&self, bucket: &str, have: Option<&Value>) -> Result<()> {
        let policy = plan::with_our_statement(&self.aws.env, bucket, have);
        let request = self
            .client
            .put_bucket_policy()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .policy(policy.to_string());
        let send = || request.clone().send();
        match self.put("s3:PutBucketPolicy", bucket, send).await {
            Err(error) if have.is_some() && is_about_rights(&error) => {
                let hint = format!(
                    "see whether a statement that is not ours lets others in, which S3 does not take while public access is blocked: aws s3api get-bucket-policy --bucket {bucket}; else the tool's --iam-policy prints the permissions that it needs"
                );
                Err(error.hint(hint))
            }
            done => done,
        }
    }

    /// Where what the bucket holds is copied to, which is only told: no tool here sets that.
    pub(super) async fn get_replication(&self, bucket: &str) -> Result<Vec<String>> {
        let request = self
            .client
            .get_bucket_replication()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetReplicationConfiguration",
            bucket,
            request.send().await,
            "ReplicationConfigurationNotFoundError",
        )?;
        let configuration = answer.and_then(|answer| answer.replication_configuration);
        let rules = configuration.map(|configuration| configuration.rules);
        let rules = rules.unwrap_or_default().into_iter();
        let to = rules.filter_map(|rule| rule.destination);
        Ok(to
            .map(|destination| format!("replication to {}", destination.bucket))
            .collect())
    }

    /// Whether it serves what it holds as a website, which is only told as well.
    pub(super) async fn is_website(&self, bucket: &str) -> Result<bool> {
        let request = self
            .client
            .get_bucket_website()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetBucketWebsite",
            bucket,
            request.send().await,
            "NoSuchWebsiteConfiguration",
        )?;
        Ok(answer.is_some())
    }

    /// How objects are encrypted that say nothing of it themselves.
    pub(super) async fn get_encryption(&self, bucket: &str) -> Result<String> {
        let request = self
            .client
            .get_bucket_encryption()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = if_set(
            "s3:GetEncryptionConfiguration",
            bucket,
            request.send().await,
            "ServerSideEncryptionConfigurationNotFoundError",
        )?;
        let configuration = answer.and_then(|answer| answer.server_side_encryption_configuration);
        let rules = configuration.map(|configuration| configuration.rules);
        match rules.unwrap_or_default().first() {
            Some(rule) => Ok(encryption_in_words(rule)),
            None => Ok("none".into()),
        }
    }

    pub(super) async fn set_encryption(&self, bucket: &str, encryption: &str) -> Result<()> {
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(encryption));
        // A bucket key saves a call to KMS for each object.
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default.build().map_err(incomplete)?)
            .bucket_key_enabled(encryption == "aws:kms");
        let rules = ServerSideEncryptionConfiguration::builder().rules(rule.build());
        let request = self
            .client
            .put_bucket_encryption()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .server_side_encryption_configuration(rules.build().map_err(incomplete)?);
        let send = || request.clone().send();
        self.put("s3:PutEncryptionConfiguration", bucket, send)
            .await
    }

    /// Whether versions are kept.
    pub(super) async fn get_versioning(&self, bucket: &str) -> Result<String> {
        let request = self
            .client
            .get_bucket_versioning()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account);
        match request.send().await {
            Ok(answer) => match answer.status {
                Some(status) => Ok(status.as_str().into()),
                None => Ok("never enabled".into()),
            },
            // moto gives the answer another root element than S3, and the SDK then reads none of it.
            Err(error) if is_success_with(&error, "<Status>Enabled</Status>") => {
                Ok("Enabled".into())
            }
            Err(error) if is_success_with(&error, "<GetBucketVersioningResponse") => {
                Ok("not enabled".into())
            }
            Err(error) => Err(read_error("s3:GetBucketVersioning", bucket, error)),
        }
    }

    pub(super) async fn enable_versioning(&self, bucket: &str) -> Result<()> {
        let versioning = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled);
        let request = self
            .client
            .put_bucket_versioning()
            .bucket(bucket)
            .expected_bucket_owner(&self.aws.env.account)
            .versioning_configuration(versioning.build());
        let send = || request.clone().send();
        self.put("s3:PutBucketVersioning", bucket, send).await
    }
}

/// Whether an error is told as a missing right, and nothing closer is known.
fn is_about_rights(error: &Error) -> bool {
    let hint = error.hint.as_deref().unwrap_or_default();
    hint.contains("--iam-policy")
}

/// The algorithm, and what is not as it is made here.
fn encryption_in_words(rule: &ServerSideEncryptionRule) -> String {
    let Some(default) = rule.apply_server_side_encryption_by_default() else {
        return "none".into();
    };
    let mut words = default.sse_algorithm.as_str().to_string();
    if let Some(key) = default.kms_master_key_id()
        && !key.ends_with(DEFAULT_KEY)
    {
        words += &format!(" with {key}");
    }
    let is_kms = default.sse_algorithm == ServerSideEncryption::AwsKms;
    if is_kms && rule.bucket_key_enabled != Some(true) {
        words += " without a bucket key";
    }
    words
}

/// Whether an answer that the SDK could not read was a success, and holds this text.
fn is_success_with<E>(error: &SdkError<E>, text: &str) -> bool {
    let Some(answer) = error.raw_response() else {
        return false;
    };
    let body = answer.body().bytes().unwrap_or_default();
    answer.status().is_success() && String::from_utf8_lossy(body).contains(text)
}
