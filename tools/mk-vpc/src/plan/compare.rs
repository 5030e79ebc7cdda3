//! In what existing resources differ from what is wanted. Pure.

use plumbing::name::IDENTITY;
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env};

use super::{
    Have, InternetGateway, Name, ResourceType, RouteTable, Subnet, Tags, VpcDefault,
    WantedRouteTable,
};

/// What one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The tags of a resource.
    Tags,
    /// Whether a VPC resolves names.
    DnsSupport,
    /// Whether a VPC gives its interfaces DNS names.
    DnsHostnames,
    /// The rules of a VPC's default security group.
    DefaultGroup,
    /// The tags of what AWS made with a VPC.
    VpcDefaults,
    /// Whether what starts in a subnet gets a public address.
    PublicAddresses,
    /// Whether the network leaves a subnet's zone.
    Left,
    /// Which VPC an internet gateway is attached to.
    Attachment,
    /// Where a route table sends 0.0.0.0/0.
    DefaultRoute,
    /// Which route table a subnet uses.
    Association,
}

/// The VPC: its tags, and what AWS made with it.
pub fn vpc(env: &Env, name: &Name, tags: &Tags, have: &Have) -> Differences<Part> {
    let group = have.default_group.clone().unwrap_or_default();
    let support = Difference::between("dns support", have.dns_support, true);
    let hostnames = Difference::between("dns hostnames", have.dns_hostnames, true);
    let ingress = Difference::between("default group admits", group.ingress, false);
    let egress = Difference::between("default group lets out", group.egress, false);
    let mut differences = self::tags(env, name, tags);
    differences.extend(in_part(Part::DnsSupport, support));
    differences.extend(in_part(Part::DnsHostnames, hostnames));
    differences.extend(in_part(Part::DefaultGroup, ingress));
    differences.extend(in_part(Part::DefaultGroup, egress));
    for default in &have.vpc_defaults {
        let of_tags = vpc_default(env, default);
        differences.extend(in_part(Part::VpcDefaults, of_tags));
    }
    differences
}

/// The tags of one thing that AWS made with a VPC, in one difference: it has no record of its own.
fn vpc_default(env: &Env, default: &VpcDefault) -> Option<Difference> {
    let mut old = Vec::new();
    let mut new = Vec::new();
    for (key, value) in vpc_default_tags(env) {
        let found = default.tags.get(&key);
        if found != Some(&value) {
            old.extend(found.map(|found| format!("{key}={found}")));
            new.push(format!("{key}={value}"));
        }
    }
    let field = format!("tags of the {}", default.what);
    Difference::between(&field, old.join(" "), new.join(" "))
}

/// The tags of what AWS made with a VPC: without the identity, since it is AWS's to delete.
pub fn vpc_default_tags(env: &Env) -> Vec<(String, String)> {
    let mut tags = env.tags_of(&Name::main(ResourceType::Vpc).tag(env));
    tags.retain(|(key, _)| key != IDENTITY);
    tags
}

/// A subnet of a zone that is wanted: its tags, that nothing in it gets a public address by itself, and
/// that it is not one that the network leaves.
pub fn subnet(env: &Env, name: &Name, subnet: &Subnet) -> Differences<Part> {
    let gives = subnet.gives_public_addresses;
    let addresses = Difference::between("public addresses", gives, false);
    let left = Difference::between("left", subnet.is_left(), false);
    let mut differences = tags(env, name, &subnet.tags);
    differences.extend(in_part(Part::PublicAddresses, addresses));
    differences.extend(in_part(Part::Left, left));
    differences
}

/// An internet gateway: its tags, and the VPC it is attached to.
pub fn internet_gateway(
    env: &Env,
    name: &Name,
    gateway: &InternetGateway,
    vpc: &str,
) -> Differences<Part> {
    let attached = gateway.vpc.as_deref().unwrap_or("none");
    let attachment = Difference::between("attached to", attached, vpc);
    let mut differences = tags(env, name, &gateway.tags);
    differences.extend(in_part(Part::Attachment, attachment));
    differences
}

/// A route table: its tags, its default route, and the subnets that are to use it.
pub fn route_table(
    env: &Env,
    want: &WantedRouteTable,
    table: &RouteTable,
    have: &Have,
) -> Differences<Part> {
    let route = table.default_route.as_deref().unwrap_or("none");
    let route = Difference::between("default route", route, &want.default_route);
    let mut differences = tags(env, &want.name, &table.tags);
    differences.extend(in_part(Part::DefaultRoute, route));
    for subnet in &want.subnets {
        let used = match have.route_table_of(subnet) {
            Some(used) => &used.id,
            None => "the main one",
        };
        let association = Difference::between(&format!("table of {subnet}"), used, &table.id);
        differences.extend(in_part(Part::Association, association));
    }
    differences
}

/// A resource of which nothing but its tags can differ.
pub fn tags(env: &Env, name: &Name, tags: &Tags) -> Differences<Part> {
    let differences = Difference::of_tags(tags, &env.tags_of(&name.tag(env)));
    in_part(Part::Tags, differences).collect()
}

#[cfg(test)]
mod tests {
    use super::super::have::tests::tags;
    use super::super::tests::{want, zones};
    use super::super::{Association, DefaultGroup, find_route_table, layout, wanted_route_tables};
    use super::*;

    fn subnet(id: &str, cidr: &str) -> Subnet {
        Subnet {
            id: id.into(),
            cidr: cidr.into(),
            ..Subnet::default()
        }
    }

    fn renamed_table(id: &str, default_route: Option<&str>, used_by: &str) -> RouteTable {
        RouteTable {
            id: id.into(),
            default_route: default_route.map(String::from),
            associations: vec![Association {
                id: "rtbassoc-1".into(),
                subnet: used_by.into(),
            }],
            tags: tags("renamed"),
            ..RouteTable::default()
        }
    }

    /// What differs but the tags.
    fn besides_tags(differences: Differences<Part>) -> Vec<String> {
        let mut texts = Vec::new();
        for (part, difference) in differences {
            if part != Part::Tags {
                texts.push(format!("{part:?}: {difference}"));
            }
        }
        texts
    }

    #[test]
    fn a_route_and_an_association_that_went_are_differences() {
        let env = Env::example();
        let layout = layout(&env, &want(), &Have::default(), &zones()).unwrap();
        let have = Have {
            subnets: vec![
                subnet("subnet-1", "10.0.0.0/20"),
                subnet("subnet-2", "10.0.128.0/20"),
            ],
            route_tables: vec![
                renamed_table("rtb-1", Some("igw-1"), "subnet-1"),
                renamed_table("rtb-2", None, "subnet-1"),
            ],
            ..Have::default()
        };
        let tables = &have.route_tables;
        let [public, private, _] = &wanted_route_tables(&env, &layout, &have, "igw-1")[..] else {
            panic!()
        };
        assert_eq!(find_route_table(&env, tables, public).unwrap().id, "rtb-1");
        assert_eq!(
            besides_tags(route_table(&env, public, &tables[0], &have)),
            Vec::<String>::new()
        );
        assert_eq!(
            besides_tags(route_table(&env, private, &tables[1], &have)),
            [
                "DefaultRoute: default route: none -> nat-a-production-pr1",
                "Association: table of subnet-2: the main one -> rtb-2"
            ]
        );
    }

    #[test]
    fn what_aws_makes_with_a_vpc_differs() {
        let have = Have {
            dns_support: true,
            default_group: Some(DefaultGroup {
                id: "sg-1".into(),
                ingress: true,
                egress: true,
                tags: Tags::new(),
            }),
            vpc_defaults: vec![VpcDefault {
                what: "main route table",
                id: "rtb-1".into(),
                tags: Tags::from([("Name".to_string(), "vpc-production-pr1".to_string())]),
            }],
            ..Have::default()
        };
        let name = Name::main(ResourceType::Vpc);
        assert_eq!(
            besides_tags(vpc(&Env::example(), &name, &Tags::new(), &have)),
            [
                "DnsHostnames: dns hostnames: false -> true",
                "DefaultGroup: default group admits: true -> false",
                "DefaultGroup: default group lets out: true -> false",
                "VpcDefaults: tags of the main route table:  -> Team=devops"
            ]
        );
    }
}
