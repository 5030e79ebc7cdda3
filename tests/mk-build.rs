//! mk-build: its command line, the projects it makes in the local AWS, and its buildspec.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-build/buildspec.rs"]
mod buildspec;
#[path = "mk-build/delete.rs"]
mod delete;
#[path = "mk-build/drift.rs"]
mod drift;
#[path = "mk-build/make.rs"]
mod make;
#[path = "mk-build/phases.rs"]
mod phases;

use support::{ENV, LocalAws, Output, Value, json, tool};

const NAME: &str = "build-web-production-pr1";
const REPOSITORY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";
const REGISTRY: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// The environment, and the connection without which mk-role waits.
fn head() -> String {
    let connection = r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b","status":"PENDING"}"#;
    let of_web = support::repository_and_bucket("web", "production-pr1");
    let of_api = support::repository_and_bucket("api", "production-pr1");
    format!("{ENV}\n{connection}\n{of_web}{of_api}")
}

fn make(aws: &LocalAws, flags: &str) -> Output {
    let pipe = format!("mk-source web owner/web | mk-role | mk-logs | mk-build {flags}");
    aws.pipe_with(&pipe, &head())
}

/// The project as CodeBuild has it.
fn project(aws: &LocalAws) -> Value {
    let params = json!({"names": [NAME]});
    aws.call("codebuild", "batch_get_projects", params)["projects"][0].clone()
}

/// The calls to CodeBuild that change something.
fn changes(aws: &LocalAws) -> Vec<String> {
    let mut changes = aws.changes();
    changes.retain(|call| call.starts_with("codebuild:"));
    changes
}

/// A role that CodeBuild can assume for any project.
fn other_role(aws: &LocalAws) -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = json!({"RoleName": "other", "AssumeRolePolicyDocument": trust.to_string()});
    let made = aws.call("iam", "create_role", role);
    std::thread::sleep(std::time::Duration::from_millis(200)); // until CodeBuild knows it
    made["Role"]["Arn"].clone()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-build", &[]);
}

#[test]
fn a_timeout_that_codebuild_does_not_take_is_refused() {
    for minutes in ["4", "481", "half"] {
        let output = tool("mk-build", &["--build-timeout", minutes], ENV);
        assert_eq!(output.code, 2, "{output:?}");
        let stderr = &output.stderr;
        assert!(stderr.contains("--build-timeout"), "{stderr}");
    }
}
