//! The records of the stream: one struct for each type that some tool reads, and [`Record`] for
//! all. `man/plumbline.5` describes every field; the two are kept alike by `scripts/check`.
//!
//! Unknown fields of a known type are kept in `rest` and written again.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A type of record that tools read: its struct knows its fields.
pub trait Typed: Serialize + DeserializeOwned {
    /// The value of the record's `type` field.
    const TYPE: &'static str;
}

/// Any record: what tools write that none of them reads, and what passes through.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(pub Map<String, Value>);

impl Record {
    /// A record of a type with its name and nothing else.
    pub fn new(kind: &str, name: &str) -> Self {
        let mut fields = Map::new();
        fields.insert("type".into(), kind.into());
        fields.insert("name".into(), name.into());
        Record(fields)
    }

    /// The record of a typed value.
    pub fn of<T: Typed>(value: &T) -> Self {
        let mut fields = Map::new();
        fields.insert("type".into(), T::TYPE.into());
        match serde_json::to_value(value) {
            Ok(Value::Object(more)) => fields.extend(more),
            other => unreachable!("a record type is a struct of plain fields: {other:?}"),
        }
        Record(fields)
    }

    /// Adds a field.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.into(), value.into());
        self
    }

    /// Adds what was done, and for an update in which fields.
    pub fn changed(mut self, change: Change, differences: &[Difference]) -> Self {
        self.0.insert("change".into(), change.word().into());
        if !differences.is_empty() {
            self.0.insert("changes".into(), serde_json::to_value(differences).unwrap_or_default());
        }
        self
    }

    /// The value of `type`.
    pub fn kind(&self) -> &str {
        self.text("type")
    }

    /// The value of `name`.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// A field's text, or "" where it is absent or not a text.
    pub fn text(&self, field: &str) -> &str {
        self.0.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The typed value, if it has this type and its fields fit.
    pub fn typed<T: Typed>(&self) -> Option<T> {
        (self.kind() == T::TYPE).then(|| serde_json::from_value(Value::Object(self.0.clone())).ok()).flatten()
    }

    /// Whether it tells something that exists in AWS: not a wish, a mark or the environment.
    pub fn is_resource(&self) -> bool {
        !matches!(self.kind(), Env::TYPE | App::TYPE | Source::TYPE | Failed::TYPE | Egress::TYPE | Image::TYPE)
    }
}

/// What a tool did with a resource, or under `--plan` would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It exists as wanted.
    Kept,
    /// It was made.
    Created,
    /// It was brought into line; `changes` says in what.
    Updated,
    /// It is gone.
    Deleted,
    /// Plan: it would be made.
    Create,
    /// Plan: it would be brought into line.
    Update,
    /// Plan: it would be gone.
    Delete,
}

impl Change {
    /// The word in the record and on stderr.
    pub fn word(self) -> &'static str {
        match self {
            Change::Kept => "kept",
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Deleted => "deleted",
            Change::Create => "create",
            Change::Update => "update",
            Change::Delete => "delete",
        }
    }

    /// Whether a record says that something would change: in a dry run.
    pub(crate) fn announced(record: &Record) -> bool {
        [Change::Create, Change::Update, Change::Delete].iter().any(|change| record.text("change") == change.word())
    }

    /// `Kept` where nothing differs, else `Updated`, or `Update` under `--plan`.
    pub fn from_differences(differences: &[Difference], plan: bool) -> Self {
        match (differences.is_empty(), plan) {
            (true, _) => Change::Kept,
            (false, false) => Change::Updated,
            (false, true) => Change::Update,
        }
    }
}

/// One field that is not as wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The field, in the words of the record or of AWS.
    pub field: String,
    /// What it is.
    pub old: String,
    /// What it is to be.
    pub new: String,
}

impl Difference {
    /// The difference of two values, if there is one.
    pub fn between(field: &str, old: impl ToString, new: impl ToString) -> Option<Self> {
        let (old, new) = (old.to_string(), new.to_string());
        (old != new).then(|| Difference { field: field.into(), old, new })
    }

    /// The differences of the tags that we set; tags that others added are theirs.
    pub fn of_tags(have: &BTreeMap<String, String>, want: &[(String, String)]) -> Vec<Self> {
        let old = |key: &str| have.get(key).map(String::as_str).unwrap_or_default().to_string();
        want.iter().filter_map(|(key, new)| Difference::between(&format!("tag {key}"), old(key), new)).collect()
    }
}

/// What is to be done about something that a tool makes by its name.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Make it.
    Create,
    /// Bring it into line in these fields; none: keep it.
    Change(Vec<Difference>),
}

/// The environment: what every tool needs to find anything at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Env {
    /// `ENVIRONMENT-SUFFIX`, the value of the identity tag.
    pub name: String,
    /// The version of the records.
    #[serde(default = "one")]
    pub version: u32,
    /// For people and tags: `production`.
    pub environment: String,
    /// What tells two environments of one account apart: `pr123`.
    pub suffix: String,
    /// The AWS region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// The tags that every resource carries beside its own.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// A dry run: every tool reads, none writes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plan: bool,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

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

/// A repository on GitHub that is to be built, and what follows a build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// What it is called; the image repository (ECR) has the same name, and so has the app, if one
    /// runs what is built.
    pub name: String,
    /// `OWNER/NAME` on GitHub.
    pub repository: String,
    /// The branch of which every push is built.
    #[serde(default = "main_branch")]
    pub branch: String,
    /// What starts the pipeline on a push: `connection` or `events`.
    #[serde(default = "connection_trigger")]
    pub trigger: String,
    /// The folder in the repository that `docker build` gets.
    #[serde(default = "here")]
    pub context: String,
    /// The Dockerfile, from that folder.
    #[serde(default = "dockerfile")]
    pub dockerfile: String,
    /// Whether the app of the same name is deployed with what was built.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deploy: bool,
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
        self.policy.is_some() || self.rest.get("change").is_none_or(|change| change != Change::Created.word())
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

/// The connection to GitHub.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Always `github`.
    pub name: String,
    /// Its ARN, under either of the service's two prefixes.
    pub arn: String,
    /// `AVAILABLE`, or `PENDING` until a person has finished the handshake.
    pub status: String,
    /// Whether somebody else made it: it is used, and never changed or deleted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub adopted: bool,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The bucket that pipelines hand their artifacts over in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Always `artifacts`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its name in S3.
    pub bucket: String,
    /// `aws:kms` or `AES256`. Absent until it is private, versioned and encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<String>,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A source's build project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// The source.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its name in CodeBuild.
    pub project: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A source's function, which tags what was built.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// The source.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its name in Lambda.
    pub function: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A source's pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    /// The source.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its name in CodePipeline.
    pub pipeline: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A source's rule, which starts its pipeline where its trigger is `events`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The source.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its name in EventBridge.
    pub rule: String,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A tool that could not do its part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The tool.
    pub name: String,
    /// What it said.
    pub message: String,
    /// Its exit code.
    #[serde(default)]
    pub code: u8,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Typed for Env {
    const TYPE: &'static str = "env";
}
impl Typed for App {
    const TYPE: &'static str = "app";
}
impl Typed for Source {
    const TYPE: &'static str = "source";
}
impl Typed for Vpc {
    const TYPE: &'static str = "vpc";
}
impl Typed for Egress {
    const TYPE: &'static str = "egress";
}
impl Typed for Sg {
    const TYPE: &'static str = "sg";
}
impl Typed for Alb {
    const TYPE: &'static str = "alb";
}
impl Typed for Listener {
    const TYPE: &'static str = "listener";
}
impl Typed for Repo {
    const TYPE: &'static str = "repo";
}
impl Typed for Role {
    const TYPE: &'static str = "role";
}
impl Typed for LogGroup {
    const TYPE: &'static str = "log_group";
}
impl Typed for Image {
    const TYPE: &'static str = "image";
}
impl Typed for Cluster {
    const TYPE: &'static str = "cluster";
}
impl Typed for TaskDefinition {
    const TYPE: &'static str = "task_definition";
}
impl Typed for Service {
    const TYPE: &'static str = "service";
}
impl Typed for Connection {
    const TYPE: &'static str = "connection";
}
impl Typed for Bucket {
    const TYPE: &'static str = "bucket";
}
impl Typed for Build {
    const TYPE: &'static str = "build";
}
impl Typed for Function {
    const TYPE: &'static str = "function";
}
impl Typed for Pipeline {
    const TYPE: &'static str = "pipeline";
}
impl Typed for Rule {
    const TYPE: &'static str = "rule";
}
impl Typed for Failed {
    const TYPE: &'static str = "failed";
}

fn one() -> u32 {
    1
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
fn main_branch() -> String {
    "main".into()
}
fn connection_trigger() -> String {
    "connection".into()
}
fn here() -> String {
    ".".into()
}
fn dockerfile() -> String {
    "Dockerfile".into()
}
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::read;

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let text = r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"10.0.0.0/16","mine":{"a":[1,2.50]}}"#;
        let vpc: Vpc = read(text.as_bytes()).unwrap().typed().unwrap();
        assert_eq!(
            serde_json::to_string(&Record::of(&vpc)).unwrap(),
            r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"10.0.0.0/16","mine":{"a":[1,2.5]}}"#
        );
    }

    #[test]
    fn tags_of_others_are_no_difference() {
        let have = BTreeMap::from([("Name".to_string(), "a".to_string()), ("theirs".to_string(), "x".to_string())]);
        let want = vec![("Name".to_string(), "b".to_string())];
        assert_eq!(
            Difference::of_tags(&have, &want),
            [Difference { field: "tag Name".into(), old: "a".into(), new: "b".into() }]
        );
    }
}
