//! What an app's pipeline deploys between two runs stays, is the environment's and is deleted with it.

use support::{Value, json, tags};

use crate::world::{World, only};

/// The repository of web's images.
pub const REPOSITORY: &str = "repo-web-production-pr1";

/// Pushes an image as web's pipeline does; answers its digest.
pub fn push(world: &World) -> String {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"digest": "sha256:1"},
        "layers": [],
    });
    let params = json!({"repositoryName": REPOSITORY});
    let _ = world.aws.try_call("ecr", "create_repository", params);
    let params = json!({"repositoryName": REPOSITORY, "imageManifest": manifest.to_string()});
    let answer = world.aws.call("ecr", "put_image", params);
    support::text(&answer["image"]["imageId"]["imageDigest"]).to_string()
}

/// The reference of an image of web's repository.
pub fn image(digest: &str) -> String {
    format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}@{digest}")
}

/// What an app's pipeline does: a revision with another image and no tags, and the service on it.
fn deploy(world: &World, image: &str) -> Value {
    let mut definition = world.task("web")["taskDefinition"].clone();
    definition["containerDefinitions"][0]["image"] = json!(image);
    let arn = world.register(&definition, Value::Null);
    world.update_web(json!({"taskDefinition": arn}));
    world.until("web", |service| {
        service["deployments"].as_array().unwrap().len() == 1
    });
    world.aws.forget();
    arn
}

#[test]
fn the_image_that_its_pipeline_deployed_stays_until_a_flag_says_otherwise() {
    let mut world = World::new();
    world.run().ok();
    let image = image(&push(&world));
    let arn = deploy(&world, &image);
    let again = world.run().ok();
    let kept = format!("web keeps {image}, which its pipeline deployed");
    assert!(again.stderr.contains(&kept), "{}", again.stderr);
    assert_eq!(world.service("web")["taskDefinition"], arn);
    assert_eq!(
        world.aws.changes(),
        ["ecs:TagResource"],
        "the revision becomes the environment's"
    );
    world.is_as_wanted();

    // Another field changes: the image stays.
    world.set("app", "web", "set", json!({"New": "1"}));
    world.run().ok();
    assert_eq!(
        world.task("web")["taskDefinition"]["containerDefinitions"][0]["image"],
        json!(image)
    );

    let replaced = world.run_with("--image web=registry.example/web:2").ok();
    assert_eq!(
        replaced.record("task_definition", "web")["image"],
        "registry.example/web:2"
    );
}

#[test]
fn what_its_pipeline_registered_gets_the_environments_tags_when_it_is_left() {
    let world = World::new();
    let one = world.run().ok().record("task_definition", "web")["arn"].clone();
    world.completed();
    let two = deploy(&world, &image(&push(&world)));
    world.rollback().ok();
    assert_eq!(world.completed()["taskDefinition"], one);
    // The policy lets an untagged revision be tagged only with the identity tag among the others.
    let left = tags(&world.revision(&two)["tags"]);
    for (key, value) in [
        ("plumbline:env", "production-pr1"),
        ("plumbline:image", "pipeline"),
        ("plumbline:rolled-back", "true"),
        ("Team", "devops"),
    ] {
        assert_eq!(left[key], value, "{key}");
    }
}

#[test]
fn what_its_pipeline_registered_goes_with_the_rest() {
    let world = World::new();
    world.run().ok();
    deploy(&world, &image(&push(&world)));
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    let ours = only(&listed, &["env", "service", "task_definition"]);
    let rm_env = "rm-env --confirm production-pr1";
    world.aws.pipe_with(rm_env, &ours).ok();
    for status in ["ACTIVE", "INACTIVE"] {
        assert_eq!(world.task_definitions(status), json!([]), "{status}");
    }
}
