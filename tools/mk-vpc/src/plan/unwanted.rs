//! What carries the environment's tags and is no part of its network: what a run that was cut off left,
//! what an option needs no more, and what somebody copied the tags onto. Pure.

use plumbing::{Env, Unwanted};

use super::records::{other_vpc, resources_but_vpcs};
use super::{Have, Layout, Name, ResourceType, Tags, elect, find_route_table, wanted_route_tables};

/// What is no part of the network. What a run at the same time made may be among it, and is left out:
/// that run deletes it or uses it.
pub fn unwanted(env: &Env, layout: &Layout, have: &Have) -> Vec<Unwanted> {
    let mut wanted = Wanted::of(env, layout, have);
    let mut unwanted = Vec::new();
    for vpc in &have.vpcs {
        let is_wanted = wanted.ids.contains(&vpc.id);
        if !is_wanted && !is_of_another_run(ResourceType::Vpc, &vpc.id, &vpc.tags, env, have) {
            unwanted.push(Unwanted::of(other_vpc(vpc)));
        }
    }
    for (resource_type, id, tags) in resources_but_vpcs(have) {
        let is_wanted = wanted.ids.iter().any(|wanted| wanted == id);
        if is_wanted || is_of_another_run(resource_type, id, tags, env, have) {
            continue;
        }
        let mut name = Name::of(resource_type, id, tags, env);
        if wanted.names.contains(&name) {
            name.part = id.into();
        }
        wanted.names.push(name.clone());
        unwanted.push(Unwanted::of(name.record(id)));
    }
    unwanted
}

/// Whether a run that is at work may have made something and be about to delete it. What was copied
/// from another resource says that it was made with that.
fn is_of_another_run(
    resource_type: ResourceType,
    id: &str,
    tags: &Tags,
    env: &Env,
    have: &Have,
) -> bool {
    if have.is_in_use(id) || !elect::is_young(tags, have.found_at) {
        return false;
    }
    let is_named = Name::of(resource_type, "", tags, env).is_tag_of(tags, env);
    let vpcs = have.vpcs.iter().map(|vpc| &vpc.tags);
    let others = resources_but_vpcs(have).into_iter();
    let all = vpcs.chain(others.map(|(_, _, tags)| tags));
    let of_one_call = all.filter(|other| elect::are_of_one_call(tags, other));
    is_named && of_one_call.count() == 1
}

/// What is a part of the network.
struct Wanted {
    ids: Vec<String>,
    /// The names that are taken.
    names: Vec<Name>,
}

impl Wanted {
    fn of(env: &Env, layout: &Layout, have: &Have) -> Wanted {
        let mut wanted = Wanted {
            ids: Vec::new(),
            names: Vec::new(),
        };
        let vpc = elect::vpc(&have.vpcs).map(|vpc| vpc.id.as_str());
        wanted.add(Name::main(ResourceType::Vpc), vpc);
        let gateways = &have.internet_gateways;
        let gateway = elect::internet_gateway(gateways, vpc.unwrap_or_default());
        let gateway = gateway.map(|gateway| gateway.id.as_str());
        wanted.add(Name::main(ResourceType::InternetGateway), gateway);
        for table in wanted_route_tables(env, layout, have, gateway.unwrap_or_default()) {
            let found = find_route_table(env, &have.route_tables, &table);
            wanted.add(table.name, found.map(|table| table.id.as_str()));
        }
        for zone in &layout.zones {
            for (name, cidr) in [
                (zone.public_name(), &zone.public),
                (zone.private_name(), &zone.private),
            ] {
                let subnet = have.subnet(cidr);
                wanted.add(name, subnet.map(|subnet| subnet.id.as_str()));
            }
            if zone.has_nat {
                let nat = zone.nat_gateway(have);
                let name = zone.address_name();
                let address = elect::address(&have.addresses, &name.tag(env), nat);
                wanted.add(name, address.map(|address| address.id.as_str()));
                wanted.add(zone.nat_gateway_name(), nat.map(|nat| nat.id.as_str()));
                // Where it has another address than the elected one, it keeps that.
                wanted.ids.extend(nat.map(|nat| nat.address.clone()));
            }
        }
        wanted
    }

    /// Adds a resource, also where it is yet to be made.
    fn add(&mut self, name: Name, id: Option<&str>) {
        self.names.push(name);
        self.ids.extend(id.map(String::from));
    }
}

#[cfg(test)]
mod tests {
    use super::super::elect::MADE;
    use super::super::have::tests::tags;
    use super::super::tests::{want, zones};
    use super::super::{Address, InternetGateway, NatGateway, NatMode, Subnet, Vpc, Want, layout};
    use super::*;

    const NOW: u64 = 1_000_000_000_000;

    fn made_at(name: &str, made: u64) -> Tags {
        let mut tags = tags(name);
        tags.insert(MADE.into(), made.to_string());
        tags
    }

    fn address(id: &str, tags: Tags) -> Address {
        Address {
            id: id.into(),
            used: false,
            tags,
        }
    }

    /// A network with a NAT gateway in each of two zones.
    fn network() -> Have {
        let mut have = Have {
            found_at: NOW,
            vpcs: vec![Vpc {
                id: "vpc-1".into(),
                cidr: "10.0.0.0/16".into(),
                tags: made_at("vpc-production-pr1", 1),
                ..Vpc::default()
            }],
            internet_gateways: vec![InternetGateway {
                id: "igw-1".into(),
                vpc: Some("vpc-1".into()),
                tags: made_at("igw-production-pr1", 2),
            }],
            ..Have::default()
        };
        for zone in layout(&Env::example(), &want(), &Have::default(), &zones())
            .unwrap()
            .zones
        {
            let letter = &zone.letter;
            have.subnets.push(Subnet {
                id: format!("subnet-{letter}"),
                cidr: zone.public.clone(),
                zone: zone.name.clone(),
                tags: tags(&zone.public_name().tag(&Env::example())),
                ..Subnet::default()
            });
            let name = zone.address_name().tag(&Env::example());
            let mut of_zone = address(&format!("eipalloc-{letter}"), made_at(&name, 3));
            of_zone.used = true;
            have.addresses.push(of_zone);
            have.nat_gateways.push(NatGateway {
                id: format!("nat-{letter}"),
                subnet: format!("subnet-{letter}"),
                address: format!("eipalloc-{letter}"),
                state: "available".into(),
                tags: tags(&zone.nat_gateway_name().tag(&Env::example())),
                ..NatGateway::default()
            });
        }
        have
    }

    fn names(want: &Want, have: &Have) -> Vec<String> {
        let env = Env::example();
        let layout = layout(&env, want, have, &zones()).unwrap();
        let unwanted = unwanted(&env, &layout, have).into_iter();
        unwanted.map(|one| one.name).collect()
    }

    #[test]
    fn nothing_of_a_network_as_it_is_to_be_is_unwanted() {
        assert_eq!(names(&want(), &network()), Vec::<String>::new());
    }

    #[test]
    fn a_nat_gateway_where_there_is_to_be_none_is_unwanted_with_its_address() {
        let single = Want {
            nat: NatMode::Single,
            ..want()
        };
        assert_eq!(
            names(&single, &network()),
            ["elastic_ip/nat-b", "nat_gateway/b"]
        );
        let mut just_made = network();
        just_made.found_at = 4;
        assert_eq!(
            names(&single, &just_made),
            ["elastic_ip/nat-b", "nat_gateway/b"]
        );
    }

    #[test]
    fn what_carries_copied_tags_is_unwanted_under_its_id() {
        let mut have = network();
        let copy = have.vpcs[0].clone();
        have.vpcs[0].is_used = true;
        have.vpcs.push(Vpc {
            id: "vpc-0".into(),
            ..copy
        });
        let mut gateway = have.internet_gateways[0].clone();
        gateway.id = "igw-0".into();
        gateway.vpc = None;
        have.internet_gateways.push(gateway);
        let copied = have.addresses[0].tags.clone();
        have.addresses.push(address("eipalloc-0", copied));
        let of_the_vpc = have.vpcs[0].tags.clone();
        have.addresses.push(address("eipalloc-1", of_the_vpc));
        have.subnets.push(Subnet {
            id: "subnet-0".into(),
            cidr: "10.0.255.0/24".into(),
            tags: Tags::new(),
            ..Subnet::default()
        });
        assert_eq!(
            names(&want(), &have),
            [
                "vpc/vpc-0",
                "internet_gateway/igw-0",
                "subnet/subnet-0",
                "elastic_ip/eipalloc-0",
                "elastic_ip/vpc-production-pr1"
            ]
        );
    }

    #[test]
    fn what_another_run_may_just_have_made_is_left_to_that_run() {
        let name = "eip-nat-a-production-pr1";
        let mut have = network();
        have.addresses
            .push(address("eipalloc-0", made_at(name, NOW - 1)));
        assert_eq!(names(&want(), &have), Vec::<String>::new());
        // A copy of the one in use says when that was made.
        have.addresses[0].tags = made_at(name, NOW - 2);
        have.addresses
            .push(address("eipalloc-1", made_at(name, NOW - 2)));
        assert_eq!(names(&want(), &have), ["elastic_ip/eipalloc-1"]);
    }
}
