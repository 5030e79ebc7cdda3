//! Making the VPC and what does not depend on route tables, and setting tags.

use std::fmt::Display;
use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::operation::modify_vpc_attribute::builders::ModifyVpcAttributeFluentBuilder;
use aws_sdk_ec2::types::{AttributeBooleanValue, DomainType, ResourceType, Tag, TagSpecification};
use plumbing::{Error, Result, aws_error, code, is_about_zone, message, wait, zone_hint};
use tokio::time::Instant;

use super::visible::{FIRST_LOOK, is_not_visible};
use super::{Ec2, now};
use crate::plan::elect::{self, MADE};
use crate::plan::{self, Address, InternetGateway, Name, Subnet, Vpc};

/// A gateway that EC2 does not find to attach shows within seconds, or was deleted.
const ATTACH_BUDGET: Duration = Duration::from_secs(15);

impl Ec2 {
    /// Makes a VPC; no token and no name keeps a second run from making another, so its caller
    /// looks again and elects one. None where the quota allows no more, and another run made one.
    pub async fn create_vpc(&self, name: &Name, cidr: &str) -> Result<Option<Vpc>> {
        let tags = self.tags_with_time(name);
        let request = self
            .client
            .create_vpc()
            .cidr_block(cidr)
            .tag_specifications(tag_specification(ResourceType::Vpc, &tags));
        let send = || request.clone().send();
        let error = match wait::retry(&self.aws.control, "ec2:CreateVpc", send).await {
            Ok(answer) => {
                let id = answer.vpc.and_then(|vpc| vpc.vpc_id);
                return Ok(Some(Vpc {
                    id: id.unwrap_or_default(),
                    cidr: cidr.into(),
                    tags: tags.into_iter().collect(),
                    ..Vpc::default()
                }));
            }
            Err(error) => error,
        };
        if code(&error) == "VpcLimitExceeded" && !self.list_vpcs().await?.is_empty() {
            return Ok(None);
        }
        let what = format!("create vpc {}", name.tag(&self.aws.env));
        Err(aws_error("ec2:CreateVpc", what, error))
    }

    /// Has the VPC resolve names; without that no task finds a registry.
    pub async fn enable_dns(&self, vpc: &str) -> Result<()> {
        let request = self.client.modify_vpc_attribute().vpc_id(vpc);
        let request = request.enable_dns_support(enabled());
        let what = format!("enable dns support of {vpc}");
        self.modify_vpc(request, what).await
    }

    /// Has the VPC give names to its interfaces; private DNS of endpoints needs it.
    pub async fn enable_hostnames(&self, vpc: &str) -> Result<()> {
        let request = self.client.modify_vpc_attribute().vpc_id(vpc);
        let request = request.enable_dns_hostnames(enabled());
        let what = format!("enable dns hostnames of {vpc}");
        self.modify_vpc(request, what).await
    }

    async fn modify_vpc(&self, call: ModifyVpcAttributeFluentBuilder, what: String) -> Result<()> {
        let operation = "ec2:ModifyVpcAttribute";
        match self.until_visible(operation, || call.clone().send()).await {
            Ok(_) => Ok(()),
            Err(error) => Err(aws_error(operation, what, error)),
        }
    }

    /// Makes an internet gateway, attached to nothing; where the quota allows no more, answers the one
    /// of a run at the same time.
    pub async fn create_internet_gateway(&self, name: &Name) -> Result<InternetGateway> {
        let tags = self.tags_with_time(name);
        let request = self
            .client
            .create_internet_gateway()
            .tag_specifications(tag_specification(ResourceType::InternetGateway, &tags));
        let send = || request.clone().send();
        let error = match wait::retry(&self.aws.control, "ec2:CreateInternetGateway", send).await {
            Ok(answer) => {
                let made = answer.internet_gateway;
                let id = made.and_then(|gateway| gateway.internet_gateway_id);
                return Ok(InternetGateway {
                    id: id.unwrap_or_default(),
                    vpc: None,
                    tags: tags.into_iter().collect(),
                });
            }
            Err(error) => error,
        };
        if code(&error) == "InternetGatewayLimitExceeded" {
            let others = self.list_internet_gateways().await?;
            if let Some(other) = elect::internet_gateway(&others, "") {
                return Ok(other.clone());
            }
        }
        let what = format!("create internet gateway {}", name.tag(&self.aws.env));
        Err(aws_error("ec2:CreateInternetGateway", what, error))
    }

    /// Attaches a gateway; false where the VPC has one already, which decides a race, or where a
    /// run at the same time, which attached its own, has deleted this one.
    pub async fn attach(&self, gateway: &str, vpc: &str) -> Result<bool> {
        let request = self
            .client
            .attach_internet_gateway()
            .internet_gateway_id(gateway)
            .vpc_id(vpc);
        let operation = "ec2:AttachInternetGateway";
        let control = &self.aws.control;
        let send = || request.clone().send();
        let begun = Instant::now();
        loop {
            let error = match wait::retry_for(control, FIRST_LOOK, operation, send).await {
                Ok(_) => return Ok(true),
                Err(error) => error,
            };
            if is_already_associated(&error) {
                return Ok(false);
            }
            let may_show = is_not_visible(operation, &error) && begun.elapsed() < ATTACH_BUDGET;
            if may_show && !self.has_lost_vpc().await {
                if self.has_internet_gateway(vpc).await? {
                    return Ok(false);
                }
                control.check_stopped()?;
                continue;
            }
            let code = code(&error);
            let is_gone = code.contains("Gateway") && code.ends_with("NotFound");
            if is_gone && !self.vpc_is_deleted() {
                return Ok(false);
            }
            let what = format!("attach {gateway} to {vpc}");
            return Err(aws_error(operation, what, error));
        }
    }

    /// Whether a VPC has an internet gateway of ours.
    async fn has_internet_gateway(&self, vpc: &str) -> Result<bool> {
        let gateways = self.list_internet_gateways().await?;
        let mut attached = gateways.iter().filter_map(|gateway| gateway.vpc.as_ref());
        Ok(attached.any(|attached| attached == vpc))
    }

    /// Allocates an address; where the quota allows no more, answers the one of a run at the same
    /// time.
    pub async fn allocate(&self, name: &Name) -> Result<Address> {
        let tags = self.tags_with_time(name);
        let request = self
            .client
            .allocate_address()
            .domain(DomainType::Vpc)
            .tag_specifications(tag_specification(ResourceType::ElasticIp, &tags));
        let send = || request.clone().send();
        let error = match wait::retry(&self.aws.control, "ec2:AllocateAddress", send).await {
            Ok(answer) => {
                return Ok(Address {
                    id: answer.allocation_id.unwrap_or_default(),
                    used: false,
                    tags: tags.into_iter().collect(),
                });
            }
            Err(error) => error,
        };
        let name = name.tag(&self.aws.env);
        if code(&error) == "AddressLimitExceeded" {
            let others = self.list_addresses().await?;
            if let Some(other) = elect::address(&others, &name, None) {
                return Ok(other.clone());
            }
        }
        let what = format!("allocate elastic ip {name}");
        Err(aws_error("ec2:AllocateAddress", what, error))
    }

    /// Makes a subnet; AWS refuses a second one of the same range, and then a run at the same time
    /// was faster.
    pub async fn create_subnet(
        &self,
        vpc: &str,
        name: &Name,
        cidr: &str,
        zone: &str,
    ) -> Result<Subnet> {
        let tags = self.tags_of(name);
        let request = self
            .client
            .create_subnet()
            .vpc_id(vpc)
            .cidr_block(cidr)
            .availability_zone(zone)
            .tag_specifications(tag_specification(ResourceType::Subnet, &tags));
        let error = match self
            .until_visible("ec2:CreateSubnet", || request.clone().send())
            .await
        {
            Ok(answer) => {
                let id = answer.subnet.and_then(|subnet| subnet.subnet_id);
                return Ok(Subnet {
                    id: id.unwrap_or_default(),
                    cidr: cidr.into(),
                    zone: zone.into(),
                    tags: tags.into_iter().collect(),
                    ..Subnet::default()
                });
            }
            Err(error) => error,
        };
        let name = name.tag(&self.aws.env);
        if code(&error) == "InvalidSubnet.Conflict" {
            let others = self.list_subnets(vpc).await?;
            if let Some(other) = plan::find_subnet(&others, cidr, zone)? {
                return Ok(other.clone());
            }
            let what = format!("create subnet {name} ({cidr})");
            let hint = format!("another subnet of {vpc}, not of this environment, overlaps {cidr}");
            return Err(aws_error("ec2:CreateSubnet", what, error).hint(hint));
        }
        let what = format!("create subnet {name} in {vpc} and {zone}");
        Err(create_error_in_zone("ec2:CreateSubnet", what, error, zone))
    }

    /// Has what starts in a subnet get no public address by itself.
    pub async fn disable_public_addresses(&self, subnet: &str) -> Result<()> {
        let disabled = AttributeBooleanValue::builder().value(false).build();
        let request = self
            .client
            .modify_subnet_attribute()
            .subnet_id(subnet)
            .map_public_ip_on_launch(disabled);
        let operation = "ec2:ModifySubnetAttribute";
        let send = || request.clone().send();
        match self.until_visible(operation, send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("disable public addresses of {subnet}");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Sets a resource's tags to ours; others' tags stay.
    pub async fn set_tags(&self, id: &str, name: &Name) -> Result<()> {
        self.add_tags(&[id.to_string()], &self.tags_of(name)).await
    }

    /// Sets tags of resources; their other tags stay.
    pub(super) async fn add_tags(&self, ids: &[String], tags: &[(String, String)]) -> Result<()> {
        let request = self
            .client
            .create_tags()
            .set_resources(Some(ids.to_vec()))
            .set_tags(Some(sdk_tags(tags)));
        let send = || request.clone().send();
        match self.until_visible("ec2:CreateTags", send).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let what = format!("tag {}", ids.join(", "));
                Err(aws_error("ec2:CreateTags", what, error))
            }
        }
    }

    /// The tags of a resource of which AWS lets two runs make one each: with the time, so that all
    /// runs elect the same.
    fn tags_with_time(&self, name: &Name) -> Vec<(String, String)> {
        let made = now().to_string();
        let call = (name.resource_type, made.clone());
        self.made.borrow_mut().push(call);
        let mut tags = self.tags_of(name);
        tags.push((MADE.into(), made));
        tags
    }
}

/// The error of a create call in a zone; where that is what AWS refuses, it says which flag helps.
pub(super) fn create_error_in_zone<E>(
    operation: &str,
    what: impl Display,
    error: SdkError<E>,
    zone: &str,
) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let is_about_zone = is_about_zone(code(&error), message(&error));
    let refused = aws_error(operation, what, error);
    if is_about_zone && refused.hint.is_none() {
        return refused.hint(zone_hint(&[zone.to_string()]));
    }
    refused
}

/// Whether it is a second attachment or association: AWS has a code for it and, for gateways, a
/// sentence.
pub(super) fn is_already_associated<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    code(error) == "Resource.AlreadyAssociated"
        || code(error) == "InvalidParameterValue"
            && message(error).contains("already has an internet gateway")
}

pub(super) fn tag_specification(
    resource: ResourceType,
    tags: &[(String, String)],
) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(resource)
        .set_tags(Some(sdk_tags(tags)))
        .build()
}

fn sdk_tags(tags: &[(String, String)]) -> Vec<Tag> {
    let mut list = Vec::new();
    for (key, value) in tags {
        list.push(Tag::builder().key(key).value(value).build());
    }
    list
}

fn enabled() -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(true).build()
}
