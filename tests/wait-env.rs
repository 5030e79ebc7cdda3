//! wait-env: its command line, and what it waits for in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, Faults, LocalAws, Output, Value, json, text, tool};

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
    output
        .stderr
        .lines()
        .filter(|line| line.contains("http://"))
        .map(String::from)
        .collect()
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
    let made = aws
        .pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok();
    let dns = made.record("alb", "web")["dns"].clone();
    assert_eq!(
        made.stderr.lines().last(),
        Some(format!("wait-env: web: http://{}/", text(&dns)).as_str())
    );
    assert_eq!(urls(&made).len(), 1, "api is internal: {}", made.stderr);
    for app in ["web", "api"] {
        let service = made.record("service", app);
        let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
        let now = aws.call("ecs", "describe_services", params)["services"][0].clone();
        assert_eq!(
            (&now["runningCount"], &now["deployments"][0]["rolloutState"]),
            (&json!(2), &json!("COMPLETED"))
        );
        let group = &made.record("listener", app)["target_group"];
        let health = aws.call(
            "elbv2",
            "describe_target_health",
            json!({"TargetGroupArn": group}),
        );
        let states = health["TargetHealthDescriptions"].as_array().unwrap();
        assert!(
            states
                .iter()
                .all(|target| target["TargetHealth"]["State"] == "healthy"),
            "{health}"
        );
    }

    aws.forget();
    let again = aws
        .pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(urls(&again), urls(&made));
    let calls: Vec<_> = aws
        .calls()
        .into_iter()
        .filter(|call| call["tool"] == "wait-env")
        .map(|call| call["action"].clone())
        .collect();
    assert_eq!(calls.len(), 5, "{calls:?}");
}

#[test]
fn an_image_that_does_not_start_is_told_and_the_old_one_is_back() {
    let aws = LocalAws::start();
    let made = aws
        .pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok();
    let output = aws.pipe(&format!("{} | wait-env", up("registry.example/web:broken")));
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("wait-env: service web failed: "),
        "{}",
        output.stderr
    );
    // When it is looked at says which: a few tasks stopped, ECS gives it up, or has gone back already.
    let revision = "task-web-production-pr1:2";
    let endings = [
        "ECS deployment circuit breaker: ",
        &format!("it cannot run {revision}; "),
        &format!("it was to run {revision} and runs "),
    ];
    assert!(
        endings.iter().any(|why| output
            .stderr
            .contains(&format!("service web failed: {why}"))),
        "{}",
        output.stderr
    );
    assert!(
        output
            .stderr
            .contains("; a task stopped: Task failed to start\n"),
        "{}",
        output.stderr
    );
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
        late.stderr
            .contains("it was to run task-web-production-pr1:2 and runs task-web-production-pr1:1"),
        "{}",
        late.stderr
    );
}

#[test]
fn a_first_deployment_that_fails_is_told() {
    let aws = LocalAws::start();
    let output = aws.pipe(&format!("{} | wait-env", up("registry.example/web:broken")));
    assert_eq!(output.code, 1);
    let endings = [
        "ECS deployment circuit breaker: tasks failed to start",
        "it cannot run task-web-production-pr1:1",
    ];
    let told = |why: &&str| {
        output.stderr.contains(&format!(
            "wait-env: service web failed: {why}; a task stopped: Task failed to start"
        ))
    };
    assert!(endings.iter().any(told), "{}", output.stderr);
}

#[test]
fn the_last_record_of_a_service_is_the_one_that_counts() {
    let aws = LocalAws::start();
    let made = aws
        .pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok();
    // A saved stream, then another image: the old record comes first, the new one after it.
    let records: String = made
        .stdout
        .lines()
        .map(|line| format!("{line}\n"))
        .collect();
    let rolled = aws
        .pipe_with(
            "mk-ecs-svc --image web=registry.example/web:2 | wait-env",
            &records,
        )
        .ok();
    assert!(text(&rolled.record("service", "web")["task_definition"]).ends_with(":2"));
    let service = rolled.record("service", "web");
    let params = json!({"cluster": service["cluster"], "services": [service["arn"]]});
    let now = aws.call("ecs", "describe_services", params)["services"][0].clone();
    assert_eq!(
        (
            &now["deployments"][0]["taskDefinition"],
            &now["deployments"][0]["rolloutState"]
        ),
        (&service["task_definition"], &json!("COMPLETED"))
    );
}

#[test]
fn a_service_that_was_deleted_is_told() {
    let aws = LocalAws::start();
    let made = aws
        .pipe(&format!("{} | wait-env", up("registry.example/web:1")))
        .ok();
    aws.pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
        .ok();
    let services: String = made
        .stdout
        .lines()
        .filter(|line| line.contains(r#""type":"service""#) || line.contains(r#""type":"env""#))
        .map(|line| format!("{line}\n"))
        .collect();
    let output = aws.pipe_with("wait-env", &services);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("is gone (ecs:DescribeServices)")
            || output.stderr.contains("failed: it is inactive"),
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

/// The records of an environment that is up, as `tee` saved them: what was created then is not what
/// will run.
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

/// How long the local AWS takes for what takes a while, from now on.
fn moment(aws: &LocalAws, seconds: f64) {
    let wanted = json!({"moment": seconds});
    support::ureq::post(format!("{}/_local/config", aws.url))
        .send_json(wanted)
        .unwrap();
}

/// The same, and once the first tasks are about to stop, the next would take an hour to: what is told
/// then is told of those alone.
fn deploy_and_see_the_first_stop(aws: &LocalAws, records: &Output, image: &str) -> Output {
    let moment = |seconds: f64| moment(aws, seconds);
    moment(3.0);
    aws.forget();
    std::thread::scope(|scope| {
        let deployed = scope.spawn(|| deploy(aws, records, image));
        while !aws.changes().contains(&"ecs:UpdateService".to_string()) && !deployed.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        moment(3600.0);
        deployed.join().unwrap()
    })
}

fn web(aws: &LocalAws) -> Value {
    let params =
        json!({"cluster": "cluster-production-pr1", "services": ["service-web-production-pr1"]});
    aws.call("ecs", "describe_services", params)["services"][0].clone()
}

#[test]
fn what_cannot_run_is_told_at_its_first_task_and_not_by_the_circuit_breaker() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let missing =
        format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1@{digest}");
    for (image, why) in [
        (missing.as_str(), format!("{missing}: not found")),
        (
            "registry.example/web:2",
            "The specified log group does not exist".to_string(),
        ),
    ] {
        let aws = LocalAws::start();
        let records = records(&aws);
        if image != missing {
            let group = json!({"logGroupName": records.record("log_group", "web")["group"]});
            aws.call("logs", "delete_log_group", group);
        }
        let output = deploy_and_see_the_first_stop(&aws, &records, image);
        assert_eq!(output.code, 1, "{output:?}");
        let now = web(&aws)["deployments"][0].clone();
        assert_eq!(
            now["rolloutState"], "IN_PROGRESS",
            "ECS has not given it up yet"
        );
        assert_eq!(
            now["taskDefinition"],
            output.record("task_definition", "web")["arn"]
        );
        let told: Vec<&str> = output
            .stderr
            .lines()
            .filter(|line| line.starts_with("wait-env: "))
            .collect();
        let failed: Vec<&&str> = told
            .iter()
            .filter(|line| line.contains(" failed: "))
            .collect();
        let revision = text(&now["taskDefinition"]).rsplit('/').next().unwrap();
        let begin =
            format!("wait-env: service web failed: it cannot run {revision}; a task stopped: ");
        assert!(
            failed.len() == 1 && failed[0].starts_with(&begin) && failed[0].contains(&why),
            "{}",
            output.stderr
        );
        assert!(
            output
                .stderr
                .contains("\n  try: mend web and run the pipeline again"),
            "{}",
            output.stderr
        );
    }
}

#[test]
fn a_crash_is_told_with_the_last_lines_of_its_log() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let output = deploy(&aws, &records, "registry.example/web:crash");
    assert_eq!(output.code, 1);
    let lines: Vec<&str> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("wait-env: "))
        .collect();
    let at = lines
        .iter()
        .position(|line| line.contains("wait-env: service web failed: "))
        .unwrap();
    assert!(
        lines[at].contains("a task stopped: Essential container in task exited: exit code 1"),
        "{}",
        lines[at]
    );
    assert_eq!(
        lines[at - 2..at],
        [
            "wait-env: web logged: Unhandled exception. System.InvalidOperationException: the setting ApiAddress is missing",
            "wait-env: web logged:    at Program.Main(String[] args) in /src/Program.cs:line 7",
        ]
    );
}

#[test]
fn a_missing_permission_and_failed_health_checks_are_told() {
    for (image, why) in [
        (
            "registry.example/web:secret",
            "is not authorized to perform: secretsmanager:GetSecretValue on resource: ",
        ),
        (
            "registry.example/web:unhealthy",
            "a task stopped: Task failed ELB health checks in (target-group arn:",
        ),
    ] {
        let aws = LocalAws::start();
        let records = records(&aws);
        let output = deploy(&aws, &records, image);
        assert_eq!(output.code, 1);
        let failed = output.record("failed", "wait-env");
        assert!(
            text(&failed["message"]).starts_with("service web failed: "),
            "{failed}"
        );
        assert!(text(&failed["message"]).contains(why), "{failed}");
        assert!(!text(&failed["message"]).contains('\n'), "{failed}");
    }
}

#[test]
fn what_runs_now_is_told_after_a_deployment_and_after_no_change_is_not() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let told = |output: &Output| {
        let lines = output.stderr.lines().filter(|line| line.contains(" runs "));
        lines.map(String::from).collect::<Vec<_>>()
    };
    let output = deploy(&aws, &records, "registry.example/web:2").ok();
    assert_eq!(
        told(&output),
        ["wait-env: web runs registry.example/web:2 (task-web-production-pr1:2)"]
    );
    let kept = deploy(&aws, &records, "registry.example/web:2").ok();
    assert_eq!(told(&kept), Vec::<String>::new());
    // Nor did a second run change what it had to wait for, and that is worth a word.
    moment(&aws, 1.0);
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
        told(&kept),
        ["wait-env: web runs registry.example/web:3 (task-web-production-pr1:3)"]
    );
}

/// What ECS describes of services is told otherwise: what fits the first is replaced by the second.
fn rewritten(aws: &LocalAws, rules: &[(&str, &str)]) -> Faults {
    let faults = Faults::between(aws);
    faults.rules(
        rules
            .iter()
            .map(|(found, by)| rewrite("ecs:DescribeServices", found, by))
            .collect(),
    );
    faults
}

fn rewrite(of: &str, found: &str, by: &str) -> Value {
    json!({"do": "rewrite", "of": of, "match": found, "by": by})
}

#[test]
fn tasks_that_run_and_end_again_and_again_are_told_although_ecs_does_not_count_them() {
    let aws = LocalAws::start();
    let records = records(&aws);
    // Without its circuit breaker ECS tries for ever, which it does as well with tasks that ran for a while.
    let mut definition = aws.call(
        "ecs",
        "describe_task_definition",
        json!({"taskDefinition": "task-web-production-pr1"}),
    )["taskDefinition"]
        .clone();
    definition["containerDefinitions"][0]["image"] = json!("registry.example/web:crash");
    let fields = [
        "family",
        "containerDefinitions",
        "cpu",
        "memory",
        "networkMode",
        "executionRoleArn",
        "requiresCompatibilities",
    ];
    let params: Value = fields
        .iter()
        .map(|field| (field.to_string(), definition[*field].clone()))
        .collect();
    let crashes =
        aws.call("ecs", "register_task_definition", params)["taskDefinition"]["taskDefinitionArn"]
            .clone();
    let breaker = json!({"deploymentCircuitBreaker": {"enable": false, "rollback": false}});
    aws.call("ecs", "update_service", json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1", "taskDefinition": crashes, "deploymentConfiguration": breaker}));
    let mut service = records.record("service", "web");
    service["task_definition"] = crashes;
    let input = format!("{}\n{service}\n", records.record("env", "production-pr1"));
    let faults = rewritten(&aws, &[(r#""failedTasks": ?\d+"#, r#""failedTasks": 0"#)]);
    let output = faults.pipe_with("wait-env --timeout 20", &input);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let failed = output.record("failed", "wait-env");
    assert_eq!(
        failed["message"],
        "service web failed: it cannot run task-web-production-pr1:2; a task stopped: Essential container in task exited: exit code 1"
    );
    assert!(
        output
            .stderr
            .contains("wait-env: web logged: Unhandled exception."),
        "{}",
        output.stderr
    );
}

#[test]
fn what_ecs_tells_in_an_event_alone_is_told_while_it_is_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let reason = "was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.";
    let faults = rewritten(
        &aws,
        &[
            (r"has started 2 tasks\.", reason),
            ("COMPLETED", "IN_PROGRESS"),
        ],
    );
    let output = faults.pipe_with("wait-env --timeout 1", &records.stdout);
    assert_eq!(output.code, 75, "{}", output.stderr);
    let line = format!("wait-env: (service service-web-production-pr1) {reason}\n");
    assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
}

#[test]
fn of_two_services_none_counts_as_steady_before_it_is() {
    let aws = LocalAws::start();
    let records = records(&aws);
    // ECS starts tasks still, and none is registered with its target group yet.
    let faults = Faults::between(&aws);
    faults.rules(json!([
        rewrite("ecs:DescribeServices", "COMPLETED", "IN_PROGRESS"),
        rewrite(
            "elasticloadbalancing:DescribeTargetHealth",
            "(?s)<TargetHealthDescriptions>.*</TargetHealthDescriptions>",
            "",
        ),
    ]));
    let output = faults.pipe_with("wait-env --timeout 1", &records.stdout);
    assert_eq!(output.code, 75, "{}", output.stderr);
    assert!(!output.stderr.contains(" is steady"), "{}", output.stderr);
}

#[test]
fn an_endpoint_that_has_no_targets_is_told_and_not_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let faults = Faults::between(&aws);
    faults.rules(json!([rewrite(
        "elasticloadbalancing:DescribeTargetHealth",
        "(?s)<TargetHealthDescriptions>.*</TargetHealthDescriptions>",
        "",
    )]));
    let output = faults.pipe_with("wait-env", &records.stdout).ok();
    for app in ["web", "api"] {
        let line =
            format!("wait-env: app {app} is steady, but its target group tells of no targets\n");
        assert!(output.stderr.contains(&line), "{}", output.stderr);
    }
}

#[test]
fn an_endpoint_that_starts_no_tasks_is_not_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let forgotten = [
        "healthCheckGracePeriodSeconds",
        "availabilityZoneRebalancing",
        "deploymentCircuitBreaker",
        "events",
    ];
    let mut rules: Vec<(&str, &str)> = forgotten.map(|field| (field, "forgotten")).to_vec();
    rules.extend([
        (r#""runningCount": ?\d+"#, r#""runningCount": 0"#),
        ("COMPLETED", "IN_PROGRESS"),
    ]);
    let output = rewritten(&aws, &rules)
        .pipe_with("wait-env", &records.stdout)
        .ok();
    for app in ["web", "api"] {
        let line = format!("wait-env: app {app} has no tasks: this endpoint starts none\n");
        assert!(output.stderr.contains(&line), "{}", output.stderr);
    }
}
