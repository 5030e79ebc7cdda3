//! The network: its zones, their subnets and NAT gateways.

use std::collections::BTreeSet;

use plumbing::Vpc;

use super::goes;
use super::node::Maker;
use crate::picture::{Network, Node, Text, Zone};

/// The network, if a record tells of one.
pub(crate) fn network(made: &mut Maker) -> Option<Network> {
    let parts = [("route_table", "public"), ("egress", "main")];
    let mut vpc = made.node(("vpc", "main"), &parts, false)?;
    let record = made.records.get("vpc", "main").map(|(record, _)| record);
    let typed = record.and_then(|record| record.typed::<Vpc>());
    let cidr = typed.as_ref().map_or("", |vpc| &vpc.cidr);
    vpc.name = format!("VPC {cidr}").trim_end().to_string();
    if let Some((egress, _)) = made.records.get("egress", "main") {
        let by = match egress.text("by") {
            "nat" => "leaves by a NAT gateway in each zone",
            "nat-single" => "leaves by one NAT gateway for all zones",
            other => other,
        };
        vpc.lines.insert(0, Text::plain(by));
    }
    let mut gateway = made.node(("internet_gateway", "main"), &[], false);
    if let Some(gateway) = &mut gateway {
        gateway.lines.insert(0, Text::plain("to the internet"));
    }
    let mut zones: Vec<Zone> = letters(made)
        .iter()
        .map(|letter| zone(made, typed.as_ref(), letter))
        .collect();
    let nats = zones.iter().filter_map(|zone| zone.nat.clone());
    let nats: Vec<Node> = nats.collect();
    for zone in &mut zones {
        zone.leaves_by = leaves_by(zone, &nats);
    }
    Some(Network {
        vpc,
        gateway,
        zones,
    })
}

/// Which NAT gateway a zone's private subnet sends to: its own, or the one that there is.
fn leaves_by(zone: &Zone, nats: &[Node]) -> Option<String> {
    zone.private.as_ref()?;
    let own = zone.nat.as_ref().filter(|nat| !goes(nat.state));
    let stays = nats.iter().find(|nat| !goes(nat.state));
    own.or(stays).map(|nat| nat.id.clone())
}

/// What tells the zones' parts apart: `a` of `public-a`.
fn letters(made: &Maker) -> BTreeSet<String> {
    let mut letters = BTreeSet::new();
    for (subnet, _) in made.records.of_kind("subnet") {
        let name = subnet.name();
        let letter = name
            .strip_prefix("public-")
            .or(name.strip_prefix("private-"));
        letters.extend(letter.map(String::from));
    }
    for (nat, _) in made.records.of_kind("nat_gateway") {
        letters.insert(nat.name().to_string());
    }
    letters
}

fn zone(made: &mut Maker, vpc: Option<&Vpc>, letter: &str) -> Zone {
    let [public, private, address] =
        ["public", "private", "nat"].map(|of| format!("{of}-{letter}"));
    let mut subnets = [
        made.node(("subnet", &public), &[], false),
        made.node(("subnet", &private), &[("route_table", &private)], false),
    ];
    let mut name = format!("zone {letter}");
    for subnet in subnets.iter_mut().flatten() {
        let record = made.records.get("subnet", &subnet.name);
        let id = record
            .map(|(record, _)| record.text("id"))
            .unwrap_or_default();
        if let Some(known) = vpc.and_then(|vpc| zone_of(vpc, id)) {
            name = known.clone();
        }
    }
    let [public, mut private] = subnets;
    if let Some(private) = &mut private {
        private.lines.insert(0, Text::plain("tasks run here"));
    }
    let has_nat = made.records.get("nat_gateway", letter).is_some();
    let nat = has_nat
        .then(|| made.node(("nat_gateway", letter), &[("elastic_ip", &address)], false))
        .flatten();
    Zone {
        name,
        public,
        private,
        nat,
        leaves_by: None,
    }
}

/// The zone that a subnet is in.
fn zone_of<'a>(vpc: &'a Vpc, id: &str) -> Option<&'a String> {
    for subnets in [&vpc.public_subnets, &vpc.private_subnets] {
        if let Some(at) = subnets.iter().position(|subnet| subnet == id) {
            return vpc.zones.get(at);
        }
    }
    None
}
