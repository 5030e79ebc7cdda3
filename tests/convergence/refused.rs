//! Runs that cannot end well: what is refused for good, credentials that expire. The next one does.

use std::collections::BTreeSet;

use support::{DOWN, Faults, LocalAws, Output, json, list, text};

use crate::snapshot::{assert_same, snapshot};
use crate::torture::{Torture, environment};

#[test]
fn what_cannot_succeed_is_asked_once() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let recipes = environment();
    for (call, code, message) in [
        (
            "ec2:CreateVpc",
            "InvalidParameterValue",
            "Value (10.0.0.0/16) for parameter cidrBlock is invalid.",
        ),
        (
            "iam:CreateRole",
            "AccessDenied",
            "User: x is not authorized to perform: iam:CreateRole",
        ),
        (
            "ecr:CreateRepository",
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName'",
        ),
        (
            "ecs:CreateCluster",
            "ClientException",
            "The cluster name is invalid.",
        ),
        (
            "elasticloadbalancing:CreateTargetGroup",
            "ValidationError",
            "The port is invalid",
        ),
        (
            "ecs:CreateService",
            "AccessDeniedException",
            "not authorized to perform: ecs:CreateService",
        ),
    ] {
        faults.rules(json!([{"do": "refuse", "of": call, "code": code, "message": message}]));
        let made = faults.pipe(&recipes.up);
        is_asked_once(&faults, &made, call, code, message);
        faults.end();
        faults.pipe(&recipes.down).ok();
    }
}

fn is_asked_once(faults: &Faults, made: &Output, call: &str, code: &str, message: &str) {
    // A tool further down that cannot go on has the last word.
    assert!(
        [1, 3].contains(&made.code),
        "{call} {code}: {}",
        made.stderr
    );
    let asked = faults.done().len();
    // Each app has its own.
    assert!(
        (1..=2).contains(&asked),
        "{call} {code} was asked {asked} times"
    );
    let lines = made.stderr.lines();
    let lines: Vec<&str> = lines.filter(|line| line.contains(code)).collect();
    let [line] = lines[..] else {
        panic!("{call} {code}: {}", made.stderr)
    };
    assert!(
        line.contains(call) && line.contains(message.trim_end_matches('.')),
        "{line}"
    );
}

#[test]
fn credentials_that_expire_end_a_run_with_one_line_and_others_complete_it() {
    let torture = Torture::of(environment());
    for from in [1, 60, 90] {
        let rule = json!({"do": "expire", "from": from});
        torture.faults.rules(json!([rule]));
        let first = torture.up();
        is_told_in_one_line(&first, from);
        nothing_that_was_made_is_lost(&first, from == 1);
        torture.faults.end();
        torture.up().ok();
        torture.is_complete(&format!("credentials that expired at call {from}"));
        torture.down().ok();
    }
}

fn is_told_in_one_line(run: &Output, from: u64) {
    assert!([1, 3].contains(&run.code), "{}: {}", run.code, run.stderr);
    let lines = run.stderr.lines();
    let lines: Vec<&str> = lines.filter(|line| line.contains(": cannot ")).collect();
    let [line] = lines[..] else {
        panic!("expired at call {from}: {}", run.stderr)
    };
    assert!(line.to_lowercase().contains("expired"), "{line}");
    let hint = "renew the credentials (aws sso login) and run the pipeline again";
    assert!(run.stderr.contains(hint));
}

/// What was made until then is told on stdout too.
fn nothing_that_was_made_is_lost(run: &Output, nothing_was_made: bool) {
    let mut made = BTreeSet::new();
    for record in run.records() {
        if record["change"] == "created" {
            made.insert(format!(
                "{} {}",
                text(&record["type"]),
                text(&record["name"])
            ));
        }
    }
    let told = run.stderr.matches(": created ").count();
    assert_eq!(made.len(), told, "{made:?} {}", run.stderr);
    assert_eq!(made.is_empty(), nothing_was_made, "{}", run.stderr);
}

#[test]
fn a_connection_that_nobody_was_told_of_is_found_again() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let before = snapshot(&aws, "us-east-1");
    for (fault, code) in [("kill", -1), ("cut", 0)] {
        let call = "codeconnections:CreateConnection";
        let rule = json!({"do": fault, "of": call, "nth": 1, "when": "after"});
        faults.rules(json!([rule]));
        let first = faults.pipe("mk-env production pr1 | mk-connection");
        assert_eq!(first.code, code, "{fault}: {}", first.stderr);
        faults.end();
        faults.pipe("mk-env production pr1 | mk-connection").ok();
        let found = aws.call("codeconnections", "list_connections", json!({}));
        assert_eq!(list(&found["Connections"]).len(), 1, "{fault}: {found}");
        faults.pipe(DOWN).ok();
        assert_same(&snapshot(&aws, "us-east-1"), &before, fault);
    }
}
