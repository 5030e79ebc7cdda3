//! The records of a pipeline: the source that is to be built, and what builds and deploys it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::record::RecordType;

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
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub adopted: bool,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Connection {
    const TYPE: &'static str = "connection";
    const ASKED_WITH: &'static [&'static str] = &["arn", "status"];
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

impl RecordType for Bucket {
    const TYPE: &'static str = "bucket";
    const ASKED_WITH: &'static [&'static str] = &["arn", "bucket"];
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

impl RecordType for Build {
    const TYPE: &'static str = "build";
    const ASKED_WITH: &'static [&'static str] = &["arn", "project"];
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

impl RecordType for Function {
    const TYPE: &'static str = "function";
    const ASKED_WITH: &'static [&'static str] = &["arn", "function"];
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

impl RecordType for Pipeline {
    const TYPE: &'static str = "pipeline";
    const ASKED_WITH: &'static [&'static str] = &["arn", "pipeline"];
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

impl RecordType for Rule {
    const TYPE: &'static str = "rule";
    const ASKED_WITH: &'static [&'static str] = &["arn", "rule"];
}
