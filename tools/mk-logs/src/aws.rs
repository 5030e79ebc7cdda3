//! Every CloudWatch Logs call about log groups.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::types::LogGroup;
use futures_util::future::try_join_all;
use plumbing::{Aws, Env, Error, Result, Stream, aws_error, code, wait};

use crate::plan::{self, Have, Want};

/// "Try again", says CloudWatch Logs, while another change of the same group is under way.
const CONFLICT: &[(&str, &str)] = &[("OperationAbortedException", "")];
const CONFLICT_BUDGET: Duration = Duration::from_secs(60);
/// A group just made may be unknown to the next call for some seconds.
const FRESH: &[(&str, &str)] = &[CONFLICT[0], ("ResourceNotFoundException", "")];
/// A group that exists by CreateLogGroup's word shows in a listing within seconds.
const SHOWS: Duration = Duration::from_secs(60);

/// How many lines of a log a person is shown.
const LAST_LINES: i32 = 3;

/// CloudWatch Logs, and for whom.
pub struct Logs {
    client: Client,
    stream: Stream,
    env: Env,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws, stream: &Stream, env: &Env) -> Logs {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Logs {
        client: Client::from_conf(config),
        stream: stream.clone(),
        env: env.clone(),
    }
}

impl Logs {
    /// The groups of apps under the environment's prefix, whosesoever; two calls deep.
    pub async fn of_apps(&self) -> Result<Vec<Have>> {
        self.under(&self.env.log_group_name(""), |_| true).await
    }

    /// Every group that could be the environment's, whosesoever; two calls deep.
    pub async fn find(&self) -> Result<Vec<Have>> {
        let places = plan::places(&self.env);
        let looks = places
            .iter()
            .map(|(prefix, could_be)| self.under(prefix, |have| could_be(&self.env, &have.group)));
        Ok(try_join_all(looks).await?.concat())
    }

    /// The group of a name.
    pub async fn look(&self, group: &str) -> Result<Option<Have>> {
        Ok(self.under(group, |have| have.group == group).await?.pop())
    }

    /// Waits for a group that someone else just made.
    pub async fn there(&self, group: &str) -> Result<Have> {
        let what = format!("log group {group} exists, but CloudWatch Logs does not show it");
        wait::until(&self.stream, &what, SHOWS, || self.look(group)).await
    }

    /// The end of a log stream; whoever asks can do without.
    pub async fn last_lines(&self, group: &str, log_stream: &str) -> Vec<String> {
        let request = self
            .client
            .get_log_events()
            .log_group_name(group)
            .log_stream_name(log_stream);
        let answer = request
            .limit(LAST_LINES)
            .start_from_head(false)
            .send()
            .await;
        let events = answer
            .ok()
            .and_then(|answer| answer.events)
            .unwrap_or_default();
        events
            .into_iter()
            .filter_map(|event| Some(event.message?.trim_end().to_string()))
            .collect()
    }

    async fn under(&self, prefix: &str, wanted: impl Fn(&Have) -> bool) -> Result<Vec<Have>> {
        let pages = self
            .client
            .describe_log_groups()
            .log_group_name_prefix(prefix)
            .into_paginator()
            .items()
            .send();
        let found: Vec<LogGroup> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "logs:DescribeLogGroups",
                format!("find log groups {prefix}*"),
                e,
            )
        })?;
        let found = found
            .into_iter()
            .map(have)
            .filter(|have| have.group.starts_with(prefix) && wanted(have));
        let tagged = try_join_all(found.map(|have| self.tagged(have))).await?;
        Ok(tagged.into_iter().flatten().collect())
    }

    /// Adds a group's tags; nothing where it went away meanwhile.
    async fn tagged(&self, have: Have) -> Result<Option<Have>> {
        let arn = plan::arn(&self.env, &have.group);
        match self
            .client
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
        {
            Ok(answer) => Ok(Some(Have {
                tags: answer.tags.unwrap_or_default().into_iter().collect(),
                ..have
            })),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "logs:ListTagsForResource",
                format!("read the tags of log group {}", have.group),
                error,
            )),
        }
    }

    /// Makes a group with its tags; answers false where one of that name is there already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let group = &want.group;
        let tags = want.tags.iter().cloned().collect();
        let request = self
            .client
            .create_log_group()
            .log_group_name(group)
            .set_tags(Some(tags));
        match wait::retry(&self.stream, CONFLICT_BUDGET, CONFLICT, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ResourceAlreadyExistsException" => Ok(false),
            Err(error) => Err(aws_error(
                "logs:CreateLogGroup",
                format!("create log group {group}"),
                error,
            )),
        }
    }

    /// Sets for how many days a group keeps events.
    pub async fn retain(&self, group: &str, days: i32) -> Result<()> {
        let request = self
            .client
            .put_retention_policy()
            .log_group_name(group)
            .retention_in_days(days);
        let answer = wait::retry(&self.stream, CONFLICT_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = || format!("set the retention of log group {group}");
        answer
            .map(drop)
            .map_err(|e| aws_error("logs:PutRetentionPolicy", what(), e))
    }

    /// Sets a group's tags to ours; others' tags stay.
    pub async fn retag(&self, group: &str, tags: &[(String, String)]) -> Result<()> {
        let tags = tags.iter().cloned().collect();
        let request = self
            .client
            .tag_resource()
            .resource_arn(plan::arn(&self.env, group))
            .set_tags(Some(tags));
        request
            .send()
            .await
            .map(drop)
            .map_err(|e| aws_error("logs:TagResource", format!("tag log group {group}"), e))
    }

    /// Deletes a group and looks once whether a late writer made it anew.
    ///
    /// Errors: there is one again that may be someone's own.
    pub async fn delete(&self, have: &Have) -> Result<()> {
        self.delete_once(&have.group).await?;
        match self.look(&have.group).await? {
            None => Ok(()),
            Some(again) if again.made == have.made => Ok(()), // the listing lags behind
            // A container's log driver, which may end after its service, makes the group it logs
            // to where its role lets it, with neither tags nor retention. Taking that for ours is
            // safe: the name is this environment's own, the one of that name was ours a moment
            // ago, this one was made since, and nobody has given it a thing to keep. It gets our
            // tag first, since the policy of this tool lets it delete only what carries that.
            Some(again) if plan::reborn(have, &again) => {
                self.retag(&have.group, &self.env.tags_of(&have.group))
                    .await?;
                self.delete_once(&have.group).await
            }
            Some(_) => Err(Error::refused(format!(
                "log group {} was made anew by someone else",
                have.group
            ))),
        }
    }

    async fn delete_once(&self, group: &str) -> Result<()> {
        let request = self.client.delete_log_group().log_group_name(group);
        match wait::retry(&self.stream, CONFLICT_BUDGET, CONFLICT, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => Err(aws_error(
                "logs:DeleteLogGroup",
                format!("delete log group {group}"),
                error,
            )),
        }
    }
}

fn have(group: LogGroup) -> Have {
    Have {
        group: group.log_group_name.unwrap_or_default(),
        retention: group.retention_in_days,
        account_decides: group.retention_policy_name.is_some(),
        made: group.creation_time.unwrap_or_default(),
        ..Have::default()
    }
}
