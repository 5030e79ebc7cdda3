//! Every EC2 call about security groups. Thin: what to call with what is decided in `plan.rs`.
//!
//! EC2 models no exceptions, so errors are told apart by their codes.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, ResourceType, SecurityGroup, SecurityGroupRule, Tag,
    TagSpecification, UserIdGroupPair,
};
use futures_util::future::try_join_all;
use plumbing::name::IDENTITY;
use plumbing::{Aws, Error, Result, aws_error, code, wait};

use crate::plan::{ANYWHERE, DESCRIPTION, Direction, Found, Group, Rule, Tags};

/// EC2 shows what was just made to other calls with a delay.
const FRESH_BUDGET: Duration = Duration::from_secs(300);
const FRESH: &[(&str, &str)] = &[("InvalidGroup.NotFound", ""), ("InvalidVpcID.NotFound", "")];
/// Another run sets the tags of the same group.
const TAGGING: &[(&str, &str)] = &[("ConcurrentTagAccess", "")];
const TAG_BUDGET: Duration = Duration::from_secs(60);
/// A rule is gone: EC2's code for one that is named by its ID, and for one that is described.
const RULE_GONE: &[&str] = &[
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
];
/// A group is gone, and its rules with it.
const GROUP_GONE: &[&str] = &["InvalidGroup.NotFound"];
/// AWS's codes for a quota that is reached, and the name of the quota in Service Quotas.
const QUOTAS: &[(&str, &str)] = &[
    (
        "SecurityGroupLimitExceeded",
        "VPC security groups per Region",
    ),
    (
        "RulesPerSecurityGroupLimitExceeded",
        "Inbound or outbound rules per security group",
    ),
];
/// A deleted group is seen by some calls for this long (Terraform's limit).
const GONE: Duration = Duration::from_secs(5 * 60);
/// A filter takes at most 200 values.
const VALUES: usize = 200;

/// EC2, for one environment.
pub struct Ec2 {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ec2 {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Ec2 {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Ec2 {
    /// All groups that carry the identity tag, with their rules; two calls deep.
    pub async fn find(&self) -> Result<Vec<Group>> {
        let groups = self
            .groups(filter(
                &format!("tag:{IDENTITY}"),
                [self.aws.env.name.as_str()],
            ))
            .await?;
        // A VPC's own group goes with it and cannot be deleted.
        let ours = groups
            .into_iter()
            .filter(|group| self.aws.env.owns(&group.tags) && group.name != "default");
        self.with_rules(ours.collect()).await
    }

    /// The group of a name in a VPC, whoever's it is, with its rules: to AWS names that differ in
    /// case alone are the same name.
    async fn named(&self, vpc: &str, name: &str) -> Result<Option<Group>> {
        let groups = self.groups(filter("vpc-id", [vpc])).await?;
        let named = groups
            .into_iter()
            .find(|group| group.vpc == vpc && group.name.eq_ignore_ascii_case(name));
        Ok(self.with_rules(named.into_iter().collect()).await?.pop())
    }

    async fn groups(&self, filter: Filter) -> Result<Vec<Group>> {
        let pages = self
            .client
            .describe_security_groups()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        let found: Vec<SecurityGroup> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("ec2:DescribeSecurityGroups", "find the security groups", e))?;
        let groups = found.into_iter().map(|group| Group {
            id: group.group_id.unwrap_or_default(),
            name: group.group_name.unwrap_or_default(),
            vpc: group.vpc_id.unwrap_or_default(),
            tags: tags(group.tags),
            rules: Vec::new(),
        });
        Ok(groups.collect())
    }

    async fn with_rules(&self, mut groups: Vec<Group>) -> Result<Vec<Group>> {
        let ids: Vec<&str> = groups.iter().map(|group| group.id.as_str()).collect();
        let found = try_join_all(ids.chunks(VALUES).map(|ids| self.rules(ids))).await?;
        for (group, rule) in found.into_iter().flatten() {
            if let Some(group) = groups.iter_mut().find(|other| other.id == group) {
                group.rules.push(rule);
            }
        }
        Ok(groups)
    }

    /// The rules of groups, each with its group's ID.
    async fn rules(&self, groups: &[&str]) -> Result<Vec<(String, Found)>> {
        let filter = filter("group-id", groups.iter().copied());
        let pages = self
            .client
            .describe_security_group_rules()
            .filters(filter)
            .into_paginator()
            .items()
            .send();
        let found: Vec<SecurityGroupRule> = pages.collect::<Result<_, _>>().await.map_err(|e| {
            aws_error(
                "ec2:DescribeSecurityGroupRules",
                "look at the security groups' rules",
                e,
            )
        })?;
        Ok(found.into_iter().map(rule).collect())
    }

    /// Makes a group and takes its default rule away; or, where someone was faster, answers the
    /// group they made.
    ///
    /// Errors: the name is taken by a group that is not the environment's.
    pub async fn create(
        &self,
        name: &str,
        current_vpc: impl Fn() -> String,
    ) -> Result<(Group, bool)> {
        let tags = self.aws.env.tags_of(name);
        let request = self
            .client
            .create_security_group()
            .group_name(name)
            .description(DESCRIPTION);
        let request = request.tag_specifications(spec(ResourceType::SecurityGroup, &tags));
        let call = || request.clone().vpc_id(current_vpc()).send();
        let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, call).await;
        let vpc = current_vpc();
        let error = match answer {
            Ok(answer) => {
                let id = answer.group_id.unwrap_or_default();
                let group = Group {
                    id,
                    name: name.into(),
                    vpc,
                    tags: tags.into_iter().collect(),
                    rules: vec![],
                };
                return Ok((group, true));
            }
            Err(error) => error,
        };
        let what = format!("create security group {name} in {vpc}");
        if code(&error) != "InvalidGroup.Duplicate" {
            return Err(refusal("ec2:CreateSecurityGroup", what, error));
        }
        let unseen = format!("security group {name} is taken, and not seen yet");
        let there = wait::until(&self.aws.control, &unseen, FRESH_BUDGET, async || {
            self.named(&vpc, name).await
        })
        .await?;
        match self.aws.env.owns(&there.tags) {
            true => Ok((there, false)),
            false => Err(aws_error("ec2:CreateSecurityGroup", what, error).hint(format!(
                "{} has this name without the tag {IDENTITY}={}: delete it if nobody needs it, or choose another suffix",
                there.id, self.aws.env.name
            ))),
        }
    }

    /// Takes away the rule with which AWS makes a group: all traffic may leave.
    ///
    /// In a VPC with IPv6 there is a second one; the next run finds it and takes it away.
    pub async fn revoke_default(&self, group: &Group) -> Result<()> {
        let all = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(IpRange::builder().cidr_ip(ANYWHERE).build());
        let request = self
            .client
            .revoke_security_group_egress()
            .group_id(&group.id)
            .ip_permissions(all.build());
        match wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
            request.clone().send()
        })
        .await
        {
            Err(error) if code(&error) != "InvalidPermission.NotFound" => {
                let what = format!("revoke the default rule of security group {}", group.name);
                Err(aws_error("ec2:RevokeSecurityGroupEgress", what, error))
            }
            _ => Ok(()), // where it is not found, another run was faster
        }
    }

    /// Adds rules to a group, in one call.
    pub async fn authorise(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[Rule],
    ) -> Result<()> {
        if rules.is_empty() || self.authorised(group, direction, rules).await? {
            return Ok(());
        }
        // One of them was there: AWS took none. One by one, to be there is as good as to be added.
        for rule in rules {
            self.authorised(group, direction, std::slice::from_ref(rule))
                .await?;
        }
        Ok(())
    }

    /// False where AWS took none of the rules, since one of them is there.
    async fn authorised(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[Rule],
    ) -> Result<bool> {
        let permissions: Vec<IpPermission> = rules.iter().map(permission).collect();
        let tags = spec(
            ResourceType::SecurityGroupRule,
            &self.aws.env.tags_of(&group.name),
        );
        let what = format!("add rules to security group {}", group.name);
        match direction {
            Direction::Ingress => {
                let request = self
                    .client
                    .authorize_security_group_ingress()
                    .group_id(&group.id);
                let request = request
                    .set_ip_permissions(Some(permissions))
                    .tag_specifications(tags);
                let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    request.clone().send()
                })
                .await;
                unless(
                    answer,
                    &["InvalidPermission.Duplicate"],
                    "ec2:AuthorizeSecurityGroupIngress",
                    what,
                )
            }
            Direction::Egress => {
                let request = self
                    .client
                    .authorize_security_group_egress()
                    .group_id(&group.id);
                let request = request
                    .set_ip_permissions(Some(permissions))
                    .tag_specifications(tags);
                let answer = wait::retry(&self.aws.control, FRESH_BUDGET, FRESH, || {
                    request.clone().send()
                })
                .await;
                unless(
                    answer,
                    &["InvalidPermission.Duplicate"],
                    "ec2:AuthorizeSecurityGroupEgress",
                    what,
                )
            }
        }
    }

    /// Takes rules of a group away, in one call. Where the groups are `going`, one that is gone took
    /// its rules with it.
    pub async fn revoke(
        &self,
        group: &Group,
        direction: Direction,
        rules: &[Found],
        going: bool,
    ) -> Result<()> {
        let ids: Vec<String> = rules
            .iter()
            .map(|found| found.id.clone())
            .filter(|id| !id.is_empty())
            .collect();
        let gone = if going {
            [RULE_GONE, GROUP_GONE].concat()
        } else {
            RULE_GONE.to_vec()
        };
        if ids.is_empty() || self.revoked(group, direction, &ids, &gone).await? {
            return Ok(());
        }
        // One of them was gone: AWS took none away. One by one, to be gone is as good.
        for id in &ids {
            self.revoked(group, direction, std::slice::from_ref(id), &gone)
                .await?;
        }
        Ok(())
    }

    /// False where AWS took none of the rules away, since one of them is gone.
    async fn revoked(
        &self,
        group: &Group,
        direction: Direction,
        ids: &[String],
        gone: &[&str],
    ) -> Result<bool> {
        let (id, ids) = (&group.id, Some(ids.to_vec()));
        let what = format!("revoke rules of security group {}", group.name);
        match direction {
            Direction::Ingress => {
                let request = self
                    .client
                    .revoke_security_group_ingress()
                    .group_id(id)
                    .set_security_group_rule_ids(ids);
                unless(
                    request.send().await,
                    gone,
                    "ec2:RevokeSecurityGroupIngress",
                    what,
                )
            }
            Direction::Egress => {
                let request = self
                    .client
                    .revoke_security_group_egress()
                    .group_id(id)
                    .set_security_group_rule_ids(ids);
                unless(
                    request.send().await,
                    gone,
                    "ec2:RevokeSecurityGroupEgress",
                    what,
                )
            }
        }
    }

    /// Sets the tags of a group and its rules to ours; others' tags stay.
    pub async fn retag(&self, ids: Vec<String>, name: &str) -> Result<()> {
        let tags = sdk_tags(&self.aws.env.tags_of(name));
        let request = self
            .client
            .create_tags()
            .set_resources(Some(ids))
            .set_tags(Some(tags));
        let answer = wait::retry(&self.aws.control, TAG_BUDGET, TAGGING, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| aws_error("ec2:CreateTags", format!("tag security group {name}"), e))
    }

    /// Deletes a group; answers false while something uses it or refers to it.
    pub async fn delete(&self, group: &Group) -> Result<bool> {
        let Err(error) = self
            .client
            .delete_security_group()
            .group_id(&group.id)
            .send()
            .await
        else {
            return Ok(true);
        };
        match code(&error) {
            "DependencyViolation" | "InvalidGroup.InUse" => Ok(false),
            "InvalidGroup.NotFound" => Ok(true),
            _ => {
                let what = format!("delete security group {} ({})", group.name, group.id);
                Err(aws_error("ec2:DeleteSecurityGroup", what, error))
            }
        }
    }

    /// Waits until a group is seen no more.
    pub async fn gone(&self, group: &str) -> Result<()> {
        wait::until(
            &self.aws.control,
            &format!("security group {group} is still seen"),
            GONE,
            async || match self
                .client
                .describe_security_groups()
                .group_ids(group)
                .send()
                .await
            {
                Ok(answer) => Ok(answer.security_groups().is_empty().then_some(())),
                Err(error) if code(&error) == "InvalidGroup.NotFound" => Ok(Some(())),
                Err(error) => Err(aws_error(
                    "ec2:DescribeSecurityGroups",
                    format!("look at {group}"),
                    error,
                )),
            },
        )
        .await
    }

    /// The network interfaces in a group.
    pub async fn interfaces(&self, group: &str) -> Result<Vec<Interface>> {
        let request = self
            .client
            .describe_network_interfaces()
            .filters(filter("group-id", [group]));
        let found: Vec<_> = request
            .into_paginator()
            .items()
            .send()
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| {
                aws_error(
                    "ec2:DescribeNetworkInterfaces",
                    format!("look at what uses security group {group}"),
                    e,
                )
            })?;
        let interfaces = found.into_iter().map(|interface| Interface {
            instance: interface
                .attachment
                .and_then(|attachment| attachment.instance_id)
                .unwrap_or_default(),
            id: interface.network_interface_id.unwrap_or_default(),
            description: interface.description.unwrap_or_default(),
            ours: self.aws.env.owns(&tags(interface.tag_set)),
        });
        Ok(interfaces.collect())
    }

    /// The groups of others whose rules refer to a group, in their own or a peered VPC.
    pub async fn foreign_referrers(&self, group: &str) -> Result<Vec<Group>> {
        let (ingress, egress) = tokio::try_join!(
            self.groups(filter("ip-permission.group-id", [group])),
            self.groups(filter("egress.ip-permission.group-id", [group]))
        )?;
        let mut groups: Vec<Group> = [ingress, egress]
            .into_iter()
            .flatten()
            .filter(|g| !self.aws.env.owns(&g.tags))
            .collect();
        groups.sort_by(|a, b| a.id.cmp(&b.id));
        groups.dedup_by(|a, b| a.id == b.id);
        Ok(groups)
    }
}

/// A network interface in a group.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `eni-…`.
    pub id: String,
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

/// True where a call was done, false where it failed with one of some codes.
fn unless<T, E>(
    answer: std::result::Result<T, SdkError<E>>,
    expected: &[&str],
    operation: &str,
    what: String,
) -> Result<bool>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if expected.contains(&code(&error)) => Ok(false),
        Err(error) => Err(refusal(operation, what, error)),
    }
}

/// Words why AWS does not do it; of a quota that is reached, which one.
fn refusal<E>(operation: &str, what: String, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let quota = QUOTAS.iter().find(|(reached, _)| *reached == code(&error));
    let told = aws_error(operation, what, error);
    match quota {
        Some((_, quota)) => told.hint(format!(
            "delete what nobody uses, or have Service Quotas raise '{quota}', and run it again"
        )),
        None => told,
    }
}

fn permission(rule: &Rule) -> IpPermission {
    let permission = IpPermission::builder()
        .ip_protocol(&rule.protocol)
        .from_port(rule.from)
        .to_port(rule.to);
    let permission = match rule.group() {
        Some(group) => {
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(group).build())
        }
        None => permission.ip_ranges(IpRange::builder().cidr_ip(&rule.peer).build()),
    };
    permission.build()
}

fn rule(rule: SecurityGroupRule) -> (String, Found) {
    let group = rule.referenced_group_info.and_then(|group| group.group_id);
    let peer = group
        .or(rule.cidr_ipv4)
        .or(rule.cidr_ipv6)
        .or(rule.prefix_list_id)
        .unwrap_or_default();
    let found = Found {
        id: rule.security_group_rule_id.unwrap_or_default(),
        direction: if rule.is_egress == Some(true) {
            Direction::Egress
        } else {
            Direction::Ingress
        },
        rule: Rule {
            protocol: rule.ip_protocol.unwrap_or_default(),
            from: rule.from_port.unwrap_or(-1),
            to: rule.to_port.unwrap_or(-1),
            peer,
        },
        tags: tags(rule.tags),
    };
    (rule.group_id.unwrap_or_default(), found)
}

fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().map(String::from).collect()))
        .build()
}

fn spec(kind: ResourceType, tags: &[(String, String)]) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(sdk_tags(tags)))
        .build()
}

fn sdk_tags(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

fn tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}
