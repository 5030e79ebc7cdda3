//! ls-env: an environment, found again from its name.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, Faults, LocalAws, json, recipe, replaced};

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("ls-env", &[]);
}

#[test]
fn of_nothing_it_writes_the_environment_alone() {
    let aws = LocalAws::start();
    let output = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(output.records().len(), 1);
    assert_eq!(
        output.record("env", "production-pr1")["account"],
        "123456789012"
    );
}

#[test]
fn it_writes_what_the_tools_wrote() {
    let aws = LocalAws::start();
    let made = aws.pipe(&recipe(&["up"], "pr1")).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let strip = |output: &support::Output| {
        let mut last = std::collections::BTreeMap::new();
        for mut record in output.records() {
            record.as_object_mut().unwrap().remove("change");
            let key = (
                support::text(&record["type"]).to_string(),
                support::text(&record["name"]).to_string(),
            );
            last.insert(key, record);
        }
        last
    };
    let (mut made, mut listed) = (strip(&made), strip(&listed));
    // What a service runs is told with its references filled in and without what was not said.
    for app in ["web", "api"] {
        let key = ("app".to_string(), app.to_string());
        let (asked, found) = (made.remove(&key).unwrap(), listed.remove(&key).unwrap());
        for field in [
            "port",
            "public",
            "calls",
            "health",
            "cpu",
            "memory",
            "count",
            "grace",
            "check",
            "architecture",
            "image",
        ] {
            assert_eq!(asked.get(field), found.get(field), "{app} {field}");
        }
    }
    assert_eq!(made, listed);
}

#[test]
fn what_it_lists_continues_where_up_stopped() {
    let aws = LocalAws::start();
    aws.pipe(&recipe(&["up", "--tag", "Team=web"], "pr1")).ok();
    aws.forget();
    aws.pipe("ls-env --env production-pr1 | mk-vpc | mk-sg --private-api | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc | wait-env").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let rolled =
        aws.pipe("ls-env --env production-pr1 | mk-ecs-svc --image web=registry.example/web:2 | wait-env").ok();
    assert_eq!(
        rolled.record("task_definition", "web")["image"],
        "registry.example/web:2"
    );
    assert_eq!(
        aws.changes(),
        ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]
    );
}

#[test]
fn the_rights_of_an_apps_tasks_are_read_back() {
    let aws = LocalAws::start();
    let statement = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:123456789012:jobs"});
    let allow =
        format!(r#"| sed '/"type":"app","name":"api"/s|}}$|,"allow":[{statement}]}}|' | mk-vpc "#);
    let up = replaced(&recipe(&["up"], "pr1"), "| mk-vpc ", &allow);
    aws.pipe(&up).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("app", "api")["allow"], json!([statement]));
    assert_eq!(listed.record("app", "web").get("allow"), None);
    aws.forget();
    aws.pipe_with("mk-role", &listed.stdout).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn it_changes_nothing() {
    let aws = LocalAws::start();
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    aws.forget();
    aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn what_an_emulator_lacks_keeps_nothing_else_from_being_listed_and_deleted() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    aws.pipe("mk-env production pr1 | mk-vpc").ok();
    let words =
        "API for operation 'ListPipelines' of service 'codepipeline' has not yet been implemented";
    let refusal = json!({"do": "refuse", "of": "codepipeline:*", "status": 501, "code": "InternalFailure", "message": words});
    for lacks in [refusal, json!({"do": "lack", "of": "codepipeline:*"})] {
        faults.rules(json!([lacks]));
        let listed = faults.pipe("ls-env --env production-pr1").ok();
        assert_eq!(listed.record("vpc", "main")["cidr"], "10.0.0.0/16");
        let lines: Vec<&str> = listed.stderr.lines().collect();
        let [line] = lines[..] else {
            panic!("{}", listed.stderr)
        };
        assert!(
            line.starts_with("ls-env: this endpoint lacks a service: cannot list the pipelines: "),
            "{line}"
        );
    }
    faults.pipe(&recipe(&["down"], "pr1")).ok();
    faults.end();
    assert_eq!(
        faults
            .pipe("ls-env --env production-pr1")
            .ok()
            .records()
            .len(),
        1
    );
    // A service that only fails now is no service that is not there.
    faults.rules(json!([{"do": "refuse", "of": "codepipeline:*", "code": "AccessDeniedException", "message": "no"}]));
    let refused = faults.pipe("ls-env --env production-pr1");
    assert_eq!(refused.code, 1, "{}", refused.stderr);
}

#[test]
fn what_every_service_refuses_alike_is_told_once() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    faults.rules(json!([{"do": "expire"}]));
    let output = faults.pipe_with("ls-env", ENV);
    assert_eq!(
        (output.code, output.stderr.lines().count()),
        (1, 2),
        "{}",
        output.stderr
    );
    assert!(output.stderr.contains("expired"), "{}", output.stderr);
}
