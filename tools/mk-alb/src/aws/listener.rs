//! Listeners.

use aws_sdk_elasticloadbalancingv2::types::{
    self, Action, ActionTypeEnum, ForwardActionConfig, ProtocolEnum, TargetGroupTuple,
};
use plumbing::{Result, aws_error, code, wait};

use super::rule::is_rule;
use super::{ABSENT, Elb, VISIBLE_DEADLINE, text};
use crate::plan::listener::{Listener, PORT, Part, on_port};
use crate::plan::load_balancer::LoadBalancer;
use crate::plan::traffic::{Forward, plain};
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

    /// What a listener forwards to now, or a rule of one; nothing where it was deleted.
    pub async fn forwards(&self, listener: &str) -> Result<Option<Vec<Forward>>> {
        if is_rule(listener) {
            return self.forwards_of_rule(listener).await;
        }
        let request = self.client.describe_listeners().listener_arns(listener);
        match request.send().await {
            Ok(answer) => {
                let found = answer.listeners.unwrap_or_default().into_iter().next();
                Ok(found.map(|found| have_of(found).forwards))
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(None),
            Err(error) => {
                let what = format!("look at listener {listener}");
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

    /// Has a load balancer forward port 80 to target groups, also one that is still provisioning;
    /// answers nothing where it has another listener on that port.
    pub async fn create_listener(
        &self,
        want: &Want,
        load_balancer: &str,
        forwards: &[Forward],
    ) -> Result<Option<Listener>> {
        let request = self
            .client
            .create_listener()
            .load_balancer_arn(load_balancer)
            .protocol(ProtocolEnum::Http)
            .port(PORT)
            .default_actions(action(forwards))
            .set_tags(Some(self.tags_for(want, &want.listener_name)));
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:CreateListener",
            send,
        )
        .await
        {
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
        forwards: &[Forward],
        part: Part,
    ) -> Result<()> {
        match part {
            Part::Tags => self.set_tags(want, arn, &want.listener_name).await,
            Part::Settings => self.forward(arn, forwards).await,
        }
    }

    /// Has the listener of a load balancer, or a rule of one, forward port 80 to target groups.
    pub async fn forward(&self, arn: &str, forwards: &[Forward]) -> Result<()> {
        if is_rule(arn) {
            return self.forward_by_rule(arn, forwards).await;
        }
        let request = self
            .client
            .modify_listener()
            .listener_arn(arn)
            .port(PORT)
            .protocol(ProtocolEnum::Http)
            .default_actions(action(forwards));
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:ModifyListener",
            send,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                // `…:listener/app/NAME/ID/ID`
                let name = arn.rsplit('/').nth(2).unwrap_or(arn);
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

/// The action that forwards to target groups. One alone is said as AWS says it of itself, without a
/// share.
pub(super) fn action(forwards: &[Forward]) -> Action {
    let action = Action::builder().r#type(ActionTypeEnum::Forward);
    if let [only] = forwards {
        return action.target_group_arn(&only.target_group).build();
    }
    let mut config = ForwardActionConfig::builder();
    for forward in forwards {
        let group = TargetGroupTuple::builder()
            .target_group_arn(&forward.target_group)
            .weight(forward.weight);
        config = config.target_groups(group.build());
    }
    action.forward_config(config.build()).build()
}

fn have_of(found: types::Listener) -> Listener {
    Listener {
        forwards: forwards_of(found.default_actions()),
        port: found.port.unwrap_or_default(),
        protocol: text(found.protocol()),
        arn: found.listener_arn.unwrap_or_default(),
        ..Listener::default()
    }
}

/// The target groups that actions forward to, if that is all they do.
pub(super) fn forwards_of(actions: &[Action]) -> Vec<Forward> {
    let [action] = actions else {
        return Vec::new();
    };
    if action.r#type() != Some(&ActionTypeEnum::Forward) {
        return Vec::new();
    }
    // AWS tells one target group in both ways, and several in the second alone.
    let mut forwards = Vec::new();
    if let Some(config) = action.forward_config() {
        for group in config.target_groups() {
            forwards.push(Forward {
                target_group: text(group.target_group_arn()),
                weight: group.weight.unwrap_or(1),
            });
        }
    }
    if let (true, Some(only)) = (forwards.is_empty(), action.target_group_arn()) {
        return plain(only);
    }
    forwards
}
