//! What stands in the way of a deletion: what is left in a VPC, and what has an address.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{NetworkInterface, Tag};
use plumbing::{Result, aws_error, code};
use tokio::join;

use super::list::is_main;
use super::others::{endpoint_from, is_deleted};
use super::{Ec2, filter, tags_from};
use crate::plan::{Interface, managed};

impl Ec2 {
    /// The network interfaces in a VPC.
    pub async fn list_interfaces(&self, vpc: &str) -> Result<Vec<Interface>> {
        let pages = self
            .client
            .describe_network_interfaces()
            .filters(filter("vpc-id", vpc))
            .into_paginator()
            .items()
            .send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let mut interfaces = Vec::new();
        for interface in answered("ec2:DescribeNetworkInterfaces", vpc, found)? {
            interfaces.push(self.interface_from(interface));
        }
        Ok(interfaces)
    }

    /// The network interface that has an address of ours.
    pub async fn interface_with(&self, address: &str) -> Result<Option<Interface>> {
        let what = format!("find the user of {address}");
        let request = self.client.describe_addresses().allocation_ids(address);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if code(&error).ends_with(".NotFound") => return Ok(None),
            Err(error) => return Err(aws_error("ec2:DescribeAddresses", what, error)),
        };
        let mut ids = answer
            .addresses()
            .iter()
            .filter_map(|address| address.network_interface_id());
        let id = match ids.next() {
            Some(id) if !id.is_empty() => id,
            _ => return Ok(None),
        };
        let request = self
            .client
            .describe_network_interfaces()
            .network_interface_ids(id);
        match request.send().await {
            Ok(answer) => {
                let found = answer.network_interfaces.unwrap_or_default();
                let first = found.into_iter().next();
                Ok(first.map(|interface| self.interface_from(interface)))
            }
            Err(error) if code(&error).ends_with(".NotFound") => Ok(None),
            Err(error) => Err(aws_error("ec2:DescribeNetworkInterfaces", what, error)),
        }
    }

    fn interface_from(&self, interface: NetworkInterface) -> Interface {
        let attachment = interface.attachment;
        let instance = attachment.and_then(|attachment| attachment.instance_id);
        let tags = tags_from(interface.tag_set);
        let is_managed = interface.requester_managed == Some(true);
        let requester = interface.requester_id.as_deref().unwrap_or("AWS");
        Interface {
            instance: instance.unwrap_or_default(),
            whose: managed::whose(&tags, is_managed.then_some(requester)),
            is_ours: self.aws.env.owns(&tags),
            id: interface.network_interface_id.unwrap_or_default(),
            subnet: interface.subnet_id.unwrap_or_default(),
            description: interface.description.unwrap_or_default(),
        }
    }

    /// What lies in a VPC and is not ours, as `KIND ID`: what keeps it from being deleted.
    pub async fn list_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        // The first page of each is enough to name what is there.
        let (subnets, groups, tables, acls, endpoints, gateways) = join!(
            self.subnets_not_ours(vpc),
            self.security_groups_not_ours(vpc),
            self.route_tables_not_ours(vpc),
            self.network_acls_not_ours(vpc),
            self.endpoints_not_ours(vpc),
            self.internet_gateways_not_ours(vpc)
        );
        Ok([subnets?, groups?, tables?, acls?, endpoints?, gateways?].concat())
    }

    async fn subnets_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_subnets();
        let request = request.filters(filter("vpc-id", vpc));
        let answer = answered("ec2:DescribeSubnets", vpc, request.send().await)?;
        let mut left = Vec::new();
        for subnet in answer.subnets.unwrap_or_default() {
            left.extend(self.not_ours("subnet", subnet.subnet_id, subnet.tags));
        }
        Ok(left)
    }

    /// The VPC's own group goes with it, and so do its own table and network ACL.
    async fn security_groups_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_security_groups();
        let request = request.filters(filter("vpc-id", vpc));
        let answer = answered("ec2:DescribeSecurityGroups", vpc, request.send().await)?;
        let mut left = Vec::new();
        for group in answer.security_groups.unwrap_or_default() {
            if group.group_name() != Some("default") {
                left.extend(self.not_ours("security group", group.group_id, group.tags));
            }
        }
        Ok(left)
    }

    async fn route_tables_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_route_tables();
        let request = request.filters(filter("vpc-id", vpc));
        let answer = answered("ec2:DescribeRouteTables", vpc, request.send().await)?;
        let mut left = Vec::new();
        for table in answer.route_tables.unwrap_or_default() {
            if !is_main(&table) {
                left.extend(self.not_ours("route table", table.route_table_id, table.tags));
            }
        }
        Ok(left)
    }

    async fn network_acls_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_network_acls();
        let request = request.filters(filter("vpc-id", vpc));
        let answer = answered("ec2:DescribeNetworkAcls", vpc, request.send().await)?;
        let mut left = Vec::new();
        // Whatever its tags are: none is made by us.
        for acl in answer.network_acls.unwrap_or_default() {
            if acl.is_default() != Some(true) {
                let id = acl.network_acl_id.unwrap_or_default();
                left.push(format!("network acl {id}"));
            }
        }
        Ok(left)
    }

    async fn endpoints_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_vpc_endpoints();
        let request = request.filters(filter("vpc-id", vpc));
        let answer = answered("ec2:DescribeVpcEndpoints", vpc, request.send().await)?;
        let mut left = Vec::new();
        // Whatever its tags are: none is made by us.
        for endpoint in answer.vpc_endpoints.unwrap_or_default() {
            if !is_deleted(&endpoint) {
                let tags = tags_from(endpoint.tags.clone());
                left.push(endpoint_from(endpoint, &tags).text());
            }
        }
        Ok(left)
    }

    async fn internet_gateways_not_ours(&self, vpc: &str) -> Result<Vec<String>> {
        let request = self.client.describe_internet_gateways();
        let request = request.filters(filter("attachment.vpc-id", vpc));
        let answer = answered("ec2:DescribeInternetGateways", vpc, request.send().await)?;
        let mut left = Vec::new();
        for gateway in answer.internet_gateways.unwrap_or_default() {
            let id = gateway.internet_gateway_id;
            left.extend(self.not_ours("internet gateway", id, gateway.tags));
        }
        Ok(left)
    }

    /// `KIND ID` of a resource that does not carry the environment's identity.
    fn not_ours(&self, kind: &str, id: Option<String>, tags: Option<Vec<Tag>>) -> Option<String> {
        let tags = tags_from(tags);
        if self.aws.env.owns(&tags) {
            return None;
        }
        let whose = managed::whose(&tags, None);
        Some(managed::named(kind, &id.unwrap_or_default(), whose))
    }
}

fn answered<T, E>(operation: &str, vpc: &str, answer: Result<T, SdkError<E>>) -> Result<T>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(answer),
        Err(error) => {
            let what = format!("look at what is left in {vpc}");
            Err(aws_error(operation, what, error))
        }
    }
}
