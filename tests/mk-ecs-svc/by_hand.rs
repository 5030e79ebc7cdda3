//! What a revision says that somebody registered by hand is listed, deployed and taken back, whatever it
//! is: AWS has taken it.

use support::{Output, Value, json};

use crate::world::{World, changes_of, identity};

const LIST: &str = "ls-env --env production-pr1";

/// Variables that ECS takes and that have a meaning to shells, to JSON or to references.
fn odd_variables() -> Vec<(&'static str, String)> {
    vec![
        ("spring.datasource.url", "jdbc:postgresql://db/x?a=b".into()),
        ("discovery.type", "single-node".into()),
        ("1 st-%20", "100%".into()),
        ("grün", "工具 🎉\n\t\"'\\".into()),
        ("Name", "${spring.application.name}".into()),
        (
            "Template",
            r"\{alb.api.dns}\\{alb.api.dns}{{a.b.c}}{}".into(),
        ),
        ("Long", "x".repeat(30_000)),
        ("Empty", String::new()),
    ]
}

/// Registers what web runs with a change of its containers and of itself, without our label, and has web
/// run it; answers its ARN.
fn run_by_hand(world: &World, change: impl Fn(&mut Value)) -> Value {
    let mut definition = world.task("web")["taskDefinition"].clone();
    let container = definition["containerDefinitions"][0].as_object_mut();
    container.unwrap().remove("dockerLabels");
    change(&mut definition);
    let by_hand = world.register(&definition, identity());
    world.update_web(json!({"taskDefinition": by_hand}));
    world.until_it_runs(&by_hand);
    by_hand
}

fn list(world: &World) -> Output {
    world.aws.pipe(LIST).ok()
}

#[test]
fn variables_of_any_name_are_listed_deployed_and_taken_back() {
    let world = World::new();
    world.run().ok();
    let mut environment = Vec::new();
    for (name, value) in odd_variables() {
        environment.push(json!({"name": name, "value": value}));
    }
    let by_hand = run_by_hand(&world, |definition| {
        definition["containerDefinitions"][0]["environment"] = json!(environment);
    });
    let listed = list(&world);
    assert_eq!(listed.stderr, "");
    let set = &listed.record("app", "web")["set"];
    assert_eq!(set["discovery.type"], "single-node");
    assert_eq!(set["Name"], r"$\{spring.application.name}");

    // Nothing is brought into line but tags.
    world.aws.forget();
    let kept = world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok();
    let record = kept.record("task_definition", "web");
    let mut changes = changes_of(&record);
    changes.retain(|change| !change.starts_with("tag "));
    assert_eq!(changes, Vec::<String>::new());
    assert_eq!(record["arn"], by_hand);

    let deploy = "mk-ecs-svc --image web=registry.example/web:2";
    let deployed = world.aws.pipe_with(deploy, &world.listed()).ok();
    let revision = world.revision(&deployed.record("task_definition", "web")["arn"]);
    let runs = &revision["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(runs["image"], "registry.example/web:2");
    for (name, value) in odd_variables() {
        let variable = json!({"name": name, "value": value});
        let all = runs["environment"].as_array().unwrap();
        assert!(all.contains(&variable), "{name}: {runs}");
    }
    world.completed();
    world.aws.forget();
    world.aws.pipe_with("mk-ecs-svc", &world.listed()).ok(); // the label of the names is read again
    assert_eq!(world.aws.changes(), Vec::<String>::new());

    let back = world
        .aws
        .pipe_with("mk-ecs-svc --rollback web", &world.listed());
    assert_eq!(
        back.ok().record("service", "web")["task_definition"],
        by_hand
    );
}

#[test]
fn whatever_else_hands_registered_is_listed_or_told_and_can_be_taken_back() {
    let mut world = World::new();
    world.run().ok();
    let first = world.completed()["taskDefinition"].clone();
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:x";
    let cases: [(Value, Value, &str); 6] = [
        (
            json!({"/containerDefinitions/0/image": "ghcr.io/Owner/Web:1"}),
            json!({"image": "ghcr.io/Owner/Web:1"}),
            "",
        ),
        (
            json!({"/cpu": "300", "/memory": "700", "/requiresCompatibilities": ["EC2"]}),
            json!({"cpu": 300, "memory": 700}),
            "",
        ),
        (
            json!({"/cpu": "1 vCPU", "/memory": "2 GB"}),
            json!({"cpu": 1024, "memory": 2048}),
            "",
        ),
        (
            json!({"/containerDefinitions/0/portMappings": []}),
            json!({"port": 5000}),
            "",
        ),
        (
            json!({"/containerDefinitions/0/secrets": [{"name": "A", "valueFrom": secret}]}),
            json!({"secrets": {"A": secret}}),
            "",
        ),
        (
            json!({"/containerDefinitions/0/healthCheck": {"command": ["CMD", "curl", "a b"]}}),
            json!({"check": "curl 'a b'"}),
            "check without a shell",
        ),
    ];
    for (changes, fields, told) in cases {
        run_by_hand(&world, |definition| {
            for (pointer, value) in changes.as_object().unwrap() {
                let (parent, field) = pointer.rsplit_once('/').unwrap();
                definition.pointer_mut(parent).unwrap()[field] = value.clone();
            }
        });
        let listed = list(&world);
        let app = listed.record("app", "web");
        for (field, value) in fields.as_object().unwrap() {
            assert_eq!(app[field], *value, "{changes}: {listed:?}");
        }
        assert!(listed.stderr.contains(told), "{changes}: {}", listed.stderr);
        assert_eq!(
            told.is_empty(),
            listed.stderr.is_empty(),
            "{changes}: {}",
            listed.stderr
        );
        let back = world
            .aws
            .pipe_with("mk-ecs-svc --rollback web", &world.listed());
        assert_eq!(
            back.ok().record("service", "web")["task_definition"],
            first,
            "{changes}"
        );
    }
    world.set("app", "web", "count", json!(0));
    world.update_web(json!({"desiredCount": 0}));
    assert_eq!(list(&world).record("app", "web")["count"], 0);
}

#[test]
fn an_apps_own_container_is_told_from_those_beside_it() {
    let world = World::new();
    world.run().ok();
    run_by_hand(&world, |definition| {
        let own = definition["containerDefinitions"][0].clone();
        let proxy = json!({"name": "proxy", "image": "registry.example/proxy:1", "essential": true, "workingDirectory": "/srv"});
        definition["containerDefinitions"] = json!([proxy, own]);
    });
    let listed = list(&world);
    assert_eq!(
        listed.record("app", "web")["image"],
        "registry.example/web:1"
    );
    let beside = &listed.record("app", "web")["containers"][0];
    assert_eq!(beside["name"], "proxy");
    assert_eq!(beside["image"], "registry.example/proxy:1");
    assert!(
        listed.stderr.contains(
            "not listed of app 'web' in task-web-production-pr1:2: workingDirectory of proxy"
        ),
        "{}",
        listed.stderr
    );
}

#[test]
fn what_has_no_record_is_told_and_keeps_nothing_else_from_being_listed_or_deleted() {
    let world = World::new();
    let made = world.run().ok();
    let service = &made.record("service", "web")["arn"];
    world.tag(service, "plumbline:app", "Web App");
    let listed = world.aws.pipe(LIST);
    assert_eq!(listed.code, 1, "{listed:?}");
    assert!(
        listed
            .stderr
            .contains("ls-env: app 'Web App' is not listed: app 'Web App' must be 1 to 32"),
        "{}",
        listed.stderr
    );
    assert_eq!(listed.record("service", "Web App")["arn"], *service);
    assert_eq!(
        listed.record("app", "api")["image"],
        "registry.example/api:1"
    );
    assert!(!listed.stdout.contains("\"failed\""), "{}", listed.stdout);
    let quiet = world.aws.pipe(&format!("{LIST} --quiet"));
    assert!(
        quiet.stderr.contains("'Web App' is not listed"),
        "{quiet:?}"
    );
    let plan = world.aws.pipe(&format!("{LIST} | rm-env --plan"));
    assert!(plan.stdout.contains("\"delete\""), "{plan:?}");
}

#[test]
fn a_revision_without_our_tag_is_listed_deployed_over_and_taken_back_from() {
    let world = World::new();
    world.run().ok();
    let first = world.completed()["taskDefinition"].clone();
    let mut definition = world.task("web")["taskDefinition"].clone();
    let dots = json!({"name": "spring.datasource.url", "value": "jdbc:x"});
    definition["containerDefinitions"][0]["environment"] = json!([dots]);
    definition["containerDefinitions"][0]
        .as_object_mut()
        .unwrap()
        .remove("dockerLabels");
    let theirs = world.register(&definition, Value::Null);
    world.update_web(json!({"taskDefinition": theirs}));
    world.until_it_runs(&theirs);
    let set = &list(&world).record("app", "web")["set"];
    assert_eq!(set["spring.datasource.url"], "jdbc:x");

    let deploy = "mk-ecs-svc --image web=registry.example/web:2";
    let deployed = world.aws.pipe_with(deploy, &world.listed()).ok();
    let ours = &deployed.record("task_definition", "web")["arn"];
    let revision = world.revision(ours);
    let runs = &revision["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(runs["image"], "registry.example/web:2");
    assert_eq!(runs["environment"], json!([dots]));
    let stays = world.revision(&theirs);
    assert_eq!(stays["taskDefinition"]["status"], "ACTIVE");
    assert_eq!(stays["tags"], json!([]));

    // One step back is what was ours before.
    world.until_it_runs(ours);
    world.completed();
    let back = world
        .aws
        .pipe_with("mk-ecs-svc --rollback web", &world.listed());
    assert_eq!(back.ok().record("service", "web")["task_definition"], first);
}
