//! A run as tests know it, and the text of what is drawn of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::message::{Message, Told};
use super::state::State;
use super::text::Line;
use crate::record::Record;

/// A run of which nothing is known but its environment.
pub(super) fn run(tool: &'static str, plan: bool) -> State {
    let mut state = State::new(tool, Instant::now(), false);
    see(
        &mut state,
        &[
            json!({"type": "env", "name": "production-pr1", "environment": "production",
            "suffix": "pr1", "region": "us-east-1", "account": "123456789012", "plan": plan}),
        ],
    );
    state
}

/// Records of an app that was made, without its service.
pub(super) fn app(name: &str) -> Vec<Value> {
    let dns = format!("alb-{name}.elb.amazonaws.com");
    vec![
        json!({"type": "app", "name": name, "image": format!("registry.example/{name}:1")}),
        json!({"type": "sg", "name": format!("task/{name}"), "id": "sg-1", "change": "created"}),
        json!({"type": "alb", "name": name, "dns": dns, "scheme": "internet-facing", "change": "created"}),
    ]
}

/// The record of an app's service.
pub(super) fn service(name: &str) -> Value {
    json!({"type": "service", "name": name, "count": 2, "change": "created"})
}

/// Takes records in, at the beginning.
pub(super) fn see(state: &mut State, records: &[Value]) {
    for record in records {
        let record: Record = serde_json::from_value(record.clone()).unwrap();
        state.see(record, state.begun);
    }
}

/// Takes in what a tool tells after so many seconds.
pub(super) fn hear(state: &mut State, seconds: u64, tool: &str, told: Told) {
    let tool = tool.into();
    state.hear(Message { tool, told }, later(state, seconds));
}

/// So many seconds after the beginning.
pub(super) fn later(state: &State, seconds: u64) -> Instant {
    state.begun + Duration::from_secs(seconds)
}

/// Lines as they are on a screen without colours.
pub(super) fn text(lines: &[Line], width: usize) -> String {
    let lines = lines.iter().map(|line| line.fitted(width, false) + "\n");
    lines.collect()
}
