//! The project that is made, and what it waits for.

use std::fs;
use std::thread;

use support::{Faults, LocalAws, Value, changed_fields, json, tags};

use crate::{NAME, REGISTRY, REPOSITORY, changes, head, make, project};

const GROUP: &str = "/aws/codebuild/build-web-production-pr1";

#[test]
fn the_project_is_as_a_pipeline_needs_it_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = make(&aws, "").ok();
    let project = project(&aws);
    let record = made.record("build", "web");
    assert_eq!(record["arn"], project["arn"]);
    assert_eq!(record["project"], NAME);
    assert_eq!(record["change"], "created");

    let role = made.record("role", "build/web");
    let spec = fs::read_to_string(support::root().join("tools/mk-build/buildspec.yml")).unwrap();
    for (field, expected) in [
        ("/description", json!("Image of web from owner/web")),
        ("/serviceRole", role["arn"].clone()),
        ("/source/type", json!("CODEPIPELINE")),
        ("/source/buildspec", json!(spec)),
        ("/artifacts/type", json!("CODEPIPELINE")),
        ("/environment/type", json!("LINUX_CONTAINER")),
        ("/environment/computeType", json!("BUILD_GENERAL1_SMALL")),
        (
            "/environment/image",
            json!("aws/codebuild/amazonlinux-x86_64-standard:5.0"),
        ),
        ("/environment/privilegedMode", json!(true)),
        ("/environment/environmentVariables", variables()),
        ("/timeoutInMinutes", json!(30)),
        ("/queuedTimeoutInMinutes", json!(60)),
        (
            "/cache",
            json!({"type": "LOCAL", "modes": ["LOCAL_DOCKER_LAYER_CACHE"]}),
        ),
        (
            "/logsConfig/cloudWatchLogs",
            json!({"status": "ENABLED", "groupName": GROUP}),
        ),
        ("/logsConfig/s3Logs/status", json!("DISABLED")),
    ] {
        assert_eq!(project.pointer(field), Some(&expected), "{field}");
    }
    assert_eq!(made.record("log_group", "build/web")["group"], GROUP);

    let first_tag = &project["tags"][0];
    assert!(
        first_tag.get("key").is_some(),
        "in this API keys are lower case: {first_tag}"
    );
    let tags = tags(&project["tags"]);
    assert_eq!(tags["plumbline:env"], "production-pr1");
    assert_eq!(tags["plumbline:source"], "web");
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["Name"], NAME);

    aws.forget();
    let again = make(&aws, "").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("build", "web")["change"], "kept");
}

/// The variables of the project of `web`.
fn variables() -> Value {
    let variables = [
        ("CONTAINER", "web"),
        ("CONTEXT", "."),
        ("DOCKERFILE", "Dockerfile"),
        ("REGISTRY", REGISTRY),
        ("REPOSITORY_URI", REPOSITORY),
    ];
    let variables =
        variables.map(|(name, value)| json!({"name": name, "value": value, "type": "PLAINTEXT"}));
    json!(variables)
}

#[test]
fn the_repository_is_the_one_that_mk_ecr_makes() {
    let aws = LocalAws::start();
    let pipe = "mk-source web owner/web | mk-ecr | mk-role | mk-logs | mk-build";
    let made = aws.pipe_with(pipe, &head()).ok();
    assert_eq!(made.record("repo", "web")["uri"], REPOSITORY);
}

#[test]
fn each_source_has_a_project_of_its_own() {
    let aws = LocalAws::start();
    let pipe = "mk-source web owner/web | mk-source api owner/api --context src/api --dockerfile docker/File | mk-role | mk-logs | mk-build";
    aws.pipe_with(pipe, &head()).ok();
    let names = aws.call("codebuild", "list_projects", json!({}))["projects"].clone();
    assert_eq!(names, json!(["build-api-production-pr1", NAME]));
    let params = json!({"names": ["build-api-production-pr1"]});
    let api = aws.call("codebuild", "batch_get_projects", params);
    let api = &api["projects"][0];
    assert_eq!(variable(api, "CONTEXT"), "src/api");
    assert_eq!(variable(api, "DOCKERFILE"), "docker/File");
    assert_eq!(
        api["source"]["buildspec"],
        project(&aws)["source"]["buildspec"]
    );
}

fn variable<'a>(project: &'a Value, name: &str) -> &'a Value {
    let variables = project["environment"]["environmentVariables"].as_array();
    let mut variables = variables.unwrap().iter();
    let found = variables.find(|variable| variable["name"] == name);
    &found.unwrap()["value"]
}

#[test]
fn the_project_waits_for_its_log_group() {
    let aws = LocalAws::start();
    let without = aws.pipe_with("mk-source web owner/web | mk-role | mk-build", &head());
    let stderr = &without.stderr;
    assert_eq!(without.code, 65, "{stderr}");
    assert!(
        stderr.contains("no log_group record 'build/web' on stdin"),
        "{stderr}"
    );
    assert_eq!(changes(&aws), Vec::<String>::new());
}

#[test]
fn a_dry_run_changes_nothing_and_announces_the_project() {
    let aws = LocalAws::start();
    let planned = dry_run(&aws);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let made = make(&aws, "").ok().record("build", "web");
    assert_eq!(planned["change"], "create");
    assert_eq!(planned["arn"], made["arn"]);

    let mut tags = project(&aws)["tags"].clone();
    let without_team = tags.as_array_mut().unwrap();
    without_team.retain(|tag| tag["key"] != "Team");
    let params = json!({"name": NAME, "timeoutInMinutes": 60, "tags": tags});
    aws.call("codebuild", "update_project", params);
    aws.forget();
    let planned = dry_run(&aws);
    assert_eq!(planned["change"], "update");
    assert_eq!(changed_fields(&planned), ["timeout", "tag Team"]);
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// The record of the project in a dry run.
fn dry_run(aws: &LocalAws) -> Value {
    let head = head().replace("{\"type\":\"env\"", "{\"plan\":true,\"type\":\"env\"");
    let pipe = "mk-source web owner/web | mk-role | mk-logs | mk-build";
    let planned = aws.pipe_with(pipe, &head).would_change();
    planned.record("build", "web")
}

#[test]
fn a_project_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    make(&aws, "").ok();
    let tags = json!([{"key": "Team", "value": "theirs"}]);
    let params = json!({"name": NAME, "timeoutInMinutes": 99, "tags": tags});
    aws.call("codebuild", "update_project", params);
    let before = project(&aws);
    aws.forget();
    let refused = make(&aws, "");
    assert_eq!(refused.code, 1);
    let message = format!(
        "mk-build: build project {NAME} exists and is not tagged plumbline:env=production-pr1; it is left alone"
    );
    assert!(refused.stderr.contains(&message), "{}", refused.stderr);
    assert_eq!(changes(&aws), Vec::<String>::new());
    assert_eq!(project(&aws), before);
}

#[test]
fn a_role_that_codebuild_cannot_assume_yet_is_waited_for() {
    let aws = LocalAws::start();
    let pipe = "mk-source web owner/web | mk-role | mk-logs";
    let records = aws.pipe_with(pipe, &head()).ok().stdout;
    let faults = Faults::between(&aws);
    let unknown_role = json!({"do": "refuse", "of": "codebuild:CreateProject", "times": 2, "status": 400,
        "code": "InvalidInputException", "message": "CodeBuild is not authorized to perform: sts:AssumeRole on arn"});
    faults.rules(json!([unknown_role]));
    faults.pipe_with("mk-build", &records).ok();
    let told = faults.told();
    assert_eq!(faults.changes(), 3, "refused twice, and made: {told}");
}

#[test]
fn of_two_runs_at_once_both_end_well_and_one_makes_the_project() {
    let aws = LocalAws::start();
    let pipe = "mk-source web owner/web | mk-role | mk-logs";
    aws.pipe_with(pipe, &head()).ok();
    let changes = thread::scope(|scope| {
        let runs = [(); 2].map(|()| scope.spawn(|| make(&aws, "").ok().record("build", "web")));
        runs.map(|run| run.join().unwrap()["change"].clone())
    });
    assert!(changes.contains(&json!("created")), "{changes:?}");
    assert!(changes.contains(&json!("kept")), "{changes:?}");
}
