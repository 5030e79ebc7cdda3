//! What differs from what is wanted is brought into line.

use std::thread::sleep;

use support::{Faults, LocalAws, PIPELINE, Value, changed_fields, json};

use crate::{NAME, PAUSE, pipeline, tags_of, untag};

fn update(aws: &LocalAws, pipeline: &Value) -> Result<Value, Value> {
    let params = json!({"pipeline": pipeline});
    aws.try_call("codepipeline", "update_pipeline", params)
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_others_tags_stay() {
    let aws = LocalAws::start_connected();
    let made = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let mut other = pipeline(&aws);
    other["executionMode"] = json!("SUPERSEDED");
    other["stages"][0]["actions"][0]["configuration"]["BranchName"] = json!("old");
    other["stages"].as_array_mut().unwrap().truncate(2);
    update(&aws, &other).unwrap();
    let set = json!([{"key": "Team", "value": "nobody"}, {"key": "theirs", "value": "x"}]);
    aws.call(
        "codepipeline",
        "tag_resource",
        json!({"resourceArn": made["arn"], "tags": set}),
    );
    aws.forget();
    let mended = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let fields = changed_fields(&mended);
    for field in [
        "execution mode",
        "Source/Source BranchName",
        "stages",
        "Deploy/Tag FunctionName",
        "tag Team",
    ] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    assert_eq!(
        aws.changes(),
        ["codepipeline:UpdatePipeline", "codepipeline:TagResource"]
    );
    aws.forget();
    aws.pipe(PIPELINE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let found = tags_of(&aws, &made);
    assert_eq!(
        (&found["Team"], &found["theirs"]),
        (&json!("devops"), &json!("x"))
    );
}

#[test]
fn who_runs_it_where_it_keeps_artifacts_and_what_starts_it_are_brought_into_line() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    let made = pipeline(&aws);
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}, "Action": "sts:AssumeRole"}]}).to_string();
    let theirs = aws.call(
        "iam",
        "create_role",
        json!({"RoleName": "theirs", "AssumeRolePolicyDocument": trust}),
    );
    aws.call(
        "s3",
        "create_bucket",
        json!({"Bucket": "theirs-123456789012"}),
    );
    let mut other = made.clone();
    other["roleArn"] = theirs["Role"]["Arn"].clone();
    other["artifactStore"]["location"] = json!("theirs-123456789012");
    let pushes = json!({"sourceActionName": "Source", "push": [{"branches": {"includes": ["*"]}}]});
    other["triggers"] =
        json!([{"providerType": "CodeStarSourceConnection", "gitConfiguration": pushes}]);
    let source = &mut other["stages"][0]["actions"][0];
    source["namespace"] = json!("Theirs");
    source["configuration"]["DetectChanges"] = json!("false");
    let tag = &mut other["stages"][2]["actions"][0];
    tag["runOrder"] = json!(7);
    tag["configuration"]["UserParameters"] = json!(r#"{"repository":"theirs","tag":"latest"}"#);
    tag["inputArtifacts"] = json!([{"name": "BuildOutput"}]);
    while update(&aws, &other).is_err() {
        sleep(PAUSE); // until CodePipeline can assume the role
    }
    let mended = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let fields = changed_fields(&mended);
    let wanted = [
        "Deploy/Tag UserParameters",
        "Deploy/Tag input",
        "Deploy/Tag order",
        "Source/Source DetectChanges",
        "Source/Source namespace",
        "artifact bucket",
        "role",
        "triggers",
    ];
    assert_eq!(fields, wanted);
    let mut now = pipeline(&aws);
    now["version"] = made["version"].clone();
    assert_eq!(now, made);
}

#[test]
fn what_was_added_by_hand_goes_and_is_told_by_name_alone() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    let made = pipeline(&aws);
    let mut other = made.clone();
    other["variables"] = json!([{"name": "TOKEN", "defaultValue": "hunter2"}]);
    other["stages"][2]["onFailure"] = json!({"result": "ROLLBACK"});
    let build = &mut other["stages"][1]["actions"][0];
    build["region"] = json!("us-east-1"); // as AWS tells it of a pipeline that was edited in the console
    build["timeoutInMinutes"] = json!(5);
    build["configuration"]["EnvironmentVariables"] =
        json!(r#"[{"name": "TOKEN", "value": "hunter2"}]"#);
    update(&aws, &other).unwrap();
    aws.forget();
    let mended = aws.pipe(PIPELINE).ok();
    let gone = |field: &str| json!({"field": field, "old": "set", "new": "none"});
    let wanted = [
        "Build/Build EnvironmentVariables",
        "Build/Build time limit",
        "Deploy on failure",
        "variables",
    ];
    assert_eq!(
        mended.record("pipeline", "web")["changes"],
        json!(wanted.map(gone))
    );
    assert!(
        !format!("{}{}", mended.stdout, mended.stderr).contains("hunter2"),
        "{}",
        mended.stderr
    );
    assert_eq!(aws.changes(), ["codepipeline:UpdatePipeline"]);
    let mut now = pipeline(&aws);
    now["version"] = made["version"].clone();
    assert_eq!(now, made);
}

#[test]
fn what_makes_it_stricter_stays_and_is_said_also_where_it_is_changed_for_another_reason() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    let approval = |name: &str| {
        json!({"name": name, "actionTypeId": {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"},
            "configuration": {"CustomData": "hunter2"}, "inputArtifacts": [], "outputArtifacts": [], "runOrder": 1, "timeoutInMinutes": 60})
    };
    let mut other = pipeline(&aws);
    other["artifactStore"]["encryptionKey"] = json!({"id": "alias/theirs", "type": "KMS"});
    let stages = other["stages"].as_array_mut().unwrap();
    stages[2]["actions"][0]["runOrder"] = json!(2);
    stages[2]["actions"]
        .as_array_mut()
        .unwrap()
        .push(approval("Ask"));
    stages.insert(2, json!({"name": "Approve", "actions": [approval("Ask")]}));
    update(&aws, &other).unwrap();
    let stricter = pipeline(&aws);
    let line = format!(
        "mk-pipeline: pipeline {NAME} has what somebody added: approval Approve/Ask, approval Deploy/Ask, artifact key alias/theirs; it stays\n"
    );
    let plan = PIPELINE.replace("production pr1", "production pr1 --plan");
    for pipe in [PIPELINE, &plan] {
        aws.forget();
        let kept = aws.pipe(pipe).ok();
        assert_eq!(kept.record("pipeline", "web")["change"], "kept");
        assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
        assert_eq!(aws.changes(), Vec::<String>::new());
    }
    let mut wider = stricter.clone();
    wider["executionMode"] = json!("SUPERSEDED");
    let theirs = json!({"name": "Theirs", "actions": [{"name": "Theirs", "actionTypeId": {"category": "Invoke", "owner": "AWS", "provider": "Lambda", "version": "1"},
        "configuration": {"FunctionName": "theirs"}, "inputArtifacts": [], "outputArtifacts": [], "runOrder": 1}]});
    wider["stages"].as_array_mut().unwrap().push(theirs);
    update(&aws, &wider).unwrap();
    let mended = aws.pipe(PIPELINE).ok();
    let record = mended.record("pipeline", "web");
    let fields = changed_fields(&record);
    for field in ["execution mode", "stages", "Theirs/Theirs kind"] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    assert_eq!(mended.stderr.matches(&line).count(), 1, "{}", mended.stderr);
    assert!(!mended.stderr.contains("hunter2"), "{}", mended.stderr);
    let mut now = pipeline(&aws);
    now["version"] = stricter["version"].clone();
    assert_eq!(now, stricter);
}

#[test]
fn tags_that_another_run_sets_at_the_same_time_are_set_again() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    untag(&aws, "Team");
    let faults = Faults::between(&aws);
    let busy = json!({"do": "refuse", "of": "codepipeline:TagResource", "times": 2, "status": 400,
        "code": "ConcurrentModificationException", "message": "Unable to modify the tag due to a simultaneous update request."});
    faults.rules(json!([busy]));
    let mended = faults.pipe(PIPELINE).ok().record("pipeline", "web");
    assert_eq!(
        mended["changes"],
        json!([{"field": "tag Team", "old": "", "new": "devops"}])
    );
}
