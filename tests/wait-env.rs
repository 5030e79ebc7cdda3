//! wait-env: its command line, and what it waits for in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "wait-env/answers.rs"]
mod answers;
#[path = "wait-env/failures.rs"]
mod failures;

use support::{ENV, Faults, LocalAws, Output, Value, json, rewrite, text, tool};

/// Everything but the waiting; images are given so that a test can break one.
fn up(web: &str) -> String {
    format!(
        "mk-env production pr1 \
         | mk-app web --public --calls api --set 'ApiAddress=http://{{alb.api.dns}}/WeatherForecast' --image {web} \
         | mk-app api --health /WeatherForecast --image registry.example/api:1 \
         | mk-vpc --nat single | mk-sg --private-api | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc"
    )
}

/// The addresses that were told.
fn urls(output: &Output) -> Vec<&str> {
    let lines = output.stderr.lines();
    lines.filter(|line| line.contains("http://")).collect()
}

/// What wait-env told.
fn told(output: &Output) -> Vec<&str> {
    let lines = output.stderr.lines();
    lines
        .filter(|line| line.starts_with("wait-env: "))
        .collect()
}

/// The service of a record, as ECS describes it.
fn describe(aws: &LocalAws, service: &Value) -> Value {
    let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
    aws.call("ecs", "describe_services", params)["services"][0].clone()
}

/// An environment that is up, and its records as `tee` would save them: what was created then need not
/// be what runs later.
fn records(aws: &LocalAws) -> Output {
    aws.pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok()
}

/// Has web run another image.
fn deploy(aws: &LocalAws, records: &Output, image: &str) -> Output {
    aws.pipe_with(
        &format!("mk-ecs-svc --image web={image} | wait-env --timeout 5"),
        &records.stdout,
    )
}

#[test]
fn a_target_that_somebody_registered_by_hand_is_told_and_costs_no_call() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let again = format!("{} | wait-env", up("registry.example/web:1"));
    aws.forget();
    let before = aws.pipe(&again).ok();
    let calls = aws.calls().len();
    assert!(!before.stderr.contains("by hand"), "{}", before.stderr);
    let group = &records.record("target_group", "web")["arn"];
    let targets = json!([{"Id": "10.0.200.9", "Port": 5000}]);
    let params = json!({"TargetGroupArn": group, "Targets": targets});
    aws.call("elbv2", "register_targets", params);
    set_moment(&aws, 0.0);
    std::thread::sleep(std::time::Duration::from_secs(1));
    aws.forget();
    let told = aws.pipe(&again).ok();
    let line = "wait-env: app web runs 2 tasks, and its target group has 3 targets, ";
    assert!(told.stderr.contains(line), "{}", told.stderr);
    for words in ["10.0.200.9:5000", ": somebody registered 1 by hand"] {
        assert!(told.stderr.contains(words), "{}", told.stderr);
    }
    assert_eq!(aws.calls().len(), calls);
}

/// How long the local AWS takes for what takes a while, from now on.
fn set_moment(aws: &LocalAws, seconds: f64) {
    aws.config(json!({"moment": seconds}));
}

/// A rule by which ECS describes services with something replaced.
fn rewrite_services(found: &str, by: &str) -> Value {
    rewrite("ecs:DescribeServices", found, by)
}

/// A proxy with some rules before the local AWS.
fn with_rules(aws: &LocalAws, rules: &[Value]) -> Faults {
    let faults = Faults::between(aws);
    faults.rules(json!(rules));
    faults
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("wait-env", &[]);
}

#[test]
fn in_a_dry_run_it_passes_everything_through_and_makes_no_call() {
    let env = ENV.replace("\"tags\"", "\"plan\":true,\"tags\"");
    let service = r#"{"type":"service","name":"web","arn":"planned:x","cluster":"planned:y","task_definition":"planned:z","change":"create"}"#;
    let input = format!("{env}\n{service}\n");
    let output = tool("wait-env", &[], &input).would_change(); // every call would be refused
    assert_eq!((output.stdout, output.stderr), (input, String::new()));
}

#[test]
fn it_ends_when_all_is_healthy_and_tells_where_the_public_apps_are() {
    let aws = LocalAws::start();
    let made = records(&aws);
    let dns = made.record("alb", "web")["dns"].clone();
    assert_eq!(
        made.stderr.lines().last(),
        Some(format!("wait-env: web: http://{}/", text(&dns)).as_str())
    );
    assert_eq!(urls(&made).len(), 1, "api is internal: {}", made.stderr);
    for app in ["web", "api"] {
        let now = describe(&aws, &made.record("service", app));
        assert_eq!(
            (&now["runningCount"], &now["deployments"][0]["rolloutState"]),
            (&json!(2), &json!("COMPLETED"))
        );
        let group = json!({"TargetGroupArn": made.record("listener", app)["target_group"]});
        let health = aws.call("elbv2", "describe_target_health", group);
        for target in health["TargetHealthDescriptions"].as_array().unwrap() {
            assert_eq!(target["TargetHealth"]["State"], "healthy", "{health}");
        }
    }

    aws.forget();
    let again = aws
        .pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(urls(&again), urls(&made));
    let mut calls = aws.calls();
    calls.retain(|call| call["tool"] == "wait-env");
    assert_eq!(calls.len(), 5, "{calls:?}");
}

#[test]
fn the_last_record_of_a_service_is_the_one_that_counts() {
    let aws = LocalAws::start();
    let made = records(&aws);
    // A saved stream, then another image: the old record comes first, the new one after it.
    let rolled = aws
        .pipe_with(
            "mk-ecs-svc --image web=registry.example/web:2 | wait-env",
            &made.stdout,
        )
        .ok();
    assert!(text(&rolled.record("service", "web")["task_definition"]).ends_with(":2"));
    let service = rolled.record("service", "web");
    let now = describe(&aws, &service);
    assert_eq!(
        (
            &now["deployments"][0]["taskDefinition"],
            &now["deployments"][0]["rolloutState"]
        ),
        (&service["task_definition"], &json!("COMPLETED"))
    );
}

#[test]
fn a_tool_upstream_that_fails_ends_it_quietly() {
    let aws = LocalAws::start();
    let output = aws.pipe(
        "mk-env production pr1 | mk-app web --calls api --public | mk-vpc --cidr 10.0.0.0/16 | mk-ecs-svc | wait-env",
    );
    assert!(!output.stderr.contains("wait-env: "), "{}", output.stderr);
    assert_ne!(output.code, 0);
}

/// What was told to run now, by whichever tool.
fn told_to_run(output: &Output) -> Vec<&str> {
    let lines = output.stderr.lines();
    lines.filter(|line| line.contains(" runs ")).collect()
}

#[test]
fn what_runs_now_is_told_after_a_deployment_and_after_no_change_is_not() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let output = deploy(&aws, &records, "registry.example/web:2").ok();
    assert_eq!(
        told_to_run(&output),
        ["wait-env: web runs registry.example/web:2 (task-web-production-pr1:2)"]
    );
    let kept = deploy(&aws, &records, "registry.example/web:2").ok();
    assert_eq!(told_to_run(&kept), Vec::<&str>::new());
    // Nor did a second run change what it had to wait for, and that is worth a word.
    set_moment(&aws, 1.0);
    let output = aws
        .pipe_with(
            "mk-ecs-svc --image web=registry.example/web:3",
            &records.stdout,
        )
        .ok();
    assert_eq!(output.record("service", "web")["change"], "updated");
    let kept = deploy(&aws, &records, "registry.example/web:3").ok();
    assert_eq!(kept.record("service", "web")["change"], "kept");
    assert_eq!(
        told_to_run(&kept),
        ["wait-env: web runs registry.example/web:3 (task-web-production-pr1:3)"]
    );
}

#[test]
fn nothing_to_wait_for_is_no_success() {
    let aws = LocalAws::start();
    let output = aws.pipe("ls-env --env production-nope | wait-env");
    assert_eq!(output.code, 65, "{}", output.stderr);
    let line = "wait-env: nothing to wait for: no service, alb or pipeline record of production-nope in us-east-1, account 123456789012, is on stdin\n";
    assert!(output.stderr.contains(line), "{}", output.stderr);
    let network = aws.pipe("mk-env production pr1 | mk-vpc --nat single | wait-env");
    assert_eq!(network.code, 65, "{}", network.stderr);
}
