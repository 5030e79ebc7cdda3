//! What is there: all that carries the environment's identity, and what lies in its VPC, in plain
//! words. Every answer is filtered again here: not every filter is honoured at once, or at all.

use aws_sdk_ec2::types::{
    NatGateway as SdkNat, RouteTable, RouteTableAssociationStateCode, VpcAttributeName,
};
use plumbing::{Result, aws_error, code};
use tokio::try_join;

use super::{Ec2, filter, tags};
use crate::plan::{self, Address, DefaultGroup, Gateway, Have, NatGateway, Network, Subnet, Table};

impl Ec2 {
    /// The zones that every account may use, by name.
    pub async fn zones(&self) -> Result<Vec<String>> {
        let answer = self
            .client
            .describe_availability_zones()
            .filters(filter("opt-in-status", "opt-in-not-required"))
            .filters(filter("state", "available"))
            .filters(filter("zone-type", "availability-zone"))
            .send()
            .await
            .map_err(|e| {
                aws_error(
                    "ec2:DescribeAvailabilityZones",
                    "list the availability zones",
                    e,
                )
            })?;
        let mut zones: Vec<String> = answer
            .availability_zones()
            .iter()
            .filter_map(|z| z.zone_name.clone())
            .collect();
        zones.sort();
        Ok(zones)
    }

    /// All that carries the identity tag; two calls deep.
    pub async fn find(&self) -> Result<Have> {
        let (vpcs, gateways, addresses) =
            try_join!(self.vpcs(), self.gateways(), self.addresses())?;
        let mut have = Have {
            vpcs,
            gateways,
            addresses,
            ..Have::default()
        };
        let Some(vpc) = plan::first(&have.vpcs).map(|vpc| vpc.id.clone()) else {
            return Ok(have);
        };
        let tables;
        (
            have.subnets,
            tables,
            have.nats,
            have.default_group,
            have.dns,
            have.hostnames,
        ) = try_join!(
            self.subnets(&vpc),
            self.tables(&vpc),
            self.nats(&vpc),
            self.default_group(&vpc),
            self.attribute(&vpc, VpcAttributeName::EnableDnsSupport),
            self.attribute(&vpc, VpcAttributeName::EnableDnsHostnames)
        )?;
        (have.tables, have.strangers) = tables
            .into_iter()
            .partition(|table| self.aws.env.owns(&table.tags));
        Ok(have)
    }

    /// Our VPCs.
    pub async fn vpcs(&self) -> Result<Vec<Network>> {
        let pages = self
            .client
            .describe_vpcs()
            .filters(self.identity())
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("ec2:DescribeVpcs", "find the vpc", e))?;
        let vpcs = found.into_iter().map(|vpc| Network {
            id: vpc.vpc_id.unwrap_or_default(),
            cidr: vpc.cidr_block.unwrap_or_default(),
            tags: tags(vpc.tags),
        });
        Ok(vpcs.filter(|vpc| self.aws.env.owns(&vpc.tags)).collect())
    }

    /// Our internet gateways.
    pub async fn gateways(&self) -> Result<Vec<Gateway>> {
        let pages = self
            .client
            .describe_internet_gateways()
            .filters(self.identity())
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "ec2:DescribeInternetGateways",
                "find the internet gateway",
                e,
            )
        })?;
        let gateways = found.into_iter().map(|gateway| Gateway {
            vpc: gateway
                .attachments()
                .first()
                .and_then(|attachment| attachment.vpc_id.clone()),
            id: gateway.internet_gateway_id.unwrap_or_default(),
            tags: tags(gateway.tags),
        });
        Ok(gateways
            .filter(|gateway| self.aws.env.owns(&gateway.tags))
            .collect())
    }

    /// Our Elastic IP addresses; this call has no pages.
    pub async fn addresses(&self) -> Result<Vec<Address>> {
        let answer = self
            .client
            .describe_addresses()
            .filters(self.identity())
            .send()
            .await;
        let found = answer
            .map_err(|e| aws_error("ec2:DescribeAddresses", "find the elastic ip addresses", e))?;
        let addresses = found
            .addresses
            .unwrap_or_default()
            .into_iter()
            .map(|address| Address {
                used: [address.association_id(), address.network_interface_id()]
                    .iter()
                    .flatten()
                    .any(|id| !id.is_empty()),
                id: address.allocation_id.unwrap_or_default(),
                tags: tags(address.tags),
            });
        Ok(addresses
            .filter(|address| self.aws.env.owns(&address.tags))
            .collect())
    }

    /// Our subnets of a VPC.
    pub async fn subnets(&self, vpc: &str) -> Result<Vec<Subnet>> {
        let pages = self
            .client
            .describe_subnets()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "ec2:DescribeSubnets",
                format!("find the subnets of {vpc}"),
                e,
            )
        })?;
        let subnets = found.into_iter().map(|subnet| Subnet {
            id: subnet.subnet_id.unwrap_or_default(),
            cidr: subnet.cidr_block.unwrap_or_default(),
            zone: subnet.availability_zone.unwrap_or_default(),
            tags: tags(subnet.tags),
        });
        Ok(subnets
            .filter(|subnet| self.aws.env.owns(&subnet.tags))
            .collect())
    }

    /// The route tables of a VPC, whoever made them, but for the main one, which is the VPC's own.
    async fn tables(&self, vpc: &str) -> Result<Vec<Table>> {
        let pages = self
            .client
            .describe_route_tables()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "ec2:DescribeRouteTables",
                format!("find the route tables of {vpc}"),
                e,
            )
        })?;
        let main = |table: &RouteTable| {
            table
                .associations()
                .iter()
                .any(|one| one.main() == Some(true))
        };
        let tables = found.into_iter().filter(|table| !main(table)).map(|table| {
            let out = table
                .routes()
                .iter()
                .find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
            let out = out.and_then(|route| {
                route
                    .nat_gateway_id()
                    .or(route.gateway_id())
                    .map(String::from)
            });
            let users = table.associations().iter().filter_map(|association| {
                let user = (
                    association.subnet_id()?.into(),
                    association.route_table_association_id()?.into(),
                );
                let state = association
                    .association_state()
                    .and_then(|state| state.state());
                Some((user, state == Some(&RouteTableAssociationStateCode::Failed)))
            });
            let (failed, works): (Vec<_>, Vec<_>) = users.partition(|(_, failed)| *failed);
            Table {
                default_route: out,
                subnets: works.into_iter().map(|(user, _)| user).collect(),
                failed: failed.into_iter().map(|(user, _)| user).collect(),
                id: table.route_table_id.unwrap_or_default(),
                tags: tags(table.tags),
            }
        });
        Ok(tables.collect())
    }

    /// Our NAT gateways of a VPC, with those that are deleted but still listed.
    pub async fn nats(&self, vpc: &str) -> Result<Vec<NatGateway>> {
        let pages = self
            .client
            .describe_nat_gateways()
            .filter(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "ec2:DescribeNatGateways",
                format!("find the nat gateways of {vpc}"),
                e,
            )
        })?;
        let nats = found
            .into_iter()
            .filter(|nat| nat.vpc_id.as_deref() == Some(vpc))
            .map(nat_gateway);
        Ok(nats.filter(|nat| self.aws.env.owns(&nat.tags)).collect())
    }

    /// The default security group of a VPC.
    pub async fn default_group(&self, vpc: &str) -> Result<Option<DefaultGroup>> {
        let request = self
            .client
            .describe_security_groups()
            .filters(filter("vpc-id", vpc))
            .filters(filter("group-name", "default"));
        let look = || {
            request
                .clone()
                .into_paginator()
                .items()
                .send()
                .collect::<Result<Vec<_>, _>>()
        };
        let groups = self.fresh(look).await.map_err(|e| {
            aws_error(
                "ec2:DescribeSecurityGroups",
                format!("find the default group of {vpc}"),
                e,
            )
        })?;
        Ok(groups.into_iter().next().map(|group| DefaultGroup {
            ingress: !group.ip_permissions().is_empty(),
            egress: !group.ip_permissions_egress().is_empty(),
            id: group.group_id.unwrap_or_default(),
        }))
    }

    /// Whether a VPC has one of its two attributes about DNS; AWS tells one in a call.
    async fn attribute(&self, vpc: &str, attribute: VpcAttributeName) -> Result<bool> {
        let support = attribute == VpcAttributeName::EnableDnsSupport;
        let answer = self
            .client
            .describe_vpc_attribute()
            .vpc_id(vpc)
            .attribute(attribute)
            .send()
            .await;
        let answer = match answer {
            Err(gone) if code(&gone) == "InvalidVpcID.NotFound" => return Ok(false), // who changes it notices
            answer => answer
                .map_err(|e| aws_error("ec2:DescribeVpcAttribute", format!("look at {vpc}"), e))?,
        };
        let told = if support {
            answer.enable_dns_support
        } else {
            answer.enable_dns_hostnames
        };
        Ok(told.and_then(|value| value.value).unwrap_or(support)) // AWS makes a VPC with support alone
    }
}

pub(super) fn nat_gateway(nat: SdkNat) -> NatGateway {
    let address = nat
        .nat_gateway_addresses()
        .first()
        .and_then(|address| address.allocation_id.clone());
    NatGateway {
        address: address.unwrap_or_default(),
        failure: nat
            .failure_message()
            .or(nat.failure_code())
            .unwrap_or_default()
            .into(),
        state: nat
            .state()
            .map(|state| state.as_str().to_string())
            .unwrap_or_default(),
        id: nat.nat_gateway_id.unwrap_or_default(),
        subnet: nat.subnet_id.unwrap_or_default(),
        tags: tags(nat.tags),
    }
}
