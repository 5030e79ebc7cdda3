//! Deleting, and what stands in its way. What is gone already counts as deleted.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{NetworkInterface, Tag};
use plumbing::{Result, aws_error, code, wait};
use tokio::join;

use super::find::nat_gateway;
use super::{Ec2, NAT_DELETE, filter, tags};
use crate::plan::NatGateway;

impl Ec2 {
    /// Deletes a VPC; answers false while something is still in it.
    pub async fn delete_vpc(&self, id: &str) -> Result<bool> {
        gone(
            "ec2:DeleteVpc",
            id,
            self.client.delete_vpc().vpc_id(id).send().await,
        )
    }

    /// Deletes a subnet; answers false while something is still in it.
    pub async fn delete_subnet(&self, id: &str) -> Result<bool> {
        gone(
            "ec2:DeleteSubnet",
            id,
            self.client.delete_subnet().subnet_id(id).send().await,
        )
    }

    /// Deletes a route table that no subnet uses.
    pub async fn delete_table(&self, id: &str) -> Result<bool> {
        gone(
            "ec2:DeleteRouteTable",
            id,
            self.client
                .delete_route_table()
                .route_table_id(id)
                .send()
                .await,
        )
    }

    /// Has a subnet use the main route table again.
    pub async fn disassociate(&self, association: &str) -> Result<bool> {
        gone(
            "ec2:DisassociateRouteTable",
            association,
            self.client
                .disassociate_route_table()
                .association_id(association)
                .send()
                .await,
        )
    }

    /// Detaches a gateway; answers false while addresses of the VPC are mapped through it.
    pub async fn detach(&self, gateway: &str, vpc: &str) -> Result<bool> {
        let request = self
            .client
            .detach_internet_gateway()
            .internet_gateway_id(gateway)
            .vpc_id(vpc);
        gone("ec2:DetachInternetGateway", gateway, request.send().await)
    }

    /// Deletes a detached gateway.
    pub async fn delete_gateway(&self, id: &str) -> Result<bool> {
        gone(
            "ec2:DeleteInternetGateway",
            id,
            self.client
                .delete_internet_gateway()
                .internet_gateway_id(id)
                .send()
                .await,
        )
    }

    /// Deletes a NAT gateway and waits until it is gone, since its address is bound until then.
    pub async fn delete_nat(&self, id: &str) -> Result<()> {
        gone(
            "ec2:DeleteNatGateway",
            id,
            self.client
                .delete_nat_gateway()
                .nat_gateway_id(id)
                .send()
                .await,
        )?;
        self.nat_deleted(id).await
    }

    /// The NAT gateway of ours that has an address and is not going.
    pub async fn nat_with(&self, address: &str) -> Result<Option<String>> {
        let request = self.client.describe_nat_gateways().filter(self.identity());
        let found: Vec<_> = request
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| {
                aws_error(
                    "ec2:DescribeNatGateways",
                    format!("find the user of {address}"),
                    e,
                )
            })?;
        let mut found = found.into_iter().map(nat_gateway);
        let alive = |nat: &NatGateway| {
            nat.address == address && matches!(nat.state.as_str(), "pending" | "available")
        };
        Ok(found.find(alive).map(|nat| nat.id))
    }

    /// Waits until a NAT gateway is gone.
    pub async fn nat_deleted(&self, id: &str) -> Result<()> {
        wait::until(
            &self.aws.control,
            &format!("nat gateway {id} is still deleting"),
            NAT_DELETE,
            || async {
                let state = self.nat(id).await?.map(|nat| nat.state);
                Ok(matches!(state.as_deref(), None | Some("deleted" | "failed")).then_some(()))
            },
        )
        .await
    }

    /// Releases an address. AWS answers AuthFailure both while a NAT gateway still holds it and
    /// after it is gone, so a look decides.
    pub async fn release(&self, id: &str) -> Result<bool> {
        let answer = self.client.release_address().allocation_id(id).send().await;
        match &answer {
            Err(error) if matches!(code(error), "AuthFailure" | "InvalidIPAddress.InUse") => {
                Ok(!self
                    .addresses()
                    .await?
                    .iter()
                    .any(|address| address.id == id))
            }
            _ => gone("ec2:ReleaseAddress", id, answer),
        }
    }

    /// The network interfaces in a VPC.
    pub async fn interfaces(&self, vpc: &str) -> Result<Vec<Interface>> {
        let request = self
            .client
            .describe_network_interfaces()
            .filters(filter("vpc-id", vpc));
        let found: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
        let found = found.map_err(|e| {
            aws_error(
                "ec2:DescribeNetworkInterfaces",
                format!("look at what is left in {vpc}"),
                e,
            )
        })?;
        Ok(found
            .into_iter()
            .map(|interface| self.interface(interface))
            .collect())
    }

    /// The network interface that has an address of ours.
    pub async fn user_of(&self, address: &str) -> Result<Option<Interface>> {
        let what = || format!("find the user of {address}");
        let answer = match self
            .client
            .describe_addresses()
            .allocation_ids(address)
            .send()
            .await
        {
            Err(gone) if code(&gone).ends_with(".NotFound") => return Ok(None),
            answer => answer.map_err(|e| aws_error("ec2:DescribeAddresses", what(), e))?,
        };
        let Some(id) = answer
            .addresses()
            .iter()
            .find_map(|one| one.network_interface_id())
            .filter(|id| !id.is_empty())
        else {
            return Ok(None);
        };
        match self
            .client
            .describe_network_interfaces()
            .network_interface_ids(id)
            .send()
            .await
        {
            Err(gone) if code(&gone).ends_with(".NotFound") => Ok(None),
            answer => {
                let answer =
                    answer.map_err(|e| aws_error("ec2:DescribeNetworkInterfaces", what(), e))?;
                Ok(answer
                    .network_interfaces
                    .into_iter()
                    .flatten()
                    .next()
                    .map(|interface| self.interface(interface)))
            }
        }
    }

    fn interface(&self, interface: NetworkInterface) -> Interface {
        Interface {
            instance: interface
                .attachment
                .and_then(|attachment| attachment.instance_id)
                .unwrap_or_default(),
            id: interface.network_interface_id.unwrap_or_default(),
            subnet: interface.subnet_id.unwrap_or_default(),
            description: interface.description.unwrap_or_default(),
            ours: self.aws.env.owns(&tags(interface.tag_set)),
        }
    }

    /// What lies in a VPC and is not ours, as `KIND ID`: what keeps it from being deleted.
    pub async fn foreign(&self, vpc: &str) -> Result<Vec<String>> {
        let here = || filter("vpc-id", vpc);
        let what = || format!("look at what is left in {vpc}");
        // The first page of each is enough to say who is there.
        let (subnets, groups, tables, acls, endpoints, gateways) = join!(
            self.client.describe_subnets().filters(here()).send(),
            self.client
                .describe_security_groups()
                .filters(here())
                .send(),
            self.client.describe_route_tables().filters(here()).send(),
            self.client.describe_network_acls().filters(here()).send(),
            self.client.describe_vpc_endpoints().filters(here()).send(),
            self.client
                .describe_internet_gateways()
                .filters(filter("attachment.vpc-id", vpc))
                .send()
        );
        let mut left = Vec::new();
        let mut note = |kind: &str, id: Option<String>, tagged: Option<Vec<Tag>>| {
            if !self.aws.env.owns(&tags(tagged)) {
                left.push(format!("{kind} {}", id.unwrap_or_default()));
            }
        };
        let subnets = subnets
            .map_err(|e| aws_error("ec2:DescribeSubnets", what(), e))?
            .subnets;
        for subnet in subnets.into_iter().flatten() {
            note("subnet", subnet.subnet_id, subnet.tags);
        }
        // The VPC's own group, table and list go with it.
        let groups = groups
            .map_err(|e| aws_error("ec2:DescribeSecurityGroups", what(), e))?
            .security_groups;
        for group in groups.into_iter().flatten() {
            if group.group_name() != Some("default") {
                note("security group", group.group_id, group.tags);
            }
        }
        let tables = tables
            .map_err(|e| aws_error("ec2:DescribeRouteTables", what(), e))?
            .route_tables;
        for table in tables.into_iter().flatten() {
            if !table
                .associations()
                .iter()
                .any(|association| association.main() == Some(true))
            {
                note("route table", table.route_table_id, table.tags);
            }
        }
        let acls = acls
            .map_err(|e| aws_error("ec2:DescribeNetworkAcls", what(), e))?
            .network_acls;
        for acl in acls.into_iter().flatten() {
            if acl.is_default() != Some(true) {
                note("network acl", acl.network_acl_id, acl.tags);
            }
        }
        let endpoints = endpoints
            .map_err(|e| aws_error("ec2:DescribeVpcEndpoints", what(), e))?
            .vpc_endpoints;
        for endpoint in endpoints.into_iter().flatten() {
            if endpoint
                .state()
                .is_none_or(|state| !state.as_str().eq_ignore_ascii_case("deleted"))
            {
                note("vpc endpoint", endpoint.vpc_endpoint_id, endpoint.tags);
            }
        }
        let gateways = gateways
            .map_err(|e| aws_error("ec2:DescribeInternetGateways", what(), e))?
            .internet_gateways;
        for gateway in gateways.into_iter().flatten() {
            note(
                "internet gateway",
                gateway.internet_gateway_id,
                gateway.tags,
            );
        }
        Ok(left)
    }

    async fn nat(&self, id: &str) -> Result<Option<NatGateway>> {
        match self
            .client
            .describe_nat_gateways()
            .nat_gateway_ids(id)
            .send()
            .await
        {
            Ok(answer) => Ok(answer
                .nat_gateways
                .unwrap_or_default()
                .into_iter()
                .map(nat_gateway)
                .find(|nat| nat.id == id)),
            Err(error) if code(&error).ends_with("NotFound") => Ok(None),
            Err(error) => Err(aws_error(
                "ec2:DescribeNatGateways",
                format!("look at {id}"),
                error,
            )),
        }
    }
}

/// A network interface that someone left in a VPC.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
    /// The subnet it lies in.
    pub subnet: String,
    /// What its maker wrote on it.
    pub description: String,
    /// The instance that it is attached to, if it is one's.
    pub instance: String,
    /// Whether it carries the environment's identity, as our tasks' do.
    pub ours: bool,
}

impl std::fmt::Display for Interface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "network interface {}", self.id)?;
        match (self.instance.as_str(), self.description.as_str()) {
            ("", "") => Ok(()),
            ("", description) => write!(f, " ({description})"),
            (instance, _) => write!(f, " (instance {instance})"),
        }
    }
}

fn gone<T, E>(
    operation: &str,
    id: &str,
    answer: std::result::Result<T, SdkError<E>>,
) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let Err(error) = answer else { return Ok(true) };
    match code(&error) {
        "DependencyViolation" => Ok(false),
        "Gateway.NotAttached" | "NatGatewayNotFound" => Ok(true),
        code if code.ends_with(".NotFound") => Ok(true),
        _ => Err(aws_error(operation, format!("delete {id}"), error)),
    }
}
