//! What the network should be, and what follows from what is there. Pure.

pub mod compare;
pub mod dry_run;
pub mod elect;
mod have;
mod interface;
pub mod managed;
mod name;
mod notice;
pub mod records;
mod side;
mod surplus;
mod unwanted;
pub mod zones;

use plumbing::{Env, Error, Result};

pub use self::have::{
    Address, Association, DefaultGroup, Endpoint, Have, InternetGateway, LEFT, NatGateway,
    NetworkAcl, Route, RouteTable, Subnet, Tags, Vpc, VpcDefault,
};
pub use self::interface::Interface;
use self::name::is_renamed;
pub use self::name::{Name, ResourceType};
pub use self::notice::{Notice, notices};
pub use self::side::{Side, side};
pub use self::surplus::{SurplusRoute, is_of_route, surplus_routes};
pub use self::unwanted::unwanted;
use self::zones::{RegionZone, choose};
use crate::range::Range;

/// What the arguments ask for.
#[derive(Clone, Debug)]
pub struct Want {
    /// The VPC's range.
    pub cidr: Range,
    /// In how many availability zones.
    pub zones: usize,
    /// The zones that it is to be in; the others are chosen.
    pub named: Vec<RegionZone>,
    /// How many NAT gateways.
    pub nat: NatMode,
}

/// The choice between cost and independence of the zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum NatMode {
    /// One in each zone: a zone's failure stays its own.
    PerZone,
    /// One for all.
    Single,
}

/// The network as it is to be, resource by resource.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The VPC's range.
    pub cidr: String,
    /// Public and private subnet, zone by zone.
    pub zones: Vec<Zone>,
    /// How many NAT gateways.
    pub nat: NatMode,
}

/// What one availability zone has of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// `us-east-1a`.
    pub name: String,
    /// What tells it from the others in names: `a`.
    pub letter: String,
    /// The public subnet's range.
    pub public: String,
    /// The private subnet's range.
    pub private: String,
    /// Whether a NAT gateway stands here.
    pub has_nat: bool,
}

impl Zone {
    /// The name of the public subnet.
    pub fn public_name(&self) -> Name {
        Name::new(ResourceType::Subnet, format!("public-{}", self.letter))
    }

    /// The name of the private subnet.
    pub fn private_name(&self) -> Name {
        Name::new(ResourceType::Subnet, format!("private-{}", self.letter))
    }

    /// The name of the NAT gateway.
    pub fn nat_gateway_name(&self) -> Name {
        Name::new(ResourceType::NatGateway, &self.letter)
    }

    /// The name of the NAT gateway's address.
    pub fn address_name(&self) -> Name {
        Name::new(ResourceType::ElasticIp, format!("nat-{}", self.letter))
    }

    /// The NAT gateway of the public subnet that works or is about to.
    pub fn nat_gateway<'a>(&self, have: &'a Have) -> Option<&'a NatGateway> {
        let subnet = have.subnet(&self.public)?;
        elect::nat_gateway(&have.nat_gateways, &subnet.id, &have.route_tables)
    }
}

impl Layout {
    /// Our subnets of zones that the network leaves: they stay until nothing uses them.
    pub fn left_subnets<'a>(&self, have: &'a Have) -> Vec<&'a Subnet> {
        let mut left = Vec::new();
        for subnet in &have.subnets {
            let is_wanted = self.zones.iter().any(|zone| zone.name == subnet.zone);
            if !is_wanted && side(&self.cidr, &subnet.cidr).is_some() {
                left.push(subnet);
            }
        }
        left
    }
}

/// Lays the network out over the zones: those that are named, those it is in already, then the first by
/// name.
///
/// Errors: two VPCs are in use, the VPC has another range, the region has too few zones, or the range too
/// little room.
pub fn layout(env: &Env, want: &Want, have: &Have, zones: &[RegionZone]) -> Result<Layout> {
    check_one_is_used(env, have)?;
    check_range(want, have)?;
    let names = choose(env, want, have, zones)?;
    let pairs = subnet_pairs(want.cidr);
    let mut free = pairs.iter().filter(|pair| !is_used(pair, &have.subnets));
    let mut zones = Vec::new();
    for name in names {
        // A zone keeps its ranges, even if one that sorts before it joins; a new one takes the first
        // that are free.
        let kept = pairs.iter().find(|pair| is_used_in(pair, have, &name));
        let Some([public, private]) = kept.or_else(|| free.next()) else {
            return Err(no_room(env, want, &name));
        };
        zones.push(Zone {
            letter: name.chars().last().unwrap_or_default().to_string(),
            name,
            public: public.clone(),
            private: private.clone(),
            has_nat: want.nat == NatMode::PerZone,
        });
    }
    if want.nat == NatMode::Single {
        let with_nat = zones
            .iter()
            .position(|zone| zone.nat_gateway(have).is_some());
        zones[with_nat.unwrap_or_default()].has_nat = true;
    }
    Ok(Layout {
        cidr: want.cidr.to_string(),
        zones,
        nat: want.nat,
    })
}

/// A route table as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct WantedRouteTable {
    /// What it is called.
    pub name: Name,
    /// Where 0.0.0.0/0 goes: the ID of an internet gateway or a NAT gateway; the name of one that is
    /// yet to be made.
    pub default_route: String,
    /// Those of the subnets that are to use it that exist already.
    pub subnets: Vec<String>,
}

/// The route table of the public subnets, and that of each zone's private one.
pub fn wanted_route_tables(
    env: &Env,
    layout: &Layout,
    have: &Have,
    internet_gateway: &str,
) -> Vec<WantedRouteTable> {
    let mut public = WantedRouteTable {
        name: Name::new(ResourceType::RouteTable, "public"),
        default_route: internet_gateway.into(),
        subnets: Vec::new(),
    };
    let mut private = Vec::new();
    let first_with_nat = layout.zones.iter().find(|zone| zone.has_nat);
    for zone in &layout.zones {
        if let Some(subnet) = have.subnet(&zone.public) {
            public.subnets.push(subnet.id.clone());
        }
        let mut with_nat = zone;
        if !zone.has_nat {
            with_nat = first_with_nat.unwrap_or(zone);
        }
        let default_route = match with_nat.nat_gateway(have) {
            Some(nat) => nat.id.clone(),
            None => with_nat.nat_gateway_name().tag(env),
        };
        let subnet = have.subnet(&zone.private);
        private.push(WantedRouteTable {
            name: Name::new(ResourceType::RouteTable, format!("private-{}", zone.letter)),
            default_route,
            subnets: subnet.map(|subnet| subnet.id.clone()).into_iter().collect(),
        });
    }
    let mut tables = vec![public];
    tables.extend(private);
    tables
}

/// The route table of a name, of several the one that these subnets use: somebody may have copied its
/// tags; where a person renamed it, the one that they use.
pub fn find_route_table<'a>(
    env: &Env,
    tables: &'a [RouteTable],
    want: &WantedRouteTable,
) -> Option<&'a RouteTable> {
    let is_used = |table: &RouteTable| {
        let mut used_by = table.associations.iter().map(|one| &one.subnet);
        used_by.any(|subnet| want.subnets.contains(subnet))
    };
    let named = tables
        .iter()
        .filter(|table| want.name.is_tag_of(&table.tags, env));
    if let Some(first) = named.min_by_key(|table| (!is_used(table), &table.id)) {
        return Some(first);
    }
    let mut renamed = tables
        .iter()
        .filter(|table| is_renamed(ResourceType::RouteTable, &table.tags, env));
    renamed.find(|table| is_used(table))
}

/// The subnet of a range.
///
/// Errors: it lies in another zone.
pub fn find_subnet<'a>(
    subnets: &'a [Subnet],
    cidr: &str,
    zone: &str,
) -> Result<Option<&'a Subnet>> {
    match subnets.iter().find(|subnet| subnet.cidr == cidr) {
        Some(found) if found.zone != zone => Err(Error::refused(format!(
            "subnet {} ({cidr}) is in {}, wanted {zone}; a subnet cannot move",
            found.id, found.zone
        ))),
        found => Ok(found),
    }
}

/// Refuses to choose between two VPCs with something of ours in each.
fn check_one_is_used(env: &Env, have: &Have) -> Result<()> {
    let used: Vec<&str> = have
        .vpcs
        .iter()
        .filter(|vpc| vpc.is_used)
        .map(|vpc| vpc.id.as_str())
        .collect();
    if used.len() < 2 {
        return Ok(());
    }
    Err(Error::refused(format!(
        "two VPCs are tagged {}, and both are in use: {}",
        env.name,
        used.join(" ")
    ))
    .hint("delete the one that is not used, or take its tags away"))
}

fn check_range(want: &Want, have: &Have) -> Result<()> {
    let Some(vpc) = elect::vpc(&have.vpcs) else {
        return Ok(());
    };
    if vpc.cidr == want.cidr.to_string() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "vpc {} has range {}, wanted {}; a range cannot be changed",
        vpc.id, vpc.cidr, want.cidr
    ))
    .hint(format!(
        "give --cidr {}, or make another environment",
        vpc.cidr
    )))
}

/// The ranges of each zone's public and private subnet.
fn subnet_pairs(vpc: Range) -> Vec<[String; 2]> {
    let zones = 0..vpc.zones();
    let pairs = zones.map(|zone| vpc.pair(zone).map(|range| range.to_string()));
    pairs.collect()
}

fn no_room(env: &Env, want: &Want, zone: &str) -> Error {
    let message = format!(
        "range {} has no room for zone {zone}: it holds {} zones at a time, with those that are left",
        want.cidr,
        want.cidr.zones()
    );
    Error::refused(message).hint(format!(
        "first take away what is left, with prune-env --confirm {}, or move to fewer zones at a time",
        env.name
    ))
}

/// Whether a subnet has one of two ranges.
fn is_used(pair: &[String; 2], subnets: &[Subnet]) -> bool {
    subnets.iter().any(|subnet| pair.contains(&subnet.cidr))
}

/// Whether a subnet in a zone has one of two ranges.
fn is_used_in(pair: &[String; 2], have: &Have, zone: &str) -> bool {
    let mut in_zone = have.subnets.iter().filter(|subnet| subnet.zone == zone);
    in_zone.any(|subnet| pair.contains(&subnet.cidr))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::have::tests::tags;
    use super::*;
    use crate::range::range;

    pub(crate) fn want() -> Want {
        Want {
            cidr: range("10.0.0.0/16").unwrap(),
            zones: 2,
            named: Vec::new(),
            nat: NatMode::PerZone,
        }
    }

    pub(crate) fn zones() -> Vec<RegionZone> {
        let zone = |letter: &str| RegionZone {
            name: format!("us-east-1{letter}"),
            id: format!("use1-az-of-{letter}"),
            ..RegionZone::default()
        };
        ["a", "b", "c"].map(zone).into()
    }

    fn env() -> Env {
        Env::example()
    }

    fn single() -> Want {
        Want {
            nat: NatMode::Single,
            ..want()
        }
    }

    fn subnet(zone: &str, cidr: &str) -> Subnet {
        Subnet {
            id: format!("subnet-{cidr}"),
            cidr: cidr.into(),
            zone: zone.into(),
            tags: tags("renamed"),
            ..Subnet::default()
        }
    }

    fn nat_gateway(id: &str, subnet: &str) -> NatGateway {
        NatGateway {
            id: id.into(),
            subnet: subnet.into(),
            state: "available".into(),
            ..NatGateway::default()
        }
    }

    fn with_subnets(subnets: Vec<Subnet>) -> Have {
        Have {
            subnets,
            ..Have::default()
        }
    }

    /// Each zone's letter and ranges.
    fn ranges(layout: &Layout) -> Vec<[&str; 3]> {
        let zones = layout.zones.iter();
        zones
            .map(|zone| [&zone.letter, &zone.public, &zone.private].map(String::as_str))
            .collect()
    }

    /// Whether each zone has a NAT gateway.
    fn nats(layout: &Layout) -> Vec<bool> {
        layout.zones.iter().map(|zone| zone.has_nat).collect()
    }

    #[test]
    fn each_zone_gets_a_public_and_a_private_sixteenth() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        assert_eq!(
            ranges(&layout),
            [
                ["a", "10.0.0.0/20", "10.0.128.0/20"],
                ["b", "10.0.16.0/20", "10.0.144.0/20"]
            ]
        );
    }

    #[test]
    fn another_range_is_a_conflict() {
        let have = Have {
            vpcs: vec![Vpc {
                id: "vpc-1".into(),
                cidr: "10.1.0.0/16".into(),
                ..Vpc::default()
            }],
            ..Have::default()
        };
        let error = layout(&env(), &want(), &have, &zones()).unwrap_err();
        assert_eq!(
            error.message,
            "vpc vpc-1 has range 10.1.0.0/16, wanted 10.0.0.0/16; a range cannot be changed"
        );
    }

    #[test]
    fn a_zone_that_was_there_first_keeps_its_place() {
        let have = with_subnets(vec![
            subnet("us-east-1b", "10.0.0.0/20"),
            subnet("us-east-1b", "10.0.128.0/20"),
        ]);
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        assert_eq!(
            ranges(&layout),
            [
                ["b", "10.0.0.0/20", "10.0.128.0/20"],
                ["a", "10.0.16.0/20", "10.0.144.0/20"]
            ]
        );
    }

    #[test]
    fn a_zone_that_lost_its_subnets_gets_its_own_blocks_again() {
        let have = with_subnets(vec![
            subnet("us-east-1b", "10.0.16.0/20"),
            subnet("us-east-1b", "10.0.144.0/20"),
        ]);
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        assert_eq!(
            ranges(&layout),
            [
                ["b", "10.0.16.0/20", "10.0.144.0/20"],
                ["a", "10.0.0.0/20", "10.0.128.0/20"]
            ]
        );
    }

    #[test]
    fn a_zone_that_lost_one_subnet_gets_the_block_beside_the_other() {
        let have = with_subnets(vec![
            subnet("us-east-1a", "10.0.16.0/20"),
            subnet("us-east-1b", "10.0.128.0/20"),
        ]);
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        assert_eq!(
            ranges(&layout),
            [
                ["a", "10.0.16.0/20", "10.0.144.0/20"],
                ["b", "10.0.0.0/20", "10.0.128.0/20"]
            ]
        );
    }

    #[test]
    fn what_the_network_leaves_stays_until_a_new_zone_has_ranges_of_its_own() {
        let have = with_subnets(vec![
            subnet("us-east-1a", "10.0.0.0/20"),
            subnet("us-east-1a", "10.0.128.0/20"),
            subnet("us-east-1b", "10.0.16.0/20"),
            subnet("us-east-1b", "10.0.255.0/24"),
        ]);
        let want = Want {
            named: zones().split_off(1),
            ..want()
        };
        let layout = layout(&env(), &want, &have, &zones()).unwrap();
        assert_eq!(
            ranges(&layout),
            [
                ["b", "10.0.16.0/20", "10.0.144.0/20"],
                ["c", "10.0.32.0/20", "10.0.160.0/20"]
            ]
        );
        let left = layout.left_subnets(&have);
        let left: Vec<&str> = left.iter().map(|subnet| subnet.cidr.as_str()).collect();
        assert_eq!(left, ["10.0.0.0/20", "10.0.128.0/20"]);
    }

    #[test]
    fn a_range_without_room_for_another_zone_is_told() {
        let mut have = Have::default();
        let small = range("10.0.0.0/24").unwrap();
        for place in 0..4 {
            let letter = char::from(b'm' + place);
            let zone = format!("us-east-1{letter}");
            have.subnets
                .push(subnet(&zone, &small.pair(place.into())[0].to_string()));
        }
        let want = Want {
            cidr: small,
            named: zones().split_off(1),
            ..want()
        };
        let error = layout(&env(), &want, &have, &zones()).unwrap_err();
        assert_eq!(
            error.message,
            "range 10.0.0.0/24 has no room for zone us-east-1b: it holds 4 zones at a time, with those that are left"
        );
    }

    #[test]
    fn a_single_nat_stays_in_its_zone() {
        let have = Have {
            nat_gateways: vec![nat_gateway("nat-1", "subnet-10.0.16.0/20")],
            ..with_subnets(vec![
                subnet("us-east-1a", "10.0.0.0/20"),
                subnet("us-east-1b", "10.0.16.0/20"),
            ])
        };
        let layout = layout(&env(), &single(), &have, &zones()).unwrap();
        assert_eq!(nats(&layout), [false, true]);
        let mut routes = Vec::new();
        for table in wanted_route_tables(&env(), &layout, &have, "igw-1") {
            routes.push(table.default_route);
        }
        assert_eq!(routes, ["igw-1", "nat-1", "nat-1"]);
    }

    #[test]
    fn fewer_zones_than_wanted_is_refused() {
        let error = layout(&env(), &want(), &Have::default(), &zones()[..1]).unwrap_err();
        assert_eq!(
            error.message,
            "us-east-1 offers 1 of the 2 zones that are wanted"
        );
    }

    #[test]
    fn a_single_nat_stands_in_the_first_zone() {
        let layout = layout(&env(), &single(), &Have::default(), &zones()).unwrap();
        assert_eq!(nats(&layout), [true, false]);
    }

    #[test]
    fn of_two_vpcs_in_use_none_is_chosen() {
        let used = |id: &str| Vpc {
            id: id.into(),
            cidr: "10.0.0.0/16".into(),
            is_used: true,
            ..Vpc::default()
        };
        let have = Have {
            vpcs: vec![used("vpc-1"), used("vpc-2")],
            ..Have::default()
        };
        let error = layout(&env(), &want(), &have, &zones()).unwrap_err();
        assert_eq!(
            error.message,
            "two VPCs are tagged production-pr1, and both are in use: vpc-1 vpc-2"
        );
    }

    #[test]
    fn a_subnet_of_another_range_adds_no_zone() {
        let have = with_subnets(vec![
            subnet("us-east-1a", "10.0.0.0/20"),
            subnet("us-east-1b", "10.0.16.0/20"),
            subnet("us-east-1c", "10.0.255.0/24"),
        ]);
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        assert_eq!(layout.zones.len(), 2);
    }
}
