//! The calls that find functions.

use std::collections::BTreeMap;

use plumbing::{Error, Result, aws_error, code, wait};

use tokio::try_join;

use super::answer;
use super::client::Lambda;
use crate::plan::{self, Have, State};

impl Lambda {
    /// The function of a name, unless it is being deleted; two calls deep.
    pub async fn get(&self, name: &str) -> Result<Option<Have>> {
        let Some(have) = self.get_function(name).await? else {
            return Ok(None);
        };
        if have.state == State::Deleting {
            return Ok(None);
        }
        if !self.aws.env.owns(&have.tags) {
            return Ok(Some(have));
        }
        let (have, policy, url, event_sources) = try_join!(
            self.with_invocation(have, name),
            self.permissions(name),
            self.url(name),
            self.event_sources(name)
        )?;
        Ok(Some(Have {
            invoked_by: policy.into_iter().chain(url).chain(event_sources).collect(),
            ..have
        }))
    }

    /// The queues and streams whose events invoke a function; no tool here sets one.
    async fn event_sources(&self, name: &str) -> Result<Vec<String>> {
        let pages = self
            .client
            .list_event_source_mappings()
            .function_name(name)
            .into_paginator()
            .items()
            .send();
        let mappings = pages
            .collect::<Result<Vec<_>, _>>()
            .await
            .map_err(|error| {
                let what = format!("look for event sources of function {name}");
                aws_error("lambda:ListEventSourceMappings", what, error)
            })?;
        let sources = mappings.into_iter().map(|mapping| {
            let source = mapping.event_source_arn.or(mapping.uuid);
            format!("event source {}", source.unwrap_or_default())
        });
        Ok(sources.collect())
    }

    /// Who may invoke a function by its own policy, which is only told: no tool here sets one.
    async fn permissions(&self, name: &str) -> Result<Vec<String>> {
        let request = self.client.get_policy().function_name(name);
        match request.send().await {
            Ok(answer) => Ok(plan::invokers(&answer.policy.unwrap_or_default())),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(Vec::new()),
            Err(error) => {
                let what = format!("look at the policy of function {name}");
                Err(aws_error("lambda:GetPolicy", what, error))
            }
        }
    }

    /// Who may invoke a function by a URL of its own, if it has one.
    async fn url(&self, name: &str) -> Result<Option<String>> {
        let request = self.client.get_function_url_config().function_name(name);
        match request.send().await {
            Ok(answer) => {
                let auth = answer.auth_type.as_str();
                Ok(Some(format!("a URL with authorization {auth}")))
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("look for a URL of function {name}");
                Err(aws_error("lambda:GetFunctionUrlConfig", what, error))
            }
        }
    }

    /// Adds how a function is invoked.
    async fn with_invocation(&self, have: Have, name: &str) -> Result<Have> {
        let request = self
            .client
            .get_function_event_invoke_config()
            .function_name(name);
        match request.send().await {
            Ok(answer) => {
                let destinations = answer.destination_config.map(answer::destinations);
                Ok(Have {
                    retries: answer.maximum_retry_attempts,
                    event_age: answer.maximum_event_age_in_seconds,
                    destinations: destinations.unwrap_or_default(),
                    ..have
                })
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(have),
            Err(error) => {
                let what = format!("look at function {name}");
                Err(aws_error(
                    "lambda:GetFunctionEventInvokeConfig",
                    what,
                    error,
                ))
            }
        }
    }

    /// The function of a name as GetFunction answers it, also while it is being deleted. Waiting asks
    /// this too: Lambda limits its calls together, and only this one and few others by themselves.
    pub async fn get_function(&self, name: &str) -> Result<Option<Have>> {
        let request = self.client.get_function().function_name(name);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(None),
            Err(error) => {
                let what = format!("find function {name}");
                return Err(aws_error("lambda:GetFunction", what, error));
            }
        };
        // Without the permission to read tags they are missing, and the function may be ours all the
        // same.
        if let Some(error) = answer.tags_error {
            let why = error.message;
            let code = error.error_code;
            let message =
                format!("cannot read the tags of function {name}: {why} (lambda:ListTags, {code})");
            let hint = "the tool's --iam-policy prints the permissions that it needs";
            return Err(Error::refused(message).hint(hint));
        }
        let Some(configuration) = answer.configuration else {
            return Ok(None);
        };
        let concurrency = answer.concurrency;
        Ok(Some(Have {
            tags: answer.tags.unwrap_or_default().into_iter().collect(),
            concurrency: concurrency.and_then(|limit| limit.reserved_concurrent_executions),
            ..answer::have(configuration)
        }))
    }

    /// Every function that could be the environment's by its name, ours or not, with its tags; two
    /// calls deep.
    pub async fn list_names(&self) -> Result<Vec<String>> {
        let mut pages = self.client.list_functions().into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(function) = pages.next().await {
            let function = function
                .map_err(|error| aws_error("lambda:ListFunctions", "list functions", error))?;
            names.extend(function.function_name);
        }
        names.retain(|name| plan::could_be_ours(&self.aws.env, name));
        Ok(names)
    }

    /// The functions of these names, ours or not, with their tags.
    pub async fn tags_of(
        &self,
        names: Vec<String>,
    ) -> Result<Vec<(String, BTreeMap<String, String>)>> {
        let tagged = names.into_iter().map(|name| self.with_tags(name));
        let tagged = wait::all(tagged).await?;
        Ok(tagged.into_iter().flatten().collect())
    }

    /// Adds a function's tags; answers nothing where the function went away meanwhile.
    async fn with_tags(&self, name: String) -> Result<Option<(String, BTreeMap<String, String>)>> {
        let arn = plan::arn(&self.aws.env, &name);
        match self.client.list_tags().resource(arn).send().await {
            Ok(answer) => {
                let tags = answer.tags.unwrap_or_default().into_iter().collect();
                Ok(Some((name, tags)))
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("read the tags of function {name}");
                Err(aws_error("lambda:ListTags", what, error))
            }
        }
    }
}
