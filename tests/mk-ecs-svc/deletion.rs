//! What rm-env deletes of the cluster, the services and the task definitions, and what it leaves.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use support::{Faults, Value, json, text};

use crate::world::{World, only};

/// How long the local AWS has revisions DELETE_IN_PROGRESS before they disappear.
const DELETION: Duration = Duration::from_millis(200);

#[test]
fn rm_env_leaves_nothing_and_takes_absent_for_done() {
    let mut world = World::new();
    world.run().ok();
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.run().ok();
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    let ours = only(&found, &["env", "cluster", "task_definition", "service"]);
    let rm_env = "rm-env --confirm production-pr1";
    let deleted = world.aws.pipe_with(rm_env, &ours).ok();
    for (kind, name) in [
        ("service", "web"),
        ("service", "api"),
        ("task_definition", "web"),
        ("cluster", "main"),
    ] {
        assert_eq!(deleted.record(kind, name)["change"], "deleted");
    }
    let params = json!({"clusters": ["cluster-production-pr1"]});
    let clusters = world.aws.call("ecs", "describe_clusters", params);
    assert_eq!(clusters["clusters"][0]["status"], "INACTIVE");
    sleep(DELETION);
    for status in ["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"] {
        assert_eq!(world.task_definitions(status), json!([]), "{status}");
    }
    let nothing = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(
        only(&nothing, &["cluster", "task_definition", "service"]),
        ""
    );
    world.aws.forget();
    world.aws.pipe_with(rm_env, &ours).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());

    // The names are free again, and the counter of revisions goes on.
    let made = world.run().ok();
    assert_eq!(made.record("service", "web")["change"], "created");
    let task_definition = made.record("task_definition", "web");
    assert!(text(&task_definition["arn"]).ends_with("task-web-production-pr1:3"));
}

#[test]
fn rm_env_leaves_alone_what_is_not_of_the_environment() {
    let world = World::new();
    let made = world.run().ok();
    let ours = only(&made, &["env", "task_definition", "service"]);
    world.untag(&made.record("service", "web")["arn"]);
    world.untag(&made.record("task_definition", "web")["arn"]);
    let rm_env = "rm-env --confirm production-pr1";
    world.aws.pipe_with(rm_env, &ours).ok();
    assert_eq!(world.service("web")["status"], "ACTIVE");
    assert_eq!(world.service("api")["status"], "INACTIVE");
    assert_eq!(world.task("web")["taskDefinition"]["status"], "ACTIVE");
}

#[test]
fn what_a_cut_deletion_left_inactive_is_found_and_goes_when_it_is_repeated() {
    let mut world = World::new();
    world.run().ok();
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.run().ok();
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    let all = only(&found, &["env", "cluster", "service"]);
    let rm_env = "rm-env --confirm production-pr1";
    world.aws.pipe_with(rm_env, &all).ok();
    let listed = world.task_definitions("ACTIVE");
    for arn in listed.as_array().unwrap() {
        let params = json!({"taskDefinition": arn});
        world.aws.call("ecs", "deregister_task_definition", params);
    }
    let again = world.aws.pipe("ls-env --env production-pr1").ok();
    let record = again.record("task_definition", "web");
    assert!(text(&record["arn"]).ends_with("task-web-production-pr1:2"));
    let left = only(&again, &["env", "task_definition"]);
    let deleted = world.aws.pipe_with(rm_env, &left).ok();
    assert_eq!(
        deleted.record("task_definition", "web")["change"],
        "deleted"
    );
    assert_eq!(
        deleted.record("task_definition", "api")["change"],
        "deleted"
    );
    assert_eq!(world.task_definitions("INACTIVE"), json!([]));
    sleep(DELETION);
    let nothing = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(only(&nothing, &["task_definition"]), "");
}

#[test]
fn a_deletion_that_is_killed_anywhere_is_completed_by_the_next_one() {
    let world = World::new();
    let faults = Faults::between(&world.aws);
    let rm_env = "rm-env --confirm production-pr1";
    for change in 4..=9 {
        world.run().ok();
        faults.kill_at(change, "after");
        faults.pipe_with(rm_env, &own(&world));
        faults.end();
        world.aws.pipe_with(rm_env, &own(&world)).ok();
        let left = own(&world);
        assert_eq!(left.lines().count(), 1, "{change}: {left}");
        for status in ["ACTIVE", "INACTIVE"] {
            let left = world.task_definitions(status);
            assert_eq!(left, json!([]), "{change}: {status}");
        }
    }
}

/// What `ls-env` finds of what the tool makes.
fn own(world: &World) -> String {
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    only(&found, &["env", "cluster", "task_definition", "service"])
}

#[test]
fn what_is_not_ours_does_not_hide_ours_and_stays() {
    let world = World::new();
    world.run().ok();
    let definition = world.task("web")["taskDefinition"].clone();
    world.register(&definition, Value::Null);
    world.register(&definition, Value::Null);
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    let ours = only(&found, &["env", "cluster", "task_definition", "service"]);
    let rm_env = "rm-env --confirm production-pr1";
    let deleted = world.aws.pipe_with(rm_env, &ours).ok();
    let left = world.task_definitions("ACTIVE");
    assert_eq!(left.as_array().unwrap().len(), 2);

    // They are named with what helps, by who leaves them and by who is in their way, and that helps.
    let named = "task definition task-web-production-pr1:3, :2";
    let hint = "for n in 3 2; do aws ecs deregister-task-definition --region us-east-1 --task-definition task-web-production-pr1:$n; done";
    let blocked = world.run();
    assert_eq!(blocked.code, 1);
    for (said, stays) in [(&deleted, "is not tagged"), (&blocked, "exists")] {
        let line = format!("{named} {stays}");
        assert!(said.stderr.contains(&line), "{}", said.stderr);
        assert!(said.stderr.contains(hint), "{}", said.stderr);
    }
    for theirs in left.as_array().unwrap() {
        let params = json!({"taskDefinition": theirs});
        world.aws.call("ecs", "deregister_task_definition", params);
    }
    world.run().ok();
}

#[test]
fn a_service_that_another_run_makes_again_ends_the_deletion_at_once() {
    let world = World::new();
    let made = world.run().ok();
    let ours = only(&made, &["env", "service"]);
    let before = world.completed();
    sleep(Duration::from_secs(1)); // so that the next one is younger, as ECS tells it
    world.moment(1.6); // between two looks of rm-env
    let begun = Instant::now();
    let output = scope(|scope| {
        let rm_env = "rm-env --confirm production-pr1";
        let deletion = scope.spawn(|| world.aws.pipe_with(rm_env, &ours));
        while world.service("web")["status"] != "INACTIVE" {
            sleep(Duration::from_millis(10));
        }
        make_again(&world, &before);
        deletion.join().unwrap()
    });
    assert_eq!(output.code, 75, "{}", output.stderr);
    let why = "was deleted, and another run has made it again";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(world.service("web")["status"], "ACTIVE");
}

/// Makes a service like one that was deleted.
fn make_again(world: &World, before: &Value) {
    let mut params = json!({"cluster": before["clusterArn"], "desiredCount": 0});
    for field in [
        "serviceName",
        "taskDefinition",
        "launchType",
        "networkConfiguration",
        "loadBalancers",
        "tags",
    ] {
        params[field] = before[field].clone();
    }
    world.aws.call("ecs", "create_service", params);
}
