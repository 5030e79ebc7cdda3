//! The records about the pipe itself: its environment, and what failed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::name;
use crate::record::RecordType;

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
        name::check_region(&self.region)?;
        if self.tags.len() > 40 {
            return Err(format!(
                "{} tags are too many: AWS takes 50, ours included",
                self.tags.len()
            ));
        }
        self.tags
            .iter()
            .try_for_each(|(key, value)| name::check_tag(key, value))
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

fn one() -> u32 {
    1
}
