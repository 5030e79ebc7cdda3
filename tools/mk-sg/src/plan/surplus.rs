//! What no app needs any more: rules of groups that stay, and whole groups.

use std::collections::BTreeMap;

use plumbing::{App, Env, Record, Surplus, Unwanted};
use serde_json::Value;

use super::changes::RuleChanges;
use super::group::{Group, PURPOSES, group_name, record, record_name};
use super::want::Known;

/// The type of a surplus record's name.
const RULE: &str = "rule";

/// The rules of a group that no app needs, each as a record for `prune-env`.
pub fn surplus(env: &Env, known: &Known, group: &Group, changes: &[RuleChanges]) -> Vec<Surplus> {
    let name = record_name(env, group);
    let mut surplus = Vec::new();
    for of_direction in changes {
        for existing in &of_direction.surplus {
            let direction = existing.direction;
            let rule = existing.rule.describe(direction, &known.group_ids);
            let direction = direction.word();
            let mut one = Surplus {
                name: format!("{RULE}/{}", existing.id),
                owner: "mk-sg".into(),
                what: format!("{direction} rule {rule} of security group {name}"),
                ..Surplus::default()
            };
            one.rest.insert("group".into(), group.id.clone().into());
            one.rest.insert("rule".into(), existing.id.clone().into());
            surplus.push(one);
        }
    }
    surplus
}

/// The groups of the environment that are of no app in the stream.
pub fn unwanted(env: &Env, apps: &BTreeMap<String, App>, groups: &[Group]) -> Vec<Unwanted> {
    let mut wanted = Vec::new();
    for app in apps.keys() {
        wanted.extend(PURPOSES.map(|purpose| group_name(env, &purpose.record_name(app))));
    }
    let mut unwanted = Vec::new();
    for group in groups {
        if !wanted.contains(&group.name) {
            let record = record(&record_name(env, group), &group.id);
            unwanted.push(Unwanted::of(record));
        }
    }
    unwanted
}

/// The ID of the group and of the rule that a surplus record of ours names.
pub fn surplus_rule(surplus: &Surplus) -> Option<(&str, &str)> {
    let text = |field: &str| surplus.rest.get(field).and_then(Value::as_str);
    let is_ours = surplus.owner == "mk-sg" && surplus.name.starts_with(RULE);
    match (text("group"), text("rule")) {
        (Some(group), Some(rule)) if is_ours => Some((group, rule)),
        _ => None,
    }
}

/// The surplus of a dry run, as records.
pub fn surplus_records(
    env: &Env,
    known: &Known,
    group: &Group,
    changes: &[RuleChanges],
) -> Vec<Record> {
    let surplus = surplus(env, known, group, changes);
    surplus.iter().map(Record::of).collect()
}
