//! Which security groups and rules there should be, which exist, and what follows. Pure.
//!
//! The parts, each of which knows only those before it: `preset` has the flags that stand for apps,
//! `rule` a rule, `group` a group with its name and tags, `want` the rules that apps need,
//! `reach` what apps reach that is no app, `changes` how existing rules differ from what is wanted,
//! `deletion` what is deleted. Here are the records
//! of all groups together: of a dry run, and of what exists.

mod changes;
mod deletion;
#[cfg(test)]
mod example;
mod group;
mod preset;
mod reach;
mod rule;
mod surplus;
mod want;

use plumbing::step::without_parts;
use plumbing::{App, Change, Env, Record, Result};

pub use changes::{
    RuleChanges, all_decided, all_final, apply, rule_changes, rule_differences, without_surplus,
};
pub use deletion::{
    Interface, groups_to_delete, is_of_group, newcomer, obstacles, rules_to_revoke,
};
pub use group::{
    DESCRIPTION, Group, PURPOSES, Purpose, find_in_vpc, group_ids, group_name, purposes, record,
    record_name, tag_differences, tags_of,
};
pub use preset::{PRESETS, Preset, preset};
pub use reach::{check_peers, peers, told_of_peers};
pub use rule::{ANYWHERE, DIRECTIONS, Direction, ExistingRule, GroupIds, Rule, Tags};
pub use surplus::{surplus, surplus_group, surplus_groups, surplus_ids, surplus_rule, unwanted};
pub use want::{Known, wanted_groups};

/// What a run would do for these apps, as records. A group that does not exist has an ID that
/// begins with `planned:`.
pub fn dry_run(env: &Env, vpc: &str, groups: &[Group], apps: &[App]) -> Result<Vec<Record>> {
    let mut known = Known::all(env, groups, apps);
    for app in apps {
        for &purpose in purposes(app) {
            let record_name = purpose.record_name(&app.name);
            let name = group_name(env, &record_name);
            let id = match find_in_vpc(groups, vpc, &name)? {
                Some(group) => group.id.clone(),
                None => env.planned(&name),
            };
            known.group_ids.insert(record_name, id);
        }
    }
    let mut records = Vec::new();
    for app in apps {
        for &purpose in purposes(app) {
            records.extend(dry_run_of_group(env, vpc, groups, &known, app, purpose)?);
        }
    }
    let of_workers = apps.iter().flat_map(|app| surplus_groups(env, app, groups));
    records.extend(of_workers.map(|surplus| Record::of(&surplus)));
    let unwanted = unwanted(env, &known.apps, groups);
    records.extend(unwanted.iter().map(Record::of));
    Ok(records)
}

/// What a run would do about one group of an app, and what it would leave to `prune-env`.
fn dry_run_of_group(
    env: &Env,
    vpc: &str,
    groups: &[Group],
    known: &Known,
    app: &App,
    purpose: Purpose,
) -> Result<Vec<Record>> {
    let record_name = purpose.record_name(&app.name);
    let record = record(&record_name, &known.group_ids[&record_name]);
    let name = group_name(env, &record_name);
    let Some(group) = find_in_vpc(groups, vpc, &name)? else {
        return Ok(vec![record.changed(Change::Create, &[])]);
    };
    let changes = rule_changes(known, app, purpose, &group.rules);
    let mut changed = group.clone();
    apply(&changes, &mut changed);
    let needed = without_surplus(&changed, &changes);
    let mut differences = without_parts(tag_differences(env, &needed, &known.group_ids));
    differences.extend(rule_differences(&changes, &known.group_ids));
    let change = if differences.is_empty() {
        Change::Kept
    } else {
        Change::Update
    };
    let mut records = vec![record.changed(change, &differences)];
    records.extend(surplus::surplus_records(env, known, group, &changes));
    Ok(records)
}

/// What exists, as records: the groups, and what only their rules say: which app calls which, what it
/// reaches besides, and who reaches it.
pub fn records(env: &Env, groups: &[Group]) -> Vec<Record> {
    let group_ids = group_ids(env, groups);
    let mut records = group_records(env, groups);
    let calls = |group: &Group| called_apps(group, &group_ids);
    records.extend(reach::app_records(env, groups, &group_ids, calls));
    records
}

/// The groups that exist, as records.
pub fn group_records(env: &Env, groups: &[Group]) -> Vec<Record> {
    let groups = groups.iter();
    groups
        .map(|group| record(&record_name(env, group), &group.id))
        .collect()
}

/// The apps whose load balancers a group's members may reach, sorted, each once.
fn called_apps(group: &Group, group_ids: &GroupIds) -> Vec<String> {
    let mut apps = Vec::new();
    for existing in &group.rules {
        if existing.direction != Direction::Egress {
            continue;
        }
        if let Some(peer) = rule::record_name_of(&existing.rule.peer, group_ids) {
            apps.extend(peer.strip_prefix("alb/").map(String::from));
        }
    }
    apps.sort();
    apps.dedup();
    apps
}

#[cfg(test)]
mod tests {
    use super::example::existing;
    use super::*;

    #[test]
    fn a_dry_run_on_nothing_creates_every_group_with_a_planned_id() {
        let apps = PRESETS[0].apps();
        let records = dry_run(&Env::example(), "vpc-1", &[], &apps).unwrap();
        assert!(
            records
                .iter()
                .all(|record| record.text("change") == "create")
        );
        let ids: Vec<_> = records.iter().map(|r| (r.name(), r.text("id"))).collect();
        assert_eq!(
            ids[0],
            ("alb/web", "planned:security-group-alb-web-production-pr1")
        );
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn who_calls_whom_is_read_back_from_the_rules() {
        let env = Env::example();
        let group = |record_name: &str, rules: Vec<ExistingRule>| Group {
            id: format!("sg-{}", record_name.replace('/', "-")),
            name: group_name(&env, record_name),
            rules,
            ..Group::default()
        };
        let to = |port, peer: &str| existing("sgr-1", Direction::Egress, Rule::tcp(port, peer));
        let groups = [
            group("task/web", vec![to(80, "sg-alb-api"), to(443, ANYWHERE)]),
            group("alb/api", vec![to(80, "sg-task-web")]),
        ];
        let records = records(&env, &groups);
        let apps: Vec<String> = records
            .iter()
            .filter(|record| record.kind() == "app")
            .map(|record| serde_json::to_string(&record.0).unwrap())
            .collect();
        assert_eq!(apps, [r#"{"type":"app","name":"web","calls":["api"]}"#]);
        assert_eq!(records.len(), 3);
    }
}
