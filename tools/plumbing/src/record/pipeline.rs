//! The records of a pipeline: the source that is to be built, and what builds and deploys it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{RecordType, is_false};

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

impl RecordType for Source {
    const TYPE: &'static str = "source";
}
impl RecordType for Connection {
    const TYPE: &'static str = "connection";
}
impl RecordType for Bucket {
    const TYPE: &'static str = "bucket";
}
impl RecordType for Build {
    const TYPE: &'static str = "build";
}
impl RecordType for Function {
    const TYPE: &'static str = "function";
}
impl RecordType for Pipeline {
    const TYPE: &'static str = "pipeline";
}
impl RecordType for Rule {
    const TYPE: &'static str = "rule";
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
