//! In which availability zones a network is to be. Pure.

use std::collections::BTreeMap;

use plumbing::{Env, Error, Result};

use super::{Have, NatMode, Want, elect, side};

/// The zones in which Fargate runs Linux tasks, by ID, where it does not in all of a region (ECS
/// developer guide, Supported Regions for Amazon ECS on AWS Fargate; of ca-central-1 its editions before
/// 2024 say so, and the later ones nothing). What a zone is called differs by account, its ID does not.
const FARGATE: [(&str, &[&str]); 4] = [
    ("ap-northeast-1", &["apne1-az1", "apne1-az2", "apne1-az4"]),
    ("ca-central-1", &["cac1-az1", "cac1-az2"]),
    ("cn-north-1", &["cnn1-az1", "cnn1-az2"]),
    ("us-west-1", &["usw1-az1", "usw1-az3"]),
];

/// A zone of the region.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RegionZone {
    /// `us-east-1a`: for which zone this stands differs by account.
    pub name: String,
    /// `use1-az6`: the same for everybody.
    pub id: String,
    /// `availability-zone`, `local-zone` or `wavelength-zone`.
    pub kind: String,
    /// `available`, or what is wrong.
    pub state: String,
    /// `opt-in-not-required`, `opted-in` or `not-opted-in`.
    pub opt_in: String,
}

impl RegionZone {
    fn is(&self, name_or_id: &str) -> bool {
        self.name == name_or_id || self.id == name_or_id
    }

    /// Whether it is known that Fargate does not run here.
    fn lacks_fargate(&self, region: &str) -> bool {
        let mut listed = FARGATE.iter().filter(|(listed, _)| *listed == region);
        !self.id.is_empty() && listed.any(|(_, ids)| !ids.contains(&self.id.as_str()))
    }

    fn text(&self) -> String {
        format!("{} ({})", self.name, self.id)
    }
}

/// Checks what the command line says of zones, before anything is asked.
pub fn check_flags(named: &[String], zones: Option<u8>, room: u32) -> Result<usize> {
    let count = zones.map_or(named.len().max(2), usize::from);
    for (n, name) in named.iter().enumerate() {
        if named[..n].contains(name) {
            return Err(Error::usage(format!("--zone {name} is given twice")));
        }
    }
    if let ([name], None) = (named, zones) {
        let message = format!("--zone {name} is one zone, and a load balancer needs two");
        let hint = "name another one, or have it chosen with --zones 2";
        return Err(Error::usage(message).hint(hint));
    }
    if count < named.len() {
        let named = named.len();
        let message = format!("--zones {count} is fewer than the {named} that --zone names");
        return Err(Error::usage(message));
    }
    if room.try_into().is_ok_and(|room: usize| count > room) {
        let message = format!("{count} zones have no room in a range of this size: {room} have");
        return Err(Error::usage(message).hint("--cidr with a larger range, /16 to /23"));
    }
    Ok(count)
}

/// The first of some names or IDs that is no zone of these.
pub fn first_unknown<'a>(named: &'a [String], zones: &[RegionZone]) -> Option<&'a str> {
    let mut named = named.iter();
    let unknown = named.find(|named| !zones.iter().any(|zone| zone.is(named)));
    unknown.map(String::as_str)
}

/// The zones of some names or IDs, which are known.
///
/// Errors: a zone is named by its name and by its ID.
pub fn named(named: &[String], zones: &[RegionZone]) -> Result<Vec<RegionZone>> {
    let mut found: Vec<RegionZone> = Vec::new();
    for name in named {
        let Some(zone) = zones.iter().find(|zone| zone.is(name)) else {
            continue;
        };
        if found.contains(zone) {
            let message = format!("--zone names {} twice, by name and by ID", zone.text());
            return Err(Error::usage(message));
        }
        found.push(zone.clone());
    }
    Ok(found)
}

/// Why a zone cannot be used: what all zones of the region are, with those that need an opt-in.
pub fn why_not(env: &Env, named: &str, all: &[RegionZone], usable: &[RegionZone]) -> Error {
    let region = &env.region;
    let why = match all.iter().find(|zone| zone.is(named)) {
        Some(zone) if zone.kind == "local-zone" => {
            "is a local zone, where Fargate does not run".to_string()
        }
        Some(zone) if zone.kind == "wavelength-zone" => {
            "is a wavelength zone, where Fargate does not run".to_string()
        }
        Some(zone) if zone.opt_in == "not-opted-in" => {
            "needs an opt-in, which this account has not made".to_string()
        }
        Some(zone) if zone.state != "available" => format!("is {}", zone.state),
        _ => format!("is no zone of {region}"),
    };
    let usable: Vec<String> = usable.iter().map(RegionZone::text).collect();
    let usable = usable.join(", ");
    Error::usage(format!("--zone {named} {why}; zones of {region}: {usable}"))
}

/// A line for each of these zones where Fargate is not known to run: who names it may know better.
pub fn doubts(env: &Env, named: &[RegionZone]) -> Vec<String> {
    let mut lines = Vec::new();
    for zone in named {
        if zone.lacks_fargate(&env.region) {
            let zone = zone.text();
            lines.push(format!(
                "zone {zone} is not among those where Fargate runs: tasks may not start there"
            ));
        }
    }
    lines
}

/// As many zones as are wanted: those that are named; then those that the network is in already, but
/// for those that it leaves; then the first by name where Fargate runs.
pub fn choose(env: &Env, want: &Want, have: &Have, zones: &[RegionZone]) -> Result<Vec<String>> {
    let mut chosen: Vec<String> = want.named.iter().map(|zone| zone.name.clone()).collect();
    let named = chosen.len();
    let used = used_zones(want, have);
    let mut candidates = used.clone();
    let mut left_out = Vec::new();
    for zone in zones {
        if !used.contains(&zone.name) && zone.lacks_fargate(&env.region) {
            left_out.push(zone.text());
        } else {
            candidates.push(zone.name.clone());
        }
    }
    for name in candidates {
        if chosen.len() < want.zones && !chosen.contains(&name) {
            chosen.push(name);
        }
    }
    chosen[named..].sort_by_key(|name| (!used.contains(name), name.clone()));
    if chosen.len() == want.zones {
        return Ok(chosen);
    }
    let message = format!(
        "{} offers {} of the {} zones that are wanted",
        env.region,
        chosen.len(),
        want.zones
    );
    if left_out.is_empty() {
        return Err(Error::refused(message));
    }
    let left_out = left_out.join(", ");
    let hint = "mk-vpc --zone NAME_OR_ID takes one all the same";
    Err(Error::refused(format!("{message}; Fargate does not run in {left_out}")).hint(hint))
}

/// The zones that the network is in. First those that stay where fewer are wanted: those that it does
/// not leave, the one with the only NAT gateway, those that it has been in for longest.
fn used_zones(want: &Want, have: &Have) -> Vec<String> {
    let vpc = want.cidr.to_string();
    let mut zones = BTreeMap::new();
    for subnet in &have.subnets {
        if side(&vpc, &subnet.cidr).is_none() {
            continue;
        }
        let nats = &have.nat_gateways;
        let has_nat = elect::nat_gateway(nats, &subnet.id, &have.route_tables).is_some();
        let (is_left, place, keeps_nat) =
            zones
                .entry(&subnet.zone)
                .or_insert((false, u32::MAX, false));
        *is_left |= subnet.is_left();
        *place = want.cidr.place(&subnet.cidr).min(*place);
        *keeps_nat |= want.nat == NatMode::Single && has_nat;
    }
    let mut zones: Vec<_> = zones.into_iter().collect();
    zones.sort_by_key(|(_, (is_left, place, keeps_nat))| (*is_left, !keeps_nat, *place));
    zones.into_iter().map(|(zone, _)| zone.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::have::tests::tags;
    use super::super::tests::{want, zones};
    use super::super::{LEFT, NatGateway, Subnet};
    use super::*;

    fn zone(name: &str, id: &str) -> RegionZone {
        RegionZone {
            name: name.into(),
            id: id.into(),
            kind: "availability-zone".into(),
            state: "available".into(),
            opt_in: "opt-in-not-required".into(),
        }
    }

    /// A network with a public subnet in each zone, in the order of its places.
    fn network(letters: &str) -> Have {
        let mut have = Have::default();
        for (place, letter) in letters.chars().enumerate() {
            have.subnets.push(Subnet {
                id: format!("subnet-{letter}"),
                cidr: want().cidr.pair(u32::try_from(place).unwrap())[0].to_string(),
                zone: format!("us-east-1{letter}"),
                tags: tags("x"),
                ..Subnet::default()
            });
        }
        have
    }

    /// The letters of the zones that are chosen.
    fn chosen(want: &Want, have: &Have) -> String {
        let chosen = choose(&Env::example(), want, have, &zones()).unwrap();
        chosen
            .iter()
            .filter_map(|zone| zone.chars().last())
            .collect()
    }

    #[test]
    fn where_fewer_are_wanted_those_that_were_there_first_stay() {
        assert_eq!(chosen(&want(), &network("abc")), "ab");
        assert_eq!(chosen(&want(), &network("bca")), "bc");
    }

    #[test]
    fn the_zone_of_the_only_nat_gateway_stays_and_one_that_is_left_does_not() {
        let mut have = network("abc");
        have.nat_gateways.push(NatGateway {
            subnet: "subnet-c".into(),
            state: "available".into(),
            ..NatGateway::default()
        });
        let single = Want {
            nat: NatMode::Single,
            ..want()
        };
        assert_eq!(chosen(&single, &have), "ac");
        assert_eq!(chosen(&want(), &have), "ab");
        have.subnets[0].tags.insert(LEFT.into(), "true".into());
        assert_eq!(chosen(&want(), &have), "bc");
        let three = Want { zones: 3, ..want() };
        assert_eq!(chosen(&three, &have), "abc");
    }

    #[test]
    fn a_zone_that_is_named_comes_before_those_that_are_used() {
        let named = Want {
            named: vec![zone("us-east-1c", "use1-az-of-c")],
            ..want()
        };
        assert_eq!(chosen(&named, &network("ab")), "ca");
        assert_eq!(chosen(&named, &Have::default()), "ca");
    }

    #[test]
    fn fargate_is_not_everywhere_and_where_it_is_not_a_network_may_stay() {
        for (region, id, lacks) in [
            ("us-west-1", "usw1-az2", true),
            ("us-west-1", "usw1-az3", false),
            ("ap-northeast-1", "apne1-az3", true),
            ("ap-northeast-1", "apne1-az4", false),
            ("ca-central-1", "cac1-az4", true),
            ("cn-north-1", "cnn1-az3", true),
            ("us-east-1", "use1-az3", false),
            ("us-west-1", "", false), // an emulator that tells no IDs
        ] {
            assert_eq!(zone("x", id).lacks_fargate(region), lacks, "{region} {id}");
        }
        let env = Env {
            region: "us-west-1".into(),
            ..Env::example()
        };
        let zones = [
            zone("us-east-1a", "usw1-az2"),
            zone("us-east-1b", "usw1-az1"),
        ];
        let error = choose(&env, &want(), &Have::default(), &zones).unwrap_err();
        assert_eq!(
            error.message,
            "us-west-1 offers 1 of the 2 zones that are wanted; Fargate does not run in us-east-1a (usw1-az2)"
        );
        assert_eq!(
            choose(&env, &want(), &network("a"), &zones).unwrap(),
            ["us-east-1a", "us-east-1b"]
        );
        let told = doubts(&env, &zones);
        assert_eq!(
            told,
            [
                "zone us-east-1a (usw1-az2) is not among those where Fargate runs: tasks may not start there"
            ]
        );
    }

    #[test]
    fn why_a_zone_cannot_be_used_is_said_in_words() {
        let of_kind = |kind: &str, state: &str, opt_in: &str| RegionZone {
            kind: kind.into(),
            state: state.into(),
            opt_in: opt_in.into(),
            ..zone("z", "z-id")
        };
        let available = "available";
        for (zone, why) in [
            (
                of_kind("local-zone", available, "opted-in"),
                "is a local zone",
            ),
            (
                of_kind("wavelength-zone", available, "not-opted-in"),
                "is a wavelength zone",
            ),
            (
                of_kind("availability-zone", available, "not-opted-in"),
                "needs an opt-in, which this account has not made",
            ),
            (of_kind("availability-zone", "impaired", ""), "is impaired"),
        ] {
            let error = why_not(&Env::example(), "z-id", &[zone], &zones());
            let told = format!("--zone z-id {why}");
            assert!(error.message.starts_with(&told), "{}", error.message);
            assert!(error.message.contains("us-east-1a (use1-az-of-a)"));
        }
    }
}
