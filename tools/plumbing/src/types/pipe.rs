//! The records about the pipe itself: its environment, what failed, and what nothing wants any more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name;
use crate::record::{Record, RecordType};
use crate::region::check_region;
use crate::tags;

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
    #[serde(default, skip_serializing_if = "crate::record::is_false")]
    pub plan: bool,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Env {
    const TYPE: &'static str = "env";
    const IS_RESOURCE: bool = false;

    fn check(&self) -> Result<(), String> {
        name::check_environment(&self.environment)?;
        name::check_part("suffix", &self.suffix)?;
        if self.version != 1 {
            return Err(format!(
                "version {} of the records is not known here",
                self.version
            ));
        }
        if self.name != format!("{}-{}", self.environment, self.suffix) {
            return Err(format!(
                "name '{}' is not '{}-{}'",
                self.name, self.environment, self.suffix
            ));
        }
        if self.account.len() != 12 || !self.account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(format!("account '{}' is not 12 digits", self.account));
        }
        check_region(&self.region)?;
        tags::check(&self.tags)
    }
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

impl RecordType for Failed {
    const TYPE: &'static str = "failed";
    const IS_RESOURCE: bool = false;
}

/// A part of something in the stream that nothing wants any more, such as a rule or a target group
/// that was used before a change. It is seen by the tool that owns it, and goes at the end, when
/// everything before it is healthy: `prune-env` takes it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surplus {
    /// Which it is, unlike any other: `rule/sgr-0a1b`.
    pub name: String,
    /// The tool that saw it, and takes it away.
    pub owner: String,
    /// What it is, for people: `rule tcp 5000 from alb/web of security group task/web`.
    pub what: String,
    /// What its owner needs to know.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Surplus {
    const TYPE: &'static str = "surplus";
    const IS_RESOURCE: bool = false;
}

/// A resource of the environment that no record of the stream wants, such as the load balancer of an
/// app that was dropped. `prune-env` names it, and deletes it where that is confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unwanted {
    /// Type and name of its record: `alb/jobs`.
    pub name: String,
    /// Its record, as `ls-env` would write it.
    pub record: Record,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Unwanted {
    /// The resource of a record.
    pub fn of(record: Record) -> Self {
        Unwanted {
            name: format!("{}/{}", record.kind(), record.name()),
            record,
            rest: Map::new(),
        }
    }
}

impl RecordType for Unwanted {
    const TYPE: &'static str = "unwanted";
    const IS_RESOURCE: bool = false;
}

fn one() -> u32 {
    1
}
