//! The rules of listeners: the default one, and those of apps that answer at another app's load balancer.

use aws_sdk_elasticloadbalancingv2::operation::modify_rule::builders::ModifyRuleFluentBuilder;
use aws_sdk_elasticloadbalancingv2::types::{
    self, HostHeaderConditionConfig, PathPatternConditionConfig, RuleCondition, RulePriorityPair,
};
use plumbing::{Result, aws_error, code, wait};

use super::listener::{action, forwards_of};
use super::{ABSENT, Elb, VISIBLE_DEADLINE};
use crate::plan::listener::default_of;
use crate::plan::rule::{HOST, PATH, Part, Rule, RuleWant};
use crate::plan::traffic::Forward;
use crate::plan::want::Want;

/// Whether an ARN is that of a rule: `…:listener-rule/app/NAME/ID/ID/ID`.
pub fn is_rule(arn: &str) -> bool {
    arn.contains(":listener-rule/")
}

impl Elb {
    /// The rules of a listener, with the default one and without their tags; none where it was deleted.
    pub async fn list_rules(&self, listener: &str) -> Result<Vec<Rule>> {
        let pages = self
            .client
            .describe_rules()
            .listener_arn(listener)
            .into_paginator()
            .items()
            .send();
        let listed: Result<Vec<types::Rule>, _> = pages.collect().await;
        match listed {
            Ok(listed) => Ok(listed.into_iter().map(rule_of).collect()),
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the rules of listener {listener}");
                let operation = "elasticloadbalancing:DescribeRules";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// The rules of a listener beside the default one, with their tags, which are not asked for where there
    /// is none.
    pub async fn rules(&self, listener: &str) -> Result<Vec<Rule>> {
        let mut rules = self.list_rules(listener).await?;
        rules.retain(|rule| !rule.is_default());
        let arns: Vec<String> = rules.iter().map(|rule| rule.arn.clone()).collect();
        let mut tags = self.tags(&arns).await?;
        rules.retain_mut(|rule| match tags.remove(&rule.arn) {
            Some(tags) => {
                rule.tags = tags;
                true
            }
            None => false, // it was deleted since
        });
        Ok(rules)
    }

    /// The ARN of the default rule of a listener that is there: one that was just made shows within
    /// seconds.
    pub async fn default_rule(&self, listener: &str) -> Result<String> {
        let what = format!("listener {listener} shows no default rule");
        let get = async || Ok(default_of(self.list_rules(listener).await?));
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    /// What a rule forwards to now; nothing where it was deleted.
    pub(super) async fn forwards_of_rule(&self, arn: &str) -> Result<Option<Vec<Forward>>> {
        let request = self.client.describe_rules().rule_arns(arn);
        match request.send().await {
            Ok(answer) => {
                let found = answer.rules.unwrap_or_default().into_iter().next();
                Ok(found.map(|found| rule_of(found).forwards))
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(None),
            Err(error) => {
                let what = format!("look at rule {arn}");
                let operation = "elasticloadbalancing:DescribeRules";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Makes an app's rule at a listener; answers nothing where another rule has that priority.
    pub async fn create_rule(
        &self,
        want: &Want,
        rule: &RuleWant,
        listener: &str,
        priority: i32,
        forwards: &[Forward],
    ) -> Result<Option<Rule>> {
        let request = self
            .client
            .create_rule()
            .listener_arn(listener)
            .priority(priority)
            .set_conditions(Some(conditions(rule)))
            .actions(action(forwards))
            .set_tags(Some(self.tags_for(want, &rule.name)));
        let operation = "elasticloadbalancing:CreateRule";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(answer) => {
                let created = answer.rules.unwrap_or_default();
                Ok(created.into_iter().next().map(rule_of))
            }
            Err(error) if code(&error) == "PriorityInUse" => Ok(None),
            Err(error) => {
                let name = &want.load_balancer_name;
                let what = format!("create rule {} of load balancer {name}", rule.name);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Brings one part of a rule into line; its place among the rules is `priority` then.
    pub async fn set_rule(
        &self,
        want: &Want,
        rule: &RuleWant,
        arn: &str,
        forwards: &[Forward],
        priority: i32,
        part: Part,
    ) -> Result<()> {
        match part {
            Part::Tags => self.set_tags(want, arn, &rule.name).await,
            Part::Forwards => self.forward_by_rule(arn, forwards).await,
            Part::Conditions => self.set_conditions(rule, arn).await,
            Part::Priority => self.set_priority(rule, arn, priority).await,
        }
    }

    /// Has a rule forward to target groups.
    pub(super) async fn forward_by_rule(&self, arn: &str, forwards: &[Forward]) -> Result<()> {
        let request = self.client.modify_rule().rule_arn(arn);
        let what = format!("change what rule {arn} forwards to");
        self.modify_rule(request.actions(action(forwards)), what)
            .await
    }

    async fn set_conditions(&self, rule: &RuleWant, arn: &str) -> Result<()> {
        let request = self.client.modify_rule().rule_arn(arn);
        let what = format!("change the conditions of rule {}", rule.name);
        self.modify_rule(request.set_conditions(Some(conditions(rule))), what)
            .await
    }

    /// Sends a change of a rule, which leaves what it does not name as it is.
    async fn modify_rule(&self, request: ModifyRuleFluentBuilder, what: String) -> Result<()> {
        let operation = "elasticloadbalancing:ModifyRule";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => Err(aws_error(operation, what, error)),
        }
    }

    async fn set_priority(&self, rule: &RuleWant, arn: &str, priority: i32) -> Result<()> {
        let place = RulePriorityPair::builder().rule_arn(arn).priority(priority);
        let request = self.client.set_rule_priorities();
        let request = request.rule_priorities(place.build());
        let operation = "elasticloadbalancing:SetRulePriorities";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("give rule {} priority {priority}", rule.name);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Deletes a rule. One that does not exist counts as deleted.
    pub async fn delete_rule(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_rule().rule_arn(arn);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if ABSENT.contains(&code(&error)) => Ok(()),
            Err(error) => {
                let operation = "elasticloadbalancing:DeleteRule";
                Err(aws_error(operation, format!("delete rule {arn}"), error))
            }
        }
    }
}

/// The conditions of an app's rule, in the form that takes several values.
fn conditions(rule: &RuleWant) -> Vec<RuleCondition> {
    let mut conditions = Vec::new();
    if !rule.hosts.is_empty() {
        let hosts = HostHeaderConditionConfig::builder();
        let hosts = hosts.set_values(Some(rule.hosts.clone())).build();
        let condition = RuleCondition::builder().field(HOST);
        conditions.push(condition.host_header_config(hosts).build());
    }
    if !rule.paths.is_empty() {
        let paths = PathPatternConditionConfig::builder();
        let paths = paths.set_values(Some(rule.paths.clone())).build();
        let condition = RuleCondition::builder().field(PATH);
        conditions.push(condition.path_pattern_config(paths).build());
    }
    conditions
}

fn rule_of(found: types::Rule) -> Rule {
    let mut rule = Rule {
        forwards: forwards_of(found.actions()),
        arn: found.rule_arn.unwrap_or_default(),
        priority: found.priority.unwrap_or_default(),
        ..Rule::default()
    };
    for condition in found.conditions.unwrap_or_default() {
        let field = condition.field.unwrap_or_default();
        // AWS tells the values of these two in both ways.
        let values = match field.as_str() {
            PATH => Some((
                &mut rule.paths,
                condition.path_pattern_config.and_then(|one| one.values),
            )),
            HOST => Some((
                &mut rule.hosts,
                condition.host_header_config.and_then(|one| one.values),
            )),
            _ => None,
        };
        if let Some((known, told)) = values {
            let told = told.filter(|told| !told.is_empty());
            known.extend(told.or(condition.values).unwrap_or_default());
        }
        rule.conditions.push(field);
    }
    rule
}
