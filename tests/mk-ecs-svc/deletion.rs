//! What rm-env deletes of the cluster, the services and the task definitions, and what it leaves.

use std::thread::sleep;
use std::time::Duration;

use support::{json, text};

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
