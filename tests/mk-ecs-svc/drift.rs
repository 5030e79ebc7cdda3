//! What was changed by hand is brought into line, and what is not the environment's is left alone.

use support::{Value, json, tags, text};

use crate::world::{World, changes_of, count, identity};

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let world = World::new();
    let made = world.run().ok();
    let service = made.record("service", "web");
    world.until("web", |service| service["runningCount"] == 2);
    let subnet = &made.record("vpc", "main")["private_subnets"][0];
    let breaker = json!({"enable": false, "rollback": false});
    world.update_web(json!({
        "desiredCount": 5,
        "healthCheckGracePeriodSeconds": 5,
        "availabilityZoneRebalancing": "DISABLED",
        "propagateTags": "NONE",
        "enableECSManagedTags": false,
        "deploymentConfiguration": {
            "minimumHealthyPercent": 0, "maximumPercent": 100, "deploymentCircuitBreaker": breaker,
        },
        "networkConfiguration": {"awsvpcConfiguration": {
            "subnets": [subnet], "securityGroups": [], "assignPublicIp": "ENABLED",
        }},
    }));
    for field in ["arn", "cluster", "task_definition"] {
        world.tag(&service[field], "Team", "nobody");
    }
    world.aws.forget();
    let again = world.run().ok();
    let mut changes = world.aws.changes();
    changes.sort();
    assert_eq!(
        changes,
        [
            "ecs:TagResource",
            "ecs:TagResource",
            "ecs:TagResource",
            "ecs:UpdateService"
        ]
    );
    for line in [
        "count: 5 -> 2; grace: 5 -> 60; subnets: ",
        "public ip: true -> false; circuit breaker: false -> true",
        "updated cluster main",
    ] {
        assert!(again.stderr.contains(line), "{}", again.stderr);
    }
    let service = world.service("web");
    assert_eq!(service["desiredCount"], 2);
    assert_eq!(tags(&service["tags"])["Team"], "devops");
    world.is_as_wanted();
}

#[test]
fn a_revision_registered_by_hand_is_not_left_running() {
    let world = World::new();
    world.run().ok();
    let task = world.task("web");
    let mut definition = task["taskDefinition"].clone();
    definition["cpu"] = json!("512");
    definition["memory"] = json!("1024");
    definition
        .as_object_mut()
        .unwrap()
        .remove("runtimePlatform"); // X86_64 and Linux by default
    let container = &mut definition["containerDefinitions"][0];
    container["environment"] = json!([{"name": "Debug", "value": "1"}]);
    let by_hand = world.register(&definition, task["tags"].clone());
    world.update_web(json!({"taskDefinition": by_hand}));
    let again = world.run().ok();
    for line in [
        "(cpu: 512 -> 256; memory: 1024 -> 512; environment ApiAddress: none -> set; ",
        "environment Debug: set -> none",
    ] {
        assert!(again.stderr.contains(line), "{}", again.stderr);
    }
    assert_eq!(
        world.service("web")["taskDefinition"],
        again.record("task_definition", "web")["arn"]
    );
    // An existing revision that is as wanted is run, and no other is registered.
    world.update_web(json!({"taskDefinition": by_hand}));
    world.aws.forget();
    let again = world.run().ok();
    assert_eq!(world.aws.changes(), ["ecs:UpdateService"]);
    let difference = "(task definition: task-web-production-pr1:2 -> task-web-production-pr1:3)";
    assert!(again.stderr.contains(difference), "{}", again.stderr);
}

#[test]
fn a_cluster_that_is_not_of_the_environment_is_refused_and_left_alone() {
    let world = World::new();
    let params = json!({"clusterName": "cluster-production-pr1"});
    world.aws.call("ecs", "create_cluster", params);
    world.aws.forget();
    let output = world.run();
    assert_eq!(output.code, 1);
    let why = "cluster cluster-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone";
    assert!(output.stderr.contains(why), "{}", output.stderr);
    let changes = world.aws.changes();
    assert_eq!(count(&changes, "ecs:CreateService"), 0);
    assert_eq!(count(&changes, "ecs:TagResource"), 0);
}

#[test]
fn a_service_that_is_not_of_the_environment_is_refused_and_left_alone() {
    let world = World::new();
    let record = world.run().ok().record("service", "web");
    world.untag(&record["arn"]);
    world.aws.forget();
    let output = world.run();
    assert_eq!(output.code, 1);
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let why = "mk-ecs-svc: service ";
    assert!(output.stderr.contains(why), "{}", output.stderr);
}

#[test]
fn a_revision_that_lost_our_tag_is_left_alone_and_followed_by_one_that_has_it() {
    let world = World::new();
    let record = world.run().ok().record("task_definition", "api");
    world.untag(&record["arn"]);
    let before = world.revision(&record["arn"]);
    world.aws.forget();
    let next = world.run().ok().record("task_definition", "api");
    let changes = ["ecs:RegisterTaskDefinition", "ecs:UpdateService"];
    assert_eq!(world.aws.changes(), changes);
    assert_ne!(next["arn"], record["arn"]);
    assert_eq!(world.revision(&record["arn"]), before);
}

/// What a target group that sends to web's container is in a service.
fn sending_to_web(target_group: &Value) -> Value {
    json!({"targetGroupArn": target_group, "containerName": "web", "containerPort": 5000})
}

#[test]
fn a_service_is_brought_back_from_another_platform_launch_type_or_load_balancer() {
    let world = World::new();
    let made = world.run().ok();
    let own = &made.record("listener", "web")["target_group"];
    let other = &made.record("listener", "api")["target_group"];
    let before = world.completed();
    let spot = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    world.aws.call(
        "ecs",
        "put_cluster_capacity_providers",
        json!({
            "cluster": "cluster-production-pr1", "capacityProviders": ["FARGATE_SPOT"],
            "defaultCapacityProviderStrategy": [],
        }),
    );
    let group = format!("target group: {} -> {}", text(other), text(own));
    for (settings, difference) in [
        (
            json!({"platformVersion": "1.3.0"}),
            "platform version: 1.3.0 -> LATEST",
        ),
        (
            json!({"capacityProviderStrategy": spot, "forceNewDeployment": true}),
            "launch type: FARGATE_SPOT -> FARGATE",
        ),
        (json!({"loadBalancers": [sending_to_web(other)]}), &group),
    ] {
        world.update_web(settings);
        world.completed();
        world.aws.forget();
        let mended = world.run().ok();
        assert_eq!(world.aws.changes(), ["ecs:UpdateService"], "{difference}");
        assert_eq!(changes_of(&mended.record("service", "web")), [difference]);
        is_same_service(&world.completed(), &before, difference);
        world.aws.forget();
        world.run().ok();
        let changes = world.aws.changes();
        assert_eq!(changes, Vec::<String>::new(), "{difference}");
    }
}

/// Whether a service is again as it was before something differed.
fn is_same_service(after: &Value, before: &Value, difference: &str) {
    for field in [
        "platformVersion",
        "launchType",
        "loadBalancers",
        "taskDefinition",
        "networkConfiguration",
    ] {
        assert_eq!(after[field], before[field], "{difference}: {field}");
    }
    let providers = after["capacityProviderStrategy"].as_array();
    assert_eq!(providers.map_or(0, Vec::len), 0);
}

#[test]
fn a_service_has_its_own_target_group_alone() {
    let world = World::new();
    let made = world.run().ok();
    let own = &made.record("listener", "web")["target_group"];
    let other = &made.record("listener", "api")["target_group"];
    let before = world.completed();
    // Another besides its own, whichever comes first, and none at all.
    for groups in [vec![own, other], vec![other, own], vec![]] {
        let balancers: Vec<Value> = groups.into_iter().map(sending_to_web).collect();
        world.update_web(json!({"loadBalancers": balancers}));
        world.completed();
        world.run().ok();
        assert_eq!(world.completed()["loadBalancers"], before["loadBalancers"]);
    }
}

/// Has web run a revision whose container has another value in a field; answers its ARN.
pub fn run_by_hand(world: &World, definition: &Value, field: &str, value: Value) -> Value {
    let mut definition = definition.clone();
    definition["containerDefinitions"][0][field] = value;
    let by_hand = world.register(&definition, identity());
    world.update_web(json!({"taskDefinition": by_hand}));
    world.completed();
    by_hand
}

/// In what web's task definition was found to differ, its tags aside.
fn run_and_compare(world: &World) -> Vec<String> {
    let mended = world.run().ok();
    let mut differences = changes_of(&mended.record("task_definition", "web"));
    differences.retain(|difference| !difference.starts_with("tag "));
    differences
}

#[test]
fn what_hands_added_to_a_task_definition_goes_and_is_told() {
    let world = World::new();
    world.run().ok();
    let wanted = world.task("web")["taskDefinition"].clone();
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x";
    let limit = json!({"name": "nofile", "softLimit": 64, "hardLimit": 64});
    let tmp = json!({"containerPath": "/tmp", "size": 64});
    let other_tmp = json!({"containerPath": "/var", "size": 64});
    let log = &wanted["containerDefinitions"][0]["logConfiguration"];
    let with_option = |option: &str, value: &str| {
        let mut log = log.clone();
        log["options"][option] = json!(value);
        log
    };
    let mut of_account = log.clone();
    let options = of_account["options"].as_object_mut().unwrap();
    options.retain(|option, _| option.starts_with("awslogs-"));
    for (field, value, difference) in [
        ("command", json!(["sleep", "1d"]), "command: set -> none"),
        ("entryPoint", json!(["sh"]), "entrypoint: set -> none"),
        ("user", json!("root"), "user: root -> none"),
        (
            "workingDirectory",
            json!("/srv"),
            "other settings: workingDirectory -> none",
        ),
        (
            "readonlyRootFilesystem",
            json!(false),
            "read-only root: false -> true",
        ),
        (
            "linuxParameters",
            json!({"initProcessEnabled": true}),
            "/tmp: none -> 64",
        ),
        (
            "linuxParameters",
            json!({"initProcessEnabled": true, "tmpfs": [tmp, other_tmp]}),
            "other settings: tmpfs -> none",
        ),
        (
            "secrets",
            json!([{"name": "PASSWORD", "valueFrom": secret}]),
            "secret PASSWORD: arn:aws:secretsmanager:us-east-1:123456789012:secret:x -> none",
        ),
        ("ulimits", json!([limit]), "open files: 64:64 -> none"),
        ("memory", json!(128), "container memory: 128 -> none"),
        (
            "dockerLabels",
            json!({"plumbline.variables": "ApiAddress Braces", "theirs": "x"}),
            "other settings: dockerLabels -> none",
        ),
        (
            "dockerLabels",
            json!({"plumbline.variables": "ApiAddress"}),
            "label of the variables: ApiAddress -> ApiAddress Braces",
        ),
        (
            "logConfiguration",
            with_option("awslogs-datetime-format", "%H"),
            "other settings: log options -> none",
        ),
        (
            "logConfiguration",
            of_account,
            "log mode: none -> non-blocking 25m",
        ),
        (
            "logConfiguration",
            with_option("max-buffer-size", "1m"),
            "log mode: non-blocking 1m -> non-blocking 25m",
        ),
        (
            "logConfiguration",
            with_option("awslogs-region", "eu-west-1"),
            "log region: eu-west-1 -> us-east-1",
        ),
        (
            "portMappings",
            json!([{"containerPort": 5000, "protocol": "udp"}]),
            "port: 5000/udp -> 5000/tcp",
        ),
    ] {
        let by_hand = run_by_hand(&world, &wanted, field, value);
        assert_eq!(run_and_compare(&world), [difference], "{field}");
        assert_ne!(world.completed()["taskDefinition"], by_hand, "{field}");
        assert_eq!(
            world.task("web")["taskDefinition"]["containerDefinitions"],
            wanted["containerDefinitions"],
            "{field}"
        );
    }
    world.is_as_wanted();
}

#[test]
fn what_hands_said_as_it_is_by_default_stays() {
    let world = World::new();
    world.run().ok();
    let wanted = world.task("web")["taskDefinition"].clone();
    for (field, value) in [("essential", json!(true)), ("cpu", json!(0))] {
        let by_hand = run_by_hand(&world, &wanted, field, value);
        assert_eq!(run_and_compare(&world), Vec::<String>::new(), "{field}");
        assert_eq!(world.completed()["taskDefinition"], by_hand, "{field}");
    }
    world.is_as_wanted();
}
