//! All of an environment's network that is there.

use aws_sdk_ec2::types::VpcAttributeName;
use plumbing::{Result, aws_error, code};
use tokio::try_join;

use super::{Ec2, now};
use crate::plan::{Have, RouteTable, VpcDefault, elect};

impl Ec2 {
    /// All that carries the identity tag, and what others have in its VPC; two calls deep.
    pub async fn find(&self) -> Result<Have> {
        let found_at = now();
        let (vpcs, internet_gateways, addresses) = try_join!(
            self.list_vpcs(),
            self.list_internet_gateways(),
            self.list_addresses()
        )?;
        let elected = elect::vpc(&vpcs).cloned();
        let have = Have {
            found_at,
            vpcs,
            internet_gateways,
            addresses,
            ..Have::default()
        };
        match elected {
            Some(vpc) => self.add_contents(&vpc.id, have).await,
            None => Ok(have),
        }
    }

    /// Adds what is in a VPC.
    async fn add_contents(&self, vpc: &str, have: Have) -> Result<Have> {
        let dns = async {
            try_join!(
                self.has_attribute(vpc, VpcAttributeName::EnableDnsSupport),
                self.has_attribute(vpc, VpcAttributeName::EnableDnsHostnames)
            )
        };
        let (subnets, tables, nats, group, acls, other_endpoints, dns) = try_join!(
            self.list_subnets(vpc),
            self.list_route_tables(vpc),
            self.list_all_nat_gateways(vpc),
            self.get_default_group(vpc),
            self.list_network_acls(vpc),
            self.list_other_endpoints(vpc),
            dns
        )?;
        let env = &self.aws.env;
        let (main, tables): (Vec<RouteTable>, _) =
            tables.into_iter().partition(|table| table.is_main);
        let (route_tables, other_route_tables) =
            tables.into_iter().partition(|table| env.owns(&table.tags));
        let (nat_gateways, other_nat_gateways) =
            nats.into_iter().partition(|nat| env.owns(&nat.tags));
        let mut vpc_defaults = Vec::new();
        vpc_defaults.extend(group.as_ref().map(VpcDefault::of_group));
        vpc_defaults.extend(main.first().map(VpcDefault::of_table));
        let default_acl = acls.iter().find(|acl| acl.is_default);
        vpc_defaults.extend(default_acl.map(VpcDefault::of_acl));
        Ok(Have {
            subnets,
            route_tables,
            other_route_tables,
            nat_gateways,
            other_nat_gateways,
            other_endpoints,
            network_acls: acls,
            default_group: group,
            vpc_defaults,
            dns_support: dns.0,
            dns_hostnames: dns.1,
            ..have
        })
    }

    /// Whether a VPC has one of its two attributes about DNS; AWS tells one in a call.
    async fn has_attribute(&self, vpc: &str, attribute: VpcAttributeName) -> Result<bool> {
        let is_support = attribute == VpcAttributeName::EnableDnsSupport;
        let request = self
            .client
            .describe_vpc_attribute()
            .vpc_id(vpc)
            .attribute(attribute);
        let answer = match request.send().await {
            Ok(answer) => answer,
            // Whoever changes something in the VPC notices that it is deleted.
            Err(error) if code(&error) == "InvalidVpcID.NotFound" => return Ok(false),
            Err(error) => {
                let what = format!("look at {vpc}");
                return Err(aws_error("ec2:DescribeVpcAttribute", what, error));
            }
        };
        let attribute = if is_support {
            answer.enable_dns_support
        } else {
            answer.enable_dns_hostnames
        };
        let value = attribute.and_then(|attribute| attribute.value);
        Ok(value.unwrap_or(is_support)) // AWS makes a VPC with support alone
    }
}
