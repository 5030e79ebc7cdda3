//! wait-env: its command line, and what it waits for in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, LocalAws, Output, json, text, tool};

/// Everything but the waiting; images are given so that a test can break one.
fn up(web: &str) -> String {
    format!(
        "mk-env production pr1 \
         | mk-app web --public --calls api --set 'ApiAddress=http://{{alb.api.dns}}/WeatherForecast' --image {web} \
         | mk-app api --health /WeatherForecast --image registry.example/api:1 \
         | mk-vpc --nat single | mk-sg --private-api | mk-alb | mk-role | mk-logs | mk-ecs-svc"
    )
}

fn urls(output: &Output) -> Vec<String> {
    output.stderr.lines().filter(|line| line.contains("http://")).map(String::from).collect()
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
    let made = aws.pipe(&format!("{} | wait-env", up("registry.example/web:1"))).ok();
    let dns = made.record("alb", "web")["dns"].clone();
    assert_eq!(made.stderr.lines().last(), Some(format!("wait-env: web: http://{}/", text(&dns)).as_str()));
    assert_eq!(urls(&made).len(), 1, "api is internal: {}", made.stderr);
    for app in ["web", "api"] {
        let service = made.record("service", app);
        let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
        let now = aws.call("ecs", "describe_services", params)["services"][0].clone();
        assert_eq!((&now["runningCount"], &now["deployments"][0]["rolloutState"]), (&json!(2), &json!("COMPLETED")));
        let group = &made.record("listener", app)["target_group"];
        let health = aws.call("elbv2", "describe_target_health", json!({"TargetGroupArn": group}));
        let states = health["TargetHealthDescriptions"].as_array().unwrap();
        assert!(states.iter().all(|target| target["TargetHealth"]["State"] == "healthy"), "{health}");
    }

    aws.forget();
    let again = aws.pipe(&format!("{} | wait-env", up("registry.example/web:1"))).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(urls(&again), urls(&made));
    let calls: Vec<_> =
        aws.calls().into_iter().filter(|call| call["tool"] == "wait-env").map(|call| call["action"].clone()).collect();
    assert_eq!(calls.len(), 5, "{calls:?}");
}

#[test]
fn an_image_that_does_not_start_is_told_and_the_old_one_is_back() {
    let aws = LocalAws::start();
    let made = aws.pipe(&format!("{} | wait-env", up("registry.example/web:1"))).ok();
    let output = aws.pipe(&format!("{} | wait-env", up("registry.example/web:broken")));
    assert_eq!(output.code, 1);
    assert!(output.stderr.contains("wait-env: service web failed: "), "{}", output.stderr);
    assert!(output.stderr.contains("circuit breaker"), "{}", output.stderr);
    assert!(output.stderr.contains("newest event: (service service-web-production-pr1) "), "{}", output.stderr);
    assert_eq!(urls(&output), Vec::<String>::new());
    let failed = output.record("failed", "wait-env");
    assert!(text(&failed["message"]).starts_with("service web failed: "));
    // A rollback ends as steady as a success: on another revision.
    let service = made.record("service", "web");
    let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
    for _ in 0..100 {
        let now = aws.call("ecs", "describe_services", params.clone())["services"][0].clone();
        if now["deployments"][0]["rolloutState"] == "COMPLETED" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let late = aws.pipe_with(
        "wait-env",
        &output
            .stdout
            .lines()
            .filter(|line| !line.contains(r#""type":"failed""#))
            .map(|line| format!("{line}\n"))
            .collect::<String>(),
    );
    assert_eq!(late.code, 1);
    assert!(
        late.stderr.contains("it was to run task-web-production-pr1:2 and runs task-web-production-pr1:1"),
        "{}",
        late.stderr
    );
}

#[test]
fn a_first_deployment_that_fails_is_told() {
    let aws = LocalAws::start();
    let output = aws.pipe(&format!("{} | wait-env", up("registry.example/web:broken")));
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("wait-env: service web failed: ECS deployment circuit breaker: tasks failed to start"),
        "{}",
        output.stderr
    );
}

#[test]
fn the_last_record_of_a_service_is_the_one_that_counts() {
    let aws = LocalAws::start();
    let made = aws.pipe(&format!("{} | wait-env", up("registry.example/web:1"))).ok();
    // A saved stream, then another image: the old record comes first, the new one after it.
    let records: String = made.stdout.lines().map(|line| format!("{line}\n")).collect();
    let rolled = aws.pipe_with("mk-ecs-svc --image web=registry.example/web:2 | wait-env", &records).ok();
    assert!(text(&rolled.record("service", "web")["task_definition"]).ends_with(":2"));
    let service = rolled.record("service", "web");
    let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
    let now = aws.call("ecs", "describe_services", params)["services"][0].clone();
    assert_eq!(
        (&now["deployments"][0]["taskDefinition"], &now["deployments"][0]["rolloutState"]),
        (&service["task_definition"], &json!("COMPLETED"))
    );
}

#[test]
fn a_service_that_was_deleted_is_told() {
    let aws = LocalAws::start();
    let made = aws.pipe(&format!("{} | wait-env", up("registry.example/web:1"))).ok();
    aws.pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1").ok();
    let services: String = made
        .stdout
        .lines()
        .filter(|line| line.contains(r#""type":"service""#) || line.contains(r#""type":"env""#))
        .map(|line| format!("{line}\n"))
        .collect();
    let output = aws.pipe_with("wait-env", &services);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("is gone (ecs:DescribeServices)") || output.stderr.contains("failed: it is inactive"),
        "{}",
        output.stderr
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
