//! What is there, in plain values. Pure.

use std::collections::BTreeMap;

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// What carries the environment's identity, or lies in its VPC.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// VPCs of the environment: more than one only while two runs race.
    pub vpcs: Vec<Vpc>,
    /// Internet gateways of the environment.
    pub internet_gateways: Vec<InternetGateway>,
    /// Elastic IP addresses of the environment.
    pub addresses: Vec<Address>,
    /// Our subnets of the elected VPC.
    pub subnets: Vec<Subnet>,
    /// Our route tables of the elected VPC.
    pub route_tables: Vec<RouteTable>,
    /// The route tables of others in the elected VPC.
    pub other_route_tables: Vec<RouteTable>,
    /// Our NAT gateways of the elected VPC; AWS lists deleted ones for an hour.
    pub nat_gateways: Vec<NatGateway>,
    /// The default security group of the elected VPC.
    pub default_group: Option<DefaultGroup>,
    /// Whether the elected VPC resolves names.
    pub dns_support: bool,
    /// Whether the elected VPC gives its interfaces DNS names.
    pub dns_hostnames: bool,
}

impl Have {
    /// The subnet of a range, which AWS keeps unique in a VPC.
    pub fn subnet(&self, cidr: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.cidr == cidr)
    }

    /// The route table that a subnet uses, ours or not; none where it uses the VPC's main one.
    pub fn route_table_of(&self, subnet: &str) -> Option<&RouteTable> {
        let mut tables = self.route_tables.iter().chain(&self.other_route_tables);
        tables.find(|table| table.association(subnet).is_some())
    }
}

/// A VPC.
#[derive(Clone, Debug, Default)]
pub struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// Its range.
    pub cidr: String,
    /// Its tags.
    pub tags: Tags,
}

/// An internet gateway.
#[derive(Clone, Debug, Default)]
pub struct InternetGateway {
    /// `igw-…`.
    pub id: String,
    /// The VPC it is attached to.
    pub vpc: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An Elastic IP address.
#[derive(Clone, Debug, Default)]
pub struct Address {
    /// `eipalloc-…`.
    pub id: String,
    /// Whether something uses it.
    pub used: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A subnet.
#[derive(Clone, Debug, Default)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// Its range.
    pub cidr: String,
    /// Its availability zone.
    pub zone: String,
    /// Its tags.
    pub tags: Tags,
}

/// A route table.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// Where 0.0.0.0/0 goes: an `igw-…` or a `nat-…`.
    pub default_route: Option<String>,
    /// The subnets that use it.
    pub associations: Vec<Association>,
    /// The subnets whose association with it failed.
    pub failed_associations: Vec<Association>,
    /// Its tags.
    pub tags: Tags,
}

impl RouteTable {
    /// The association by which a subnet uses this table.
    pub fn association(&self, subnet: &str) -> Option<&Association> {
        self.associations.iter().find(|one| one.subnet == subnet)
    }
}

/// That a subnet uses a route table.
#[derive(Clone, Debug, PartialEq)]
pub struct Association {
    /// `rtbassoc-…`.
    pub id: String,
    /// The subnet.
    pub subnet: String,
}

/// A NAT gateway.
#[derive(Clone, Debug, Default)]
pub struct NatGateway {
    /// `nat-…`.
    pub id: String,
    /// The public subnet it stands in.
    pub subnet: String,
    /// Its address's allocation ID.
    pub address: String,
    /// `pending`, `available`, `failed`, `deleting` or `deleted`.
    pub state: String,
    /// Why it failed.
    pub failure: String,
    /// Its tags.
    pub tags: Tags,
}

impl NatGateway {
    /// Whether it works.
    pub fn is_available(&self) -> bool {
        self.state == "available"
    }

    /// Whether it works or is about to.
    pub fn is_usable(&self) -> bool {
        self.state == "pending" || self.is_available()
    }
}

/// A VPC's default security group.
#[derive(Clone, Debug, Default)]
pub struct DefaultGroup {
    /// `sg-…`.
    pub id: String,
    /// Whether it admits anything.
    pub ingress: bool,
    /// Whether it lets anything out.
    pub egress: bool,
}

#[cfg(test)]
pub(crate) mod tests {
    use plumbing::name::IDENTITY;

    use super::*;

    /// The tags of a resource of the example environment.
    pub(crate) fn tags(name: &str) -> Tags {
        Tags::from([
            ("Name".to_string(), name.to_string()),
            (IDENTITY.to_string(), "production-pr1".to_string()),
        ])
    }
}
