//! What is there, in plain values. Pure.

use std::collections::BTreeMap;

use super::managed::named;

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// What carries the environment's identity, or lies in its VPC.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// When EC2 was asked, in microseconds since 1970.
    pub found_at: u64,
    /// VPCs of the environment: more than one while two runs race, or where somebody copied tags.
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
    /// The NAT gateways of others in the elected VPC.
    pub other_nat_gateways: Vec<NatGateway>,
    /// The endpoints of others in the elected VPC.
    pub other_endpoints: Vec<Endpoint>,
    /// The network ACLs of the elected VPC.
    pub network_acls: Vec<NetworkAcl>,
    /// The default security group of the elected VPC.
    pub default_group: Option<DefaultGroup>,
    /// What AWS made with the elected VPC, and deletes with it.
    pub vpc_defaults: Vec<VpcDefault>,
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

    /// Whether something uses an address, an internet gateway or a VPC: no run is about to delete it.
    pub fn is_in_use(&self, id: &str) -> bool {
        let mut addresses = self.addresses.iter().filter(|address| address.used);
        let mut gateways = self
            .internet_gateways
            .iter()
            .filter(|gateway| gateway.vpc.is_some());
        let mut vpcs = self.vpcs.iter().filter(|vpc| vpc.is_used);
        addresses.any(|address| address.id == id)
            || gateways.any(|gateway| gateway.id == id)
            || vpcs.any(|vpc| vpc.id == id)
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
    /// The ranges that somebody gave it besides.
    pub other_cidrs: Vec<String>,
    /// Whether something of ours is in it; known only where there are several VPCs.
    pub is_used: bool,
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
    /// Whether what starts in it gets a public address.
    pub gives_public_addresses: bool,
    /// Its tags.
    pub tags: Tags,
}

/// The tag of a subnet whose zone the network leaves: nothing new is to move in, whoever asks, until it is
/// deleted or the zone is wanted again.
pub const LEFT: &str = "plumbline:left";

impl Subnet {
    /// Whether the network leaves its zone.
    pub fn is_left(&self) -> bool {
        self.tags.contains_key(LEFT)
    }
}

/// A route table.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// Whether it is its VPC's main one, which AWS made.
    pub is_main: bool,
    /// Where 0.0.0.0/0 goes: an `igw-…` or a `nat-…`.
    pub default_route: Option<String>,
    /// Its other routes, but for those to its VPC's own ranges.
    pub other_routes: Vec<Route>,
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

/// A route that is not ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// What it is for: a range, or the `pl-…` of a list of ranges.
    pub destination: String,
    /// Where it leads.
    pub target: String,
    /// Whether it can be deleted: those of VPN gateways and of gateway endpoints cannot.
    pub is_deletable: bool,
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
    /// Its tags.
    pub tags: Tags,
}

/// What AWS made with a VPC, and deletes with it: its default security group, its default network
/// ACL or its main route table.
#[derive(Clone, Debug, Default)]
pub struct VpcDefault {
    /// What it is, for people: `default security group`.
    pub what: &'static str,
    /// Its ID.
    pub id: String,
    /// Its tags.
    pub tags: Tags,
}

impl VpcDefault {
    /// A VPC's default security group.
    pub fn of_group(group: &DefaultGroup) -> VpcDefault {
        VpcDefault {
            what: "default security group",
            id: group.id.clone(),
            tags: group.tags.clone(),
        }
    }

    /// A VPC's main route table.
    pub fn of_table(table: &RouteTable) -> VpcDefault {
        VpcDefault {
            what: "main route table",
            id: table.id.clone(),
            tags: table.tags.clone(),
        }
    }

    /// A VPC's default network ACL.
    pub fn of_acl(acl: &NetworkAcl) -> VpcDefault {
        VpcDefault {
            what: "default network acl",
            id: acl.id.clone(),
            tags: acl.tags.clone(),
        }
    }
}

/// A network ACL.
#[derive(Clone, Debug, Default)]
pub struct NetworkAcl {
    /// `acl-…`.
    pub id: String,
    /// Whether it is its VPC's default one.
    pub is_default: bool,
    /// Whether it has other rules than AWS gives a default one.
    pub is_changed: bool,
    /// The subnets that it is for.
    pub subnets: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A VPC endpoint.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// `vpce-…`.
    pub id: String,
    /// The service that it leads to.
    pub service: String,
    /// Its security groups.
    pub groups: Vec<String>,
    /// Whose it is, where a mark of AWS's says so.
    pub whose: Option<String>,
    /// Whether GuardDuty made it by itself, to watch the VPC.
    pub is_of_guard_duty: bool,
}

impl Endpoint {
    /// Whether it leads to GuardDuty, whoever made it.
    pub fn leads_to_guard_duty(&self) -> bool {
        self.service.contains("guardduty")
    }

    /// What it is, for people.
    pub fn text(&self) -> String {
        named("vpc endpoint", &self.id, self.whose.clone())
    }
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
