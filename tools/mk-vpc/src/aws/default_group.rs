//! The default security group of a VPC.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::SecurityGroupRule;
use plumbing::{Result, aws_error, code};

use super::{Ec2, filter, tags_from};
use crate::plan::DefaultGroup;

impl Ec2 {
    /// The default security group of a VPC.
    pub async fn get_default_group(&self, vpc: &str) -> Result<Option<DefaultGroup>> {
        let pages = self
            .client
            .describe_security_groups()
            .filters(filter("vpc-id", vpc))
            .filters(filter("group-name", "default"))
            .into_paginator()
            .items()
            .send();
        let groups: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(|error| {
            let what = format!("find the default group of {vpc}");
            aws_error("ec2:DescribeSecurityGroups", what, error)
        })?;
        Ok(groups.into_iter().next().map(|group| DefaultGroup {
            ingress: !group.ip_permissions().is_empty(),
            egress: !group.ip_permissions_egress().is_empty(),
            id: group.group_id.unwrap_or_default(),
            tags: tags_from(group.tags),
        }))
    }

    /// Takes every rule out of the default security group, so that what forgets to name a group
    /// reaches nothing.
    pub async fn remove_rules(&self, group: &DefaultGroup) -> Result<()> {
        let id = &group.id;
        let request = self
            .client
            .describe_security_group_rules()
            .filters(filter("group-id", id));
        let rules: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
        let rules = rules.map_err(|error| {
            aws_error("ec2:DescribeSecurityGroupRules", remove_rules_of(id), error)
        })?;
        let ingress = ids_of(&rules, false);
        if !ingress.is_empty() {
            let request = self
                .client
                .revoke_security_group_ingress()
                .group_id(id)
                .set_security_group_rule_ids(Some(ingress));
            let operation = "ec2:RevokeSecurityGroupIngress";
            let answer = self
                .until_visible(operation, || request.clone().send())
                .await;
            unless_removed(operation, id, answer)?;
        }
        let egress = ids_of(&rules, true);
        if !egress.is_empty() {
            let request = self
                .client
                .revoke_security_group_egress()
                .group_id(id)
                .set_security_group_rule_ids(Some(egress));
            let operation = "ec2:RevokeSecurityGroupEgress";
            let answer = self
                .until_visible(operation, || request.clone().send())
                .await;
            unless_removed(operation, id, answer)?;
        }
        Ok(())
    }
}

/// The IDs of the rules of one direction.
fn ids_of(rules: &[SecurityGroupRule], egress: bool) -> Vec<String> {
    let mut ids = Vec::new();
    for rule in rules {
        if rule.is_egress() == Some(egress) {
            ids.extend(rule.security_group_rule_id.clone());
        }
    }
    ids
}

fn remove_rules_of(group: &str) -> String {
    format!("take the rules out of the default security group {group}")
}

/// Takes rules that are not found for removed: another run was faster.
fn unless_removed<T, E>(operation: &str, group: &str, answer: Result<T, SdkError<E>>) -> Result<()>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Err(error) if !code(&error).ends_with(".NotFound") => {
            Err(aws_error(operation, remove_rules_of(group), error))
        }
        _ => Ok(()),
    }
}
