//! Every Elastic Load Balancing call about load balancers, target groups and listeners. Thin: what
//! to call with what is decided in `plan.rs` and in the order of `make.rs` and `delete.rs`.

mod find;
mod ready;

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::Builder;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum,
    Matcher, ProtocolEnum, Tag, TargetGroupAttribute, TargetTypeEnum,
};
use plumbing::{Aws, Error, Result, aws_error, code, wait};

use crate::plan::{self, Balancer, Group, Listener, PORT, Part, Place, Want};

/// What was just made is unknown to other calls for seconds; so are the subnets, groups and the
/// gateway that EC2 made a moment ago.
const FRESH_BUDGET: Duration = Duration::from_secs(120);
const FRESH: &[(&str, &str)] = &[
    ("LoadBalancerNotFound", ""),
    ("TargetGroupNotFound", ""),
    ("ListenerNotFound", ""),
    ("SubnetNotFound", ""),
    ("InvalidSecurityGroup", ""),
    ("InvalidSubnet", "internet gateway"), // the subnets are known before the gateway is attached
    ("ValidationError", "is not found"),   // CreateTargetGroup: the VPC
];
/// What AWS says about something that is gone.
const ABSENT: [&str; 3] = [
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
];
/// A deleted load balancer is unknown at once; the deadline is for a region with a bad day.
const GONE_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// A target group counts as in use for a while after its listener went.
const IN_USE_BUDGET: Duration = Duration::from_secs(120);
/// DescribeTags takes this many ARNs, and so does DescribeLoadBalancers.
pub const ARNS_AT_ONCE: usize = 20;

/// Elastic Load Balancing, and for whom: the environment whose tags go into each create call.
pub struct Elb {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Elb {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Elb {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Elb {
    /// Makes a load balancer; none where another of that name, with other settings, was faster.
    pub async fn create_balancer(&self, want: &Want, place: &Place) -> Result<Option<Balancer>> {
        let request = self
            .client
            .create_load_balancer()
            .name(&want.balancer)
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(LoadBalancerSchemeEnum::from(want.scheme))
            .set_subnets(Some(place.subnets.clone()))
            .security_groups(&place.security_group)
            .set_tags(Some(self.own_tags(want, &want.balancer)));
        match wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await
        {
            Ok(answer) => Ok(answer
                .load_balancers
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(find::balancer)),
            Err(error) if code(&error) == "DuplicateLoadBalancerName" => Ok(None),
            Err(error) => {
                let what = format!("create load balancer {}", want.balancer);
                Err(aws_error(
                    "elasticloadbalancing:CreateLoadBalancer",
                    what,
                    error,
                ))
            }
        }
    }

    /// Makes a target group; none where another of that name, with other settings, was faster.
    pub async fn create_group(&self, want: &Want, vpc: &str) -> Result<Option<Group>> {
        let health = &want.health;
        let request = self
            .client
            .create_target_group()
            .name(&want.group)
            .target_type(TargetTypeEnum::Ip) // tasks of Fargate have no instance
            .protocol(ProtocolEnum::Http)
            .port(want.port)
            .vpc_id(vpc)
            .health_check_enabled(true)
            .health_check_protocol(ProtocolEnum::from(health.protocol.as_str()))
            .health_check_port(&health.port)
            .health_check_path(&health.path)
            .health_check_interval_seconds(health.interval)
            .health_check_timeout_seconds(health.timeout)
            .healthy_threshold_count(health.healthy)
            .unhealthy_threshold_count(health.unhealthy)
            .matcher(Matcher::builder().http_code(&health.matcher).build())
            .set_tags(Some(self.own_tags(want, &want.group)));
        match wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await
        {
            Ok(answer) => Ok(answer
                .target_groups
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(find::group)),
            Err(error) if code(&error) == "DuplicateTargetGroupName" => Ok(None),
            Err(error) => {
                let what = format!("create target group {}", want.group);
                Err(aws_error(
                    "elasticloadbalancing:CreateTargetGroup",
                    what,
                    error,
                ))
            }
        }
    }

    /// Has a load balancer forward port 80, also one that is still provisioning; none where
    /// another listener was faster.
    pub async fn create_listener(
        &self,
        want: &Want,
        balancer: &str,
        group: &str,
    ) -> Result<Option<Listener>> {
        let request = self
            .client
            .create_listener()
            .load_balancer_arn(balancer)
            .protocol(ProtocolEnum::Http)
            .port(PORT)
            .default_actions(forward(group))
            .set_tags(Some(self.own_tags(want, &want.listener)));
        match wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await
        {
            Ok(answer) => Ok(answer
                .listeners
                .unwrap_or_default()
                .into_iter()
                .next()
                .map(find::listener)),
            Err(error) if code(&error) == "DuplicateListener" => Ok(None),
            Err(error) => {
                let what = format!("create the listener of load balancer {}", want.balancer);
                Err(aws_error(
                    "elasticloadbalancing:CreateListener",
                    what,
                    error,
                ))
            }
        }
    }

    /// Brings one part of a load balancer into line.
    pub async fn change_balancer(
        &self,
        want: &Want,
        place: &Place,
        arn: &str,
        part: Part,
    ) -> Result<()> {
        let what = |verb: &str| format!("{verb} load balancer {}", want.balancer);
        match part {
            Part::SecurityGroups => {
                let group = &place.security_group;
                let request = self
                    .client
                    .set_security_groups()
                    .load_balancer_arn(arn)
                    .security_groups(group);
                let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    request.clone().send()
                })
                .await;
                let operation = "elasticloadbalancing:SetSecurityGroups";
                answer
                    .map(drop)
                    .map_err(|e| aws_error(operation, what("set the security group of"), e))
            }
            Part::Subnets => {
                let request = self
                    .client
                    .set_subnets()
                    .load_balancer_arn(arn)
                    .set_subnets(Some(place.subnets.clone()));
                let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    request.clone().send()
                })
                .await;
                let operation = "elasticloadbalancing:SetSubnets";
                answer
                    .map(drop)
                    .map_err(|e| aws_error(operation, what("set the subnets of"), e))
            }
            Part::Attributes => {
                self.set_attributes(&want.balancer, arn, plan::ATTRIBUTES)
                    .await
            }
            _ => self.retag(arn, want, &want.balancer).await,
        }
    }

    async fn set_attributes(
        &self,
        name: &str,
        arn: &str,
        attributes: &[(&str, &str)],
    ) -> Result<()> {
        let pair = |(key, value): &(&str, &str)| {
            LoadBalancerAttribute::builder()
                .key(*key)
                .value(*value)
                .build()
        };
        let request = self
            .client
            .modify_load_balancer_attributes()
            .load_balancer_arn(arn);
        let request = request.set_attributes(Some(attributes.iter().map(pair).collect()));
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = format!("set the attributes of load balancer {name}");
        answer
            .map(drop)
            .map_err(|e| aws_error("elasticloadbalancing:ModifyLoadBalancerAttributes", what, e))
    }

    /// Brings one part of a target group into line.
    pub async fn change_group(&self, want: &Want, arn: &str, part: Part) -> Result<()> {
        match part {
            Part::Health => {
                let health = &want.health;
                let request = self
                    .client
                    .modify_target_group()
                    .target_group_arn(arn)
                    .health_check_protocol(ProtocolEnum::from(health.protocol.as_str()))
                    .health_check_port(&health.port)
                    .health_check_path(&health.path)
                    .health_check_interval_seconds(health.interval)
                    .health_check_timeout_seconds(health.timeout)
                    .healthy_threshold_count(health.healthy)
                    .unhealthy_threshold_count(health.unhealthy)
                    .matcher(Matcher::builder().http_code(&health.matcher).build());
                let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    request.clone().send()
                })
                .await;
                let what = format!("set the health check of target group {}", want.group);
                answer
                    .map(drop)
                    .map_err(|e| aws_error("elasticloadbalancing:ModifyTargetGroup", what, e))
            }
            Part::Attributes => {
                let pair = |(key, value): &(&str, &str)| {
                    TargetGroupAttribute::builder()
                        .key(*key)
                        .value(*value)
                        .build()
                };
                let request = self
                    .client
                    .modify_target_group_attributes()
                    .target_group_arn(arn);
                let request =
                    request.set_attributes(Some(plan::GROUP_ATTRIBUTES.iter().map(pair).collect()));
                let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    request.clone().send()
                })
                .await;
                let what = format!("set the attributes of target group {}", want.group);
                answer.map(drop).map_err(|e| {
                    aws_error("elasticloadbalancing:ModifyTargetGroupAttributes", what, e)
                })
            }
            _ => self.retag(arn, want, &want.group).await,
        }
    }

    /// Brings one part of a listener into line.
    pub async fn change_listener(
        &self,
        want: &Want,
        arn: &str,
        group: &str,
        part: Part,
    ) -> Result<()> {
        if part != Part::Action {
            return self.retag(arn, want, &want.listener).await;
        }
        let request = self
            .client
            .modify_listener()
            .listener_arn(arn)
            .port(PORT)
            .protocol(ProtocolEnum::Http);
        let request = request.default_actions(forward(group));
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await;
        let what = format!("change the listener of load balancer {}", want.balancer);
        answer
            .map(drop)
            .map_err(|e| aws_error("elasticloadbalancing:ModifyListener", what, e))
    }

    async fn retag(&self, arn: &str, want: &Want, name: &str) -> Result<()> {
        let request = self
            .client
            .add_tags()
            .resource_arns(arn)
            .set_tags(Some(self.own_tags(want, name)));
        let answer = request.send().await;
        answer
            .map(drop)
            .map_err(|e| aws_error("elasticloadbalancing:AddTags", format!("tag {name}"), e))
    }

    // Deleting: what is gone already counts as deleted.

    /// Deletes a load balancer with its listeners, and waits until AWS does not know it any more.
    pub async fn delete_balancer(&self, balancer: &Balancer) -> Result<()> {
        let (name, arn) = (&balancer.name, &balancer.arn);
        if balancer
            .attributes
            .get(plan::PROTECTION)
            .is_some_and(|on| on == "true")
        {
            self.set_attributes(name, arn, &[(plan::PROTECTION, "false")])
                .await?;
        }
        match self
            .client
            .delete_load_balancer()
            .load_balancer_arn(arn)
            .send()
            .await
        {
            Err(error) if !ABSENT.contains(&code(&error)) => {
                let what = format!("delete load balancer {name}");
                return Err(aws_error(
                    "elasticloadbalancing:DeleteLoadBalancer",
                    what,
                    error,
                ));
            }
            _ => {}
        }
        let what = format!("load balancer {name} is still deleting");
        wait::until(&self.aws.control, &what, GONE_DEADLINE, async || match self
            .client
            .describe_load_balancers()
            .load_balancer_arns(arn)
            .send()
            .await
        {
            Ok(answer) => Ok(answer.load_balancers().is_empty().then_some(())),
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Some(())),
            Err(error) => {
                let what = format!("look at load balancer {name}");
                Err(aws_error(
                    "elasticloadbalancing:DescribeLoadBalancers",
                    what,
                    error,
                ))
            }
        })
        .await
    }

    /// Deletes a listener alone.
    pub async fn delete_listener(&self, arn: &str) -> Result<()> {
        match self.client.delete_listener().listener_arn(arn).send().await {
            Err(error) if !ABSENT.contains(&code(&error)) => Err(aws_error(
                "elasticloadbalancing:DeleteListener",
                format!("delete listener {arn}"),
                error,
            )),
            _ => Ok(()),
        }
    }

    /// Deletes a target group, as soon as AWS sees that no listener uses it any more. Where a load
    /// balancer of `another` did a moment ago, that is not waited for.
    ///
    /// Errors: it still does.
    pub async fn delete_group(&self, group: &Group, another: Option<&str>) -> Result<()> {
        let request = self
            .client
            .delete_target_group()
            .target_group_arn(&group.arn);
        let in_use = ("ResourceInUse", "");
        let budget = if another.is_some() {
            Duration::ZERO
        } else {
            IN_USE_BUDGET
        };
        let answer = wait::retry(&self.aws.control, budget, &[in_use], || {
            request.clone().send()
        })
        .await;
        match (answer, another) {
            (Err(error), Some(theirs)) if code(&error) == in_use.0 => Err(Error::refused(format!(
                "cannot delete target group {}: in the way, and not this environment's: load balancer {theirs}",
                group.name
            ))
            .hint("delete its listener or rule and run it again")),
            (Err(error), _) if !ABSENT.contains(&code(&error)) => {
                let what = format!("delete target group {}", group.name);
                Err(aws_error("elasticloadbalancing:DeleteTargetGroup", what, error))
            }
            _ => Ok(()),
        }
    }

    fn own_tags(&self, want: &Want, name: &str) -> Vec<Tag> {
        let tags = plan::tags(&self.aws.env, &want.app, name).into_iter();
        tags.map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect()
    }
}

fn forward(group: &str) -> Action {
    Action::builder()
        .r#type(ActionTypeEnum::Forward)
        .target_group_arn(group)
        .build()
}
