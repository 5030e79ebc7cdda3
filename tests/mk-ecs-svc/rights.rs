//! The role of an app's tasks, the file systems that need it, and secrets whose values change.

use support::{Value, json};

use crate::world::{World, changes_of};

/// Has mk-role's part of the stream name web's task role; answers its ARN.
fn with_task_role(world: &mut World) -> Value {
    let name = "role-task-web-us-east-1-production-pr1";
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole",
    }]});
    let params = json!({
        "RoleName": name, "Path": "/plumbline/us-east-1/production-pr1/",
        "AssumeRolePolicyDocument": trust.to_string(),
    });
    let arn = world.aws.call("iam", "create_role", params)["Role"]["Arn"].clone();
    let record = json!({"type": "role", "name": "task/web", "arn": arn, "policy": "task"});
    world.input.push(record);
    arn
}

fn task_role(world: &World) -> Value {
    world.task("web")["taskDefinition"]["taskRoleArn"].clone()
}

#[test]
fn an_app_with_rights_gets_its_role_and_loses_it_without_them() {
    let mut world = World::new();
    world.run().ok();
    let role = with_task_role(&mut world);
    world.is_as_wanted(); // nobody asked for it
    let statement =
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
    world.set("app", "web", "allow", json!([statement]));
    let given = world.run().ok();
    let changes = changes_of(&given.record("task_definition", "web"));
    assert_eq!(
        changes,
        [format!("task role: none -> {}", role.as_str().unwrap())]
    );
    assert!(!given.stderr.contains("by hand"), "{}", given.stderr);
    assert_eq!(task_role(&world), role);
    world.is_as_wanted();
    world.completed();
    world
        .record("app", "web")
        .as_object_mut()
        .unwrap()
        .remove("allow");
    let taken = world.run().ok();
    let changes = changes_of(&taken.record("task_definition", "web"));
    assert_eq!(
        changes,
        [format!("task role: {} -> none", role.as_str().unwrap())]
    );
    assert_eq!(task_role(&world), Value::Null);
    world.is_as_wanted();
}

#[test]
fn rights_replace_the_role_that_somebody_gave_by_hand() {
    let mut world = World::new();
    world.run().ok();
    let mut by_hand = world.task("web")["taskDefinition"].clone();
    by_hand["taskRoleArn"] = json!("arn:aws:iam::123456789012:role/theirs");
    let by_hand = world.register(&by_hand, crate::world::identity());
    world.update_web(json!({"taskDefinition": by_hand}));
    world.completed();
    let role = with_task_role(&mut world);
    let statement =
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
    world.set("app", "web", "allow", json!([statement]));
    let given = world.run().ok();
    let line = "task role: arn:aws:iam::123456789012:role/theirs -> ";
    assert!(given.stderr.contains(line), "{}", given.stderr);
    assert_eq!(task_role(&world), role);
}

#[test]
fn an_app_with_rights_waits_for_its_role() {
    let mut world = World::new();
    let statement =
        json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"});
    world.set("app", "web", "allow", json!([statement]));
    let lacking = world.run();
    assert_eq!(lacking.code, 65);
    assert!(lacking.stderr.contains("task/web"), "{}", lacking.stderr);
}

#[test]
fn a_file_system_is_mounted_encrypted_and_with_the_role() {
    let mut world = World::new();
    world.run().ok();
    let before = world.task("web")["taskDefinition"].clone();
    let role = with_task_role(&mut world);
    let mounts = json!(["fs-0a1b2c3d:/x=/data:ro", "fs-0a1b2c3d@fsap-0a1b2c3d=/more"]);
    world.set("app", "web", "mounts", mounts.clone());
    world.set("app", "web", "reach", json!(["tcp:2049=sg-0a1b2c3d"]));
    let made = world.run().ok();
    let changes = changes_of(&made.record("task_definition", "web"));
    assert_eq!(
        changes[1],
        "mounts: none -> fs-0a1b2c3d:/x=/data:ro fs-0a1b2c3d@fsap-0a1b2c3d=/more"
    );
    let definition = world.task("web")["taskDefinition"].clone();
    assert_eq!(definition["taskRoleArn"], role);
    let first = &definition["volumes"][0]["efsVolumeConfiguration"];
    assert_eq!(first["transitEncryption"], "ENABLED");
    assert_eq!(first["authorizationConfig"]["iam"], "ENABLED");
    assert_eq!(first["rootDirectory"], "/x");
    let second = &definition["volumes"][1]["efsVolumeConfiguration"];
    assert_eq!(
        second["authorizationConfig"]["accessPointId"],
        "fsap-0a1b2c3d"
    );
    let points = &definition["containerDefinitions"][0]["mountPoints"];
    assert_eq!(
        points[0],
        json!({"sourceVolume": "efs-1", "containerPath": "/data", "readOnly": true})
    );
    world.is_as_wanted();
    world.completed();
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("app", "web")["mounts"], mounts);

    // Somebody's hand took the encryption away.
    let mut by_hand = definition.clone();
    let volume = &mut by_hand["volumes"][0]["efsVolumeConfiguration"];
    volume["transitEncryption"] = json!("DISABLED");
    volume["authorizationConfig"] = json!({"iam": "DISABLED"});
    let by_hand = world.register(&by_hand, crate::world::identity());
    world.update_web(json!({"taskDefinition": by_hand}));
    world.completed();
    let mended = world.run().ok();
    let line = "mounts: fs-0a1b2c3d:/x=/data:ro (unencrypted) (without IAM) ";
    assert!(mended.stderr.contains(line), "{}", mended.stderr);
    assert_eq!(
        world.task("web")["taskDefinition"]["volumes"],
        definition["volumes"]
    );

    world
        .record("app", "web")
        .as_object_mut()
        .unwrap()
        .remove("mounts");
    world.run().ok();
    let after = &world.task("web")["taskDefinition"];
    for part in ["containerDefinitions", "volumes", "taskRoleArn"] {
        assert_eq!(after.get(part), before.get(part), "{part}");
    }
}

#[test]
fn another_value_of_a_secret_is_deployed_where_the_app_says_so() {
    let mut world = World::new();
    world.set("app", "web", "secrets", json!({"A": "/a"}));
    world.set("role", "execution/web", "secrets", json!("v1"));
    world.run().ok();
    world.set("role", "execution/web", "secrets", json!("v2"));
    world.is_as_wanted();

    world.set("app", "web", "restart_on_change", json!(true));
    world.run().ok();
    world.completed();
    world.is_as_wanted();
    world.set("role", "execution/web", "secrets", json!("v3"));
    let changed = world.run().ok();
    let changes = changes_of(&changed.record("task_definition", "web"));
    assert_eq!(changes, ["values of the secrets: set -> changed"]);
    assert_eq!(changed.record("service", "web")["change"], "updated");
    world.completed();
    world.is_as_wanted();

    // Nobody has looked at the secrets: what ls-env reads back changes nothing.
    let role = world
        .record("role", "execution/web")
        .as_object_mut()
        .unwrap();
    role.remove("secrets");
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("app", "web")["restart_on_change"], true);
    world.aws.forget();
    world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
}
