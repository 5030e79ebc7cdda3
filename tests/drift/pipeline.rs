//! The definition of a pipeline: its stages, their actions and what starts it.

use support::{Value, json};

use crate::world::{Call, World};

const SOURCE: &str = "/stages/0/actions/0";
const BUILD: &str = "/stages/1/actions/0";
const TAG: &str = "/stages/2/actions/0";

#[test]
fn all_that_a_pipeline_says_comes_back() {
    let world = World::pipeline();
    let wanted = world.get(&describe(), "/pipeline");
    how_it_runs_comes_back(&world, &wanted);
    the_source_comes_back(&world, &wanted);
    the_build_comes_back(&world, &wanted);
    the_tagging_comes_back(&world, &wanted);
    names_come_back(&world, &wanted);
}

fn how_it_runs_comes_back(world: &World, wanted: &Value) {
    let superseded = json!("SUPERSEDED");
    let reported = json!(["execution mode", "SUPERSEDED", "QUEUED"]);
    comes_back(world, wanted, "/executionMode", superseded, reported);
    let by_tag = json!([{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source", "push": [{"tags": {"includes": ["v*"]}}]}}]);
    world.call(update(wanted, "/triggers", by_tag));
    world.run_reports(json!({"pipeline web": [["triggers", "1", "0"]]}));
    assert_eq!(world.get(&describe(), "/pipeline/triggers"), Value::Null);
    world.run_changes_nothing();
}

fn the_source_comes_back(world: &World, wanted: &Value) {
    let pointer = format!("{SOURCE}/configuration/ConnectionArn");
    let connection = wanted.pointer(&pointer).unwrap();
    let other = "arn:aws:codeconnections:us-east-1:123456789012:connection/00000000-0000-0000-0000-000000000000";
    for (field, other, wanted_value) in [
        ("ConnectionArn", other, connection),
        ("FullRepositoryId", "owner/old", &json!("owner/web")),
        ("BranchName", "old", &json!("main")),
        ("DetectChanges", "false", &json!("true")),
    ] {
        let pointer = format!("{SOURCE}/configuration/{field}");
        let reported = json!([format!("Source/Source {field}"), other, wanted_value]);
        comes_back(world, wanted, &pointer, json!(other), reported);
    }
}

fn the_build_comes_back(world: &World, wanted: &Value) {
    for (field, other, reported) in [
        (
            "configuration/ProjectName",
            "theirs",
            [
                "Build/Build ProjectName",
                "theirs",
                "build-web-production-pr1",
            ],
        ),
        (
            "namespace",
            "Theirs",
            ["Build/Build namespace", "Theirs", "BuildVariables"],
        ),
    ] {
        let pointer = format!("{BUILD}/{field}");
        comes_back(world, wanted, &pointer, json!(other), json!(reported));
    }
}

fn the_tagging_comes_back(world: &World, wanted: &Value) {
    for (field, other, reported) in [
        (
            "configuration/FunctionName",
            json!("theirs"),
            [
                "Deploy/Tag FunctionName",
                "theirs",
                "function-web-production-pr1",
            ],
        ),
        (
            "configuration/UserParameters",
            json!("{}"),
            ["Deploy/Tag UserParameters", "{}", "*"],
        ),
        ("runOrder", json!(7), ["Deploy/Tag order", "7", "1"]),
    ] {
        let pointer = format!("{TAG}/{field}");
        comes_back(world, wanted, &pointer, other, json!(reported));
    }
}

/// What has another name differs in all of its fields, so what is reported is not told here.
fn names_come_back(world: &World, wanted: &Value) {
    for pointer in [format!("{TAG}/name"), "/stages/2/name".into()] {
        world.call(update(wanted, &pointer, json!("Theirs")));
        let done = world.aws.pipe(&world.up).ok();
        let change = &done.record("pipeline", "web")["change"];
        assert_eq!(change, "updated", "{pointer}");
        let now = world.get(&describe(), &format!("/pipeline{pointer}"));
        assert_eq!(now, *wanted.pointer(&pointer).unwrap());
        world.run_changes_nothing();
    }
}

fn comes_back(world: &World, wanted: &Value, pointer: &str, other: Value, reported: Value) {
    world.mends(
        &[update(wanted, pointer, other)],
        describe(),
        &format!("/pipeline{pointer}"),
        json!({"pipeline web": [reported]}),
    );
}

/// Sets one value of the definition, and leaves all else as wanted.
fn update(wanted: &Value, pointer: &str, value: Value) -> Call<'static> {
    let mut pipeline = wanted.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    pipeline.pointer_mut(parent).unwrap()[field] = value;
    let set = json!({"pipeline": pipeline});
    ("codepipeline", "update_pipeline", set)
}

fn describe() -> Call<'static> {
    let get = json!({"name": "pipeline-web-production-pr1"});
    ("codepipeline", "get_pipeline", get)
}
