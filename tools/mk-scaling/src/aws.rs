//! Every call to Application Auto Scaling.

mod convert;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_applicationautoscaling::Client;
use aws_sdk_applicationautoscaling::config::Builder;
use aws_sdk_applicationautoscaling::types::{
    PolicyType, ScalableDimension, ScalableTarget, ScalableTargetAction, ServiceNamespace,
};
use plumbing::{Aws, Range, Result, aws_error, code, connection, wait};
use tokio::try_join;

use crate::plan::{Action, Have, Leftover, LeftoverPart, Part, Policy, Want, resources};

const ECS: ServiceNamespace = ServiceNamespace::Ecs;
const COUNT: ScalableDimension = ScalableDimension::EcsServiceDesiredCount;

/// A target that was deregistered is gone from the listing within minutes (Terraform waits five).
const GONE_DEADLINE: Duration = Duration::from_secs(300);

/// Application Auto Scaling, for one environment.
pub struct Scaling {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Scaling {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Scaling {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Scaling {
    /// The targets of the environment's cluster, ours or not, with all that is of them; one call deep
    /// where there are none, and else two.
    pub async fn find(&self) -> Result<Vec<Have>> {
        let targets = self.targets().await?;
        wait::all(targets.into_iter().map(|target| self.describe(target))).await
    }

    /// The targets alone. AWS lists those of an account's services fifty at a time, and by no part of
    /// their names.
    async fn targets(&self) -> Result<Vec<ScalableTarget>> {
        let pages = self
            .client
            .describe_scalable_targets()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .into_paginator()
            .items()
            .send();
        let begin = resources(&self.aws.env);
        match pages.collect::<Result<Vec<_>, _>>().await {
            Ok(mut targets) => {
                targets.retain(|target| target.resource_id().starts_with(&begin));
                Ok(targets)
            }
            Err(error) => Err(aws_error(
                "application-autoscaling:DescribeScalableTargets",
                "find which services are scaled",
                error,
            )),
        }
    }

    /// The range and the ARN of a service's target, ours or not.
    pub async fn get(&self, resource: &str) -> Result<Option<(Range, String)>> {
        let request = self
            .client
            .describe_scalable_targets()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_ids(resource);
        match request.send().await {
            Ok(answer) => {
                let have = answer.scalable_targets().first().map(convert::have);
                Ok(have.map(|have| (have.range, have.arn)))
            }
            Err(error) => {
                let what = format!("find out whether {resource} is scaled");
                let operation = "application-autoscaling:DescribeScalableTargets";
                Err(aws_error(operation, what, error))
            }
        }
    }

    async fn describe(&self, target: ScalableTarget) -> Result<Have> {
        let resource = target.resource_id();
        let arn = target.scalable_target_arn().unwrap_or_default();
        let (policies, actions, tags) = try_join!(
            self.policies(resource),
            self.actions(resource),
            self.tags(arn, resource)
        )?;
        Ok(Have {
            policies,
            actions,
            tags,
            ..convert::have(&target)
        })
    }

    async fn policies(&self, resource: &str) -> Result<Vec<Policy>> {
        let pages = self
            .client
            .describe_scaling_policies()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(resource)
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<Vec<_>, _>>().await {
            Ok(policies) => Ok(policies.into_iter().map(convert::policy).collect()),
            Err(error) => {
                let what = format!("find the policies of {resource}");
                let operation = "application-autoscaling:DescribeScalingPolicies";
                Err(aws_error(operation, what, error))
            }
        }
    }

    async fn actions(&self, resource: &str) -> Result<Vec<Action>> {
        let pages = self
            .client
            .describe_scheduled_actions()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(resource)
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<Vec<_>, _>>().await {
            Ok(actions) => Ok(actions.into_iter().map(convert::action).collect()),
            Err(error) => {
                let what = format!("find the scheduled actions of {resource}");
                let operation = "application-autoscaling:DescribeScheduledActions";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// The tags of a target; none of one that went away meanwhile.
    pub async fn tags(&self, arn: &str, resource: &str) -> Result<BTreeMap<String, String>> {
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        match request.send().await {
            Ok(answer) => Ok(answer.tags.unwrap_or_default().into_iter().collect()),
            Err(error) if code(&error) == "ResourceNotFoundException" => Ok(BTreeMap::new()),
            Err(error) => {
                let what = format!("read the tags of scalable target {resource}");
                let operation = "application-autoscaling:ListTagsForResource";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Makes a target with its tags, and answers its ARN. One that another run made a moment ago gets
    /// the same range.
    pub async fn create(&self, want: &Want) -> Result<String> {
        self.register(want, true).await
    }

    /// Brings one part of a target into line.
    pub async fn set(&self, want: &Want, arn: &str, part: Part) -> Result<()> {
        match part {
            Part::Range => self.register(want, false).await.map(drop),
            Part::Policy(place) => self.put_policy(want, &want.policies[place]).await,
            Part::Action(place) => self.put_action(want, &want.actions[place]).await,
            Part::Tags => self.set_tags(want, arn).await,
        }
    }

    /// AWS takes the tags with the call that makes a target, and with no other.
    async fn register(&self, want: &Want, is_new: bool) -> Result<String> {
        let tags = is_new.then(|| want.tags.iter().cloned().collect());
        let request = self
            .client
            .register_scalable_target()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(&want.resource)
            .min_capacity(want.range.least)
            .max_capacity(want.range.most)
            .set_tags(tags);
        let operation = "application-autoscaling:RegisterScalableTarget";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(answer) => Ok(answer.scalable_target_arn.unwrap_or_default()),
            Err(error) => {
                let what = format!("scale {}", want.resource);
                Err(aws_error(operation, what, error))
            }
        }
    }

    async fn put_policy(&self, want: &Want, policy: &Policy) -> Result<()> {
        let request = self
            .client
            .put_scaling_policy()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(&want.resource)
            .policy_name(&policy.name)
            .policy_type(PolicyType::TargetTrackingScaling)
            .target_tracking_scaling_policy_configuration(convert::tracking(policy)?);
        let operation = "application-autoscaling:PutScalingPolicy";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set policy {} of {}", policy.name, want.resource);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// The time zone is always said: AWS keeps what a call leaves out.
    async fn put_action(&self, want: &Want, action: &Action) -> Result<()> {
        let range = ScalableTargetAction::builder()
            .min_capacity(action.range.least)
            .max_capacity(action.range.most)
            .build();
        let request = self
            .client
            .put_scheduled_action()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(&want.resource)
            .scheduled_action_name(&action.name)
            .schedule(&action.schedule)
            .timezone(&action.zone)
            .scalable_target_action(range);
        let operation = "application-autoscaling:PutScheduledAction";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set {} of {}", action.schedule, want.resource);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Sets the tags that are ours; others' tags stay.
    async fn set_tags(&self, want: &Want, arn: &str) -> Result<()> {
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(want.tags.iter().cloned().collect()));
        let operation = "application-autoscaling:TagResource";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag scalable target {}", want.resource);
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Takes away what no app wants any more.
    pub async fn delete(&self, leftover: &Leftover) -> Result<()> {
        let resource = &leftover.resource;
        match &leftover.part {
            LeftoverPart::Target => self.deregister(resource).await,
            LeftoverPart::Policy(name) => self.delete_policy(resource, name).await,
            LeftoverPart::Action(name) => self.delete_action(resource, name).await,
        }
    }

    async fn delete_policy(&self, resource: &str, name: &str) -> Result<()> {
        let request = self
            .client
            .delete_scaling_policy()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(resource)
            .policy_name(name);
        let operation = "application-autoscaling:DeleteScalingPolicy";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == GONE => Ok(()),
            Err(error) => Err(aws_error(operation, format!("delete policy {name}"), error)),
        }
    }

    async fn delete_action(&self, resource: &str, name: &str) -> Result<()> {
        let request = self
            .client
            .delete_scheduled_action()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(resource)
            .scheduled_action_name(name);
        let operation = "application-autoscaling:DeleteScheduledAction";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == GONE => Ok(()),
            Err(error) => {
                let what = format!("delete scheduled action {name}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Takes a target away, and its policies and scheduled actions with it, and waits until it is gone:
    /// as long as it is there, it may still give the service tasks.
    pub async fn deregister(&self, resource: &str) -> Result<()> {
        let request = self
            .client
            .deregister_scalable_target()
            .service_namespace(ECS)
            .scalable_dimension(COUNT)
            .resource_id(resource);
        let operation = "application-autoscaling:DeregisterScalableTarget";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => {}
            Err(error) if code(&error) == GONE => return Ok(()),
            Err(error) => {
                let what = format!("deregister scalable target {resource}");
                return Err(aws_error(operation, what, error));
            }
        }
        let what = format!("scalable target {resource} is still there");
        let gone = async || {
            let targets = self.targets().await?;
            let is_there = targets.iter().any(|one| one.resource_id() == resource);
            Ok((!is_there).then_some(()))
        };
        wait::until(&self.aws.control, &what, GONE_DEADLINE, gone).await
    }
}

/// The code for a target, policy or scheduled action that is not there.
const GONE: &str = "ObjectNotFoundException";

/// Whether an error is an emulator's word that it has no such service.
pub fn is_lacking(error: &plumbing::Error) -> bool {
    connection::is_lacking(&error.message)
}
