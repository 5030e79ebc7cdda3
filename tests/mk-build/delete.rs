//! What ls-env finds, and what rm-env deletes.

use std::thread::sleep;
use std::time::Duration;

use support::{ENV, LocalAws, Value, json};

use crate::{NAME, changes, make, other_role, project};

const DOWN: &str = "rm-env --confirm production-pr1";

/// A project that can be started by hand; its builds last as long as a variable says.
fn without_source(name: &str, role: &Value, tags: Value) -> Value {
    let spec =
        "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep \"$SECONDS_TO_RUN\"\n";
    json!({
        "name": name,
        "source": {"type": "NO_SOURCE", "buildspec": spec},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        "serviceRole": role,
        "tags": tags,
    })
}

#[test]
fn ls_env_finds_the_projects_among_many_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let made = make(&aws, "").ok().record("build", "web");
    // They could be the environment's by their names, and are more than one page of them.
    let role = other_role(&aws);
    for number in 0..101 {
        let name = format!("build-{number}-production-pr1");
        let params = without_source(&name, &role, json!([]));
        aws.call("codebuild", "create_project", params);
    }
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let found = listed.record("build", "web");
    assert_eq!(found["arn"], made["arn"]);
    assert_eq!(found["project"], made["project"]);
    let mut builds = listed.records();
    builds.retain(|record| record["type"] == "build");
    assert_eq!(builds.len(), 1);

    let theirs = "build-7-production-pr1";
    let arn = format!("arn:aws:codebuild:us-east-1:123456789012:project/{theirs}");
    let theirs = json!({"type": "build", "name": "7", "arn": arn, "project": theirs});
    let deleted = aws.pipe_with(DOWN, &format!("{ENV}\n{theirs}\n{found}\n"));
    assert_eq!(deleted.code, 1);
    let message = "build project build-7-production-pr1 exists and is not tagged plumbline:env=production-pr1";
    assert!(deleted.stderr.contains(message), "{}", deleted.stderr);
    assert_eq!(deleted.record("build", "web")["change"], "deleted");
    assert_eq!(project(&aws), Value::Null);
    // What does not exist any more counts as deleted.
    aws.pipe_with(DOWN, &format!("{ENV}\n{found}\n")).ok();
}

#[test]
fn builds_that_run_are_stopped_and_all_are_deleted_with_their_project() {
    let aws = LocalAws::start();
    let made = make(&aws, "").ok().record("build", "web");
    let have = project(&aws);
    // The local AWS starts no builds of a pipeline's project by hand.
    let startable = without_source(NAME, &have["serviceRole"], have["tags"].clone());
    aws.call("codebuild", "update_project", startable);
    let short = start_build(&aws, "0");
    let long = start_build(&aws, "1000");
    while status(&aws, &short) == "IN_PROGRESS" {
        sleep(Duration::from_millis(50));
    }
    assert_eq!(status(&aws, &long), "IN_PROGRESS");
    aws.forget();
    let deleted = aws.pipe_with(DOWN, &format!("{ENV}\n{made}\n")).ok();
    assert_eq!(deleted.record("build", "web")["change"], "deleted");
    assert_eq!(
        changes(&aws),
        [
            "codebuild:StopBuild",
            "codebuild:BatchDeleteBuilds",
            "codebuild:DeleteProject"
        ]
    );
    let builds = aws.call("codebuild", "list_builds", json!({}));
    assert_eq!(builds["ids"], json!([]));
}

/// Starts a build that lasts for some seconds, and answers its ID.
fn start_build(aws: &LocalAws, seconds: &str) -> Value {
    let variables = json!([{"name": "SECONDS_TO_RUN", "value": seconds}]);
    let build = json!({"projectName": NAME, "environmentVariablesOverride": variables});
    aws.call("codebuild", "start_build", build)["build"]["id"].clone()
}

fn status(aws: &LocalAws, build: &Value) -> Value {
    let builds = aws.call("codebuild", "batch_get_builds", json!({"ids": [build]}));
    builds["builds"][0]["buildStatus"].clone()
}
