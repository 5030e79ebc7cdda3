//! mk-rule: its command line, and the rules it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{DOWN, Faults, LocalAws, PIPELINE, Value, json, tags, text};

const NAME: &str = "rule-web-production-pr1";

/// The rule as AWS has it.
fn rule(aws: &LocalAws) -> Value {
    aws.call("events", "describe_rule", json!({"Name": NAME}))
}

/// The targets of the rule.
fn targets(aws: &LocalAws) -> Vec<Value> {
    let listed = aws.call("events", "list_targets_by_rule", json!({"Rule": NAME}));
    listed["Targets"].as_array().unwrap().clone()
}

/// The tags of the rule by its record.
fn tags_of(aws: &LocalAws, record: &Value) -> Value {
    let params = json!({"ResourceARN": record["arn"]});
    tags(&aws.call("events", "list_tags_for_resource", params)["Tags"])
}

/// Makes a rule of some name and nobody's tags.
fn put_theirs(aws: &LocalAws, name: &str) {
    let params = json!({"Name": name, "EventPattern": r#"{"source":["x"]}"#});
    aws.call("events", "put_rule", params);
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-rule", &[]);
}

#[test]
fn the_rule_starts_the_pipeline_but_only_where_events_are_the_trigger() {
    let aws = LocalAws::start_connected();
    let made = aws.pipe(PIPELINE).ok().record("rule", "web");
    assert_eq!(
        (&made["rule"], &made["enabled"], &made["change"]),
        (&json!(NAME), &json!(false), &json!("created"))
    );
    assert_eq!(rule(&aws)["State"], "DISABLED");
    let pattern: Value = text(&rule(&aws)["EventPattern"]).parse().unwrap();
    assert_eq!(
        pattern,
        json!({"source": ["github"], "detail-type": ["push"], "detail": {"ref": ["refs/heads/main"], "repository": {"full_name": ["owner/web"]}}})
    );
    let [target] = &targets(&aws)[..] else {
        panic!("{:?}", targets(&aws))
    };
    assert_eq!(
        target["Arn"],
        "arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1"
    );
    assert!(
        text(&target["RoleArn"]).contains("role-events-web"),
        "{target}"
    );
    let found = tags_of(&aws, &made);
    for (key, value) in [
        ("plumbline:env", "production-pr1"),
        ("plumbline:source", "web"),
        ("Environment", "production"),
        ("Team", "devops"),
    ] {
        assert_eq!(found[key], value, "{found}");
    }
    aws.forget();
    assert_eq!(
        aws.pipe(PIPELINE).ok().record("rule", "web")["change"],
        "kept"
    );
    assert_eq!(aws.changes(), Vec::<String>::new());

    let by_events = PIPELINE.replace("owner/web", "owner/web --trigger events");
    let switched = aws.pipe(&by_events).ok().record("rule", "web");
    assert_eq!(
        (&switched["enabled"], &switched["change"]),
        (&json!(true), &json!("updated"))
    );
    assert_eq!(rule(&aws)["State"], "ENABLED");
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_what_others_added_stays() {
    let aws = LocalAws::start_connected();
    let made = aws.pipe(PIPELINE).ok().record("rule", "web");
    aws.call(
        "events",
        "put_rule",
        json!({"Name": NAME, "EventPattern": r#"{"source":["x"]}"#, "State": "ENABLED"}),
    );
    aws.call(
        "events",
        "remove_targets",
        json!({"Rule": NAME, "Ids": ["pipeline"]}),
    );
    aws.call(
        "events",
        "put_targets",
        json!({"Rule": NAME, "Targets": [{"Id": "theirs", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"}]}),
    );
    let set = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    aws.call(
        "events",
        "tag_resource",
        json!({"ResourceARN": made["arn"], "Tags": set}),
    );
    let again = aws.pipe(PIPELINE).ok();
    let line = format!(
        "mk-rule: rule {NAME} has targets that are not its pipeline: theirs arn:aws:sqs:us-east-1:123456789012:q; they stay until you take them away\n"
    );
    assert_eq!(again.stderr.matches(&line).count(), 1, "{}", again.stderr);
    let mended = again.record("rule", "web");
    let fields: Vec<&str> = mended["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| text(&change["field"]))
        .collect();
    for field in [
        "event pattern",
        "state",
        "target",
        "target role",
        "tag Team",
    ] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    assert_eq!(targets(&aws).len(), 2);
    let found = tags_of(&aws, &made);
    assert_eq!(
        (&found["Team"], &found["theirs"]),
        (&json!("devops"), &json!("x"))
    );
    aws.forget();
    aws.pipe(PIPELINE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    // Others' targets go with it: AWS keeps a rule that has any.
    aws.pipe("ls-env --env production-pr1 | grep -e env -e rule | rm-env --confirm production-pr1")
        .ok();
    assert!(
        aws.try_call("events", "describe_rule", json!({"Name": NAME}))
            .is_err()
    );
}

#[test]
fn what_starts_it_otherwise_or_says_what_to_run_is_taken_away() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    let made = rule(&aws);
    let [target] = &targets(&aws)[..] else {
        panic!("{:?}", targets(&aws))
    };
    let mut other = target.clone();
    let input = json!({"InputPathsMap": {"branch": "$.detail.ref"}, "InputTemplate": "{\"sourceRevisions\": <branch>}"});
    other["InputTransformer"] = input;
    other["RetryPolicy"] = json!({"MaximumRetryAttempts": 1});
    other["DeadLetterConfig"] = json!({"Arn": "arn:aws:sqs:us-east-1:123456789012:q"});
    aws.call(
        "events",
        "put_targets",
        json!({"Rule": NAME, "Targets": [other]}),
    );
    let state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS";
    let with_schedule = json!({"Name": NAME, "EventPattern": made["EventPattern"], "Description": made["Description"],
        "State": state, "ScheduleExpression": "rate(5 minutes)", "RoleArn": target["RoleArn"]});
    aws.call("events", "put_rule", with_schedule);
    let listed = aws
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("rule", "web");
    assert_eq!(listed["enabled"], true, "it acts");

    let mended = aws.pipe(PIPELINE).ok().record("rule", "web");
    let settings = "input transformer, retry policy, dead-letter queue";
    let wanted = json!([
        {"field": "state", "old": state, "new": "DISABLED"},
        {"field": "schedule", "old": "rate(5 minutes)", "new": "none"},
        {"field": "role", "old": target["RoleArn"], "new": "none"},
        {"field": "target settings", "old": settings, "new": "none"},
    ]);
    assert_eq!(mended["changes"], wanted);
    assert_eq!(
        (&rule(&aws), &targets(&aws)[..]),
        (&made, &[target.clone()][..])
    );
    aws.forget();
    aws.pipe(PIPELINE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn without_the_tag_of_its_source_it_is_listed_by_its_name_and_deleted() {
    let aws = LocalAws::start_connected();
    let arn = aws.pipe(PIPELINE).ok().record("rule", "web")["arn"].clone();
    let keys = json!(["plumbline:source"]);
    aws.call(
        "events",
        "untag_resource",
        json!({"ResourceARN": arn, "TagKeys": keys}),
    );
    let listed = aws
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("rule", NAME);
    assert_eq!((&listed["rule"], &listed["arn"]), (&json!(NAME), &arn));
    aws.pipe(DOWN).ok();
    assert_eq!(
        aws.call("events", "list_rules", json!({}))["Rules"],
        json!([])
    );
}

#[test]
fn the_rule_of_an_environment_is_found_on_a_later_page() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    for number in 0..101 {
        put_theirs(&aws, &format!("rule-{number:03}-production-pr1"));
    }
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let mut rules = listed.records();
    rules.retain(|record| record["type"] == "rule");
    assert_eq!((rules.len(), &rules[0]["rule"]), (1, &json!(NAME)));
}

#[test]
fn a_rule_of_that_name_that_is_not_ours_is_refused_and_stays() {
    let aws = LocalAws::start_connected();
    put_theirs(&aws, NAME);
    let refused = aws.pipe(PIPELINE);
    assert!(
        refused
            .stderr
            .contains(&format!("mk-rule: rule {NAME} exists and is not tagged")),
        "{}",
        refused.stderr
    );
    let record = refused.record("pipeline", "web");
    let line = json!({"type": "rule", "name": "web", "arn": text(&record["arn"]).replace("codepipeline", "events"), "rule": NAME});
    let kept = aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{}\n{line}\n", support::ENV),
    );
    assert_eq!(kept.code, 1, "{kept:?}");
    assert_eq!(text(&rule(&aws)["EventPattern"]), r#"{"source":["x"]}"#);
}

#[test]
fn one_whose_tags_do_not_show_for_a_moment_is_not_taken_for_somebody_elses() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    let faults = Faults::between(&aws);
    faults.hide_tags_once("events:ListTagsForResource");
    assert_eq!(
        faults.pipe(PIPELINE).ok().record("rule", "web")["change"],
        "kept"
    );
    faults.hide_tags_once("events:ListTagsForResource");
    faults
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("rule", "web");
}
