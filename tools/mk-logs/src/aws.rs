//! Every CloudWatch Logs call about log groups.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use futures_util::future::try_join_all;
use plumbing::{Aws, Error, Result, aws_error, code, wait};

use crate::plan::{self, Have, Part, Want};

/// A group that exists by CreateLogGroup's word shows in a listing within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);

/// How many lines of a log a person is shown.
const LAST_LINES: i32 = 3;

/// CloudWatch Logs, for one environment.
pub struct Logs {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Logs {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Logs {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Logs {
    /// The groups that are named like the environment's apps' groups, ours or not; two calls deep.
    pub async fn list_of_apps(&self) -> Result<Vec<Have>> {
        self.list(&self.aws.env.log_group_name("")).await
    }

    /// Every group that could be the environment's by its name, ours or not; two calls deep.
    pub async fn find(&self) -> Result<Vec<Have>> {
        let prefixes = plan::prefixes(&self.aws.env);
        let lists = prefixes.iter().map(|prefix| self.list(prefix));
        Ok(try_join_all(lists).await?.concat())
    }

    /// The names of the groups that could be of the environment's sources.
    pub async fn list_names_of_sources(&self) -> Result<Vec<String>> {
        let [_, of_builds, of_functions] = plan::prefixes(&self.aws.env);
        let lists = [&of_builds, &of_functions].map(|prefix| self.list_names(prefix));
        let groups = try_join_all(lists).await?.concat().into_iter();
        let groups = groups.map(|have| have.group);
        Ok(groups
            .filter(|group| plan::could_be_ours(&self.aws.env, group))
            .collect())
    }

    /// The group of a name.
    pub async fn get(&self, group: &str) -> Result<Option<Have>> {
        let listed = self.list_names(group).await?;
        match listed.into_iter().find(|have| have.group == group) {
            Some(have) => self.with_tags(have).await,
            None => Ok(None),
        }
    }

    /// Waits for a group that someone else just made.
    pub async fn wait_visible(&self, group: &str) -> Result<Have> {
        let what = format!("log group {group} exists, but CloudWatch Logs does not show it");
        let get = || self.get(group);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// The end of a log stream; whoever asks can do without.
    pub async fn last_lines(&self, group: &str, log_stream: &str) -> Vec<String> {
        let answer = self
            .client
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(log_stream)
            .limit(LAST_LINES)
            .start_from_head(false)
            .send()
            .await;
        let Ok(answer) = answer else {
            return Vec::new();
        };
        let events = answer.events.unwrap_or_default();
        let messages = events.into_iter().filter_map(|event| event.message);
        messages.map(|text| text.trim_end().to_string()).collect()
    }

    /// The groups whose names begin with a prefix and could be the environment's, with their tags.
    async fn list(&self, prefix: &str) -> Result<Vec<Have>> {
        let listed = self.list_names(prefix).await?;
        let candidates = listed
            .into_iter()
            .filter(|have| plan::could_be_ours(&self.aws.env, &have.group));
        let tagged = try_join_all(candidates.map(|have| self.with_tags(have))).await?;
        Ok(tagged.into_iter().flatten().collect())
    }

    /// The groups whose names begin with a prefix, without their tags.
    async fn list_names(&self, prefix: &str) -> Result<Vec<Have>> {
        let pages = self
            .client
            .describe_log_groups()
            .log_group_name_prefix(prefix)
            .into_paginator()
            .items()
            .send();
        let groups: Vec<LogGroup> = pages.collect::<Result<_, _>>().await.map_err(|error| {
            let what = format!("find log groups {prefix}*");
            aws_error("logs:DescribeLogGroups", what, error)
        })?;
        let groups = groups.into_iter().map(have_of);
        Ok(groups
            .filter(|have| have.group.starts_with(prefix))
            .collect())
    }

    /// Adds a group's tags; answers nothing where the group went away meanwhile.
    async fn with_tags(&self, have: Have) -> Result<Option<Have>> {
        let arn = plan::arn(&self.aws.env, &have.group);
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        match request.send().await {
            Ok(answer) => {
                let tags = answer.tags.unwrap_or_default().into_iter().collect();
                Ok(Some(Have { tags, ..have }))
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("read the tags of log group {}", have.group);
                Err(aws_error("logs:ListTagsForResource", what, error))
            }
        }
    }

    /// Makes a group with its tags, but for the one that says that its retention is set; answers false where one of that name is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let group = &want.group;
        let request = self
            .client
            .create_log_group()
            .log_group_name(group)
            .set_tags(Some(plan::tags_at_first(want).cloned().collect()));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "logs:CreateLogGroup", send).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ResourceAlreadyExistsException" => Ok(false),
            Err(error) => {
                let what = format!("create log group {group}");
                Err(aws_error("logs:CreateLogGroup", what, error))
            }
        }
    }

    /// Brings one part of a group into line.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        match part {
            Part::Retention => self.set_retention(want).await,
            Part::Tags => self.set_tags(&want.group, &want.tags).await,
        }
    }

    /// Sets for how many days a group keeps events.
    pub async fn set_retention(&self, want: &Want) -> Result<()> {
        let group = &want.group;
        let request = self
            .client
            .put_retention_policy()
            .log_group_name(group)
            .retention_in_days(want.retention);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "logs:PutRetentionPolicy", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the retention of log group {group}");
                Err(aws_error("logs:PutRetentionPolicy", what, error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, group: &str, tags: &[(String, String)]) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(plan::arn(&self.aws.env, group))
            .set_tags(Some(tags.iter().cloned().collect()));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "logs:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag log group {group}");
                Err(aws_error("logs:TagResource", what, error))
            }
        }
    }

    /// Deletes a group, and once more where a late writer made it anew.
    ///
    /// Errors: there is one again that may be someone's own.
    pub async fn delete(&self, have: &Have) -> Result<()> {
        let group = &have.group;
        self.delete_once(group).await?;
        match self.get(group).await? {
            None => Ok(()),
            Some(again) if again.created == have.created => Ok(()), // the listing lags behind
            // A container's log driver, which may end after its service, makes the group it logs
            // to where its role lets it, with neither tags nor retention. Taking that for ours is
            // safe: the name is this environment's own, the one of that name was ours a moment
            // ago, this one was made since, and nobody has given it a thing to keep. It gets our
            // tag first, since the policy of this tool lets it delete only what carries that.
            Some(again) if plan::was_made_by_a_late_writer(have, &again) => {
                let tags = self.aws.env.tags_of(group);
                self.set_tags(group, &tags).await?;
                self.delete_once(group).await
            }
            Some(_) => {
                let message = format!("log group {group} was made anew by someone else");
                Err(Error::refused(message))
            }
        }
    }

    async fn delete_once(&self, group: &str) -> Result<()> {
        let request = self.client.delete_log_group().log_group_name(group);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "logs:DeleteLogGroup", send).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => {
                let what = format!("delete log group {group}");
                Err(aws_error("logs:DeleteLogGroup", what, error))
            }
        }
    }
}

fn have_of(group: LogGroup) -> Have {
    let key = group.kms_key_id.map(|key| format!("key {key}"));
    let is_protected = group.deletion_protection_enabled == Some(true);
    let protection = is_protected.then(|| "deletion protection".to_string());
    Have {
        stricter: key.into_iter().chain(protection).collect(),
        group: group.log_group_name.unwrap_or_default(),
        retention: group.retention_in_days,
        account_decides: group.retention_policy_name.is_some(),
        created: group.creation_time.unwrap_or_default(),
        ..Have::default()
    }
}
