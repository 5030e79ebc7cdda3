//! What is waited for: records, a role, a change that is under way; and what is not.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;

use support::{ENV, Faults, LocalAws, Output, Value, clean, json};

use crate::{
    NAME, PAUSE, SOURCE, change_by_hand, changed_fields, configuration, functions, make, records,
};

/// Asserts that it ends for want of a record.
#[track_caller]
fn assert_lacks(ended: &Output, record: &str) {
    assert_eq!(ended.code, 65);
    let message = format!("no {record} record 'function/web' on stdin");
    assert!(ended.stderr.contains(&message), "{}", ended.stderr);
}

/// Lines as a tool's input.
fn lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.into_iter().collect();
    format!("{}\n", lines.join("\n"))
}

#[test]
fn role_and_group_are_needed() {
    let aws = LocalAws::start();
    let none = make(&aws, &lines([ENV, SOURCE]));
    assert_eq!(none.code, 65, "{}", none.stderr);
    let all = records(&aws);
    let without_role = lines(all.lines().filter(|line| !line.contains("role/plumbline")));
    assert_lacks(&make(&aws, &without_role), "role");
    let without_repository = lines(all.lines().filter(|line| !line.contains(r#""repo""#)));
    let ended = make(&aws, &without_repository);
    assert_eq!(ended.code, 65);
    let message = "no repo record 'web' on stdin";
    assert!(ended.stderr.contains(message), "{}", ended.stderr);
    let without_group = lines(all.lines().filter(|line| !is_group_of_function(line)));
    assert_lacks(&make(&aws, &without_group), "log_group");
    assert_eq!(functions(&aws), 0);
}

fn is_group_of_function(line: &str) -> bool {
    line.contains("log_group") && line.contains("function/web")
}

#[test]
fn it_looks_before_the_role_comes() {
    let aws = LocalAws::start();
    let all = records(&aws);
    let (late, early): (Vec<&str>, Vec<&str>) = all.lines().partition(|line| is_awaited(line));

    // The role comes when it has looked, and not before.
    aws.forget();
    let mut child = start(&aws);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines(early).as_bytes()).unwrap();
    while !has_asked(&aws) {
        let ended = child.try_wait().unwrap();
        assert_eq!(ended, None, "it ended before the role came");
        sleep(PAUSE);
    }
    assert_eq!(aws.changes(), Vec::<String>::new());
    stdin.write_all(lines(late).as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(aws.changes()[0], "lambda:CreateFunction");
}

/// Whether a record is one that the function is made of.
fn is_awaited(record: &str) -> bool {
    record.contains("\"role\"") || record.contains("\"log_group\"")
}

fn start(aws: &LocalAws) -> Child {
    let command = Command::new(support::bin().join("mk-fn"));
    clean(command, &aws.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn has_asked(aws: &LocalAws) -> bool {
    let calls = aws.calls();
    calls.iter().any(|call| call["action"] == "GetFunction")
}

#[test]
fn a_role_that_lambda_cannot_assume_yet_is_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let faults = Faults::between(&aws);
    let unknown_role = json!({"do": "refuse", "of": "lambda:CreateFunction", "times": 2, "status": 400,
        "code": "InvalidParameterValueException", "message": "The role defined for the function cannot be assumed by Lambda."});
    faults.rules(json!([unknown_role]));
    faults.pipe_with("mk-fn", &records).ok();
    assert_eq!(
        (faults.changes(), functions(&aws)),
        (4, 1),
        "refused twice, made, and its retries: {}",
        faults.told()
    );
}

#[test]
fn one_that_someone_deletes_meanwhile_is_not_waited_for() {
    let aws = LocalAws::start();
    let records = records(&aws);
    let faults = Faults::between(&aws);
    assert_ends_where_deleted(&faults, &records, 4); // it is absent, made, seen twice
    assert_ends_where_deleted(&faults, &records, 2); // it exists, and is still being made
    let params = json!({"Timeout": 3});
    change_by_hand(&aws, "update_function_configuration", params);
    assert_ends_where_deleted(&faults, &records, 2); // it exists, and is to be changed
    faults.end();
    // Its retries are set as well, if they were not yet.
    let mended = changed_fields(&make(&aws, &records).ok());
    assert!(mended.contains(&"timeout".to_string()), "{mended:?}");
}

/// Asserts that a run ends at once where a function that is still being made is not found any more,
/// from this GetFunction on.
#[track_caller]
fn assert_ends_where_deleted(faults: &Faults, records: &str, from: usize) {
    let pending = json!({"do": "rewrite", "of": "lambda:GetFunction", "match": "\"Active\"", "by": "\"Pending\""});
    let deleted = json!({"do": "refuse", "of": "lambda:GetFunction", "from": from, "status": 404,
        "code": "ResourceNotFoundException", "message": "Function not found"});
    faults.rules(json!([pending, deleted]));
    let ended = faults.pipe_with("mk-fn", records);
    let message = format!("mk-fn: function {NAME} was deleted while it was waited for");
    let stderr = &ended.stderr;
    assert!(ended.code == 75 && stderr.contains(&message), "{stderr}");
    assert!(stderr.contains("try: run the pipeline again"), "{stderr}");
    let seen: Value = faults.told()["seen"].clone();
    let mut calls = seen.as_array().unwrap().clone();
    calls.retain(|call| call["call"] == "lambda:GetFunction");
    assert_eq!(
        calls.len(),
        from,
        "the first call that does not find it is the last: {seen}"
    );
}

#[test]
fn a_change_that_someone_else_has_under_way_is_waited_for() {
    let aws = LocalAws::start_with(&["--moment", "0.5"]);
    let records = records(&aws);
    make(&aws, &records).ok();
    let params = json!({"FunctionName": NAME, "Timeout": 3});
    aws.call("lambda", "update_function_configuration", params);
    assert_eq!(changed_fields(&make(&aws, &records).ok()), ["timeout"]);
    assert_eq!(configuration(&aws)["Timeout"], 60);
}
