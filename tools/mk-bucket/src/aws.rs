//! Every S3 call about buckets. Each says whose the bucket must be: names are the world's.

mod lifecycle;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, Delete, EncodingType, LifecycleRule, ObjectIdentifier,
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use plumbing::{Aws, Error, Result, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{self, Have, Part, Want};

/// A bucket just made is not known everywhere for some seconds; another change of it is under way.
const FRESH: &[(&str, &str)] = &[("NoSuchBucket", ""), ("OperationAborted", "")];
const FRESH_BUDGET: Duration = Duration::from_secs(120);
/// A name is not free at once after its bucket was deleted; minutes as a rule, an hour at worst.
const DELETED_LATELY: &[(&str, &str)] = &[("OperationAborted", "")];
const DELETED_BUDGET: Duration = Duration::from_secs(5 * 60);
/// One that exists by CreateBucket's word shows within seconds.
const SHOWS: Duration = Duration::from_secs(60);
/// What S3 says of one object among many that is gone, or that it could not delete at the moment.
const PASSES: [&str; 5] = [
    "NoSuchKey",
    "NoSuchVersion",
    "InternalError",
    "SlowDown",
    "ServiceUnavailable",
];
/// How many objects DeleteObjects takes.
const BATCH: i32 = 1000;

/// What S3 shows of a name.
pub enum BucketTags {
    /// There is no bucket.
    NoBucket,
    /// A bucket of the account, with its tags.
    Tags(BTreeMap<String, String>),
    /// A bucket that is none of the account's in this region, in words, and what S3 answered.
    Elsewhere(&'static str, Error),
}

/// S3, and for whom.
pub struct S3 {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool. An endpoint of one's own has no name for each bucket.
pub fn client(aws: &Aws) -> S3 {
    let own_endpoint = aws.config.endpoint_url().is_some();
    let config = Builder::from(&aws.config)
        .interceptor(aws.guard())
        .force_path_style(own_endpoint)
        .build();
    S3 {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl S3 {
    /// The bucket of a name; two calls deep.
    ///
    /// Errors: it is another account's, or of another region.
    pub async fn get(&self, name: &str) -> Result<Option<Have>> {
        match self.get_tags(name).await? {
            BucketTags::NoBucket => Ok(None),
            BucketTags::Tags(tags) => self.with_settings(name, tags).await.map(Some),
            BucketTags::Elsewhere(_, error) => Err(error),
        }
    }

    /// A bucket with these tags; what else it is like is asked only of the environment's.
    pub async fn with_settings(&self, name: &str, tags: BTreeMap<String, String>) -> Result<Have> {
        if !self.aws.env.owns(&tags) {
            return Ok(Have {
                tags,
                ..Have::default()
            });
        }
        let (private, ownership, policy, encryption, versioning, lifecycle) = try_join!(
            self.private(name),
            self.ownership(name),
            self.policy(name),
            self.encryption(name),
            self.versioning(name),
            self.rules(name)
        )?;
        let lifecycle = lifecycle::told(&lifecycle)?;
        Ok(Have {
            tags,
            private,
            ownership,
            policy,
            encryption,
            versioning,
            lifecycle,
        })
    }

    /// Waits for a bucket that someone else just made.
    pub async fn wait_visible(&self, name: &str) -> Result<Have> {
        let what = format!("bucket {name} exists, but S3 does not show it");
        wait::until(&self.aws.control, &what, SHOWS, || self.get(name)).await
    }

    /// What S3 shows of a name, with a bucket's tags.
    pub async fn get_tags(&self, name: &str) -> Result<BucketTags> {
        let answer = self
            .client
            .get_bucket_tagging()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account)
            .send()
            .await;
        let error = match answer {
            Ok(answer) => {
                return Ok(BucketTags::Tags(
                    answer
                        .tag_set
                        .into_iter()
                        .map(|tag| (tag.key, tag.value))
                        .collect(),
                ));
            }
            Err(error) => error,
        };
        let told = |error| aws_error("s3:GetBucketTagging", format!("find bucket {name}"), error);
        match code(&error) {
            "NoSuchBucket" => Ok(BucketTags::NoBucket),
            "NoSuchTagSet" => Ok(BucketTags::Tags(BTreeMap::new())),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => Ok(BucketTags::Elsewhere(
                plan::IN_ANOTHER_REGION,
                Error::refused(format!("bucket {name} exists in another region; it is left alone"))
                    .hint("delete it, or name the environment otherwise"),
            )),
            // A bucket of one's own that one may not read is told the same.
            "AccessDenied" if self.is_nobodys_here(name).await => Ok(BucketTags::Elsewhere(
                plan::ANOTHERS,
                told(error).hint(
                    "bucket names are the world's, and another account has this one: name the environment otherwise",
                ),
            )),
            _ => Err(told(error)),
        }
    }

    /// Whether the account is known to have no bucket of this name.
    async fn is_nobodys_here(&self, name: &str) -> bool {
        let answer = self.client.list_buckets().prefix(name).send().await;
        answer.is_ok_and(|answer| {
            answer
                .buckets()
                .iter()
                .all(|bucket| bucket.name() != Some(name))
        })
    }

    async fn private(&self, name: &str) -> Result<bool> {
        let request = self
            .client
            .get_public_access_block()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = self.read(
            "s3:GetBucketPublicAccessBlock",
            name,
            request.send().await,
            "NoSuchPublicAccessBlockConfiguration",
        )?;
        Ok(answer
            .and_then(|answer| answer.public_access_block_configuration)
            .is_some_and(|block| {
                [
                    block.block_public_acls,
                    block.ignore_public_acls,
                    block.block_public_policy,
                    block.restrict_public_buckets,
                ]
                .iter()
                .all(|blocked| *blocked == Some(true))
            }))
    }

    async fn ownership(&self, name: &str) -> Result<String> {
        let request = self
            .client
            .get_bucket_ownership_controls()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = self.read(
            "s3:GetBucketOwnershipControls",
            name,
            request.send().await,
            "OwnershipControlsNotFoundError",
        )?;
        let rule = answer
            .and_then(|answer| answer.ownership_controls)
            .and_then(|controls| controls.rules.into_iter().next());
        Ok(rule.map_or("none".into(), |rule| rule.object_ownership.as_str().into()))
    }

    async fn policy(&self, name: &str) -> Result<Option<serde_json::Value>> {
        let request = self
            .client
            .get_bucket_policy()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = self.read(
            "s3:GetBucketPolicy",
            name,
            request.send().await,
            "NoSuchBucketPolicy",
        )?;
        Ok(answer.and_then(|answer| serde_json::from_str(&answer.policy?).ok()))
    }

    async fn encryption(&self, name: &str) -> Result<String> {
        let request = self
            .client
            .get_bucket_encryption()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let answer = self.read(
            "s3:GetEncryptionConfiguration",
            name,
            request.send().await,
            "ServerSideEncryptionConfigurationNotFoundError",
        )?;
        let rules = answer
            .and_then(|answer| answer.server_side_encryption_configuration)
            .map(|all| all.rules);
        let rule = rules.into_iter().flatten().next();
        let saves_calls = rule
            .as_ref()
            .is_some_and(|rule| rule.bucket_key_enabled == Some(true));
        let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default);
        Ok(default.map_or("none".into(), |default| {
            let key = default
                .kms_master_key_id
                .filter(|key| !key.ends_with("alias/aws/s3"));
            let key = key.map(|key| format!(" with {key}")).unwrap_or_default();
            let kms = default.sse_algorithm == ServerSideEncryption::AwsKms;
            let without = if kms && !saves_calls {
                " without a bucket key"
            } else {
                ""
            };
            format!("{}{key}{without}", default.sse_algorithm.as_str())
        }))
    }

    async fn versioning(&self, name: &str) -> Result<String> {
        let request = self
            .client
            .get_bucket_versioning()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        match request.send().await {
            Ok(answer) => Ok(answer
                .status
                .map_or("never enabled".into(), |status| status.as_str().into())),
            // moto names the answer's root otherwise than S3, and the SDK then reads none of it.
            Err(error) if answered(&error, "<Status>Enabled</Status>") => Ok("Enabled".into()),
            Err(error) if answered(&error, "<GetBucketVersioningResponse") => {
                Ok("not enabled".into())
            }
            Err(error) => Err(self.unread("s3:GetBucketVersioning", name, error)),
        }
    }

    async fn rules(&self, name: &str) -> Result<Vec<LifecycleRule>> {
        let request = self
            .client
            .get_bucket_lifecycle_configuration()
            .bucket(name);
        let answer = request
            .expected_bucket_owner(&self.aws.env.account)
            .send()
            .await;
        let answer = self.read(
            "s3:GetLifecycleConfiguration",
            name,
            answer,
            "NoSuchLifecycleConfiguration",
        )?;
        Ok(answer.and_then(|answer| answer.rules).unwrap_or_default())
    }

    /// Makes a bucket with its tags; answers false where it is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let name = &want.bucket;
        let tags = self.sdk_tags(name)?;
        // In us-east-1 S3 takes no location, everywhere else it wants one.
        let location = (self.aws.env.region != "us-east-1")
            .then(|| BucketLocationConstraint::from(self.aws.env.region.as_str()));
        let made = CreateBucketConfiguration::builder()
            .set_location_constraint(location)
            .set_tags(Some(tags))
            .build();
        let request = self
            .client
            .create_bucket()
            .bucket(name)
            .create_bucket_configuration(made);
        let request = request.object_ownership(ObjectOwnership::BucketOwnerEnforced);
        match wait::retry(&self.aws.control, DELETED_BUDGET, DELETED_LATELY, || request.clone().send()).await {
            Ok(_) => {
                // Tags in the create call are new to S3: an endpoint that overlooked them gets them now.
                let have = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    self.client.get_bucket_tagging().bucket(name).expected_bucket_owner(&self.aws.env.account).send()
                });
                match have.await {
                    Ok(have) if have.tag_set.iter().any(|tag| tag.key == plumbing::name::IDENTITY) => Ok(true),
                    Ok(_) => self.retag(name).await.map(|()| true),
                    Err(error) if code(&error) == "NoSuchTagSet" => self.retag(name).await.map(|()| true),
                    Err(error) => Err(self.unread("s3:GetBucketTagging", name, error)),
                }
            }
            Err(error) => match code(&error) {
                "BucketAlreadyOwnedByYou" => Ok(false),
                "BucketAlreadyExists" => Err(Error::refused(format!("bucket {name} is another account's"))
                    .hint("bucket names are the world's: name the environment otherwise")),
                "OperationAborted" => Err(aws_error("s3:CreateBucket", format!("create bucket {name}"), error)
                    .hint("a bucket of this name was deleted lately: wait up to an hour and run the pipeline again")),
                _ => Err(aws_error("s3:CreateBucket", format!("create bucket {name}"), error)),
            },
        }
    }

    /// Sets all that a bucket just made lacks, one after the other; it has no policy and no rules of
    /// others.
    pub async fn set_up(&self, want: &Want) -> Result<()> {
        let (name, encryption) = (&want.bucket, &want.encryption);
        self.block_public_access(name).await?;
        self.permit(name, None).await?;
        self.encrypt(name, encryption).await?;
        self.keep_versions(name).await?;
        self.expire(name, Vec::new()).await
    }

    /// Brings one field into line.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        let (name, encryption) = (&want.bucket, &want.encryption);
        match part {
            Part::PublicAccess => self.block_public_access(name).await,
            Part::Ownership => self.own_objects(name).await,
            // As they are at this moment: others' statements and rules stay.
            Part::Policy => self.permit(name, self.policy(name).await?.as_ref()).await,
            Part::Encryption => self.encrypt(name, encryption).await,
            Part::Versioning => self.keep_versions(name).await,
            Part::Lifecycle => self.expire(name, self.rules(name).await?).await,
            Part::Tags => self.retag(name).await,
        }
    }

    async fn block_public_access(&self, name: &str) -> Result<()> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true);
        let request = self
            .client
            .put_public_access_block()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let request = request.public_access_block_configuration(block.build());
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutBucketPublicAccessBlock", name, e))
    }

    async fn own_objects(&self, name: &str) -> Result<()> {
        let rule =
            OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced);
        let rules = OwnershipControls::builder().rules(rule.build().map_err(incomplete)?);
        let request = self.client.put_bucket_ownership_controls().bucket(name);
        let request = request.expected_bucket_owner(&self.aws.env.account);
        let request = request.ownership_controls(rules.build().map_err(incomplete)?);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutBucketOwnershipControls", name, e))
    }

    /// Puts our statement into a policy.
    async fn permit(&self, name: &str, have: Option<&serde_json::Value>) -> Result<()> {
        let policy = plan::with_our_statement(&self.aws.env, name, have);
        let request = self
            .client
            .put_bucket_policy()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let request = request.policy(policy.to_string());
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutBucketPolicy", name, e))
    }

    async fn encrypt(&self, name: &str, encryption: &str) -> Result<()> {
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
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let request =
            request.server_side_encryption_configuration(rules.build().map_err(incomplete)?);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutEncryptionConfiguration", name, e))
    }

    async fn keep_versions(&self, name: &str) -> Result<()> {
        let versioning = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let request = self
            .client
            .put_bucket_versioning()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let request = request.versioning_configuration(versioning);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutBucketVersioning", name, e))
    }

    /// Puts our two rules beside those of others.
    async fn expire(&self, name: &str, have: Vec<LifecycleRule>) -> Result<()> {
        let theirs = have
            .into_iter()
            .filter(|rule| !lifecycle::RULES.iter().any(|id| rule.id() == Some(id)));
        let rules = BucketLifecycleConfiguration::builder()
            .set_rules(Some(theirs.chain(lifecycle::rules()?).collect()));
        let request = self
            .client
            .put_bucket_lifecycle_configuration()
            .bucket(name);
        let request = request.expected_bucket_owner(&self.aws.env.account);
        let request = request.lifecycle_configuration(rules.build().map_err(incomplete)?);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutLifecycleConfiguration", name, e))
    }

    /// Sets our tags; S3 replaces the whole set, so others' are put again.
    async fn retag(&self, name: &str) -> Result<()> {
        let ours = self.sdk_tags(name)?;
        let theirs = match self.get_tags(name).await? {
            BucketTags::Tags(tags) => tags,
            BucketTags::NoBucket => BTreeMap::new(), // one just made may not show yet
            BucketTags::Elsewhere(_, error) => return Err(error),
        };
        let theirs = theirs.into_iter();
        let theirs = theirs.filter(|(key, _)| !ours.iter().any(|tag| tag.key == *key));
        let theirs = theirs.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let theirs: Vec<Tag> = theirs.collect::<Result<_, _>>().map_err(incomplete)?;
        let tagging = Tagging::builder().set_tag_set(Some([ours, theirs].concat()));
        let request = self
            .client
            .put_bucket_tagging()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        let request = request.tagging(tagging.build().map_err(incomplete)?);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| unset("s3:PutBucketTagging", name, e))
    }

    /// Deletes what is in a bucket: versions and delete markers, and uploads that never ended.
    ///
    /// Errors: S3 refuses to delete one, as under a lock that someone put on it.
    pub async fn empty(&self, name: &str) -> Result<()> {
        let (mut key, mut version, mut gone) = (None, None, 0);
        loop {
            let request = self
                .client
                .list_object_versions()
                .bucket(name)
                .max_keys(BATCH);
            let request = request
                .expected_bucket_owner(&self.aws.env.account)
                .encoding_type(EncodingType::Url);
            let answer = match request
                .set_key_marker(key)
                .set_version_id_marker(version)
                .send()
                .await
            {
                Ok(answer) => answer,
                Err(error) if code(&error) == "NoSuchBucket" => return Ok(()),
                Err(error) => {
                    return Err(aws_error(
                        "s3:ListBucketVersions",
                        format!("empty bucket {name}"),
                        error,
                    ));
                }
            };
            let plain = key_of(answer.encoding_type());
            let next = (
                answer.next_key_marker().map(plain),
                answer.next_version_id_marker().map(String::from),
            );
            let more = answer.is_truncated == Some(true);
            let versions = answer
                .versions
                .unwrap_or_default()
                .into_iter()
                .map(|one| (one.key, one.version_id));
            let markers = answer
                .delete_markers
                .unwrap_or_default()
                .into_iter()
                .map(|one| (one.key, one.version_id));
            let all: Vec<(String, Option<String>)> = versions
                .chain(markers)
                .filter_map(|(key, version)| Some((plain(&key?), version)))
                .collect();
            self.delete_versions(name, &all).await?;
            gone += all.len();
            if gone >= 5000 && gone % 5000 < all.len() {
                self.aws
                    .voice
                    .say(&format!("bucket {name}: {gone} versions deleted"));
            }
            if !more {
                break;
            }
            (key, version) = next;
        }
        self.abort_uploads(name).await
    }

    async fn delete_versions(&self, name: &str, all: &[(String, Option<String>)]) -> Result<()> {
        let failed = |error| {
            aws_error(
                "s3:DeleteObjectVersion",
                format!("empty bucket {name}"),
                error,
            )
        };
        let (plain, odd): (Vec<_>, Vec<_>) = all.iter().partition(|(key, _)| plan::fits_xml(key));
        for (key, version) in odd {
            let request = self
                .client
                .delete_object()
                .bucket(name)
                .key(key)
                .set_version_id(version.clone());
            request
                .expected_bucket_owner(&self.aws.env.account)
                .send()
                .await
                .map(drop)
                .map_err(|error| {
                    aws_error(
                        "s3:DeleteObjectVersion",
                        format!("delete an object of bucket {name}"),
                        error,
                    )
                })?;
        }
        if plain.is_empty() {
            return Ok(());
        }
        let objects = plain.iter().map(|(key, version)| {
            ObjectIdentifier::builder()
                .key(key)
                .set_version_id(version.clone())
                .build()
        });
        let objects: Vec<ObjectIdentifier> =
            objects.collect::<Result<_, _>>().map_err(incomplete)?;
        let delete = Delete::builder()
            .set_objects(Some(objects))
            .quiet(true)
            .build()
            .map_err(incomplete)?;
        let request = self.client.delete_objects().bucket(name).delete(delete);
        let answer = request
            .expected_bucket_owner(&self.aws.env.account)
            .send()
            .await
            .map_err(failed)?;
        // S3 answers 200 also where it refused some; what it only failed to do is there at the next pass.
        let passes = |error: &&aws_sdk_s3::types::Error| {
            error.code().is_some_and(|code| PASSES.contains(&code))
        };
        let refused = answer.errors().iter().find(|error| !passes(error));
        match refused {
            None => Ok(()),
            Some(error) => Err(Error::refused(format!(
                "cannot delete {} of bucket {name}: {}: {} (s3:DeleteObjectVersion)",
                error.key().unwrap_or("an object"),
                error.code().unwrap_or_default(),
                error.message().unwrap_or_default()
            ))),
        }
    }

    async fn abort_uploads(&self, name: &str) -> Result<()> {
        let (mut key, mut id) = (None, None);
        loop {
            let request = self
                .client
                .list_multipart_uploads()
                .bucket(name)
                .encoding_type(EncodingType::Url);
            let request = request.expected_bucket_owner(&self.aws.env.account);
            let answer = match request
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
            {
                Ok(answer) => answer,
                Err(error) if code(&error) == "NoSuchBucket" => return Ok(()),
                Err(error) => {
                    return Err(aws_error(
                        "s3:ListBucketMultipartUploads",
                        format!("empty bucket {name}"),
                        error,
                    ));
                }
            };
            let plain = key_of(answer.encoding_type());
            for upload in answer.uploads() {
                let request = self
                    .client
                    .abort_multipart_upload()
                    .bucket(name)
                    .set_key(upload.key().map(plain));
                let request = request
                    .set_upload_id(upload.upload_id.clone())
                    .expected_bucket_owner(&self.aws.env.account);
                match request.send().await {
                    Ok(_) => {}
                    Err(error) if code(&error) == "NoSuchUpload" => {}
                    Err(error) => {
                        return Err(aws_error(
                            "s3:AbortMultipartUpload",
                            format!("empty bucket {name}"),
                            error,
                        ));
                    }
                }
            }
            if answer.is_truncated != Some(true) {
                return Ok(());
            }
            (key, id) = (
                answer.next_key_marker().map(plain),
                answer.next_upload_id_marker,
            );
        }
    }

    /// Deletes an empty bucket; answers false while something is in it.
    pub async fn delete(&self, name: &str) -> Result<bool> {
        let request = self
            .client
            .delete_bucket()
            .bucket(name)
            .expected_bucket_owner(&self.aws.env.account);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) => match code(&error) {
                "NoSuchBucket" => Ok(true),
                "BucketNotEmpty" | "OperationAborted" => Ok(false),
                _ => Err(aws_error(
                    "s3:DeleteBucket",
                    format!("delete bucket {name}"),
                    error,
                )),
            },
        }
    }

    fn sdk_tags(&self, name: &str) -> Result<Vec<Tag>> {
        let tags = self
            .aws
            .env
            .tags_of(name)
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        tags.collect::<Result<_, _>>().map_err(incomplete)
    }

    /// An answer; nothing where the code says that this was never set.
    fn read<T, E>(
        &self,
        operation: &str,
        name: &str,
        answer: std::result::Result<T, SdkError<E>>,
        never: &str,
    ) -> Result<Option<T>>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if code(&error) == never => Ok(None),
            Err(error) => Err(self.unread(operation, name, error)),
        }
    }

    fn unread<E>(&self, operation: &str, name: &str, error: SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        aws_error(operation, format!("look at bucket {name}"), error)
    }
}

/// Whether an answer that the SDK could not read was all right, and holds this.
fn answered<E>(error: &SdkError<E>, text: &str) -> bool {
    error.raw_response().is_some_and(|answer| {
        let body = answer.body().bytes().unwrap_or_default();
        answer.status().is_success() && String::from_utf8_lossy(body).contains(text)
    })
}

fn unset<E>(operation: &str, name: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    aws_error(operation, format!("set up bucket {name}"), error)
}

/// A key as it is: in an answer it is encoded, since XML cannot carry all of them, if the endpoint
/// says that it did as it was asked.
fn key_of(encoding: Option<&EncodingType>) -> fn(&str) -> String {
    match encoding {
        Some(EncodingType::Url) => plan::decoded,
        _ => str::to_string,
    }
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
