//! Target groups.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::types::{
    self, Matcher, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum,
};
use plumbing::{Error, Result, aws_error, code, wait};
use tokio::time::Instant;
use tokio::try_join;

use super::{ABSENT, Elb, PAGE, VISIBLE_DEADLINE, name_in, text};
use crate::plan::Have;
use crate::plan::listener::is_used_since;
use crate::plan::load_balancer::LoadBalancer;
use crate::plan::tags::{Tags, differing};
use crate::plan::target_group::{self, Part, TargetGroup};
use crate::plan::want::{Attribute, HealthCheck, Want};

/// A target group counts as in use for a while after its listener was deleted.
const IN_USE: &str = "ResourceInUse";
const IN_USE_BUDGET: Duration = Duration::from_secs(120);
/// After so long it is looked whether another run uses it again.
const LOOK_WHO: Duration = Duration::from_secs(4);

impl Elb {
    /// The target groups that could be ours by their names, as AWS lists them.
    pub(super) async fn list_target_groups(&self) -> Result<Vec<TargetGroup>> {
        let pages = self
            .client
            .describe_target_groups()
            .page_size(PAGE)
            .into_paginator()
            .items()
            .send();
        let listed: Vec<types::TargetGroup> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                let operation = "elasticloadbalancing:DescribeTargetGroups";
                aws_error(operation, "list the target groups", error)
            })?;
        let mut target_groups: Vec<_> = listed.into_iter().map(have_of).collect();
        target_groups.retain(|one| target_group::could_be_ours(&self.aws.env, &one.name));
        Ok(target_groups)
    }

    /// Adds a target group's attributes.
    pub(super) async fn with_attributes(&self, target_group: TargetGroup) -> Result<TargetGroup> {
        let request = self
            .client
            .describe_target_group_attributes()
            .target_group_arn(&target_group.arn);
        match request.send().await {
            Ok(answer) => {
                let mut attributes = Tags::new();
                for attribute in answer.attributes.unwrap_or_default() {
                    if let Some(key) = attribute.key {
                        attributes.insert(key, attribute.value.unwrap_or_default());
                    }
                }
                Ok(TargetGroup {
                    attributes,
                    ..target_group
                })
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(target_group),
            Err(error) => {
                let operation = "elasticloadbalancing:DescribeTargetGroupAttributes";
                let name = &target_group.name;
                let what = format!("read the attributes of target group {name}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Waits for the target group of a name that AWS says is taken.
    pub async fn wait_target_group_visible(&self, name: &str) -> Result<TargetGroup> {
        let what = format!("target group {name} is taken, but not shown");
        let get = || self.get_target_group(name);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    async fn get_target_group(&self, name: &str) -> Result<Option<TargetGroup>> {
        let mut listed = self.list_target_groups().await?.into_iter();
        let Some(found) = listed.find(|target_group| target_group.name == name) else {
            return Ok(None);
        };
        let arns = [found.arn.clone()];
        let (found, mut tags) = try_join!(self.with_attributes(found), self.tags(&arns))?;
        Ok(Some(TargetGroup {
            tags: tags.remove(&found.arn).unwrap_or_default(),
            ..found
        }))
    }

    /// Makes a target group; answers nothing where there is one of that name with other settings.
    pub async fn create_target_group(&self, want: &Want, vpc: &str) -> Result<Option<TargetGroup>> {
        let name = &want.target_group_name;
        let check = &want.health_check;
        let request = self
            .client
            .create_target_group()
            .name(name)
            .target_type(TargetTypeEnum::Ip) // tasks of Fargate have no instance
            .protocol(ProtocolEnum::Http)
            .port(want.port)
            .vpc_id(vpc)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
            .health_check_port(&check.port)
            .health_check_path(&check.path)
            .health_check_interval_seconds(check.interval)
            .health_check_timeout_seconds(check.timeout)
            .healthy_threshold_count(check.healthy_threshold)
            .unhealthy_threshold_count(check.unhealthy_threshold)
            .matcher(Matcher::builder().http_code(&check.matcher).build())
            .set_tags(Some(self.tags_for(want, name)));
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:CreateTargetGroup",
            send,
        )
        .await
        {
            Ok(answer) => {
                let created = answer.target_groups.unwrap_or_default();
                Ok(created.into_iter().next().map(have_of))
            }
            Err(error) if code(&error) == "DuplicateTargetGroupName" => Ok(None),
            Err(error) => {
                let what = format!("create target group {name}");
                let operation = "elasticloadbalancing:CreateTargetGroup";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Brings one part of a target group into line.
    pub async fn set_target_group(
        &self,
        want: &Want,
        have: &TargetGroup,
        part: Part,
    ) -> Result<()> {
        let arn = &have.arn;
        match part {
            Part::Tags => self.set_tags(want, arn, &want.target_group_name).await,
            Part::HealthCheck => self.set_health_check(want, arn).await,
            Part::Attributes => self.set_target_group_attributes(want, have).await,
        }
    }

    async fn set_health_check(&self, want: &Want, arn: &str) -> Result<()> {
        let check = &want.health_check;
        let request = self
            .client
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_protocol(ProtocolEnum::from(check.protocol.as_str()))
            .health_check_port(&check.port)
            .health_check_path(&check.path)
            .health_check_interval_seconds(check.interval)
            .health_check_timeout_seconds(check.timeout)
            .healthy_threshold_count(check.healthy_threshold)
            .unhealthy_threshold_count(check.unhealthy_threshold)
            .matcher(Matcher::builder().http_code(&check.matcher).build());
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:ModifyTargetGroup",
            send,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                let name = &want.target_group_name;
                let what = format!("set the health check of target group {name}");
                let operation = "elasticloadbalancing:ModifyTargetGroup";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Sets those attributes that differ.
    async fn set_target_group_attributes(&self, want: &Want, have: &TargetGroup) -> Result<()> {
        let differing = differing(&have.attributes, &want.group_attributes);
        if differing.is_empty() {
            return Ok(());
        }
        let mut request = self
            .client
            .modify_target_group_attributes()
            .target_group_arn(&have.arn);
        for Attribute { key, value, .. } in differing {
            let attribute = TargetGroupAttribute::builder().key(*key).value(value);
            request = request.attributes(attribute.build());
        }
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:ModifyTargetGroupAttributes",
            send,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                let name = &want.target_group_name;
                let what = format!("set the attributes of target group {name}");
                let operation = "elasticloadbalancing:ModifyTargetGroupAttributes";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Deletes a target group, as soon as AWS sees that no listener uses it any more. One that does
    /// not exist counts as deleted. Where `another`, a load balancer that is not ours, used it a
    /// moment ago, that is not waited for.
    ///
    /// Errors: it is still in use, or another run uses it again: by a listener that is not among `all`.
    pub async fn delete_target_group(
        &self,
        all: &Have,
        have: &TargetGroup,
        another: Option<&str>,
    ) -> Result<()> {
        let name = &have.name;
        let budget = if another.is_some() {
            Duration::ZERO
        } else {
            IN_USE_BUDGET
        };
        let request = self
            .client
            .delete_target_group()
            .target_group_arn(&have.arn);
        let operation = "elasticloadbalancing:DeleteTargetGroup";
        let send = || request.clone().send();
        let begun = Instant::now();
        let error = loop {
            let patience = budget.min(LOOK_WHO);
            match wait::retry_for(&self.aws.control, patience, operation, send).await {
                Ok(_) => return Ok(()),
                Err(error) if code(&error) != IN_USE || begun.elapsed() >= budget => break error,
                Err(_) => self.check_not_used_again(all, have).await?,
            }
        };
        if let Some(another) = another
            && code(&error) == IN_USE
        {
            return Err(Error::refused(format!(
                "cannot delete target group {name}: in the way, and not this environment's: load balancer {another}"
            ))
            .hint("delete its listener or rule and run it again"));
        }
        if ABSENT.contains(&code(&error)) {
            return Ok(());
        }
        let what = format!("delete target group {name}");
        Err(aws_error(operation, what, error))
    }

    /// Errors: a listener that is not among `all` forwards to a target group.
    async fn check_not_used_again(&self, all: &Have, have: &TargetGroup) -> Result<()> {
        let name = &have.name;
        let request = self.client.describe_target_groups();
        let request = request.target_group_arns(&have.arn);
        let found = match request.send().await {
            Ok(answer) => answer.target_groups.unwrap_or_default(),
            Err(error) if ABSENT.contains(&code(&error)) => return Ok(()),
            Err(error) => {
                let operation = "elasticloadbalancing:DescribeTargetGroups";
                return Err(aws_error(
                    operation,
                    format!("look at target group {name}"),
                    error,
                ));
            }
        };
        for arn in found.iter().flat_map(|one| one.load_balancer_arns()) {
            let load_balancer = LoadBalancer {
                arn: arn.clone(),
                name: name_in(arn).into(),
                ..LoadBalancer::default()
            };
            let listeners = self.list_listeners(&load_balancer).await?;
            if is_used_since(all, &listeners, &have.arn) {
                let message = format!(
                    "target group {name} cannot be deleted: made again meanwhile, another run's listener forwards to it"
                );
                return Err(
                    Error::unfinished(message).hint("run it again when nothing else is at work")
                );
            }
        }
        Ok(())
    }
}

fn have_of(found: types::TargetGroup) -> TargetGroup {
    let mut matcher = String::new();
    if let Some(found) = found.matcher() {
        matcher = text(found.http_code());
    }
    let health_check = HealthCheck {
        protocol: text(found.health_check_protocol()),
        port: text(found.health_check_port()),
        path: text(found.health_check_path()),
        matcher,
        interval: found.health_check_interval_seconds.unwrap_or_default(),
        timeout: found.health_check_timeout_seconds.unwrap_or_default(),
        healthy_threshold: found.healthy_threshold_count.unwrap_or_default(),
        unhealthy_threshold: found.unhealthy_threshold_count.unwrap_or_default(),
    };
    TargetGroup {
        health_check,
        kind: text(found.target_type()),
        protocol: text(found.protocol()),
        port: found.port.unwrap_or_default(),
        load_balancers: found.load_balancer_arns().to_vec(),
        arn: found.target_group_arn.unwrap_or_default(),
        name: found.target_group_name.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ..TargetGroup::default()
    }
}
