//! What is there: found by name, told ours by tags, and what the SDK answers in plain words.

use std::collections::HashMap;

use aws_sdk_elasticloadbalancingv2::types::{
    ActionTypeEnum, Listener as SdkListener, LoadBalancer, Tag, TargetGroup,
};
use futures_util::future::try_join_all;
use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Result, aws_error, code, wait};
use tokio::try_join;

use super::{ABSENT, ARNS_AT_ONCE, Elb, FRESH_BUDGET};
use crate::plan::{self, Balancer, Group, Have, Health, Listener, PORT, Tags};

/// DescribeLoadBalancers and DescribeTargetGroups answer this many at the most.
const PAGE: i32 = 400;

impl Elb {
    /// All that could be ours by its name, with its tags, but for those of listeners; two calls deep.
    /// What it is like is asked of all that end in the environment's name; a name that was cut may be
    /// any environment's, and its tags are read first.
    pub async fn find(&self) -> Result<Have> {
        let (balancers, groups) = try_join!(self.balancers(), self.groups())?;
        let arns = balancers
            .iter()
            .map(|balancer| &balancer.arn)
            .chain(groups.iter().map(|group| &group.arn));
        let arns: Vec<String> = arns.cloned().collect();
        let whole = |name: &str| name.ends_with(&self.aws.env.name);
        let (sure, cut): (Vec<_>, Vec<_>) = balancers
            .into_iter()
            .partition(|balancer| whole(&balancer.name));
        let (sure_groups, cut_groups): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| whole(&group.name));
        let (mut tags, mut balancers, mut groups) = try_join!(
            self.tags(&arns),
            self.details(sure),
            wait::all(
                sure_groups
                    .into_iter()
                    .map(|group| self.group_details(group))
            )
        )?;
        let ours = |arn: &str| tags.get(arn).is_some_and(|tags| self.aws.env.owns(tags));
        let (cut, others): (Vec<_>, Vec<_>) =
            cut.into_iter().partition(|balancer| ours(&balancer.arn));
        let (cut_groups, other_groups): (Vec<_>, Vec<_>) =
            cut_groups.into_iter().partition(|group| ours(&group.arn));
        let (cut, cut_groups) = try_join!(
            self.details(cut),
            wait::all(
                cut_groups
                    .into_iter()
                    .map(|group| self.group_details(group))
            )
        )?;
        balancers.extend(cut.into_iter().chain(others));
        groups.extend(cut_groups.into_iter().chain(other_groups));
        // What has no tags to be read went since it was listed.
        let balancers = balancers.into_iter().filter_map(|one| {
            Some(Balancer {
                tags: tags.remove(&one.arn)?,
                ..one
            })
        });
        let balancers = balancers.collect();
        let groups = groups
            .into_iter()
            .filter_map(|one| {
                Some(Group {
                    tags: tags.remove(&one.arn)?,
                    ..one
                })
            })
            .collect();
        Ok(Have { balancers, groups })
    }

    async fn balancers(&self) -> Result<Vec<Balancer>> {
        let pages = self
            .client
            .describe_load_balancers()
            .page_size(PAGE)
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "elasticloadbalancing:DescribeLoadBalancers",
                "list the load balancers",
                e,
            )
        })?;
        let found = found.into_iter().map(balancer);
        Ok(found
            .filter(|b| could_be(&b.name, "alb", &self.aws.env.name, LOAD_BALANCER_LIMIT))
            .collect())
    }

    async fn groups(&self) -> Result<Vec<Group>> {
        let pages = self
            .client
            .describe_target_groups()
            .page_size(PAGE)
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "elasticloadbalancing:DescribeTargetGroups",
                "list the target groups",
                e,
            )
        })?;
        let found = found.into_iter().map(group);
        Ok(found
            .filter(|g| could_be(&g.name, "tg", &self.aws.env.name, LOAD_BALANCER_LIMIT))
            .collect())
    }

    /// The tags of each ARN; one that is gone has none.
    pub async fn tags(&self, arns: &[String]) -> Result<HashMap<String, Tags>> {
        let answers = try_join_all(
            arns.chunks(ARNS_AT_ONCE)
                .map(|arns| self.tags_at_once(arns)),
        )
        .await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn tags_at_once(&self, arns: &[String]) -> Result<Vec<(String, Tags)>> {
        match self
            .client
            .describe_tags()
            .set_resource_arns(Some(arns.to_vec()))
            .send()
            .await
        {
            Ok(answer) => Ok(answer
                .tag_descriptions
                .unwrap_or_default()
                .into_iter()
                .map(|described| {
                    (
                        described.resource_arn.unwrap_or_default(),
                        tags_of(described.tags),
                    )
                })
                .collect()),
            // One that was deleted since fails the call for all: then each is asked about alone.
            Err(error) if ABSENT.contains(&code(&error)) && arns.len() > 1 => {
                let each = arns.chunks(1).map(|arn| Box::pin(self.tags_at_once(arn)));
                Ok(try_join_all(each).await?.into_iter().flatten().collect())
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Vec::new()),
            Err(error) => Err(aws_error(
                "elasticloadbalancing:DescribeTags",
                "read tags",
                error,
            )),
        }
    }

    /// Load balancers with what they are like, but for the tags of their listeners.
    async fn details(&self, balancers: Vec<Balancer>) -> Result<Vec<Balancer>> {
        let each = balancers.into_iter().map(|balancer| async {
            let (listeners, attributes) =
                try_join!(self.listeners(&balancer), self.attributes(&balancer))?;
            Ok(Balancer {
                listeners,
                attributes,
                ..balancer
            })
        });
        wait::all(each).await
    }

    /// Listeners with their tags; what is gone is left out.
    pub async fn tagged(&self, listeners: &[Listener]) -> Result<Vec<Listener>> {
        let arns: Vec<String> = listeners.iter().map(|one| one.arn.clone()).collect();
        let mut tags = self.tags(&arns).await?;
        let tagged = |one: &Listener| {
            Some(Listener {
                tags: tags.remove(&one.arn)?,
                ..one.clone()
            })
        };
        Ok(listeners.iter().filter_map(tagged).collect())
    }

    /// The listeners of a load balancer, without their tags; none where it is gone.
    async fn listeners(&self, balancer: &Balancer) -> Result<Vec<Listener>> {
        let request = self
            .client
            .describe_listeners()
            .load_balancer_arn(&balancer.arn);
        let found: Vec<_> = match request
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
        {
            Ok(found) => found,
            Err(error) if ABSENT.contains(&code(&error)) => Vec::new(),
            Err(error) => {
                let what = format!("list the listeners of {}", balancer.name);
                return Err(aws_error(
                    "elasticloadbalancing:DescribeListeners",
                    what,
                    error,
                ));
            }
        };
        Ok(found.into_iter().map(listener).collect())
    }

    async fn attributes(&self, balancer: &Balancer) -> Result<Tags> {
        match self
            .client
            .describe_load_balancer_attributes()
            .load_balancer_arn(&balancer.arn)
            .send()
            .await
        {
            Ok(answer) => {
                let pairs = answer.attributes.unwrap_or_default().into_iter();
                Ok(pairs
                    .filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default())))
                    .collect())
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Tags::new()),
            Err(error) => {
                let what = format!("read the attributes of load balancer {}", balancer.name);
                Err(aws_error(
                    "elasticloadbalancing:DescribeLoadBalancerAttributes",
                    what,
                    error,
                ))
            }
        }
    }

    async fn group_details(&self, group: Group) -> Result<Group> {
        match self
            .client
            .describe_target_group_attributes()
            .target_group_arn(&group.arn)
            .send()
            .await
        {
            Ok(answer) => {
                let pairs = answer.attributes.unwrap_or_default().into_iter();
                let pairs =
                    pairs.filter_map(|pair| Some((pair.key?, pair.value.unwrap_or_default())));
                Ok(Group {
                    attributes: pairs.collect(),
                    ..group
                })
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(group),
            Err(error) => {
                let what = format!("read the attributes of target group {}", group.name);
                Err(aws_error(
                    "elasticloadbalancing:DescribeTargetGroupAttributes",
                    what,
                    error,
                ))
            }
        }
    }

    /// Looks at the load balancer of a name that AWS says is taken.
    pub async fn balancer_again(&self, name: &str) -> Result<Balancer> {
        let look = async || {
            let found = self
                .balancers()
                .await?
                .into_iter()
                .find(|balancer| balancer.name == name);
            let Some(found) = found else { return Ok(None) };
            let (mut details, mut tags) = try_join!(
                self.details(vec![found.clone()]),
                self.tags(std::slice::from_ref(&found.arn))
            )?;
            let found = details.pop().unwrap_or(found);
            Ok(Some(Balancer {
                tags: tags.remove(&found.arn).unwrap_or_default(),
                ..found
            }))
        };
        let what = format!("load balancer {name} is taken, but not shown");
        wait::until(&self.aws.control, &what, FRESH_BUDGET, look).await
    }

    /// Looks at the target group of a name that AWS says is taken.
    pub async fn group_again(&self, name: &str) -> Result<Group> {
        let look = async || {
            let found = self
                .groups()
                .await?
                .into_iter()
                .find(|group| group.name == name);
            let Some(found) = found else { return Ok(None) };
            let (found, mut tags) = try_join!(
                self.group_details(found.clone()),
                self.tags(std::slice::from_ref(&found.arn))
            )?;
            Ok(Some(Group {
                tags: tags.remove(&found.arn).unwrap_or_default(),
                ..found
            }))
        };
        let what = format!("target group {name} is taken, but not shown");
        wait::until(&self.aws.control, &what, FRESH_BUDGET, look).await
    }

    /// Looks at the listener of a port that AWS says is taken.
    pub async fn listener_again(&self, balancer: &Balancer) -> Result<Listener> {
        let look = async || {
            let found = plan::on_port(&self.listeners(balancer).await?).cloned();
            let Some(found) = found else { return Ok(None) };
            Ok(self.tagged(std::slice::from_ref(&found)).await?.pop())
        };
        let what = format!(
            "port {PORT} of load balancer {} is taken, but its listener not shown",
            balancer.name
        );
        wait::until(&self.aws.control, &what, FRESH_BUDGET, look).await
    }
}

fn tags_of(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

pub(super) fn balancer(found: LoadBalancer) -> Balancer {
    let state = found.state.as_ref();
    Balancer {
        subnets: found
            .availability_zones()
            .iter()
            .filter_map(|zone| zone.subnet_id.clone())
            .collect(),
        security_groups: found.security_groups().to_vec(),
        scheme: found
            .scheme()
            .map(|scheme| scheme.as_str().into())
            .unwrap_or_default(),
        kind: found
            .r#type()
            .map(|kind| kind.as_str().into())
            .unwrap_or_default(),
        state: state
            .and_then(|state| state.code())
            .map(|code| code.as_str().into())
            .unwrap_or_default(),
        reason: state
            .and_then(|state| state.reason())
            .unwrap_or("no reason given")
            .into(),
        arn: found.load_balancer_arn.unwrap_or_default(),
        name: found.load_balancer_name.unwrap_or_default(),
        dns: found.dns_name.unwrap_or_default(),
        zone: found.canonical_hosted_zone_id.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ..Balancer::default()
    }
}

pub(super) fn group(found: TargetGroup) -> Group {
    let health = Health {
        protocol: found
            .health_check_protocol()
            .map(|protocol| protocol.as_str().into())
            .unwrap_or_default(),
        port: found.health_check_port().unwrap_or_default().into(),
        path: found.health_check_path().unwrap_or_default().into(),
        matcher: found
            .matcher()
            .and_then(|matcher| matcher.http_code())
            .unwrap_or_default()
            .into(),
        interval: found.health_check_interval_seconds().unwrap_or_default(),
        timeout: found.health_check_timeout_seconds().unwrap_or_default(),
        healthy: found.healthy_threshold_count().unwrap_or_default(),
        unhealthy: found.unhealthy_threshold_count().unwrap_or_default(),
    };
    Group {
        health,
        kind: found
            .target_type()
            .map(|kind| kind.as_str().into())
            .unwrap_or_default(),
        protocol: found
            .protocol()
            .map(|protocol| protocol.as_str().into())
            .unwrap_or_default(),
        port: found.port().unwrap_or_default(),
        balancers: found.load_balancer_arns().to_vec(),
        arn: found.target_group_arn.unwrap_or_default(),
        name: found.target_group_name.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ..Group::default()
    }
}

pub(super) fn listener(found: SdkListener) -> Listener {
    let target = match found.default_actions() {
        [action] if action.r#type() == Some(&ActionTypeEnum::Forward) => {
            let weighted = action
                .forward_config()
                .map(|forward| forward.target_groups())
                .unwrap_or_default();
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
        protocol: found
            .protocol()
            .map(|protocol| protocol.as_str().into())
            .unwrap_or_default(),
        arn: found.listener_arn.unwrap_or_default(),
        tags: Tags::new(),
    }
}
