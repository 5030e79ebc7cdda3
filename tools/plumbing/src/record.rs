//! A record of the stream, of whatever type. The types that tools read are in `types/`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::change::{Change, Difference};
use crate::misfit;

/// A type of record that tools read: its struct knows its fields. `types/` has them.
pub trait RecordType: Serialize + DeserializeOwned {
    /// The value of the record's `type` field.
    const TYPE: &'static str;

    /// Whether it tells something that exists in AWS: not a wish, a mark or the environment.
    const IS_RESOURCE: bool = true;

    /// The fields with which AWS is asked: IDs, ARNs and names. None may be empty: that is no ID
    /// at all to many calls, and then they take another resource (the default VPC).
    const ASKED_WITH: &'static [&'static str] = &[];

    /// Checks what can be checked without its neighbours.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
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

    /// What `ls-env` says of something of the environment that no record can tell, and why; it is never
    /// written.
    pub fn left_out(what: &str, why: &str) -> Self {
        Record::new(Record::LEFT_OUT, what).with("why", why)
    }

    /// The same of a part of something that is listed.
    pub fn partly_left_out(what: &str, why: &str) -> Self {
        Record::left_out(what, why).with("part", true)
    }

    /// The type of what is [`left_out`](Self::left_out).
    pub const LEFT_OUT: &'static str = "left_out";

    /// Adds a field.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.into(), value.into());
        self
    }

    /// Adds what was done, and for an update in which fields.
    pub fn changed(mut self, change: Change, differences: &[Difference]) -> Self {
        self.0.insert("change".into(), change.word().into());
        // It may come from a saved stream, and tell what an earlier run did.
        self.0.remove("changes");
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

    /// The fields as those of a type. Errors: what is wrong with one of them, without its value.
    pub(crate) fn parse<T: RecordType>(&self) -> Result<T, String> {
        let read = |fields: &Map<String, Value>| {
            let typed = serde_json::from_value(Value::Object(fields.clone()));
            typed.map_err(|why: serde_json::Error| why.to_string())
        };
        read(&self.0).map_err(|why| misfit::in_words(&self.0, &why, |fields| read(fields).err()))
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
}

/// serde_json's message without its own position, which is within the record.
pub(crate) fn without_position(why: &serde_json::Error) -> String {
    let text = why.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_string()
}

/// For `skip_serializing_if`.
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_changed_is_not_told_again() {
        let differences = [Difference::between("days", 3, 7).unwrap()];
        let updated = Record::new("log_group", "web").changed(Change::Updated, &differences);
        assert!(updated.0.contains_key("changes"));
        let deleted = updated.changed(Change::Deleted, &[]);
        assert!(!deleted.0.contains_key("changes"));
    }
}
