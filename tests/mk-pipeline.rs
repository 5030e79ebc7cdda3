//! mk-pipeline: its command line, and the pipelines it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{Faults, LocalAws, PIPELINE, Value, json, tags, text};

const NAME: &str = "pipeline-web-production-pr1";

fn connected() -> LocalAws {
    let aws = LocalAws::start();
    aws.connect("us-east-1");
    aws
}

fn pipeline(aws: &LocalAws) -> Value {
    aws.call("codepipeline", "get_pipeline", json!({"name": NAME}))["pipeline"].clone()
}

fn action(pipeline: &Value, name: &str) -> Value {
    let stages = pipeline["stages"].as_array().unwrap();
    let mut actions = stages
        .iter()
        .flat_map(|stage| stage["actions"].as_array().unwrap());
    actions
        .find(|action| action["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {pipeline}"))
        .clone()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-pipeline", &[]);
}

#[test]
fn the_pipeline_reads_builds_and_tags_and_a_second_run_changes_nothing() {
    let aws = connected();
    let made = aws.pipe(PIPELINE).ok();
    assert_eq!(made.record("pipeline", "web")["change"], "created");
    assert!(
        made.stderr
            .contains("wait-env: pipeline web has run: succeeded"),
        "{}",
        made.stderr
    );
    let it = pipeline(&aws);
    assert_eq!(
        (&it["pipelineType"], &it["executionMode"]),
        (&json!("V2"), &json!("QUEUED"))
    );
    let stages: Vec<&str> = it["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| text(&stage["name"]))
        .collect();
    assert_eq!(stages, ["Source", "Build", "Deploy"]);
    let source = action(&it, "Source");
    assert_eq!(
        source["actionTypeId"],
        json!({"category": "Source", "owner": "AWS", "provider": "CodeStarSourceConnection", "version": "1"})
    );
    assert_eq!(
        source["configuration"],
        json!({"ConnectionArn": made.record("connection", "github")["arn"], "FullRepositoryId": "owner/web",
            "BranchName": "main", "OutputArtifactFormat": "CODE_ZIP", "DetectChanges": "true"})
    );
    assert_eq!(action(&it, "Tag")["actionTypeId"]["provider"], "Lambda");
    assert_eq!(
        it["artifactStore"]["location"],
        made.record("bucket", "artifacts")["bucket"]
    );
    let found = aws.call(
        "codepipeline",
        "list_tags_for_resource",
        json!({"resourceArn": made.record("pipeline", "web")["arn"]}),
    );
    let found = tags(&found["tags"]);
    for (key, value) in [
        ("plumbline:env", "production-pr1"),
        ("plumbline:source", "web"),
        ("Environment", "production"),
        ("Team", "devops"),
    ] {
        assert_eq!(found[key], value, "{found}");
    }
    aws.forget();
    assert_eq!(
        aws.pipe(PIPELINE).ok().record("pipeline", "web")["change"],
        "kept"
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

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
    assert_eq!(
        aws.call("codepipeline", "list_pipelines", json!({}))["pipelines"],
        json!([])
    );
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
        let made = json!({"FunctionName": "function-web-production-pr1"});
        while !run.is_finished()
            && aws
                .try_call("lambda", "get_function", made.clone())
                .is_err()
        {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        aws.handshake("connection-production-pr1");
        let made = run.join().unwrap().ok();
        assert_eq!(made.record("pipeline", "web")["change"], "created");
    });
}

#[test]
fn a_dry_run_changes_nothing_and_announces_what_would_be_made() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe(&PIPELINE.replace("production pr1", "production pr1 --plan"))
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    for (kind, name) in [
        ("connection", "github"),
        ("bucket", "artifacts"),
        ("repo", "web"),
        ("role", "pipeline/web"),
        ("log_group", "build/web"),
        ("build", "web"),
        ("function", "web"),
        ("pipeline", "web"),
        ("rule", "web"),
    ] {
        assert_eq!(
            planned.record(kind, name)["change"],
            "create",
            "{kind} {name}"
        );
    }
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line_and_others_tags_stay() {
    let aws = connected();
    let made = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let mut other = pipeline(&aws);
    other["executionMode"] = json!("SUPERSEDED");
    other["stages"][0]["actions"][0]["configuration"]["BranchName"] = json!("old");
    other["stages"].as_array_mut().unwrap().truncate(2);
    aws.call(
        "codepipeline",
        "update_pipeline",
        json!({"pipeline": other}),
    );
    let set = json!([{"key": "Team", "value": "nobody"}, {"key": "theirs", "value": "x"}]);
    aws.call(
        "codepipeline",
        "tag_resource",
        json!({"resourceArn": made["arn"], "tags": set}),
    );
    aws.forget();
    let mended = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let fields: Vec<&str> = mended["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| text(&change["field"]))
        .collect();
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
    let found = tags(
        &aws.call(
            "codepipeline",
            "list_tags_for_resource",
            json!({"resourceArn": made["arn"]}),
        )["tags"],
    );
    assert_eq!(
        (&found["Team"], &found["theirs"]),
        (&json!("devops"), &json!("x"))
    );
}

#[test]
fn who_runs_it_where_it_keeps_artifacts_and_what_starts_it_are_brought_into_line() {
    let aws = connected();
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
    let update = || {
        aws.try_call(
            "codepipeline",
            "update_pipeline",
            json!({"pipeline": other}),
        )
    };
    while update().is_err() {
        std::thread::sleep(std::time::Duration::from_millis(50)); // until CodePipeline can assume the role
    }
    let mended = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let fields: Vec<&str> = mended["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| text(&change["field"]))
        .collect();
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
    let aws = connected();
    aws.pipe(PIPELINE).ok();
    let made = pipeline(&aws);
    let mut other = made.clone();
    other["variables"] = json!([{"name": "TOKEN", "defaultValue": "hunter2"}]);
    other["artifactStore"]["encryptionKey"] = json!({"id": "alias/theirs", "type": "KMS"});
    other["stages"][2]["onFailure"] = json!({"result": "ROLLBACK"});
    let build = &mut other["stages"][1]["actions"][0];
    build["region"] = json!("us-east-1"); // as AWS tells it of a pipeline that was edited in the console
    build["timeoutInMinutes"] = json!(5);
    build["configuration"]["EnvironmentVariables"] =
        json!(r#"[{"name": "TOKEN", "value": "hunter2"}]"#);
    aws.call(
        "codepipeline",
        "update_pipeline",
        json!({"pipeline": other}),
    );
    aws.forget();
    let mended = aws.pipe(PIPELINE).ok();
    let gone = |field: &str| json!({"field": field, "old": "set", "new": "none"});
    let wanted = [
        "Build/Build EnvironmentVariables",
        "Build/Build time limit",
        "Deploy on failure",
        "artifact key",
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
fn without_the_tag_of_its_source_it_is_listed_by_its_name_and_deleted() {
    let aws = connected();
    let arn = aws.pipe(PIPELINE).ok().record("pipeline", "web")["arn"].clone();
    let keys = json!(["plumbline:source"]);
    aws.call(
        "codepipeline",
        "untag_resource",
        json!({"resourceArn": arn, "tagKeys": keys}),
    );
    let listed = aws
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("pipeline", NAME);
    assert_eq!((&listed["pipeline"], &listed["arn"]), (&json!(NAME), &arn));
    aws.pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
        .ok();
    assert_eq!(
        aws.call("codepipeline", "list_pipelines", json!({}))["pipelines"],
        json!([])
    );
}

#[test]
fn a_connection_that_was_deleted_by_hand_is_made_anew_and_the_pipeline_takes_it_once_it_is_finished()
 {
    let aws = connected();
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
    let (new, changes) = (
        &mended.record("connection", "github")["arn"],
        &mended.record("pipeline", "web")["changes"],
    );
    assert_eq!(
        *changes,
        json!([{"field": "Source/Source ConnectionArn", "old": old, "new": new}])
    );
    assert_eq!(
        action(&pipeline(&aws), "Source")["configuration"]["ConnectionArn"],
        *new
    );
}

#[test]
fn a_connection_in_error_is_told_as_it_is_and_one_that_is_gone_too() {
    let aws = connected();
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
    let arn = text(&aws.call("codeconnections", "list_connections", json!({}))["Connections"][0]["ConnectionArn"])
        .to_string();
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

#[test]
fn tags_that_another_run_sets_at_the_same_time_are_set_again() {
    let aws = connected();
    let made = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    aws.call(
        "codepipeline",
        "untag_resource",
        json!({"resourceArn": made["arn"], "tagKeys": ["Team"]}),
    );
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

#[test]
fn a_pipeline_of_that_name_that_is_not_ours_is_refused_and_stays() {
    let aws = connected();
    let record = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let keys = json!(["plumbline:env"]);
    aws.call(
        "codepipeline",
        "untag_resource",
        json!({"resourceArn": record["arn"], "tagKeys": keys}),
    );
    aws.forget();
    let refused = aws.pipe(PIPELINE);
    assert!(
        refused.stderr.contains(&format!(
            "mk-pipeline: pipeline {NAME} exists and is not tagged"
        )),
        "{}",
        refused.stderr
    );
    let line = format!("{}\n{record}\n", support::ENV);
    assert_eq!(
        aws.pipe_with("rm-env --confirm production-pr1", &line).code,
        1
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
    pipeline(&aws);
}

#[test]
fn a_first_run_that_an_earlier_pipe_started_is_followed_too() {
    let aws = connected();
    aws.pipe(PIPELINE.strip_suffix(" | wait-env").unwrap()).ok();
    let again = aws.pipe(PIPELINE).ok();
    assert_eq!(again.record("pipeline", "web")["change"], "kept");
    assert!(
        again
            .stderr
            .contains("wait-env: pipeline web has run: succeeded"),
        "{}",
        again.stderr
    );
    let later = aws.pipe(PIPELINE).ok();
    assert!(!later.stderr.contains("has run"), "{}", later.stderr);
}

#[test]
fn a_first_run_that_fails_says_why_and_leaves_the_pipeline_to_be_mended() {
    let aws = connected();
    let empty = PIPELINE.replace("owner/web", "owner/empty");
    let failed = aws.pipe(&empty);
    assert_eq!(failed.code, 1);
    assert!(
        failed
            .stderr
            .contains("wait-env: the run of pipeline web is failed: Source/Source:"),
        "{}",
        failed.stderr
    );
    assert!(
        failed
            .stderr
            .contains("start-pipeline-execution --name pipeline-web-production-pr1"),
        "{}",
        failed.stderr
    );
    let again = aws.pipe(&empty).ok();
    assert!(
        again
            .stderr
            .contains("wait-env: the only run of pipeline web has failed"),
        "{}",
        again.stderr
    );
}

#[test]
fn one_whose_tags_do_not_show_for_a_moment_is_not_taken_for_somebody_elses() {
    let aws = connected();
    aws.pipe(PIPELINE).ok();
    let faults = Faults::between(&aws);
    let unseen = json!({"do": "refuse", "of": "codepipeline:ListTagsForResource", "times": 1, "status": 400,
        "code": "ResourceNotFoundException", "message": "It does not exist."});
    faults.rules(json!([unseen]));
    assert_eq!(
        faults.pipe(PIPELINE).ok().record("pipeline", "web")["change"],
        "kept"
    );
    faults.rules(json!([unseen]));
    faults
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("pipeline", "web");
}

#[test]
fn a_run_that_a_push_starts_while_down_stops_another_is_stopped_too() {
    let aws = connected();
    aws.pipe(PIPELINE).ok();
    let project = aws.call(
        "codebuild",
        "batch_get_projects",
        json!({"names": ["build-web-production-pr1"]}),
    )["projects"][0]
        .clone();
    let mut source = project["source"].clone();
    source["buildspec"] =
        json!("version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 1000\n");
    let endless = json!({"name": project["name"], "source": source, "tags": project["tags"]});
    aws.call("codebuild", "update_project", endless);
    let runs = || {
        let listed = aws.call(
            "codepipeline",
            "list_pipeline_executions",
            json!({"pipelineName": NAME}),
        );
        listed["pipelineExecutionSummaries"]
            .as_array()
            .unwrap()
            .len()
    };
    let push = |content: &str| {
        let before = runs();
        aws.push("owner/web", json!({"index.html": content}));
        while runs() == before {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    push("second");
    let faults = Faults::between(&aws);
    // None is stopped until the other one is there.
    faults.rules(json!([{"do": "throttle", "of": "codepipeline:StopPipelineExecution"}]));
    std::thread::scope(|scope| {
        let down = scope
            .spawn(|| faults.pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1"));
        while !down.is_finished()
            && !faults.told()["seen"]
                .to_string()
                .contains("StopPipelineExecution")
        {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        push("third");
        faults.end();
        down.join().unwrap().ok();
    });
    assert_eq!(
        aws.call("codepipeline", "list_pipelines", json!({}))["pipelines"],
        json!([])
    );
}
