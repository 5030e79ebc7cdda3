//! Every ECR call about repositories.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecr::Client;
use aws_sdk_ecr::config::Builder;
use aws_sdk_ecr::config::retry::RetryConfig;
use aws_sdk_ecr::error::BuildError;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    Repository, Tag,
};
use plumbing::{Aws, Env, Error, Result, Stream, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{self, Field, Have};

/// A repository just made is not known to the next call for some seconds.
const FRESH: &[(&str, &str)] = &[("RepositoryNotFoundException", "")];
const FRESH_BUDGET: Duration = Duration::from_secs(30);
/// One that exists by CreateRepository's word shows within seconds.
const SHOWS: Duration = Duration::from_secs(60);
/// A deleted one is gone at once as a rule; with thousands of images it may take a while.
const GOES: Duration = Duration::from_secs(5 * 60);

/// ECR, and for whom.
pub struct Ecr {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub(crate) aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ecr {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Ecr {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Ecr {
    /// The repository of a name, whosesoever; two calls deep.
    pub async fn look(&self, name: &str) -> Result<Option<Have>> {
        let Some(found) = self.describe(name).await? else {
            return Ok(None);
        };
        let (lifecycle, tags) = try_join!(self.lifecycle(name), self.tags(name))?;
        Ok(tags.map(|tags| Have {
            lifecycle,
            tags,
            ..have(found)
        }))
    }

    /// Waits for a repository that someone else just made.
    pub async fn there(&self, name: &str) -> Result<Have> {
        let what = format!("repository {name} exists, but ECR does not show it");
        wait::until(&self.aws.control, &what, SHOWS, || self.look(name)).await
    }

    /// Says where the registry's own scanning counts and not its repositories'. It is not ours to
    /// change, and no reason to stop where it cannot be read.
    pub async fn tell_of_scanning(&self) {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let request = self
            .client
            .get_registry_scanning_configuration()
            .customize()
            .config_override(once);
        let found = request
            .send()
            .await
            .ok()
            .and_then(|answer| answer.scanning_configuration);
        let scan = found
            .as_ref()
            .and_then(|found| found.scan_type())
            .map(|kind| kind.as_str())
            .unwrap_or_default();
        let rules = found.as_ref().map_or(0, |found| found.rules().len());
        if let Some(line) = plan::overrides(scan, rules) {
            self.aws.voice.say(&line);
        }
    }

    /// The names of all repositories of the account.
    pub async fn names(&self) -> Result<Vec<String>> {
        let pages = self
            .client
            .describe_repositories()
            .max_results(1000)
            .into_paginator()
            .items()
            .send();
        let found: Vec<Repository> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("ecr:DescribeRepositories", "list the repositories", e))?;
        Ok(found
            .into_iter()
            .filter_map(|repository| repository.repository_name)
            .collect())
    }

    async fn describe(&self, name: &str) -> Result<Option<Repository>> {
        match self
            .client
            .describe_repositories()
            .repository_names(name)
            .send()
            .await
        {
            Ok(answer) => {
                let named = |repository: &Repository| repository.repository_name() == Some(name);
                Ok(answer
                    .repositories
                    .unwrap_or_default()
                    .into_iter()
                    .find(named))
            }
            Err(error) if code(&error) == "RepositoryNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "ecr:DescribeRepositories",
                format!("find repository {name}"),
                error,
            )),
        }
    }

    async fn lifecycle(&self, name: &str) -> Result<Option<serde_json::Value>> {
        let answer = self
            .client
            .get_lifecycle_policy()
            .repository_name(name)
            .send()
            .await;
        match answer {
            // A text that is no JSON differs from what is wanted, like no text.
            Ok(answer) => Ok(answer
                .lifecycle_policy_text
                .and_then(|text| serde_json::from_str(&text).ok())),
            Err(error)
                if matches!(
                    code(&error),
                    "LifecyclePolicyNotFoundException" | "RepositoryNotFoundException"
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(aws_error(
                "ecr:GetLifecyclePolicy",
                format!("look at repository {name}"),
                error,
            )),
        }
    }

    /// A repository's tags; nothing where there is no such repository.
    pub async fn tags(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        match self
            .client
            .list_tags_for_resource()
            .resource_arn(plan::arn(&self.aws.env, name))
            .send()
            .await
        {
            Ok(answer) => Ok(Some(
                answer
                    .tags
                    .unwrap_or_default()
                    .into_iter()
                    .map(|tag| (tag.key, tag.value))
                    .collect(),
            )),
            Err(error) if code(&error) == "RepositoryNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "ecr:ListTagsForResource",
                format!("read the tags of repository {name}"),
                error,
            )),
        }
    }

    /// Makes a repository with its tags; answers false where one of that name is there already.
    pub async fn create(&self, name: &str, tags: &[(String, String)]) -> Result<bool> {
        let encryption = EncryptionConfiguration::builder()
            .encryption_type(EncryptionType::from(plan::ENCRYPTION))
            .build();
        let request = self
            .client
            .create_repository()
            .repository_name(name)
            .set_tags(Some(sdk_tags(tags)?))
            .image_scanning_configuration(
                ImageScanningConfiguration::builder()
                    .scan_on_push(true)
                    .build(),
            )
            .image_tag_mutability(ImageTagMutability::Mutable)
            .encryption_configuration(encryption.map_err(impossible)?);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "RepositoryAlreadyExistsException" => Ok(false),
            Err(error) => Err(aws_error(
                "ecr:CreateRepository",
                format!("create repository {name}"),
                error,
            )),
        }
    }

    /// Brings one field into line.
    pub async fn set(&self, name: &str, field: Field, tags: &[(String, String)]) -> Result<()> {
        match field {
            Field::Lifecycle => self.keep_the_last_images(name).await,
            Field::Scan => self.scan(name).await,
            Field::Mutability => self.let_tags_move(name).await,
            Field::Tags => self.retag(name, tags).await,
        }
    }

    /// Sets the lifecycle policy.
    pub async fn keep_the_last_images(&self, name: &str) -> Result<()> {
        let text = plan::lifecycle().to_string();
        let request = self
            .client
            .put_lifecycle_policy()
            .repository_name(name)
            .lifecycle_policy_text(text);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = || format!("set the lifecycle policy of repository {name}");
        answer
            .map(drop)
            .map_err(|e| aws_error("ecr:PutLifecyclePolicy", what(), e))
    }

    async fn scan(&self, name: &str) -> Result<()> {
        let on = ImageScanningConfiguration::builder()
            .scan_on_push(true)
            .build();
        let request = self
            .client
            .put_image_scanning_configuration()
            .repository_name(name)
            .image_scanning_configuration(on);
        let what = || format!("set scan on push of repository {name}");
        request
            .send()
            .await
            .map(drop)
            .map_err(|e| aws_error("ecr:PutImageScanningConfiguration", what(), e))
    }

    async fn let_tags_move(&self, name: &str) -> Result<()> {
        let request = self.client.put_image_tag_mutability().repository_name(name);
        let request = request.image_tag_mutability(ImageTagMutability::Mutable);
        let what = || format!("let the tags of repository {name} be moved");
        request
            .send()
            .await
            .map(drop)
            .map_err(|e| aws_error("ecr:PutImageTagMutability", what(), e))
    }

    /// Sets a repository's tags to ours; others' tags stay.
    async fn retag(&self, name: &str, tags: &[(String, String)]) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(plan::arn(&self.aws.env, name));
        let request = request.set_tags(Some(sdk_tags(tags)?));
        request
            .send()
            .await
            .map(drop)
            .map_err(|e| aws_error("ecr:TagResource", format!("tag repository {name}"), e))
    }

    /// Deletes a repository with its images, and waits until it is gone.
    pub async fn delete(&self, name: &str) -> Result<()> {
        match self
            .client
            .delete_repository()
            .repository_name(name)
            .force(true)
            .send()
            .await
        {
            Ok(_) => {}
            Err(error) if code(&error) == "RepositoryNotFoundException" => return Ok(()),
            Err(error) => {
                return Err(aws_error(
                    "ecr:DeleteRepository",
                    format!("delete repository {name}"),
                    error,
                ));
            }
        }
        wait::until(
            &self.aws.control,
            &format!("repository {name} is still there"),
            GOES,
            || async { Ok(self.describe(name).await?.is_none().then_some(())) },
        )
        .await
    }
}

fn sdk_tags(tags: &[(String, String)]) -> Result<Vec<Tag>> {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(impossible)
}

fn have(repository: Repository) -> Have {
    let encryption = repository.encryption_configuration();
    Have {
        scans: repository
            .image_scanning_configuration()
            .is_some_and(|scanning| scanning.scan_on_push()),
        mutability: repository
            .image_tag_mutability()
            .map(|m| m.as_str().to_string())
            .unwrap_or_default(),
        encryption: encryption
            .map(|e| e.encryption_type().as_str().to_string())
            .unwrap_or_default(),
        name: repository.repository_name.unwrap_or_default(),
        ..Have::default()
    }
}

/// The SDK's builders want every required field, and get it.
fn impossible(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
