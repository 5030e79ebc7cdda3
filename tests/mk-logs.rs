//! mk-logs: its command line, and the log groups it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeSet;

use support::{APPS, ENV, Faults, LocalAws, Value, json, tool};

const WEB: &str = "/ecs/production-pr1/web";

fn make(arguments: &str) -> String {
    format!("mk-env production pr1 | {APPS} | mk-logs {arguments}")
}

fn group(aws: &LocalAws, name: &str) -> support::Value {
    let found = aws.call(
        "logs",
        "describe_log_groups",
        json!({"logGroupNamePrefix": name}),
    );
    found["logGroups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["logGroupName"] == name)
        .cloned()
        .unwrap_or_default()
}

fn tags(aws: &LocalAws, name: &str) -> support::Value {
    let arn = format!("arn:aws:logs:us-east-1:123456789012:log-group:{name}");
    aws.call(
        "logs",
        "list_tags_for_resource",
        json!({"resourceArn": arn}),
    )["tags"]
        .clone()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-logs", &[]);
}

#[test]
fn a_retention_that_aws_does_not_take_is_refused_by_name() {
    let output = tool("mk-logs", &["--retention", "31"], ENV);
    assert_eq!(output.code, 2);
    assert!(
        output
            .stderr
            .contains("one of these numbers of days: 1, 3, 5, 7, 14, 30,"),
        "{}",
        output.stderr
    );
}

#[test]
fn it_makes_a_group_for_each_app_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let env = aws.pipe("mk-env production pr1").ok().stdout;
    let apps = format!("{APPS} | mk-logs");
    aws.forget();
    let made = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.calls().len(), 8, "{:?}", aws.calls());
    let record = made.record("log_group", "web");
    assert_eq!(
        (&record["group"], &record["retention"], &record["change"]),
        (&json!(WEB), &json!(30), &json!("created"))
    );
    assert_eq!(
        record["arn"],
        format!("arn:aws:logs:us-east-1:123456789012:log-group:{WEB}")
    );
    for app in ["web", "api"] {
        let name = format!("/ecs/production-pr1/{app}");
        assert_eq!(group(&aws, &name)["retentionInDays"], 30);
        let tags = tags(&aws, &name);
        assert_eq!(
            (&tags["plumbline:env"], &tags["Team"], &tags["Name"]),
            (&json!("production-pr1"), &json!("devops"), &json!(name))
        );
    }
    aws.forget();
    let again = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(aws.calls().len(), 4, "{:?}", aws.calls());
    assert_eq!(again.record("log_group", "api")["change"], "kept");
    assert!(
        again.stderr.contains("mk-logs: nothing to change (2 kept)"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe(&make("").replace("pr1 |", "pr1 --plan |"))
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("log_group", "web")["change"], "create");
    let made = aws.pipe(&make("")).ok();
    assert_eq!(planned.keys(), made.keys());
    let planned = aws
        .pipe(&make("--retention 60").replace("pr1 |", "pr1 --plan |"))
        .would_change();
    assert_eq!(planned.record("log_group", "web")["change"], "update");
    assert_eq!(group(&aws, WEB)["retentionInDays"], 30);
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make("")).ok();
    let arn = made.record("log_group", "web")["arn"].clone();
    let shorter = json!({"logGroupName": WEB, "retentionInDays": 3});
    aws.call("logs", "put_retention_policy", shorter);
    aws.call(
        "logs",
        "tag_resource",
        json!({"resourceArn": arn, "tags": {"Team": "nobody", "theirs": "x"}}),
    );
    aws.forget();
    let again = aws.pipe(&make("")).ok();
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(changes, ["logs:PutRetentionPolicy", "logs:TagResource"]);
    assert!(
        again
            .stderr
            .contains("(retention: 3 -> 30; tag Team: nobody -> devops)"),
        "{}",
        again.stderr
    );
    assert_eq!(group(&aws, WEB)["retentionInDays"], 30);
    let tags = tags(&aws, WEB);
    assert_eq!(
        (&tags["Team"], &tags["theirs"]),
        (&json!("devops"), &json!("x"))
    );
}

#[test]
fn what_it_has_set_is_shortened_and_what_hands_made_longer_stays() {
    let aws = LocalAws::start();
    aws.pipe(&make("")).ok();
    let shorter = aws.pipe(&make("--retention 7")).ok();
    assert!(shorter.stderr.contains("retention: 30 -> 7"), "{shorter:?}");
    assert_eq!(group(&aws, WEB)["retentionInDays"], 7);
    let longer = json!({"logGroupName": WEB, "retentionInDays": 365});
    aws.call("logs", "put_retention_policy", longer);
    aws.forget();
    let kept = aws.pipe(&make("--retention 7")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(kept.record("log_group", "web")["retention"], 365);
    let told = "keeps events 365 days, longer than 7: it stays so until you shorten it";
    assert!(kept.stderr.contains(told), "{}", kept.stderr);
}

#[test]
fn what_hands_add_that_it_does_not_set_stays_and_goes_with_the_group() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make("")).ok();
    let key = aws.call("kms", "create_key", json!({}))["KeyMetadata"]["Arn"].clone();
    let own = tags(&aws, WEB);
    aws.call("logs", "delete_log_group", json!({"logGroupName": WEB}));
    aws.call(
        "logs",
        "create_log_group",
        json!({"logGroupName": WEB, "kmsKeyId": key, "tags": own}),
    );
    aws.call(
        "logs",
        "put_retention_policy",
        json!({"logGroupName": WEB, "retentionInDays": 30}),
    );
    aws.call(
        "logs",
        "create_log_stream",
        json!({"logGroupName": WEB, "logStreamName": "theirs"}),
    );
    let measure =
        json!([{"metricName": "errors", "metricNamespace": "theirs", "metricValue": "1"}]);
    let filter = json!({"logGroupName": WEB, "filterName": "theirs", "filterPattern": "ERROR", "metricTransformations": measure});
    aws.call("logs", "put_metric_filter", filter);
    // What only begins alike is another's, with our retention or without.
    let others = [
        format!("{WEB}-theirs"),
        format!("{WEB}/theirs"),
        "/ecs/production-pr10/web".to_string(),
    ];
    for other in &others {
        aws.call("logs", "create_log_group", json!({"logGroupName": other}));
    }
    aws.forget();
    let told = format!(
        "mk-logs: log group {WEB} has by somebody's hand: key {}; it stays so\nmk-logs: nothing to change (2 kept)\n",
        support::text(&key)
    );
    assert_eq!(aws.pipe(&make("")).ok().stderr, told);
    assert_eq!(
        (aws.changes(), &group(&aws, WEB)["kmsKeyId"]),
        (Vec::new(), &key)
    );
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(
        listed
            .records()
            .iter()
            .filter(|record| record["type"] == "log_group")
            .count(),
        2
    );
    aws.pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    let left = aws.call("logs", "describe_log_groups", json!({}))["logGroups"].clone();
    let left: BTreeSet<_> = left
        .as_array()
        .unwrap()
        .iter()
        .map(|g| support::text(&g["logGroupName"]).into())
        .collect();
    assert_eq!(left, BTreeSet::from(others));
}

#[test]
fn another_retention_is_an_update_and_its_tag_too() {
    let aws = LocalAws::start();
    aws.pipe(&make("")).ok();
    aws.forget();
    let again = aws.pipe(&make("--retention 60")).ok();
    let mut changes = aws.changes();
    changes.sort();
    let [set, tag] = ["logs:PutRetentionPolicy", "logs:TagResource"];
    assert_eq!(changes, [set, set, tag, tag]);
    let told = again.record("log_group", "web")["changes"].clone();
    let fields = ["retention", "tag plumbline:retention"];
    let changed = fields.map(|field| json!({"field": field, "old": "30", "new": "60"}));
    assert_eq!(told, json!(changed));
}

#[test]
fn a_longer_retention_stays_and_is_told() {
    let aws = LocalAws::start();
    aws.pipe(&make("")).ok();
    let params = json!({"logGroupName": WEB, "retentionInDays": 365});
    aws.call("logs", "put_retention_policy", params);
    aws.forget();
    let again = aws.pipe(&make("")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let record = again.record("log_group", "web");
    assert_eq!(record["retention"], 365);
    assert_eq!(record["change"], "kept");
    let line = format!(
        "mk-logs: log group {WEB} keeps events 365 days, longer than 30: it stays so until you shorten it\n"
    );
    assert!(again.stderr.contains(&line), "{}", again.stderr);
}

#[test]
fn a_retention_that_hands_took_away_stays_so_and_is_told() {
    let aws = LocalAws::start();
    aws.pipe(&make("")).ok();
    let for_ever = json!({"logGroupName": WEB});
    aws.call("logs", "delete_retention_policy", for_ever);
    aws.forget();
    let line = format!(
        "mk-logs: log group {WEB} keeps events for ever, longer than 30: it stays so until you shorten it\n"
    );
    let again = aws.pipe(&make("")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let record = again.record("log_group", "web");
    assert_eq!(record["change"], "kept");
    assert!(record.get("retention").is_none(), "{record}");
    assert_eq!(again.stderr.matches(&line).count(), 1, "{}", again.stderr);
}

#[test]
fn a_group_that_was_left_half_made_gets_its_retention() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let refuse = json!({"do": "refuse", "of": "logs:PutRetentionPolicy", "status": 400, "code": "InvalidParameterException", "message": "No."});
    faults.rules(json!([refuse]));
    assert_eq!(faults.pipe(&make("")).code, 1);
    faults.end();
    assert_eq!(group(&aws, WEB)["retentionInDays"], Value::Null);
    let completed = aws.pipe(&make("")).ok();
    let told = "(retention: for ever -> 30; tag plumbline:retention:  -> 30)";
    assert!(completed.stderr.contains(told), "{}", completed.stderr);
    assert_eq!(group(&aws, WEB)["retentionInDays"], 30);
    assert_eq!(tags(&aws, WEB)["plumbline:retention"], "30");
    aws.forget();
    aws.pipe(&make("")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_group_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    aws.call(
        "logs",
        "create_log_group",
        json!({"logGroupName": WEB, "tags": {"Team": "theirs"}}),
    );
    let output = aws.pipe(&make(""));
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains(&format!(
            "mk-logs: log group {WEB} exists and is not tagged plumbline:env=production-pr1; it is left alone"
        )),
        "{}",
        output.stderr
    );
    assert_eq!(
        (group(&aws, WEB)["retentionInDays"].clone(), tags(&aws, WEB)),
        (json!(null), json!({"Team": "theirs"}))
    );
}

#[test]
fn ls_env_finds_the_groups_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make("")).ok();
    let other = "/ecs/production-pr1/theirs";
    aws.call("logs", "create_log_group", json!({"logGroupName": other}));
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for app in ["web", "api"] {
        let (made, listed) = (
            made.record("log_group", app),
            listed.record("log_group", app),
        );
        assert_eq!(
            (&made["group"], &made["arn"], &made["retention"]),
            (&listed["group"], &listed["arn"], &listed["retention"])
        );
    }
    let record = json!({"type": "log_group", "name": "theirs", "group": other, "arn": "arn:aws:logs:us-east-1:123456789012:x"});
    let all = format!("{}{record}\n", listed.stdout);
    let deleted = aws.pipe_with("rm-env --confirm production-pr1", &all);
    assert_eq!(deleted.code, 1);
    assert!(
        deleted
            .stderr
            .contains("log group /ecs/production-pr1/theirs exists and is not tagged"),
        "{}",
        deleted.stderr
    );
    assert_eq!(deleted.record("log_group", "web")["change"], "deleted");
    let left = aws.call("logs", "describe_log_groups", json!({}));
    let left: Vec<_> = left["logGroups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group["logGroupName"].clone())
        .collect();
    assert_eq!(left, [other]);
    // What is gone already counts as deleted.
    aws.pipe_with("rm-env --confirm production-pr1", &listed.stdout)
        .ok();
}

#[test]
fn a_source_gets_a_group_for_its_builds_and_one_for_its_function() {
    let aws = LocalAws::start();
    let pipe = "mk-env production pr1 | mk-source web owner/web | mk-logs --retention 7";
    let made = aws.pipe(pipe).ok();
    for (name, wanted) in [
        ("build/web", "/aws/codebuild/build-web-production-pr1"),
        ("function/web", "/aws/lambda/function-web-production-pr1"),
    ] {
        assert_eq!(made.record("log_group", name)["group"], wanted);
        assert_eq!(group(&aws, wanted)["retentionInDays"], 7);
        let tags = tags(&aws, wanted);
        assert_eq!(
            (&tags["plumbline:env"], &tags["plumbline:source"]),
            (&json!("production-pr1"), &json!("web"))
        );
    }
    aws.forget();
    aws.pipe(pipe).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    // Another environment's is not looked at, and all goes.
    aws.pipe("mk-env production pr2 | mk-source web owner/web | mk-logs")
        .ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let found: BTreeSet<String> = listed
        .records()
        .iter()
        .filter(|r| r["type"] == "log_group")
        .map(|r| support::text(&r["name"]).into())
        .collect();
    assert_eq!(
        found,
        BTreeSet::from(["build/web".to_string(), "function/web".to_string()])
    );
    aws.pipe_with("rm-env --confirm production-pr1", &listed.stdout)
        .ok();
    let left = aws.call("logs", "describe_log_groups", json!({}));
    assert_eq!(
        left["logGroups"].as_array().unwrap().len(),
        2,
        "those of pr2"
    );
}
