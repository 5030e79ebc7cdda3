//! How an app's tasks are asked whether they are well, how requests are sent to them, and an app without
//! a load balancer.

use support::{LocalAws, Output, Value, json, text};

use crate::elb::{
    attributes, call, load_balancers, pairs, target_group, target_group_attributes, target_groups,
};
use crate::input::{UPSTREAM, dry_run, upstream};

/// The same input, in which app web says more.
fn with_web(input: &str, more: Value) -> String {
    let mut changed = String::new();
    for line in input.lines() {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if record["type"] == "app" && record["name"] == "web" {
            let fields = record.as_object_mut().unwrap();
            fields.extend(more.as_object().unwrap().clone());
        }
        changed += &format!("{record}\n");
    }
    changed
}

/// What web's target group and load balancer say of it all.
fn said(aws: &LocalAws, made: &Output) -> Value {
    let arn = &made.record("target_group", "web")["arn"];
    let group = target_group(aws, arn);
    let of_group = target_group_attributes(aws, arn);
    let of_balancer = attributes(aws, &made.record("alb", "web")["arn"]);
    json!([
        group["Matcher"]["HttpCode"],
        group["HealthCheckPort"],
        group["HealthCheckIntervalSeconds"],
        group["HealthCheckTimeoutSeconds"],
        group["HealthyThresholdCount"],
        group["UnhealthyThresholdCount"],
        of_group["slow_start.duration_seconds"],
        of_group["stickiness.enabled"],
        of_group["stickiness.lb_cookie.duration_seconds"],
        of_group["deregistration_delay.timeout_seconds"],
        of_balancer["idle_timeout.timeout_seconds"],
    ])
}

const DEFAULTS: [&str; 11] = [
    r#""200""#,
    r#""traffic-port""#,
    "15",
    "5",
    "2",
    "3",
    r#""0""#,
    r#""false""#,
    r#""86400""#,
    r#""30""#,
    r#""60""#,
];

fn all() -> Value {
    json!({
        "health_codes": "200,302", "health_port": 9000, "health_interval": 6, "health_timeout": 3,
        "healthy_after": 4, "unhealthy_after": 5, "slow_start": 30, "sticky": 60, "drain": 3600,
        "idle_timeout": 5,
    })
}

fn assert_said(aws: &LocalAws, made: &Output, expected: &[&str]) {
    let expected: Value = serde_json::from_str(&format!("[{}]", expected.join(","))).unwrap();
    assert_eq!(said(aws, made), expected);
}

#[test]
fn what_an_app_says_of_checks_and_requests_is_made_and_read_back() {
    let aws = LocalAws::start();
    let input = with_web(&upstream(&aws, UPSTREAM), all());
    let made = aws.pipe_with("mk-alb", &input).ok();
    let expected = [
        r#""200,302""#,
        r#""9000""#,
        "6",
        "3",
        "4",
        "5",
        r#""30""#,
        r#""true""#,
        r#""60""#,
        r#""3600""#,
        r#""5""#,
    ];
    assert_said(&aws, &made, &expected);
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let web = listed.record("app", "web");
    for (field, value) in all().as_object().unwrap() {
        assert_eq!(web[field], *value, "{field}");
    }
    let plain = listed.record("app", "api");
    let fields: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        ["type", "name", "port", "health"],
        "what it does not say"
    );
}

#[test]
fn what_changes_in_place_does_so_and_goes_back_by_leaving_it_out() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    assert_said(&aws, &made, &DEFAULTS);
    let mut more = all();
    for field in ["health_codes", "health_port"] {
        more.as_object_mut().unwrap().remove(field);
    }
    let changed = with_web(&input, more);
    let plan = aws.pipe_with("mk-alb", &dry_run(&changed)).would_change();
    let lines = [
        "health interval: 15s -> 6s",
        "healthy after: 2 -> 4",
        "slow_start.duration_seconds: 0 -> 30",
        "stickiness.enabled: false -> true",
        "deregistration_delay.timeout_seconds: 30 -> 3600",
        "idle_timeout.timeout_seconds: 60 -> 5",
    ];
    for line in lines {
        assert!(plan.stderr.contains(line), "{line} in {}", plan.stderr);
    }
    aws.forget();
    let again = aws.pipe_with("mk-alb", &changed).ok();
    let set = [
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:ModifyTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
    ];
    let changes = || {
        let mut changes = aws.changes();
        changes.sort();
        changes
    };
    assert_eq!(changes(), set);
    for line in lines {
        assert!(again.stderr.contains(line), "{line} in {}", again.stderr);
    }
    assert_eq!(
        again.record("target_group", "web")["arn"],
        made.record("target_group", "web")["arn"]
    );
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(changes(), set);
    assert_said(&aws, &made, &DEFAULTS);
}

#[test]
fn what_tasks_that_run_may_fail_is_asked_by_another_target_group() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let before = made.record("target_group", "web")["arn"].clone();
    for more in [
        json!({"health_codes": "200-399"}),
        json!({"health_port": 9000}),
    ] {
        let output = aws
            .pipe_with("mk-alb | prune-env", &with_web(&input, more))
            .ok();
        let beside = output.record("target_group", "web");
        assert_ne!(beside["arn"], before);
        assert_eq!(target_groups(&aws).as_array().unwrap().len(), 2, "one each");
        let surplus = output
            .records()
            .into_iter()
            .filter(|one| one["type"] == "surplus");
        assert!(surplus.count() > 0);
    }
    let back = aws.pipe_with("mk-alb | prune-env", &input).ok();
    assert_eq!(
        text(&back.record("target_group", "web")["arn"])
            .rsplit('/')
            .nth(1),
        text(&before).rsplit('/').nth(1)
    );
    assert_eq!(target_groups(&aws).as_array().unwrap().len(), 2);
}

#[test]
fn what_somebody_changed_of_it_by_hand_is_brought_back_and_told() {
    let aws = LocalAws::start();
    let input = with_web(&upstream(&aws, UPSTREAM), json!({"sticky": 60}));
    let made = aws.pipe_with("mk-alb", &input).ok();
    let arn = &made.record("target_group", "web")["arn"];
    let by_hand = pairs(&[
        ("stickiness.enabled", "false"),
        ("slow_start.duration_seconds", "40"),
    ]);
    let by_hand = json!({"TargetGroupArn": arn, "Attributes": by_hand});
    call(&aws, "modify_target_group_attributes", by_hand);
    let idle = json!({"LoadBalancerArn": made.record("alb", "web")["arn"], "Attributes": pairs(&[("idle_timeout.timeout_seconds", "61")])});
    call(&aws, "modify_load_balancer_attributes", idle);
    let mended = aws.pipe_with("mk-alb", &input).ok();
    for line in [
        "slow_start.duration_seconds: 40 -> 0",
        "stickiness.enabled: false -> true",
        "idle_timeout.timeout_seconds: 61 -> 60",
    ] {
        assert!(mended.stderr.contains(line), "{line} in {}", mended.stderr);
    }
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn an_app_becomes_a_worker_and_back() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let jobs = with_web(&input, json!({"worker": true, "public": false}));
    aws.forget();
    let nothing = aws.pipe_with("mk-alb", &jobs).ok();
    assert!(nothing.records().iter().all(|record| {
        record["name"] != "web" || ["app", "sg"].contains(&text(&record["type"]))
    }));
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 1);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let arn = &made.record("target_group", "web")["arn"];
    aws.forget();
    for (input, pipe) in [(dry_run(&jobs), "mk-alb"), (jobs.clone(), "mk-alb")] {
        let told = aws.pipe_with(pipe, &input);
        for name in [
            "alb/alb-web-production-pr1",
            "target_group/tg-web-5000-production-pr1",
        ] {
            assert_eq!(told.record("surplus", name)["owner"], "mk-alb");
        }
        assert_eq!(aws.changes(), Vec::<String>::new(), "it shrinks at the end");
    }
    // Its tasks are in there still, and nothing in the pipe takes them out.
    let targets = json!({"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.9", "Port": 5000}]});
    call(&aws, "register_targets", targets);
    call(
        &aws,
        "describe_target_health",
        json!({"TargetGroupArn": arn}),
    );
    let stays = aws.pipe_with("mk-alb | prune-env", &jobs);
    assert_eq!(stays.code, 75, "{}", stays.stderr);
    assert!(
        stays.stderr.contains("nothing in the pipe moves its tasks"),
        "{}",
        stays.stderr
    );
    let targets = json!({"TargetGroupArn": arn, "Targets": [{"Id": "10.0.0.9"}]});
    call(&aws, "deregister_targets", targets);
    // Also where a stream tells of what it had.
    aws.pipe_with("mk-alb | prune-env", &(made.stdout.clone() + &jobs))
        .ok();
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 1);
    assert_eq!(target_groups(&aws).as_array().unwrap().len(), 1);
    aws.forget();
    aws.pipe_with("mk-alb | prune-env", &jobs).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(load_balancers(&aws).as_array().unwrap().len(), 2);
}

#[test]
fn the_local_aws_refuses_what_a_load_balancer_refuses() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let arn = &made.record("target_group", "web")["arn"];
    let before = target_group(&aws, arn);
    for (field, value) in [
        ("HealthCheckIntervalSeconds", json!(4)),
        ("HealthCheckIntervalSeconds", json!(301)),
        ("HealthCheckIntervalSeconds", json!(5)),
        ("HealthCheckTimeoutSeconds", json!(121)),
        ("HealthCheckTimeoutSeconds", json!(15)),
        ("HealthyThresholdCount", json!(1)),
        ("UnhealthyThresholdCount", json!(11)),
        ("HealthCheckPort", json!("65536")),
        ("Matcher", json!({"HttpCode": "199"})),
        ("Matcher", json!({"HttpCode": "302-200"})),
        ("Matcher", json!({"HttpCode": "200-500"})),
    ] {
        let params = json!({"TargetGroupArn": arn, field: value});
        let refused = aws.try_call("elbv2", "modify_target_group", params);
        assert!(refused.is_err(), "{field} {value}");
        assert_eq!(target_group(&aws, arn), before, "all of a call or nothing");
    }
    for (key, value) in [
        ("slow_start.duration_seconds", "29"),
        ("stickiness.lb_cookie.duration_seconds", "604801"),
        ("stickiness.enabled", "yes"),
        ("deregistration_delay.timeout_seconds", "3601"),
        ("no.such.key", "1"),
    ] {
        let params = json!({"TargetGroupArn": arn, "Attributes": pairs(&[(key, value)])});
        let refused = aws.try_call("elbv2", "modify_target_group_attributes", params);
        assert!(refused.is_err(), "{key} {value}");
    }
    let idle = pairs(&[("idle_timeout.timeout_seconds", "4001")]);
    let params = json!({"LoadBalancerArn": made.record("alb", "web")["arn"], "Attributes": idle});
    let refused = aws.try_call("elbv2", "modify_load_balancer_attributes", params);
    assert!(refused.is_err());
}
