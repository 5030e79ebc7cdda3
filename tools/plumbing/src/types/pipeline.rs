//! The records of a pipeline: the source that is to be built, and what builds and deploys it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::record::RecordType;
use crate::region;

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

    /// Its ARN becomes a part of a policy, so it is one exactly.
    fn check(&self) -> Result<(), String> {
        let arn = &self.arn;
        if is_planned_name(arn) || is_connection_arn(arn) {
            return Ok(());
        }
        Err(format!("arn '{arn}' is not the ARN of a connection"))
    }
}

/// Whether it stands for a connection that a dry run would make.
fn is_planned_name(text: &str) -> bool {
    let name = text.strip_prefix("planned:").unwrap_or_default();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether it is `arn:PARTITION:SERVICE:REGION:ACCOUNT:connection/ID`. The service was renamed, and its
/// older connections keep their ARNs.
fn is_connection_arn(arn: &str) -> bool {
    let fields: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, service, region, account, resource] = fields[..] else {
        return false;
    };
    let Some(known) = region::partition(region) else {
        return false;
    };
    let id = resource.strip_prefix("connection/").unwrap_or_default();
    partition == known.id
        && ["codeconnections", "codestar-connections"].contains(&service)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && !id.is_empty()
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_arn_of_a_connection_is_one() {
        let check = |arn: &str| {
            let connection = Connection {
                arn: arn.into(),
                ..Connection::default()
            };
            connection.check()
        };
        for good in [
            "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b-2c",
            "arn:aws-cn:codestar-connections:cn-north-1:123456789012:connection/1",
            "planned:connection-production-pr1",
        ] {
            assert_eq!(check(good), Ok(()));
        }
        for bad in [
            "",
            "a",
            "*",
            "planned:",
            "planned:x\"],\"Resource\":[\"*",
            "arn:aws:codeconnections:us-east-1:123456789012:connection/",
            "arn:aws:codeconnections:us-east-1:123456789012:connection/*",
            "arn:aws:codeconnections:us-east-1:123456789012:connection/1:2",
            "arn:aws:codeconnections:us-east-1:123456789012:connection/1\",\"*",
            "arn:aws:codeconnections:us-east-1:*:connection/1",
            "arn:aws:codeconnections:us-east1:123456789012:connection/1",
            "arn:aws-cn:codeconnections:us-east-1:123456789012:connection/1",
            "arn:aws:iam:us-east-1:123456789012:connection/1",
            "arn:aws:codeconnections:us-east-1:123456789012:host/1",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
