//! The records of an environment: the apps that are wanted, and what runs them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::change::Change;
use crate::record::RecordType;
use crate::reference;

/// The network, found again by its tags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vpc {
    /// Always `main`.
    pub name: String,
    /// `vpc-…`.
    pub id: String,
    /// Its IPv4 range.
    pub cidr: String,
    /// One in each zone, routed to the internet gateway. Absent until they all exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_subnets: Vec<String>,
    /// One in each zone, routed to the zone's NAT gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_subnets: Vec<String>,
    /// The availability zones of these, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// Those of a zone that the network leaves: what is in them moves out, and nothing new moves in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_subnets: Vec<String>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Vpc {
    const TYPE: &'static str = "vpc";
    const ASKED_WITH: &'static [&'static str] =
        &["id", "cidr", "public_subnets", "private_subnets"];
}

/// A mark: traffic from the private subnets can leave now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Egress {
    /// Always `main`.
    pub name: String,
    /// By what: `nat` or `nat-single`.
    pub by: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Egress {
    const TYPE: &'static str = "egress";
    const IS_RESOURCE: bool = false;
    const ASKED_WITH: &'static [&'static str] = &["by"];
}

/// A security group: `alb/web` of web's load balancer, `task/web` of its tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sg {
    /// `alb/APP` or `task/APP`.
    pub name: String,
    /// `sg-…`.
    pub id: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Sg {
    const TYPE: &'static str = "sg";
    const ASKED_WITH: &'static [&'static str] = &["id"];
}

/// An app's load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alb {
    /// The app.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The name under which it is reached.
    pub dns: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Alb {
    const TYPE: &'static str = "alb";
    const ASKED_WITH: &'static [&'static str] = &["arn", "dns", "scheme"];
}

/// An app's listener: written when its load balancer forwards to its target group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The app.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The ARN of the target group it forwards to.
    pub target_group: String,
    /// The port it listens on.
    pub port: u16,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Listener {
    /// The field with the ARN of a second target group, where ECS shifts the requests between two.
    pub const ALTERNATE: &'static str = "alternate_target_group";
    /// The field with the ARN of the listener's rule by which it does.
    pub const RULE: &'static str = "rule";

    /// The ARNs of the second target group and of the rule.
    pub fn pair(&self) -> Option<(&str, &str)> {
        let text = |field| self.rest.get(field)?.as_str();
        Some((text(Listener::ALTERNATE)?, text(Listener::RULE)?))
    }
}

impl RecordType for Listener {
    const TYPE: &'static str = "listener";
    const ASKED_WITH: &'static [&'static str] = &["arn", "target_group"];
}

/// An image repository: an app's, a source's, or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repo {
    /// The app or source.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What an image reference begins with.
    pub uri: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Repo {
    const TYPE: &'static str = "repo";
    const ASKED_WITH: &'static [&'static str] = &["arn", "uri"];
}

/// A role: `execution/web` pulls web's image and writes its log; `build/web`, `function/web`,
/// `pipeline/web` and `events/web` are the roles of its source's pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// `execution/APP`, or what it is for and the source: `build/web`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The name of its inline policy. Absent until a role that is being made has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Role {
    const TYPE: &'static str = "role";
    const ASKED_WITH: &'static [&'static str] = &["arn"];
}

impl Role {
    /// Whether it may do what it is for: one that this run makes is told twice.
    pub fn is_whole(&self) -> bool {
        self.policy.is_some()
            || self
                .rest
                .get("change")
                .is_none_or(|change| change != Change::Created.word())
    }
}

/// A log group: an app's, or of a source's pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogGroup {
    /// The app; `build/SOURCE` or `function/SOURCE`.
    pub name: String,
    /// Its name in CloudWatch Logs.
    pub group: String,
    /// Its ARN, without the trailing `:*`.
    pub arn: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for LogGroup {
    const TYPE: &'static str = "log_group";
    const ASKED_WITH: &'static [&'static str] = &["arn", "group"];

    /// Logs takes no other names (its model), and answers a question for one with an error.
    fn check(&self) -> Result<(), String> {
        let takes = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte);
        if self.group.len() <= 512 && self.group.bytes().all(takes) {
            return Ok(());
        }
        Err(format!(
            "group '{}' is not the name of a log group",
            self.group
        ))
    }
}

/// What an app is to run, pinned by digest where it was pushed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The app.
    pub name: String,
    /// The image reference. Absent in the mark, ahead of all other records, that one will come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Image {
    const TYPE: &'static str = "image";
    const IS_RESOURCE: bool = false;
    const ASKED_WITH: &'static [&'static str] = &["image"];

    fn check(&self) -> Result<(), String> {
        match &self.image {
            Some(image) => reference::parse(image).map(drop),
            None => Ok(()),
        }
    }
}

/// The ECS cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Always `main`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Cluster {
    const TYPE: &'static str = "cluster";
    const ASKED_WITH: &'static [&'static str] = &["arn"];
}

/// The revision of a task definition that an app's service runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// The app.
    pub name: String,
    /// Its ARN, with the revision.
    pub arn: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for TaskDefinition {
    const TYPE: &'static str = "task_definition";
    const ASKED_WITH: &'static [&'static str] = &["arn"];
}

/// An app's ECS service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// The app.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The cluster's ARN.
    pub cluster: String,
    /// The ARN of the task definition it was asked to run.
    pub task_definition: String,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Service {
    const TYPE: &'static str = "service";
    const ASKED_WITH: &'static [&'static str] = &["arn", "cluster", "task_definition"];
}
