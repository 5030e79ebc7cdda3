//! What is there, in plain words, and of several that do the same work the one that every run picks.
//! Pure.

use std::collections::BTreeMap;

use plumbing::{Error, Result};

/// The tag that tells which of two came first, in microseconds since 1970: VPCs, internet gateways
/// and addresses have neither names that AWS keeps unique nor a creation time.
pub const MADE: &str = "plumbline:made";

/// The tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// What carries the environment's identity, or lies in its VPC.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// VPCs of the environment: more than one only while two runs race.
    pub vpcs: Vec<Network>,
    /// Internet gateways of the environment.
    pub gateways: Vec<Gateway>,
    /// Elastic IP addresses of the environment.
    pub addresses: Vec<Address>,
    /// Our subnets of the first VPC.
    pub subnets: Vec<Subnet>,
    /// Our route tables of the first VPC.
    pub tables: Vec<Table>,
    /// The route tables of others in the first VPC.
    pub strangers: Vec<Table>,
    /// Our NAT gateways of the first VPC; AWS lists deleted ones for an hour.
    pub nats: Vec<NatGateway>,
    /// The default security group of the first VPC.
    pub default_group: Option<DefaultGroup>,
    /// Whether the first VPC resolves names.
    pub dns: bool,
    /// Whether the first VPC gives its interfaces DNS names.
    pub hostnames: bool,
}

/// A VPC.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// `vpc-…`.
    pub id: String,
    /// Its range.
    pub cidr: String,
    /// Its tags.
    pub tags: Tags,
}

/// An internet gateway.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
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
pub struct Table {
    /// `rtb-…`.
    pub id: String,
    /// Where 0.0.0.0/0 goes: an `igw-…` or a `nat-…`.
    pub default_route: Option<String>,
    /// The subnets that use it, each with its association's ID.
    pub subnets: Vec<(String, String)>,
    /// Those whose association failed.
    pub failed: Vec<(String, String)>,
    /// Its tags.
    pub tags: Tags,
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

/// Of several that do the same work, the one that every run picks: the first made, then the
/// lowest ID. Two runs that created at once both look again and come to the same.
pub fn elect<'a, T>(
    candidates: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&'a T) -> (&'a Tags, &'a str),
) -> Option<&'a T> {
    candidates.into_iter().min_by_key(|candidate| {
        let (tags, id) = key(candidate);
        (
            tags.get(MADE)
                .and_then(|made| made.parse::<u64>().ok())
                .unwrap_or(u64::MAX),
            id,
        )
    })
}

/// Whether two came of one call, which was repeated when its answer was lost.
pub fn same_call(one: &Tags, other: &Tags) -> bool {
    one.get(MADE)
        .is_some_and(|made| other.get(MADE) == Some(made))
}

/// The elected VPC.
pub fn first(vpcs: &[Network]) -> Option<&Network> {
    elect(vpcs, |vpc| (&vpc.tags, &vpc.id))
}

/// The gateway to use: the one attached to the VPC, since that is AWS's own election.
pub fn gateway<'a>(have: &'a [Gateway], vpc: &str) -> Option<&'a Gateway> {
    let attached = have
        .iter()
        .find(|gateway| gateway.vpc.as_deref() == Some(vpc));
    attached.or_else(|| {
        elect(have.iter().filter(|g| g.vpc.is_none()), |gateway| {
            (&gateway.tags, &gateway.id)
        })
    })
}

/// The address of a name to use: one in use, else the first made; where a person renamed it, the one
/// that the zone's NAT gateway has.
pub fn address<'a>(
    have: &'a [Address],
    name: &str,
    nat: Option<&NatGateway>,
) -> Option<&'a Address> {
    let named = || {
        have.iter()
            .filter(move |address| address.tags.get("Name").is_some_and(|n| n == name))
    };
    let elected = elect(named().filter(|address| address.used), |a| (&a.tags, &a.id))
        .or_else(|| elect(named(), |a| (&a.tags, &a.id)));
    elected.or_else(|| {
        have.iter()
            .find(|address| nat.is_some_and(|nat| nat.address == address.id))
    })
}

/// The subnet for a range: by range, which AWS keeps unique in a VPC.
///
/// Errors: it lies in another zone.
pub fn subnet<'a>(have: &'a [Subnet], cidr: &str, zone: &str) -> Result<Option<&'a Subnet>> {
    match have.iter().find(|subnet| subnet.cidr == cidr) {
        Some(found) if found.zone != zone => Err(Error::refused(format!(
            "subnet {} ({cidr}) is in {}, wanted {zone}; a subnet cannot move",
            found.id, found.zone
        ))),
        found => Ok(found),
    }
}

/// The NAT gateway of a public subnet that works or is about to.
pub fn nat<'a>(have: &'a [NatGateway], subnet: &str) -> Option<&'a NatGateway> {
    let alive = have.iter().filter(|nat| {
        nat.subnet == subnet && matches!(nat.state.as_str(), "pending" | "available")
    });
    alive.min_by_key(|nat| (nat.state != "available", &nat.id))
}

#[cfg(test)]
mod tests {
    use super::super::tests::tags;
    use super::*;

    #[test]
    fn of_two_vpcs_every_run_picks_the_first_made() {
        let vpc = |id: &str, made: &str| Network {
            id: id.into(),
            tags: Tags::from([(MADE.into(), made.into())]),
            ..Network::default()
        };
        let (a, b, c) = (
            vpc("vpc-9", "1000"),
            vpc("vpc-1", "1001"),
            vpc("vpc-0", "1001"),
        );
        assert_eq!(first(&[b.clone(), a.clone()]).unwrap().id, "vpc-9");
        assert_eq!(first(&[b, c]).unwrap().id, "vpc-0");
    }

    #[test]
    fn an_attached_gateway_and_an_address_in_use_are_preferred() {
        let gateway_of = |id: &str, vpc: Option<&str>| Gateway {
            id: id.into(),
            vpc: vpc.map(String::from),
            ..Gateway::default()
        };
        let have = [
            gateway_of("igw-1", None),
            gateway_of("igw-2", Some("vpc-1")),
            gateway_of("igw-0", Some("vpc-2")),
        ];
        assert_eq!(gateway(&have, "vpc-1").unwrap().id, "igw-2");
        assert_eq!(gateway(&have, "vpc-3").unwrap().id, "igw-1");
        let address_of = |id: &str, used| Address {
            id: id.into(),
            used,
            tags: tags("eip-nat-a-production-pr1"),
        };
        let have = [
            address_of("eipalloc-1", false),
            address_of("eipalloc-2", true),
        ];
        assert_eq!(
            address(&have, "eip-nat-a-production-pr1", None).unwrap().id,
            "eipalloc-2"
        );
        let nat = NatGateway {
            address: "eipalloc-1".into(),
            ..NatGateway::default()
        };
        assert_eq!(
            address(&have, "renamed", Some(&nat)).unwrap().id,
            "eipalloc-1"
        );
    }

    #[test]
    fn a_failed_nat_does_not_count() {
        let nat_of = |id: &str, state: &str| NatGateway {
            id: id.into(),
            subnet: "subnet-1".into(),
            state: state.into(),
            ..NatGateway::default()
        };
        assert!(
            nat(
                &[nat_of("nat-1", "failed"), nat_of("nat-2", "deleting")],
                "subnet-1"
            )
            .is_none()
        );
        assert_eq!(
            nat(
                &[nat_of("nat-1", "pending"), nat_of("nat-2", "available")],
                "subnet-1"
            )
            .unwrap()
            .id,
            "nat-2"
        );
    }
}
