//! Task definitions: a revision that somebody registered by hand, and a service that runs another.

use support::{Value, changed_fields, json};

use crate::world::{Call, World, ecs};

#[test]
fn a_revision_that_hands_registered_is_followed_by_one_as_wanted() {
    let world = World::services();
    let wanted = definition(&world, &world.id("task_definition", "web"));
    let theirs = ecs("register_task_definition", another(&world, &wanted));
    let theirs = world.call(theirs)["taskDefinition"]["taskDefinitionArn"].clone();
    world.call(run_revision(&world, &theirs));
    every_field_is_brought_into_line(&world, &wanted);
    world.run_changes_nothing();
    the_newest_revision_runs_again(&world);
    a_service_that_is_gone_is_made_again(&world);
}

/// A revision that differs from the wanted one in all that the tool sets.
fn another(world: &World, wanted: &Value) -> Value {
    let mut container = wanted["containerDefinitions"][0].clone();
    container["image"] = json!("registry.example/other:1");
    container["portMappings"] =
        json!([5000, 6000].map(|port| json!({"containerPort": port, "protocol": "tcp"})));
    container["environment"] = json!([{"name": "THEIRS", "value": "x"}]);
    container["stopTimeout"] = json!(5);
    container["linuxParameters"] = json!({"initProcessEnabled": false});
    container["healthCheck"] = json!({"command": ["CMD-SHELL", "true"]});
    container["logConfiguration"]["options"] = json!({"awslogs-group": "/ecs/production-pr1/api", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "theirs"});
    json!({
        "family": wanted["family"],
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "512",
        "memory": "2048",
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "executionRoleArn": world.id("role", "execution/api"),
        "containerDefinitions": [container],
        "tags": [{"key": "plumbline:env", "value": "production-pr1"}],
    })
}

fn every_field_is_brought_into_line(world: &World, wanted: &Value) {
    let done = world.aws.pipe(&world.up).ok();
    let record = done.record("task_definition", "web");
    assert_eq!(
        changed_fields(&record),
        [
            "image",
            "port",
            "cpu",
            "memory",
            "architecture",
            "execution role",
            "log group",
            "init process",
            "log stream prefix",
            "log mode",
            "/tmp",
            "stop timeout",
            "check",
            "environment ASPNETCORE_URLS",
            "environment ApiAddress",
            "environment THEIRS",
        ]
    );
    let runs = world.get(&describe(world), "/services/0/taskDefinition");
    let now = definition(world, &runs);
    for field in [
        "containerDefinitions",
        "cpu",
        "memory",
        "executionRoleArn",
        "runtimePlatform",
        "networkMode",
    ] {
        assert_eq!(now[field], wanted[field], "{field}");
    }
}

/// A service that somebody set back to the first revision runs the newest again.
fn the_newest_revision_runs_again(world: &World) {
    world.mends(
        &[run_revision(world, &json!("task-web-production-pr1:1"))],
        describe(world),
        "/services/0/taskDefinition",
        json!({"service web": [["task definition", "task-web-production-pr1:1", "task-web-production-pr1:3"]]}),
    );
}

fn a_service_that_is_gone_is_made_again(world: &World) {
    let service = json!({"cluster": world.id("cluster", "main"), "service": world.id("service", "web"), "force": true});
    world.call(ecs("delete_service", service));
    world.run_reports(json!({"service web": "created"}));
    world.run_changes_nothing();
}

fn definition(world: &World, arn: &Value) -> Value {
    let get = ecs("describe_task_definition", json!({"taskDefinition": arn}));
    world.get(&get, "/taskDefinition")
}

fn run_revision(world: &World, revision: &Value) -> Call<'static> {
    let set = json!({"cluster": world.id("cluster", "main"), "service": world.id("service", "web"), "taskDefinition": revision});
    ecs("update_service", set)
}

fn describe(world: &World) -> Call<'static> {
    let service = world.id("service", "web");
    let get = json!({"cluster": world.id("cluster", "main"), "services": [service]});
    ecs("describe_services", get)
}
