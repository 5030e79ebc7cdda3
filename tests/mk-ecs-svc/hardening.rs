//! What somebody made stricter than we do stays and is told; what somebody opened is closed.

use support::{Value, json, text};

use crate::drift::run_by_hand;
use crate::world::{World, changes_of};

#[test]
fn what_is_stricter_in_the_running_task_definition_stays_in_the_next_one() {
    let mut world = World::new();
    world.run().ok();
    let wanted = world.task("web")["taskDefinition"].clone();
    for (field, value, words) in [
        ("user", json!("1000:1000"), "user 1000:1000"),
        (
            "linuxParameters",
            json!({"initProcessEnabled": true, "capabilities": {"drop": ["ALL"]}, "tmpfs": [{"containerPath": "/tmp", "size": 64}]}),
            "without capabilities ALL",
        ),
    ] {
        let by_hand = run_by_hand(&world, &wanted, field, value.clone());
        world.aws.forget();
        let kept = world.run().ok();
        assert_eq!(
            world.aws.changes(),
            ["ecs:TagResource"],
            "{field}: the revision's app"
        );
        let line = format!("mk-ecs-svc: web keeps {words}: stricter than its record says\n");
        assert_eq!(kept.stderr.matches(&line).count(), 1, "{}", kept.stderr);
        assert_eq!(world.service("web")["taskDefinition"], by_hand, "{field}");

        let next = world.run_with("--image web=registry.example/web:next").ok();
        let changes = changes_of(&next.record("task_definition", "web"));
        assert_eq!(changes.len(), 1, "{field}: the image alone: {changes:?}");
        let container = &world.task("web")["taskDefinition"]["containerDefinitions"][0];
        for (key, value) in value.as_object().into_iter().flatten() {
            assert_eq!(&container[field][key], value, "{field}");
        }
        if !value.is_object() {
            assert_eq!(container[field], value, "{field}");
        }
        world.completed();
        world.set("app", "web", "image", json!("registry.example/web:1"));
    }
}

#[test]
fn a_role_that_somebody_gave_the_tasks_stays_and_is_said_each_time() {
    let mut world = World::new();
    world.run().ok();
    let mut with_role = world.task("web")["taskDefinition"].clone();
    let role = "arn:aws:iam::123456789012:role/reads-a-table";
    with_role["taskRoleArn"] = json!(role);
    let by_hand = world.register(&with_role, crate::world::identity());
    world.update_web(json!({"taskDefinition": by_hand}));
    world.completed();
    let line = format!("mk-ecs-svc: web keeps task role {role}, which somebody gave it by hand");
    for image in ["registry.example/web:1", "registry.example/web:2"] {
        world.set("app", "web", "image", json!(image));
        world.set("env", "production-pr1", "plan", json!(true));
        let planned = world.run();
        world.set("env", "production-pr1", "plan", json!(false));
        let kept = world.run().ok();
        for said in [planned.stderr, kept.stderr] {
            assert_eq!(said.matches(&line).count(), 1, "{image}: {said}");
        }
        world.completed();
        let runs = world.service("web")["taskDefinition"].clone();
        assert_eq!(world.revision(&runs)["taskDefinition"]["taskRoleArn"], role);
    }
}

#[test]
fn what_is_stricter_and_does_not_run_does_not_stay() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let mut strict = world.task("web")["taskDefinition"].clone();
    strict["containerDefinitions"][0]["user"] = json!("1000");
    strict["containerDefinitions"][0]["image"] = json!("registry.example/web:broken");
    let strict = world.register(&strict, crate::world::identity());
    world.update_web(json!({"taskDefinition": strict}));
    world.until_it_runs(&strict);
    world.until_it_runs(&one);
    world.completed();
    let two = world.deploy("registry.example/web:2");
    let container = &world.revision(&two)["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container.get("user"), None);
}

#[test]
fn a_way_into_tasks_that_somebody_opened_is_closed_in_what_runs() {
    let world = World::new();
    world.run().ok();
    let before = world.completed();
    world.update_web(json!({"enableExecuteCommand": true}));
    let mended = world.run().ok();
    assert_eq!(
        changes_of(&mended.record("service", "web")),
        ["execute command: true -> false"]
    );
    let after = world.completed();
    assert_eq!(after["enableExecuteCommand"], false);
    let id = |service: &Value| text(&service["deployments"][0]["id"]).to_string();
    assert_ne!(id(&before), id(&after), "tasks keep it as long as they run");
    world.is_as_wanted();
}
