//! What an emulator leaves out, or answers as an empty text, is no difference.

use support::{Faults, Value, json};

use crate::world::World;

const FORGOTTEN: [&str; 4] = [
    "healthCheckGracePeriodSeconds",
    "availabilityZoneRebalancing",
    "deploymentCircuitBreaker",
    "enableECSManagedTags",
];

/// Rules by which descriptions of services leave fields out.
fn forgetting(fields: &[&str]) -> Value {
    let mut rules = Vec::new();
    for field in fields {
        rules.push(
            json!({"do": "rewrite", "of": "ecs:DescribeServices", "match": field, "by": "forgotten"}),
        );
    }
    rules.into()
}

/// A rule by which descriptions of task definitions have more fields, before one of them.
fn adding(before: &str, more: &str) -> Value {
    let found = format!("\"{before}\":");
    let by = format!("{more}, {found}");
    json!({"do": "rewrite", "of": "ecs:DescribeTaskDefinition", "match": found, "by": by})
}

#[test]
fn what_an_emulator_forgets_of_a_service_is_not_set_again_and_again() {
    let mut world = World::new();
    world.run().ok();
    let faults = Faults::between(&world.aws);
    faults.rules(forgetting(&FORGOTTEN));
    world.aws.forget();
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    // What it does answer is brought into line, and UpdateService has no other parameter.
    world.set("app", "web", "count", json!(3));
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert_eq!(
        world.updated_parameters(),
        ["cluster", "desiredCount", "service"]
    );
    // Where it answers one of them, the others count as they are answered: ECS leaves none out.
    faults.rules(forgetting(&FORGOTTEN[1..]));
    let output = faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert!(
        output.stderr.contains("circuit breaker: false -> true"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_an_emulator_tells_as_an_empty_text_was_not_said() {
    let world = World::new();
    world.run().ok();
    let faults = Faults::between(&world.aws);
    faults.rules(json!([
        adding("networkMode", r#""pidMode": "", "taskRoleArn": """#),
        adding("image", r#""workingDirectory": "", "user": """#),
    ]));
    world.aws.forget();
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    assert!(!faults.told()["done"].as_array().unwrap().is_empty());
    // A text that says something is a difference still.
    faults.rules(json!([adding("networkMode", r#""pidMode": "task""#)]));
    faults.pipe_with("mk-ecs-svc", &world.stdin()).ok();
    let register = "ecs:RegisterTaskDefinition".to_string();
    assert!(world.aws.changes().contains(&register));
}
