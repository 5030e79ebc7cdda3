//! An app that was dropped or renamed: it is told, and runs on untouched until its removal is confirmed.

use support::{Output, Value, json, tags, text};

use crate::world::World;

/// The names of what is told as unwanted.
fn unwanted(output: &Output) -> Vec<String> {
    let mut records = output.records();
    records.retain(|record| record["type"] == "unwanted");
    let mut names: Vec<String> = Vec::new();
    for record in &records {
        names.push(text(&record["name"]).to_string());
    }
    names.sort();
    names
}

const DROPPED: [&str; 2] = ["service/api", "task_definition/api"];

/// An environment in whose stream the app api is no more.
fn without_api() -> World {
    let mut world = World::new();
    world.run().ok();
    world
        .input
        .retain(|record| record["type"] != "app" || record["name"] != "api");
    world.set("app", "web", "set", json!({}));
    world.set("app", "web", "calls", json!([]));
    world.run().ok();
    world.completed();
    world.aws.forget();
    world
}

#[test]
fn a_dropped_app_is_told_and_nothing_of_it_is_touched() {
    let world = without_api();
    let before = world.service("api");
    let told = world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(unwanted(&told), DROPPED);
    let record = &told.record("unwanted", "service/api")["record"];
    assert_eq!(record["type"], "service");
    assert_eq!(record["name"], "api");
    assert_eq!(record["arn"], before["serviceArn"]);
    assert_eq!(record["cluster"], told.record("cluster", "main")["arn"]);
    assert_eq!(world.service("api"), before);
    let mut planning = world;
    planning.set("env", "production-pr1", "plan", json!(true));
    assert_eq!(unwanted(&planning.run().ok()), DROPPED);
}

#[test]
fn what_is_wanted_costs_two_calls_more_and_is_not_told() {
    let world = World::new();
    world.run().ok();
    world.completed();
    world.aws.forget();
    let again = world.run().ok();
    assert_eq!(unwanted(&again), Vec::<String>::new());
    let actions: Vec<Value> = world
        .aws
        .calls()
        .iter()
        .map(|call| call["action"].clone())
        .collect();
    let asked = |action: &str| actions.iter().filter(|one| **one == action).count();
    assert_eq!(asked("ListServices"), 1);
    assert_eq!(asked("ListTaskDefinitionFamilies"), 1);
    assert_eq!(actions.len(), 7, "{actions:?}");
}

#[test]
fn what_is_not_the_environments_or_not_all_of_the_stream_is_not_told() {
    let world = without_api();
    world.untag(&world.service("api")["serviceArn"]);
    world.untag(&world.task("api")["taskDefinition"]["taskDefinitionArn"]);
    assert_eq!(unwanted(&world.run().ok()), Vec::<String>::new());
    let failed = json!({"type": "failed", "name": "mk-app", "message": "x", "code": 2});
    let mut failing = without_api();
    failing.input.push(failed);
    assert_eq!(unwanted(&failing.run()), Vec::<String>::new());
}

#[test]
fn its_removal_is_completed_where_it_was_cut() {
    let world = without_api();
    let service = json!({"cluster": "cluster-production-pr1", "service": "service-api-production-pr1", "force": true});
    world.aws.call("ecs", "delete_service", service);
    world.until("api", |service| service["status"] == "INACTIVE");
    assert_eq!(unwanted(&world.run().ok()), ["task_definition/api"]);
    let arn = &world.task("api")["taskDefinition"]["taskDefinitionArn"];
    let params = json!({"taskDefinition": arn});
    world.aws.call("ecs", "deregister_task_definition", params);
    let told = world.run().ok();
    assert_eq!(unwanted(&told), ["task_definition/api"]);
    let record = &told.record("unwanted", "task_definition/api")["record"];
    let input = format!("{}\n{record}\n", told.record("env", "production-pr1"));
    let rm_env = "rm-env --confirm production-pr1";
    world.aws.pipe_with(rm_env, &input).ok();
    assert_eq!(world.task_definitions("INACTIVE"), json!([]));
    assert_eq!(unwanted(&world.run().ok()), Vec::<String>::new());
}

#[test]
fn a_confirmed_removal_takes_that_app_alone() {
    let world = without_api();
    let pipe = "mk-ecs-svc | prune-env --confirm production-pr1";
    let pruned = world.aws.pipe_with(pipe, &world.stdin()).ok();
    assert_eq!(pruned.record("service", "api")["change"], "deleted");
    assert_eq!(pruned.record("task_definition", "api")["change"], "deleted");
    assert_eq!(world.service("api")["status"], "INACTIVE");
    assert_eq!(world.service("web")["status"], "ACTIVE");
    let left = world.task_definitions("ACTIVE").to_string();
    assert!(
        left.contains("task-web-") && !left.contains("task-api-"),
        "{left}"
    );
    assert_eq!(unwanted(&world.run().ok()), Vec::<String>::new());
}

#[test]
fn whose_a_service_and_a_revision_are_stands_in_their_tags() {
    let world = World::new();
    let made = world.run().ok();
    assert_eq!(tags(&world.service("web")["tags"])["plumbline:app"], "web");
    assert_eq!(tags(&world.task("web")["tags"])["plumbline:app"], "web");
    let params = json!({"clusters": [made.record("cluster", "main")["arn"]], "include": ["TAGS"]});
    let cluster = &world.aws.call("ecs", "describe_clusters", params)["clusters"][0];
    assert_eq!(tags(&cluster["tags"]).get("plumbline:app"), None);
}

#[test]
fn an_app_with_a_hyphen_is_found_again_under_its_own_name() {
    let mut world = World::new();
    for record in &mut world.input {
        let name = text(&record["name"]).to_string();
        for (old, new) in [
            ("web", "my-web"),
            ("task/web", "task/my-web"),
            ("execution/web", "execution/my-web"),
        ] {
            if name == old {
                record["name"] = json!(new);
            }
        }
    }
    world.run().ok();
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    for kind in ["app", "service", "task_definition"] {
        assert_eq!(found.record(kind, "my-web")["name"], "my-web", "{kind}");
    }
    let name = text(&found.record("service", "my-web")["arn"]).to_string();
    assert!(!name.ends_with("/service-my-web-production-pr1"), "{name}");
    let rm_env = "rm-env --confirm production-pr1";
    let own = crate::world::only(&found, &["env", "service", "task_definition"]);
    let deleted = world.aws.pipe_with(rm_env, &own).ok();
    assert_eq!(deleted.record("service", "my-web")["change"], "deleted");
}
