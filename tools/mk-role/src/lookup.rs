//! Every call about the secrets that apps name: whether each is there, at which version and with which
//! key. No value is ever read.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter};
use plumbing::{App, Aws, Error, Result, SecretRef, aws_error, code, wait};
use tokio::sync::Mutex;
use tokio::try_join;

use crate::secrets::{AllFound, Found, Wish, versions_of_parameter, wishes};

/// How many names one DescribeParameters takes (Systems Manager API, ParameterStringFilter).
const NAMES_AT_ONCE: usize = 50;

/// Secrets Manager and Systems Manager, for one environment.
pub struct Lookup {
    manager: aws_sdk_secretsmanager::Client,
    systems: aws_sdk_ssm::Client,
    aws: Aws,
    known: Mutex<Known>,
}

/// What was learned so far. What failed is not asked again: the tool ends with it.
#[derive(Default)]
struct Known {
    found: AllFound,
    failed: Option<Error>,
}

/// Makes the clients of a tool, which take no call.
pub fn client(aws: &Aws) -> Lookup {
    let manager = aws_sdk_secretsmanager::config::Builder::from(&aws.config);
    let systems = aws_sdk_ssm::config::Builder::from(&aws.config);
    Lookup {
        manager: aws_sdk_secretsmanager::Client::from_conf(
            manager.interceptor(aws.guard()).build(),
        ),
        systems: aws_sdk_ssm::Client::from_conf(systems.interceptor(aws.guard()).build()),
        aws: aws.clone(),
        known: Mutex::default(),
    }
}

impl Lookup {
    /// What AWS tells of all secrets of some apps, each asked for once.
    ///
    /// Errors: one is not there, or cannot be read; the first is answered, and the others are told.
    pub async fn learn(&self, apps: &[App]) -> Result<AllFound> {
        let mut new: BTreeMap<SecretRef, Vec<Wish>> = BTreeMap::new();
        for wish in apps.iter().flat_map(wishes) {
            new.entry(wish.secret.clone()).or_default().push(wish);
        }
        if new.is_empty() {
            return Ok(AllFound::new());
        }
        let mut known = self.known.lock().await;
        if let Some(error) = &known.failed {
            return Err(error.clone());
        }
        new.retain(|secret, _| !known.found.contains_key(secret));
        match self.look_up(new.into_values().collect()).await {
            Ok(found) => known.found.extend(found),
            Err(error) => {
                known.failed = Some(error.clone());
                return Err(error);
            }
        }
        Ok(known.found.clone())
    }

    /// What AWS tells of some secrets, each with those that name it.
    async fn look_up(&self, wishes: Vec<Vec<Wish>>) -> Result<AllFound> {
        let is_secret = |wishes: &Vec<Wish>| matches!(wishes[0].secret, SecretRef::Secret(_));
        let (secrets, parameters): (Vec<_>, Vec<_>) = wishes.into_iter().partition(is_secret);
        let described = wait::all(secrets.iter().map(async |wishes| {
            let found = self.secret(&wishes[0]).await;
            Ok(vec![(wishes, found)])
        }));
        let listed = wait::all(parameters.chunks(NAMES_AT_ONCE).map(async |names| {
            let metadata = self.parameters(names).await?;
            let found = |wishes: &Vec<Wish>| parameter(&wishes[0], &metadata);
            Ok(names.iter().map(|one| (one, found(one))).collect())
        }));
        let (described, listed): (Vec<Vec<_>>, Vec<Vec<_>>) = try_join!(described, listed)?;
        let mut all = AllFound::new();
        let mut errors = Vec::new();
        for (wishes, found) in described.into_iter().chain(listed).flatten() {
            let checked = found.and_then(|found| {
                wishes
                    .iter()
                    .try_for_each(|wish| wish.check_version(&found))?;
                Ok(found)
            });
            match checked {
                Ok(found) => drop(all.insert(wishes[0].secret.clone(), found)),
                Err(error) => errors.push(error),
            }
        }
        let mut errors = errors.into_iter();
        let Some(first) = errors.next() else {
            return Ok(all);
        };
        for other in errors.filter(|other| !other.pipe_wide) {
            self.aws.voice.error(&other);
        }
        Err(first)
    }

    /// One secret.
    async fn secret(&self, wish: &Wish) -> Result<Found> {
        let SecretRef::Secret(arn) = &wish.secret else {
            return Err(wish.missing());
        };
        let Some(answer) = self.describe(wish, arn).await? else {
            // What is not found may only be misspelled: the six characters at the end are AWS's.
            let name = arn.rsplit(':').next().unwrap_or_default();
            let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
            return Err(match self.describe(wish, name).await {
                Ok(Some(DescribeSecretOutput { arn: Some(arn), .. })) => wish.misspelled(&arn),
                _ => wish.missing(),
            });
        };
        // A part of an ARN is an ARN for Secrets Manager, and none for IAM.
        if let Some(other) = answer.arn.as_ref().filter(|other| *other != arn) {
            return Err(wish.misspelled(other));
        }
        if answer.deleted_date.is_some() {
            return Err(wish.deleted());
        }
        let mut versions = BTreeMap::new();
        for (id, stages) in answer.version_ids_to_stages.unwrap_or_default() {
            versions.extend(stages.into_iter().map(|stage| (stage, id.clone())));
        }
        Ok(Found {
            key: answer.kms_key_id,
            versions,
        })
    }

    async fn describe(&self, wish: &Wish, id: &str) -> Result<Option<DescribeSecretOutput>> {
        match self.manager.describe_secret().secret_id(id).send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "secretsmanager:DescribeSecret",
                wish.look_up(),
                error,
            )),
        }
    }

    /// Those of some parameters that are there.
    async fn parameters(&self, wishes: &[Vec<Wish>]) -> Result<Vec<ParameterMetadata>> {
        let mut filter = ParameterStringFilter::builder()
            .key("Name")
            .option("Equals");
        for wish in wishes {
            if let SecretRef::Parameter(name) = &wish[0].secret {
                filter = filter.values(name);
            }
        }
        let filter = filter
            .build()
            .map_err(|why| Error::refused(why.to_string()))?;
        let pages = self.systems.describe_parameters().parameter_filters(filter);
        let pages = pages.max_results(50).into_paginator().send();
        let pages: Result<Vec<_>, _> = pages.collect().await;
        let pages = pages
            .map_err(|error| aws_error("ssm:DescribeParameters", wishes[0][0].look_up(), error))?;
        let parameters = pages.into_iter().filter_map(|page| page.parameters);
        Ok(parameters.flatten().collect())
    }
}

/// One parameter among those that are there.
fn parameter(wish: &Wish, metadata: &[ParameterMetadata]) -> Result<Found> {
    let SecretRef::Parameter(name) = &wish.secret else {
        return Err(wish.missing());
    };
    let mut all = metadata.iter();
    let Some(found) = all.find(|one| one.name.as_ref() == Some(name)) else {
        return Err(wish.missing());
    };
    Ok(Found {
        key: found.key_id.clone(),
        versions: versions_of_parameter(found.version),
    })
}
