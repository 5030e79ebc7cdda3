//! The first run of a pipeline, and the runs that are stopped before it is deleted.

use std::thread::sleep;

use support::{DOWN, Faults, LocalAws, PIPELINE, json, text};

use crate::{NAME, PAUSE, pipelines};

#[test]
fn a_first_run_that_an_earlier_pipe_started_is_followed_too() {
    let aws = LocalAws::start_connected();
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
    let aws = LocalAws::start_connected();
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
fn a_first_run_that_was_not_let_by_a_role_that_is_new_is_started_again_once() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--spread", "1000"]);
    aws.connect("us-east-1");
    let made = std::thread::scope(|scope| {
        let run = scope.spawn(|| aws.pipe(PIPELINE));
        while !statuses(&aws).contains(&"Failed".to_string()) {
            sleep(PAUSE);
        }
        aws.config(json!({"spread": 0}));
        run.join().unwrap()
    });
    let said = &made.ok().stderr;
    assert!(said.contains("; it is started again, once\n"), "{said}");
    assert!(
        said.contains("wait-env: pipeline web has run: succeeded"),
        "{said}"
    );
    assert_eq!(statuses(&aws), ["Succeeded", "Failed"]);
}

#[test]
fn a_role_that_never_may_is_told_after_the_second_run() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--spread", "1000"]);
    aws.connect("us-east-1");
    let failed = aws.pipe(PIPELINE);
    let said = &failed.stderr;
    assert_eq!(failed.code, 1, "{said}");
    assert_eq!(
        said.matches("; it is started again, once\n").count(),
        1,
        "{said}"
    );
    let line = "wait-env: the run of pipeline web is failed: Source/Source: The provided role does not have sufficient permissions";
    assert!(said.contains(line), "{said}");
    assert_eq!(statuses(&aws), ["Failed", "Failed"]);
}

/// How the runs of the pipeline are, the newest first; none while it does not exist.
fn statuses(aws: &LocalAws) -> Vec<String> {
    let params = json!({"pipelineName": NAME});
    let Ok(listed) = aws.try_call("codepipeline", "list_pipeline_executions", params) else {
        return Vec::new();
    };
    let runs = listed["pipelineExecutionSummaries"].as_array().unwrap();
    runs.iter().map(|run| text(&run["status"]).into()).collect()
}

/// Has the builds of web take for ever.
fn build_for_ever(aws: &LocalAws) {
    let names = json!({"names": ["build-web-production-pr1"]});
    let found = aws.call("codebuild", "batch_get_projects", names);
    let project = &found["projects"][0];
    let mut source = project["source"].clone();
    source["buildspec"] =
        json!("version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 1000\n");
    let endless = json!({"name": project["name"], "source": source, "tags": project["tags"]});
    aws.call("codebuild", "update_project", endless);
}

fn count_runs(aws: &LocalAws) -> usize {
    let params = json!({"pipelineName": NAME});
    let listed = aws.call("codepipeline", "list_pipeline_executions", params);
    let runs = listed["pipelineExecutionSummaries"].as_array();
    runs.unwrap().len()
}

/// Pushes, and waits until that has started a run.
fn push(aws: &LocalAws, content: &str) {
    let before = count_runs(aws);
    aws.push("owner/web", json!({"index.html": content}));
    while count_runs(aws) == before {
        sleep(PAUSE);
    }
}

#[test]
fn a_run_that_a_push_starts_while_down_stops_another_is_stopped_too() {
    let aws = LocalAws::start_connected();
    aws.pipe(PIPELINE).ok();
    build_for_ever(&aws);
    push(&aws, "second");
    let faults = Faults::between(&aws);
    // None is stopped until the other one is there.
    faults.rules(json!([{"do": "throttle", "of": "codepipeline:StopPipelineExecution"}]));
    std::thread::scope(|scope| {
        let down = scope.spawn(|| faults.pipe(DOWN));
        while !down.is_finished() && !is_stopping(&faults) {
            sleep(PAUSE);
        }
        push(&aws, "third");
        faults.end();
        down.join().unwrap().ok();
    });
    assert_eq!(pipelines(&aws), json!([]));
}

fn is_stopping(faults: &Faults) -> bool {
    let seen = faults.told()["seen"].to_string();
    seen.contains("StopPipelineExecution")
}
