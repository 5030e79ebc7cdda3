//! prune-env: what it takes away, and what it only names.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{LocalAws, Output, Value, json, recipe, replaced, text};

const NETWORK: &str = "mk-vpc | mk-sg --private-api";

/// The groups of some apps, and what nothing wants any more.
fn groups(aws: &LocalAws, apps: &str, prune: &str) -> Output {
    aws.pipe(&format!(
        "mk-env production pr1 {apps} | {NETWORK} | {prune}"
    ))
}

const WEB_CALLS_API: &str = "| mk-app web --public --calls api | mk-app api";
const WEB_ALONE: &str = "| mk-app web --public | mk-app api";
const API_ALONE: &str = "| mk-app api";

/// The rules of the environment's groups, in words.
fn rules(aws: &LocalAws) -> Vec<String> {
    let groups = aws.call("ec2", "describe_security_groups", json!({}));
    let mut names = std::collections::BTreeMap::new();
    for group in groups["SecurityGroups"].as_array().unwrap() {
        names.insert(
            text(&group["GroupId"]).to_string(),
            text(&group["GroupName"]).to_string(),
        );
    }
    let rules = aws.call("ec2", "describe_security_group_rules", json!({}));
    let mut words = Vec::new();
    for rule in rules["SecurityGroupRules"].as_array().unwrap() {
        let group = &names[text(&rule["GroupId"])];
        if !group.starts_with("security-group-") {
            continue;
        }
        let peer = &rule["ReferencedGroupInfo"]["GroupId"];
        let peer = match peer {
            Value::String(id) => names[id].clone(),
            _ => text(&rule["CidrIpv4"]).to_string(),
        };
        let port = &rule["FromPort"];
        let way = if rule["IsEgress"] == true {
            "to"
        } else {
            "from"
        };
        words.push(format!("{group}: {port} {way} {peer}"));
    }
    words.sort();
    words
}

fn surplus(output: &Output) -> Vec<Value> {
    let mut records = output.records();
    records.retain(|record| record["type"] == "surplus");
    records
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("prune-env", &[]);
}

#[test]
fn a_rule_that_nothing_needs_goes_at_the_end_and_not_before() {
    let aws = LocalAws::start();
    groups(&aws, WEB_CALLS_API, "prune-env").ok();
    let before = rules(&aws);

    let told = groups(&aws, WEB_ALONE, "cat").ok();
    assert_eq!(rules(&aws), before, "mk-sg only adds");
    assert_eq!(surplus(&told).len(), 2, "{}", told.stderr);

    let pruned = groups(&aws, WEB_ALONE, "prune-env").ok();
    let mut deleted = surplus(&pruned);
    deleted.retain(|record| record["change"] == "deleted");
    assert_eq!(deleted.len(), 2, "{}", pruned.stderr);
    let fresh = LocalAws::start();
    groups(&fresh, WEB_ALONE, "prune-env").ok();
    assert_eq!(rules(&aws), rules(&fresh));
}

#[test]
fn what_hands_add_is_told_at_once_and_goes_at_the_end() {
    let aws = LocalAws::start();
    let made = groups(&aws, WEB_CALLS_API, "prune-env").ok();
    let before = rules(&aws);
    let task = made.record("sg", "task/api");
    let ssh = json!({"GroupId": task["id"], "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]});
    aws.call("ec2", "authorize_security_group_ingress", ssh);

    let planned = groups(&aws, &format!("--plan {WEB_CALLS_API}"), "prune-env");
    assert_eq!(planned.code, 10, "{}", planned.stderr);
    assert_eq!(rules(&aws).len(), before.len() + 1);

    let pruned = groups(&aws, WEB_CALLS_API, "prune-env").ok();
    let line = "ingress rule tcp 22 from 0.0.0.0/0 of security group task/api";
    assert!(pruned.stderr.contains(line), "{}", pruned.stderr);
    assert_eq!(rules(&aws), before);
}

#[test]
fn a_dropped_app_keeps_all_it_needs_until_that_is_confirmed() {
    let aws = LocalAws::start();
    groups(&aws, WEB_CALLS_API, "prune-env").ok();
    let before = rules(&aws);

    aws.forget();
    let named = groups(&aws, API_ALONE, "prune-env").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(rules(&aws), before);
    for group in ["alb/web", "task/web"] {
        let line = format!("no record wants sg {group} any more");
        assert!(named.stderr.contains(&line), "{}", named.stderr);
    }

    groups(&aws, API_ALONE, "prune-env --confirm production-pr1").ok();
    let fresh = LocalAws::start();
    groups(&fresh, API_ALONE, "prune-env").ok();
    assert_eq!(rules(&aws), rules(&fresh));
}

#[test]
fn nothing_goes_where_a_tool_failed_or_another_environment_is_confirmed() {
    let aws = LocalAws::start();
    groups(&aws, WEB_CALLS_API, "prune-env").ok();
    let before = rules(&aws);
    let failed = r#"sh -c 'cat; echo "{\"type\":\"failed\",\"name\":\"mk-alb\",\"message\":\"no\",\"code\":1}"'"#;
    let skipped = groups(&aws, WEB_ALONE, &format!("{failed} | prune-env"));
    assert_eq!(skipped.code, 3, "{}", skipped.stderr);
    let other = groups(&aws, WEB_ALONE, "prune-env --confirm production-pr2");
    assert_eq!(other.code, 2, "{}", other.stderr);
    assert_eq!(rules(&aws), before);
}

#[test]
fn where_there_is_nothing_to_do_it_calls_nothing() {
    let aws = LocalAws::start();
    groups(&aws, WEB_CALLS_API, "prune-env").ok();
    aws.forget();
    groups(&aws, WEB_CALLS_API, "cat").ok();
    let without = aws.calls().len();
    aws.forget();
    groups(&aws, WEB_CALLS_API, "prune-env").ok();
    assert_eq!(aws.calls().len(), without);
}

/// A tool that is killed ends its output as one does that has done all.
#[test]
fn nothing_goes_before_the_tasks_have_moved_whichever_tool_was_killed_or_left_out() {
    let aws = LocalAws::start();
    let up = recipe(&["up"], "pr1");
    aws.pipe(&up).ok();
    let before = rules(&aws);
    let moved = replaced(
        &up,
        "mk-app web --public --port 5000",
        "mk-app web --public --port 8080",
    );
    let without_service = replaced(&moved, "| mk-ecs-svc", "");
    let without_service = replaced(&without_service, "| wait-env", "");
    let groups_alone = format!("{} | prune-env", moved.split("| mk-alb").next().unwrap());
    let wrong_order = replaced(&moved, "| mk-alb", "| prune-env | mk-alb");
    for pipe in [without_service, groups_alone, wrong_order] {
        let output = aws.pipe(&format!("set +o pipefail; {pipe}"));
        let told = "service service-web-production-pr1 serves at web:5000, and web:8080 is wanted: nothing is taken away";
        assert!(output.stderr.contains(told), "{pipe}: {}", output.stderr);
        assert_eq!(output.code, 75, "{pipe}: {}", output.stderr);
        let now = rules(&aws);
        assert!(before.iter().all(|rule| now.contains(rule)), "{now:?}");
    }
    aws.pipe(&moved).ok();
    let now = rules(&aws);
    assert!(
        !now.iter()
            .any(|rule| rule.contains("task-web-production-pr1: 5000")),
        "{now:?}"
    );
    let task =
        "security-group-task-web-production-pr1: 8080 from security-group-alb-web-production-pr1";
    assert!(now.contains(&task.to_string()), "{now:?}");
}

#[test]
fn what_the_stream_wants_is_not_deleted_whatever_a_line_says_is_unwanted() {
    let aws = LocalAws::start();
    let made = groups(&aws, WEB_CALLS_API, "prune-env").ok();
    let before = rules(&aws);
    let group = made.record("sg", "task/web");
    let saved = json!({"type": "unwanted", "name": "sg/task/web", "record": group});
    let line = format!("{}{saved}\n", made.stdout);
    aws.pipe_with("prune-env --confirm production-pr1", &line)
        .ok();
    assert_eq!(rules(&aws), before);
}
