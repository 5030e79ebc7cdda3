//! The calls about the rules of groups.

use std::slice;

use aws_sdk_ec2::types::{
    IpPermission, IpRange, PrefixListId, ResourceType, SecurityGroupRule, UserIdGroupPair,
};
use plumbing::{Result, aws_error, wait};

use super::ec2::{Ec2, filter, plain_tags, succeeded, tag_specification};
use crate::plan::{self, ANYWHERE, Direction, ExistingRule, Group, Rule};

/// The group has the rule already.
const RULE_EXISTS: &[&str] = &["InvalidPermission.Duplicate"];
/// The group does not have the rule (any more): EC2's code for one that is named by its ID, and for
/// one that is described.
const RULE_NOT_FOUND: &[&str] = &[
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
];
/// The same, or there is no group.
const RULE_OR_GROUP_NOT_FOUND: &[&str] = &[
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
    "InvalidGroup.NotFound",
    "InvalidGroupId.NotFound",
    "InvalidSecurityGroupID.NotFound",
];

impl Ec2 {
    /// The rules of groups, each with the ID of its group.
    pub(super) async fn list_rules(&self, groups: &[&str]) -> Result<Vec<(String, ExistingRule)>> {
        let pages = self
            .client
            .describe_security_group_rules()
            .filters(filter("group-id", groups))
            .into_paginator()
            .items()
            .send();
        let rules: Vec<SecurityGroupRule> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                let what = "look at the security groups' rules";
                aws_error("ec2:DescribeSecurityGroupRules", what, error)
            })?;
        Ok(rules.into_iter().map(existing_rule).collect())
    }

    /// Revokes the rule that AWS gives to each new group: all traffic may leave.
    ///
    /// In a VPC with IPv6 there is a second one; the next run finds it and revokes it.
    pub async fn revoke_default(&self, group: &Group) -> Result<()> {
        let all = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(IpRange::builder().cidr_ip(ANYWHERE).build())
            .build();
        let request = self
            .client
            .revoke_security_group_egress()
            .group_id(&group.id)
            .ip_permissions(all);
        let send = || request.clone().send();
        let answer = wait::retry(&self.aws.control, "ec2:RevokeSecurityGroupEgress", send).await;
        let what = format!("revoke the default rule of security group {}", group.name);
        // Where there is no such rule, another run was faster.
        let absent = &["InvalidPermission.NotFound"];
        succeeded(answer, absent, "ec2:RevokeSecurityGroupEgress", what).map(drop)
    }

    /// Adds rules to a group, in one call.
    pub async fn authorize(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[Rule],
    ) -> Result<()> {
        if rules.is_empty() || self.try_authorize(group, direction, rules).await? {
            return Ok(());
        }
        // Now one by one: a rule that the group has already is as good as one that is added.
        for rule in rules {
            let rule = slice::from_ref(rule);
            self.try_authorize(group, direction, rule).await?;
        }
        Ok(())
    }

    /// Adds rules to a group; answers false where the group has one of them already, and then AWS
    /// adds none.
    async fn try_authorize(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[Rule],
    ) -> Result<bool> {
        let control = &self.aws.control;
        let permissions: Vec<IpPermission> = rules.iter().map(permission).collect();
        let tags = plan::tags_of(&self.aws.env, group);
        let tags = tag_specification(ResourceType::SecurityGroupRule, &tags);
        let what = format!("add rules to security group {}", group.name);
        match direction {
            Direction::Ingress => {
                let request = self
                    .client
                    .authorize_security_group_ingress()
                    .group_id(&group.id)
                    .set_ip_permissions(Some(permissions))
                    .tag_specifications(tags);
                let send = || request.clone().send();
                let answer = wait::retry(control, "ec2:AuthorizeSecurityGroupIngress", send).await;
                let operation = "ec2:AuthorizeSecurityGroupIngress";
                succeeded(answer, RULE_EXISTS, operation, what)
            }
            Direction::Egress => {
                let request = self
                    .client
                    .authorize_security_group_egress()
                    .group_id(&group.id)
                    .set_ip_permissions(Some(permissions))
                    .tag_specifications(tags);
                let send = || request.clone().send();
                let answer = wait::retry(control, "ec2:AuthorizeSecurityGroupEgress", send).await;
                let operation = "ec2:AuthorizeSecurityGroupEgress";
                succeeded(answer, RULE_EXISTS, operation, what)
            }
        }
    }

    /// Revokes rules of a group, in one call.
    pub async fn revoke(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[ExistingRule],
    ) -> Result<()> {
        self.revoke_unless(group, direction, rules, RULE_NOT_FOUND)
            .await
    }

    /// Revokes rules of a group, in one call, before groups are deleted: where another run has
    /// deleted this one, its rules went with it.
    pub async fn revoke_before_deletion(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[ExistingRule],
    ) -> Result<()> {
        self.revoke_unless(group, direction, rules, RULE_OR_GROUP_NOT_FOUND)
            .await
    }

    /// Revokes rules of a group, in one call, unless AWS says with one of these codes that there is
    /// nothing to revoke.
    async fn revoke_unless(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[ExistingRule],
        codes: &[&str],
    ) -> Result<()> {
        let mut ids = Vec::new();
        for rule in rules {
            if !rule.id.is_empty() {
                ids.push(rule.id.clone());
            }
        }
        if ids.is_empty() || self.try_revoke(group, direction, &ids, codes).await? {
            return Ok(());
        }
        // Now one by one: a rule that the group no longer has is as good as one that is revoked.
        for id in &ids {
            let id = slice::from_ref(id);
            self.try_revoke(group, direction, id, codes).await?;
        }
        Ok(())
    }

    /// Revokes rules of a group; answers false where AWS says with one of these codes that one of
    /// them is not there, and then AWS revokes none.
    async fn try_revoke(
        &self,
        group: &Group,
        direction: Direction,
        ids: &[String],
        codes: &[&str],
    ) -> Result<bool> {
        let ids = Some(ids.to_vec());
        let what = format!("revoke rules of security group {}", group.name);
        match direction {
            Direction::Ingress => {
                let request = self
                    .client
                    .revoke_security_group_ingress()
                    .group_id(&group.id)
                    .set_security_group_rule_ids(ids);
                let answer = request.send().await;
                succeeded(answer, codes, "ec2:RevokeSecurityGroupIngress", what)
            }
            Direction::Egress => {
                let request = self
                    .client
                    .revoke_security_group_egress()
                    .group_id(&group.id)
                    .set_security_group_rule_ids(ids);
                let answer = request.send().await;
                succeeded(answer, codes, "ec2:RevokeSecurityGroupEgress", what)
            }
        }
    }
}

/// A rule in the SDK's type.
fn permission(rule: &Rule) -> IpPermission {
    let permission = IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .from_port(rule.from_port)
        .to_port(rule.to_port);
    let permission = match rule.peer_group() {
        Some(group) => {
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build())
        }
        None if rule.peer.starts_with("pl-") => {
            permission.prefix_list_ids(PrefixListId::builder().prefix_list_id(&rule.peer).build())
        }
        None => permission.ip_ranges(IpRange::builder().cidr_ip(&rule.peer).build()),
    };
    permission.build()
}

/// A rule from the SDK's type, with the ID of its group.
fn existing_rule(rule: SecurityGroupRule) -> (String, ExistingRule) {
    let peer_group = rule.referenced_group_info.and_then(|group| group.group_id);
    let peer = peer_group
        .or(rule.cidr_ipv4)
        .or(rule.cidr_ipv6)
        .or(rule.prefix_list_id)
        .unwrap_or_default();
    let direction = if rule.is_egress == Some(true) {
        Direction::Egress
    } else {
        Direction::Ingress
    };
    let existing = ExistingRule {
        id: rule.security_group_rule_id.unwrap_or_default(),
        direction,
        rule: Rule {
            protocol: rule.ip_protocol.unwrap_or_default(),
            from_port: rule.from_port.unwrap_or(-1),
            to_port: rule.to_port.unwrap_or(-1),
            peer,
        },
        tags: plain_tags(rule.tags),
    };
    (rule.group_id.unwrap_or_default(), existing)
}
