//! push-image: its command line, and the images that it builds and stores in the registry of the
//! local AWS: archives without an engine, directories by the engine that works here.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "push-image/archive.rs"]
mod archive;
#[path = "push-image/build.rs"]
mod build;
#[path = "push-image/docker.rs"]
mod docker;
#[path = "push-image/hostile.rs"]
mod hostile;
#[path = "push-image/image.rs"]
mod image;
#[path = "push-image/interrupt.rs"]
mod interrupt;
#[path = "push-image/left.rs"]
mod left;
#[path = "push-image/process.rs"]
mod process;
#[path = "push-image/refusal.rs"]
mod refusal;
#[path = "push-image/setup.rs"]
mod setup;
#[path = "push-image/token.rs"]
mod token;

use support::{LocalAws, Output, Value, json, text};
use tempfile::TempDir;

use crate::image::{layout, stored_images};

const REPOSITORY: &str = "repo-web-production-pr1";
const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1";

/// What makes the repository of one app.
const REPO: &str = "mk-env production pr1 | mk-app web | mk-ecr";

fn push(flags: &str) -> String {
    format!("{REPO} | push-image {flags}")
}

/// The same for an app on the other processor.
fn push_arm(flags: &str) -> String {
    push(flags).replace("mk-app web", "mk-app web --architecture arm64")
}

/// The records of an environment with a repository for one app, as they come to push-image.
fn records(aws: &LocalAws) -> String {
    aws.pipe(REPO).ok().stdout
}

/// The digest by which a record pins web's image.
fn pinned(output: &Output) -> String {
    let record = output.record("image", "web");
    let digest = text(&record["image"])
        .strip_prefix(&format!("{URI}@"))
        .unwrap_or_else(|| panic!("{record}"));
    digest.to_string()
}

/// What a record says was done with web's image.
fn change(output: &Output) -> Value {
    output.record("image", "web")["change"].clone()
}

/// Asserts one error line of push-image, and at most one that says what to do; answers the line.
fn error_line(output: &Output) -> String {
    let mut lines: Vec<&str> = output.stderr.lines().collect();
    lines.retain(|line| !line.starts_with("mk-"));
    let mut errors = lines.clone();
    errors.retain(|line| !line.starts_with("  try: "));
    assert!(
        errors.len() == 1 && lines.len() <= 2 && errors[0].starts_with("push-image: "),
        "{output:?}"
    );
    let failed = output.record("failed", "push-image");
    assert_eq!(
        errors[0],
        format!("push-image: {}", text(&failed["message"]))
    );
    errors[0].to_string()
}

/// How often an action changed something in ECR or its registry.
fn count_of(aws: &LocalAws, action: &str) -> usize {
    let action = format!("ecr:{action}");
    let changes = aws.changes();
    changes.iter().filter(|change| **change == action).count()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("push-image", &[]);
}

#[test]
fn a_mark_comes_ahead_of_all_that_says_that_an_image_will_follow() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    layout(temp.path(), "amd64", b"web");
    let flags = format!("--archive web={}", temp.path().display());
    let records = aws.pipe(&push(&flags)).ok().records();
    assert_eq!(records[0], json!({"type": "image", "name": "web"}));
    let images = records.iter().filter(|record| record["type"] == "image");
    assert_eq!(images.count(), 2);
    // Without flags, and with apps that name no directory, it has nothing to say.
    let passed = aws.pipe(&push("")).ok();
    for record in passed.records() {
        assert_ne!(record["type"], "image", "{}", passed.stdout);
    }
}

#[test]
fn a_reference_is_pinned_by_the_digest_that_it_has_now() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let digest = layout(temp.path(), "amd64", b"web");
    let flags = format!("--archive web={}", temp.path().display());
    aws.pipe(&push(&flags)).ok();
    let stored = stored_images(&aws);
    let tag = text(&stored[0]["imageTags"][0]);
    aws.forget();
    let output = aws.pipe(&push(&format!("--image web={URI}:{tag}"))).ok();
    assert_eq!(pinned(&output), digest);
    assert_eq!(aws.changes(), Vec::<String>::new());

    let lacks = aws.pipe(&push(&format!("--image web={URI}:none")));
    assert_eq!(lacks.code, 1);
    let line = error_line(&lacks);
    let expected = format!("cannot find image {REPOSITORY}:none of app 'web': ");
    assert!(line.contains(&expected), "{line}");
}

#[test]
fn an_image_for_another_processor_is_refused() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let digest = layout(temp.path(), "arm64", b"web");
    let flags = format!("--archive web={}", temp.path().display());
    aws.pipe(&push("")).ok();
    aws.forget();
    let refused = aws.pipe(&push(&flags));
    assert_eq!(refused.code, 1);
    assert_eq!(aws.changes(), Vec::<String>::new());
    let line = error_line(&refused);
    assert!(
        line.ends_with("the image is for linux/arm64, but its app runs on linux/amd64"),
        "{line}"
    );

    let taken = aws.pipe(&push_arm(&flags)).ok();
    assert_eq!(pinned(&taken), digest);
    // A reference is looked into as well.
    let flags = format!("--image web={URI}@{digest}");
    assert_eq!(pinned(&aws.pipe(&push_arm(&flags)).ok()), digest);
    let refused = aws.pipe(&push(&flags));
    let line = error_line(&refused);
    assert!(line.contains("the image is for linux/arm64"), "{refused:?}");
}

#[test]
fn in_a_dry_run_nothing_is_pushed() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    let digest = layout(temp.path(), "amd64", b"web");
    let flags = format!("--archive web={}", temp.path().display());
    let plan = push(&flags).replace("production pr1", "production pr1 --plan");

    let without_repository = aws.pipe(&plan).would_change();
    assert_eq!(pinned(&without_repository), digest);
    assert_eq!(change(&without_repository), "create");
    assert_eq!(aws.changes(), Vec::<String>::new());

    aws.pipe(&push("")).ok();
    aws.forget();
    let without_image = aws.pipe(&plan).would_change();
    assert_eq!(pinned(&without_image), digest);
    assert_eq!(change(&without_image), "create");
    assert_eq!(aws.changes(), Vec::<String>::new());

    aws.pipe(&push(&flags)).ok();
    aws.forget();
    let with_image = aws.pipe(&plan).ok();
    assert_eq!(pinned(&with_image), digest);
    assert_eq!(change(&with_image), "kept");
    assert_eq!(aws.changes(), Vec::<String>::new());
}
