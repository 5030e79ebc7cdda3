//! mk-pipeline: its command line, and the pipelines it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{LocalAws, PIPELINE, Value, json, tags, text};

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
    let mut actions = stages.iter().flat_map(|stage| stage["actions"].as_array().unwrap());
    actions.find(|action| action["name"] == name).unwrap_or_else(|| panic!("no {name}: {pipeline}")).clone()
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
    assert!(made.stderr.contains("wait-env: pipeline web has run: succeeded"), "{}", made.stderr);
    let it = pipeline(&aws);
    assert_eq!((&it["pipelineType"], &it["executionMode"]), (&json!("V2"), &json!("QUEUED")));
    let stages: Vec<&str> = it["stages"].as_array().unwrap().iter().map(|stage| text(&stage["name"])).collect();
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
    assert_eq!(it["artifactStore"]["location"], made.record("bucket", "artifacts")["bucket"]);
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
    assert_eq!(aws.pipe(PIPELINE).ok().record("pipeline", "web")["change"], "kept");
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_person_is_waited_for_before_anything_could_run() {
    let aws = LocalAws::start();
    let pending = aws.pipe(PIPELINE);
    assert_eq!(pending.code, 75, "the code of the whole pipe says: run it again\n{}", pending.stderr);
    assert!(
        pending
            .stderr
            .contains("mk-pipeline: connection connection-production-pr1 is PENDING until a person finishes it")
    );
    assert!(pending.stderr.contains("codesuite/settings/connections?region=us-east-1"), "{}", pending.stderr);
    assert_eq!(pending.record("failed", "mk-pipeline")["code"], 75);
    assert_eq!(aws.call("codepipeline", "list_pipelines", json!({}))["pipelines"], json!([]));
    // All else is there: only the pipeline and its rule are made by the next run.
    aws.forget();
    aws.handshake("connection-production-pr1");
    aws.pipe(PIPELINE).ok();
    let changes: Vec<String> =
        aws.changes().into_iter().filter(|change| !change.starts_with("s3:") && change.contains(":Create")).collect();
    assert_eq!(changes, ["codepipeline:CreatePipeline"]);
}

#[test]
fn one_who_waits_goes_on_when_the_person_has_clicked() {
    let aws = LocalAws::start();
    let waiting = PIPELINE.replace("mk-pipeline", "mk-pipeline --handshake 1");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| aws.pipe(&waiting));
        while aws.try_call("lambda", "get_function", json!({"FunctionName": "function-web-production-pr1"})).is_err() {
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
    let planned = aws.pipe(&PIPELINE.replace("production pr1", "production pr1 --plan")).would_change();
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
        assert_eq!(planned.record(kind, name)["change"], "create", "{kind} {name}");
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
    aws.call("codepipeline", "update_pipeline", json!({"pipeline": other}));
    let set = json!([{"key": "Team", "value": "nobody"}, {"key": "theirs", "value": "x"}]);
    aws.call("codepipeline", "tag_resource", json!({"resourceArn": made["arn"], "tags": set}));
    aws.forget();
    let mended = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let fields: Vec<&str> = mended["changes"].as_array().unwrap().iter().map(|change| text(&change["field"])).collect();
    for field in ["execution mode", "Source/Source BranchName", "stages", "Deploy/Tag FunctionName", "tag Team"] {
        assert!(fields.contains(&field), "{field}: {fields:?}");
    }
    assert_eq!(aws.changes(), ["codepipeline:UpdatePipeline", "codepipeline:TagResource"]);
    aws.forget();
    aws.pipe(PIPELINE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let found = tags(&aws.call("codepipeline", "list_tags_for_resource", json!({"resourceArn": made["arn"]}))["tags"]);
    assert_eq!((&found["Team"], &found["theirs"]), (&json!("devops"), &json!("x")));
}

#[test]
fn a_pipeline_of_that_name_that_is_not_ours_is_refused_and_stays() {
    let aws = connected();
    let record = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    let keys = json!(["plumbline:env"]);
    aws.call("codepipeline", "untag_resource", json!({"resourceArn": record["arn"], "tagKeys": keys}));
    aws.forget();
    let refused = aws.pipe(PIPELINE);
    assert!(
        refused.stderr.contains(&format!("mk-pipeline: pipeline {NAME} exists and is not tagged")),
        "{}",
        refused.stderr
    );
    let line = format!("{}\n{record}\n", support::ENV);
    assert_eq!(aws.pipe_with("rm-env --confirm production-pr1", &line).code, 1);
    assert_eq!(aws.changes(), Vec::<String>::new());
    pipeline(&aws);
}

#[test]
fn a_first_run_that_an_earlier_pipe_started_is_followed_too() {
    let aws = connected();
    aws.pipe(PIPELINE.strip_suffix(" | wait-env").unwrap()).ok();
    let again = aws.pipe(PIPELINE).ok();
    assert_eq!(again.record("pipeline", "web")["change"], "kept");
    assert!(again.stderr.contains("wait-env: pipeline web has run: succeeded"), "{}", again.stderr);
    let later = aws.pipe(PIPELINE).ok();
    assert!(!later.stderr.contains("has run"), "{}", later.stderr);
}

#[test]
fn a_first_run_that_fails_says_why_and_leaves_the_pipeline_to_be_mended() {
    let aws = connected();
    let empty = PIPELINE.replace("owner/web", "owner/empty");
    let failed = aws.pipe(&empty);
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("wait-env: the run of pipeline web is failed: Source/Source:"), "{}", failed.stderr);
    assert!(failed.stderr.contains("start-pipeline-execution --name pipeline-web-production-pr1"), "{}", failed.stderr);
    let again = aws.pipe(&empty).ok();
    assert!(again.stderr.contains("wait-env: the only run of pipeline web has failed"), "{}", again.stderr);
}
