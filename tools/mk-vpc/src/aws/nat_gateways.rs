//! NAT gateways, which take minutes to come and to go.

use std::cell::Cell;
use std::time::Duration;

use aws_sdk_ec2::types::ResourceType;
use plumbing::{Error, Result, aws_error, code, is_about_zone, wait, zone_hint};

use super::Ec2;
use super::create::{create_error_in_zone, tag_specification};
use super::list::nat_gateway_from;
use crate::plan::elect;
use crate::plan::{Name, NatGateway, Subnet};

/// A NAT gateway takes 1 to 3 minutes, at times 10.
const AVAILABLE_DEADLINE: Duration = Duration::from_secs(15 * 60);
/// The one that another run made shows within seconds, and so does an address.
const VISIBLE_DEADLINE: Duration = Duration::from_secs(60);
/// Deleting one can take long; Terraform waits 30 minutes.
const DELETE_DEADLINE: Duration = Duration::from_secs(30 * 60);
impl Ec2 {
    /// Makes the NAT gateway of a subnet. `previous` are those in it that failed or were deleted.
    ///
    /// The token names the subnet and not the address, so AWS lets only one run make it. It refuses
    /// the calls of other runs, each with an address of its own, and they take that NAT gateway.
    pub async fn create_nat_gateway(
        &self,
        name: &Name,
        subnet: &Subnet,
        address: &str,
        previous: &[&NatGateway],
    ) -> Result<NatGateway> {
        let zone = &subnet.zone;
        let subnet = &subnet.id;
        let tags = self.tags_of(name);
        let request = self
            .client
            .create_nat_gateway()
            .subnet_id(subnet)
            .allocation_id(address)
            .tag_specifications(tag_specification(ResourceType::Natgateway, &tags));
        let name_tag = name.tag(&self.aws.env);
        let what = format!("create nat gateway {name_tag} in {subnet}, {zone}");
        let late = format!("cannot {what}: another run makes it, and it does not show");
        let attempt = Cell::new(previous.len()); // the token of a previous one would answer with that
        wait::until(&self.aws.control, &late, VISIBLE_DEADLINE, async || {
            let token = self.token(&["nat", &name.part, subnet, &attempt.get().to_string()]);
            let send = || request.clone().client_token(&token).send();
            match self.until_visible("ec2:CreateNatGateway", send).await {
                Ok(answer) => {
                    let made = answer.nat_gateway.map(nat_gateway_from).unwrap_or_default();
                    if previous.iter().any(|nat| nat.id == made.id) {
                        attempt.set(attempt.get() + 1);
                        return Ok(None);
                    }
                    let tags = tags.iter().cloned().collect();
                    Ok(Some(NatGateway { tags, ..made }))
                }
                Err(error) if is_another_runs(code(&error)) => {
                    let others = self.list_nat_gateways(&self.current_vpc_id()).await?;
                    let failed = others.iter().filter(|nat| nat.subnet == *subnet).count();
                    attempt.set(attempt.get().max(failed));
                    Ok(elect::nat_gateway(&others, subnet, &[]).cloned())
                }
                Err(error) => Err(create_error_in_zone(
                    "ec2:CreateNatGateway",
                    &what,
                    error,
                    zone,
                )),
            }
        })
        .await
    }

    /// The address that a NAT gateway has; "" where EC2 does not say: not every emulator's
    /// CreateNatGateway says it, nor its DescribeNatGateways.
    pub async fn get_nat_gateway_address(&self, id: &str) -> Result<String> {
        let nats = self.list_nat_gateways(&self.current_vpc_id()).await?;
        let found = nats.into_iter().find(|nat| nat.id == id);
        Ok(found.unwrap_or_default().address)
    }

    /// Waits until NAT gateways work, asking for all with one call. Each is told with its zone.
    ///
    /// Errors: one failed, with AWS's reason; or one is still pending after 15 minutes.
    pub async fn wait_nat_gateways_available(
        &self,
        vpc: &str,
        pending: &[(&str, &str)],
    ) -> Result<()> {
        let ids: Vec<&str> = pending.iter().map(|(id, _)| *id).collect();
        let what = format!("nat gateway {} is still pending", ids.join(", "));
        wait::until(&self.aws.control, &what, AVAILABLE_DEADLINE, async || {
            let found = self.list_nat_gateways(vpc).await?;
            let mut available = true;
            for (id, zone) in pending {
                let nat = found.iter().find(|nat| nat.id == *id);
                available &= is_available(id, zone, nat)?;
            }
            Ok(available.then_some(()))
        })
        .await
    }

    /// Waits until a NAT gateway is deleted.
    pub async fn wait_nat_gateway_deleted(&self, id: &str) -> Result<()> {
        let what = format!("nat gateway {id} is still deleting");
        wait::until(
            &self.aws.control,
            &what,
            DELETE_DEADLINE,
            async || match self.get_nat_gateway(id).await? {
                Some(nat) if nat.state != "deleted" && nat.state != "failed" => Ok(None),
                _ => Ok(Some(())),
            },
        )
        .await
    }

    /// The NAT gateway of ours that has an address, and works or is about to.
    pub async fn nat_gateway_with(&self, address: &str) -> Result<Option<NatGateway>> {
        let pages = self
            .client
            .describe_nat_gateways()
            .filter(self.identity_filter())
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = format!("find the user of {address}");
            aws_error("ec2:DescribeNatGateways", what, error)
        })?;
        let mut nats = found.into_iter().map(nat_gateway_from);
        Ok(nats.find(|nat| nat.address == address && nat.is_usable()))
    }

    async fn get_nat_gateway(&self, id: &str) -> Result<Option<NatGateway>> {
        let request = self.client.describe_nat_gateways().nat_gateway_ids(id);
        match request.send().await {
            Ok(answer) => {
                let found = answer.nat_gateways.unwrap_or_default();
                let mut nats = found.into_iter().map(nat_gateway_from);
                Ok(nats.find(|nat| nat.id == id))
            }
            Err(error) if code(&error).ends_with("NotFound") => Ok(None),
            Err(error) => {
                let what = format!("look at {id}");
                Err(aws_error("ec2:DescribeNatGateways", what, error))
            }
        }
    }
}

/// Whether AWS refuses the call of a run by this code that was not the first to make it, or whose
/// address another run released.
fn is_another_runs(code: &str) -> bool {
    // The last is what Ansible's amazon.aws asks again over.
    let of_addresses = ["InvalidAllocation", "InvalidAddress", "InvalidElasticIp"];
    let is_of_address = of_addresses
        .iter()
        .any(|of_address| code.starts_with(of_address));
    code == "IdempotentParameterMismatch" || is_of_address && code.ends_with(".NotFound")
}

/// Whether a NAT gateway works. Errors: it will not.
fn is_available(id: &str, zone: &str, found: Option<&NatGateway>) -> Result<bool> {
    let Some(nat) = found else {
        return Ok(false); // EC2 does not show it yet
    };
    match nat.state.as_str() {
        "available" => Ok(true),
        "pending" | "" => Ok(false),
        "deleting" | "deleted" => Err(Error::unfinished(format!(
            "nat gateway {id} was deleted: another run is at work"
        ))
        .hint("run the pipeline again")),
        state => {
            let failure = &nat.failure;
            let message = format!("nat gateway {id} is {state}: {failure} (ec2:CreateNatGateway)");
            let hint = if is_about_zone(failure, failure) {
                zone_hint(&[zone.into()])
            } else {
                "see to that, and run the pipeline again: it makes another".into()
            };
            Err(Error::refused(message).hint(hint))
        }
    }
}
