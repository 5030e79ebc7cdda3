//! The records of targets, and what they tell of their apps. Pure.

use plumbing::{Env, Record, RecordType, ScaleOn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::action::UTC;
use super::{Have, Policy, in_words, is_ours};
use plumbing::Range;

/// How the tasks of an app become more and fewer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// The app.
    pub name: String,
    /// The ARN of its scalable target.
    pub arn: String,
    /// The fewest tasks.
    pub least: i32,
    /// The most.
    pub most: i32,
    /// What decides.
    #[serde(default)]
    pub on: ScaleOn,
    /// Fields of others.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl RecordType for Scaling {
    const TYPE: &'static str = "scaling";
}

/// A target's record.
pub fn record(app: &str, arn: &str, range: Range, policies: &[Policy]) -> Record {
    Record::of(&Scaling {
        name: app.into(),
        arn: arn.into(),
        least: range.least,
        most: range.most,
        on: on(policies.iter()),
        ..Scaling::default()
    })
}

/// The app's record, as far as its target describes it.
pub fn app_record(env: &Env, have: &Have) -> Record {
    let policies = have.policies.iter();
    let on = on(policies.filter(|policy| is_ours(env, &policy.name)));
    let mut record = Record::new("app", &have.app(env))
        .with("found", true)
        .with("scale", in_words(have.registered()));
    if on != ScaleOn::default() {
        record = record.with("scale_on", serde_json::json!(on));
    }
    let actions = have.actions.iter().filter(|one| is_ours(env, &one.name));
    let mut at = Vec::new();
    let mut zone = None;
    for action in actions {
        at.push(action.words());
        zone = zone.or(Some(&action.zone).filter(|zone| *zone != UTC));
    }
    at.sort_unstable(); // AWS has no order
    if !at.is_empty() {
        record = record.with("scale_at", at);
    }
    match zone {
        Some(zone) => record.with("scale_zone", zone.as_str()),
        None => record,
    }
}

/// What policies say, as an app does.
fn on<'a>(policies: impl Iterator<Item = &'a Policy>) -> ScaleOn {
    let mut on = ScaleOn::default();
    for policy in policies {
        let target = policy.target.round() as u32;
        match (policy.measure(), policy.queue()) {
            ("cpu", _) => on.cpu = Some(target),
            ("memory", _) => on.memory = Some(target),
            ("requests", _) => on.requests = Some(target),
            ("queue", Some(queue)) => on.queue = Some(format!("{queue}:{target}")),
            _ => {}
        }
    }
    on
}
