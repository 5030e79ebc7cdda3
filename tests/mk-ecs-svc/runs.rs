//! Runs that change what an app runs, that wait for a service that is being deleted, and that are at
//! work at the same time.

use support::json;

use crate::world::World;

#[test]
fn a_changed_image_is_rolled_out() {
    let mut world = World::new();
    let made = world.run().ok();
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.aws.forget();
    let rolled = world.run().ok();
    assert_eq!(
        world.aws.changes(),
        ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]
    );
    let old = made.record("task_definition", "web");
    let new = rolled.record("task_definition", "web");
    assert_ne!(old["arn"], new["arn"]);
    assert_eq!(
        new["changes"],
        json!([{"field": "image", "old": "registry.example/web:1", "new": "registry.example/web:2"}])
    );
    let differences =
        "task-web-production-pr1:2 (image: registry.example/web:1 -> registry.example/web:2)";
    assert!(rolled.stderr.contains(differences), "{}", rolled.stderr);
    assert_eq!(
        rolled.record("service", "web")["task_definition"],
        new["arn"]
    );
    assert_eq!(world.service("web")["taskDefinition"], new["arn"]);
    // UpdateService says nothing of what did not change.
    assert_eq!(
        world.updated_parameters(),
        ["cluster", "service", "taskDefinition"]
    );
}

#[test]
fn a_service_that_drains_is_made_again_when_it_is_gone() {
    let world = World::new();
    let made = world.run().ok();
    let service = made.record("service", "web");
    world.moment(3.0); // long enough to be seen, however busy the machine
    let params = json!({"cluster": service["cluster"], "service": service["arn"], "force": true});
    world.aws.call("ecs", "delete_service", params);
    assert_eq!(world.service("web")["status"], "DRAINING");
    world.moment(0.1);
    let again = world.run().ok();
    assert_eq!(again.record("service", "web")["change"], "created");
    assert_eq!(again.record("service", "api")["change"], "kept");
    assert_eq!(world.service("web")["status"], "ACTIVE");
}

#[test]
fn two_runs_at_once_end_with_one_environment() {
    let world = World::new();
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| world.run());
        (world.run(), other.join().unwrap())
    });
    let one = one.ok();
    let other = other.ok();
    assert_eq!(
        one.record("service", "web")["arn"],
        other.record("service", "web")["arn"]
    );
    world.is_as_wanted();
}
