//! What the network should be, and what follows from what is there. Pure.

mod have;
mod records;

pub use have::*;
pub use records::*;

use plumbing::{Difference, Env, Error, Result};

use crate::range::Range;

/// What the arguments ask for.
#[derive(Clone, Debug)]
pub struct Want {
    /// The VPC's range.
    pub cidr: Range,
    /// In how many availability zones.
    pub zones: usize,
    /// How many NAT gateways.
    pub nat: Nat,
}

/// The choice between cost and independence of the zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Nat {
    /// One in each zone: a zone's failure stays its own.
    PerZone,
    /// One for all.
    Single,
}

/// The network as it is to be, part by part.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The VPC's range.
    pub cidr: String,
    /// Public and private subnet, zone by zone.
    pub zones: Vec<Zone>,
    /// How many NAT gateways.
    pub nat: Nat,
}

/// One availability zone's part.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// `us-east-1a`.
    pub zone: String,
    /// What tells it from the others in names: `a`.
    pub letter: String,
    /// The public subnet's range.
    pub public: String,
    /// The private subnet's range.
    pub private: String,
    /// Whether a NAT gateway stands here.
    pub nat: bool,
}

/// Lays the network out over the zones: those it is in already, then the first by name.
///
/// Errors: the VPC has another range, or the region has too few zones.
pub fn layout(env: &Env, want: &Want, have: &Have, zones: &[String]) -> Result<Layout> {
    if let Some(vpc) = first(&have.vpcs)
        && vpc.cidr != want.cidr.to_string()
    {
        return Err(Error::refused(format!(
            "vpc {} has range {}, wanted {}; a range cannot be changed",
            vpc.id, vpc.cidr, want.cidr
        ))
        .hint(format!(
            "give --cidr {}, or make another environment",
            vpc.cidr
        )));
    }
    let mut chosen: Vec<String> = have
        .subnets
        .iter()
        .map(|subnet| subnet.zone.clone())
        .collect();
    chosen.sort();
    chosen.dedup();
    if chosen.len() > want.zones {
        return Err(Error::refused(format!(
            "the network is in {} zones ({}), wanted {}; zones are not taken away",
            chosen.len(),
            chosen.join(", "),
            want.zones
        )));
    }
    chosen.extend(
        zones
            .iter()
            .filter(|zone| !chosen.contains(zone))
            .cloned()
            .collect::<Vec<_>>(),
    );
    if chosen.len() < want.zones {
        return Err(Error::refused(format!(
            "{} offers {} of the {} zones that are wanted",
            env.region,
            chosen.len(),
            want.zones
        )));
    }
    chosen.truncate(want.zones);
    let block = |half: u32, n: u32| want.cidr.sixteenth(half * 8 + n).to_string();
    // A zone keeps its blocks, even if one that sorts before it joins; a new one takes the first free.
    let has = |subnet: &Subnet, n: u32| (0..2).any(|half| subnet.cidr == block(half, n));
    let mut free = (0..8).filter(|n| !have.subnets.iter().any(|subnet| has(subnet, *n)));
    let zones = chosen.into_iter().map(|zone| {
        let there = (0..8).find(|n| {
            have.subnets
                .iter()
                .any(|subnet| subnet.zone == zone && has(subnet, *n))
        });
        let n = there.or_else(|| free.next()).unwrap_or_default();
        let letter = zone.chars().last().unwrap_or_default().to_string();
        Zone {
            zone,
            letter,
            public: block(0, n),
            private: block(1, n),
            nat: want.nat == Nat::PerZone,
        }
    });
    let mut zones: Vec<Zone> = zones.collect();
    if want.nat == Nat::Single {
        let there = zones.iter().position(|zone| nat_of(have, zone).is_some());
        zones[there.unwrap_or_default()].nat = true;
    }
    Ok(Layout {
        cidr: want.cidr.to_string(),
        zones,
        nat: want.nat,
    })
}

/// The route table of a name; where a person renamed it, the one that these subnets use.
pub fn table<'a>(env: &Env, have: &'a [Table], exit: &Exit) -> Option<&'a Table> {
    let name = name(env, "rtb", &exit.part);
    let named = have
        .iter()
        .filter(|table| table.tags.get("Name") == Some(&name))
        .min_by_key(|table| &table.id);
    let renamed = |table: &&Table| {
        table
            .tags
            .get("Name")
            .is_none_or(|name| part(&table.tags, "rtb", env) == *name)
    };
    let used = |table: &&Table| {
        table
            .subnets
            .iter()
            .any(|(user, _)| exit.subnets.contains(user))
    };
    named.or_else(|| have.iter().filter(renamed).find(used))
}

/// A route table's part in the network: where it sends what leaves, and who leaves by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// What tells the table from the others in names: `public`, `private-a`.
    pub part: String,
    /// The ID of an internet gateway or a NAT gateway; the name of one that is yet to be made.
    pub target: String,
    /// The subnets that exist already.
    pub subnets: Vec<String>,
}

/// The exits of the public subnets, and of each zone's private one.
pub fn exits(env: &Env, layout: &Layout, have: &Have, gateway: &str) -> Vec<Exit> {
    let id = |cidr: &str| {
        have.subnets
            .iter()
            .find(|subnet| subnet.cidr == cidr)
            .map(|subnet| subnet.id.clone())
    };
    let public = Exit {
        part: "public".into(),
        target: gateway.into(),
        subnets: layout
            .zones
            .iter()
            .filter_map(|zone| id(&zone.public))
            .collect(),
    };
    let private = layout.zones.iter().map(|zone| {
        let with_nat = if zone.nat {
            zone
        } else {
            layout.zones.iter().find(|other| other.nat).unwrap_or(zone)
        };
        let there = nat_of(have, with_nat).map(|nat| nat.id.clone());
        Exit {
            part: format!("private-{}", zone.letter),
            target: there.unwrap_or_else(|| name(env, "nat", &with_nat.letter)),
            subnets: id(&zone.private).into_iter().collect(),
        }
    });
    [public].into_iter().chain(private).collect()
}

/// The NAT gateway of a zone that works or is about to.
pub fn nat_of<'a>(have: &'a Have, zone: &Zone) -> Option<&'a NatGateway> {
    let subnet = have
        .subnets
        .iter()
        .find(|subnet| subnet.cidr == zone.public)?;
    nat(&have.nats, &subnet.id)
}

/// The NAT gateways in zones that are to have none: they stay, and cost, until somebody deletes them.
pub fn spare<'a>(layout: &Layout, have: &'a Have) -> Vec<&'a NatGateway> {
    layout
        .zones
        .iter()
        .filter(|zone| !zone.nat)
        .filter_map(|zone| nat_of(have, zone))
        .collect()
}

/// What differs about a route table beside its tags.
pub fn exit_differences(have: &Have, table: &Table, exit: &Exit) -> Vec<Difference> {
    let route = table.default_route.as_deref().unwrap_or("none");
    let used = |subnet: &String| {
        let uses = |table: &&Table| table.subnets.iter().any(|(user, _)| user == subnet);
        have.tables
            .iter()
            .chain(&have.strangers)
            .find(uses)
            .map_or("the main one", |table| table.id.as_str())
    };
    let subnets = exit
        .subnets
        .iter()
        .map(|subnet| Difference::between(&format!("table of {subnet}"), used(subnet), &table.id));
    [Difference::between("default route", route, &exit.target)]
        .into_iter()
        .chain(subnets)
        .flatten()
        .collect()
}

/// What differs about an internet gateway beside its tags.
pub fn attachment_difference(gateway: &Gateway, vpc: &str) -> Option<Difference> {
    Difference::between("attached to", gateway.vpc.as_deref().unwrap_or("none"), vpc)
}

/// The differences of a part's tags from what they should be.
pub fn tag_differences(env: &Env, name: &str, tags: &Tags) -> Vec<Difference> {
    Difference::of_tags(tags, &env.tags_of(name))
}

/// What differs about the VPC beside its tags.
pub fn vpc_differences(have: &Have) -> Vec<Difference> {
    let group = have.default_group.clone().unwrap_or_default();
    [
        Difference::between("dns support", have.dns, true),
        Difference::between("dns hostnames", have.hostnames, true),
        Difference::between("default group admits", group.ingress, false),
        Difference::between("default group lets out", group.egress, false),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use plumbing::name::IDENTITY;

    use super::*;
    use crate::range::range;

    pub(super) fn env() -> Env {
        let text = r#"{"type":"env","name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    pub(super) fn want() -> Want {
        Want {
            cidr: range("10.0.0.0/16").unwrap(),
            zones: 2,
            nat: Nat::PerZone,
        }
    }

    pub(super) fn zones() -> Vec<String> {
        ["us-east-1a", "us-east-1b", "us-east-1c"]
            .map(String::from)
            .into()
    }

    pub(super) fn tags(name: &str) -> Tags {
        Tags::from([
            ("Name".to_string(), name.to_string()),
            (IDENTITY.to_string(), "production-pr1".to_string()),
        ])
    }

    #[test]
    fn each_zone_gets_a_public_and_a_private_sixteenth() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let ranges: Vec<_> = layout
            .zones
            .iter()
            .map(|z| (z.public.as_str(), z.private.as_str()))
            .collect();
        assert_eq!(
            ranges,
            [
                ("10.0.0.0/20", "10.0.128.0/20"),
                ("10.0.16.0/20", "10.0.144.0/20")
            ]
        );
    }

    #[test]
    fn another_range_is_a_conflict() {
        let have = Have {
            vpcs: vec![Network {
                id: "vpc-1".into(),
                cidr: "10.1.0.0/16".into(),
                ..Network::default()
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
        let subnet = |name: &str, cidr: &str| Subnet {
            id: name.into(),
            cidr: cidr.into(),
            zone: "us-east-1b".into(),
            tags: tags(name),
        };
        let have = Have {
            subnets: vec![
                subnet("subnet-public-b-production-pr1", "10.0.0.0/20"),
                subnet("subnet-private-b-production-pr1", "10.0.128.0/20"),
            ],
            ..Have::default()
        };
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        let zones: Vec<_> = layout
            .zones
            .iter()
            .map(|z| (z.letter.as_str(), z.public.as_str()))
            .collect();
        assert_eq!(zones, [("b", "10.0.0.0/20"), ("a", "10.0.16.0/20")]);
    }

    fn in_zone(zone: &str, cidr: &str) -> Subnet {
        Subnet {
            id: format!("subnet-{cidr}"),
            cidr: cidr.into(),
            zone: zone.into(),
            tags: tags("renamed"),
        }
    }

    #[test]
    fn a_zone_that_lost_its_subnets_gets_its_own_blocks_again() {
        let there = [
            ("us-east-1b", "10.0.16.0/20"),
            ("us-east-1b", "10.0.144.0/20"),
        ];
        let have = Have {
            subnets: there.map(|(zone, cidr)| in_zone(zone, cidr)).into(),
            ..Have::default()
        };
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        let blocks: Vec<_> = layout
            .zones
            .iter()
            .map(|z| [&z.letter, &z.public, &z.private].map(|s| s.as_str()))
            .collect();
        assert_eq!(
            blocks,
            [
                ["b", "10.0.16.0/20", "10.0.144.0/20"],
                ["a", "10.0.0.0/20", "10.0.128.0/20"]
            ]
        );
    }

    #[test]
    fn a_zone_that_lost_one_subnet_gets_the_block_beside_the_other() {
        let there = [
            ("us-east-1a", "10.0.16.0/20"),
            ("us-east-1b", "10.0.128.0/20"),
        ];
        let have = Have {
            subnets: there.map(|(zone, cidr)| in_zone(zone, cidr)).into(),
            ..Have::default()
        };
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        let blocks: Vec<_> = layout
            .zones
            .iter()
            .map(|z| (z.public.as_str(), z.private.as_str()))
            .collect();
        assert_eq!(
            blocks,
            [
                ("10.0.16.0/20", "10.0.144.0/20"),
                ("10.0.0.0/20", "10.0.128.0/20")
            ]
        );
    }

    #[test]
    fn a_single_nat_stays_in_its_zone() {
        let nat = NatGateway {
            subnet: "subnet-10.0.16.0/20".into(),
            state: "available".into(),
            ..NatGateway::default()
        };
        let have = Have {
            subnets: vec![
                in_zone("us-east-1a", "10.0.0.0/20"),
                in_zone("us-east-1b", "10.0.16.0/20"),
            ],
            nats: vec![NatGateway {
                id: "nat-1".into(),
                ..nat
            }],
            ..Have::default()
        };
        let layout = layout(
            &env(),
            &Want {
                nat: Nat::Single,
                ..want()
            },
            &have,
            &zones(),
        )
        .unwrap();
        assert_eq!(
            layout.zones.iter().map(|z| z.nat).collect::<Vec<_>>(),
            [false, true]
        );
        let exits = exits(&env(), &layout, &have, "igw-1");
        assert_eq!(
            exits
                .iter()
                .map(|exit| exit.target.as_str())
                .collect::<Vec<_>>(),
            ["igw-1", "nat-1", "nat-1"]
        );
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
        let want = Want {
            nat: Nat::Single,
            ..want()
        };
        let layout = layout(&env(), &want, &Have::default(), &zones()).unwrap();
        assert_eq!(
            layout.zones.iter().map(|z| z.nat).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn a_nat_in_a_zone_that_is_to_have_none_is_spare() {
        let per_zone = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let subnets = per_zone.zones.iter().map(|zone| Subnet {
            id: zone.zone.clone(),
            zone: zone.zone.clone(),
            cidr: zone.public.clone(),
            ..Subnet::default()
        });
        let nats = per_zone.zones.iter().map(|zone| NatGateway {
            id: zone.letter.clone(),
            subnet: zone.zone.clone(),
            state: "available".into(),
            ..NatGateway::default()
        });
        let have = Have {
            subnets: subnets.collect(),
            nats: nats.collect(),
            ..Have::default()
        };
        assert!(spare(&per_zone, &have).is_empty());
        let single = layout(
            &env(),
            &Want {
                nat: Nat::Single,
                ..want()
            },
            &have,
            &zones(),
        )
        .unwrap();
        assert_eq!(
            spare(&single, &have)
                .iter()
                .map(|nat| nat.id.as_str())
                .collect::<Vec<_>>(),
            ["b"]
        );
    }

    #[test]
    fn a_route_and_an_association_that_went_are_differences() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let subnet = |id: &str, cidr: &str| Subnet {
            id: id.into(),
            cidr: cidr.into(),
            ..Subnet::default()
        };
        let table = |id: &str, out: Option<&str>, user: &str| Table {
            id: id.into(),
            default_route: out.map(String::from),
            subnets: vec![(user.into(), "rtbassoc-1".into())],
            tags: tags("renamed"),
            ..Table::default()
        };
        let have = Have {
            subnets: vec![
                subnet("subnet-1", "10.0.0.0/20"),
                subnet("subnet-2", "10.0.128.0/20"),
            ],
            tables: vec![
                table("rtb-1", Some("igw-1"), "subnet-1"),
                table("rtb-2", None, "subnet-1"),
            ],
            ..Have::default()
        };
        let [public, private, _] = &exits(&env(), &layout, &have, "igw-1")[..] else {
            panic!()
        };
        assert_eq!(
            super::table(&env(), &have.tables, public).unwrap().id,
            "rtb-1"
        );
        assert_eq!(exit_differences(&have, &have.tables[0], public), []);
        let told = exit_differences(&have, &have.tables[1], private);
        let told: Vec<_> = told
            .iter()
            .map(|d| (d.field.as_str(), d.old.as_str(), d.new.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("default route", "none", "nat-a-production-pr1"),
                ("table of subnet-2", "the main one", "rtb-2")
            ]
        );
    }
}
