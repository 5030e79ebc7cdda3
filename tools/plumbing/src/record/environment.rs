//! The records of an environment: the apps that are wanted, and what runs them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Change, RecordType, is_false};

/// A service that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// What it is called: `web`.
    pub name: String,
    /// The port on which its container listens.
    #[serde(default = "port")]
    pub port: u16,
    /// Whether the internet may reach its load balancer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub public: bool,
    /// The apps whose load balancers it may reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// The path that the load balancer asks for.
    #[serde(default = "root")]
    pub health: String,
    /// Environment variables; `{alb.api.dns}` is filled in from records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// The image to run where no image record says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The directory on this machine that its image is built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Fargate CPU units; 1024 are one vCPU.
    #[serde(default = "cpu")]
    pub cpu: u32,
    /// Fargate memory in MiB.
    #[serde(default = "memory")]
    pub memory: u32,
    /// How many tasks run.
    #[serde(default = "count")]
    pub count: u32,
    /// For how many seconds after its start a task's failing health checks do not count.
    #[serde(default = "grace")]
    pub grace: u32,
    /// A command that ECS runs in the container to see whether it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The processor: `X86_64` or `ARM64`.
    #[serde(default = "architecture")]
    pub architecture: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

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
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
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

impl RecordType for App {
    const TYPE: &'static str = "app";
}
impl RecordType for Vpc {
    const TYPE: &'static str = "vpc";
}
impl RecordType for Egress {
    const TYPE: &'static str = "egress";
}
impl RecordType for Sg {
    const TYPE: &'static str = "sg";
}
impl RecordType for Alb {
    const TYPE: &'static str = "alb";
}
impl RecordType for Listener {
    const TYPE: &'static str = "listener";
}
impl RecordType for Repo {
    const TYPE: &'static str = "repo";
}
impl RecordType for Role {
    const TYPE: &'static str = "role";
}
impl RecordType for LogGroup {
    const TYPE: &'static str = "log_group";
}
impl RecordType for Image {
    const TYPE: &'static str = "image";
}
impl RecordType for Cluster {
    const TYPE: &'static str = "cluster";
}
impl RecordType for TaskDefinition {
    const TYPE: &'static str = "task_definition";
}
impl RecordType for Service {
    const TYPE: &'static str = "service";
}

fn port() -> u16 {
    5000
}
fn root() -> String {
    "/".into()
}
fn cpu() -> u32 {
    256
}
fn memory() -> u32 {
    512
}
fn count() -> u32 {
    2
}
fn grace() -> u32 {
    60
}
fn architecture() -> String {
    "X86_64".into()
}
