//! What is changed: by another wish, and by hand.

use support::{changed_fields, json, text};

use crate::world::{World, changing};

#[test]
fn another_wish_is_followed_and_what_it_leaves_over_goes_at_the_end() {
    let mut world = World::with(json!({
        "scale_on": {"cpu": 50, "memory": 70}, "scale_at": ["rate(1 day)=3..5"],
    }));
    world.run().ok();
    world.set(json!({"scale": "3..12", "scale_on": {"cpu": 55}}));
    world.drop(&["scale_at"]);
    let run = world.run().ok();
    let record = run.record("scaling", "web");
    assert_eq!(record["change"], "updated");
    assert_eq!(
        changed_fields(&record),
        ["range", "cpu", "tag plumbline:scale"]
    );
    assert_eq!(world.range(), [json!(3), json!(12)]);
    // Below its range it gets tasks at once, and above it loses them: AWS does so.
    assert_eq!(world.count(), 3);
    assert_eq!((world.policies().len(), world.actions().len()), (2, 1));
    let told = "mk-scaling: nothing needs policy scaling-web-memory-production-pr1 of app web: prune-env takes it away\n";
    assert!(run.stderr.contains(told), "{}", run.stderr);

    world.run_into("mk-scaling | prune-env").ok();
    assert_eq!(changing(&world).len(), 2, "{:?}", world.aws.changes());
    assert_eq!((world.policies().len(), world.actions().len()), (1, 0));
    world.is_as_wanted();
}

#[test]
fn what_somebody_changed_by_hand_comes_back_and_is_told() {
    let world = World::with(json!({
        "scale_on": {"cpu": 50, "memory": 70}, "scale_at": ["rate(1 day)=3..5"],
    }));
    world.run().ok();
    world.call(
        "register_scalable_target",
        json!({"MinCapacity": 1, "MaxCapacity": 3}),
    );
    let arn = world.targets()[0]["ScalableTargetARN"].clone();
    let set = json!({"ResourceARN": arn, "Tags": {"Team": "nobody", "theirs": "x"}});
    world
        .aws
        .call("application-autoscaling", "tag_resource", set);
    let [cpu, memory] = &world.policies()[..] else {
        panic!("{:?}", world.policies())
    };
    let other = json!({
        "TargetValue": 90.0, "DisableScaleIn": true,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    });
    world.call(
        "put_scaling_policy",
        json!({"PolicyName": cpu["PolicyName"], "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": other}),
    );
    let name = &memory["PolicyName"];
    world.call("delete_scaling_policy", json!({"PolicyName": name}));
    let name = &world.actions()[0]["ScheduledActionName"];
    let range = json!({"MinCapacity": 1, "MaxCapacity": 1});
    world.call(
        "put_scheduled_action",
        json!({"ScheduledActionName": name, "Schedule": "rate(1 day)", "ScalableTargetAction": range}),
    );
    let record = world.run().ok().record("scaling", "web");
    let fields = [
        "range",
        "cpu",
        "cpu only out",
        "cpu seconds between more",
        "policy memory",
        "scheduled",
        "tag Team",
    ];
    assert_eq!(changed_fields(&record), fields);
    assert_eq!(world.range(), [json!(2), json!(10)]);
    assert_eq!(world.tags()["theirs"], "x");
    world.is_as_wanted();
}

#[test]
fn what_somebody_suspended_or_added_stays_and_is_said() {
    let mut world = World::with(json!({}));
    world.run().ok();
    world.call(
        "register_scalable_target",
        json!({"SuspendedState": {"DynamicScalingInSuspended": true}}),
    );
    let steps = json!({
        "AdjustmentType": "ChangeInCapacity",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    });
    world.call(
        "put_scaling_policy",
        json!({"PolicyName": "theirs", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}),
    );
    let run = world.is_as_wanted();
    for line in [
        "mk-scaling: app web: somebody suspended that it takes tasks away; it stays so\n",
        "mk-scaling: app web is scaled by policy theirs of somebody else's as well; it stays\n",
    ] {
        assert_eq!(run.stderr.matches(line).count(), 1, "{}", run.stderr);
    }
    world.set(json!({"scale": "2..11"}));
    world.run_into("mk-scaling | prune-env").ok();
    assert_eq!(world.policies().len(), 2);
    let state = &world.targets()[0]["SuspendedState"];
    assert_eq!(state["DynamicScalingInSuspended"], true);
    assert_eq!(text(&world.policies()[1]["PolicyName"]), "theirs");
}
