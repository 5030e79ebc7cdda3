//! mk-pipeline: its command line, and the pipelines it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-pipeline/connection.rs"]
mod connection;
#[path = "mk-pipeline/drift.rs"]
mod drift;
#[path = "mk-pipeline/runs.rs"]
mod runs;

use std::time::Duration;

use support::{DOWN, Faults, LocalAws, PIPELINE, Value, json, tags, text};

const NAME: &str = "pipeline-web-production-pr1";

/// How long a test sleeps before it asks again.
const PAUSE: Duration = Duration::from_millis(50);

/// The account's pipelines.
fn pipelines(aws: &LocalAws) -> Value {
    aws.call("codepipeline", "list_pipelines", json!({}))["pipelines"].clone()
}

/// The pipeline as AWS has it.
fn pipeline(aws: &LocalAws) -> Value {
    aws.call("codepipeline", "get_pipeline", json!({"name": NAME}))["pipeline"].clone()
}

/// One action of it.
fn action(pipeline: &Value, name: &str) -> Value {
    let stages = pipeline["stages"].as_array().unwrap();
    let mut actions = stages
        .iter()
        .flat_map(|stage| stage["actions"].as_array().unwrap());
    let action = actions.find(|action| action["name"] == name);
    action
        .unwrap_or_else(|| panic!("no {name}: {pipeline}"))
        .clone()
}

/// The tags of a pipeline by its record.
fn tags_of(aws: &LocalAws, record: &Value) -> Value {
    let params = json!({"resourceArn": record["arn"]});
    tags(&aws.call("codepipeline", "list_tags_for_resource", params)["tags"])
}

/// Takes one tag away from the pipeline.
fn untag(aws: &LocalAws, key: &str) {
    let arn = format!("arn:aws:codepipeline:us-east-1:123456789012:{NAME}");
    let params = json!({"resourceArn": arn, "tagKeys": [key]});
    aws.call("codepipeline", "untag_resource", params);
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-pipeline", &[]);
}

#[test]
fn the_pipeline_reads_builds_and_tags_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start_connected();
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
    let stages = it["stages"].as_array().unwrap().iter();
    let stages: Vec<&str> = stages.map(|stage| text(&stage["name"])).collect();
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
    let found = tags_of(&aws, &made.record("pipeline", "web"));
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
fn without_the_tag_of_its_source_it_is_listed_by_its_name_and_deleted() {
    let aws = LocalAws::start_connected();
    let arn = aws.pipe(PIPELINE).ok().record("pipeline", "web")["arn"].clone();
    untag(&aws, "plumbline:source");
    let listed = aws
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("pipeline", NAME);
    assert_eq!((&listed["pipeline"], &listed["arn"]), (&json!(NAME), &arn));
    aws.pipe(DOWN).ok();
    assert_eq!(pipelines(&aws), json!([]));
}

#[test]
fn a_pipeline_of_that_name_that_is_not_ours_is_refused_and_stays() {
    let aws = LocalAws::start_connected();
    let record = aws.pipe(PIPELINE).ok().record("pipeline", "web");
    untag(&aws, "plumbline:env");
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
fn one_whose_tags_do_not_show_for_a_moment_is_not_taken_for_somebody_elses() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    let faults = Faults::between(&aws);
    faults.hide_tags_once("codepipeline:ListTagsForResource");
    assert_eq!(
        faults.pipe(PIPELINE).ok().record("pipeline", "web")["change"],
        "kept"
    );
    faults.hide_tags_once("codepipeline:ListTagsForResource");
    faults
        .pipe("ls-env --env production-pr1")
        .ok()
        .record("pipeline", "web");
}
