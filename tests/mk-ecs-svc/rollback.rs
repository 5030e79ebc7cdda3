//! A service is taken back to what it ran before.

use support::{Value, json, text};

use crate::pipelines::{REPOSITORY, image, push};
use crate::world::World;

/// A rollback that changes nothing, since there is nothing to go back to.
fn is_refused(world: &World) -> String {
    let none = world.rollback();
    assert_eq!(none.code, 1, "{}", none.stderr);
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    none.stderr
}

#[test]
fn a_service_is_taken_back_to_what_it_ran_before_and_stays_there() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    let back = world.rollback().ok();
    assert_eq!(
        world.aws.changes(),
        ["ecs:TagResource", "ecs:UpdateService"]
    );
    let service = back.record("service", "web");
    assert_eq!(service["task_definition"], one);
    assert_eq!(service["change"], "updated");
    assert_eq!(
        back.record("task_definition", "web")["image"],
        "registry.example/web:1"
    );
    assert_eq!(back.record("service", "api")["change"], "kept");
    assert_eq!(world.completed()["taskDefinition"], one);
    assert!(!world.is_rolled_back(&one));
    assert!(world.is_rolled_back(&two));

    // What it runs now is what the environment is: nothing brings the newer revision back.
    world.aws.forget();
    let kept = world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new(), "{}", kept.stderr);

    // After another deployment, back is what ran before it, and not what was given up.
    let three = world.deploy("registry.example/web:3");
    assert!(three != one && three != two);
    world.rollback().ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    assert!(!world.is_rolled_back(&one));
    assert!(world.is_rolled_back(&three));

    // What was given up may be asked for again.
    let again = world.deploy("registry.example/web:2");
    let revision = world.revision(&again);
    assert_eq!(
        revision["taskDefinition"]["containerDefinitions"][0]["image"],
        "registry.example/web:2"
    );
    assert!(!world.is_rolled_back(&again));
}

#[test]
fn a_service_with_nothing_before_is_not_taken_back() {
    let mut world = World::new();
    let nothing = world.rollback();
    assert_eq!(nothing.code, 1);
    assert!(
        nothing
            .stderr
            .ends_with("mk-ecs-svc: there is no service service-web-production-pr1 to take back\n"),
        "{}",
        nothing.stderr
    );
    let one = world.deploy("registry.example/web:1");
    assert_eq!(
        is_refused(&world),
        "mk-ecs-svc: service service-web-production-pr1 runs task-web-production-pr1:1, and there is none before it\n  \
         try: mk-ecs-svc --image web=REFERENCE names what it is to run\n"
    );
    assert_eq!(world.service("web")["taskDefinition"], one);

    // Nor is one that was just taken back.
    world.deploy("registry.example/web:2");
    world.rollback().ok();
    world.completed();
    is_refused(&world);
    assert_eq!(world.service("web")["taskDefinition"], one);
}

#[test]
fn a_rollback_that_is_run_again_while_ecs_is_about_it_goes_no_further_back() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    world.deploy("registry.example/web:3");
    world.moment(600.0);
    world.rollback().ok();
    assert_eq!(world.service("web")["taskDefinition"], two);
    let again = world.rollback().ok();
    let changes = world.aws.changes();
    assert_eq!(changes, Vec::<String>::new(), "{}", again.stderr);
    let service = world.service("web");
    assert_eq!(service["taskDefinition"], two);
    assert_eq!(service["deployments"].as_array().unwrap().len(), 2);
    assert_eq!(again.record("service", "web")["task_definition"], two);
}

#[test]
fn a_rollback_that_makes_no_sense_changes_nothing() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    let both = world.run_with("--rollback web --image web=registry.example/web:1");
    assert_eq!(both.code, 2);
    assert_eq!(world.aws.calls().len(), 0);
    assert_eq!(
        both.stderr,
        "mk-ecs-svc: --image and --rollback both say what app 'web' runs\n"
    );

    let unknown = world.run_with("--rollback wep");
    assert_eq!(unknown.code, 65);
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let why = "a flag names app 'wep', which no app record names";
    assert!(unknown.stderr.contains(why), "{}", unknown.stderr);

    world.set("env", "production-pr1", "plan", json!(true));
    let planned = world.rollback().would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let service = planned.record("service", "web");
    assert_eq!(service["change"], "update");
    let revision = text(&service["task_definition"]);
    assert!(revision.ends_with("task-web-production-pr1:1"), "{service}");
    assert_eq!(world.service("web")["taskDefinition"], two);
}

#[test]
fn a_rollback_passes_over_what_never_ran() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    // ECS takes it back from this one, and the next deployment succeeds.
    let broken = world.deploy_broken();
    world.until_it_runs(&one);
    let three = world.deploy("registry.example/web:3");
    assert!(world.is_rolled_back(&broken));
    assert!(!world.is_rolled_back(&one));
    // One that nothing ran is no deployment that ECS took back.
    let never = world.register_image("registry.example/web:never");
    let back = world.rollback().ok();
    assert!(!back.stderr.contains("ECS has taken"), "{}", back.stderr);
    assert_eq!(world.completed()["taskDefinition"], one);
    assert!(world.is_rolled_back(&three));
    assert!(world.is_rolled_back(&never));
    is_refused(&world);
}

#[test]
fn a_deployment_that_is_mended_before_ecs_gave_it_up_is_not_what_ran_before() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    let broken = world.deploy_broken();
    world.fails();
    world.set("app", "web", "image", json!("registry.example/web:3"));
    world.aws.forget();
    world.run().ok();
    assert_eq!(
        world.aws.changes(),
        [
            "ecs:TagResource",
            "ecs:RegisterTaskDefinition",
            "ecs:UpdateService"
        ]
    );
    assert!(world.is_rolled_back(&broken));
}

#[test]
fn a_rollback_that_fails_goes_further_back_when_it_is_repeated() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let digest = push(&world);
    let two = world.deploy(&image(&digest));
    let three = world.deploy("registry.example/web:3");
    let params = json!({"repositoryName": REPOSITORY, "imageIds": [{"imageDigest": digest}]});
    world.aws.call("ecr", "batch_delete_image", params);
    world.rollback().ok();
    assert_eq!(world.service("web")["taskDefinition"], two);
    world.fails();
    world.until_it_runs(&three);
    world.rollback().ok();
    assert_eq!(world.service("web")["taskDefinition"], one);
    assert!(world.is_rolled_back(&two) && world.is_rolled_back(&three));
}

#[test]
fn a_revision_that_listens_elsewhere_than_the_load_balancer_sends_is_not_taken_back_to() {
    let mut world = World::new();
    world.deploy("registry.example/web:1");
    world.set("app", "web", "port", json!(8080));
    let two = world.deploy("registry.example/web:2");
    assert_eq!(
        is_refused(&world),
        "mk-ecs-svc: task-web-production-pr1:1 listens on 5000/tcp, but the load balancer of its service sends to web:8080\n  \
         try: --image with registry.example/web:1 runs that image as the app is now\n"
    );
    assert_eq!(world.service("web")["taskDefinition"], two);
    assert!(!world.is_rolled_back(&two));
}

#[test]
fn where_ecs_itself_went_back_a_rollback_goes_no_further() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let two = world.deploy("registry.example/web:2");
    world.deploy_broken();
    world.until_it_runs(&two);
    world.completed();
    let back = world.rollback().ok();
    let line = "ECS has taken web back from task-web-production-pr1:3 already: it runs registry.example/web:2 (task-web-production-pr1:2)\n";
    assert!(back.stderr.contains(line), "{}", back.stderr);
    assert_eq!(world.aws.changes(), ["ecs:TagResource"]);
    assert_eq!(world.service("web")["taskDefinition"], two);
    // Once more is one further.
    world.rollback().ok();
    assert_eq!(world.completed()["taskDefinition"], one);
}

#[test]
fn a_revision_that_is_not_ours_is_left_without_a_mark() {
    let world = World::new();
    let one = world.run().ok().record("task_definition", "web")["arn"].clone();
    world.completed();
    let mut definition = world.task("web")["taskDefinition"].clone();
    definition["containerDefinitions"][0]["image"] = json!("registry.example/theirs:1");
    let theirs = world.register(&definition, Value::Null);
    world.update_web(json!({"taskDefinition": theirs}));
    world.completed();
    world.rollback().ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
}

#[test]
fn a_deployment_by_hand_does_not_hide_that_the_one_before_failed() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let broken = world.deploy_broken();
    world.until_it_runs(&one);
    world.completed();
    let by_hand = world.register_image("registry.example/web:by-hand");
    world.update_web(json!({"taskDefinition": by_hand}));
    world.completed();
    world.rollback().ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    assert!(world.is_rolled_back(&broken));
    assert!(world.is_rolled_back(&by_hand));
}

#[test]
fn what_is_listed_is_what_runs() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    world.deploy_broken();
    world.until_it_runs(&one);
    world.completed();
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("task_definition", "web")["arn"], one);
    let image = "registry.example/web:1";
    assert_eq!(listed.record("task_definition", "web")["image"], image);
    assert_eq!(listed.record("app", "web")["image"], image);
    assert_eq!(listed.record("service", "web")["task_definition"], one);
}

#[test]
fn where_ecs_gave_up_and_does_not_go_back_the_older_one_runs_still() {
    let mut world = World::new();
    let one = world.deploy("registry.example/web:1");
    let image = "registry.example/web:broken";
    let broken = world.register_image(image);
    let breaker = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    world.update_web(json!({"taskDefinition": broken, "deploymentConfiguration": breaker}));
    world.until("web", |service| {
        service["deployments"][0]["rolloutState"] == "FAILED"
    });
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("task_definition", "web")["arn"], one);
    assert_eq!(listed.record("service", "web")["task_definition"], one);
}
