//! How many tasks a service has whose app has a range.

use support::json;

use crate::world::{World, changes_of};

#[test]
fn a_service_is_made_with_a_count_in_its_range_and_keeps_each_that_is() {
    let mut world = World::new();
    world.set("app", "web", "scale", json!("3..6"));
    world.run().ok();
    assert_eq!(world.service("web")["desiredCount"], 3);
    world.update_web(json!({"desiredCount": 5}));
    world.is_as_wanted();
    let scaling = |call: &serde_json::Value| call["service"] == "application-autoscaling";
    assert!(!world.aws.calls().iter().any(scaling));
    // No range has so many.
    world.update_web(json!({"desiredCount": 8}));
    let run = world.run().ok();
    assert_eq!(changes_of(&run.record("service", "web")), ["count: 8 -> 3"]);
    // At some times there are more.
    let at = json!(["cron(0 8 ? * MON-FRI *)=6..9"]);
    world.set("app", "web", "scale_at", at);
    world.update_web(json!({"desiredCount": 8}));
    world.is_as_wanted();
}
