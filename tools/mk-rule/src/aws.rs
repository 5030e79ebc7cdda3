//! Every EventBridge call about rules.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Builder;
use aws_sdk_eventbridge::error::BuildError;
use aws_sdk_eventbridge::operation::describe_rule::DescribeRuleOutput;
use aws_sdk_eventbridge::types::{RetryPolicy, RuleState, Tag, Target as SdkTarget};
use plumbing::name::{RULE_LIMIT, could_be};
use plumbing::{Aws, Error, Result, aws_error, code, refusal, wait};
use tokio::try_join;

use crate::plan::{Have, Part, TARGET, Target, Want};

/// A rule that some of the calls see is seen by all of them within seconds.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);

/// EventBridge, for one environment.
pub struct Events {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
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
    /// The rule of a name, ours or not; one call deep. Of a rule just made, not all of the calls
    /// know yet: then it waits, since without its tags the rule would be taken for somebody else's.
    pub async fn get(&self, rule: &str) -> Result<Option<Have>> {
        let what = format!("rule {rule} exists, but EventBridge does not show its tags");
        let get = async || {
            let (have, targets, tags) =
                try_join!(self.describe(rule), self.targets(rule), self.tags(rule))?;
            let Some(have) = have else {
                return Ok(Some(None));
            };
            let Some(tags) = tags else {
                return Ok(None);
            };
            Ok(Some(Some(Have {
                targets,
                tags,
                ..have
            })))
        };
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// The rule of a name, without its targets and tags.
    async fn describe(&self, rule: &str) -> Result<Option<Have>> {
        match self.client.describe_rule().name(rule).send().await {
            Ok(answer) => Ok(Some(have_of(answer))),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("find rule {rule}");
                Err(aws_error("events:DescribeRule", what, error))
            }
        }
    }

    /// The targets of a rule, ours and others'. The SDK has no paginator for this call.
    async fn targets(&self, rule: &str) -> Result<Vec<Target>> {
        let request = self.client.list_targets_by_rule().rule(rule);
        let mut list = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = match request.clone().set_next_token(token).send().await {
                Ok(answer) => answer,
                Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(list),
                Err(error) => {
                    let what = format!("find the targets of rule {rule}");
                    return Err(aws_error("events:ListTargetsByRule", what, error));
                }
            };
            list.extend(answer.targets.into_iter().flatten().map(target_of));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(list);
            }
        }
    }

    /// The tags of a rule; nothing where it does not exist.
    async fn tags(&self, rule: &str) -> Result<Option<BTreeMap<String, String>>> {
        let arn = self.arn(rule);
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        match request.send().await {
            Ok(answer) => {
                let tags = answer.tags.into_iter().flatten();
                Ok(Some(tags.map(|tag| (tag.key, tag.value)).collect()))
            }
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let what = format!("read the tags of rule {rule}");
                Err(aws_error("events:ListTagsForResource", what, error))
            }
        }
    }

    /// The names of all rules that could be the environment's. The SDK has no paginator for this
    /// call.
    pub async fn list_names(&self) -> Result<Vec<String>> {
        let request = self.client.list_rules().name_prefix("rule-").limit(100);
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let answer = request.clone().set_next_token(token).send().await;
            let answer =
                answer.map_err(|error| aws_error("events:ListRules", "list the rules", error))?;
            let rules = answer.rules.into_iter().flatten();
            names.extend(rules.filter_map(|rule| rule.name));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                names.retain(|name| could_be(name, "rule", &self.aws.env.name, RULE_LIMIT));
                return Ok(names);
            }
        }
    }

    /// Sets one part of a rule.
    pub async fn set(&self, want: &Want, part: Part) -> Result<()> {
        match part {
            Part::Rule => self.put_rule(want).await,
            Part::Target => self.put_target(want).await,
            Part::Tags => self.set_tags(want).await,
        }
    }

    /// Makes a rule with its tags, or changes it: then AWS ignores the tags.
    async fn put_rule(&self, want: &Want) -> Result<()> {
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
            .state(state)
            .event_pattern(want.pattern.to_string())
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "events:PutRule", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set rule {}", want.rule);
                Err(aws_error("events:PutRule", what, error))
            }
        }
    }

    /// Has the rule start the pipeline.
    async fn put_target(&self, want: &Want) -> Result<()> {
        let target = SdkTarget::builder()
            .id(TARGET)
            .arn(&want.pipeline)
            .role_arn(&want.role)
            .build()
            .map_err(incomplete)?;
        let request = self.client.put_targets().rule(&want.rule).targets(target);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "events:PutTargets", send).await;
        let what = format!(
            "set the target of rule {}, with role {}",
            want.rule, want.role
        );
        let answer = answer.map_err(|error| aws_error("events:PutTargets", &what, error))?;
        match answer.failed_entries.unwrap_or_default().first() {
            Some(entry) => {
                let (why, code) = (entry.error_message(), entry.error_code());
                Err(entry_failed("events:PutTargets", &what, why, code))
            }
            None => Ok(()),
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, want: &Want) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(self.arn(&want.rule))
            .set_tags(Some(sdk_tags(want)?));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "events:TagResource", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag rule {}", want.rule);
                Err(aws_error("events:TagResource", what, error))
            }
        }
    }

    /// Deletes a rule, its targets first: AWS keeps one that has any.
    pub async fn delete(&self, rule: &str, targets: &[Target]) -> Result<()> {
        if !targets.is_empty() {
            self.remove_targets(rule, targets).await?;
        }
        let request = self.client.delete_rule().name(rule);
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "events:DeleteRule", send).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(()),
            Err(error) => {
                let what = format!("delete rule {rule}");
                Err(aws_error("events:DeleteRule", what, error))
            }
        }
    }

    async fn remove_targets(&self, rule: &str, targets: &[Target]) -> Result<()> {
        let ids = targets.iter().map(|target| target.id.clone()).collect();
        let what = format!("remove the targets of rule {rule}");
        let request = self.client.remove_targets().rule(rule).set_ids(Some(ids));
        let send = || request.clone().send();
        let answer = match wait::retry(&self.aws.control, "events:RemoveTargets", send).await {
            Ok(answer) => answer,
            // The rule does not exist, or is not seen for a moment: deleting it tells which.
            Err(error) if code(&error) == "ResourceNotFoundException" => return Ok(()),
            Err(error) => return Err(aws_error("events:RemoveTargets", what, error)),
        };
        match answer.failed_entries.unwrap_or_default().first() {
            Some(entry) => {
                let (why, code) = (entry.error_message(), entry.error_code());
                Err(entry_failed("events:RemoveTargets", &what, why, code))
            }
            None => Ok(()),
        }
    }

    fn arn(&self, rule: &str) -> String {
        self.aws.env.arn("events", &format!("rule/{rule}"))
    }
}

fn have_of(answer: DescribeRuleOutput) -> Have {
    let pattern = answer.event_pattern.unwrap_or_default();
    // AWS leaves out the state of a rule that was made enabled by default.
    let state = answer.state.unwrap_or(RuleState::Enabled);
    Have {
        description: answer.description.unwrap_or_default(),
        pattern: serde_json::from_str(&pattern).unwrap_or_default(),
        state: state.as_str().into(),
        schedule: answer.schedule_expression.unwrap_or_default(),
        role: answer.role_arn.unwrap_or_default(),
        ..Have::default()
    }
}

/// A target in the words of the plan. What is not ours is named alone: an input may hold anything.
fn target_of(target: SdkTarget) -> Target {
    let retries = target.retry_policy.as_ref();
    let queue = target.dead_letter_config.and_then(|config| config.arn);
    let settings = [
        ("input", target.input.is_some()),
        ("input path", target.input_path.is_some()),
        ("input transformer", target.input_transformer.is_some()),
        ("retry policy", retries.is_some_and(is_not_default)),
        ("dead-letter queue", queue.is_some()),
    ];
    let mut names = Vec::new();
    for (name, is_set) in settings {
        if is_set {
            names.push(name.to_string());
        }
    }
    Target {
        id: target.id,
        arn: target.arn,
        role: target.role_arn.unwrap_or_default(),
        settings: names,
    }
}

/// Whether a retry policy differs from what AWS does where a target has none: 185 retries in a day.
fn is_not_default(retries: &RetryPolicy) -> bool {
    let times = retries.maximum_retry_attempts.unwrap_or(185);
    let seconds = retries.maximum_event_age_in_seconds.unwrap_or(86400);
    times != 185 || seconds != 86400
}

/// These calls answer with success and say for each entry what failed.
fn entry_failed(operation: &str, what: &str, why: Option<&str>, code: Option<&str>) -> Error {
    let why = why.unwrap_or("no message");
    let code = code.unwrap_or("no code");
    refusal(
        operation,
        code,
        why,
        format!("cannot {what}: {why} ({operation}, {code})"),
    )
}

fn sdk_tags(want: &Want) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for (key, value) in &want.tags {
        let tag = Tag::builder().key(key).value(value).build();
        tags.push(tag.map_err(incomplete)?);
    }
    Ok(tags)
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
