//! Every EC2 call about security groups. Thin: what to call with what is decided in `plan.rs`.
//!
//! `aws/ec2.rs` has the client, `aws/rule.rs` the calls about the rules of groups.

mod ec2;
mod rule;

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ec2::types::{
    Filter, ManagedPrefixList, NetworkInterface, ResourceType, SecurityGroup,
};
use futures_util::future::try_join_all;
use plumbing::name::IDENTITY;
use plumbing::{Result, aws_error, code, wait};
use tokio::try_join;

pub use self::ec2::{Ec2, client};
use self::ec2::{VISIBLE_BUDGET, filter, plain_tags, sdk_tags, tag_specification};
use crate::plan::{self, DESCRIPTION, Group, Interface};

/// Some calls still show a deleted group for this long (Terraform's limit).
const DELETED_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// A filter takes at most this many values.
const FILTER_LIMIT: usize = 200;
/// The name of the group that AWS makes with each VPC.
const DEFAULT_GROUP: &str = "default";

impl Ec2 {
    /// The environment's groups, with their rules; two calls deep.
    pub async fn find(&self) -> Result<Vec<Group>> {
        let env = &self.aws.env;
        let tag = format!("tag:{IDENTITY}");
        let mut groups = self.list(filter(&tag, &[&env.name])).await?;
        // A VPC's default group is deleted with the VPC, and cannot be deleted without.
        groups.retain(|group| env.owns(&group.tags) && group.name != DEFAULT_GROUP);
        self.with_rules(groups).await
    }

    /// The group of a name in a VPC, ours or not, with its rules.
    async fn get(&self, vpc: &str, name: &str) -> Result<Option<Group>> {
        let mut groups = self.list(filter("vpc-id", &[vpc])).await?;
        // To AWS, names that differ only in case are the same name.
        groups.retain(|group| group.vpc == vpc && group.name.eq_ignore_ascii_case(name));
        groups.truncate(1);
        Ok(self.with_rules(groups).await?.pop())
    }

    /// The groups that a filter selects, without their rules.
    async fn list(&self, filter: Filter) -> Result<Vec<Group>> {
        let pages = self
            .client
            .describe_security_groups()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        let groups: Vec<SecurityGroup> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                let what = "find the security groups";
                aws_error("ec2:DescribeSecurityGroups", what, error)
            })?;
        Ok(groups.into_iter().map(plain_group).collect())
    }

    /// Which of some security groups and prefix lists there are, by their IDs, and the VPCs of the groups.
    /// Where none is named, AWS is not asked.
    pub async fn find_peers(&self, ids: &[String]) -> Result<BTreeMap<String, String>> {
        let of_kind = |prefix: &str| -> Vec<&str> {
            let ids = ids.iter().map(String::as_str);
            ids.filter(|id| id.starts_with(prefix)).collect()
        };
        let (groups, lists) = (of_kind("sg-"), of_kind("pl-"));
        let groups = groups.chunks(FILTER_LIMIT);
        let groups = groups.map(|ids| self.list(filter("group-id", ids)));
        let lists = lists.chunks(FILTER_LIMIT);
        let lists = lists.map(|ids| self.list_prefix_lists(ids));
        let (groups, lists) = try_join!(try_join_all(groups), try_join_all(lists))?;
        let groups = groups.concat().into_iter();
        let groups = groups.map(|group| (group.id, group.vpc));
        let lists = lists.concat().into_iter().map(|id| (id, String::new()));
        Ok(groups.chain(lists).collect())
    }

    /// Those of some prefix lists that there are, AWS's own among them.
    async fn list_prefix_lists(&self, ids: &[&str]) -> Result<Vec<String>> {
        let pages = self
            .client
            .describe_managed_prefix_lists()
            .filters(filter("prefix-list-id", ids))
            .into_paginator()
            .items()
            .send();
        let lists: Vec<ManagedPrefixList> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                let what = "find the prefix lists";
                aws_error("ec2:DescribeManagedPrefixLists", what, error)
            })?;
        let ids = lists.into_iter().filter_map(|list| list.prefix_list_id);
        Ok(ids.collect())
    }

    /// Adds the groups' rules.
    async fn with_rules(&self, mut groups: Vec<Group>) -> Result<Vec<Group>> {
        let ids: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        let lists = ids.chunks(FILTER_LIMIT).map(|ids| self.list_rules(ids));
        let rules = try_join_all(lists).await?.concat();
        for (group_id, rule) in rules {
            if let Some(group) = groups.iter_mut().find(|group| group.id == group_id) {
                group.rules.push(rule);
            }
        }
        Ok(groups)
    }

    /// Makes a group, and answers it with true. Where another run was faster, it answers the other
    /// run's group with false.
    ///
    /// `vpc` answers the ID of the VPC at the time of each attempt. Errors: the group of this name
    /// is not the environment's.
    pub async fn create(
        &self,
        name: &str,
        tags: Vec<(String, String)>,
        vpc: impl Fn() -> String,
    ) -> Result<(Group, bool)> {
        const OPERATION: &str = "ec2:CreateSecurityGroup";
        let env = &self.aws.env;
        let request = self
            .client
            .create_security_group()
            .group_name(name)
            .description(DESCRIPTION)
            .tag_specifications(tag_specification(ResourceType::SecurityGroup, &tags));
        let send = || request.clone().vpc_id(vpc()).send();
        let answer = wait::retry(&self.aws.control, OPERATION, send).await;
        let vpc = vpc();
        let what = format!("create security group {name} in {vpc}");
        match answer {
            Ok(answer) => {
                let group = Group {
                    id: answer.group_id.unwrap_or_default(),
                    name: name.into(),
                    vpc,
                    tags: tags.into_iter().collect(),
                    rules: Vec::new(),
                };
                Ok((group, true))
            }
            Err(error) if code(&error) == "InvalidGroup.Duplicate" => {
                let group = self.wait_visible(&vpc, name).await?;
                if env.owns(&group.tags) {
                    return Ok((group, false));
                }
                let hint = format!(
                    "{} has this name without the tag {IDENTITY}={}: delete it if nobody needs it, or choose another suffix",
                    group.id, env.name
                );
                Err(aws_error(OPERATION, what, error).hint(hint))
            }
            Err(error) => Err(aws_error(OPERATION, what, error)),
        }
    }

    /// Waits for a group that someone else just made.
    async fn wait_visible(&self, vpc: &str, name: &str) -> Result<Group> {
        let what = format!("security group {name} is taken, and not seen yet");
        let get = || self.get(vpc, name);
        wait::until(&self.aws.control, &what, VISIBLE_BUDGET, get).await
    }

    /// Sets the tags that are ours on a group or on its rules; others' tags stay.
    pub async fn set_tags(&self, ids: &[&str], group: &Group) -> Result<()> {
        let group_name = &group.name;
        let ids = ids.iter().map(|id| id.to_string()).collect();
        let tags = sdk_tags(&plan::tags_of(&self.aws.env, group));
        let request = self
            .client
            .create_tags()
            .set_resources(Some(ids))
            .set_tags(Some(tags));
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, "ec2:CreateTags", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag security group {group_name}");
                Err(aws_error("ec2:CreateTags", what, error))
            }
        }
    }

    /// Deletes a group; answers false while something uses it or refers to it.
    pub async fn try_delete(&self, group: &Group) -> Result<bool> {
        let request = self.client.delete_security_group().group_id(&group.id);
        let Err(error) = request.send().await else {
            return Ok(true);
        };
        match code(&error) {
            "DependencyViolation" | "InvalidGroup.InUse" => Ok(false),
            code if code.ends_with(".NotFound") => Ok(true),
            _ => {
                let what = format!("delete security group {} ({})", group.name, group.id);
                Err(aws_error("ec2:DeleteSecurityGroup", what, error))
            }
        }
    }

    /// Waits until EC2 no longer shows a deleted group.
    pub async fn wait_deleted(&self, id: &str) -> Result<()> {
        let what = format!("security group {id} is still seen");
        wait::until(&self.aws.control, &what, DELETED_DEADLINE, async || {
            if self.is_visible(id).await? {
                Ok(None)
            } else {
                Ok(Some(()))
            }
        })
        .await
    }

    /// Whether EC2 shows a group.
    async fn is_visible(&self, id: &str) -> Result<bool> {
        let request = self.client.describe_security_groups().group_ids(id);
        match request.send().await {
            Ok(answer) => Ok(!answer.security_groups().is_empty()),
            Err(error) if code(&error).ends_with(".NotFound") => Ok(false),
            Err(error) => {
                let what = format!("look at {id}");
                Err(aws_error("ec2:DescribeSecurityGroups", what, error))
            }
        }
    }

    /// The network interfaces in a group.
    pub async fn interfaces_in(&self, id: &str) -> Result<Vec<Interface>> {
        let pages = self
            .client
            .describe_network_interfaces()
            .filters(filter("group-id", &[id]))
            .into_paginator()
            .items()
            .send();
        let listed: Vec<NetworkInterface> =
            pages.collect::<Result<_, _>>().await.map_err(|error| {
                let what = format!("look at what uses security group {id}");
                aws_error("ec2:DescribeNetworkInterfaces", what, error)
            })?;
        let mut interfaces = Vec::new();
        for interface in listed {
            let attachment = interface.attachment;
            let instance = attachment.and_then(|attachment| attachment.instance_id);
            interfaces.push(Interface {
                id: interface.network_interface_id.unwrap_or_default(),
                description: interface.description.unwrap_or_default(),
                instance: instance.unwrap_or_default(),
                is_ours: self.aws.env.owns(&plain_tags(interface.tag_set)),
            });
        }
        Ok(interfaces)
    }

    /// The groups that are not ours whose rules refer to a group, in its VPC or in a peered one;
    /// sorted by their IDs.
    pub async fn others_that_refer_to(&self, id: &str) -> Result<Vec<Group>> {
        let (by_ingress, by_egress) = try_join!(
            self.list(filter("ip-permission.group-id", &[id])),
            self.list(filter("egress.ip-permission.group-id", &[id]))
        )?;
        let mut others = BTreeMap::new();
        for group in [by_ingress, by_egress].concat() {
            if !self.aws.env.owns(&group.tags) {
                others.insert(group.id.clone(), group);
            }
        }
        Ok(others.into_values().collect())
    }
}

/// A group from the SDK's type, without its rules.
fn plain_group(group: SecurityGroup) -> Group {
    Group {
        id: group.group_id.unwrap_or_default(),
        name: group.group_name.unwrap_or_default(),
        vpc: group.vpc_id.unwrap_or_default(),
        tags: plain_tags(group.tags),
        rules: Vec::new(),
    }
}
