//! What is there, in plain values. Every answer is filtered again here: not every filter is honoured
//! at once, or at all.

use aws_sdk_ec2::types;
use aws_sdk_ec2::types::RouteTableAssociationStateCode::Failed;
use plumbing::{Result, aws_error};
use tokio::try_join;

use super::{Ec2, filter, tags_from};
use crate::plan::{
    Address, Association, InternetGateway, NatGateway, Route, RouteTable, Subnet, Vpc,
};

impl Ec2 {
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
        if vpcs.len() > 1 {
            self.find_users(&mut vpcs).await?;
        }
        Ok(vpcs)
    }

    /// Finds out in which VPCs there is something of ours.
    async fn find_users(&self, vpcs: &mut [Vpc]) -> Result<()> {
        let subnets = self.list_vpcs_with_subnets();
        let (with_subnets, gateways) = try_join!(subnets, self.list_internet_gateways())?;
        for vpc in vpcs {
            let id = Some(vpc.id.as_str());
            let mut attached = gateways.iter().map(|gateway| gateway.vpc.as_deref());
            vpc.is_used = with_subnets.contains(&vpc.id) || attached.any(|vpc| vpc == id);
        }
        Ok(())
    }

    /// The IDs of the VPCs that have subnets of ours.
    async fn list_vpcs_with_subnets(&self) -> Result<Vec<String>> {
        let pages = self
            .client
            .describe_subnets()
            .filters(self.identity_filter())
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = "find the vpc that is in use";
            aws_error("ec2:DescribeSubnets", what, error)
        })?;
        let mut vpcs = Vec::new();
        for mut subnet in found {
            let vpc = subnet.vpc_id.take();
            if self.aws.env.owns(&tags_from(subnet.tags)) {
                vpcs.extend(vpc);
            }
        }
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

    /// The route tables of a VPC, ours or not.
    pub async fn list_route_tables(&self, vpc: &str) -> Result<Vec<RouteTable>> {
        let pages = self
            .client
            .describe_route_tables()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = format!("find the route tables of {vpc}");
            aws_error("ec2:DescribeRouteTables", what, error)
        })?;
        Ok(found.into_iter().map(route_table_from).collect())
    }

    /// Our NAT gateways of a VPC, with those that are deleted but still listed.
    pub async fn list_nat_gateways(&self, vpc: &str) -> Result<Vec<NatGateway>> {
        let mut nats = self.list_all_nat_gateways(vpc).await?;
        nats.retain(|nat| self.aws.env.owns(&nat.tags));
        Ok(nats)
    }

    /// The NAT gateways of a VPC, ours or not, with those that are deleted but still listed.
    pub(super) async fn list_all_nat_gateways(&self, vpc: &str) -> Result<Vec<NatGateway>> {
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
        Ok(found.into_iter().map(nat_gateway_from).collect())
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
    let cidr = vpc.cidr_block().unwrap_or_default().to_string();
    let mut other_cidrs = Vec::new();
    for association in vpc.cidr_block_association_set() {
        let state = association
            .cidr_block_state()
            .and_then(|state| state.state());
        let is_associated = state.is_none_or(|state| state.as_str() == "associated");
        other_cidrs.extend(association.cidr_block.clone().filter(|_| is_associated));
    }
    for association in vpc.ipv6_cidr_block_association_set() {
        let state = association.ipv6_cidr_block_state();
        let state = state.and_then(|state| state.state());
        let is_associated = state.is_none_or(|state| state.as_str() == "associated");
        other_cidrs.extend(
            association
                .ipv6_cidr_block
                .clone()
                .filter(|_| is_associated),
        );
    }
    other_cidrs.retain(|other| *other != cidr);
    Vpc {
        cidr,
        other_cidrs,
        is_used: false,
        id: vpc.vpc_id.unwrap_or_default(),
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
        gives_public_addresses: subnet.map_public_ip_on_launch == Some(true),
        tags: tags_from(subnet.tags),
    }
}

pub(super) fn route_table_from(table: types::RouteTable) -> RouteTable {
    let mut plain = RouteTable {
        is_main: is_main(&table),
        ..RouteTable::default()
    };
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
    for route in table.routes.unwrap_or_default() {
        let route = route_from(route);
        if route.destination == "0.0.0.0/0" {
            plain.default_route = Some(route.target);
        } else if route.target != "local" {
            plain.other_routes.push(route);
        }
    }
    RouteTable {
        id: table.route_table_id.unwrap_or_default(),
        tags: tags_from(table.tags),
        ..plain
    }
}

fn route_from(route: types::Route) -> Route {
    let by_hand = route.origin() == Some(&types::RouteOrigin::CreateRoute);
    let destination = route
        .destination_cidr_block
        .or(route.destination_ipv6_cidr_block)
        .or(route.destination_prefix_list_id)
        .unwrap_or_default();
    let target = route
        .nat_gateway_id
        .or(route.gateway_id)
        .or(route.transit_gateway_id)
        .or(route.vpc_peering_connection_id)
        .or(route.network_interface_id)
        .or(route.instance_id)
        .or(route.egress_only_internet_gateway_id)
        .or(route.carrier_gateway_id)
        .or(route.local_gateway_id)
        .or(route.core_network_arn);
    let target = target.unwrap_or_default();
    // A gateway endpoint's goes with the endpoint.
    let is_of_endpoint = destination.starts_with("pl-") && target.starts_with("vpce-");
    Route {
        is_deletable: by_hand && !is_of_endpoint,
        destination,
        target,
    }
}
