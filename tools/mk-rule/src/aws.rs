//! Every EventBridge call about rules.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Builder;
use aws_sdk_eventbridge::error::BuildError;
use aws_sdk_eventbridge::types::{RetryPolicy, RuleState, Tag, Target};
use plumbing::name::{RULE_LIMIT, could_be};
use plumbing::{Aws, Env, Error, Result, Stream, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{self, Have, TARGET, Want};

/// A rule just made may be unknown to the next call; another change of it is under way; its role,
/// just made as well, has not spread. Terraform waits two minutes for each.
const FRESH: &[(&str, &str)] = &[
    ("ResourceNotFoundException", ""),
    ("ConcurrentModificationException", ""),
    ("ValidationException", "cannot be assumed by principal"),
];
const FRESH_BUDGET: Duration = Duration::from_secs(120);
/// One that some of the calls see is seen by all of them within seconds.
const SHOWS: Duration = Duration::from_secs(60);
/// Targets just removed still count for a while.
const AIMED: &[(&str, &str)] = &[
    (
        "ValidationException",
        "can't be deleted since it has targets",
    ),
    ("ConcurrentModificationException", ""),
];
const AIMED_BUDGET: Duration = Duration::from_secs(5 * 60);

/// EventBridge, and for whom.
pub struct Events {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub(crate) aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Events {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Events {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Events {
    /// The rule of a name, whosesoever; one call deep, but for one just made that not all of the calls
    /// see yet: without its tags it would be taken for somebody else's.
    pub async fn look(&self, rule: &str) -> Result<Option<Have>> {
        let what = format!("rule {rule} exists, but EventBridge does not show its tags");
        wait::until(&self.aws.control, &what, SHOWS, || async {
            Ok(
                match try_join!(self.describe(rule), self.targets(rule), self.tags(rule))? {
                    (Some(have), targets, Some(tags)) => Some(Some(Have {
                        targets,
                        tags,
                        ..have
                    })),
                    (Some(_), _, None) => None,
                    (None, ..) => Some(None),
                },
            )
        })
        .await
    }

    async fn describe(&self, rule: &str) -> Result<Option<Have>> {
        match self.client.describe_rule().name(rule).send().await {
            Ok(answer) => Ok(Some(Have {
                description: answer.description.unwrap_or_default(),
                pattern: answer
                    .event_pattern
                    .and_then(|text| serde_json::from_str(&text).ok())
                    .unwrap_or_default(),
                // AWS leaves out the state of one that was made enabled by default.
                state: answer.state.unwrap_or(RuleState::Enabled).as_str().into(),
                schedule: answer.schedule_expression.unwrap_or_default(),
                role: answer.role_arn.unwrap_or_default(),
                ..Have::default()
            })),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "events:DescribeRule",
                format!("find rule {rule}"),
                error,
            )),
        }
    }

    async fn targets(&self, rule: &str) -> Result<Vec<plan::Target>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = match self
                .client
                .list_targets_by_rule()
                .rule(rule)
                .set_next_token(token)
                .send()
                .await
            {
                Ok(answer) => answer,
                Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(all),
                Err(error) => {
                    return Err(aws_error(
                        "events:ListTargetsByRule",
                        format!("find the targets of rule {rule}"),
                        error,
                    ));
                }
            };
            all.extend(answer.targets.unwrap_or_default().into_iter().map(told));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(all);
            }
        }
    }

    async fn tags(&self, rule: &str) -> Result<Option<BTreeMap<String, String>>> {
        match self
            .client
            .list_tags_for_resource()
            .resource_arn(self.arn(rule))
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
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "events:ListTagsForResource",
                format!("read the tags of rule {rule}"),
                error,
            )),
        }
    }

    /// The names of all rules that could be the environment's.
    pub async fn names(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = self
                .client
                .list_rules()
                .name_prefix("rule-")
                .limit(100)
                .set_next_token(token)
                .send()
                .await;
            let answer = answer.map_err(|e| aws_error("events:ListRules", "list the rules", e))?;
            all.extend(
                answer
                    .rules
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|rule| rule.name),
            );
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                all.retain(|name| could_be(name, "rule", &self.aws.env.name, RULE_LIMIT));
                return Ok(all);
            }
        }
    }

    /// Makes a rule with its tags, or changes it: then AWS does not look at the tags.
    pub async fn put(&self, want: &Want) -> Result<()> {
        let state = if want.enabled {
            RuleState::Enabled
        } else {
            RuleState::Disabled
        };
        let request = self
            .client
            .put_rule()
            .name(&want.rule)
            .description(&want.description)
            .state(state);
        let request = request
            .event_pattern(want.pattern.to_string())
            .set_tags(Some(tags(want)?));
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| aws_error("events:PutRule", format!("set rule {}", want.rule), e))
    }

    /// Has the rule start the pipeline.
    pub async fn aim(&self, want: &Want) -> Result<()> {
        let target = Target::builder()
            .id(TARGET)
            .arn(&want.pipeline)
            .role_arn(&want.role)
            .build();
        let request = self
            .client
            .put_targets()
            .rule(&want.rule)
            .targets(target.map_err(incomplete)?);
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = format!(
            "set the target of rule {}, with role {}",
            want.rule, want.role
        );
        let answer = answer.map_err(|e| aws_error("events:PutTargets", &what, e))?;
        let failed = answer.failed_entries.unwrap_or_default();
        failed.first().map_or(Ok(()), |entry| {
            Err(half_failed(
                "events:PutTargets",
                &what,
                entry.error_message(),
                entry.error_code(),
            ))
        })
    }

    /// Sets a rule's tags to ours; others' tags stay.
    pub async fn retag(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(self.arn(&want.rule))
            .set_tags(Some(tags(want)?));
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| aws_error("events:TagResource", format!("tag rule {}", want.rule), e))
    }

    /// Deletes a rule, its targets first: AWS keeps one that has any.
    pub async fn delete(&self, rule: &str, targets: &[plan::Target]) -> Result<()> {
        if !targets.is_empty() {
            let ids = targets.iter().map(|target| target.id.clone()).collect();
            let what = format!("remove the targets of rule {rule}");
            let request = self.client.remove_targets().rule(rule).set_ids(Some(ids));
            match wait::retry(&self.aws.control, FRESH_BUDGET, &FRESH[1..2], || {
                request.clone().send()
            })
            .await
            {
                Ok(answer) => {
                    if let Some(entry) = answer.failed_entries.unwrap_or_default().first() {
                        return Err(half_failed(
                            "events:RemoveTargets",
                            &what,
                            entry.error_message(),
                            entry.error_code(),
                        ));
                    }
                }
                // Gone, or not seen for a moment: to delete it tells.
                Err(error) if code(&error) == "ResourceNotFoundException" => {}
                Err(error) => return Err(aws_error("events:RemoveTargets", what, error)),
            }
        }
        let request = self.client.delete_rule().name(rule);
        match wait::retry(&self.aws.control, AIMED_BUDGET, AIMED, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => Err(aws_error(
                "events:DeleteRule",
                format!("delete rule {rule}"),
                error,
            )),
        }
    }

    fn arn(&self, rule: &str) -> String {
        self.aws.env.arn("events", &format!("rule/{rule}"))
    }
}

/// A target in the words of the plan. What is not ours is named alone: an input may hold anything.
fn told(target: Target) -> plan::Target {
    let settings = [
        ("input", target.input.is_some()),
        ("input path", target.input_path.is_some()),
        ("input transformer", target.input_transformer.is_some()),
        (
            "retry policy",
            target
                .retry_policy
                .is_some_and(|retries| !by_default(&retries)),
        ),
        (
            "dead-letter queue",
            target
                .dead_letter_config
                .is_some_and(|queue| queue.arn.is_some()),
        ),
    ];
    let settings = settings
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| name.to_string())
        .collect();
    plan::Target {
        id: target.id,
        arn: target.arn,
        role: target.role_arn.unwrap_or_default(),
        settings,
    }
}

/// Whether a target is tried again as one is that says nothing of it: for a day, 185 times.
fn by_default(retries: &RetryPolicy) -> bool {
    retries
        .maximum_retry_attempts
        .is_none_or(|times| times == 185)
        && retries
            .maximum_event_age_in_seconds
            .is_none_or(|seconds| seconds == 86400)
}

/// These calls answer well and say for each entry what failed.
fn half_failed(operation: &str, what: &str, why: Option<&str>, code: Option<&str>) -> Error {
    let (why, code) = (why.unwrap_or("no message"), code.unwrap_or("no code"));
    Error::refused(format!("cannot {what}: {why} ({operation}, {code})"))
}

fn tags(want: &Want) -> Result<Vec<Tag>> {
    let tags = want
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(incomplete)
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
