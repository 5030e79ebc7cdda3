//! What an app runs: the image of a flag, of an image record or of its own record, or none yet.

use support::{Value, json};

use crate::world::{World, count};

#[test]
fn a_flag_wins_over_an_image_record_and_that_over_the_apps_own() {
    let mut world = World::new();
    for app in ["web", "api"] {
        let image = format!(
            "registry.example/{app}@sha256:1111111111111111111111111111111111111111111111111111111111111111"
        );
        let record = json!({"type": "image", "name": app, "image": image});
        world.input.push(record);
    }
    let made = world.run_with("--image web=registry.example/web:flag").ok();
    assert_eq!(
        made.record("task_definition", "web")["image"],
        "registry.example/web:flag"
    );
    assert_eq!(
        made.record("task_definition", "api")["image"],
        "registry.example/api@sha256:1111111111111111111111111111111111111111111111111111111111111111"
    );
}

#[test]
fn an_app_without_an_image_is_bad_input() {
    let mut world = World::new();
    world.set("app", "web", "image", Value::Null);
    let output = world.run();
    assert_eq!(output.code, 65);
    let why = "mk-ecs-svc: app 'web' has no image\n  try: mk-app web --image REFERENCE, mk-ecs-svc --image web=REFERENCE, or push-image\n";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    let of_web =
        |call: &Value| call["changing"] == true && call["params"].to_string().contains("-web-");
    assert_eq!(world.aws.calls().into_iter().find(of_web), None);
}

#[test]
fn an_image_for_an_app_that_nobody_names_is_bad_input() {
    let world = World::new();
    let output = world.run_with("--image wep=x");
    assert_eq!(output.code, 65);
    let why =
        "a flag names app 'wep', which no app record names; the environment is production-pr1";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}

#[test]
fn an_environment_that_is_not_there_is_not_made_by_a_wrong_name() {
    let world = World::new();
    for flags in ["", "--rollback web", "--image web=x"] {
        let pipe = format!("ls-env --env production-oops | mk-ecs-svc {flags}");
        let output = world.aws.pipe(&pipe);
        assert_eq!(output.code, 65, "{flags}: {}", output.stderr);
        assert!(
            output.stderr.contains("production-oops"),
            "{}",
            output.stderr
        );
        assert_eq!(world.aws.changes(), Vec::<String>::new(), "{flags}");
    }
}

#[test]
fn an_image_that_is_announced_is_waited_for() {
    let world = World::new();
    let late = "registry.example/web@sha256:1111111111111111111111111111111111111111111111111111111111111111";
    let pipe = format!(
        "{{ echo '{}'; cat; sleep 1; echo '{}'; }} | mk-ecs-svc",
        json!({"type": "image", "name": "web"}),
        json!({"type": "image", "name": "web", "image": late})
    );
    let made = world.aws.pipe_with(&pipe, &world.stdin()).ok();
    assert_eq!(made.record("task_definition", "web")["image"], late);
    assert_eq!(
        count(&world.aws.changes(), "ecs:RegisterTaskDefinition"),
        2,
        "web's and api's, once each"
    );
}

#[test]
fn an_image_that_never_comes_is_the_apps_own_or_none() {
    let mut announced = World::new();
    let announcement = json!({"type": "image", "name": "web"});
    announced.input.insert(0, announcement);
    let mut with_context = World::new();
    with_context.set("app", "web", "context", json!("./web"));
    for (mut world, how) in [(announced, "announced"), (with_context, "context")] {
        let made = world.run().ok();
        assert_eq!(
            made.record("task_definition", "web")["image"],
            "registry.example/web:1",
            "{how}"
        );

        world.set("app", "web", "image", Value::Null);
        world.aws.forget();
        let none = world.run();
        assert_eq!(none.code, 65, "{how}");
        assert_eq!(world.aws.changes(), Vec::<String>::new(), "{how}");
        let why = "mk-ecs-svc: app 'web' has no image\n  try: ";
        assert!(none.stderr.contains(why), "{}", none.stderr);
    }
}

#[test]
fn without_an_image_there_are_no_tasks_until_there_is_one() {
    let mut world = World::new();
    let app = world.record("app", "web").as_object_mut().unwrap();
    app.remove("image");
    world.run_with("--placeholder").ok();
    assert_eq!(world.service("web")["desiredCount"], 0);
    world.run_with("--placeholder").ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let ends = world.run();
    assert_eq!(
        ends.code, 65,
        "without the flag it is missing: {}",
        ends.stderr
    );
    world.set("app", "web", "image", json!("registry.example/web:1"));
    world.run_with("--placeholder").ok();
    assert_eq!(world.service("web")["desiredCount"], 2);
}
