//! Every EC2 call about a network. Thin: what to call with what is decided in `plan.rs` and in
//! the order of `make.rs` and `delete.rs`.
//!
//! EC2 models no exceptions, so errors are told apart by their codes.

mod create;
mod default_group;
mod delete;
mod find;
mod guard_duty;
mod left;
mod list;
mod nat_gateways;
mod others;
mod route_tables;
mod visible;
mod vpc_defaults;
mod zones;

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::Builder;
use aws_sdk_ec2::types::{Filter, Tag};
use plumbing::Aws;
use plumbing::name::IDENTITY;

use crate::plan::elect::MADE;
use crate::plan::{Name, ResourceType, Tags};

/// EC2, for one environment.
pub struct Ec2 {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub aws: Aws,
    current_vpc: RefCell<CurrentVpc>,
    /// What the calls of this run made that nothing keeps unique: the type and the tag of each call.
    made: RefCell<Vec<(ResourceType, String)>>,
}

/// The VPC that a run works in.
#[derive(Default)]
struct CurrentVpc {
    id: String,
    /// Whether EC2 showed it.
    seen: bool,
    /// Whether another run deleted it since.
    deleted: bool,
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Ec2 {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Ec2 {
        client: Client::from_conf(config),
        aws: aws.clone(),
        current_vpc: RefCell::default(),
        made: RefCell::default(),
    }
}

impl Ec2 {
    /// From here on, the run works in this VPC.
    pub fn work_in(&self, vpc: &str, seen: bool) {
        self.current_vpc.replace(CurrentVpc {
            id: vpc.into(),
            seen,
            deleted: false,
        });
    }

    /// Whether a call failed because another run deleted the VPC.
    pub fn vpc_is_deleted(&self) -> bool {
        self.current_vpc.borrow().deleted
    }

    /// Whether a call of this run made a resource; of a call that was repeated when its answer was
    /// lost, it may be the second.
    pub fn has_made(&self, resource_type: ResourceType, tags: &Tags) -> bool {
        let Some(made) = tags.get(MADE) else {
            return false;
        };
        let calls = self.made.borrow();
        calls.contains(&(resource_type, made.clone()))
    }

    /// Whether a call of this run made a resource of a type.
    pub fn has_made_any(&self, resource_type: ResourceType) -> bool {
        let calls = self.made.borrow();
        calls.iter().any(|(made, _)| *made == resource_type)
    }

    fn current_vpc_id(&self) -> String {
        self.current_vpc.borrow().id.clone()
    }

    /// The tags of a resource, whose create call sets them.
    fn tags_of(&self, name: &Name) -> Vec<(String, String)> {
        let env = &self.aws.env;
        env.tags_of(&name.tag(env))
    }

    /// A filter for what carries the environment's identity tag.
    fn identity_filter(&self) -> Filter {
        filter(&format!("tag:{IDENTITY}"), &self.aws.env.name)
    }

    /// A token that follows from what is wanted: another run's is the same.
    fn token(&self, parts: &[&str]) -> String {
        plumbing::name::cut(&format!("{}-{}", self.aws.env.name, parts.join("-")), 64)
    }
}

/// The time, in microseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

fn tags_from(tags: Option<Vec<Tag>>) -> Tags {
    let mut plain = Tags::new();
    for tag in tags.unwrap_or_default() {
        if let Some(key) = tag.key {
            plain.insert(key, tag.value.unwrap_or_default());
        }
    }
    plain
}
