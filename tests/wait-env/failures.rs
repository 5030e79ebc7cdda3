//! What fails is told, with what AWS says of it.

use support::{DOWN, LocalAws, Output, Value, json, text};

use crate::{deploy, describe, records, rewrite_services, set_moment, told, up, urls, with_rules};

#[test]
fn an_image_that_does_not_start_is_told_and_the_old_one_is_back() {
    let aws = LocalAws::start();
    let made = records(&aws);
    let output = aws.pipe(&format!("{} | wait-env", up("registry.example/web:broken")));
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("wait-env: service web failed: "),
        "{}",
        output.stderr
    );
    // Which one depends on when wait-env asks: some tasks have stopped, ECS gives the deployment up,
    // or has rolled it back already.
    let revision = "task-web-production-pr1:2";
    let endings = [
        "service web failed: ECS deployment circuit breaker: ".to_string(),
        format!("service web failed: it cannot run {revision}; "),
        format!("service web failed: it was to run {revision} and runs "),
    ];
    assert!(
        endings.iter().any(|why| output.stderr.contains(why)),
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
    assert_eq!(urls(&output), Vec::<&str>::new());
    let failed = output.record("failed", "wait-env");
    assert!(text(&failed["message"]).starts_with("service web failed: "));
    // A rollback ends as steady as a success: on another revision.
    let service = made.record("service", "web");
    for _ in 0..100 {
        if describe(&aws, &service)["deployments"][0]["rolloutState"] == "COMPLETED" {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let mut records = String::new();
    for line in output.stdout.lines() {
        if !line.contains(r#""type":"failed""#) {
            records.push_str(&format!("{line}\n"));
        }
    }
    let late = aws.pipe_with("wait-env", &records);
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
    let lines = endings.map(|why| {
        format!("wait-env: service web failed: {why}; a task stopped: Task failed to start")
    });
    assert!(
        lines.iter().any(|line| output.stderr.contains(line)),
        "{}",
        output.stderr
    );
}

#[test]
fn a_service_that_was_deleted_is_told() {
    let aws = LocalAws::start();
    let made = records(&aws);
    aws.pipe(DOWN).ok();
    let services = only(&made.stdout, &["service", "env"]);
    let output = aws.pipe_with("wait-env", &services);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains("is gone (ecs:DescribeServices)")
            || output.stderr.contains("failed: it is inactive"),
        "{}",
        output.stderr
    );
}

/// The records of some types among those of a stream.
fn only(stream: &str, types: &[&str]) -> String {
    let mut lines = String::new();
    for line in stream.lines() {
        let record: Value = line.parse().unwrap();
        if types.contains(&text(&record["type"])) {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}

/// Has web run another image. Once the first tasks are about to stop, any others would take an hour
/// to stop: what is told then is about the first ones alone.
fn deploy_and_see_the_first_stop(aws: &LocalAws, records: &Output, image: &str) -> Output {
    set_moment(aws, 3.0);
    aws.forget();
    std::thread::scope(|scope| {
        let deployed = scope.spawn(|| deploy(aws, records, image));
        while !aws.changes().contains(&"ecs:UpdateService".to_string()) && !deployed.is_finished() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        set_moment(aws, 3600.0);
        deployed.join().unwrap()
    })
}

/// The service of web, as ECS describes it.
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
        let mut failed = told(&output);
        failed.retain(|line| line.contains(" failed: "));
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
    let lines = told(&output);
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

/// Registers a revision of web that crashes, and answers its ARN.
fn register_crash(aws: &LocalAws) -> Value {
    let family = json!({"taskDefinition": "task-web-production-pr1"});
    let described = aws.call("ecs", "describe_task_definition", family);
    let definition = &described["taskDefinition"];
    let mut params = json!({});
    for field in [
        "family",
        "containerDefinitions",
        "cpu",
        "memory",
        "networkMode",
        "executionRoleArn",
        "requiresCompatibilities",
    ] {
        params[field] = definition[field].clone();
    }
    params["containerDefinitions"][0]["image"] = json!("registry.example/web:crash");
    let registered = aws.call("ecs", "register_task_definition", params);
    registered["taskDefinition"]["taskDefinitionArn"].clone()
}

#[test]
fn tasks_that_run_and_end_again_and_again_are_told_although_ecs_does_not_count_them() {
    let aws = LocalAws::start();
    let records = records(&aws);
    // Without its circuit breaker ECS tries for ever, which it does as well with tasks that ran for a while.
    let crashes = register_crash(&aws);
    let breaker = json!({"deploymentCircuitBreaker": {"enable": false, "rollback": false}});
    aws.call("ecs", "update_service", json!({"cluster": "cluster-production-pr1", "service": "service-web-production-pr1", "taskDefinition": crashes, "deploymentConfiguration": breaker}));
    let mut service = records.record("service", "web");
    service["task_definition"] = crashes;
    let input = format!("{}\n{service}\n", records.record("env", "production-pr1"));
    let none_failed = rewrite_services(r#""failedTasks": ?\d+"#, r#""failedTasks": 0"#);
    let faults = with_rules(&aws, &[none_failed]);
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
