//! The network as records. Pure.

use plumbing::name::IDENTITY;
use plumbing::step::without_parts;
use plumbing::{Change, Differences, Egress, Env, Record};
use serde_json::{Map, Value};

use super::compare::Part;
use super::elect::MADE;
use super::{Have, Name, NatMode, ResourceType, RouteTable, Side, Subnet, Tags, Vpc, elect, side};

/// The VPC's record.
pub fn vpc(id: &str, cidr: &str, public: Vec<String>, private: Vec<String>) -> Record {
    Record::of(&plumbing::Vpc {
        name: "main".into(),
        id: id.into(),
        cidr: cidr.into(),
        public_subnets: public,
        private_subnets: private,
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
        let public = subnets_of_side(Side::Public, have);
        let private = subnets_of_side(Side::Private, have);
        records.push(env_record(env, elected, have));
        records.push(vpc(&elected.id, &elected.cidr, public, private));
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
    records.extend(egress_that_works(env, have));
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
        if key == "Name" || key == MADE || key == IDENTITY {
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

/// The IDs of the public subnets, or of the private ones, in the order of their zones.
fn subnets_of_side(wanted: Side, have: &Have) -> Vec<String> {
    let mut of_side = Vec::new();
    for subnet in &have.subnets {
        if side_of(subnet, have) == Some(wanted) {
            of_side.push((&subnet.zone, &subnet.id));
        }
    }
    of_side.sort_by_key(|(zone, _)| *zone);
    of_side.into_iter().map(|(_, id)| id.clone()).collect()
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

/// The mark of the way out, if all private route tables lead to NAT gateways that work.
fn egress_that_works(env: &Env, have: &Have) -> Option<Record> {
    let mut has_private = false;
    for table in &have.route_tables {
        if is_private(table, env, have) {
            has_private = true;
            if !has_working_route(table, have) {
                return None;
            }
        }
    }
    if !has_private {
        return None;
    }
    let nats = have.nat_gateways.iter();
    match nats.filter(|nat| nat.is_available()).count() {
        1 => Some(egress(NatMode::Single)),
        _ => Some(egress(NatMode::PerZone)),
    }
}

/// Whether a table is of private subnets: by its name, or where that tag is gone by who uses it.
fn is_private(table: &RouteTable, env: &Env, have: &Have) -> bool {
    let name = Name::of(ResourceType::RouteTable, &table.id, &table.tags, env);
    if name.part.starts_with("private") {
        return true;
    }
    let has_name = name.part != table.id;
    let mut users = have
        .subnets
        .iter()
        .filter(|subnet| table.association(&subnet.id).is_some());
    !has_name && users.any(|subnet| side_of(subnet, have) == Some(Side::Private))
}

fn has_working_route(table: &RouteTable, have: &Have) -> bool {
    let Some(route) = &table.default_route else {
        return false;
    };
    let mut nats = have.nat_gateways.iter();
    nats.any(|nat| nat.id == *route && nat.is_available())
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
