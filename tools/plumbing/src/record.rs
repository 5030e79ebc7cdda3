//! The records of the stream: one struct for each type that some tool reads, and [`Record`] for
//! all. `man/plumbline.5` describes every field; the two are kept alike by `scripts/check`.
//! Here is what all of them share; `record/` has the others.
//!
//! Unknown fields of a known type are kept in `rest` and written again.

mod environment;
mod pipeline;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::change::{Change, Difference};

pub use environment::{
    Alb, App, Cluster, Egress, Image, Listener, LogGroup, Repo, Role, Service, Sg, TaskDefinition,
    Vpc,
};
pub use pipeline::{Bucket, Build, Connection, Function, Pipeline, Rule, Source};

/// A type of record that tools read: its struct knows its fields.
pub trait RecordType: Serialize + DeserializeOwned {
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
    pub fn of<T: RecordType>(value: &T) -> Self {
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
            self.0.insert(
                "changes".into(),
                serde_json::to_value(differences).unwrap_or_default(),
            );
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

    /// Type and name: of two records with one key, the last counts.
    pub fn key(&self) -> (String, String) {
        (self.kind().to_string(), self.name().to_string())
    }

    /// A field's text, or "" where it is absent or not a text.
    pub fn text(&self, field: &str) -> &str {
        self.0
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The typed value, if it has this type and its fields fit.
    pub fn typed<T: RecordType>(&self) -> Option<T> {
        (self.kind() == T::TYPE)
            .then(|| serde_json::from_value(Value::Object(self.0.clone())).ok())
            .flatten()
    }

    /// Whether it says that something would change: in a dry run.
    pub(crate) fn announces_change(&self) -> bool {
        let words = [Change::Create, Change::Update, Change::Delete].map(Change::word);
        words.contains(&self.text("change"))
    }

    /// Whether it tells something that exists in AWS: not a wish, a mark or the environment.
    pub fn is_resource(&self) -> bool {
        !matches!(
            self.kind(),
            Env::TYPE | App::TYPE | Source::TYPE | Failed::TYPE | Egress::TYPE | Image::TYPE
        )
    }
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

impl RecordType for Env {
    const TYPE: &'static str = "env";
}
impl RecordType for Failed {
    const TYPE: &'static str = "failed";
}

fn one() -> u32 {
    1
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
}
