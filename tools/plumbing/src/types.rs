//! The types of records: one struct for each that some tool reads. `man/plumbline.5` describes
//! every field; the two are kept alike by `scripts/check`.
//!
//! Unknown fields of a known type are kept in `rest` and written again.

mod app;
mod environment;
mod pipe;
mod pipeline;
mod source;

use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::record::{Record, RecordType};

pub use app::{
    App, Balancing, Building, Container, Deploy, HealthCheck, MOUNT_STATEMENT, Mount, Range, Reach,
    Rights, Scale, ScaleOn, Scheduled, SecretRef, Secrets, Sharing, Shift, Sidecar, Way,
    secret_ref, soft_and_hard,
};
pub use environment::{
    Alb, Cluster, Egress, Image, Listener, LogGroup, Repo, Role, Service, Sg, TaskDefinition, Vpc,
};
pub use pipe::{Env, Failed, Surplus, Unwanted};
pub use pipeline::{Bucket, Build, Connection, Function, Pipeline, Rule};
pub use source::Source;

/// What is known of a type of record.
pub(crate) struct Known {
    pub(crate) kind: &'static str,
    pub(crate) is_resource: bool,
    pub(crate) asked_with: &'static [&'static str],
    /// Reads a record as its type and checks what can be checked without its neighbours.
    pub(crate) check: fn(&Record) -> Result<(), String>,
    /// A record with every field as its type reads it, those included that it leaves out.
    pub(crate) as_read: fn(&Record) -> Option<Record>,
}

/// Every type above.
pub(crate) const KNOWN: [Known; 24] = [
    known::<Env>(),
    known::<Failed>(),
    known::<Surplus>(),
    known::<Unwanted>(),
    known::<App>(),
    known::<Source>(),
    known::<Vpc>(),
    known::<Egress>(),
    known::<Sg>(),
    known::<Alb>(),
    known::<Listener>(),
    known::<Repo>(),
    known::<Role>(),
    known::<LogGroup>(),
    known::<Image>(),
    known::<Cluster>(),
    known::<TaskDefinition>(),
    known::<Service>(),
    known::<Connection>(),
    known::<Bucket>(),
    known::<Build>(),
    known::<Function>(),
    known::<Pipeline>(),
    known::<Rule>(),
];

const fn known<T: RecordType>() -> Known {
    Known {
        kind: T::TYPE,
        is_resource: T::IS_RESOURCE,
        asked_with: T::ASKED_WITH,
        check: |record| record.parse::<T>()?.check(),
        as_read: |record| record.typed::<T>().as_ref().map(Record::of),
    }
}

/// What is known of a type; nothing of one that no tool reads.
pub(crate) fn known_type(kind: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.kind == kind)
}

/// The JSON schema of the records of a type, for editors. They underline a field that no tool knows;
/// the tools pass it on.
pub(crate) fn schema_of<T: RecordType + JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    schema["title"] = T::TYPE.into();
    schema["properties"]["type"] = json!({"const": T::TYPE});
    schema["additionalProperties"] = false.into();
    if let Some(required) = schema["required"].as_array_mut() {
        required.insert(0, "type".into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_is_forgotten() {
        let files = [
            include_str!("types/app.rs"),
            include_str!("types/environment.rs"),
            include_str!("types/pipe.rs"),
            include_str!("types/pipeline.rs"),
            include_str!("types/source.rs"),
        ];
        let impls = files.map(|file| file.matches("\nimpl RecordType for ").count());
        assert_eq!(impls.iter().sum::<usize>(), KNOWN.len());
    }

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let text = r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"10.0.0.0/16","mine":{"a":[1,2.50]}}"#;
        let record: Record = serde_json::from_str(text).unwrap();
        let vpc: Vpc = record.typed().unwrap();
        assert_eq!(
            serde_json::to_string(&Record::of(&vpc)).unwrap(),
            r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"10.0.0.0/16","mine":{"a":[1,2.5]}}"#
        );
    }
}
