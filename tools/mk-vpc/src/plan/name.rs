//! What the resources of a network are called: in their records, and by their `Name` tags. Pure.

use plumbing::name::LONG_LIMIT;
use plumbing::{Env, Record};

use super::have::Tags;

/// The part of a name where a network has one resource of a type.
const MAIN: &str = "main";

/// What a network is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ResourceType {
    /// A VPC.
    Vpc,
    /// An internet gateway.
    InternetGateway,
    /// A subnet.
    Subnet,
    /// A route table.
    RouteTable,
    /// An Elastic IP address.
    ElasticIp,
    /// A NAT gateway.
    NatGateway,
}

impl ResourceType {
    /// All of them.
    pub const ALL: [ResourceType; 6] = [
        ResourceType::Vpc,
        ResourceType::InternetGateway,
        ResourceType::Subnet,
        ResourceType::RouteTable,
        ResourceType::ElasticIp,
        ResourceType::NatGateway,
    ];

    /// The type of its records.
    pub fn of_record(self) -> &'static str {
        match self {
            ResourceType::Vpc => "vpc",
            ResourceType::InternetGateway => "internet_gateway",
            ResourceType::Subnet => "subnet",
            ResourceType::RouteTable => "route_table",
            ResourceType::ElasticIp => "elastic_ip",
            ResourceType::NatGateway => "nat_gateway",
        }
    }

    /// What its `Name` tag begins with.
    fn prefix(self) -> &'static str {
        match self {
            ResourceType::Vpc => "vpc",
            ResourceType::InternetGateway => "igw",
            ResourceType::Subnet => "subnet",
            ResourceType::RouteTable => "rtb",
            ResourceType::ElasticIp => "eip",
            ResourceType::NatGateway => "nat",
        }
    }
}

/// What a resource is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// What it is.
    pub resource_type: ResourceType,
    /// What tells it from others of its type: `public-a`; `main` where there is one.
    pub part: String,
}

impl Name {
    /// The name of a resource of which a network has one.
    pub fn main(resource_type: ResourceType) -> Name {
        Name::new(resource_type, MAIN)
    }

    /// The name of a resource of which a network has several.
    pub fn new(resource_type: ResourceType, part: impl Into<String>) -> Name {
        Name {
            resource_type,
            part: part.into(),
        }
    }

    /// The name in a resource's `Name` tag: `public-a` of `subnet-public-a-production-pr123`, `main`
    /// of `vpc-production-pr123`; of one that a person renamed, the whole tag; where a person took it
    /// away, the resource's ID.
    pub fn of(resource_type: ResourceType, id: &str, tags: &Tags, env: &Env) -> Name {
        let tag = match tags.get("Name").map(|tag| tag.trim()) {
            None | Some("") => return Name::new(resource_type, id),
            Some(tag) => tag,
        };
        let middle = tag
            .strip_prefix(resource_type.prefix())
            .and_then(|rest| rest.strip_suffix(&env.name));
        let part = match middle {
            Some(middle) => middle.trim_matches('-'),
            None => tag,
        };
        match (middle, part) {
            (Some(_), "") => Name::main(resource_type),
            _ => Name::new(resource_type, part),
        }
    }

    /// The `Name` tag of the resource.
    pub fn tag(&self, env: &Env) -> String {
        let part = if self.part == MAIN { "" } else { &self.part };
        env.named_with(self.resource_type.prefix(), "", part, LONG_LIMIT)
    }

    /// Whether a resource's tags have this name.
    pub fn is_tag_of(&self, tags: &Tags, env: &Env) -> bool {
        tags.get("Name") == Some(&self.tag(env))
    }

    /// The resource's record.
    pub fn record(&self, id: &str) -> Record {
        Record::new(self.resource_type.of_record(), &self.part).with("id", id)
    }
}

/// Whether a resource's `Name` tag is not one that we set.
pub fn is_renamed(resource_type: ResourceType, tags: &Tags, env: &Env) -> bool {
    match tags.get("Name").map(|tag| tag.trim()) {
        Some(tag) => Name::of(resource_type, tag, tags, env).part == tag,
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::have::tests::tags;
    use super::*;

    #[test]
    fn a_part_is_read_back_from_its_name() {
        let part =
            |resource_type, tag| Name::of(resource_type, "id-1", &tags(tag), &Env::example()).part;
        assert_eq!(
            part(ResourceType::Subnet, "subnet-public-a-production-pr1"),
            "public-a"
        );
        assert_eq!(
            part(ResourceType::InternetGateway, "igw-production-pr1"),
            "main"
        );
        assert_eq!(part(ResourceType::InternetGateway, "renamed"), "renamed");
        assert_eq!(part(ResourceType::InternetGateway, " "), "id-1");
    }
}
