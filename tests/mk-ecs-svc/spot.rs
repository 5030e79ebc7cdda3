//! A share of an app's tasks on Fargate Spot.

use support::json;

use crate::world::{World, changes_of, count};

#[test]
fn a_share_of_the_tasks_runs_on_spot_and_comes_back_by_ls_env() {
    let mut world = World::new();
    world.set("app", "web", "spot", json!(40));
    world.run().ok();
    let changes = world.aws.changes();
    assert_eq!(
        count(&changes, "ecs:PutClusterCapacityProviders"),
        0,
        "{changes:?}"
    );
    let service = world.completed();
    assert_eq!(service.get("launchType"), None);
    assert_eq!(
        service["capacityProviderStrategy"],
        json!([
            {"capacityProvider": "FARGATE", "weight": 60, "base": 1},
            {"capacityProvider": "FARGATE_SPOT", "weight": 40, "base": 0},
        ])
    );
    assert_eq!(world.service("api")["launchType"], "FARGATE");
    world.is_as_wanted();
    world.aws.forget();
    let again = world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("app", "web")["spot"], 40);
}

#[test]
fn a_service_moves_to_spot_and_returns_by_a_new_deployment() {
    let mut world = World::new();
    world.run().ok();
    let machines =
        json!({"name": "machines", "autoScalingGroupProvider": {"autoScalingGroupArn": "arn:x"}});
    world.aws.call("ecs", "create_capacity_provider", machines);
    let theirs = json!({
        "cluster": "cluster-production-pr1", "capacityProviders": ["machines"],
        "defaultCapacityProviderStrategy": [{"capacityProvider": "machines", "weight": 1}],
    });
    world
        .aws
        .call("ecs", "put_cluster_capacity_providers", theirs);
    let before = world.completed()["deployments"][0]["id"].clone();
    world.set("app", "web", "spot", json!(100));
    let run = world.run_with("").ok();
    assert_eq!(
        world.aws.changes(),
        ["ecs:PutClusterCapacityProviders", "ecs:UpdateService"]
    );
    assert_eq!(
        changes_of(&run.record("cluster", "main")),
        ["capacity providers: machines -> machines FARGATE FARGATE_SPOT"]
    );
    assert_eq!(
        changes_of(&run.record("service", "web")),
        ["launch type: FARGATE -> FARGATE_SPOT"]
    );
    assert_ne!(world.completed()["deployments"][0]["id"], before);
    let params = json!({"clusters": ["cluster-production-pr1"]});
    let cluster = &world.aws.call("ecs", "describe_clusters", params)["clusters"][0];
    assert_eq!(
        cluster["defaultCapacityProviderStrategy"][0]["capacityProvider"],
        "machines"
    );
    world.is_as_wanted();

    // What somebody set by hand comes back, and is told.
    let other = json!([{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]);
    world.update_web(json!({"capacityProviderStrategy": other, "forceNewDeployment": true}));
    let run = world.run().ok();
    assert_eq!(
        changes_of(&run.record("service", "web")),
        ["launch type: FARGATE -> FARGATE_SPOT"]
    );
    world
        .record("app", "web")
        .as_object_mut()
        .unwrap()
        .remove("spot");
    let run = world.run_with("").ok();
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
    assert_eq!(
        changes_of(&run.record("service", "web")),
        ["launch type: FARGATE_SPOT -> FARGATE"]
    );
    assert_eq!(world.completed()["launchType"], "FARGATE");
    world.is_as_wanted();
}

#[test]
fn a_dry_run_tells_what_the_cluster_would_get() {
    let mut world = World::new();
    world.run().ok();
    world.set("app", "web", "spot", json!(50));
    world.input[0]["plan"] = json!(true);
    let plan = world.run_with("").would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(plan.record("cluster", "main")["change"], "update");
    assert_eq!(
        changes_of(&plan.record("service", "web")),
        ["launch type: FARGATE -> FARGATE=1+50 FARGATE_SPOT=50"]
    );
}
