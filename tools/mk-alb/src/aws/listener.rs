//! Listeners.

use aws_sdk_elasticloadbalancingv2::types::{self, Action, ActionTypeEnum, ProtocolEnum};
use plumbing::{Result, aws_error, code, wait};

use super::{ABSENT, Elb, FRESH, FRESH_BUDGET, VISIBLE_DEADLINE, text};
use crate::plan::listener::{Listener, PORT, Part, on_port};
use crate::plan::load_balancer::LoadBalancer;
use crate::plan::tags::Tags;
use crate::plan::want::Want;
use crate::plan::with_tags;

impl Elb {
    /// The listeners of a load balancer, without their tags; none where it was deleted.
    pub(super) async fn list_listeners(
        &self,
        load_balancer: &LoadBalancer,
    ) -> Result<Vec<Listener>> {
        let pages = self
            .client
            .describe_listeners()
            .load_balancer_arn(&load_balancer.arn)
            .into_paginator()
            .items()
            .send();
        let listed: Result<Vec<types::Listener>, _> = pages.collect().await;
        match listed {
            Ok(listed) => Ok(listed.into_iter().map(have_of).collect()),
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the listeners of {}", load_balancer.name);
                let operation = "elasticloadbalancing:DescribeListeners";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Adds the tags of listeners; what was deleted is left out.
    pub async fn with_tags(&self, listeners: &[Listener]) -> Result<Vec<Listener>> {
        let mut arns = Vec::new();
        for listener in listeners {
            arns.push(listener.arn.clone());
        }
        let tags = self.tags(&arns).await?;
        Ok(with_tags(listeners, &tags))
    }

    /// Waits for the listener of a load balancer whose port AWS says is taken.
    pub async fn wait_listener_visible(&self, load_balancer: &LoadBalancer) -> Result<Listener> {
        let name = &load_balancer.name;
        let what =
            format!("port {PORT} of load balancer {name} is taken, but its listener not shown");
        let get = || self.get_listener(load_balancer);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    async fn get_listener(&self, load_balancer: &LoadBalancer) -> Result<Option<Listener>> {
        let listed = self.list_listeners(load_balancer).await?;
        let Some(found) = on_port(&listed, PORT) else {
            return Ok(None);
        };
        let mut tagged = self.with_tags(std::slice::from_ref(found)).await?;
        Ok(tagged.pop())
    }

    /// Has a load balancer forward port 80 to a target group, also one that is still provisioning;
    /// answers nothing where it has another listener on that port.
    pub async fn create_listener(
        &self,
        want: &Want,
        load_balancer: &str,
        target_group: &str,
    ) -> Result<Option<Listener>> {
        let request = self
            .client
            .create_listener()
            .load_balancer_arn(load_balancer)
            .protocol(ProtocolEnum::Http)
            .port(PORT)
            .default_actions(forward(target_group))
            .set_tags(Some(self.tags_for(want, &want.listener_name)));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, send).await {
            Ok(answer) => {
                let created = answer.listeners.unwrap_or_default();
                Ok(created.into_iter().next().map(have_of))
            }
            Err(error) if code(&error) == "DuplicateListener" => Ok(None),
            Err(error) => {
                let name = &want.load_balancer_name;
                let what = format!("create the listener of load balancer {name}");
                let operation = "elasticloadbalancing:CreateListener";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Brings one part of a listener into line.
    pub async fn set_listener(
        &self,
        want: &Want,
        arn: &str,
        target_group: &str,
        part: Part,
    ) -> Result<()> {
        match part {
            Part::Tags => self.set_tags(want, arn, &want.listener_name).await,
            Part::Settings => self.modify_listener(want, arn, target_group).await,
        }
    }

    async fn modify_listener(&self, want: &Want, arn: &str, target_group: &str) -> Result<()> {
        let request = self
            .client
            .modify_listener()
            .listener_arn(arn)
            .port(PORT)
            .protocol(ProtocolEnum::Http)
            .default_actions(forward(target_group));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let name = &want.load_balancer_name;
                let what = format!("change the listener of load balancer {name}");
                let operation = "elasticloadbalancing:ModifyListener";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Deletes a listener and leaves its load balancer. One that does not exist counts as deleted.
    pub async fn delete_listener(&self, arn: &str) -> Result<()> {
        let request = self.client.delete_listener().listener_arn(arn);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if ABSENT.contains(&code(&error)) => Ok(()),
            Err(error) => {
                let what = format!("delete listener {arn}");
                let operation = "elasticloadbalancing:DeleteListener";
                Err(aws_error(operation, what, error))
            }
        }
    }
}

fn forward(target_group: &str) -> Action {
    Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .target_group_arn(target_group)
        .build()
}

fn have_of(found: types::Listener) -> Listener {
    Listener {
        target_group: target_group_of(found.default_actions()),
        port: found.port.unwrap_or_default(),
        protocol: text(found.protocol()),
        arn: found.listener_arn.unwrap_or_default(),
        tags: Tags::new(),
    }
}

/// The target group that a listener forwards to, if that is all it does.
fn target_group_of(actions: &[Action]) -> Option<String> {
    let [action] = actions else {
        return None;
    };
    if action.r#type() != Some(&ActionTypeEnum::Forward) {
        return None;
    }
    // AWS tells one target group in both ways, and several in the second alone.
    let mut weighted = &[][..];
    if let Some(forward) = action.forward_config() {
        weighted = forward.target_groups();
    }
    match weighted {
        [] => action.target_group_arn.clone(),
        [one] => one.target_group_arn.clone(),
        _ => None,
    }
}
