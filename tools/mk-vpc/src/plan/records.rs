//! The network as records. Pure.

use std::collections::BTreeSet;

use plumbing::name::IDENTITY;
use plumbing::step::without_parts;
use plumbing::{Change, Differences, Egress, Env, Record};
use serde_json::{Map, Value};

use super::compare::Part;
use super::elect::MADE;
use super::{Have, LEFT, Name, NatMode, ResourceType, Side, Subnet, Tags, Vpc, elect, side};

/// The type of the records of what GuardDuty put into the VPC.
pub const GUARD_DUTY: &str = "guardduty";

/// The subnets that a VPC's record names, by their IDs.
#[derive(Default)]
pub struct Subnets {
    zones: Vec<String>,
    public: Vec<String>,
    private: Vec<String>,
    left: Vec<String>,
}

impl Subnets {
    /// Those of zones that the network leaves; those of the zones that it is in follow.
    pub fn left(left: &[&Subnet]) -> Subnets {
        Subnets {
            left: left.iter().map(|subnet| subnet.id.clone()).collect(),
            ..Subnets::default()
        }
    }

    /// Adds the public and the private subnet of a zone.
    pub fn add(&mut self, zone: &str, [public, private]: [&str; 2]) {
        self.zones.push(zone.into());
        self.public.push(public.into());
        self.private.push(private.into());
    }
}

/// The VPC's record.
pub fn vpc(id: &str, cidr: &str, subnets: Subnets) -> Record {
    Record::of(&plumbing::Vpc {
        name: "main".into(),
        id: id.into(),
        cidr: cidr.into(),
        public_subnets: subnets.public,
        private_subnets: subnets.private,
        zones: subnets.zones,
        left_subnets: subnets.left,
        ..plumbing::Vpc::default()
    })
}

/// The mark that the private subnets reach the internet.
pub fn egress(nat: NatMode) -> Record {
    let by = match nat {
        NatMode::PerZone => "nat",
        NatMode::Single => "nat-single",
    };
    Record::of(&Egress {
        name: "main".into(),
        by: by.into(),
        ..Egress::default()
    })
}

/// The record of a resource that was found, with what is done about its differences; in a dry run,
/// what would be.
pub fn found(record: Record, differences: Differences<Part>, dry_run: bool) -> Record {
    let change = if differences.is_empty() {
        Change::Kept
    } else if dry_run {
        Change::Update
    } else {
        Change::Updated
    };
    record.changed(change, &without_parts(differences))
}

/// What is there, as records: what `ls-env` prints and `rm-env` deletes.
pub fn network(env: &Env, have: &Have) -> Vec<Record> {
    let mut records = Vec::new();
    let elected = elect::vpc(&have.vpcs);
    if let Some(elected) = elected {
        records.push(env_record(env, elected, have));
        records.push(vpc(&elected.id, &elected.cidr, subnets(have)));
    }
    // What a run that was cut off or lost a race left twice is called by its ID.
    for other in &have.vpcs {
        if elected.is_some_and(|elected| elected.id != other.id) {
            records.push(other_vpc(other));
        }
    }
    for (resource_type, id, tags) in resources_but_vpcs(have) {
        let mut name = Name::of(resource_type, id, tags, env);
        let key = name.record(id).key();
        if records.iter().any(|record| record.key() == key) {
            name.part = id.into();
        }
        records.push(name.record(id));
    }
    let endpoints = have.other_endpoints.iter();
    for endpoint in endpoints.filter(|endpoint| endpoint.is_of_guard_duty) {
        records.push(guard_duty(&endpoint.id));
    }
    records.extend(egress_that_works(have));
    records
}

/// The environment's record, with the tags that the environment was made with: those that most of
/// its network carries, since a person may have taken one away here or changed it there. Where they
/// are even, the VPC's count.
fn env_record(env: &Env, elected: &Vpc, have: &Have) -> Record {
    let mut all = vec![&elected.tags];
    for (_, _, tags) in resources_but_vpcs(have) {
        all.push(tags);
    }
    let mut own = Map::new();
    for (key, value) in all.iter().copied().flatten() {
        if ["Name", MADE, IDENTITY, LEFT].contains(&key.as_str()) {
            continue;
        }
        let carriers = all.iter().filter(|tags| tags.get(key) == Some(value));
        let twice = 2 * carriers.count();
        let is_even = twice == all.len() && elected.tags.get(key) == Some(value);
        if twice > all.len() || is_even {
            own.insert(key.clone(), Value::from(value.as_str()));
        }
    }
    Record::new("env", &env.name).with("tags", own)
}

/// The record of a VPC that is not the elected one: it is called by its ID.
pub fn other_vpc(vpc: &Vpc) -> Record {
    Record::of(&plumbing::Vpc {
        name: vpc.id.clone(),
        id: vpc.id.clone(),
        cidr: vpc.cidr.clone(),
        ..plumbing::Vpc::default()
    })
}

/// The subnets that there are, zone by zone.
fn subnets(have: &Have) -> Subnets {
    let mut sorted: Vec<&Subnet> = have.subnets.iter().collect();
    sorted.sort_by_key(|subnet| &subnet.zone);
    let mut subnets = Subnets::default();
    for subnet in sorted {
        let Some(side) = side_of(subnet, have) else {
            continue;
        };
        let of_side = match side {
            _ if subnet.is_left() => &mut subnets.left,
            Side::Public => &mut subnets.public,
            Side::Private => &mut subnets.private,
        };
        of_side.push(subnet.id.clone());
        if !subnet.is_left() && !subnets.zones.contains(&subnet.zone) {
            subnets.zones.push(subnet.zone.clone());
        }
    }
    subnets
}

/// The record of what GuardDuty put into the VPC by itself: an endpoint, or its security group.
pub fn guard_duty(id: &str) -> Record {
    Record::new(GUARD_DUTY, id).with("id", id)
}

/// The VPC's record as it may have been when more of its subnets were in use, or none was left.
pub fn vpc_with_all(have: &Have) -> Option<Record> {
    let elected = elect::vpc(&have.vpcs)?;
    let mut all = Subnets::default();
    for subnet in &have.subnets {
        match side_of(subnet, have) {
            Some(Side::Public) => all.public.push(subnet.id.clone()),
            Some(Side::Private) => all.private.push(subnet.id.clone()),
            None => continue,
        }
        all.left.push(subnet.id.clone());
        all.zones.push(subnet.zone.clone());
    }
    Some(vpc(&elected.id, &elected.cidr, all))
}

/// The side of a subnet of ours.
fn side_of(subnet: &Subnet, have: &Have) -> Option<Side> {
    side(&elect::vpc(&have.vpcs)?.cidr, &subnet.cidr)
}

/// Every resource but the VPCs, with its ID and its tags. Of those with one name, the one in use comes
/// first.
pub fn resources_but_vpcs(have: &Have) -> Vec<(ResourceType, &str, &Tags)> {
    let mut resources = Vec::new();
    let mut gateways: Vec<_> = have.internet_gateways.iter().collect();
    gateways.sort_by_key(|gateway| gateway.vpc.is_none());
    for gateway in gateways {
        resources.push((
            ResourceType::InternetGateway,
            gateway.id.as_str(),
            &gateway.tags,
        ));
    }
    for subnet in &have.subnets {
        resources.push((ResourceType::Subnet, &subnet.id, &subnet.tags));
    }
    for table in &have.route_tables {
        resources.push((ResourceType::RouteTable, &table.id, &table.tags));
    }
    let mut addresses: Vec<_> = have.addresses.iter().collect();
    addresses.sort_by_key(|address| !address.used);
    for address in addresses {
        resources.push((ResourceType::ElasticIp, &address.id, &address.tags));
    }
    let mut nats: Vec<_> = have.nat_gateways.iter().collect();
    nats.sort_by_key(|nat| !nat.is_usable());
    for nat in nats {
        if nat.state != "deleting" && nat.state != "deleted" {
            resources.push((ResourceType::NatGateway, &nat.id, &nat.tags));
        }
    }
    resources
}

/// The mark of the way out, if each private subnet that the network does not leave is routed to a NAT
/// gateway that works, or by a table of somebody else's.
fn egress_that_works(have: &Have) -> Option<Record> {
    let mut nats = BTreeSet::new();
    for subnet in &have.subnets {
        if subnet.is_left() || side_of(subnet, have) != Some(Side::Private) {
            continue;
        }
        let table = have.route_table_of(&subnet.id)?;
        if have.route_tables.iter().all(|ours| ours.id != table.id) {
            continue;
        }
        let route = table.default_route.as_ref()?;
        let mut working = have.nat_gateways.iter().filter(|nat| nat.is_available());
        nats.insert(&working.find(|nat| nat.id == *route)?.id);
    }
    match nats.len() {
        0 => None,
        1 => Some(egress(NatMode::Single)),
        _ => Some(egress(NatMode::PerZone)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::InternetGateway;
    use super::super::have::tests::tags;
    use super::*;

    fn gateway(id: &str) -> InternetGateway {
        InternetGateway {
            id: id.into(),
            vpc: None,
            tags: tags("igw-production-pr1"),
        }
    }

    fn vpc(id: &str) -> Vpc {
        Vpc {
            id: id.into(),
            cidr: "10.0.0.0/16".into(),
            tags: tags("vpc-production-pr1"),
            ..Vpc::default()
        }
    }

    #[test]
    fn what_the_network_leaves_is_told_apart_and_may_have_been_in_use() {
        let subnet = |zone: &str, cidr: &str, is_left: bool| {
            let mut subnet = Subnet {
                id: format!("subnet-{cidr}"),
                cidr: cidr.into(),
                zone: zone.into(),
                ..Subnet::default()
            };
            if is_left {
                subnet.tags.insert(LEFT.into(), "true".into());
            }
            subnet
        };
        let have = Have {
            vpcs: vec![vpc("vpc-1")],
            subnets: vec![
                subnet("us-east-1a", "10.0.0.0/20", true),
                subnet("us-east-1b", "10.0.16.0/20", false),
                subnet("us-east-1a", "10.0.128.0/20", true),
                subnet("us-east-1b", "10.0.144.0/20", false),
            ],
            ..Have::default()
        };
        let records = network(&Env::example(), &have);
        let told: plumbing::Vpc = records[1].typed().unwrap();
        assert_eq!(told.zones, ["us-east-1b"]);
        assert_eq!(told.private_subnets, ["subnet-10.0.144.0/20"]);
        assert_eq!(
            told.left_subnets,
            ["subnet-10.0.0.0/20", "subnet-10.0.128.0/20"]
        );
        let all: plumbing::Vpc = vpc_with_all(&have).unwrap().typed().unwrap();
        assert_eq!(all.private_subnets.len() + all.public_subnets.len(), 4);
    }

    #[test]
    fn what_is_there_twice_has_two_records() {
        let have = Have {
            vpcs: vec![vpc("vpc-2"), vpc("vpc-1")],
            internet_gateways: vec![gateway("igw-1"), gateway("igw-2")],
            ..Have::default()
        };
        let mut keys = Vec::new();
        for record in network(&Env::example(), &have) {
            keys.push(format!("{} {}", record.kind(), record.name()));
        }
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
}
