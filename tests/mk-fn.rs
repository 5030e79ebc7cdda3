//! mk-fn: its command line, the function it makes in the local AWS, and the function's own code in a
//! real Python.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-fn/code.rs"]
mod code;
#[path = "mk-fn/delete.rs"]
mod delete;
#[path = "mk-fn/drift.rs"]
mod drift;
#[path = "mk-fn/ecr.rs"]
mod ecr;
#[path = "mk-fn/invoke.rs"]
mod invoke;
#[path = "mk-fn/make.rs"]
mod make;
#[path = "mk-fn/wait.rs"]
mod wait;

use std::thread::sleep;
use std::time::Duration;

use support::{ENV, LocalAws, Output, Value, json, text};

const NAME: &str = "function-web-production-pr1";
const CONNECTION: &str = r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b","status":"AVAILABLE"}"#;
const SOURCE: &str = r#"{"type":"source","name":"web","repository":"owner/web"}"#;
/// A zip with nothing in it: what someone else may have put there.
const EMPTY: &str = "PK\u{5}\u{6}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// What must never be seen again.
const SECRET: &str = "wJalrSECRETACCESSKEY";

/// How long a test sleeps before it asks again.
const PAUSE: Duration = Duration::from_millis(20);
/// After so long Lambda can assume a role that was just made.
const ROLE_PAUSE: Duration = Duration::from_millis(300);

/// The records that mk-fn reads, of a role and a log group that exist.
fn records(aws: &LocalAws) -> String {
    let made = aws.pipe_with("mk-role | mk-logs", &input("pr1")).ok();
    made.stdout
}

/// What mk-role and mk-logs read for an environment of this suffix.
fn input(suffix: &str) -> String {
    let env = ENV.replace("pr1", suffix);
    let ours = support::repository_and_bucket("web", &format!("production-{suffix}"));
    format!("{env}\n{SOURCE}\n{CONNECTION}\n{ours}")
}

fn make(aws: &LocalAws, records: &str) -> Output {
    aws.pipe_with("mk-fn", records)
}

/// The function's configuration as Lambda has it.
fn configuration(aws: &LocalAws) -> Value {
    let params = json!({"FunctionName": NAME});
    aws.call("lambda", "get_function_configuration", params)
}

/// The function's tags.
fn tags(aws: &LocalAws) -> Value {
    let params = json!({"FunctionName": NAME});
    aws.call("lambda", "get_function", params)["Tags"].clone()
}

/// How many functions the account has.
fn functions(aws: &LocalAws) -> usize {
    let functions = aws.call("lambda", "list_functions", json!({}));
    functions["Functions"].as_array().unwrap().len()
}

/// Changes something by hand, and waits until Lambda has done it.
fn change_by_hand(aws: &LocalAws, operation: &str, mut params: Value) {
    params["FunctionName"] = json!(NAME);
    aws.call("lambda", operation, params);
    while configuration(aws)["LastUpdateStatus"] != "Successful" {
        sleep(PAUSE);
    }
}

/// Makes a role that Lambda can assume, and waits until it can.
fn make_role(aws: &LocalAws, name: &str, path: &str) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let params =
        json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust.to_string()});
    aws.call("iam", "create_role", params);
    sleep(ROLE_PAUSE);
}

/// The fields that the function's record says were changed.
fn changed_fields(output: &Output) -> Vec<String> {
    let record = output.record("function", "web");
    let changes = record["changes"].as_array().into_iter().flatten();
    changes
        .map(|change| text(&change["field"]).to_string())
        .collect()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-fn", &[]);
}
