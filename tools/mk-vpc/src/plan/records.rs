//! The network as records, and what its parts are called. Pure.

use plumbing::name::{IDENTITY, LONG_LIMIT};
use plumbing::{Change, Difference, Egress, Env, Record, Vpc};

use super::*;

/// What a resource is called within its kind, from its `Name` tag: `public-a` of
/// `subnet-public-a-production-pr123`; `main` of `vpc-production-pr123`.
pub fn part(tags: &Tags, kind: &str, env: &Env) -> String {
    let name = tags.get("Name").map(String::as_str).unwrap_or_default();
    let middle = name
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_suffix(&env.name));
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
pub fn vpc_record(
    id: &str,
    cidr: &str,
    public: Vec<String>,
    private: Vec<String>,
    change: Option<Change>,
) -> Record {
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

/// What is done about differences, or in a dry run would be.
pub fn change(differences: &[Difference], dry_run: bool) -> Change {
    if differences.is_empty() {
        Change::Kept
    } else if dry_run {
        Change::Update
    } else {
        Change::Updated
    }
}

/// The mark that the private subnets reach the internet.
pub fn egress_record(nat: Nat) -> Record {
    let by = if nat == Nat::PerZone {
        "nat"
    } else {
        "nat-single"
    };
    Record::of(&Egress {
        name: "main".into(),
        by: by.into(),
        ..Egress::default()
    })
}

/// What is there, as records: what `ls-env` prints and `rm-env` deletes.
pub fn records(env: &Env, have: &Have) -> Vec<Record> {
    let mut records = Vec::new();
    let side = |side: &str| {
        let mut subnets: Vec<&Subnet> = have
            .subnets
            .iter()
            .filter(|s| part(&s.tags, "subnet", env).starts_with(side))
            .collect();
        subnets.sort_by_key(|subnet| &subnet.zone);
        subnets
            .iter()
            .map(|subnet| subnet.id.clone())
            .collect::<Vec<_>>()
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
        records.push(vpc_record(
            &vpc.id,
            &vpc.cidr,
            side("public"),
            side("private"),
            None,
        ));
    }
    // What a run that was cut off or lost a race left twice is called by its ID.
    let twice = have
        .vpcs
        .iter()
        .filter(|vpc| elected.is_none_or(|first| first.id != vpc.id));
    records.extend(twice.map(|vpc| {
        Record::of(&Vpc {
            name: vpc.id.clone(),
            id: vpc.id.clone(),
            cidr: vpc.cidr.clone(),
            ..Vpc::default()
        })
    }));
    for (kind, tag, id, tags) in parts(have) {
        let name = part(tags, tag, env);
        let taken = records
            .iter()
            .any(|record| record.kind() == kind && record.name() == name);
        records.push(part_record(kind, if taken { id } else { &name }, id));
    }
    let works = |table: &&Table| {
        let out = table.default_route.as_ref();
        out.is_some_and(|out| {
            have.nats
                .iter()
                .any(|nat| nat.id == *out && nat.state == "available")
        })
    };
    let private = have
        .tables
        .iter()
        .filter(|table| part(&table.tags, "rtb", env).starts_with("private"));
    let (ready, missing): (Vec<&Table>, Vec<&Table>) = private.partition(works);
    if !ready.is_empty() && missing.is_empty() {
        let single = have
            .nats
            .iter()
            .filter(|nat| nat.state == "available")
            .count()
            == 1;
        records.push(egress_record(if single {
            Nat::Single
        } else {
            Nat::PerZone
        }));
    }
    records
}

/// Every part but the VPC: its record's type, its name's kind, its ID and tags.
fn parts(have: &Have) -> impl Iterator<Item = (&'static str, &'static str, &str, &Tags)> {
    let gateways = have
        .gateways
        .iter()
        .map(|g| ("internet_gateway", "igw", g.id.as_str(), &g.tags));
    let subnets = have
        .subnets
        .iter()
        .map(|s| ("subnet", "subnet", s.id.as_str(), &s.tags));
    let tables = have
        .tables
        .iter()
        .map(|t| ("route_table", "rtb", t.id.as_str(), &t.tags));
    let addresses = have
        .addresses
        .iter()
        .map(|a| ("elastic_ip", "eip", a.id.as_str(), &a.tags));
    let nats = have
        .nats
        .iter()
        .filter(|n| !matches!(n.state.as_str(), "deleting" | "deleted"))
        .map(|n| ("nat_gateway", "nat", n.id.as_str(), &n.tags));
    gateways
        .chain(subnets)
        .chain(tables)
        .chain(addresses)
        .chain(nats)
}

/// What a run would do, as records with the IDs that are known and `planned:` for the others.
pub fn dry_run(env: &Env, layout: &Layout, have: &Have) -> Vec<Record> {
    let step = |there: Option<(&str, &Tags)>, name: &str, more: Vec<Difference>| match there {
        Some((id, tags)) => {
            let differences: Vec<_> = tag_differences(env, name, tags)
                .into_iter()
                .chain(more)
                .collect();
            (id.to_string(), change(&differences, true), differences)
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
    let detached = way_in
        .and_then(|gateway| attachment_difference(gateway, &vpc_id))
        .into_iter()
        .collect();
    let way_in = told(
        "internet_gateway",
        "igw",
        "",
        way_in.map(|g| (g.id.as_str(), &g.tags)),
        detached,
    );
    for exit in exits(env, layout, have, &way_in) {
        let there = table(env, &have.tables, &exit);
        let more = there.map_or_else(Vec::new, |table| exit_differences(have, table, &exit));
        told(
            "route_table",
            "rtb",
            &exit.part,
            there.map(|table| (table.id.as_str(), &table.tags)),
            more,
        );
    }
    let (mut public, mut private) = (Vec::new(), Vec::new());
    for zone in &layout.zones {
        let letter = &zone.letter;
        let mut subnet = |side: &str, cidr: &str| {
            let there = have
                .subnets
                .iter()
                .find(|subnet| subnet.cidr == cidr)
                .map(|s| (s.id.as_str(), &s.tags));
            told(
                "subnet",
                "subnet",
                &format!("{side}-{letter}"),
                there,
                Vec::new(),
            )
        };
        public.push(subnet("public", &zone.public));
        private.push(subnet("private", &zone.private));
        if zone.nat {
            let nat = nat_of(have, zone);
            let part = format!("nat-{letter}");
            let address = address(&have.addresses, &name(env, "eip", &part), nat);
            told(
                "elastic_ip",
                "eip",
                &part,
                address.map(|a| (a.id.as_str(), &a.tags)),
                Vec::new(),
            );
            told(
                "nat_gateway",
                "nat",
                letter,
                nat.map(|nat| (nat.id.as_str(), &nat.tags)),
                Vec::new(),
            );
        }
    }
    let (id, change, differences) = step(
        vpc.map(|vpc| (vpc.id.as_str(), &vpc.tags)),
        &name(env, "vpc", ""),
        vpc_differences(have),
    );
    let vpc = vpc_record(&id, &layout.cidr, public, private, None).changed(change, &differences);
    [vpc]
        .into_iter()
        .chain(parts)
        .chain([egress_record(layout.nat)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{env, tags, want, zones};
    use super::*;

    #[test]
    fn a_dry_run_on_nothing_creates_everything_with_planned_ids() {
        let layout = layout(&env(), &want(), &Have::default(), &zones()).unwrap();
        let records = dry_run(&env(), &layout, &Have::default());
        assert_eq!(
            records
                .iter()
                .filter(|r| r.text("change") == "create")
                .count(),
            records.len() - 1
        );
        let vpc: Vpc = records[0].typed().unwrap();
        assert_eq!(
            vpc.private_subnets,
            [
                "planned:subnet-private-a-production-pr1",
                "planned:subnet-private-b-production-pr1"
            ]
        );
    }

    #[test]
    fn what_is_there_twice_has_two_records() {
        let gateway = |id: &str| Gateway {
            id: id.into(),
            vpc: None,
            tags: tags("igw-production-pr1"),
        };
        let vpc = |id: &str| Network {
            id: id.into(),
            cidr: "10.0.0.0/16".into(),
            tags: tags("vpc-production-pr1"),
        };
        let have = Have {
            vpcs: vec![vpc("vpc-2"), vpc("vpc-1")],
            gateways: vec![gateway("igw-1"), gateway("igw-2")],
            ..Have::default()
        };
        let keys: Vec<_> = records(&env(), &have)
            .iter()
            .map(|r| format!("{} {}", r.kind(), r.name()))
            .collect();
        assert_eq!(
            keys,
            [
                "env production-pr1",
                "vpc main",
                "vpc vpc-2",
                "internet_gateway main",
                "internet_gateway igw-2"
            ]
        );
    }

    #[test]
    fn a_part_is_read_back_from_its_name() {
        assert_eq!(
            part(&tags("subnet-public-a-production-pr1"), "subnet", &env()),
            "public-a"
        );
        assert_eq!(part(&tags("igw-production-pr1"), "igw", &env()), "main");
        assert_eq!(part(&tags("renamed"), "igw", &env()), "renamed");
    }
}
