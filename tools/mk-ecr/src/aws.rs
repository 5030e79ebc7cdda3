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
use plumbing::{Aws, Error, Result, aws_error, code, wait};
use serde_json::Value;
use tokio::try_join;

use crate::plan::{self, Have, Part, RegistryScanning, Want};

/// A repository that exists by CreateRepository's word shows within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);
/// As a rule a repository is deleted at once; with thousands of images it may take a while.
const DELETED_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// How many repositories one page of a listing has: the most that DescribeRepositories takes.
const PAGE: i32 = 1000;

/// ECR, for one environment.
pub struct Ecr {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
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
    /// The repository of a name, ours or not; two calls deep.
    pub async fn get(&self, name: &str) -> Result<Option<Have>> {
        let Some(repository) = self.describe(name).await? else {
            return Ok(None);
        };
        let (lifecycle, policy, tags) = try_join!(
            self.lifecycle_policy(name),
            self.policy(name),
            self.tags(name)
        )?;
        let Some(tags) = tags else {
            return Ok(None); // it was deleted meanwhile
        };
        Ok(Some(Have {
            lifecycle,
            policy,
            tags,
            ..have_of(repository)
        }))
    }

    /// Waits for a repository that someone else just made.
    pub async fn wait_visible(&self, name: &str) -> Result<Have> {
        let what = format!("repository {name} exists, but ECR does not show it");
        let get = || self.get(name);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// What the registry itself scans. It is not ours to change, and no reason to stop, or to ask
    /// again, where it cannot be read.
    pub async fn registry_scanning(&self) -> Option<RegistryScanning> {
        let ask_once = Builder::new().retry_config(RetryConfig::disabled());
        let request = self
            .client
            .get_registry_scanning_configuration()
            .customize()
            .config_override(ask_once);
        let answer = request.send().await.ok()?;
        let scanning = answer.scanning_configuration?;
        let scan_type = match &scanning.scan_type {
            Some(scan_type) => scan_type.as_str().to_string(),
            None => String::new(),
        };
        Some(RegistryScanning {
            scan_type,
            rules: scanning.rules.unwrap_or_default().len(),
        })
    }

    /// The names of the account's repositories that could be the environment's.
    pub async fn list_names(&self) -> Result<Vec<String>> {
        let pages = self
            .client
            .describe_repositories()
            .max_results(PAGE)
            .into_paginator()
            .items()
            .send();
        let repositories: Vec<Repository> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                aws_error("ecr:DescribeRepositories", "list the repositories", error)
            })?;
        let names = repositories
            .into_iter()
            .filter_map(|repository| repository.repository_name);
        Ok(names
            .filter(|name| plan::could_be_ours(&self.aws.env, name))
            .collect())
    }

    async fn describe(&self, name: &str) -> Result<Option<Repository>> {
        let request = self.client.describe_repositories().repository_names(name);
        match request.send().await {
            Ok(answer) => {
                let mut repositories = answer.repositories.unwrap_or_default();
                repositories.retain(|one| one.repository_name() == Some(name));
                Ok(repositories.into_iter().next())
            }
            Err(error) if code(&error) == "RepositoryNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("find repository {name}");
                Err(aws_error("ecr:DescribeRepositories", what, error))
            }
        }
    }

    async fn lifecycle_policy(&self, name: &str) -> Result<Option<Value>> {
        let request = self.client.get_lifecycle_policy().repository_name(name);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match code(&error) {
                    "LifecyclePolicyNotFoundException" | "RepositoryNotFoundException" => Ok(None),
                    _ => {
                        let what = format!("look at repository {name}");
                        Err(aws_error("ecr:GetLifecyclePolicy", what, error))
                    }
                };
            }
        };
        // A text that is no JSON differs from what is wanted, like no text.
        let text = answer.lifecycle_policy_text.unwrap_or_default();
        Ok(serde_json::from_str(&text).ok())
    }

    /// Who may do what with a repository's images beside the account itself; it is only told.
    async fn policy(&self, name: &str) -> Result<Option<Value>> {
        let request = self.client.get_repository_policy().repository_name(name);
        match request.send().await {
            // A text that is no JSON is a policy all the same.
            Ok(answer) => Ok(answer
                .policy_text
                .map(|text| serde_json::from_str(&text).unwrap_or_default())),
            Err(error) => match code(&error) {
                "RepositoryPolicyNotFoundException" | "RepositoryNotFoundException" => Ok(None),
                _ => {
                    let what = format!("look at repository {name}");
                    Err(aws_error("ecr:GetRepositoryPolicy", what, error))
                }
            },
        }
    }

    /// A repository's tags; nothing where there is no such repository.
    pub async fn tags(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let arn = plan::arn(&self.aws.env, name);
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        match request.send().await {
            Ok(answer) => {
                let tags = answer.tags.unwrap_or_default();
                Ok(Some(
                    tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
                ))
            }
            Err(error) if code(&error) == "RepositoryNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("read the tags of repository {name}");
                Err(aws_error("ecr:ListTagsForResource", what, error))
            }
        }
    }

    /// Makes a repository with its tags; answers false where one of that name is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let encryption = EncryptionConfiguration::builder()
            .encryption_type(EncryptionType::from(plan::ENCRYPTION))
            .build()
            .map_err(incomplete)?;
        let request = self
            .client
            .create_repository()
            .repository_name(&want.name)
            .set_tags(Some(sdk_tags(want)?))
            .image_scanning_configuration(scan_on_push())
            .image_tag_mutability(ImageTagMutability::Mutable)
            .encryption_configuration(encryption);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecr:CreateRepository", send).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "RepositoryAlreadyExistsException" => Ok(false),
            Err(error) => {
                let what = format!("create repository {}", want.name);
                Err(aws_error("ecr:CreateRepository", what, error))
            }
        }
    }

    /// Brings one part of a repository into line.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        match part {
            // It is read again: a higher number of images stays as it is at this moment.
            Part::Lifecycle => {
                let have = self.lifecycle_policy(&want.name).await?;
                self.set_lifecycle_policy(&want.name, have.as_ref()).await
            }
            Part::Scan => self.set_scan_on_push(&want.name).await,
            Part::Tags => self.set_tags(want).await,
        }
    }

    /// Sets the lifecycle policy, also of a repository that was just made.
    pub async fn set_lifecycle_policy(&self, name: &str, have: Option<&Value>) -> Result<()> {
        let policy = plan::lifecycle(plan::kept(have));
        let request = self
            .client
            .put_lifecycle_policy()
            .repository_name(name)
            .lifecycle_policy_text(policy.to_string());
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecr:PutLifecyclePolicy", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the lifecycle policy of repository {name}");
                Err(aws_error("ecr:PutLifecyclePolicy", what, error))
            }
        }
    }

    async fn set_scan_on_push(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .put_image_scanning_configuration()
            .repository_name(name)
            .image_scanning_configuration(scan_on_push());
        let operation = "ecr:PutImageScanningConfiguration";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set scan on push of repository {name}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(plan::arn(&self.aws.env, &want.name))
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ecr:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag repository {}", want.name);
                Err(aws_error("ecr:TagResource", what, error))
            }
        }
    }

    /// Deletes a repository with its images, and waits until ECR shows it no more.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let request = self
            .client
            .delete_repository()
            .repository_name(name)
            .force(true);
        match request.send().await {
            Ok(_) => {}
            Err(error) if code(&error) == "RepositoryNotFoundException" => return Ok(()),
            Err(error) => {
                let what = format!("delete repository {name}");
                return Err(aws_error("ecr:DeleteRepository", what, error));
            }
        }
        let what = format!("repository {name} is still there");
        let find_none = || async {
            match self.describe(name).await? {
                Some(_) => Ok(None),
                None => Ok(Some(())),
            }
        };
        wait::until(&self.aws.control, &what, DELETED_DEADLINE, find_none).await
    }
}

fn have_of(repository: Repository) -> Have {
    let scan_on_push = match &repository.image_scanning_configuration {
        Some(scanning) => scanning.scan_on_push,
        None => false,
    };
    let mutability = match &repository.image_tag_mutability {
        Some(mutability) => mutability.as_str().to_string(),
        None => String::new(),
    };
    let encryption = match &repository.encryption_configuration {
        Some(encryption) => encryption.encryption_type.as_str().to_string(),
        None => String::new(),
    };
    Have {
        name: repository.repository_name.unwrap_or_default(),
        scan_on_push,
        mutability,
        encryption,
        ..Have::default()
    }
}

fn scan_on_push() -> ImageScanningConfiguration {
    ImageScanningConfiguration::builder()
        .scan_on_push(true)
        .build()
}

fn sdk_tags(want: &Want) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for (key, value) in &want.tags {
        let tag = Tag::builder().key(key).value(value).build();
        tags.push(tag.map_err(incomplete)?);
    }
    Ok(tags)
}

/// What an SDK builder answers that lacks a required field. None here does.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
