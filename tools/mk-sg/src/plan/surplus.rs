//! What no app needs any more: rules of groups that stay, and whole groups.

use std::collections::BTreeMap;

use plumbing::{App, Env, Record, Surplus, Unwanted};
use serde_json::Value;

use super::changes::{RuleChanges, rule_changes};
use super::group::{Group, PURPOSES, group_name, purposes, record, record_name};
use super::want::Known;

/// The type of the name of a rule's surplus record.
const RULE: &str = "rule";
/// The same of a group's.
const GROUP: &str = "group";

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

/// The IDs of the rules of apps' groups that no app needs, once all apps are known.
pub fn surplus_ids(env: &Env, apps: &[App], groups: &[Group]) -> Vec<String> {
    let known = Known::all(env, groups, apps);
    let mut ids = Vec::new();
    for app in apps {
        for &purpose in purposes(app) {
            let name = group_name(env, &purpose.record_name(&app.name));
            for group in groups.iter().filter(|group| group.name == name) {
                for changes in rule_changes(&known, app, purpose, &group.rules) {
                    ids.extend(changes.surplus.into_iter().map(|rule| rule.id));
                }
            }
        }
    }
    ids
}

/// The groups of an app that it needs no more: that of its load balancer, where it has none any more.
pub fn surplus_groups(env: &Env, app: &App, groups: &[Group]) -> Vec<Surplus> {
    let mut surplus = Vec::new();
    for purpose in PURPOSES {
        let name = group_name(env, &purpose.record_name(&app.name));
        for group in groups.iter().filter(|group| group.name == name) {
            if !purposes(app).contains(&purpose) {
                let mut one = Surplus {
                    name: format!("{GROUP}/{}", group.id),
                    owner: "mk-sg".into(),
                    what: format!("security group {}", record_name(env, group)),
                    ..Surplus::default()
                };
                one.rest.insert("group".into(), group.id.clone().into());
                surplus.push(one);
            }
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

/// The ID of the group that a surplus record of ours is of.
pub fn surplus_group(surplus: &Surplus) -> Option<&str> {
    let is_ours = surplus.owner == "mk-sg" && surplus.name.starts_with(GROUP);
    let group = surplus.rest.get("group").and_then(Value::as_str);
    group.filter(|_| is_ours)
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

#[cfg(test)]
mod tests {
    use super::super::example::{existing, two_services};
    use super::super::group::Purpose;
    use super::super::rule::{ANYWHERE, Direction, Rule};
    use super::*;

    #[test]
    fn only_a_rule_that_no_app_of_the_stream_needs_is_surplus() {
        let env = Env::example();
        let apps: Vec<App> = two_services().apps.into_values().collect();
        let mut groups = Vec::new();
        for app in ["web", "api", "dropped"] {
            for purpose in PURPOSES {
                let record_name = purpose.record_name(app);
                groups.push(Group {
                    id: format!("sg-{}", record_name.replace('/', "-")),
                    name: group_name(&env, &record_name),
                    ..Group::default()
                });
            }
        }
        let api = groups.iter_mut().find(|group| group.id == "sg-alb-api");
        let rule = |id: &str, port: u16, peer: &str| {
            existing(id, Direction::Ingress, Rule::tcp(port, peer))
        };
        api.unwrap().rules = vec![
            rule("needed", 80, "sg-task-web"),
            rule("older", 8080, "sg-task-web"),
            rule("of-dropped", 80, "sg-task-dropped"),
            rule("theirs", 22, ANYWHERE),
        ];
        let of_dropped = Purpose::Task.record_name("dropped");
        let name = group_name(&env, &of_dropped);
        let dropped = groups.iter_mut().find(|group| group.name == name);
        dropped.unwrap().rules = vec![rule("runs-on", 5000, "sg-alb-dropped")];
        assert_eq!(surplus_ids(&env, &apps, &groups), ["older", "theirs"]);
    }

    #[test]
    fn an_app_that_became_a_worker_needs_no_group_of_a_load_balancer() {
        let env = Env::example();
        let group = |record_name: &str| Group {
            id: format!("sg-{}", record_name.replace('/', "-")),
            name: group_name(&env, record_name),
            ..Group::default()
        };
        let groups = ["alb/web", "task/web", "alb/api"].map(group);
        let mut web: App = serde_json::from_str(r#"{"name":"web"}"#).unwrap();
        assert_eq!(surplus_groups(&env, &web, &groups), []);
        web.worker = true;
        let [surplus] = &surplus_groups(&env, &web, &groups)[..] else {
            panic!("one group");
        };
        assert_eq!(surplus.what, "security group alb/web");
        assert_eq!(surplus_group(surplus), Some("sg-alb-web"));
        assert_eq!(surplus_rule(surplus), None);
    }
}
