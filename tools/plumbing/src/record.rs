//! A record of the stream, of whatever type. The types that tools read are in `types/`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::change::{Change, Difference};

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
            typed.map_err(|why| why.to_string())
        };
        let why = match read(&self.0) {
            Ok(typed) => return Ok(typed),
            Err(why) if why.starts_with("missing field") => return Err(why),
            Err(why) => why,
        };
        // It is in the field without which something else is wrong, or nothing.
        let culprit = self.0.keys().find(|field| {
            let mut others = self.0.clone();
            others.remove(*field);
            read(&others).err().as_ref() != Some(&why)
        });
        let field = culprit.map_or("a field", |field| field.as_str());
        Err(format!("{field}: {}", without_value(&why)))
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

/// What serde says is wrong, without the value, which may be secret: the words before it, and what is
/// expected, which comes last.
fn without_value(why: &str) -> String {
    let Some((words, expected)) = why.rsplit_once(", expected ") else {
        return "has a value that does not fit".into();
    };
    let kind = words.split(['"', '`']).next().unwrap_or_default();
    format!("{}, expected {expected}", kind.trim_end())
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
    use serde_json::json;

    use super::*;
    use crate::types::{App, Vpc};

    #[test]
    fn what_is_wrong_is_told_by_field_and_type_and_never_by_value() {
        let app = |field: &str, value: Value| {
            let app = Record::new("app", "web").with(field, value);
            app.parse::<App>().unwrap_err()
        };
        for (field, value, why) in [
            (
                "set",
                json!("hunter2"),
                "set: invalid type: string, expected a map",
            ),
            (
                "set",
                json!({"PIN": 5555}),
                "set: invalid type: integer, expected a string",
            ),
            (
                "set",
                json!("hunter2, expected x"),
                "set: invalid type: string, expected a map",
            ),
            (
                "port",
                json!(55555555),
                "port: invalid value: integer, expected u16",
            ),
            (
                "port",
                json!(5.5),
                "port: invalid type: floating point, expected u16",
            ),
            (
                "public",
                json!("hunter2"),
                "public: invalid type: string, expected a boolean",
            ),
            (
                "calls",
                json!(["a", true]),
                "calls: invalid type: boolean, expected a string",
            ),
        ] {
            assert_eq!(app(field, value), why);
        }
        let vpc = Record::new("vpc", "main").with("cidr", "x");
        let why = vpc.clone().parse::<Vpc>().unwrap_err();
        assert_eq!(why, "missing field `id`");
        let why = vpc.with("id", "x").with("change", "hunter2");
        let why = why.parse::<Vpc>().unwrap_err();
        assert!(
            why.starts_with("change: unknown variant, expected "),
            "{why}"
        );
        assert!(!why.contains("hunter2"), "{why}");
    }

    #[test]
    fn what_an_earlier_run_changed_is_not_told_again() {
        let differences = [Difference::between("days", 3, 7).unwrap()];
        let updated = Record::new("log_group", "web").changed(Change::Updated, &differences);
        assert!(updated.0.contains_key("changes"));
        let deleted = updated.changed(Change::Deleted, &[]);
        assert!(!deleted.0.contains_key("changes"));
    }
}
