//! The values of variables are told to nobody: neither what they are nor what they were.

use support::json;

use crate::drift::run_by_hand;
use crate::world::World;

#[test]
fn no_value_of_a_variable_is_shown_where_it_changes() {
    let mut world = World::new();
    world.set("app", "web", "set", json!({"Password": "first-secret"}));
    world.set(
        "app",
        "web",
        "check",
        json!("curl -u me:first-secret localhost"),
    );
    world.run().ok();
    world.set("app", "web", "set", json!({"Password": "second-secret"}));
    world.set(
        "app",
        "web",
        "check",
        json!("curl -u me:second-secret localhost"),
    );
    let changed = world.run().ok();
    let record = changed.record("task_definition", "web");
    assert_eq!(
        record["changes"],
        json!([
            {"field": "check", "old": "set", "new": "changed"},
            {"field": "environment Password", "old": "set", "new": "changed"},
        ])
    );
    assert!(
        changed
            .stderr
            .contains("environment Password: set -> changed"),
        "{}",
        changed.stderr
    );
    assert!(!changed.stderr.contains("secret"), "{}", changed.stderr);
    assert!(!record.to_string().contains("secret"), "{record}");
}

#[test]
fn a_variable_that_was_set_by_hand_is_not_listed_and_goes_by_its_name() {
    let mut world = World::new();
    world.run().ok();
    let wanted = world.task("web")["taskDefinition"].clone();
    let mut environment = wanted["containerDefinitions"][0]["environment"].clone();
    let by_hand = json!({"name": "Password", "value": "by-hand-secret"});
    environment.as_array_mut().unwrap().push(by_hand);
    run_by_hand(&world, &wanted, "environment", environment);
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert!(
        !listed.stdout.contains("by-hand-secret"),
        "{}",
        listed.stdout
    );
    let set = &listed.record("app", "web")["set"];
    assert_eq!(set.as_object().unwrap().len(), 2, "{set}");
    let mended = world.run().ok();
    assert!(
        mended.stderr.contains("environment Password: set -> none"),
        "{}",
        mended.stderr
    );
    assert!(!mended.stdout.contains("secret"), "{}", mended.stdout);
    assert!(!mended.stderr.contains("secret"), "{}", mended.stderr);
    world.set("env", "production-pr1", "plan", json!(false));
    world.is_as_wanted();
}
