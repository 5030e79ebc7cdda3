//! What is made: a target with its tags, policies and scheduled actions.

use support::{changed_fields, json, text};

use crate::world::{TARGET, World, changing};

#[test]
fn an_app_with_a_range_has_a_target_that_follows_the_cpu() {
    let world = World::with(json!({}));
    let made = world.run().ok();
    let record = made.record("scaling", "web");
    assert_eq!(record["change"], "created");
    assert_eq!(
        (&record["least"], &record["most"], &record["on"]),
        (&json!(2), &json!(10), &json!({"cpu": 60}))
    );
    assert_eq!(
        changing(&world),
        ["RegisterScalableTarget", "PutScalingPolicy"]
    );
    let [target] = &world.targets()[..] else {
        panic!("{:?}", world.targets())
    };
    assert_eq!(target["ResourceId"], TARGET);
    assert_eq!(target["ScalableTargetARN"], record["arn"]);
    for (key, value) in [
        ("plumbline:env", "production-pr1"),
        ("plumbline:app", "web"),
        ("plumbline:scale", "2..10"),
        ("Team", "devops"),
    ] {
        assert_eq!(world.tags()[key], value, "{}", world.tags());
    }
    let [policy] = &world.policies()[..] else {
        panic!("{:?}", world.policies())
    };
    assert_eq!(policy["PolicyName"], "scaling-web-cpu-production-pr1");
    assert_eq!(
        policy["TargetTrackingScalingPolicyConfiguration"],
        json!({
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "ScaleOutCooldown": 60, "ScaleInCooldown": 300, "DisableScaleIn": false,
        })
    );
    let again = world.is_as_wanted();
    assert_eq!(again.record("scaling", "web")["change"], "kept");
    // The targets, and of this one its policies, actions and tags; and whose the credentials are.
    assert_eq!(world.aws.calls().len(), 5, "{:?}", world.aws.calls());
}

#[test]
fn without_a_range_it_asks_nothing() {
    let world = World::new();
    let run = world.is_as_wanted();
    assert!(!run.keys().contains("scaling/web"));
    assert_eq!(world.aws.calls(), Vec::<support::Value>::new());
}

#[test]
fn all_that_can_decide_is_said_to_aws_and_comes_back_by_ls_env() {
    let scale = json!({
        "scale_on": {"cpu": 50, "memory": 70, "requests": 1000, "queue": "jobs:100"},
        "scale_at": ["cron(0 20 ? * MON-FRI *)=2..4", "cron(0 8 ? * MON-FRI *)=4..20"],
        "scale_zone": "Europe/Berlin",
    });
    let world = World::with(scale.clone());
    let made = world.run_into("mk-ecs-svc | mk-scaling").ok();
    let [_, _, queue, requests] = &world.policies()[..] else {
        panic!("{:?}", world.policies())
    };
    let listener = made.record("listener", "web");
    let group = text(&listener["target_group"]).rsplit(':').next().unwrap();
    let predefined =
        &requests["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"];
    let label = text(&predefined["ResourceLabel"]);
    assert!(
        label.starts_with("app/alb-") && label.ends_with(group),
        "{label}"
    );
    let metrics =
        &queue["TargetTrackingScalingPolicyConfiguration"]["CustomizedMetricSpecification"];
    let returned: Vec<&serde_json::Value> = support::list(&metrics["Metrics"])
        .iter()
        .map(|metric| &metric["ReturnData"])
        .collect();
    assert_eq!(returned, [&json!(false), &json!(false), &json!(true)]);
    let [evening, morning] = &world.actions()[..] else {
        panic!("{:?}", world.actions())
    };
    assert_eq!(evening["Timezone"], "Europe/Berlin");
    assert_eq!(
        morning["ScalableTargetAction"],
        json!({"MinCapacity": 4, "MaxCapacity": 20})
    );
    world.is_as_wanted();

    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    let app = listed.record("app", "web");
    assert_eq!(app["scale"], "2..10");
    for (field, value) in scale.as_object().unwrap() {
        assert_eq!(app[field], *value, "{app}");
    }
    assert_eq!(listed.record("scaling", "web")["on"], scale["scale_on"]);
    world.aws.forget();
    let again = world
        .aws
        .pipe_with("mk-ecs-svc | mk-scaling", &listed.stdout)
        .ok();
    assert_eq!(
        world.aws.changes(),
        Vec::<String>::new(),
        "{}",
        again.stderr
    );
}

#[test]
fn a_dry_run_tells_what_would_be_and_changes_nothing() {
    let mut world = World::with(json!({"scale_on": {"requests": 100}}));
    world.input[0]["plan"] = json!(true);
    let plan = world.run().would_change();
    assert_eq!(plan.record("scaling", "web")["change"], "create");
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    world.input[0]["plan"] = json!(false);
    world.run().ok();
    world.input[0]["plan"] = json!(true);
    world.set(json!({"scale": "2..12", "scale_on": {"cpu": 70}}));
    let plan = world.run_into("mk-scaling | prune-env").would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let record = plan.record("scaling", "web");
    assert_eq!(record["change"], "update");
    assert_eq!(
        changed_fields(&record),
        ["range", "policy cpu", "tag plumbline:scale"]
    );
    let surplus = "scaling/policy/scaling-web-requests-production-pr1";
    assert_eq!(plan.record("surplus", surplus)["change"], "delete");
}
