//! What is made: a cluster, and for each app a task definition and a service.

use support::{Value, json, tags, text};

use crate::world::World;

#[test]
fn it_makes_a_cluster_and_a_service_for_each_app_and_a_second_run_changes_nothing() {
    let world = World::new();
    let made = world.run().ok();
    assert_eq!(world.aws.calls().len(), 12, "{:?}", world.aws.calls());
    let cluster = made.record("cluster", "main");
    assert_eq!(
        cluster["arn"],
        "arn:aws:ecs:us-east-1:123456789012:cluster/cluster-production-pr1"
    );
    assert_eq!(made.record("service", "web")["count"], 2);
    assert_eq!(made.record("service", "web")["cluster"], cluster["arn"]);
    assert_eq!(
        made.record("task_definition", "web")["image"],
        "registry.example/web:1"
    );
    let params = json!({"clusters": [cluster["arn"]], "include": ["TAGS"]});
    let clusters = world.aws.call("ecs", "describe_clusters", params);
    assert_eq!(
        tags(&clusters["clusters"][0]["tags"])["plumbline:env"],
        "production-pr1"
    );

    world.aws.forget();
    let again = world.run().ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(world.aws.calls().len(), 7, "{:?}", world.aws.calls());
    let nothing = "mk-ecs-svc: nothing to change (5 kept)";
    assert!(again.stderr.contains(nothing), "{}", again.stderr);
}

#[test]
fn a_task_definition_says_all_that_was_asked_for() {
    let world = World::new();
    let made = world.run().ok();
    let task = world.task("web");
    let definition = &task["taskDefinition"];
    assert_eq!(
        definition["taskDefinitionArn"],
        made.record("task_definition", "web")["arn"]
    );
    assert_eq!(definition["cpu"], "256");
    assert_eq!(definition["memory"], "512");
    assert_eq!(definition["networkMode"], "awsvpc");
    assert_eq!(definition["requiresCompatibilities"], json!(["FARGATE"]));
    assert_eq!(
        definition["runtimePlatform"],
        json!({"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"})
    );
    assert_eq!(
        definition["executionRoleArn"],
        made.record("role", "execution/web")["arn"]
    );
    assert_eq!(definition.get("taskRoleArn"), None);
    let task_tags = tags(&task["tags"]);
    assert_eq!(task_tags["plumbline:env"], "production-pr1");
    assert_eq!(task_tags["Team"], "devops");
}

#[test]
fn a_task_has_one_container_that_is_as_asked_for() {
    let world = World::new();
    let made = world.run().ok();
    let definition = world.task("web")["taskDefinition"].clone();
    let containers = definition["containerDefinitions"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    let container = &containers[0];
    assert_eq!(container["name"], "web");
    assert_eq!(container["image"], "registry.example/web:1");
    assert_eq!(container["essential"], true);
    assert_eq!(container["stopTimeout"], 30);
    assert_eq!(
        container["portMappings"],
        json!([{"containerPort": 5000, "hostPort": 5000, "protocol": "tcp"}])
    );
    assert_eq!(container["readonlyRootFilesystem"], true);
    assert_eq!(
        container["linuxParameters"],
        json!({"initProcessEnabled": true, "tmpfs": [{"containerPath": "/tmp", "size": 64}]})
    );
    for not_said in [
        "command",
        "user",
        "secrets",
        "ulimits",
        "dependsOn",
        "healthCheck",
    ] {
        assert_eq!(container.get(not_said), None, "{not_said}");
    }
    assert_eq!(definition.get("ephemeralStorage"), None);
    let dns = text(&made.record("alb", "api")["dns"]).to_string();
    let address = format!("http://{dns}/WeatherForecast");
    assert_eq!(
        container["environment"],
        json!([{"name": "ApiAddress", "value": address}, {"name": "Braces", "value": "{}"}])
    );
    let options = json!({
        "awslogs-group": "/production-pr1/web",
        "awslogs-region": "us-east-1",
        "awslogs-stream-prefix": "web",
        "mode": "non-blocking",
        "max-buffer-size": "25m",
    });
    assert_eq!(
        container["logConfiguration"],
        json!({"logDriver": "awslogs", "options": options})
    );
}

#[test]
fn a_service_says_all_that_was_asked_for() {
    let world = World::new();
    let made = world.run().ok();
    let service = world.service("web");
    assert_eq!(service["launchType"], "FARGATE");
    assert_eq!(service["platformVersion"], "LATEST");
    assert_eq!(service["desiredCount"], 2);
    assert_eq!(
        service["taskDefinition"],
        made.record("service", "web")["task_definition"]
    );
    let network = &service["networkConfiguration"]["awsvpcConfiguration"];
    let vpc = made.record("vpc", "main");
    assert_eq!(network["subnets"], vpc["private_subnets"]);
    assert_eq!(network["assignPublicIp"], "DISABLED");
    assert_eq!(
        network["securityGroups"],
        json!([made.record("sg", "task/web")["id"]])
    );
    let target_group = &made.record("listener", "web")["target_group"];
    assert_eq!(
        service["loadBalancers"],
        json!([{"targetGroupArn": target_group, "containerName": "web", "containerPort": 5000}])
    );
    assert_eq!(service["healthCheckGracePeriodSeconds"], 60);
    let deployment = &service["deploymentConfiguration"];
    assert_eq!(
        deployment["deploymentCircuitBreaker"],
        json!({"enable": true, "rollback": true})
    );
    assert_eq!(deployment["minimumHealthyPercent"], 100);
    assert_eq!(deployment["maximumPercent"], 200);
    assert_eq!(service["availabilityZoneRebalancing"], "ENABLED");
    assert_eq!(service["propagateTags"], "SERVICE");
    assert_eq!(service["enableECSManagedTags"], true);
    let role = text(&service["roleArn"]); // none was asked for, so it is ECS's own
    assert!(role.ends_with("/AWSServiceRoleForECS"), "{role}");
    let service_tags = tags(&service["tags"]);
    assert_eq!(service_tags["plumbline:env"], "production-pr1");
    assert_eq!(service_tags["Team"], "devops");
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let mut world = World::new();
    world.set("env", "production-pr1", "plan", json!(true));
    let planned = world.run().would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("service", "web")["change"], "create");
    assert_eq!(
        planned.record("task_definition", "web")["arn"],
        "planned:task-web-production-pr1"
    );
    world.set("env", "production-pr1", "plan", json!(false));
    let made = world.run().ok();
    assert_eq!(planned.keys(), made.keys());

    world.set("env", "production-pr1", "plan", json!(true));
    world.set("app", "web", "image", json!("registry.example/web:2"));
    world.aws.forget();
    let planned = world.run().would_change();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("task_definition", "web")["change"], "update");
    assert_eq!(planned.record("service", "web")["change"], "update");
    assert_eq!(planned.record("service", "api")["change"], "kept");
}

#[test]
fn a_check_in_the_container_may_fail_while_the_app_starts() {
    let mut world = World::new();
    let command = "wget -q -O /dev/null http://localhost:5000/";
    world.set("app", "web", "check", json!(command));
    let made = world.run().ok();
    let revision = world.revision(&made.record("task_definition", "web")["arn"]);
    let check = &revision["taskDefinition"]["containerDefinitions"][0]["healthCheck"];
    assert_eq!(check["command"], json!(["CMD-SHELL", command]));
    assert_eq!(check["startPeriod"], 60);
    world.is_as_wanted();
}

#[test]
fn a_reference_to_nothing_is_bad_input() {
    for (value, why) in [
        (
            "{alb.apo.dns}",
            "mk-ecs-svc: app 'web' sets X from {alb.apo.dns}, but no alb record 'apo' is on stdin",
        ),
        (
            "{alb.api.port}",
            "mk-ecs-svc: app 'web' sets X from {alb.api.port}, but alb 'api' has no text 'port'",
        ),
    ] {
        let mut world = World::new();
        world.set("app", "web", "set", json!({"X": value}));
        let output = world.run();
        assert_eq!(output.code, 65);
        assert!(output.stderr.contains(why), "{}", output.stderr);
    }
}

#[test]
fn what_ls_env_finds_makes_the_same_again() {
    let mut world = World::new();
    for (field, value) in [
        ("cpu", json!(1024)),
        ("memory", json!(2048)),
        ("grace", json!(30)),
        ("architecture", json!("ARM64")),
    ] {
        world.set("app", "web", field, value);
    }
    world.run().ok();
    let found = world.aws.pipe("ls-env --env production-pr1").ok();
    let app: Value = found.record("app", "web");
    assert_eq!(app["cpu"], 1024);
    assert_eq!(app["memory"], 2048);
    assert_eq!(app["grace"], 30);
    assert_eq!(app["count"], 2);
    assert_eq!(app["architecture"], "ARM64");
    assert_eq!(app["image"], "registry.example/web:1");
    assert_eq!(app["port"], 5000);
    let listed = world.listed();
    world.aws.forget();
    let again = world.aws.pipe_with("mk-ecs-svc", &listed).ok();
    let changes = world.aws.changes();
    assert_eq!(changes, Vec::<String>::new(), "{}", again.stderr);
    let nothing = "nothing to change (5 kept)";
    assert!(again.stderr.contains(nothing), "{}", again.stderr);
}
