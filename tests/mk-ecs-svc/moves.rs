//! A port, a health path or a scheme changes on a running service: it moves to another target group,
//! in one deployment, and both serve until the old tasks stop.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use support::{Faults, LocalAws, Value, json, recipe, text};

use crate::world::{World, changes_of};

/// How long the local AWS takes where a test looks while it is at it, in seconds.
const SLOW: f64 = 1.0;

/// A target group for web beside the one that serves; the load balancer sends it nothing yet, as mk-alb
/// does it.
fn another_target_group(world: &World, port: u16) -> Value {
    let group = unattached_target_group(world, port);
    attach(world, &group);
    group
}

fn unattached_target_group(world: &World, port: u16) -> Value {
    let records = &world.input;
    let vpc = records.iter().rfind(|record| record["type"] == "vpc");
    let params = json!({
        "Name": format!("tg-web-{port}-new"), "Protocol": "HTTP", "Port": port,
        "VpcId": vpc.unwrap()["id"], "TargetType": "ip",
    });
    let made = world.aws.call("elbv2", "create_target_group", params);
    made["TargetGroups"][0]["TargetGroupArn"].clone()
}

/// Has web's listener know of a target group, with no share of the requests.
fn attach(world: &World, group: &Value) {
    let listener = world.find("listener", "web");
    let groups = json!([
        {"TargetGroupArn": listener["target_group"], "Weight": 1},
        {"TargetGroupArn": group, "Weight": 0},
    ]);
    let forward = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]);
    let params = json!({"ListenerArn": listener["arn"], "DefaultActions": forward});
    world.aws.call("elbv2", "modify_listener", params);
}

/// The addresses that a target group knows and that are not about to go.
fn targets(world: &World, group: &Value) -> usize {
    let params = json!({"TargetGroupArn": group});
    let health = world.aws.call("elbv2", "describe_target_health", params);
    let all = health["TargetHealthDescriptions"].as_array().unwrap();
    let is_going = |one: &&Value| one["TargetHealth"]["State"] == "draining";
    all.len() - all.iter().filter(is_going).count()
}

/// The shares of two target groups that web's listener forwards to, and to no other.
fn shares(world: &World, groups: [&Value; 2]) -> [i64; 2] {
    let params = json!({"ListenerArns": [world.find("listener", "web")["arn"]]});
    let found = world.aws.call("elbv2", "describe_listeners", params);
    let forward = &found["Listeners"][0]["DefaultActions"][0]["ForwardConfig"];
    let found = forward["TargetGroups"].as_array().unwrap();
    assert_eq!(found.len(), 2);
    groups.map(|arn| {
        let mut found = found.iter();
        let found = found.find(|group| group["TargetGroupArn"] == *arn);
        found.unwrap()["Weight"].as_i64().unwrap()
    })
}

/// The changes but those of shares.
fn changes(world: &World) -> Vec<String> {
    let mut changes = world.aws.changes();
    changes.retain(|change| change != "elasticloadbalancing:ModifyListener");
    changes
}

/// What the service sends to, as a service says it.
fn sending(group: &Value, port: u16) -> Value {
    json!([{"targetGroupArn": group, "containerName": "web", "containerPort": port}])
}

#[test]
fn another_port_is_one_deployment_and_both_serve_until_the_old_tasks_stop() {
    let mut world = World::new();
    world.run().ok();
    world.completed();
    let old = world.find("listener", "web")["target_group"].clone();
    let new = another_target_group(&world, 8080);
    world.set("app", "web", "port", json!(8080));
    world.set("listener", "web", "target_group", new.clone());
    world.moment(SLOW);
    world.aws.forget();
    let moved = scope(|scope| {
        let moving = scope.spawn(|| world.run().ok());
        // The new ones start while the old ones serve where they were.
        let service = world.until("web", |service| service["runningCount"] == 4);
        assert_eq!(service["deployments"].as_array().unwrap().len(), 2);
        assert_eq!((targets(&world, &old), targets(&world, &new)), (2, 2));
        moving.join().unwrap()
    });
    let line = "mk-ecs-svc: app web has moved to target group tg-web-8080-new\n";
    assert!(moved.stderr.contains(line), "{}", moved.stderr);
    assert_eq!(shares(&world, [&old, &new]), [0, 1]);
    assert_eq!(
        changes(&world),
        ["ecs:RegisterTaskDefinition", "ecs:UpdateService"]
    );
    assert_eq!(
        world.updated_parameters(),
        ["cluster", "loadBalancers", "service", "taskDefinition"]
    );
    assert_eq!(
        changes_of(&moved.record("service", "web"))[1..],
        [
            format!("target group: {} -> {}", text(&old), text(&new)),
            "target: web:5000 -> web:8080".to_string()
        ]
    );
    let service = world.completed();
    assert_eq!(service["loadBalancers"], sending(&new, 8080));
    assert_eq!((targets(&world, &old), targets(&world, &new)), (0, 2));
    world.is_as_wanted();
}

#[test]
fn another_health_path_or_scheme_moves_the_service_and_keeps_its_task_definition() {
    let mut world = World::new();
    world.run().ok();
    let before = world.completed();
    let new = another_target_group(&world, 5000);
    world.set("listener", "web", "target_group", new.clone());
    world.set("env", "production-pr1", "plan", json!(true));
    let planned = world.run().would_change();
    assert_eq!(planned.record("service", "web")["change"], "update");
    assert_eq!(
        world.service("web")["loadBalancers"],
        before["loadBalancers"]
    );

    world.set("env", "production-pr1", "plan", json!(false));
    world.aws.forget();
    world.run().ok();
    assert_eq!(changes(&world), ["ecs:UpdateService"]);
    let after = world.completed();
    assert_eq!(after["loadBalancers"], sending(&new, 5000));
    assert_eq!(after["taskDefinition"], before["taskDefinition"]);
    world.is_as_wanted();
}

#[test]
fn a_move_that_fails_ends_where_it_began_and_the_next_run_moves_again() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let old = world.find("listener", "web")["target_group"].clone();
    let new = another_target_group(&world, 8080);
    world.set("app", "web", "port", json!(8080));
    world.set("listener", "web", "target_group", new.clone());
    world.set("app", "web", "image", json!("registry.example/web:broken"));
    let failed = world.run();
    let line = "and has not moved to tg-web-8080-new: its deployment was given up\n";
    assert!(failed.stderr.contains(line), "{}", failed.stderr);
    assert_eq!(failed.code, 75);
    assert_eq!(shares(&world, [&old, &new]), [1, 0]);
    world.until_it_runs(&one);
    let back = world.completed();
    assert_eq!(back["loadBalancers"], sending(&old, 5000));
    assert_eq!((targets(&world, &old), targets(&world, &new)), (2, 0));

    // What it was before is what it is: nothing is to be done.
    world.set("app", "web", "port", json!(5000));
    world.set("app", "web", "image", json!("registry.example/web:1"));
    world.set("listener", "web", "target_group", old.clone());
    world.is_as_wanted();

    world.set("app", "web", "port", json!(8080));
    world.set("listener", "web", "target_group", new.clone());
    world.deploy("registry.example/web:2");
    assert_eq!(world.service("web")["loadBalancers"], sending(&new, 8080));
    assert_eq!((targets(&world, &old), targets(&world, &new)), (0, 2));
    world.is_as_wanted();
}

#[test]
fn a_target_group_that_its_listener_does_not_know_yet_is_asked_for_again() {
    let mut world = World::new();
    world.run().ok();
    world.completed();
    let new = unattached_target_group(&world, 5000);
    let moved = scope(|scope| {
        let mut changed = world.input.clone();
        for record in &mut changed {
            if record["type"] == "listener" && record["name"] == "web" {
                record["target_group"] = new.clone();
            }
        }
        let stdin = crate::world::lines(&changed);
        let world = &world;
        let moving = scope.spawn(move || world.aws.pipe_with("mk-ecs-svc", &stdin));
        sleep(Duration::from_secs(1));
        attach(world, &new);
        moving.join().unwrap()
    });
    moved.ok();
    assert_eq!(world.completed()["loadBalancers"], sending(&new, 5000));
    world.set("listener", "web", "target_group", new);
    world.is_as_wanted();
}

#[test]
fn a_move_that_is_killed_anywhere_is_completed_by_the_next_run() {
    for (change, when) in [(1, "before"), (1, "after"), (2, "before"), (2, "after")] {
        let mut world = World::new();
        world.run().ok();
        world.completed();
        let old = world.find("listener", "web")["target_group"].clone();
        let new = another_target_group(&world, 8080);
        world.set("app", "web", "port", json!(8080));
        world.set("listener", "web", "target_group", new.clone());
        // As mk-alb tells it, also when ECS is at it already.
        world.set("listener", "web", "moves_from", json!([old]));
        let faults = Faults::between(&world.aws);
        faults.kill_at(change, when);
        let killed = faults.pipe_with("mk-ecs-svc", &world.stdin());
        assert_eq!(killed.code, -1, "{change} {when}: {}", killed.stderr);
        let serving = targets(&world, &old) + targets(&world, &new);
        assert!(serving >= 2, "{change} {when}: {serving}");
        world.run().ok();
        let service = world.completed();
        assert_eq!(service["loadBalancers"], sending(&new, 8080));
        assert_eq!((targets(&world, &old), targets(&world, &new)), (0, 2));
        assert_eq!(shares(&world, [&old, &new]), [0, 1], "{change} {when}");
        let revisions = world.task_definitions("ACTIVE");
        assert_eq!(revisions.as_array().unwrap().len(), 3, "{change} {when}");
        world.is_as_wanted();
    }
}

#[test]
fn an_app_that_is_refused_keeps_no_other_from_moving_and_where_all_is_made_the_input_has_ended() {
    let mut world = World::new();
    world.run().ok();
    world.completed();
    let old = world.find("listener", "web")["target_group"].clone();
    let new = another_target_group(&world, 8080);
    world.set("app", "web", "port", json!(8080));
    world.set("listener", "web", "target_group", new.clone());
    world.moment(2.0 * SLOW);
    let image = world.find("app", "api")["image"].clone();
    world.set("app", "api", "image", json!(null));
    // It comes when ECS is moving web's tasks.
    let api = r#"grep {} '"type":"app","name":"api"' <<< "$in""#;
    let (others, api) = (api.replace("{}", "-v"), api.replace("{}", ""));
    let later = format!("in=$(cat); ({others}; sleep 2; {api}) | mk-ecs-svc");
    let refused = world.aws.pipe_with(&later, &world.stdin());
    assert_eq!(refused.code, 65, "{}", refused.stderr);
    let failed = refused.record("failed", "mk-ecs-svc");
    assert_eq!(failed["message"], "app 'api' has no image");
    assert!(
        refused.stderr.contains("app web has moved to"),
        "{}",
        refused.stderr
    );
    assert_eq!(shares(&world, [&old, &new]), [0, 1]);

    world.completed();
    let newest = another_target_group(&world, 9000);
    world.set("app", "api", "image", image);
    world.set("app", "web", "port", json!(9000));
    world.set("listener", "web", "target_group", newest);
    let pipe = "mk-ecs-svc | (cat; echo '{\"type\":\"note\",\"name\":\"end\"}' | tee /dev/stderr)";
    let output = world.aws.pipe_with(pipe, &world.stdin()).ok();
    let end = output.stderr.find("\"end\"").unwrap();
    let moved = output.stderr.find("has moved").unwrap();
    assert!(end < moved, "{}", output.stderr);
}

#[test]
fn up_ends_at_once_where_an_app_that_changes_its_port_has_no_image() {
    let aws = LocalAws::start();
    let up = recipe(&["up"], "pr1");
    aws.pipe(&up).ok();
    let port_5000 = "mk-app web --public --port 5000";
    let other = up.replace(port_5000, "mk-app web --public --port 8080");
    let without_image = other.replace("--image 'registry.example/web:1'", "");
    assert!(other != up && without_image != other, "{up}");
    let begun = Instant::now();
    let refused = aws.pipe(&without_image);
    let line = "mk-ecs-svc: app 'web' has no image\n";
    assert!(refused.stderr.contains(line), "{}", refused.stderr);
    assert_eq!(refused.code, 3, "of prune-env, the last one");
    assert!(begun.elapsed() < Duration::from_secs(60));
    aws.pipe(&other).ok();
}
