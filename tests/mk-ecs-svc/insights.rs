//! What Container Insights is told of an environment's cluster.

use support::{Value, json};

use crate::world::{World, changes_of};

const CLUSTER: &str = "cluster-production-pr1";

/// What the cluster's setting says.
fn told(world: &World) -> Value {
    let params = json!({"clusters": [CLUSTER], "include": ["SETTINGS"]});
    let found = world.aws.call("ecs", "describe_clusters", params);
    found["clusters"][0]["settings"][0]["value"].clone()
}

fn set_by_hand(world: &World, value: &str) {
    let settings = json!([{"name": "containerInsights", "value": value}]);
    let params = json!({"cluster": CLUSTER, "settings": settings});
    world.aws.call("ecs", "update_cluster", params);
}

#[test]
fn container_insights_are_on_and_what_somebody_turned_off_is_turned_on() {
    let world = World::new();
    world.run().ok();
    assert_eq!(told(&world), "enabled");
    world.is_as_wanted();
    set_by_hand(&world, "disabled");
    let mended = world.run_with("").ok();
    assert_eq!(world.aws.changes(), ["ecs:UpdateCluster"]);
    assert_eq!(
        changes_of(&mended.record("cluster", "main")),
        ["container insights: disabled -> enabled"]
    );
    assert_eq!(told(&world), "enabled");
}

#[test]
fn more_of_them_stay_and_a_flag_says_otherwise() {
    let world = World::new();
    world.run_with("--insights enhanced").ok();
    assert_eq!(told(&world), "enhanced");
    let kept = world.run_with("").ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let line = "keeps Container Insights enhanced; --insights disabled ends it";
    assert!(kept.stderr.contains(line), "{}", kept.stderr);
    world.run_with("--insights disabled").ok();
    assert_eq!(told(&world), "disabled");
    world.run_with("--insights disabled").ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}
