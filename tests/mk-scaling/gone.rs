//! What goes: a range that is left out, an app that is dropped, an environment.

use support::json;

use crate::world::{World, changing};

#[test]
fn an_app_without_a_range_any_more_loses_its_target_at_the_end_and_has_its_count() {
    let mut world = World::with(json!({"scale": "4..10"}));
    world.run_into("mk-ecs-svc | mk-scaling").ok();
    assert_eq!(world.count(), 4);
    world.drop(&["scale"]);
    let run = world.run().ok();
    assert_eq!(changing(&world), Vec::<String>::new());
    let told = "mk-scaling: nothing needs scalable target of app web: prune-env takes it away\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert_eq!(world.targets().len(), 1);
    // Somebody scales it by hand, or the target did: the count is the record's again.
    let whole = "mk-ecs-svc | mk-scaling | wait-env | prune-env";
    world.run_into(whole).ok();
    assert_eq!(
        changing(&world),
        ["UpdateService", "DeregisterScalableTarget", "UntagResource"]
    );
    assert_eq!((world.targets().len(), world.count()), (0, json!(2)));
    world.run_into(whole).ok();
    assert_eq!(changing(&world), Vec::<String>::new());
}

#[test]
fn a_service_keeps_its_mark_until_nothing_scales_it() {
    let mut world = World::with(json!({}));
    world.run_into("mk-ecs-svc | mk-scaling").ok();
    world.drop(&["scale"]);
    let run = world.run_into("mk-ecs-svc | wait-env | prune-env").ok();
    assert_eq!(changing(&world), Vec::<String>::new());
    let told = "prune-env: service service-web-production-pr1 is still scaled, and keeps its tag plumbline:scaled\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    // As where a run was killed after it took the target away.
    world.call("deregister_scalable_target", json!({}));
    world
        .run_into("mk-ecs-svc | mk-scaling | wait-env | prune-env")
        .ok();
    assert_eq!(changing(&world), ["UntagResource"]);
    for record in &mut world.input {
        record.as_object_mut().unwrap().remove("scaled"); // a saved record may say what was
    }
    world.run_into("mk-ecs-svc | mk-scaling").ok();
    let calls = world.aws.calls();
    let asked = calls
        .iter()
        .any(|call| call["service"] == "application-autoscaling");
    assert!(!asked, "{calls:?}");
}

#[test]
fn an_app_that_is_dropped_keeps_its_target_until_that_is_confirmed() {
    let mut world = World::with(json!({}));
    world.run_into("mk-ecs-svc | mk-scaling").ok();
    world
        .input
        .retain(|record| record["name"] != "web" || record["type"] != "app");
    let run = world.run_into("mk-ecs-svc | mk-scaling | prune-env").ok();
    assert_eq!(changing(&world), Vec::<String>::new());
    let told = "prune-env: no record wants scaling web any more; it stays until it is pruned\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    world
        .run_into("mk-ecs-svc | mk-scaling | prune-env --confirm production-pr1")
        .ok();
    let changes = changing(&world);
    let at = |call: &str| changes.iter().position(|change| change == call);
    let deregistered = at("DeregisterScalableTarget");
    assert!(deregistered.is_some(), "{changes:?}");
    assert!(deregistered < at("DeleteService"), "{changes:?}");
    assert_eq!(world.targets().len(), 0);
}

#[test]
fn a_surplus_that_is_made_up_takes_nothing_away() {
    let mut world = World::with(json!({}));
    world.run().ok();
    for name in ["target/web", "policy/scaling-web-cpu-production-pr1"] {
        world.input.push(json!({
            "type": "surplus", "name": format!("scaling/{name}"), "owner": "mk-scaling", "what": "x",
        }));
    }
    world.run_into("prune-env").ok();
    assert_eq!(changing(&world), Vec::<String>::new());
}

#[test]
fn down_takes_it_away_before_the_service() {
    let world = World::with(json!({}));
    world.run().ok();
    world.aws.forget();
    world.aws.pipe(support::DOWN).ok();
    let changes = changing(&world);
    let at = |call: &str| changes.iter().position(|change| change == call).unwrap();
    assert!(
        at("DeregisterScalableTarget") < at("DeleteService"),
        "{changes:?}"
    );
    assert_eq!(world.targets().len(), 0);
}
