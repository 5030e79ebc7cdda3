//! Every Elastic Load Balancing call about load balancers, target groups and listeners. Thin: what
//! to call with what is decided in `plan.rs` and in the order of `make.rs` and `delete.rs`.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::config::Builder;
use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Listener as SdkListener, LoadBalancer, LoadBalancerAttribute, LoadBalancerSchemeEnum,
    LoadBalancerTypeEnum, Matcher, ProtocolEnum, Tag, TargetGroup, TargetGroupAttribute, TargetTypeEnum,
};
use futures_util::future::try_join_all;
use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Aws, Env, Result, Stream, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{self, Balancer, Group, Have, Health, Listener, PORT, Part, Place, Tags, Want};

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
const ABSENT: [&str; 3] = ["LoadBalancerNotFound", "TargetGroupNotFound", "ListenerNotFound"];
/// A load balancer takes 2 to 4 minutes.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A deleted load balancer is unknown at once; the deadline is for a region with a bad day.
const GONE_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// A target group counts as in use for a while after its listener went.
const IN_USE_BUDGET: Duration = Duration::from_secs(120);
/// DescribeLoadBalancers and DescribeTargetGroups answer this many at the most.
const PAGE: i32 = 400;
/// DescribeTags takes this many ARNs, and so does DescribeLoadBalancers.
pub const ARNS_AT_ONCE: usize = 20;

/// Elastic Load Balancing, and for whom: the environment whose tags go into each create call.
pub struct Elb {
    /// The SDK's client, also for `health.rs`.
    pub(crate) client: Client,
    /// Where waits learn that the tool must stop.
    pub stream: Stream,
    /// Whose load balancers they are.
    pub env: Env,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws, stream: &Stream, env: &Env) -> Elb {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Elb { client: Client::from_conf(config), stream: stream.clone(), env: env.clone() }
}

impl Elb {
    /// All that could be ours by its name, with its tags; two calls deep. What it is like is asked
    /// of all that end in the environment's name; a name that was cut may be any environment's,
    /// and its tags are read first.
    pub async fn find(&self) -> Result<Have> {
        let (balancers, groups) = try_join!(self.balancers(), self.groups())?;
        let arns = balancers.iter().map(|balancer| &balancer.arn).chain(groups.iter().map(|group| &group.arn));
        let arns: Vec<String> = arns.cloned().collect();
        let whole = |name: &str| name.ends_with(&self.env.name);
        let (sure, cut): (Vec<_>, Vec<_>) = balancers.into_iter().partition(|balancer| whole(&balancer.name));
        let (sure_groups, cut_groups): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| whole(&group.name));
        let (mut tags, mut balancers, mut groups) = try_join!(
            self.tags(&arns),
            self.details(sure),
            try_join_all(sure_groups.into_iter().map(|group| self.group_details(group)))
        )?;
        let ours = |arn: &str| tags.get(arn).is_some_and(|tags| self.env.owns(tags));
        let (cut, others): (Vec<_>, Vec<_>) = cut.into_iter().partition(|balancer| ours(&balancer.arn));
        let (cut_groups, other_groups): (Vec<_>, Vec<_>) = cut_groups.into_iter().partition(|group| ours(&group.arn));
        let (cut, cut_groups) =
            try_join!(self.details(cut), try_join_all(cut_groups.into_iter().map(|group| self.group_details(group))))?;
        balancers.extend(cut.into_iter().chain(others));
        groups.extend(cut_groups.into_iter().chain(other_groups));
        balancers.iter_mut().for_each(|balancer| balancer.tags = tags.remove(&balancer.arn).unwrap_or_default());
        groups.iter_mut().for_each(|group| group.tags = tags.remove(&group.arn).unwrap_or_default());
        Ok(Have { balancers, groups })
    }

    async fn balancers(&self) -> Result<Vec<Balancer>> {
        let pages = self.client.describe_load_balancers().page_size(PAGE).into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("elasticloadbalancing:DescribeLoadBalancers", "list the load balancers", e))?;
        let found = found.into_iter().map(balancer);
        Ok(found.filter(|b| could_be(&b.name, "alb", &self.env.name, LOAD_BALANCER_LIMIT)).collect())
    }

    async fn groups(&self) -> Result<Vec<Group>> {
        let pages = self.client.describe_target_groups().page_size(PAGE).into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("elasticloadbalancing:DescribeTargetGroups", "list the target groups", e))?;
        let found = found.into_iter().map(group);
        Ok(found.filter(|g| could_be(&g.name, "tg", &self.env.name, LOAD_BALANCER_LIMIT)).collect())
    }

    /// The tags of each ARN; one that is gone has none.
    pub async fn tags(&self, arns: &[String]) -> Result<HashMap<String, Tags>> {
        let answers = try_join_all(arns.chunks(ARNS_AT_ONCE).map(|arns| self.tags_at_once(arns))).await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn tags_at_once(&self, arns: &[String]) -> Result<Vec<(String, Tags)>> {
        match self.client.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await {
            Ok(answer) => Ok(answer
                .tag_descriptions
                .unwrap_or_default()
                .into_iter()
                .map(|described| (described.resource_arn.unwrap_or_default(), tags_of(described.tags)))
                .collect()),
            // One that was deleted since fails the call for all: then each is asked about alone.
            Err(error) if ABSENT.contains(&code(&error)) && arns.len() > 1 => {
                let each = arns.chunks(1).map(|arn| Box::pin(self.tags_at_once(arn)));
                Ok(try_join_all(each).await?.into_iter().flatten().collect())
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Vec::new()),
            Err(error) => Err(aws_error("elasticloadbalancing:DescribeTags", "read tags", error)),
        }
    }

    async fn details(&self, balancers: Vec<Balancer>) -> Result<Vec<Balancer>> {
        let each = balancers.into_iter().map(|balancer| async {
            let (listeners, attributes) = try_join!(self.listeners(&balancer), self.attributes(&balancer))?;
            Ok(Balancer { listeners, attributes, ..balancer })
        });
        try_join_all(each).await
    }

    /// The listeners of a load balancer, without their tags; none where it is gone.
    pub async fn listeners(&self, balancer: &Balancer) -> Result<Vec<Listener>> {
        let request = self.client.describe_listeners().load_balancer_arn(&balancer.arn);
        let found: Vec<_> = match request.into_paginator().items().send().collect::<Result<_, _>>().await {
            Ok(found) => found,
            Err(error) if ABSENT.contains(&code(&error)) => Vec::new(),
            Err(error) => {
                let what = format!("list the listeners of {}", balancer.name);
                return Err(aws_error("elasticloadbalancing:DescribeListeners", what, error));
            }
        };
        Ok(found.into_iter().map(listener).collect())
    }

    async fn attributes(&self, balancer: &Balancer) -> Result<Tags> {
        match self.client.describe_load_balancer_attributes().load_balancer_arn(&balancer.arn).send().await {
            Ok(answer) => {
                let pairs = answer.attributes.unwrap_or_default().into_iter();
                Ok(pairs.filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default()))).collect())
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Tags::new()),
            Err(error) => {
                let what = format!("read the attributes of load balancer {}", balancer.name);
                Err(aws_error("elasticloadbalancing:DescribeLoadBalancerAttributes", what, error))
            }
        }
    }

    async fn group_details(&self, group: Group) -> Result<Group> {
        match self.client.describe_target_group_attributes().target_group_arn(&group.arn).send().await {
            Ok(answer) => {
                let pairs = answer.attributes.unwrap_or_default().into_iter();
                let pairs = pairs.filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default())));
                Ok(Group { attributes: pairs.collect(), ..group })
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(group),
            Err(error) => {
                let what = format!("read the attributes of target group {}", group.name);
                Err(aws_error("elasticloadbalancing:DescribeTargetGroupAttributes", what, error))
            }
        }
    }

    /// Looks at the load balancer of a name that AWS says is taken.
    pub async fn balancer_again(&self, name: &str) -> Result<Balancer> {
        let look = async || {
            let found = self.balancers().await?.into_iter().find(|balancer| balancer.name == name);
            let Some(found) = found else { return Ok(None) };
            let (mut details, mut tags) =
                try_join!(self.details(vec![found.clone()]), self.tags(std::slice::from_ref(&found.arn)))?;
            let found = details.pop().unwrap_or(found);
            Ok(Some(Balancer { tags: tags.remove(&found.arn).unwrap_or_default(), ..found }))
        };
        let what = format!("load balancer {name} is taken, but not shown");
        wait::until(&self.stream, &what, FRESH_BUDGET, look).await
    }

    /// Looks at the target group of a name that AWS says is taken.
    pub async fn group_again(&self, name: &str) -> Result<Group> {
        let look = async || {
            let found = self.groups().await?.into_iter().find(|group| group.name == name);
            let Some(found) = found else { return Ok(None) };
            let (found, mut tags) =
                try_join!(self.group_details(found.clone()), self.tags(std::slice::from_ref(&found.arn)))?;
            Ok(Some(Group { tags: tags.remove(&found.arn).unwrap_or_default(), ..found }))
        };
        let what = format!("target group {name} is taken, but not shown");
        wait::until(&self.stream, &what, FRESH_BUDGET, look).await
    }

    /// Looks at the listener of a port that AWS says is taken.
    pub async fn listener_again(&self, balancer: &Balancer) -> Result<Listener> {
        let look = async || Ok(plan::on_port(&self.listeners(balancer).await?).cloned());
        let what = format!("port {PORT} of load balancer {} is taken, but its listener not shown", balancer.name);
        wait::until(&self.stream, &what, FRESH_BUDGET, look).await
    }

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
        match wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await {
            Ok(answer) => Ok(answer.load_balancers.unwrap_or_default().into_iter().next().map(balancer)),
            Err(error) if code(&error) == "DuplicateLoadBalancerName" => Ok(None),
            Err(error) => {
                let what = format!("create load balancer {}", want.balancer);
                Err(aws_error("elasticloadbalancing:CreateLoadBalancer", what, error))
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
        match wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await {
            Ok(answer) => Ok(answer.target_groups.unwrap_or_default().into_iter().next().map(group)),
            Err(error) if code(&error) == "DuplicateTargetGroupName" => Ok(None),
            Err(error) => {
                let what = format!("create target group {}", want.group);
                Err(aws_error("elasticloadbalancing:CreateTargetGroup", what, error))
            }
        }
    }

    /// Has a load balancer forward port 80, also one that is still provisioning; none where
    /// another listener was faster.
    pub async fn create_listener(&self, want: &Want, balancer: &str, group: &str) -> Result<Option<Listener>> {
        let request = self
            .client
            .create_listener()
            .load_balancer_arn(balancer)
            .protocol(ProtocolEnum::Http)
            .port(PORT)
            .default_actions(forward(group))
            .set_tags(Some(self.own_tags(want, &want.listener)));
        match wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await {
            Ok(answer) => Ok(answer.listeners.unwrap_or_default().into_iter().next().map(listener)),
            Err(error) if code(&error) == "DuplicateListener" => Ok(None),
            Err(error) => {
                let what = format!("create the listener of load balancer {}", want.balancer);
                Err(aws_error("elasticloadbalancing:CreateListener", what, error))
            }
        }
    }

    /// Brings one part of a load balancer into line.
    pub async fn change_balancer(&self, want: &Want, place: &Place, arn: &str, part: Part) -> Result<()> {
        let what = |verb: &str| format!("{verb} load balancer {}", want.balancer);
        match part {
            Part::SecurityGroups => {
                let group = &place.security_group;
                let request = self.client.set_security_groups().load_balancer_arn(arn).security_groups(group);
                let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
                let operation = "elasticloadbalancing:SetSecurityGroups";
                answer.map(drop).map_err(|e| aws_error(operation, what("set the security group of"), e))
            }
            Part::Subnets => {
                let request = self.client.set_subnets().load_balancer_arn(arn).set_subnets(Some(place.subnets.clone()));
                let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
                let operation = "elasticloadbalancing:SetSubnets";
                answer.map(drop).map_err(|e| aws_error(operation, what("set the subnets of"), e))
            }
            Part::Attributes => self.set_attributes(&want.balancer, arn, plan::ATTRIBUTES).await,
            _ => self.retag(arn, want, &want.balancer).await,
        }
    }

    async fn set_attributes(&self, name: &str, arn: &str, attributes: &[(&str, &str)]) -> Result<()> {
        let pair = |(key, value): &(&str, &str)| LoadBalancerAttribute::builder().key(*key).value(*value).build();
        let request = self.client.modify_load_balancer_attributes().load_balancer_arn(arn);
        let request = request.set_attributes(Some(attributes.iter().map(pair).collect()));
        let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
        let what = format!("set the attributes of load balancer {name}");
        answer.map(drop).map_err(|e| aws_error("elasticloadbalancing:ModifyLoadBalancerAttributes", what, e))
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
                let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
                let what = format!("set the health check of target group {}", want.group);
                answer.map(drop).map_err(|e| aws_error("elasticloadbalancing:ModifyTargetGroup", what, e))
            }
            Part::Attributes => {
                let pair =
                    |(key, value): &(&str, &str)| TargetGroupAttribute::builder().key(*key).value(*value).build();
                let request = self.client.modify_target_group_attributes().target_group_arn(arn);
                let request = request.set_attributes(Some(plan::GROUP_ATTRIBUTES.iter().map(pair).collect()));
                let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
                let what = format!("set the attributes of target group {}", want.group);
                answer.map(drop).map_err(|e| aws_error("elasticloadbalancing:ModifyTargetGroupAttributes", what, e))
            }
            _ => self.retag(arn, want, &want.group).await,
        }
    }

    /// Brings one part of a listener into line.
    pub async fn change_listener(&self, want: &Want, arn: &str, group: &str, part: Part) -> Result<()> {
        if part != Part::Action {
            return self.retag(arn, want, &want.listener).await;
        }
        let request = self.client.modify_listener().listener_arn(arn).port(PORT).protocol(ProtocolEnum::Http);
        let request = request.default_actions(forward(group));
        let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
        let what = format!("change the listener of load balancer {}", want.balancer);
        answer.map(drop).map_err(|e| aws_error("elasticloadbalancing:ModifyListener", what, e))
    }

    async fn retag(&self, arn: &str, want: &Want, name: &str) -> Result<()> {
        let request = self.client.add_tags().resource_arns(arn).set_tags(Some(self.own_tags(want, name)));
        let answer = request.send().await;
        answer.map(drop).map_err(|e| aws_error("elasticloadbalancing:AddTags", format!("tag {name}"), e))
    }

    /// Waits until all of some load balancers work.
    ///
    /// Errors: one failed, with AWS's reason; or one is still provisioning after 10 minutes.
    pub async fn active(&self, arns: &[String]) -> Result<()> {
        let chunks = arns.chunks(ARNS_AT_ONCE).map(|arns| async move {
            let names: Vec<&str> = arns.iter().map(|arn| name_in(arn)).collect();
            let what = format!("load balancer {} is still provisioning", names.join(", "));
            wait::until(&self.stream, &what, ACTIVE_DEADLINE, || self.all_active(arns)).await
        });
        try_join_all(chunks).await.map(drop)
    }

    async fn all_active(&self, arns: &[String]) -> Result<Option<()>> {
        let request = self.client.describe_load_balancers().set_load_balancer_arns(Some(arns.to_vec()));
        let answer = wait::retry(&self.stream, FRESH_BUDGET, FRESH, || request.clone().send()).await;
        let answer = answer.map_err(|e| {
            let names: Vec<&str> = arns.iter().map(|arn| name_in(arn)).collect();
            let what = format!("look at load balancer {}", names.join(", "));
            aws_error("elasticloadbalancing:DescribeLoadBalancers", what, e)
        })?;
        let found: Vec<Balancer> = answer.load_balancers.unwrap_or_default().into_iter().map(balancer).collect();
        if let Some(failed) = found.iter().find(|balancer| balancer.state == "failed") {
            return Err(plan::failed(&failed.name, &failed.reason));
        }
        // An impaired one serves; it lacks room to grow.
        let active = found.iter().filter(|balancer| balancer.state.starts_with("active")).count();
        Ok((active == arns.len()).then_some(()))
    }

    // Deleting: what is gone already counts as deleted.

    /// Deletes a load balancer with its listeners, and waits until AWS does not know it any more.
    pub async fn delete_balancer(&self, balancer: &Balancer) -> Result<()> {
        let (name, arn) = (&balancer.name, &balancer.arn);
        if balancer.attributes.get(plan::PROTECTION).is_some_and(|on| on == "true") {
            self.set_attributes(name, arn, &[(plan::PROTECTION, "false")]).await?;
        }
        match self.client.delete_load_balancer().load_balancer_arn(arn).send().await {
            Err(error) if !ABSENT.contains(&code(&error)) => {
                let what = format!("delete load balancer {name}");
                return Err(aws_error("elasticloadbalancing:DeleteLoadBalancer", what, error));
            }
            _ => {}
        }
        let what = format!("load balancer {name} is still deleting");
        wait::until(&self.stream, &what, GONE_DEADLINE, async || {
            match self.client.describe_load_balancers().load_balancer_arns(arn).send().await {
                Ok(answer) => Ok(answer.load_balancers().is_empty().then_some(())),
                Err(error) if ABSENT.contains(&code(&error)) => Ok(Some(())),
                Err(error) => {
                    let what = format!("look at load balancer {name}");
                    Err(aws_error("elasticloadbalancing:DescribeLoadBalancers", what, error))
                }
            }
        })
        .await
    }

    /// Deletes a listener alone.
    pub async fn delete_listener(&self, arn: &str) -> Result<()> {
        match self.client.delete_listener().listener_arn(arn).send().await {
            Err(error) if !ABSENT.contains(&code(&error)) => {
                Err(aws_error("elasticloadbalancing:DeleteListener", format!("delete listener {arn}"), error))
            }
            _ => Ok(()),
        }
    }

    /// Deletes a target group, as soon as AWS sees that no listener uses it any more.
    pub async fn delete_group(&self, group: &Group) -> Result<()> {
        let request = self.client.delete_target_group().target_group_arn(&group.arn);
        let in_use = &[("ResourceInUse", "")];
        match wait::retry(&self.stream, IN_USE_BUDGET, in_use, || request.clone().send()).await {
            Err(error) if !ABSENT.contains(&code(&error)) => {
                let what = format!("delete target group {}", group.name);
                Err(aws_error("elasticloadbalancing:DeleteTargetGroup", what, error))
            }
            _ => Ok(()),
        }
    }

    fn own_tags(&self, want: &Want, name: &str) -> Vec<Tag> {
        let tags = plan::tags(&self.env, &want.app, name).into_iter();
        tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
    }
}

/// The name within an ARN: `…:loadbalancer/app/NAME/ID`, `…:targetgroup/NAME/ID`.
pub(crate) fn name_in(arn: &str) -> &str {
    arn.rsplit('/').nth(1).unwrap_or(arn)
}

fn forward(group: &str) -> Action {
    Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(group).build()
}

fn tags_of(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}

fn balancer(found: LoadBalancer) -> Balancer {
    let state = found.state.as_ref();
    Balancer {
        subnets: found.availability_zones().iter().filter_map(|zone| zone.subnet_id.clone()).collect(),
        security_groups: found.security_groups().to_vec(),
        scheme: found.scheme().map(|scheme| scheme.as_str().into()).unwrap_or_default(),
        kind: found.r#type().map(|kind| kind.as_str().into()).unwrap_or_default(),
        state: state.and_then(|state| state.code()).map(|code| code.as_str().into()).unwrap_or_default(),
        reason: state.and_then(|state| state.reason()).unwrap_or("no reason given").into(),
        arn: found.load_balancer_arn.unwrap_or_default(),
        name: found.load_balancer_name.unwrap_or_default(),
        dns: found.dns_name.unwrap_or_default(),
        zone: found.canonical_hosted_zone_id.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ..Balancer::default()
    }
}

fn group(found: TargetGroup) -> Group {
    let health = Health {
        protocol: found.health_check_protocol().map(|protocol| protocol.as_str().into()).unwrap_or_default(),
        port: found.health_check_port().unwrap_or_default().into(),
        path: found.health_check_path().unwrap_or_default().into(),
        matcher: found.matcher().and_then(|matcher| matcher.http_code()).unwrap_or_default().into(),
        interval: found.health_check_interval_seconds().unwrap_or_default(),
        timeout: found.health_check_timeout_seconds().unwrap_or_default(),
        healthy: found.healthy_threshold_count().unwrap_or_default(),
        unhealthy: found.unhealthy_threshold_count().unwrap_or_default(),
    };
    Group {
        health,
        kind: found.target_type().map(|kind| kind.as_str().into()).unwrap_or_default(),
        protocol: found.protocol().map(|protocol| protocol.as_str().into()).unwrap_or_default(),
        port: found.port().unwrap_or_default(),
        balancers: found.load_balancer_arns().to_vec(),
        arn: found.target_group_arn.unwrap_or_default(),
        name: found.target_group_name.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ..Group::default()
    }
}

fn listener(found: SdkListener) -> Listener {
    let target = match found.default_actions() {
        [action] if action.r#type() == Some(&ActionTypeEnum::Forward) => {
            let weighted = action.forward_config().map(|forward| forward.target_groups()).unwrap_or_default();
            match weighted {
                [] => action.target_group_arn().map(String::from),
                [one] => one.target_group_arn().map(String::from),
                _ => None,
            }
        }
        _ => None,
    };
    Listener {
        target_group: target,
        port: found.port().unwrap_or_default(),
        protocol: found.protocol().map(|protocol| protocol.as_str().into()).unwrap_or_default(),
        arn: found.listener_arn.unwrap_or_default(),
        tags: Tags::new(),
    }
}
