//! Alarms on which ECS takes a deployment back.

use support::{Value, json};

use crate::world::{World, changes_of};

/// An environment whose web is taken back on an alarm of an account that has two.
fn with_alarm() -> World {
    let mut world = World::new();
    world.aws.make_alarm("5xx");
    world.aws.make_alarm("slow");
    world.aws.forget();
    world.set("app", "web", "rollback_on", json!(["5xx"]));
    world
}

fn state(world: &World, name: &str, state: &str) {
    let params = json!({"AlarmName": name, "StateValue": state, "StateReason": "a test"});
    world.aws.call("cloudwatch", "set_alarm_state", params);
}

fn alarms(service: &Value) -> Value {
    service["deploymentConfiguration"]["alarms"].clone()
}

#[test]
fn alarms_are_set_told_changed_and_taken_away() {
    let mut world = with_alarm();
    world.run().ok();
    let service = world.completed();
    assert_eq!(
        alarms(&service),
        json!({"alarmNames": ["5xx"], "enable": true, "rollback": true})
    );
    assert_eq!(alarms(&world.service("api"))["enable"], false);
    world.is_as_wanted();
    world.aws.forget();
    let again = world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("app", "web")["rollback_on"], json!(["5xx"]));

    // Told in another order, they are the same.
    for (wanted, told) in [
        (
            Some(json!(["slow", "5xx"])),
            "rollback on: 5xx -> 5xx, slow",
        ),
        (None, "rollback on: 5xx, slow -> none"),
    ] {
        let web = world.record("app", "web").as_object_mut().unwrap();
        match wanted {
            Some(wanted) => web.insert("rollback_on".into(), wanted),
            None => web.remove("rollback_on"),
        };
        world.input[0]["plan"] = json!(true);
        let plan = world.run_with("").would_change();
        assert_eq!(changes_of(&plan.record("service", "web")), [told]);
        world.input[0].as_object_mut().unwrap().remove("plan");
        let run = world.run_with("").ok();
        assert_eq!(changes_of(&run.record("service", "web")), [told]);
        assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
        world.is_as_wanted();
    }
    assert_eq!(
        alarms(&world.completed()),
        json!({"alarmNames": [], "enable": false, "rollback": false})
    );
}

#[test]
fn what_somebody_did_to_the_alarms_is_brought_back_and_told() {
    let world = with_alarm();
    world.run().ok();
    world.completed();
    for (by_hand, told) in [
        (
            json!({"alarmNames": ["5xx"], "enable": true, "rollback": false}),
            "rollback on: 5xx (brings nothing back) -> 5xx",
        ),
        (
            json!({"alarmNames": ["5xx"], "enable": false, "rollback": true}),
            "rollback on: none -> 5xx",
        ),
    ] {
        world.update_web(json!({"deploymentConfiguration": {
            "alarms": by_hand, "deploymentCircuitBreaker": {"enable": true, "rollback": true},
        }}));
        let run = world.run_with("").ok();
        assert_eq!(changes_of(&run.record("service", "web")), [told]);
        world.is_as_wanted();
    }
}

#[test]
fn an_alarm_that_goes_off_takes_a_deployment_back_and_wait_env_says_so() {
    let mut world = with_alarm();
    world.run().ok();
    let good = world.completed()["taskDefinition"].clone();
    world.set("app", "web", "image", json!("registry.example/web:2"));
    state(&world, "slow", "ALARM"); // which web does not heed
    world
        .aws
        .pipe_with("mk-ecs-svc | wait-env", &world.stdin())
        .ok();
    let better = world.completed()["taskDefinition"].clone();
    assert_ne!(better, good);

    state(&world, "5xx", "ALARM");
    world.set("app", "web", "image", json!("registry.example/web:3"));
    let run = world.aws.pipe_with("mk-ecs-svc | wait-env", &world.stdin());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("alarm"), "{}", run.stderr);
    world.until_it_runs(&better);
    assert_eq!(world.completed()["taskDefinition"], better);

    // What was taken back is tried again when the alarm is over.
    state(&world, "5xx", "OK");
    world
        .aws
        .pipe_with("mk-ecs-svc | wait-env", &world.stdin())
        .ok();
    assert_ne!(world.completed()["taskDefinition"], better);
    world.is_as_wanted();
}

#[test]
fn an_alarm_that_is_not_there_is_told_and_nothing_is_deployed() {
    let mut world = with_alarm();
    world.run().ok();
    world.completed();
    world.set("app", "web", "rollback_on", json!(["gone"]));
    let run = world.run_with("");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("gone"), "{}", run.stderr);
    assert!(run.stderr.contains("ecs:UpdateService"), "{}", run.stderr);
    assert_eq!(alarms(&world.service("web"))["alarmNames"], json!(["5xx"]));
}
