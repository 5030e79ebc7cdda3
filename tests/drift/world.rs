//! An environment in a local AWS, and what a run of its recipe does after somebody changed it.

use std::collections::BTreeMap;

use support::{LocalAws, Output, Value, json, recipe, text};

/// A service, an operation and its parameters, in boto3's words.
pub type Call<'a> = (&'a str, &'a str, Value);

pub fn ec2(operation: &str, params: Value) -> Call<'_> {
    ("ec2", operation, params)
}

pub fn ecs(operation: &str, params: Value) -> Call<'_> {
    ("ecs", operation, params)
}

pub fn elbv2(operation: &str, params: Value) -> Call<'_> {
    ("elbv2", operation, params)
}

pub fn events(operation: &str, params: Value) -> Call<'_> {
    ("events", operation, params)
}

/// Parameters with one filter of EC2's.
pub fn filter(name: &str, value: &Value) -> Value {
    json!({"Filters": [{"Name": name, "Values": [value]}]})
}

/// An account with something in it, the pipe that made it, and what the first run answered.
pub struct World {
    pub aws: LocalAws,
    pub up: String,
    pub made: Output,
}

impl World {
    /// The services, as `just up` makes them.
    pub fn services() -> Self {
        World::made_by(
            LocalAws::start_with(&["--moment", "0"]),
            recipe(&["up"], "pr1"),
        )
    }

    /// The network alone.
    pub fn network() -> Self {
        let up = "mk-env production pr1 | mk-vpc".to_string();
        World::made_by(LocalAws::start_with(&["--moment", "0"]), up)
    }

    /// The pipeline, as `just pipeline-up` makes it in us-east-1.
    pub fn pipeline() -> Self {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        aws.connect("us-east-1");
        World::made_by(
            aws,
            recipe(&["pipeline_region=us-east-1", "pipeline-up"], "pr1"),
        )
    }

    /// What a pipe makes.
    pub fn made_by(aws: LocalAws, up: String) -> Self {
        let made = aws.pipe(&up).ok();
        World { aws, up, made }
    }

    /// The ID of what was made, or its ARN.
    pub fn id(&self, kind: &str, name: &str) -> Value {
        let record = self.made.record(kind, name);
        let id = record.get("id").or(record.get("arn"));
        id.unwrap().clone()
    }

    pub fn call(&self, (service, operation, params): Call) -> Value {
        self.aws.call(service, operation, params)
    }

    /// What a JSON pointer finds in the answer to a call.
    pub fn get(&self, call: &Call, pointer: &str) -> Value {
        let answer = self.call(call.clone());
        let mut found = answer.pointer(pointer).cloned().unwrap_or_default();
        if let Some(list) = found.as_array_mut() {
            list.sort_by_key(Value::to_string); // AWS has no order
        }
        found
    }

    /// Changes something by hand and runs the recipe, which reports `expected` and nothing else
    /// (see [`assert_reports`]). What `get` and `pointer` find is again what it was, and a second
    /// run changes nothing.
    pub fn mends(&self, by_hand: &[Call], get: Call, pointer: &str, expected: Value) {
        let before = self.get(&get, pointer);
        assert_ne!(before, Value::Null, "{get:?} {pointer}");
        for call in by_hand {
            self.call(call.clone());
        }
        let changed = self.get(&get, pointer);
        assert_ne!(changed, before, "nothing was changed by {by_hand:?}");
        self.run_reports(expected);
        assert_eq!(self.get(&get, pointer), before, "after {by_hand:?}");
        self.run_changes_nothing();
    }

    /// Runs the recipe, which reports `expected` and nothing else.
    pub fn run_reports(&self, expected: Value) -> Output {
        let done = self.aws.pipe(&self.up).ok();
        assert_reports(&done, &expected);
        done
    }

    /// Runs the recipe, which changes nothing.
    pub fn run_changes_nothing(&self) -> Output {
        self.aws.forget();
        let done = self.aws.pipe(&self.up).ok();
        assert_eq!(self.aws.changes(), Vec::<String>::new());
        done
    }
}

/// Asserts what a run reports of all that it did not keep: for each record "created" or the fields
/// that it updated, each with its old and new value; "*" stands for any text.
fn assert_reports(done: &Output, expected: &Value) {
    let reported = reported(done);
    let expected = expected.as_object().unwrap();
    assert_eq!(
        reported.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{}",
        done.stderr
    );
    for (key, expected) in expected {
        let reported = &reported[key];
        assert!(
            fits(reported, expected),
            "{key}: {reported} is not {expected}"
        );
    }
}

/// What a run did with each record that it did not keep; the last of a type and name counts. What
/// is surplus goes by what it is, since AWS gave it an ID as its name.
fn reported(done: &Output) -> BTreeMap<String, Value> {
    let mut reported: BTreeMap<String, Value> = BTreeMap::new();
    for record in done.records() {
        let Some(change) = record.get("change") else {
            continue;
        };
        let kind = text(&record["type"]);
        let name = if kind == "surplus" { "what" } else { "name" };
        let key = format!("{kind} {}", text(&record[name]));
        if change == "updated" {
            let differences = record["changes"].as_array().into_iter().flatten();
            let fields = differences.map(|d| json!([d["field"], d["old"], d["new"]]));
            reported.insert(key, fields.collect());
        } else {
            reported.insert(key, change.clone());
        }
    }
    reported.retain(|_, change| change != "kept");
    reported
}

/// Whether it is the word that is expected, or the same fields with the same values.
fn fits(reported: &Value, expected: &Value) -> bool {
    let (Some(reported), Some(expected)) = (reported.as_array(), expected.as_array()) else {
        return reported == expected;
    };
    let same_field = |(reported, expected): (&Value, &Value)| {
        (0..3).all(|at| expected[at] == "*" || reported[at] == expected[at])
    };
    reported.len() == expected.len() && reported.iter().zip(expected).all(same_field)
}
