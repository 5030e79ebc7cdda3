//! Load balancers.

use std::time::Duration;

use aws_sdk_elasticloadbalancingv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_elasticloadbalancingv2::types::{
    self, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum,
};
use futures_util::future::try_join_all;
use plumbing::{Error, Result, aws_error, code, is_about_zone, message, wait, zone_hint};
use tokio::try_join;

use super::{ABSENT, ARNS_AT_ONCE, Elb, PAGE, VISIBLE_DEADLINE, name_in, text};
use crate::plan::load_balancer::{
    self, LoadBalancer, Network, PROTECTION, Part, attributes_to_set, failed, is_protected,
    protected,
};
use crate::plan::tags::Tags;
use crate::plan::want::Want;

/// A load balancer takes 2 to 4 minutes until it is active.
const ACTIVE_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// A deleted load balancer is unknown at once; the deadline is for a region with a bad day.
const DELETED_DEADLINE: Duration = Duration::from_secs(5 * 60);

impl Elb {
    /// The load balancers that could be ours by their names, as AWS lists them.
    pub(super) async fn list_load_balancers(&self) -> Result<Vec<LoadBalancer>> {
        let pages = self
            .client
            .describe_load_balancers()
            .page_size(PAGE)
            .into_paginator()
            .items()
            .send();
        let listed: Vec<types::LoadBalancer> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                let operation = "elasticloadbalancing:DescribeLoadBalancers";
                aws_error(operation, "list the load balancers", error)
            })?;
        let mut load_balancers: Vec<_> = listed.into_iter().map(have_of).collect();
        load_balancers.retain(|one| load_balancer::could_be_ours(&self.aws.env, &one.name));
        Ok(load_balancers)
    }

    /// Adds a load balancer's attributes and its listeners, those without their tags.
    pub(super) async fn with_listeners_and_attributes(
        &self,
        load_balancer: LoadBalancer,
    ) -> Result<LoadBalancer> {
        let (listeners, attributes) = try_join!(
            self.list_listeners(&load_balancer),
            self.load_balancer_attributes(&load_balancer)
        )?;
        Ok(LoadBalancer {
            listeners,
            attributes,
            ..load_balancer
        })
    }

    async fn load_balancer_attributes(&self, load_balancer: &LoadBalancer) -> Result<Tags> {
        let request = self
            .client
            .describe_load_balancer_attributes()
            .load_balancer_arn(&load_balancer.arn);
        match request.send().await {
            Ok(answer) => {
                let mut attributes = Tags::new();
                for attribute in answer.attributes.unwrap_or_default() {
                    if let Some(key) = attribute.key {
                        attributes.insert(key, attribute.value.unwrap_or_default());
                    }
                }
                Ok(attributes)
            }
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Tags::new()),
            Err(error) => {
                let operation = "elasticloadbalancing:DescribeLoadBalancerAttributes";
                let name = &load_balancer.name;
                let what = format!("read the attributes of load balancer {name}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Waits for the load balancer of a name that AWS says is taken.
    pub async fn wait_load_balancer_visible(&self, name: &str) -> Result<LoadBalancer> {
        let what = format!("load balancer {name} is taken, but not shown");
        let get = || self.get_load_balancer(name);
        wait::until(&self.aws.control, &what, VISIBLE_DEADLINE, get).await
    }

    async fn get_load_balancer(&self, name: &str) -> Result<Option<LoadBalancer>> {
        let mut listed = self.list_load_balancers().await?.into_iter();
        let Some(found) = listed.find(|load_balancer| load_balancer.name == name) else {
            return Ok(None);
        };
        let arns = [found.arn.clone()];
        let (found, mut tags) =
            try_join!(self.with_listeners_and_attributes(found), self.tags(&arns))?;
        Ok(Some(LoadBalancer {
            tags: tags.remove(&found.arn).unwrap_or_default(),
            ..found
        }))
    }

    /// Makes a load balancer; answers nothing where there is one of that name with other settings.
    pub async fn create_load_balancer(
        &self,
        want: &Want,
        network: &Network,
    ) -> Result<Option<LoadBalancer>> {
        let name = &want.load_balancer_name;
        let request = self
            .client
            .create_load_balancer()
            .name(name)
            .r#type(LoadBalancerTypeEnum::Application)
            .scheme(LoadBalancerSchemeEnum::from(want.scheme))
            .set_subnets(Some(network.subnets.clone()))
            .security_groups(&network.security_group)
            .set_tags(Some(self.tags_for(want, name)));
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:CreateLoadBalancer",
            send,
        )
        .await
        {
            Ok(answer) => {
                let created = answer.load_balancers.unwrap_or_default();
                Ok(created.into_iter().next().map(have_of))
            }
            Err(error) if code(&error) == "DuplicateLoadBalancerName" => Ok(None),
            Err(error) => {
                let what = format!("create load balancer {name}");
                let operation = "elasticloadbalancing:CreateLoadBalancer";
                Err(refused_in_zone(operation, &what, error, &network.zones))
            }
        }
    }

    /// Brings one part of a load balancer into line.
    pub async fn set_load_balancer(
        &self,
        want: &Want,
        network: &Network,
        have: &LoadBalancer,
        part: Part,
    ) -> Result<()> {
        let name = &want.load_balancer_name;
        let arn = &have.arn;
        match part {
            Part::Tags => self.set_tags(want, arn, name).await,
            Part::SecurityGroups => self.set_security_groups(name, network, arn).await,
            Part::Subnets => {
                let subnets = load_balancer::subnets(network, have);
                self.set_subnets(name, arn, &subnets, &network.zones).await
            }
            Part::Attributes => {
                let attributes = attributes_to_set(want, have);
                self.set_attributes(name, arn, &attributes).await
            }
        }
    }

    async fn set_security_groups(&self, name: &str, network: &Network, arn: &str) -> Result<()> {
        let request = self
            .client
            .set_security_groups()
            .load_balancer_arn(arn)
            .security_groups(&network.security_group);
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:SetSecurityGroups",
            send,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the security group of load balancer {name}");
                let operation = "elasticloadbalancing:SetSecurityGroups";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Sets the subnets of a load balancer; `zones` are told where AWS refuses one of them.
    pub async fn set_subnets(
        &self,
        name: &str,
        arn: &str,
        subnets: &[String],
        zones: &[String],
    ) -> Result<()> {
        let request = self
            .client
            .set_subnets()
            .load_balancer_arn(arn)
            .set_subnets(Some(subnets.to_vec()));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "elasticloadbalancing:SetSubnets", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the subnets of load balancer {name}");
                let operation = "elasticloadbalancing:SetSubnets";
                Err(refused_in_zone(operation, &what, error, zones))
            }
        }
    }

    async fn set_attributes(
        &self,
        name: &str,
        arn: &str,
        attributes: &[(&str, &str)],
    ) -> Result<()> {
        let mut request = self
            .client
            .modify_load_balancer_attributes()
            .load_balancer_arn(arn);
        for (key, value) in attributes {
            let attribute = LoadBalancerAttribute::builder().key(*key).value(*value);
            request = request.attributes(attribute.build());
        }
        let send = || request.clone().send();
        match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            send,
        )
        .await
        {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("set the attributes of load balancer {name}");
                let operation = "elasticloadbalancing:ModifyLoadBalancerAttributes";
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Waits until all of some load balancers are active.
    ///
    /// Errors: one failed, with AWS's reason; or one is still provisioning after 10 minutes.
    pub async fn wait_active(&self, arns: &[String]) -> Result<()> {
        let chunks = arns.chunks(ARNS_AT_ONCE).map(async |arns| {
            let what = format!("load balancer {} is still provisioning", names_in(arns));
            let get = || self.are_active(arns);
            wait::until(&self.aws.control, &what, ACTIVE_DEADLINE, get).await
        });
        try_join_all(chunks).await.map(drop)
    }

    /// Answers when all are active.
    async fn are_active(&self, arns: &[String]) -> Result<Option<()>> {
        let request = self
            .client
            .describe_load_balancers()
            .set_load_balancer_arns(Some(arns.to_vec()));
        let send = || request.clone().send();
        let answer = match wait::retry(
            &self.aws.control,
            "elasticloadbalancing:DescribeLoadBalancers",
            send,
        )
        .await
        {
            Ok(answer) => answer,
            Err(error) => {
                let what = format!("look at load balancer {}", names_in(arns));
                let operation = "elasticloadbalancing:DescribeLoadBalancers";
                return Err(aws_error(operation, what, error));
            }
        };
        let mut active = 0;
        for found in answer.load_balancers.unwrap_or_default() {
            let found = have_of(found);
            if found.state == "failed" {
                return Err(failed(&found.name, &found.reason));
            }
            // An impaired one serves; it lacks room to grow.
            if found.state.starts_with("active") {
                active += 1;
            }
        }
        if active == arns.len() {
            return Ok(Some(()));
        }
        Ok(None)
    }

    /// Deletes a load balancer with its listeners, and waits until AWS does not know it any more.
    /// One that does not exist counts as deleted.
    ///
    /// Errors: it has deletion protection, and nobody said that this is to be lifted.
    pub async fn delete_load_balancer(&self, have: &LoadBalancer) -> Result<()> {
        let name = &have.name;
        if is_protected(have) {
            if !self.aws.lift_protection {
                return Err(protected(name));
            }
            let unprotected = &[(PROTECTION, "false")];
            self.set_attributes(name, &have.arn, unprotected).await?;
        }
        let request = self.client.delete_load_balancer();
        let request = request.load_balancer_arn(&have.arn);
        let operation = "elasticloadbalancing:DeleteLoadBalancer";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(_) => {}
            Err(error) if ABSENT.contains(&code(&error)) => {}
            Err(error) => {
                let what = format!("delete load balancer {name}");
                return Err(aws_error(operation, what, error));
            }
        }
        let what = format!("load balancer {name} is still deleting");
        let get = || self.is_deleted(have);
        wait::until(&self.aws.control, &what, DELETED_DEADLINE, get).await
    }

    /// Answers when AWS does not know a load balancer any more.
    async fn is_deleted(&self, have: &LoadBalancer) -> Result<Option<()>> {
        let request = self.client.describe_load_balancers();
        let request = request.load_balancer_arns(&have.arn);
        match request.send().await {
            Ok(answer) if answer.load_balancers().is_empty() => Ok(Some(())),
            Ok(_) => Ok(None),
            Err(error) if ABSENT.contains(&code(&error)) => Ok(Some(())),
            Err(error) => {
                let what = format!("look at load balancer {}", have.name);
                let operation = "elasticloadbalancing:DescribeLoadBalancers";
                Err(aws_error(operation, what, error))
            }
        }
    }
}

/// The error of a call that is about zones; where AWS refuses one, it says which flag helps.
fn refused_in_zone<E>(operation: &str, what: &str, error: SdkError<E>, zones: &[String]) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_about_zone = is_about_zone(code(&error), message(&error));
    let refused = aws_error(operation, what, error);
    if is_about_zone {
        return refused.hint(zone_hint(zones));
    }
    refused
}

fn names_in(arns: &[String]) -> String {
    let names: Vec<&str> = arns.iter().map(|arn| name_in(arn)).collect();
    names.join(", ")
}

fn have_of(found: types::LoadBalancer) -> LoadBalancer {
    let mut state = String::new();
    let mut reason = None;
    if let Some(found) = found.state() {
        state = text(found.code());
        reason = found.reason();
    }
    let mut created = 0;
    if let Some(time) = found.created_time() {
        created = time.to_millis().unwrap_or_default();
    }
    let zones = found.availability_zones().iter();
    LoadBalancer {
        subnets: zones.filter_map(|zone| zone.subnet_id.clone()).collect(),
        security_groups: found.security_groups().to_vec(),
        scheme: text(found.scheme()),
        kind: text(found.r#type()),
        state,
        reason: reason.unwrap_or("no reason given").into(),
        arn: found.load_balancer_arn.unwrap_or_default(),
        name: found.load_balancer_name.unwrap_or_default(),
        dns: found.dns_name.unwrap_or_default(),
        created,
        zone: found.canonical_hosted_zone_id.unwrap_or_default(),
        vpc: found.vpc_id.unwrap_or_default(),
        ..LoadBalancer::default()
    }
}
