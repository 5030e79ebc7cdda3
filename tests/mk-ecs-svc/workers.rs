//! Apps without a load balancer.

use support::json;

use crate::world::{World, changes_of};

/// Api is a worker that nobody calls, and has no listener.
fn with_worker(world: &mut World) {
    world.set("app", "web", "calls", json!([]));
    world.set("app", "web", "set", json!({}));
    let api = world.record("app", "api").as_object_mut().unwrap();
    api.remove("health");
    api.insert("worker".into(), json!(true));
    world.input.retain(|record| {
        let of_balancer = record["type"] == "listener" || record["type"] == "alb";
        !of_balancer || record["name"] != "api"
    });
}

#[test]
fn a_worker_has_a_service_without_a_load_balancer_and_waits_for_none() {
    let mut world = World::new();
    with_worker(&mut world);
    let made = world.run().ok();
    let service = world.service("api");
    assert_eq!(service["loadBalancers"], json!([]), "{service}");
    assert_eq!(service.get("healthCheckGracePeriodSeconds"), None);
    let definition = &world.task("api")["taskDefinition"]["containerDefinitions"][0];
    // It says where `live` and `reach_from` are meant, and opens nothing.
    assert_eq!(definition["portMappings"][0]["containerPort"], 5000);
    assert_eq!(made.record("service", "api")["count"], 1);
    world.is_as_wanted();
    world.aws.forget();
    let again = world
        .aws
        .pipe_with("mk-ecs-svc | wait-env", &world.listed())
        .ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("app", "api")["worker"], true);
    let asked = world.aws.calls();
    let mut groups = asked
        .iter()
        .filter(|call| call["action"] == "DescribeTargetHealth");
    assert!(groups.all(|call| !call["params"].to_string().contains("tg-api")));
}

#[test]
fn an_app_that_becomes_a_worker_lets_go_of_its_target_group_and_takes_it_again() {
    let mut world = World::new();
    world.run().ok();
    let before = world.input.clone();
    let group = world.service("api")["loadBalancers"][0]["targetGroupArn"].clone();
    with_worker(&mut world);
    // Nothing is taken away of what the service is in still.
    let surplus = json!({"type": "surplus", "name": "x", "owner": "mk-alb", "what": "x"});
    world.input.push(surplus.clone());
    let pruned = world.aws.pipe_with("prune-env", &world.stdin());
    assert_eq!(pruned.code, 75, "{}", pruned.stderr);
    assert!(
        pruned.stderr.contains("and none is wanted"),
        "{}",
        pruned.stderr
    );
    world.input.retain(|record| *record != surplus);

    let run = world.run_with("").ok();
    let changes = changes_of(&run.record("service", "api"));
    let left = support::text(&group);
    assert!(
        changes.contains(&format!("target group: {left} -> ")),
        "{changes:?}"
    );
    assert!(
        changes.contains(&"target: api:5000 -> ".to_string()),
        "{changes:?}"
    );
    assert!(
        !changes.iter().any(|change| change.starts_with("grace")),
        "{changes:?}"
    );
    assert_eq!(world.service("api")["loadBalancers"], json!([]));
    world.is_as_wanted();

    world.input = before;
    world.run().ok();
    let service = world.service("api");
    assert_eq!(service["loadBalancers"][0]["targetGroupArn"], group);
    assert_eq!(service["healthCheckGracePeriodSeconds"], 60);
    world.is_as_wanted();
}
