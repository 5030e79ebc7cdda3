//! A pipeline waits for the person who finishes the connection, and takes another one.

use std::thread::sleep;

use support::{Faults, LocalAws, PIPELINE, json, text};

use crate::{PAUSE, action, pipeline, pipelines};

#[test]
fn a_person_is_waited_for_before_anything_could_run() {
    let aws = LocalAws::start();
    let pending = aws.pipe(PIPELINE);
    assert_eq!(
        pending.code, 75,
        "the code of the whole pipe says: run it again\n{}",
        pending.stderr
    );
    assert!(pending.stderr.contains(
        "mk-pipeline: connection connection-production-pr1 is PENDING until a person finishes it"
    ));
    assert!(
        pending
            .stderr
            .contains("codesuite/settings/connections?region=us-east-1"),
        "{}",
        pending.stderr
    );
    assert_eq!(pending.record("failed", "mk-pipeline")["code"], 75);
    assert_eq!(pipelines(&aws), json!([]));
    // All else is there: only the pipeline and its rule are made by the next run.
    aws.forget();
    aws.handshake("connection-production-pr1");
    aws.pipe(PIPELINE).ok();
    let changes: Vec<String> = aws
        .changes()
        .into_iter()
        .filter(|change| !change.starts_with("s3:") && change.contains(":Create"))
        .collect();
    assert_eq!(changes, ["codepipeline:CreatePipeline"]);
}

#[test]
fn one_who_waits_goes_on_when_the_person_has_clicked() {
    let aws = LocalAws::start();
    let waiting = PIPELINE.replace("mk-pipeline", "mk-pipeline --handshake 10");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| aws.pipe(&waiting));
        while !run.is_finished() && !has_function(&aws) {
            sleep(PAUSE);
        }
        aws.handshake("connection-production-pr1");
        let made = run.join().unwrap().ok();
        assert_eq!(made.record("pipeline", "web")["change"], "created");
    });
}

/// Whether the function of web exists: the pipeline needs it, and then the connection.
fn has_function(aws: &LocalAws) -> bool {
    let params = json!({"FunctionName": "function-web-production-pr1"});
    aws.try_call("lambda", "get_function", params).is_ok()
}

#[test]
fn a_connection_that_was_deleted_by_hand_is_made_anew_and_the_pipeline_takes_it_once_finished() {
    let aws = LocalAws::start_connected();
    let old = aws.pipe(PIPELINE).ok().record("connection", "github")["arn"].clone();
    aws.call(
        "codeconnections",
        "delete_connection",
        json!({"ConnectionArn": old}),
    );
    let pending = aws.pipe(PIPELINE);
    assert_eq!(pending.code, 75, "{}", pending.stderr);
    assert_eq!(pending.record("connection", "github")["change"], "created");
    assert!(
        pending
            .stderr
            .contains("is PENDING until a person finishes it"),
        "{}",
        pending.stderr
    );
    assert_eq!(
        action(&pipeline(&aws), "Source")["configuration"]["ConnectionArn"],
        old
    );
    aws.handshake("connection-production-pr1");
    let mended = aws.pipe(PIPELINE).ok();
    let new = &mended.record("connection", "github")["arn"];
    assert_eq!(
        mended.record("pipeline", "web")["changes"],
        json!([{"field": "Source/Source ConnectionArn", "old": old, "new": new}])
    );
    assert_eq!(
        action(&pipeline(&aws), "Source")["configuration"]["ConnectionArn"],
        *new
    );
}

#[test]
fn a_connection_in_error_is_told_as_it_is_and_one_that_is_gone_too() {
    let aws = LocalAws::start_connected();
    let records = aws
        .pipe(PIPELINE.split(" | mk-pipeline").next().unwrap())
        .ok()
        .stdout;
    let records = records.replace("\"AVAILABLE\"", "\"ERROR\"");
    let faults = Faults::between(&aws);
    let error = json!({"do": "rewrite", "of": "codeconnections:GetConnection", "match": "AVAILABLE", "by": "ERROR"});
    faults.rules(json!([error]));
    let pipe = format!("printf '%s' '{records}' | mk-pipeline");
    let told = faults.pipe(&pipe);
    assert_eq!(told.code, 75, "{}", told.stderr);
    assert!(
        told.stderr.contains("is ERROR until a person finishes it"),
        "{}",
        told.stderr
    );
    faults.end();
    // It has come right meanwhile, and then it goes.
    faults.pipe(&pipe).ok();
    let listed = aws.call("codeconnections", "list_connections", json!({}));
    let arn = text(&listed["Connections"][0]["ConnectionArn"]);
    aws.call(
        "codeconnections",
        "delete_connection",
        json!({"ConnectionArn": arn}),
    );
    let gone = faults.pipe(&pipe);
    assert!(
        gone.code == 75 && gone.stderr.contains(&format!("connection {arn} is gone")),
        "{gone:?}"
    );
}
