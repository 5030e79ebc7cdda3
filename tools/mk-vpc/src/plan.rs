//! What the network should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::{IDENTITY, LONG_LIMIT};
use plumbing::{Change, Difference, Egress, Env, Error, Record, Result, Vpc};

use crate::range::Range;

/// The tag that tells which of two came first, in microseconds since 1970: VPCs, internet gateways
/// and addresses have neither names that AWS keeps unique nor a creation time.
pub const MADE: &str = "plumbline:made";

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
        .hint(format!("give --cidr {}, or make another environment", vpc.cidr)));
    }
    let mut chosen: Vec<String> = have.subnets.iter().map(|subnet| subnet.zone.clone()).collect();
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
    chosen.extend(zones.iter().filter(|zone| !chosen.contains(zone)).cloned().collect::<Vec<_>>());
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
        let there = (0..8).find(|n| have.subnets.iter().any(|subnet| subnet.zone == zone && has(subnet, *n)));
        let n = there.or_else(|| free.next()).unwrap_or_default();
        let letter = zone.chars().last().unwrap_or_default().to_string();
        Zone { zone, letter, public: block(0, n), private: block(1, n), nat: want.nat == Nat::PerZone }
    });
    let mut zones: Vec<Zone> = zones.collect();
    if want.nat == Nat::Single {
        let there = zones.iter().position(|zone| nat_of(have, zone).is_some());
        zones[there.unwrap_or_default()].nat = true;
    }
    Ok(Layout { cidr: want.cidr.to_string(), zones, nat: want.nat })
}

/// Of several that do the same work, the one that every run picks: the first made, then the
/// lowest ID. Two runs that created at once both look again and come to the same.
pub fn elect<'a, T>(
    candidates: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&'a T) -> (&'a Tags, &'a str),
) -> Option<&'a T> {
    candidates.into_iter().min_by_key(|candidate| {
        let (tags, id) = key(candidate);
        (tags.get(MADE).and_then(|made| made.parse::<u64>().ok()).unwrap_or(u64::MAX), id)
    })
}

/// Whether two came of one call, which was repeated when its answer was lost.
pub fn same_call(one: &Tags, other: &Tags) -> bool {
    one.get(MADE).is_some_and(|made| other.get(MADE) == Some(made))
}

/// The elected VPC.
pub fn first(vpcs: &[Network]) -> Option<&Network> {
    elect(vpcs, |vpc| (&vpc.tags, &vpc.id))
}

/// The gateway to use: the one attached to the VPC, since that is AWS's own election.
pub fn gateway<'a>(have: &'a [Gateway], vpc: &str) -> Option<&'a Gateway> {
    let attached = have.iter().find(|gateway| gateway.vpc.as_deref() == Some(vpc));
    attached.or_else(|| elect(have.iter().filter(|g| g.vpc.is_none()), |gateway| (&gateway.tags, &gateway.id)))
}

/// The address of a name to use: one in use, else the first made; where a person renamed it, the one
/// that the zone's NAT gateway has.
pub fn address<'a>(have: &'a [Address], name: &str, nat: Option<&NatGateway>) -> Option<&'a Address> {
    let named = || have.iter().filter(move |address| address.tags.get("Name").is_some_and(|n| n == name));
    let elected = elect(named().filter(|address| address.used), |a| (&a.tags, &a.id))
        .or_else(|| elect(named(), |a| (&a.tags, &a.id)));
    elected.or_else(|| have.iter().find(|address| nat.is_some_and(|nat| nat.address == address.id)))
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
    let alive = have.iter().filter(|nat| nat.subnet == subnet && matches!(nat.state.as_str(), "pending" | "available"));
    alive.min_by_key(|nat| (nat.state != "available", &nat.id))
}

/// The route table of a name; where a person renamed it, the one that these subnets use.
pub fn table<'a>(env: &Env, have: &'a [Table], exit: &Exit) -> Option<&'a Table> {
    let name = name(env, "rtb", &exit.part);
    let named = have.iter().filter(|table| table.tags.get("Name") == Some(&name)).min_by_key(|table| &table.id);
    let renamed = |table: &&Table| table.tags.get("Name").is_none_or(|name| part(&table.tags, "rtb", env) == *name);
    let used = |table: &&Table| table.subnets.iter().any(|(user, _)| exit.subnets.contains(user));
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
    let id = |cidr: &str| have.subnets.iter().find(|subnet| subnet.cidr == cidr).map(|subnet| subnet.id.clone());
    let public = Exit {
        part: "public".into(),
        target: gateway.into(),
        subnets: layout.zones.iter().filter_map(|zone| id(&zone.public)).collect(),
    };
    let private = layout.zones.iter().map(|zone| {
        let with_nat = if zone.nat { zone } else { layout.zones.iter().find(|other| other.nat).unwrap_or(zone) };
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
    let subnet = have.subnets.iter().find(|subnet| subnet.cidr == zone.public)?;
    nat(&have.nats, &subnet.id)
}

/// The NAT gateways in zones that are to have none: they stay, and cost, until somebody deletes them.
pub fn spare<'a>(layout: &Layout, have: &'a Have) -> Vec<&'a NatGateway> {
    layout.zones.iter().filter(|zone| !zone.nat).filter_map(|zone| nat_of(have, zone)).collect()
}

/// What differs about a route table beside its tags.
pub fn exit_differences(have: &Have, table: &Table, exit: &Exit) -> Vec<Difference> {
    let route = table.default_route.as_deref().unwrap_or("none");
    let used = |subnet: &String| {
        let uses = |table: &&Table| table.subnets.iter().any(|(user, _)| user == subnet);
        have.tables.iter().chain(&have.strangers).find(uses).map_or("the main one", |table| table.id.as_str())
    };
    let subnets =
        exit.subnets.iter().map(|subnet| Difference::between(&format!("table of {subnet}"), used(subnet), &table.id));
    [Difference::between("default route", route, &exit.target)].into_iter().chain(subnets).flatten().collect()
}

/// What differs about an internet gateway beside its tags.
pub fn attachment_difference(gateway: &Gateway, vpc: &str) -> Option<Difference> {
    Difference::between("attached to", gateway.vpc.as_deref().unwrap_or("none"), vpc)
}

/// What a resource is called within its kind, from its `Name` tag: `public-a` of
/// `subnet-public-a-production-pr123`; `main` of `vpc-production-pr123`.
pub fn part(tags: &Tags, kind: &str, env: &Env) -> String {
    let name = tags.get("Name").map(String::as_str).unwrap_or_default();
    let middle = name.strip_prefix(kind).and_then(|rest| rest.strip_suffix(&env.name));
    match middle.map(|middle| middle.trim_matches('-')) {
        Some("") => "main".into(),
        Some(part) => part.into(),
        None => name.into(),
    }
}

/// The name of a part of the network in AWS.
pub fn name(env: &Env, kind: &str, part: &str) -> String {
    env.named(kind, part, LONG_LIMIT)
}

/// The VPC's record.
pub fn vpc_record(id: &str, cidr: &str, public: Vec<String>, private: Vec<String>, change: Option<Change>) -> Record {
    Record::of(&Vpc {
        name: "main".into(),
        id: id.into(),
        cidr: cidr.into(),
        public_subnets: public,
        private_subnets: private,
        change,
        ..Vpc::default()
    })
}

/// A part's record.
pub fn part_record(kind: &str, name: &str, id: &str) -> Record {
    Record::new(kind, name).with("id", id)
}

/// The mark that the private subnets reach the internet.
pub fn egress_record(nat: Nat) -> Record {
    let by = if nat == Nat::PerZone { "nat" } else { "nat-single" };
    Record::of(&Egress { name: "main".into(), by: by.into(), ..Egress::default() })
}

/// What is there, as records: what `ls-env` prints and `rm-env` deletes.
pub fn records(env: &Env, have: &Have) -> Vec<Record> {
    let mut records = Vec::new();
    let side = |side: &str| {
        let mut subnets: Vec<&Subnet> =
            have.subnets.iter().filter(|s| part(&s.tags, "subnet", env).starts_with(side)).collect();
        subnets.sort_by_key(|subnet| &subnet.zone);
        subnets.iter().map(|subnet| subnet.id.clone()).collect::<Vec<_>>()
    };
    let elected = first(&have.vpcs);
    if let Some(vpc) = elected {
        let ours = |key: &&String| *key != "Name" && *key != MADE && *key != IDENTITY;
        let tags: serde_json::Map<_, _> = vpc
            .tags
            .iter()
            .filter(|(key, _)| ours(key))
            .map(|(key, value)| (key.clone(), value.clone().into()))
            .collect();
        records.push(Record::new("env", &env.name).with("tags", tags)); // what the environment was made with
    }
    if let Some(vpc) = elected {
        records.push(vpc_record(&vpc.id, &vpc.cidr, side("public"), side("private"), None));
    }
    // What a run that was cut off or lost a race left twice is called by its ID.
    let twice = have.vpcs.iter().filter(|vpc| elected.is_none_or(|first| first.id != vpc.id));
    records.extend(twice.map(|vpc| {
        Record::of(&Vpc { name: vpc.id.clone(), id: vpc.id.clone(), cidr: vpc.cidr.clone(), ..Vpc::default() })
    }));
    for (kind, tag, id, tags) in parts(have) {
        let name = part(tags, tag, env);
        let taken = records.iter().any(|record| record.kind() == kind && record.name() == name);
        records.push(part_record(kind, if taken { id } else { &name }, id));
    }
    let works = |table: &&Table| {
        let out = table.default_route.as_ref();
        out.is_some_and(|out| have.nats.iter().any(|nat| nat.id == *out && nat.state == "available"))
    };
    let private = have.tables.iter().filter(|table| part(&table.tags, "rtb", env).starts_with("private"));
    let (ready, missing): (Vec<&Table>, Vec<&Table>) = private.partition(works);
    if !ready.is_empty() && missing.is_empty() {
        let single = have.nats.iter().filter(|nat| nat.state == "available").count() == 1;
        records.push(egress_record(if single { Nat::Single } else { Nat::PerZone }));
    }
    records
}

/// Every part but the VPC: its record's type, its name's kind, its ID and tags.
fn parts(have: &Have) -> impl Iterator<Item = (&'static str, &'static str, &str, &Tags)> {
    let gateways = have.gateways.iter().map(|g| ("internet_gateway", "igw", g.id.as_str(), &g.tags));
    let subnets = have.subnets.iter().map(|s| ("subnet", "subnet", s.id.as_str(), &s.tags));
    let tables = have.tables.iter().map(|t| ("route_table", "rtb", t.id.as_str(), &t.tags));
    let addresses = have.addresses.iter().map(|a| ("elastic_ip", "eip", a.id.as_str(), &a.tags));
    let nats = have
        .nats
        .iter()
        .filter(|n| !matches!(n.state.as_str(), "deleting" | "deleted"))
        .map(|n| ("nat_gateway", "nat", n.id.as_str(), &n.tags));
    gateways.chain(subnets).chain(tables).chain(addresses).chain(nats)
}

/// The differences of a part's tags from what they should be.
pub fn tag_differences(env: &Env, name: &str, tags: &Tags) -> Vec<Difference> {
    Difference::of_tags(tags, &env.tags_of(name))
}

/// What a run would do, as records with the IDs that are known and `planned:` for the others.
pub fn dry_run(env: &Env, layout: &Layout, have: &Have) -> Vec<Record> {
    let step = |there: Option<(&str, &Tags)>, name: &str, more: Vec<Difference>| match there {
        Some((id, tags)) => {
            let differences: Vec<_> = tag_differences(env, name, tags).into_iter().chain(more).collect();
            (id.to_string(), Change::from_differences(&differences, true), differences)
        }
        None => (env.planned(name), Change::Create, Vec::new()),
    };
    let mut parts = Vec::new();
    let mut told = |kind, tag, part: &str, there: Option<(&str, &Tags)>, more| {
        let (id, change, differences) = step(there, &name(env, tag, part), more);
        let part = if part.is_empty() { "main" } else { part };
        parts.push(part_record(kind, part, &id).changed(change, &differences));
        id
    };
    let vpc = first(&have.vpcs);
    let vpc_id = vpc.map_or_else(|| env.planned(&name(env, "vpc", "")), |vpc| vpc.id.clone());
    let way_in = gateway(&have.gateways, &vpc_id);
    let detached = way_in.and_then(|gateway| attachment_difference(gateway, &vpc_id)).into_iter().collect();
    let way_in = told("internet_gateway", "igw", "", way_in.map(|g| (g.id.as_str(), &g.tags)), detached);
    for exit in exits(env, layout, have, &way_in) {
        let there = table(env, &have.tables, &exit);
        let more = there.map_or_else(Vec::new, |table| exit_differences(have, table, &exit));
        told("route_table", "rtb", &exit.part, there.map(|table| (table.id.as_str(), &table.tags)), more);
    }
    let (mut public, mut private) = (Vec::new(), Vec::new());
    for zone in &layout.zones {
        let letter = &zone.letter;
        let mut subnet = |side: &str, cidr: &str| {
            let there = have.subnets.iter().find(|subnet| subnet.cidr == cidr).map(|s| (s.id.as_str(), &s.tags));
            told("subnet", "subnet", &format!("{side}-{letter}"), there, Vec::new())
        };
        public.push(subnet("public", &zone.public));
        private.push(subnet("private", &zone.private));
        if zone.nat {
            let nat = nat_of(have, zone);
            let part = format!("nat-{letter}");
            let address = address(&have.addresses, &name(env, "eip", &part), nat);
            told("elastic_ip", "eip", &part, address.map(|a| (a.id.as_str(), &a.tags)), Vec::new());
            told("nat_gateway", "nat", letter, nat.map(|nat| (nat.id.as_str(), &nat.tags)), Vec::new());
        }
    }
    let (id, change, differences) =
        step(vpc.map(|vpc| (vpc.id.as_str(), &vpc.tags)), &name(env, "vpc", ""), vpc_differences(have));
    let vpc = vpc_record(&id, &layout.cidr, public, private, None).changed(change, &differences);
    [vpc].into_iter().chain(parts).chain([egress_record(layout.nat)]).collect()
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
    use super::*;
    use crate::range::range;

    fn env() -> Env {
        let text = r#"{"type":"env","name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn want() -> Want {
        Want { cidr: range("10.0.0.0/16").unwrap(), zones: 2, nat: Nat::PerZone }
    }

    fn zones() -> Vec<String> {
        ["us-east-1a", "us-east-1b", "us-east-1c"].map(String::from).into()
    }

    fn tags(name: &str) -> Tags {
        Tags::from([("Name".to_string(), name.to_string()), (IDENTITY.to_string(), "production-pr1".to_string())])
    }

    #[test]
    fn each_zone_gets_a_public_and_a_private_sixteenth() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let ranges: Vec<_> = layout.zones.iter().map(|z| (z.public.as_str(), z.private.as_str())).collect();
        assert_eq!(ranges, [("10.0.0.0/20", "10.0.128.0/20"), ("10.0.16.0/20", "10.0.144.0/20")]);
    }

    #[test]
    fn another_range_is_a_conflict() {
        let have = Have {
            vpcs: vec![Network { id: "vpc-1".into(), cidr: "10.1.0.0/16".into(), ..Network::default() }],
            ..Have::default()
        };
        let error = layout(&env(), &want(), &have, &zones()).unwrap_err();
        assert_eq!(error.message, "vpc vpc-1 has range 10.1.0.0/16, wanted 10.0.0.0/16; a range cannot be changed");
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
        let zones: Vec<_> = layout.zones.iter().map(|z| (z.letter.as_str(), z.public.as_str())).collect();
        assert_eq!(zones, [("b", "10.0.0.0/20"), ("a", "10.0.16.0/20")]);
    }

    fn in_zone(zone: &str, cidr: &str) -> Subnet {
        Subnet { id: format!("subnet-{cidr}"), cidr: cidr.into(), zone: zone.into(), tags: tags("renamed") }
    }

    #[test]
    fn a_zone_that_lost_its_subnets_gets_its_own_blocks_again() {
        let there = [("us-east-1b", "10.0.16.0/20"), ("us-east-1b", "10.0.144.0/20")];
        let have = Have { subnets: there.map(|(zone, cidr)| in_zone(zone, cidr)).into(), ..Have::default() };
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        let blocks: Vec<_> =
            layout.zones.iter().map(|z| [&z.letter, &z.public, &z.private].map(|s| s.as_str())).collect();
        assert_eq!(blocks, [["b", "10.0.16.0/20", "10.0.144.0/20"], ["a", "10.0.0.0/20", "10.0.128.0/20"]]);
    }

    #[test]
    fn a_zone_that_lost_one_subnet_gets_the_block_beside_the_other() {
        let there = [("us-east-1a", "10.0.16.0/20"), ("us-east-1b", "10.0.128.0/20")];
        let have = Have { subnets: there.map(|(zone, cidr)| in_zone(zone, cidr)).into(), ..Have::default() };
        let layout = layout(&env(), &want(), &have, &zones()).unwrap();
        let blocks: Vec<_> = layout.zones.iter().map(|z| (z.public.as_str(), z.private.as_str())).collect();
        assert_eq!(blocks, [("10.0.16.0/20", "10.0.144.0/20"), ("10.0.0.0/20", "10.0.128.0/20")]);
    }

    #[test]
    fn a_single_nat_stays_in_its_zone() {
        let nat =
            NatGateway { subnet: "subnet-10.0.16.0/20".into(), state: "available".into(), ..NatGateway::default() };
        let have = Have {
            subnets: vec![in_zone("us-east-1a", "10.0.0.0/20"), in_zone("us-east-1b", "10.0.16.0/20")],
            nats: vec![NatGateway { id: "nat-1".into(), ..nat }],
            ..Have::default()
        };
        let layout = layout(&env(), &Want { nat: Nat::Single, ..want() }, &have, &zones()).unwrap();
        assert_eq!(layout.zones.iter().map(|z| z.nat).collect::<Vec<_>>(), [false, true]);
        let exits = exits(&env(), &layout, &have, "igw-1");
        assert_eq!(exits.iter().map(|exit| exit.target.as_str()).collect::<Vec<_>>(), ["igw-1", "nat-1", "nat-1"]);
    }

    #[test]
    fn fewer_zones_than_wanted_is_refused() {
        let error = layout(&env(), &want(), &Have::default(), &zones()[..1]).unwrap_err();
        assert_eq!(error.message, "us-east-1 offers 1 of the 2 zones that are wanted");
    }

    #[test]
    fn a_single_nat_stands_in_the_first_zone() {
        let want = Want { nat: Nat::Single, ..want() };
        let layout = layout(&env(), &want, &Have::default(), &zones()).unwrap();
        assert_eq!(layout.zones.iter().map(|z| z.nat).collect::<Vec<_>>(), [true, false]);
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
        let have = Have { subnets: subnets.collect(), nats: nats.collect(), ..Have::default() };
        assert!(spare(&per_zone, &have).is_empty());
        let single = layout(&env(), &Want { nat: Nat::Single, ..want() }, &have, &zones()).unwrap();
        assert_eq!(spare(&single, &have).iter().map(|nat| nat.id.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn of_two_vpcs_every_run_picks_the_first_made() {
        let vpc = |id: &str, made: &str| Network {
            id: id.into(),
            tags: Tags::from([(MADE.into(), made.into())]),
            ..Network::default()
        };
        let (a, b, c) = (vpc("vpc-9", "1000"), vpc("vpc-1", "1001"), vpc("vpc-0", "1001"));
        assert_eq!(first(&[b.clone(), a.clone()]).unwrap().id, "vpc-9");
        assert_eq!(first(&[b, c]).unwrap().id, "vpc-0");
    }

    #[test]
    fn an_attached_gateway_and_an_address_in_use_are_preferred() {
        let gateway_of =
            |id: &str, vpc: Option<&str>| Gateway { id: id.into(), vpc: vpc.map(String::from), ..Gateway::default() };
        let have = [gateway_of("igw-1", None), gateway_of("igw-2", Some("vpc-1")), gateway_of("igw-0", Some("vpc-2"))];
        assert_eq!(gateway(&have, "vpc-1").unwrap().id, "igw-2");
        assert_eq!(gateway(&have, "vpc-3").unwrap().id, "igw-1");
        let address_of = |id: &str, used| Address { id: id.into(), used, tags: tags("eip-nat-a-production-pr1") };
        let have = [address_of("eipalloc-1", false), address_of("eipalloc-2", true)];
        assert_eq!(address(&have, "eip-nat-a-production-pr1", None).unwrap().id, "eipalloc-2");
        let nat = NatGateway { address: "eipalloc-1".into(), ..NatGateway::default() };
        assert_eq!(address(&have, "renamed", Some(&nat)).unwrap().id, "eipalloc-1");
    }

    #[test]
    fn a_failed_nat_does_not_count() {
        let nat_of = |id: &str, state: &str| NatGateway {
            id: id.into(),
            subnet: "subnet-1".into(),
            state: state.into(),
            ..NatGateway::default()
        };
        assert!(nat(&[nat_of("nat-1", "failed"), nat_of("nat-2", "deleting")], "subnet-1").is_none());
        assert_eq!(nat(&[nat_of("nat-1", "pending"), nat_of("nat-2", "available")], "subnet-1").unwrap().id, "nat-2");
    }

    #[test]
    fn a_dry_run_on_nothing_creates_everything_with_planned_ids() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let records = dry_run(&env(), &layout, &Have::default());
        assert_eq!(records.iter().filter(|r| r.text("change") == "create").count(), records.len() - 1);
        let vpc: Vpc = records[0].typed().unwrap();
        assert_eq!(
            vpc.private_subnets,
            ["planned:subnet-private-a-production-pr1", "planned:subnet-private-b-production-pr1"]
        );
    }

    #[test]
    fn a_route_and_an_association_that_went_are_differences() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let subnet = |id: &str, cidr: &str| Subnet { id: id.into(), cidr: cidr.into(), ..Subnet::default() };
        let table = |id: &str, out: Option<&str>, user: &str| Table {
            id: id.into(),
            default_route: out.map(String::from),
            subnets: vec![(user.into(), "rtbassoc-1".into())],
            tags: tags("renamed"),
            ..Table::default()
        };
        let have = Have {
            subnets: vec![subnet("subnet-1", "10.0.0.0/20"), subnet("subnet-2", "10.0.128.0/20")],
            tables: vec![table("rtb-1", Some("igw-1"), "subnet-1"), table("rtb-2", None, "subnet-1")],
            ..Have::default()
        };
        let [public, private, _] = &exits(&env(), &layout, &have, "igw-1")[..] else { panic!() };
        assert_eq!(super::table(&env(), &have.tables, public).unwrap().id, "rtb-1");
        assert_eq!(exit_differences(&have, &have.tables[0], public), []);
        let told = exit_differences(&have, &have.tables[1], private);
        let told: Vec<_> = told.iter().map(|d| (d.field.as_str(), d.old.as_str(), d.new.as_str())).collect();
        assert_eq!(
            told,
            [("default route", "none", "nat-a-production-pr1"), ("table of subnet-2", "the main one", "rtb-2")]
        );
    }

    #[test]
    fn what_is_there_twice_has_two_records() {
        let gateway = |id: &str| Gateway { id: id.into(), vpc: None, tags: tags("igw-production-pr1") };
        let vpc = |id: &str| Network { id: id.into(), cidr: "10.0.0.0/16".into(), tags: tags("vpc-production-pr1") };
        let have = Have {
            vpcs: vec![vpc("vpc-2"), vpc("vpc-1")],
            gateways: vec![gateway("igw-1"), gateway("igw-2")],
            ..Have::default()
        };
        let keys: Vec<_> = records(&env(), &have).iter().map(|r| format!("{} {}", r.kind(), r.name())).collect();
        assert_eq!(
            keys,
            ["env production-pr1", "vpc main", "vpc vpc-2", "internet_gateway main", "internet_gateway igw-2"]
        );
    }

    #[test]
    fn a_part_is_read_back_from_its_name() {
        assert_eq!(part(&tags("subnet-public-a-production-pr1"), "subnet", &env()), "public-a");
        assert_eq!(part(&tags("igw-production-pr1"), "igw", &env()), "main");
        assert_eq!(part(&tags("renamed"), "igw", &env()), "renamed");
    }
}
