//! Every EC2 call about a network. Thin: what to call with what is decided in `plan.rs` and in
//! the order of `make.rs` and `delete.rs`.
//!
//! EC2 models no exceptions, so errors are told apart by their codes.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{
    AttributeBooleanValue, DomainType, Filter, ResourceType, RouteTableAssociationState,
    RouteTableAssociationStateCode, Tag, TagSpecification,
};
use plumbing::name::IDENTITY;
use plumbing::{Aws, Error, Kind, Result, aws_error, code, message, wait};
use tokio::time::Instant;

use crate::plan::{
    self, Address, DefaultGroup, Gateway, MADE, NatGateway, Network, Subnet, Table, Tags,
};

mod delete;
mod find;

pub use delete::Interface;
use find::nat_gateway;

/// EC2 shows what was just made to other calls with a delay.
const FRESH_BUDGET: Duration = Duration::from_secs(300);
/// After which time a look tells whether it will show: another run may have deleted the VPC.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// A gateway that is not there to be attached shows within seconds, or was deleted.
const ATTACH_BUDGET: Duration = Duration::from_secs(15);
const FRESH: &[(&str, &str)] = &[
    ("InvalidVpcID.NotFound", ""),
    ("InvalidSubnetID.NotFound", ""),
    ("InvalidSubnetId.NotFound", ""),
    ("InvalidInternetGatewayID.NotFound", ""),
    ("InvalidRouteTableID.NotFound", ""),
    ("InvalidNatGatewayID.NotFound", ""),
    ("NatGatewayNotFound", ""),
    ("InvalidGroup.NotFound", ""),
    ("InvalidParameterException", ""), // CreateRoute, while its table settles
];
/// Another run sets the tags of the same thing.
const TAGGING: &[(&str, &str)] = &[("ConcurrentTagAccess", "")];
const TAG_BUDGET: Duration = Duration::from_secs(60);
/// AWS's codes for a quota that is reached, and the name of the quota in Service Quotas.
const QUOTAS: &[(&str, &str)] = &[
    ("VpcLimitExceeded", "VPCs per Region"),
    (
        "InternetGatewayLimitExceeded",
        "Internet gateways per Region",
    ),
    ("AddressLimitExceeded", "EC2-VPC Elastic IPs"),
    ("SubnetLimitExceeded", "Subnets per VPC"),
    ("RouteTableLimitExceeded", "Route tables per VPC"),
    (
        "NatGatewayLimitExceeded",
        "NAT gateways per Availability Zone",
    ),
];
/// A route table shows within a second or two.
const TABLE_SHOWS: Duration = Duration::from_secs(10);
/// A subnet uses its table at once, or soon (Terraform's limit).
const ASSOCIATES: Duration = Duration::from_secs(5 * 60);
/// A NAT gateway takes 1 to 3 minutes, at times 10.
const NAT_CREATE: Duration = Duration::from_secs(15 * 60);
/// The one that another run made shows within seconds, and so does an address.
const NAT_SHOWS: Duration = Duration::from_secs(60);
/// Deleting one can take long; Terraform waits 30 minutes.
const NAT_DELETE: Duration = Duration::from_secs(30 * 60);

/// EC2, and for whom: the environment whose tags go into each create call.
pub struct Ec2 {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
    place: RefCell<Place>,
}

/// The VPC that a run works in.
#[derive(Default)]
struct Place {
    vpc: String,
    /// Whether EC2 showed it.
    seen: bool,
    /// Whether it was deleted since.
    gone: bool,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ec2 {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    let place = RefCell::default();
    Ec2 {
        client: Client::from_conf(config),
        aws: aws.clone(),
        place,
    }
}

impl Ec2 {
    /// From here on, the run works in this VPC.
    pub fn enter(&self, vpc: &str, seen: bool) {
        self.place.replace(Place {
            vpc: vpc.into(),
            seen,
            gone: false,
        });
    }

    /// Whether a call failed because the VPC was deleted under it.
    pub fn is_gone(&self) -> bool {
        self.place.borrow().gone
    }

    /// Repeats a call while EC2 does not show what was just made; not where it never will, since
    /// another run deleted the VPC.
    async fn fresh<T, E, F, Fut>(&self, mut call: F) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata,
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, SdkError<E>>>,
    {
        let begun = Instant::now();
        let mut budget = FIRST_LOOK;
        loop {
            let answer = wait::retry(&self.aws.control, budget, FRESH, &mut call).await;
            let Err(error) = &answer else { return answer };
            let may_show = is_fresh(code(error)) && begun.elapsed() < FRESH_BUDGET;
            if !may_show || self.aws.control.check_stopped().is_err() || self.lost().await {
                return answer;
            }
            budget *= 2;
        }
    }

    /// Whether the VPC was deleted: EC2 showed it before, or shows another one.
    async fn lost(&self) -> bool {
        let Ok(vpcs) = self.vpcs().await else {
            return false;
        };
        let mut place = self.place.borrow_mut();
        let there = vpcs.iter().any(|vpc| vpc.id == place.vpc);
        place.gone = !there && (place.seen || !vpcs.is_empty());
        place.seen |= there;
        place.gone
    }

    /// Makes a VPC; no token and no name keeps a second run from making another, so its caller
    /// looks again and elects one. None where there may be no more, and another run made one.
    pub async fn create_vpc(&self, cidr: &str) -> Result<Option<Network>> {
        let tags = self.tags_with_time("vpc", "");
        let answer = self
            .client
            .create_vpc()
            .cidr_block(cidr)
            .tag_specifications(spec(ResourceType::Vpc, &tags))
            .send()
            .await;
        let answer = match answer {
            Err(full) if code(&full) == "VpcLimitExceeded" && !self.vpcs().await?.is_empty() => {
                return Ok(None);
            }
            answer => answer
                .map_err(|e| refusal("ec2:CreateVpc", format!("create vpc {}", tags[0].1), e))?,
        };
        let id = answer.vpc.and_then(|vpc| vpc.vpc_id).unwrap_or_default();
        Ok(Some(Network {
            id,
            cidr: cidr.into(),
            tags: tags.into_iter().collect(),
        }))
    }

    /// Has the VPC resolve names; without that no task finds a registry.
    pub async fn enable_dns(&self, vpc: &str) -> Result<()> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let request = self
            .client
            .modify_vpc_attribute()
            .vpc_id(vpc)
            .enable_dns_support(on);
        let answer = self.fresh(|| request.clone().send()).await;
        answer.map(drop).map_err(|e| {
            aws_error(
                "ec2:ModifyVpcAttribute",
                format!("enable dns support of {vpc}"),
                e,
            )
        })
    }

    /// Has the VPC give names to its interfaces; private DNS of endpoints needs it.
    pub async fn enable_hostnames(&self, vpc: &str) -> Result<()> {
        let on = AttributeBooleanValue::builder().value(true).build();
        let request = self
            .client
            .modify_vpc_attribute()
            .vpc_id(vpc)
            .enable_dns_hostnames(on);
        let answer = self.fresh(|| request.clone().send()).await;
        answer.map(drop).map_err(|e| {
            aws_error(
                "ec2:ModifyVpcAttribute",
                format!("enable dns hostnames of {vpc}"),
                e,
            )
        })
    }

    /// Makes an internet gateway, attached to nothing.
    pub async fn create_gateway(&self) -> Result<Gateway> {
        let tags = self.tags_with_time("igw", "");
        let answer = self
            .client
            .create_internet_gateway()
            .tag_specifications(spec(ResourceType::InternetGateway, &tags))
            .send()
            .await;
        let refused = |e| {
            refusal(
                "ec2:CreateInternetGateway",
                format!("create internet gateway {}", tags[0].1),
                e,
            )
        };
        let answer = match answer {
            Err(full) if code(&full) == "InternetGatewayLimitExceeded" => {
                let others = self.gateways().await?; // of runs at the same time
                return plan::gateway(&others, "")
                    .cloned()
                    .ok_or_else(|| refused(full));
            }
            answer => answer.map_err(refused)?,
        };
        let id = answer
            .internet_gateway
            .and_then(|gateway| gateway.internet_gateway_id)
            .unwrap_or_default();
        Ok(Gateway {
            id,
            vpc: None,
            tags: tags.into_iter().collect(),
        })
    }

    /// Attaches a gateway; false where the VPC has one already, which decides a race, or where a
    /// run at the same time, which attached its own, has deleted this one.
    pub async fn attach(&self, gateway: &str, vpc: &str) -> Result<bool> {
        let request = self
            .client
            .attach_internet_gateway()
            .internet_gateway_id(gateway)
            .vpc_id(vpc);
        let begun = Instant::now();
        loop {
            match wait::retry(&self.aws.control, FIRST_LOOK, FRESH, || {
                request.clone().send()
            })
            .await
            {
                Ok(_) => return Ok(true),
                Err(error) if already(code(&error), message(&error)) => return Ok(false),
                Err(error)
                    if is_fresh(code(&error))
                        && begun.elapsed() < ATTACH_BUDGET
                        && !self.lost().await =>
                {
                    if self
                        .gateways()
                        .await?
                        .iter()
                        .any(|other| other.vpc.as_deref() == Some(vpc))
                    {
                        return Ok(false);
                    }
                    self.aws.control.check_stopped()?;
                }
                Err(error)
                    if code(&error) == "InvalidInternetGatewayID.NotFound" && !self.is_gone() =>
                {
                    return Ok(false);
                }
                Err(error) => {
                    return Err(aws_error(
                        "ec2:AttachInternetGateway",
                        format!("attach {gateway} to {vpc}"),
                        error,
                    ));
                }
            }
        }
    }

    /// Allocates an address of a name.
    pub async fn allocate(&self, part: &str) -> Result<Address> {
        let tags = self.tags_with_time("eip", part);
        let request = self
            .client
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(spec(ResourceType::ElasticIp, &tags));
        let refused = |e| {
            refusal(
                "ec2:AllocateAddress",
                format!("allocate elastic ip {}", tags[0].1),
                e,
            )
        };
        let answer = match request.send().await {
            Err(full) if code(&full) == "AddressLimitExceeded" => {
                let others = self.addresses().await?; // of runs at the same time
                return plan::address(&others, &tags[0].1, None)
                    .cloned()
                    .ok_or_else(|| refused(full));
            }
            answer => answer.map_err(refused)?,
        };
        Ok(Address {
            id: answer.allocation_id.unwrap_or_default(),
            used: false,
            tags: tags.into_iter().collect(),
        })
    }

    /// Makes a subnet; AWS refuses a second one of the same range.
    pub async fn create_subnet(
        &self,
        vpc: &str,
        part: &str,
        cidr: &str,
        zone: &str,
    ) -> Result<Subnet> {
        let tags = self
            .aws
            .env
            .tags_of(&plan::name(&self.aws.env, "subnet", part));
        let request = self
            .client
            .create_subnet()
            .vpc_id(vpc)
            .cidr_block(cidr)
            .availability_zone(zone);
        let request = request.tag_specifications(spec(ResourceType::Subnet, &tags));
        let answer = match self.fresh(|| request.clone().send()).await {
            Ok(answer) => answer,
            Err(error) if code(&error) == "InvalidSubnet.Conflict" => {
                let others = self.subnets(vpc).await?; // someone was faster
                return plan::subnet(&others, cidr, zone)?.cloned().ok_or_else(|| {
                    aws_error(
                        "ec2:CreateSubnet",
                        format!("create subnet {} ({cidr})", tags[0].1),
                        error,
                    )
                    .hint(format!(
                        "another subnet of {vpc}, not of this environment, overlaps {cidr}"
                    ))
                });
            }
            Err(error) => {
                return Err(refusal(
                    "ec2:CreateSubnet",
                    format!("create subnet {} in {vpc}", tags[0].1),
                    error,
                ));
            }
        };
        let id = answer
            .subnet
            .and_then(|subnet| subnet.subnet_id)
            .unwrap_or_default();
        Ok(Subnet {
            id,
            cidr: cidr.into(),
            zone: zone.into(),
            tags: tags.into_iter().collect(),
        })
    }

    /// Makes a route table; the token keeps a run at the same time from making another.
    pub async fn create_table(&self, vpc: &str, part: &str, attempt: usize) -> Result<Table> {
        let tags = self
            .aws
            .env
            .tags_of(&plan::name(&self.aws.env, "rtb", part));
        // With other tags a known token would be refused: one of a table that was deleted since.
        let said: Vec<String> = tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let token = self.token(&["rtb", part, vpc, &attempt.to_string(), &said.join(",")]);
        let request = self
            .client
            .create_route_table()
            .vpc_id(vpc)
            .client_token(token);
        let request = request.tag_specifications(spec(ResourceType::RouteTable, &tags));
        let answer = self.fresh(|| request.clone().send()).await;
        let answer = answer.map_err(|e| {
            refusal(
                "ec2:CreateRouteTable",
                format!("create route table {}", tags[0].1),
                e,
            )
        })?;
        let id = answer
            .route_table
            .and_then(|table| table.route_table_id)
            .unwrap_or_default();
        Ok(Table {
            id,
            tags: tags.into_iter().collect(),
            ..Table::default()
        })
    }

    /// Whether a table that was made shows within a moment: a token answers also with what was
    /// deleted since.
    pub async fn table_shows(&self, id: &str) -> Result<bool> {
        let what = format!("route table {id} does not show");
        let shows = wait::until(&self.aws.control, &what, TABLE_SHOWS, async || {
            match self
                .client
                .describe_route_tables()
                .route_table_ids(id)
                .send()
                .await
            {
                Ok(answer) => Ok((!answer.route_tables().is_empty()).then_some(())),
                Err(error) if code(&error) == "InvalidRouteTableID.NotFound" => Ok(None),
                Err(error) => Err(aws_error(
                    "ec2:DescribeRouteTables",
                    format!("look at {id}"),
                    error,
                )),
            }
        });
        match shows.await {
            Err(late)
                if late.kind == Kind::Unfinished && self.aws.control.check_stopped().is_ok() =>
            {
                Ok(false)
            }
            shows => shows.map(|()| true),
        }
    }

    /// Sends 0.0.0.0/0 of a table to an internet gateway or a NAT gateway.
    pub async fn route(&self, table: &str, old: Option<&str>, target: &str) -> Result<()> {
        let (gateway, nat) = match target.starts_with("nat-") {
            true => (None, Some(target.to_string())),
            false => (Some(target.to_string()), None),
        };
        let what = || format!("route 0.0.0.0/0 of {table} to {target}");
        if old.is_none() {
            let request = self
                .client
                .create_route()
                .route_table_id(table)
                .destination_cidr_block("0.0.0.0/0");
            let request = request
                .set_gateway_id(gateway.clone())
                .set_nat_gateway_id(nat.clone());
            match self.fresh(|| request.clone().send()).await {
                Ok(_) => return Ok(()),
                Err(error) if code(&error) == "RouteAlreadyExists" => {} // someone was faster; theirs may be old
                Err(error) => return Err(aws_error("ec2:CreateRoute", what(), error)),
            }
        }
        let request = self
            .client
            .replace_route()
            .route_table_id(table)
            .destination_cidr_block("0.0.0.0/0");
        let request = request.set_gateway_id(gateway).set_nat_gateway_id(nat);
        let answer = self.fresh(|| request.clone().send()).await;
        answer
            .map(drop)
            .map_err(|e| aws_error("ec2:ReplaceRoute", what(), e))
    }

    /// Has a subnet use a table, whichever it used before.
    ///
    /// Errors: AWS took the call, and the association failed.
    pub async fn associate(&self, table: &str, subnet: &str, old: Option<&str>) -> Result<()> {
        let what = || format!("associate {subnet} with {table}");
        let state = match old {
            Some(old) => {
                let request = self
                    .client
                    .replace_route_table_association()
                    .association_id(old)
                    .route_table_id(table);
                let answer = request.send().await;
                let answer =
                    answer.map_err(|e| aws_error("ec2:ReplaceRouteTableAssociation", what(), e))?;
                answer.association_state
            }
            None => {
                let request = self
                    .client
                    .associate_route_table()
                    .route_table_id(table)
                    .subnet_id(subnet);
                match self.fresh(|| request.clone().send()).await {
                    Ok(answer) => answer.association_state,
                    Err(error) if already(code(&error), message(&error)) => None,
                    Err(error) => return Err(aws_error("ec2:AssociateRouteTable", what(), error)),
                }
            }
        };
        if settled(&what(), state)? {
            return Ok(());
        }
        wait::until(
            &self.aws.control,
            &format!("{subnet} does not use {table} yet"),
            ASSOCIATES,
            async || {
                let request = self
                    .client
                    .describe_route_tables()
                    .filters(filter("association.subnet-id", subnet));
                let answer = request
                    .send()
                    .await
                    .map_err(|e| aws_error("ec2:DescribeRouteTables", what(), e))?;
                let mut associations = answer
                    .route_tables()
                    .iter()
                    .flat_map(|table| table.associations());
                let ours = associations
                    .find(|a| a.subnet_id() == Some(subnet) && a.route_table_id() == Some(table));
                let Some(ours) = ours else { return Ok(None) }; // EC2 does not show it yet
                Ok(settled(&what(), ours.association_state.clone())?.then_some(()))
            },
        )
        .await
    }

    /// Makes the NAT gateway of a subnet in which `dead` ones were. The token says which subnet and
    /// not which address, so AWS lets one run make it: of the others, each with an address of its own,
    /// it refuses the call, and they take that one.
    pub async fn create_nat(
        &self,
        part: &str,
        subnet: &Subnet,
        address: &str,
        dead: &[&NatGateway],
    ) -> Result<NatGateway> {
        let tags = self
            .aws
            .env
            .tags_of(&plan::name(&self.aws.env, "nat", part));
        let request = self
            .client
            .create_nat_gateway()
            .subnet_id(&subnet.id)
            .allocation_id(address);
        let request = request.tag_specifications(spec(ResourceType::Natgateway, &tags));
        let what = format!("create nat gateway {} in {}", tags[0].1, subnet.id);
        let attempt = Cell::new(dead.len()); // the token of one that died would answer with the dead one
        let failed = format!("cannot {what}: another run makes it, and it does not show");
        wait::until(&self.aws.control, &failed, NAT_SHOWS, || async {
            let dead = |nat: &NatGateway| dead.iter().any(|dead| dead.id == nat.id);
            let token = self.token(&["nat", part, &subnet.id, &attempt.get().to_string()]);
            match self
                .fresh(|| request.clone().client_token(&token).send())
                .await
            {
                Ok(answer) => {
                    let nat = answer.nat_gateway.map(nat_gateway).unwrap_or_default();
                    if !dead(&nat) {
                        return Ok(Some(NatGateway {
                            tags: tags.iter().cloned().collect(),
                            ..nat
                        }));
                    }
                    attempt.set(attempt.get() + 1);
                }
                Err(error)
                    if matches!(
                        code(&error),
                        "IdempotentParameterMismatch" | "InvalidAllocationID.NotFound"
                    ) =>
                {
                    let vpc = self.place.borrow().vpc.clone();
                    let others = self.nats(&vpc).await?;
                    if let Some(other) = plan::nat(&others, &subnet.id) {
                        return Ok(Some(other.clone()));
                    }
                    let failed = others.iter().filter(|nat| nat.subnet == subnet.id).count();
                    attempt.set(attempt.get().max(failed));
                }
                Err(error) => return Err(refusal("ec2:CreateNatGateway", &what, error)),
            }
            Ok(None)
        })
        .await
    }

    /// The address that a NAT gateway has; "" where that is not told: not every emulator's CreateNatGateway
    /// does, nor its DescribeNatGateways.
    pub async fn nat_address(&self, id: &str) -> Result<String> {
        let vpc = self.place.borrow().vpc.clone();
        let found = self.nats(&vpc).await?.into_iter().find(|nat| nat.id == id);
        Ok(found.map(|nat| nat.address).unwrap_or_default())
    }

    /// Waits until NAT gateways work, all with one look.
    ///
    /// Errors: one failed, with AWS's reason; or one is still pending after 15 minutes.
    pub async fn nats_available(&self, vpc: &str, ids: &[&str]) -> Result<()> {
        let what = format!("nat gateway {} is still pending", ids.join(", "));
        wait::until(&self.aws.control, &what, NAT_CREATE, || async {
            let found = self.nats(vpc).await?;
            let mut pending = false;
            for id in ids {
                let found = found.iter().find(|nat| nat.id == *id);
                match found.map_or("", |nat| nat.state.as_str()) {
                    "available" => {}
                    "pending" | "" => pending = true, // "": EC2 does not show it yet
                    "deleting" | "deleted" => {
                        return Err(Error::unfinished(format!(
                            "nat gateway {id} was deleted: another run is at work"
                        ))
                        .hint("run the pipeline again"));
                    }
                    state => {
                        let failure = found.map_or("", |nat| nat.failure.as_str());
                        return Err(Error::refused(format!(
                            "nat gateway {id} is {state}: {failure} (ec2:CreateNatGateway)"
                        ))
                        .hint("see to that, and run the pipeline again: it makes another"));
                    }
                }
            }
            Ok((!pending).then_some(()))
        })
        .await
    }

    /// Takes every rule out of the default security group, so that what forgets to name a group
    /// reaches nothing.
    pub async fn strip(&self, group: &DefaultGroup) -> Result<()> {
        let id = &group.id;
        let what = || format!("take the rules out of the default security group {id}");
        let request = self
            .client
            .describe_security_group_rules()
            .filters(filter("group-id", id));
        let rules: Result<Vec<_>, _> = request.into_paginator().items().send().collect().await;
        let rules = rules.map_err(|e| aws_error("ec2:DescribeSecurityGroupRules", what(), e))?;
        let of = |egress: bool| {
            let rules = rules
                .iter()
                .filter(move |rule| rule.is_egress() == Some(egress));
            rules
                .filter_map(|rule| rule.security_group_rule_id.clone())
                .collect::<Vec<_>>()
        };
        let (ingress, egress) = (of(false), of(true));
        if !ingress.is_empty() {
            let request = self.client.revoke_security_group_ingress().group_id(id);
            let request = request.set_security_group_rule_ids(Some(ingress));
            match self.fresh(|| request.clone().send()).await {
                Err(error) if !code(&error).ends_with(".NotFound") => {
                    return Err(aws_error("ec2:RevokeSecurityGroupIngress", what(), error));
                }
                _ => {} // where it is not found, another run was faster
            }
        }
        if !egress.is_empty() {
            let request = self.client.revoke_security_group_egress().group_id(id);
            let request = request.set_security_group_rule_ids(Some(egress));
            match self.fresh(|| request.clone().send()).await {
                Err(error) if !code(&error).ends_with(".NotFound") => {
                    return Err(aws_error("ec2:RevokeSecurityGroupEgress", what(), error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sets a resource's tags to ours; others' tags stay.
    pub async fn retag(&self, id: &str, name: &str) -> Result<()> {
        let tags = self
            .aws
            .env
            .tags_of(name)
            .into_iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let request = self
            .client
            .create_tags()
            .resources(id)
            .set_tags(Some(tags.collect()));
        let answer = wait::retry(&self.aws.control, TAG_BUDGET, TAGGING, || {
            request.clone().send()
        })
        .await;
        answer
            .map(drop)
            .map_err(|e| aws_error("ec2:CreateTags", format!("tag {id}"), e))
    }

    fn identity(&self) -> Filter {
        filter(&format!("tag:{IDENTITY}"), &self.aws.env.name)
    }

    fn tags_with_time(&self, kind: &str, part: &str) -> Vec<(String, String)> {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let mut tags = self.aws.env.tags_of(&plan::name(&self.aws.env, kind, part));
        tags.push((MADE.into(), now.as_micros().to_string()));
        tags
    }

    /// A token derived from what is wanted: another run's is the same.
    fn token(&self, parts: &[&str]) -> String {
        plumbing::name::cut(&format!("{}-{}", self.aws.env.name, parts.join("-")), 64)
    }
}

/// Words why AWS makes no more; of a quota that is reached, which one.
fn refusal<E>(operation: &str, what: impl std::fmt::Display, error: SdkError<E>) -> Error
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

/// Whether an association is made; a state that is not told is none to wait for.
///
/// Errors: it failed.
fn settled(what: &str, state: Option<RouteTableAssociationState>) -> Result<bool> {
    let Some(state) = state else { return Ok(true) };
    match state.state() {
        Some(RouteTableAssociationStateCode::Associating) => Ok(false),
        Some(RouteTableAssociationStateCode::Failed) => {
            let why = state.status_message().unwrap_or("no message");
            Err(Error::refused(format!(
                "cannot {what}: {why} (ec2:AssociateRouteTable, failed)"
            ))
            .hint("run the pipeline again"))
        }
        _ => Ok(true),
    }
}

/// Whether what a call names may just not show yet.
fn is_fresh(code: &str) -> bool {
    FRESH.iter().any(|(known, _)| *known == code)
}

/// A second attachment or association: AWS has a code for it and, for gateways, a sentence.
fn already(code: &str, message: &str) -> bool {
    code == "Resource.AlreadyAssociated"
        || code == "InvalidParameterValue" && message.contains("already has an internet gateway")
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn spec(kind: ResourceType, tags: &[(String, String)]) -> TagSpecification {
    let tags = tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags.collect()))
        .build()
}

fn tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default()
        .into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}
