//! What GuardDuty puts into a VPC by itself: looked at again, and deleted.

use std::time::Duration;

use plumbing::{Error, Result, aws_error, code, wait};

use super::{Ec2, filter, tags_from};
use crate::plan::managed::{GUARD_DUTY, is_of_guard_duty};

/// An endpoint takes five to ten minutes until its network interfaces are gone.
const ENDPOINT_DEADLINE: Duration = Duration::from_secs(20 * 60);
/// Its group is in use until then, and for a moment longer.
const GROUP_DEADLINE: Duration = Duration::from_secs(5 * 60);

impl Ec2 {
    /// Deletes endpoints, and waits until their network interfaces are gone too.
    pub async fn delete_endpoints(&self, vpc: &str, ids: &[String]) -> Result<()> {
        let operation = "ec2:DeleteVpcEndpoints";
        let named = ids.join(", ");
        let what = format!("delete vpc endpoint {named}");
        let request = self.client.delete_vpc_endpoints();
        let request = request.set_vpc_endpoint_ids(Some(ids.to_vec()));
        let answer = request.send().await;
        let answer = answer.map_err(|error| aws_error(operation, &what, error))?;
        // It answers 200 all the same, and says in a list what failed.
        for failed in answer.unsuccessful() {
            let error = failed.error();
            let code = error.and_then(|error| error.code()).unwrap_or_default();
            if !code.ends_with("NotFound") {
                let why = error.and_then(|error| error.message()).unwrap_or_default();
                let message = format!("cannot {what}: {why} ({operation}, {code})");
                return Err(Error::refused(message));
            }
        }
        let what = format!("vpc endpoint {named} is still deleting");
        wait::until(&self.aws.control, &what, ENDPOINT_DEADLINE, async || {
            let interfaces = self.list_interfaces(vpc).await?;
            let mut endpoints = interfaces.iter().filter_map(|one| one.endpoint());
            let is_there = endpoints.any(|endpoint| ids.iter().any(|id| id == endpoint));
            let is_listed = self.are_endpoints_listed(vpc, ids).await?;
            Ok((!is_there && !is_listed).then_some(()))
        })
        .await
    }

    /// Whether EC2 lists one of these endpoints, other than as deleted.
    async fn are_endpoints_listed(&self, vpc: &str, ids: &[String]) -> Result<bool> {
        let listed = self.list_endpoints(vpc).await?;
        let mut listed = listed.iter().filter(|endpoint| {
            let state = endpoint.state().map(|state| state.as_str());
            !state.is_some_and(|state| state.eq_ignore_ascii_case("deleted"))
        });
        Ok(listed.any(|endpoint| {
            let id = endpoint.vpc_endpoint_id();
            id.is_some_and(|id| ids.iter().any(|one| one == id))
        }))
    }

    /// The security groups of GuardDuty in a VPC, also one that has outlived its endpoint.
    pub async fn list_guard_duty_groups(&self, vpc: &str) -> Result<Vec<String>> {
        let (key, value) = GUARD_DUTY;
        let request = self.client.describe_security_groups();
        let request = request.filters(filter("vpc-id", vpc));
        let request = request.filters(filter(&format!("tag:{key}"), value));
        let pages = request.into_paginator().items().send();
        let found: Result<Vec<_>, _> = pages.collect().await;
        let found = found.map_err(|error| {
            let what = format!("find guardduty's security group in {vpc}");
            aws_error("ec2:DescribeSecurityGroups", what, error)
        })?;
        let mut groups = Vec::new();
        for group in found {
            if is_of_guard_duty(&tags_from(group.tags)) {
                groups.extend(group.group_id);
            }
        }
        Ok(groups)
    }

    /// Deletes a security group as soon as nothing uses it.
    pub async fn delete_group_when_unused(&self, group: &str) -> Result<()> {
        let what = format!("security group {group} is still in use");
        wait::until(&self.aws.control, &what, GROUP_DEADLINE, async || {
            let request = self.client.delete_security_group().group_id(group);
            match request.send().await {
                Ok(_) => Ok(Some(())),
                Err(error) if code(&error).ends_with(".NotFound") => Ok(Some(())),
                Err(error)
                    if ["DependencyViolation", "InvalidGroup.InUse"].contains(&code(&error)) =>
                {
                    Ok(None)
                }
                Err(error) => {
                    let what = format!("delete security group {group}");
                    Err(aws_error("ec2:DeleteSecurityGroup", what, error))
                }
            }
        })
        .await
    }
}
