//! Directories that are built by the engine that works here.

use support::{LocalAws, Value, json, recipe, text};

use crate::image::pull;
use crate::setup::Setup;
use crate::{URI, change, error_line, pinned};

/// Whether a text is in a layer.
fn has_text(layers: &[Vec<u8>], text: &str) -> bool {
    let text = text.as_bytes();
    layers
        .iter()
        .any(|layer| layer.windows(text.len()).any(|bytes| bytes == text))
}

#[test]
fn a_directory_is_built_and_pushed_and_again_only_when_it_changed() {
    let aws = LocalAws::start();
    let Some(setup) = Setup::new(&aws) else {
        return;
    };
    setup.write("hello", "one");
    let one = pinned(&aws.pipe(&setup.build("")).ok());
    assert!(has_text(&pull(&aws, &one), "one"), "hello is in a layer");

    aws.forget();
    let kept = aws.pipe(&setup.build("")).ok();
    assert_eq!(pinned(&kept), one);
    assert_eq!(change(&kept), "kept");
    assert_eq!(aws.changes(), Vec::<String>::new());

    setup.write("hello", "two");
    let changed = aws.pipe(&setup.build("")).ok();
    assert_ne!(pinned(&changed), one);
    assert_eq!(change(&changed), "created");

    // The directory of the app's record counts as well, and the flag names another Dockerfile.
    setup.write("other/Dockerfile", "FROM scratch\nCOPY hello /other\n");
    let pipe = format!(
        "mk-env production pr1 | mk-app web --context {} | mk-ecr | push-image --dockerfile web=other/Dockerfile",
        setup.directory().display()
    );
    let built = aws.pipe(&(setup.exports() + &pipe)).ok();
    let layers = pull(&aws, &pinned(&built));
    assert!(has_text(&layers, "other"), "it is that Dockerfile's");
}

#[test]
fn an_apps_record_says_stage_and_arguments_and_no_message_shows_these() {
    let aws = LocalAws::start();
    let Some(setup) = Setup::new(&aws) else {
        return;
    };
    setup.write("hello", "one");
    let dockerfile = "FROM scratch AS first\nARG FILE\nCOPY ${FILE} /of-first\nFROM scratch\nCOPY hello /of-last\n";
    setup.write("other/Dockerfile", dockerfile);
    let pipe = |file: &str| {
        let directory = setup.directory().display().to_string();
        format!(
            "{}mk-env production pr1 | mk-app web --context {directory} --dockerfile other/Dockerfile --target first --build-arg FILE={file} | mk-ecr | push-image",
            setup.exports()
        )
    };
    let built = aws.pipe(&pipe("hello")).ok();
    let layers = pull(&aws, &pinned(&built));
    assert!(has_text(&layers, "of-first") && !has_text(&layers, "of-last"));

    let failed = aws.pipe(&pipe("hunter2hunter2"));
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("***"), "{}", failed.stderr);
    let failed_record = failed.record("failed", "push-image").to_string();
    for told in [failed.stderr, failed_record] {
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_build_that_fails_is_told_with_the_engines_last_lines() {
    let aws = LocalAws::start();
    let Some(setup) = Setup::new(&aws) else {
        return;
    };
    setup.write("Dockerfile", "FROM scratch\nCOPY not-there /\n");
    aws.forget();
    let output = aws.pipe(&setup.build(""));
    assert_eq!(output.code, 1);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let mut lines: Vec<&str> = output.stderr.lines().collect();
    lines.retain(|line| line.starts_with("push-image: "));
    let error = lines.pop().unwrap();
    let directory = setup.directory();
    let begin = format!(
        "push-image: cannot build web from {}: ",
        directory.display()
    );
    assert!(error.starts_with(&begin), "{error}");
    assert!(error.contains(" ended with exit status: "), "{error}");
    assert!(
        lines.iter().any(|line| line.contains("not-there")),
        "{}",
        output.stderr
    );
    let failed = output.record("failed", "push-image");
    assert!(text(&failed["message"]).starts_with("cannot build web"));
}

/// Web's service in ECS.
fn service(aws: &LocalAws) -> Value {
    let params =
        json!({"cluster": "cluster-production-pr1", "services": ["service-web-production-pr1"]});
    aws.call("ecs", "describe_services", params)["services"][0].clone()
}

/// The image that a service runs.
fn image_of(aws: &LocalAws, service: &Value) -> String {
    let params = json!({"taskDefinition": service["taskDefinition"]});
    let answer = aws.call("ecs", "describe_task_definition", params);
    let container = &answer["taskDefinition"]["containerDefinitions"][0];
    text(&container["image"]).to_string()
}

#[test]
fn the_recipes_deploy_a_directory_and_take_it_back() {
    let aws = LocalAws::start();
    let Some(setup) = Setup::new(&aws) else {
        return;
    };
    let just = |words: &[&str]| format!("{}\n{}", setup.exports(), recipe(words, "pr1"));
    aws.pipe(&just(&["up"])).ok();
    assert_eq!(image_of(&aws, &service(&aws)), "registry.example/web:1");

    setup.write("hello", "deployed");
    let directory = setup.directory().display().to_string();
    let deploy = just(&["deploy", "web", &directory]);
    let deployed = aws.pipe(&deploy).ok();
    let after = service(&aws);
    let image = image_of(&aws, &after);
    assert_eq!(image, format!("{URI}@{}", pinned(&deployed)));
    assert_eq!(after["runningCount"], 2);
    assert_eq!(after["deployments"][0]["rolloutState"], "COMPLETED");
    let line = format!("wait-env: web runs {image} (task-web-production-pr1:2)");
    assert!(deployed.stderr.contains(&line), "{}", deployed.stderr);
    pull(&aws, &pinned(&deployed));

    aws.forget();
    aws.pipe(&deploy).ok();
    assert_eq!(aws.changes(), Vec::<String>::new(), "nothing is new");

    let back = aws.pipe(&just(&["rollback", "web"])).ok();
    let after = service(&aws);
    assert_eq!(image_of(&aws, &after), "registry.example/web:1");
    assert_eq!(after["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(
        back.stderr
            .contains("wait-env: web runs registry.example/web:1 (task-web-production-pr1:1)"),
        "{}",
        back.stderr
    );

    aws.forget();
    let wrong = aws.pipe(&just(&["deploy", "web", "/nonexistent"]));
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(image_of(&aws, &service(&aws)), "registry.example/web:1");
    assert!(wrong.code != 0, "{wrong:?}");
    assert_eq!(
        error_line(&wrong),
        "push-image: /nonexistent is not a directory"
    );
}
