//! Every option of an app's containers: made, unchanged by a second run, read back, changed, and taken
//! away by leaving it out.

use support::{Value, json, text};

use crate::world::{World, changes_of, identity};

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123";

/// In what web's task definition was told to differ.
fn told(world: &World) -> Vec<String> {
    let done = world.run().ok();
    changes_of(&done.record("task_definition", "web"))
}

fn own(world: &World) -> Value {
    world.task("web")["taskDefinition"]["containerDefinitions"][0].clone()
}

/// An option's field, its value and another one; where it is in web's task definition, what is there
/// then, and what is told of it.
type Case<'a> = (&'a str, Value, Value, &'a str, Value, &'a str);

fn cases() -> Vec<Case<'static>> {
    let own = "/containerDefinitions/0";
    let at = |path: &str| -> &'static str { format!("{own}{path}").leak() };
    vec![
        (
            "command",
            json!(["serve"]),
            json!(["serve", "-v"]),
            at("/command"),
            json!(["serve"]),
            "command: none -> set",
        ),
        (
            "entrypoint",
            json!(["/app"]),
            json!(["/b"]),
            at("/entryPoint"),
            json!(["/app"]),
            "entrypoint: none -> set",
        ),
        (
            "user",
            json!("1000"),
            json!("1000:1"),
            at("/user"),
            json!("1000"),
            "user: none -> 1000",
        ),
        (
            "tmp",
            json!(128),
            json!(256),
            at("/linuxParameters/tmpfs/0/size"),
            json!(128),
            "/tmp: 64 -> 128",
        ),
        (
            "own_init",
            json!(true),
            Value::Null,
            at("/linuxParameters/initProcessEnabled"),
            json!(false),
            "init process: true -> false",
        ),
        (
            "stop_timeout",
            json!(60),
            json!(90),
            at("/stopTimeout"),
            json!(60),
            "stop timeout: 30 -> 60",
        ),
        (
            "storage",
            json!(30),
            json!(40),
            "/ephemeralStorage/sizeInGiB",
            json!(30),
            "storage: none -> 30",
        ),
        (
            "ulimits",
            json!({"nofile": "64:128"}),
            json!({"nofile": "64:256"}),
            at("/ulimits"),
            json!([{"name": "nofile", "softLimit": 64, "hardLimit": 128}]),
            "open files: none -> 64:128",
        ),
        (
            "logs",
            json!("blocking"),
            Value::Null,
            at("/logConfiguration/options/mode"),
            json!("blocking"),
            "log mode: non-blocking 25m -> blocking",
        ),
        (
            "secrets",
            json!({"A": SECRET}),
            json!({"A": "/a"}),
            at("/secrets"),
            json!([{"name": "A", "valueFrom": SECRET}]),
            "secret A: none -> arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123",
        ),
        (
            "env_files",
            json!(["arn:aws:s3:::b/a.env"]),
            json!(["arn:aws:s3:::b/b.env"]),
            at("/environmentFiles"),
            json!([{"value": "arn:aws:s3:::b/a.env", "type": "s3"}]),
            "environment files: none -> arn:aws:s3:::b/a.env",
        ),
        (
            "live",
            json!("/live"),
            json!("/alive"),
            at("/healthCheck/startPeriod"),
            json!(60),
            "live: none -> /live, after 60 s",
        ),
    ]
}

#[test]
fn each_option_is_made_kept_read_back_changed_and_taken_away() {
    let mut world = World::new();
    world.run().ok();
    let before = world.task("web")["taskDefinition"].clone();
    for (field, value, other, place, there, difference) in cases() {
        world.set("app", "web", field, value.clone());
        world.set("env", "production-pr1", "plan", json!(true));
        assert_eq!(told_by_plan(&world), [difference], "{field}");
        world.set("env", "production-pr1", "plan", json!(false));
        assert_eq!(told(&world), [difference], "{field}");
        let made = world.task("web")["taskDefinition"].clone();
        assert_eq!(made.pointer(place), Some(&there), "{field}: {made}");
        world.is_as_wanted();
        world.completed();
        let listed = world.aws.pipe("ls-env --env production-pr1").ok();
        assert_eq!(listed.record("app", "web")[field], value, "{field}");
        assert_eq!(listed.stderr, "", "{field}");
        world.aws.forget();
        world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
        assert_eq!(world.aws.changes(), Vec::<String>::new(), "{field}");
        if other != Value::Null {
            world.set("app", "web", field, other);
            assert_eq!(told(&world).len(), 1, "{field}");
        }
        world
            .record("app", "web")
            .as_object_mut()
            .unwrap()
            .remove(field);
        assert_eq!(told(&world).len(), 1, "{field}");
        let after = &world.task("web")["taskDefinition"];
        for part in ["containerDefinitions", "volumes", "ephemeralStorage"] {
            assert_eq!(after.get(part), before.get(part), "{field}");
        }
    }
}

fn told_by_plan(world: &World) -> Vec<String> {
    let planned = world.run().would_change();
    changes_of(&planned.record("task_definition", "web"))
}

#[test]
fn an_app_that_writes_elsewhere_says_so() {
    let mut world = World::new();
    world.run().ok();
    world.set("app", "web", "writable", json!(true));
    assert_eq!(
        told(&world),
        ["read-only root: true -> false", "/tmp: 64 -> none"]
    );
    let container = own(&world);
    assert_eq!(container.get("readonlyRootFilesystem"), None);
    assert_eq!(
        container["linuxParameters"],
        json!({"initProcessEnabled": true})
    );
    world.completed();
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("app", "web")["writable"], true);
    world.is_as_wanted();
}

#[test]
fn an_environment_of_the_version_before_gets_one_revision_that_is_rolled_out() {
    let world = World::new();
    world.run().ok();
    let mut old = world.task("web")["taskDefinition"].clone();
    let container = &mut old["containerDefinitions"][0];
    container["readonlyRootFilesystem"] = json!(false);
    container["linuxParameters"] = json!({"initProcessEnabled": true});
    let options = container["logConfiguration"]["options"]
        .as_object_mut()
        .unwrap();
    options.retain(|option, _| option.starts_with("awslogs-"));
    let old = world.register(&old, identity());
    world.update_web(json!({"taskDefinition": old}));
    world.completed();
    world.tag(&old, "plumbline:app", "web");
    assert_eq!(
        changes_of(&world.run().ok().record("task_definition", "web"))
            .into_iter()
            .filter(|change| !change.starts_with("tag "))
            .collect::<Vec<_>>(),
        [
            "log mode: none -> non-blocking 25m",
            "read-only root: false -> true",
            "/tmp: none -> 64"
        ]
    );
    world.completed();
    world.is_as_wanted();
}

/// Gives web two containers beside it.
fn with_sidecars(world: &mut World) {
    let containers = json!([
        {"name": "proxy", "image": "registry.example/proxy:1", "set": {"Api": "http://{alb.api.dns}/", "B": "2"},
         "secrets": {"C": "/c"}, "check": "true", "user": "101", "memory": 64, "after": {"init": "SUCCESS"}},
        {"name": "init", "image": "registry.example/init:1", "command": ["migrate"], "essential": false, "writable": true},
    ]);
    world.set("app", "web", "containers", containers);
    world.set("app", "web", "after", json!({"proxy": "HEALTHY"}));
}

#[test]
fn containers_beside_an_app_are_made_read_back_and_taken_away() {
    let mut world = World::new();
    world.run().ok();
    let before = world.task("web")["taskDefinition"].clone();
    with_sidecars(&mut world);
    assert_eq!(
        told(&world),
        [
            "containers: web -> web init proxy",
            "after: none -> proxy HEALTHY"
        ]
    );
    let made = world.task("web")["taskDefinition"]["containerDefinitions"].clone();
    let [web, init, proxy] = made.as_array().unwrap().as_slice() else {
        panic!("{made}");
    };
    assert_eq!(
        web["dependsOn"],
        json!([{"containerName": "proxy", "condition": "HEALTHY"}])
    );
    assert_eq!(
        proxy["dependsOn"],
        json!([{"containerName": "init", "condition": "SUCCESS"}])
    );
    let dns = text(&world.find("alb", "api")["dns"]).to_string();
    assert_eq!(
        proxy["environment"],
        json!([{"name": "Api", "value": format!("http://{dns}/")}, {"name": "B", "value": "2"}])
    );
    assert_eq!(
        (&proxy["memory"], &proxy["user"]),
        (&json!(64), &json!("101"))
    );
    assert_eq!(proxy["secrets"], json!([{"name": "C", "valueFrom": "/c"}]));
    let log = &proxy["logConfiguration"]["options"];
    assert_eq!(log["awslogs-group"], "/production-pr1/web");
    assert_eq!(log["awslogs-stream-prefix"], "proxy");
    assert_eq!(
        (&init["essential"], &init["command"]),
        (&json!(false), &json!(["migrate"]))
    );
    assert_eq!(proxy["readonlyRootFilesystem"], true);
    assert_eq!(init.get("readonlyRootFilesystem"), None);
    world.is_as_wanted();
    world.completed();
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.stderr, "");
    world.aws.forget();
    world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());

    world.record("app", "web")["containers"][0]["set"]["B"] = json!("secret");
    assert_eq!(
        told(&world),
        ["container proxy: environment B: set -> changed"]
    );
    let web = world.record("app", "web").as_object_mut().unwrap();
    web.remove("containers");
    web.remove("after");
    told(&world);
    let after = &world.task("web")["taskDefinition"];
    assert_eq!(
        after["containerDefinitions"],
        before["containerDefinitions"]
    );
}

#[test]
fn a_sidecar_that_hands_changed_is_brought_back() {
    let mut world = World::new();
    with_sidecars(&mut world);
    world.run().ok();
    let wanted = world.task("web")["taskDefinition"].clone();
    for (field, value, difference) in [
        (
            "image",
            json!("x:1"),
            "container proxy: image: x:1 -> registry.example/proxy:1",
        ),
        (
            "essential",
            json!(false),
            "container proxy: essential: false -> true",
        ),
        (
            "memory",
            json!(128),
            "container proxy: container memory: 128 -> 64",
        ),
        (
            "portMappings",
            json!([{"containerPort": 80}]),
            "container proxy: port: 80/tcp -> none",
        ),
        ("privileged", json!(false), ""),
    ] {
        let mut by_hand = wanted.clone();
        by_hand["containerDefinitions"][2][field] = value;
        let by_hand = world.register(&by_hand, identity());
        world.update_web(json!({"taskDefinition": by_hand}));
        world.completed();
        let mut told = told(&world);
        told.retain(|change| !change.starts_with("tag "));
        assert_eq!(told.join("; "), difference, "{field}");
    }
}
