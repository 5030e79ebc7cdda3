//! What is refused, by the tool and by AWS; and what passes.

use support::{Faults, json};

use crate::world::{World, changing};

#[test]
fn a_target_of_somebody_elses_is_left_alone() {
    let world = World::with(json!({}));
    world.call(
        "register_scalable_target",
        json!({"MinCapacity": 1, "MaxCapacity": 3}),
    );
    let run = world.run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("it is left alone"), "{}", run.stderr);
    assert_eq!(changing(&world), Vec::<String>::new());
    assert_eq!(world.range(), [json!(1), json!(3)]);
}

#[test]
fn a_record_that_is_not_the_environments_is_refused() {
    let mut world = World::with(json!({}));
    let arn = "arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/theirs";
    let record = json!({"type": "scaling", "name": "web", "arn": arn, "least": 1, "most": 2});
    world.input.push(record);
    let run = world.run();
    assert_eq!(run.code, 65, "{}", run.stderr);
    assert!(
        run.stderr.contains("is not among this environment's"),
        "{}",
        run.stderr
    );
}

#[test]
fn a_service_without_an_image_is_not_scaled_yet() {
    let mut world = World::with(json!({}));
    let mut records = world.input.iter_mut();
    let service = records.rfind(|record| record["type"] == "service" && record["name"] == "web");
    service.unwrap()["count"] = json!(0);
    let run = world.run().ok();
    let told = "mk-scaling: app web has no image yet, and no tasks to scale\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    assert_eq!(world.targets().len(), 0);
}

#[test]
fn what_aws_does_not_know_yet_is_asked_again() {
    let mut world = World::with(json!({"scale_at": ["rate(1 day)=3..5"]}));
    let faults = Faults::between(&world.aws);
    let refuse = |call: &str, code: &str, message: &str, nth: u32| {
        let of = format!("application-autoscaling:{call}");
        json!({
            "do": "refuse", "of": of, "nth": nth, "status": 400, "code": code, "message": message,
        })
    };
    let busy = "ConcurrentUpdateException";
    faults.rules(json!([
        refuse(
            "RegisterScalableTarget",
            "ValidationException",
            "ECS service doesn't exist: x",
            1
        ),
        refuse(
            "RegisterScalableTarget",
            "ValidationException",
            "Unable to assume IAM role",
            2
        ),
        refuse("PutScalingPolicy", "FailedResourceAccessException", "x", 1),
        refuse("PutScalingPolicy", "ObjectNotFoundException", "x", 2),
        refuse("PutScheduledAction", busy, "x", 1),
        refuse("DeleteScalingPolicy", busy, "x", 1),
        refuse("DeleteScheduledAction", busy, "x", 1),
        refuse("DeregisterScalableTarget", busy, "x", 1),
    ]));
    faults.pipe_with("mk-scaling", &world.stdin()).ok();
    world.is_as_wanted();
    world.set(json!({"scale_on": {"memory": 70}}));
    world.drop(&["scale_at"]);
    faults
        .pipe_with("mk-scaling | prune-env", &world.stdin())
        .ok();
    world.is_as_wanted();
    assert_eq!((world.policies().len(), world.actions().len()), (1, 0));
    world.drop(&["scale", "scale_on"]);
    faults
        .pipe_with("mk-scaling | prune-env", &world.stdin())
        .ok();
    assert_eq!(faults.done().len(), 8, "{:?}", faults.done());
    assert_eq!(world.targets().len(), 0);
}

#[test]
fn a_zone_that_is_none_is_told_as_aws_says_it() {
    let world =
        World::with(json!({"scale_at": ["rate(1 day)=3..5"], "scale_zone": "Europe/Nowhere"}));
    world.run().ok(); // a rate has no zone
    let world = World::with(json!({
        "scale_at": ["cron(0 8 ? * MON-FRI *)=3..5"], "scale_zone": "Europe/Nowhere",
    }));
    let run = world.run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("Timezone Europe/Nowhere is not valid"),
        "{}",
        run.stderr
    );
}
