//! What others may have put into a VPC, or changed in it: network ACLs and endpoints.

use aws_sdk_ec2::types;
use plumbing::{Result, aws_error};

use super::{Ec2, filter, tags_from};
use crate::plan::{Endpoint, NetworkAcl, Tags, managed};

/// The rules with these numbers, and those above, are AWS's own: one for each IP version, which lets
/// everything through, and the last, which let nothing through.
const ALLOW_ALL: [i32; 2] = [100, 101];
const LAST: i32 = 32767;

impl Ec2 {
    /// The network ACLs of a VPC.
    pub(super) async fn list_network_acls(&self, vpc: &str) -> Result<Vec<NetworkAcl>> {
        let request = self.client.describe_network_acls();
        let request = request.filters(filter("vpc-id", vpc));
        let pages = request.into_paginator().items().send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = format!("find the network acls of {vpc}");
            aws_error("ec2:DescribeNetworkAcls", what, error)
        })?;
        Ok(found.into_iter().map(network_acl_from).collect())
    }

    /// All endpoints that EC2 lists in a VPC, whatever their state.
    pub(super) async fn list_endpoints(&self, vpc: &str) -> Result<Vec<types::VpcEndpoint>> {
        let request = self.client.describe_vpc_endpoints();
        let request = request.filters(filter("vpc-id", vpc));
        let pages = request.into_paginator().items().send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        found.map_err(|error| {
            let what = format!("find the endpoints of {vpc}");
            aws_error("ec2:DescribeVpcEndpoints", what, error)
        })
    }

    /// The endpoints of others in a VPC, but for those that are being deleted.
    pub(super) async fn list_other_endpoints(&self, vpc: &str) -> Result<Vec<Endpoint>> {
        let mut others = Vec::new();
        for endpoint in self.list_endpoints(vpc).await? {
            let is_deleted = is_deleted(&endpoint);
            let tags = tags_from(endpoint.tags.clone());
            if !is_deleted && !self.aws.env.owns(&tags) {
                others.push(endpoint_from(endpoint, &tags));
            }
        }
        Ok(others)
    }
}

/// An endpoint in plain values.
pub(super) fn endpoint_from(endpoint: types::VpcEndpoint, tags: &Tags) -> Endpoint {
    let requester = (endpoint.requester_managed() == Some(true)).then_some("AWS");
    let groups = endpoint.groups().iter();
    Endpoint {
        groups: groups.filter_map(|group| group.group_id.clone()).collect(),
        whose: managed::whose(tags, requester),
        is_of_guard_duty: managed::is_of_guard_duty(tags),
        id: endpoint.vpc_endpoint_id.unwrap_or_default(),
        service: endpoint.service_name.unwrap_or_default(),
    }
}

/// Whether an endpoint is deleted or about to be: AWS lists it for a while. The spelling of its state
/// varies.
pub(super) fn is_deleted(endpoint: &types::VpcEndpoint) -> bool {
    let Some(state) = endpoint.state() else {
        return false;
    };
    let state = state.as_str();
    state.eq_ignore_ascii_case("deleted") || state.eq_ignore_ascii_case("deleting")
}

fn network_acl_from(acl: types::NetworkAcl) -> NetworkAcl {
    let mut is_changed = false;
    let mut directions = Vec::new();
    for entry in acl.entries() {
        is_changed |= !is_of_aws(entry);
        if entry.rule_number() == Some(ALLOW_ALL[0]) {
            directions.push(entry.egress());
        }
    }
    let mut subnets = Vec::new();
    for association in acl.associations() {
        subnets.extend(association.subnet_id.clone());
    }
    NetworkAcl {
        is_default: acl.is_default() == Some(true),
        is_changed: is_changed || directions.len() != 2,
        subnets,
        id: acl.network_acl_id.unwrap_or_default(),
        tags: tags_from(acl.tags),
    }
}

/// Whether a rule is one that AWS gives a default network ACL.
fn is_of_aws(entry: &types::NetworkAclEntry) -> bool {
    let number = entry.rule_number().unwrap_or_default();
    let range = entry.cidr_block().or(entry.ipv6_cidr_block());
    let allows_all = entry.rule_action() == Some(&types::RuleAction::Allow)
        && entry.protocol() == Some("-1")
        && matches!(range, Some("0.0.0.0/0" | "::/0"));
    number >= LAST || ALLOW_ALL.contains(&number) && allows_all
}
