//! A service of ECS: all that it is set to comes back, but a count that autoscaling sets.

use support::{Value, json};

use crate::world::{Call, World, ecs};

#[test]
fn all_that_a_service_says_comes_back_but_a_count_that_autoscaling_set() {
    let world = World::services();
    counts_and_switches_come_back(&world);
    the_network_of_a_service_comes_back(&world);
    the_way_it_deploys_comes_back(&world);
    a_count_that_autoscaling_sets_stays(&world);
}

fn counts_and_switches_come_back(world: &World) {
    for (parameter, value, reported) in [
        ("desiredCount", json!(5), ["count", "5", "2"]),
        (
            "healthCheckGracePeriodSeconds",
            json!(5),
            ["grace", "5", "60"],
        ),
        (
            "availabilityZoneRebalancing",
            json!("DISABLED"),
            ["zone rebalancing", "DISABLED", "ENABLED"],
        ),
        (
            "propagateTags",
            json!("NONE"),
            ["propagated tags", "NONE", "SERVICE"],
        ),
        (
            "enableECSManagedTags",
            json!(false),
            ["ecs managed tags", "false", "true"],
        ),
    ] {
        comes_back(world, parameter, value, json!([reported]));
    }
}

fn the_network_of_a_service_comes_back(world: &World) {
    let pointer = "/services/0/networkConfiguration/awsvpcConfiguration";
    let network = world.get(&describe(world), pointer);
    let private = world.made.record("vpc", "main")["private_subnets"].clone();
    let alb = world.id("sg", "alb/web");
    let task = world.id("sg", "task/web");
    for (field, value, reported) in [
        (
            "subnets",
            json!([private[0]]),
            json!(["subnets", private[0], "*"]),
        ),
        (
            "securityGroups",
            json!([alb]),
            json!(["security groups", alb, task]),
        ),
        (
            "assignPublicIp",
            json!("ENABLED"),
            json!(["public ip", "true", "false"]),
        ),
    ] {
        let mut other = network.clone();
        other[field] = value;
        let other = json!({"awsvpcConfiguration": other});
        comes_back(world, "networkConfiguration", other, json!([reported]));
    }
}

fn the_way_it_deploys_comes_back(world: &World) {
    let breaker = |enable: bool, rollback: bool| json!({"enable": enable, "rollback": rollback});
    for (minimum, maximum, breaker, reported) in [
        (
            50,
            200,
            breaker(true, true),
            json!([["minimum percent", "50", "100"]]),
        ),
        (
            100,
            150,
            breaker(true, true),
            json!([["maximum percent", "150", "200"]]),
        ),
        (
            100,
            200,
            breaker(true, false),
            json!([["rollback", "false", "true"]]),
        ),
        (
            100,
            200,
            breaker(false, false),
            json!([
                ["circuit breaker", "false", "true"],
                ["rollback", "false", "true"]
            ]),
        ),
    ] {
        let other = json!({"minimumHealthyPercent": minimum, "maximumPercent": maximum, "deploymentCircuitBreaker": breaker});
        comes_back(world, "deploymentConfiguration", other, reported);
    }
}

/// Nobody undoes what Application Auto Scaling does, in this run or in the next.
fn a_count_that_autoscaling_sets_stays(world: &World) {
    let target = json!({
        "ServiceNamespace": "ecs",
        "ResourceId": "service/cluster-production-pr1/service-web-production-pr1",
        "ScalableDimension": "ecs:service:DesiredCount",
    });
    let mut bounds = target.clone();
    bounds["MinCapacity"] = json!(2);
    bounds["MaxCapacity"] = json!(10);
    world.call((
        "application-autoscaling",
        "register_scalable_target",
        bounds,
    ));
    world.call(update(world, "desiredCount", json!(7)));
    let kept = world.run_changes_nothing();
    let said = "mk-ecs-svc: web keeps 7 tasks: Application Auto Scaling sets from 2 to 10\n";
    assert!(kept.stderr.contains(said), "{}", kept.stderr);
    assert_eq!(kept.record("service", "web")["count"], 7);
    // All else is brought into line, and the count stays with that.
    world.call(update(world, "healthCheckGracePeriodSeconds", json!(5)));
    world.run_reports(json!({"service web": [["grace", "5", "60"]]}));
    assert_eq!(world.get(&describe(world), "/services/0/desiredCount"), 7);
    // Where it manages the count no more, the app's counts again.
    world.call((
        "application-autoscaling",
        "deregister_scalable_target",
        target,
    ));
    world.run_reports(json!({"service web": [["count", "7", "2"]]}));
    world.run_changes_nothing();
}

fn comes_back(world: &World, parameter: &str, value: Value, reported: Value) {
    world.mends(
        &[update(world, parameter, value)],
        describe(world),
        &format!("/services/0/{parameter}"),
        json!({"service web": reported}),
    );
}

fn update(world: &World, parameter: &str, value: Value) -> Call<'static> {
    let mut set =
        json!({"cluster": world.id("cluster", "main"), "service": world.id("service", "web")});
    set[parameter] = value;
    ecs("update_service", set)
}

fn describe(world: &World) -> Call<'static> {
    let cluster = world.id("cluster", "main");
    let service = world.id("service", "web");
    let get = json!({"cluster": cluster, "services": [service], "include": ["TAGS"]});
    ecs("describe_services", get)
}
