//! What is there, in plain values. Every answer is filtered again here: not every filter is honoured
//! at once, or at all.

use aws_sdk_ec2::types;
use aws_sdk_ec2::types::RouteTableAssociationStateCode::Failed;
use plumbing::{Result, aws_error};

use super::{Ec2, filter, tags_from};
use crate::plan::{Address, Association, InternetGateway, NatGateway, RouteTable, Subnet, Vpc};

impl Ec2 {
    /// The zones that every account may use, by name.
    pub async fn list_zones(&self) -> Result<Vec<String>> {
        let request = self
            .client
            .describe_availability_zones()
            .filters(filter("opt-in-status", "opt-in-not-required"))
            .filters(filter("state", "available"))
            .filters(filter("zone-type", "availability-zone"));
        let answer = request.send().await.map_err(|error| {
            let what = "list the availability zones";
            aws_error("ec2:DescribeAvailabilityZones", what, error)
        })?;
        let zones = answer.availability_zones.unwrap_or_default();
        let mut names: Vec<String> = zones
            .into_iter()
            .filter_map(|zone| zone.zone_name)
            .collect();
        names.sort();
        Ok(names)
    }

    /// Our VPCs.
    pub async fn list_vpcs(&self) -> Result<Vec<Vpc>> {
        let pages = self
            .client
            .describe_vpcs()
            .filters(self.identity_filter())
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| aws_error("ec2:DescribeVpcs", "find the vpc", error))?;
        let mut vpcs: Vec<Vpc> = found.into_iter().map(vpc_from).collect();
        vpcs.retain(|vpc| self.aws.env.owns(&vpc.tags));
        Ok(vpcs)
    }

    /// Our internet gateways.
    pub async fn list_internet_gateways(&self) -> Result<Vec<InternetGateway>> {
        let pages = self
            .client
            .describe_internet_gateways()
            .filters(self.identity_filter())
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = "find the internet gateway";
            aws_error("ec2:DescribeInternetGateways", what, error)
        })?;
        let mut gateways: Vec<InternetGateway> =
            found.into_iter().map(internet_gateway_from).collect();
        gateways.retain(|gateway| self.aws.env.owns(&gateway.tags));
        Ok(gateways)
    }

    /// Our Elastic IP addresses; this call has no pages.
    pub async fn list_addresses(&self) -> Result<Vec<Address>> {
        let request = self
            .client
            .describe_addresses()
            .filters(self.identity_filter());
        let answer = request.send().await.map_err(|error| {
            let what = "find the elastic ip addresses";
            aws_error("ec2:DescribeAddresses", what, error)
        })?;
        let found = answer.addresses.unwrap_or_default();
        let mut addresses: Vec<Address> = found.into_iter().map(address_from).collect();
        addresses.retain(|address| self.aws.env.owns(&address.tags));
        Ok(addresses)
    }

    /// Our subnets of a VPC.
    pub async fn list_subnets(&self, vpc: &str) -> Result<Vec<Subnet>> {
        let pages = self
            .client
            .describe_subnets()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = format!("find the subnets of {vpc}");
            aws_error("ec2:DescribeSubnets", what, error)
        })?;
        let mut subnets: Vec<Subnet> = found.into_iter().map(subnet_from).collect();
        subnets.retain(|subnet| self.aws.env.owns(&subnet.tags));
        Ok(subnets)
    }

    /// The route tables of a VPC, ours or not, but for the main one, which is the VPC's own.
    pub async fn list_route_tables(&self, vpc: &str) -> Result<Vec<RouteTable>> {
        let pages = self
            .client
            .describe_route_tables()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let mut found = found.map_err(|error| {
            let what = format!("find the route tables of {vpc}");
            aws_error("ec2:DescribeRouteTables", what, error)
        })?;
        found.retain(|table| !is_main(table));
        Ok(found.into_iter().map(route_table_from).collect())
    }

    /// Our NAT gateways of a VPC, with those that are deleted but still listed.
    pub async fn list_nat_gateways(&self, vpc: &str) -> Result<Vec<NatGateway>> {
        let pages = self
            .client
            .describe_nat_gateways()
            .filter(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let mut found = found.map_err(|error| {
            let what = format!("find the nat gateways of {vpc}");
            aws_error("ec2:DescribeNatGateways", what, error)
        })?;
        found.retain(|nat| nat.vpc_id() == Some(vpc));
        let mut nats: Vec<NatGateway> = found.into_iter().map(nat_gateway_from).collect();
        nats.retain(|nat| self.aws.env.owns(&nat.tags));
        Ok(nats)
    }
}

/// Whether a route table is its VPC's main one.
pub(super) fn is_main(table: &types::RouteTable) -> bool {
    let mut associations = table.associations().iter();
    associations.any(|association| association.main() == Some(true))
}

/// A NAT gateway in plain values.
pub(super) fn nat_gateway_from(nat: types::NatGateway) -> NatGateway {
    let failure = nat.failure_message().or(nat.failure_code());
    let address = match nat.nat_gateway_addresses() {
        [address, ..] => address.allocation_id(),
        [] => None,
    };
    let state = match nat.state() {
        Some(state) => state.as_str(),
        None => "",
    };
    NatGateway {
        address: address.unwrap_or_default().into(),
        failure: failure.unwrap_or_default().into(),
        state: state.into(),
        id: nat.nat_gateway_id.unwrap_or_default(),
        subnet: nat.subnet_id.unwrap_or_default(),
        tags: tags_from(nat.tags),
    }
}

fn vpc_from(vpc: types::Vpc) -> Vpc {
    Vpc {
        id: vpc.vpc_id.unwrap_or_default(),
        cidr: vpc.cidr_block.unwrap_or_default(),
        tags: tags_from(vpc.tags),
    }
}

fn internet_gateway_from(gateway: types::InternetGateway) -> InternetGateway {
    let attachment = gateway.attachments().first();
    InternetGateway {
        vpc: attachment.and_then(|attachment| attachment.vpc_id.clone()),
        id: gateway.internet_gateway_id.unwrap_or_default(),
        tags: tags_from(gateway.tags),
    }
}

fn address_from(address: types::Address) -> Address {
    let association = address.association_id().unwrap_or_default();
    let interface = address.network_interface_id().unwrap_or_default();
    Address {
        used: !association.is_empty() || !interface.is_empty(),
        id: address.allocation_id.unwrap_or_default(),
        tags: tags_from(address.tags),
    }
}

fn subnet_from(subnet: types::Subnet) -> Subnet {
    Subnet {
        id: subnet.subnet_id.unwrap_or_default(),
        cidr: subnet.cidr_block.unwrap_or_default(),
        zone: subnet.availability_zone.unwrap_or_default(),
        tags: tags_from(subnet.tags),
    }
}

fn route_table_from(table: types::RouteTable) -> RouteTable {
    let mut plain = RouteTable::default();
    for association in table.associations.unwrap_or_default() {
        let state = association.association_state.and_then(|state| state.state);
        let id = association.route_table_association_id;
        // The main association has no subnet.
        if let (Some(id), Some(subnet)) = (id, association.subnet_id) {
            let association = Association { id, subnet };
            match state {
                Some(Failed) => plain.failed_associations.push(association),
                _ => plain.associations.push(association),
            }
        }
    }
    let mut routes = table.routes.unwrap_or_default().into_iter();
    let default_route = routes.find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
    RouteTable {
        default_route: default_route.and_then(|route| route.nat_gateway_id.or(route.gateway_id)),
        id: table.route_table_id.unwrap_or_default(),
        tags: tags_from(table.tags),
        ..plain
    }
}
