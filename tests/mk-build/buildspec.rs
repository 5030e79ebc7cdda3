//! What a build does, and what it hands over.

use support::json;

use crate::phases::{Build, COMMIT, DIGEST, wanted, yaml};
use crate::{REGISTRY, REPOSITORY};

#[test]
fn the_buildspec_exports_the_image_and_hands_over_its_definition() {
    let spec = yaml(&wanted().buildspec);
    assert_eq!(spec["version"], 0.2);
    assert_eq!(
        spec["env"]["exported-variables"],
        json!(["IMAGE_TAG", "IMAGE_DIGEST", "IMAGE_URI"])
    );
    assert_eq!(spec["artifacts"]["files"], json!(["imagedefinitions.json"]));
    assert_eq!(spec["phases"]["build"]["on-failure"], "ABORT");
}

#[test]
fn a_build_logs_in_builds_pushes_and_tells_the_digest() {
    for shell in ["sh", "bash"] {
        let dockerfile = "FROM public.ecr.aws/docker/library/busybox\n";
        let mut build = Build::of("well", shell, dockerfile);
        for phase in ["pre_build", "build", "post_build"] {
            let (well, printed) = build.phase(phase, true);
            assert!(
                well && !printed.contains("warning"),
                "{shell} {phase}: {printed}"
            );
        }
        assert_eq!(
            build.log(),
            [
                "aws ecr get-login-password --region us-east-1".to_string(),
                format!("docker login --username AWS --password-stdin {REGISTRY}"),
                "stdin password".into(),
                format!(
                    "docker build --platform linux/amd64 --file app/Dockerfile --tag {REPOSITORY}:{COMMIT} app"
                ),
                "attestations off: 1".into(),
                format!("docker push {REPOSITORY}:{COMMIT}"),
                format!(
                    "docker image inspect --format {{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}} {REPOSITORY}:{COMMIT}"
                ),
            ]
        );
        let image = format!("{REPOSITORY}@{DIGEST}");
        assert_eq!(build.exported("IMAGE_TAG"), COMMIT);
        assert_eq!(build.exported("IMAGE_DIGEST"), DIGEST);
        assert_eq!(build.exported("IMAGE_URI"), image);
        assert_eq!(
            build.image_definitions(),
            Some(json!([{"name": "web", "imageUri": image}]))
        );
    }
}

#[test]
fn a_version_that_is_no_commit_is_refused_before_anything_else() {
    for version in ["", "main", "../x", "arn:aws:s3:::bucket/key"] {
        let mut build = Build::of("version", "sh", "FROM scratch\n")
            .with("CODEBUILD_RESOLVED_SOURCE_VERSION", version);
        let (well, printed) = build.phase("pre_build", true);
        let message = format!("version '{version}' is no commit");
        assert!(!well && printed.contains(&message), "{printed}");
        assert_eq!(build.log(), Vec::<String>::new());
    }
}

#[test]
fn a_login_that_fails_ends_the_build_before_it_begins() {
    let mut build = Build::of("login", "sh", "FROM scratch\n").with("FAILS", "login");
    assert!(!build.phase("pre_build", true).0);
}

#[test]
fn a_build_that_failed_pushes_nothing_and_its_last_phase_fails_nothing_more() {
    let mut build = Build::of("failed", "sh", "FROM scratch\n").with("FAILS", "build");
    assert!(build.phase("pre_build", true).0);
    assert!(!build.phase("build", true).0);
    let before = build.log();
    assert_eq!(build.phase("post_build", false), (true, String::new()));
    assert_eq!(build.log(), before);
    assert_hands_nothing_over(&build);
}

#[test]
fn a_push_that_fails_hands_nothing_over() {
    let mut build = Build::of("push", "sh", "FROM scratch\n").with("FAILS", "push");
    assert!(build.phase("pre_build", true).0);
    assert!(build.phase("build", true).0);
    assert!(!build.phase("post_build", true).0);
    assert_hands_nothing_over(&build);
}

#[test]
fn a_digest_of_another_repository_is_not_taken_for_this_ones() {
    let of_others = format!("registry.example/base@{DIGEST}\n{REPOSITORY}-2@{DIGEST}");
    let of_this = format!("{REPOSITORY}@{DIGEST}");
    for (digests, fails) in [(of_others, ""), (String::new(), ""), (of_this, "image")] {
        let mut build = Build::of("digest", "sh", "FROM scratch\n")
            .with("DIGESTS", &digests)
            .with("FAILS", fails);
        assert!(build.phase("pre_build", true).0);
        assert!(build.phase("build", true).0);
        let (well, printed) = build.phase("post_build", true);
        let message = "docker tells no digest of";
        assert!(!well && printed.contains(message), "{printed}");
        assert_hands_nothing_over(&build);
    }
}

#[track_caller]
fn assert_hands_nothing_over(build: &Build) {
    assert_eq!(build.exported("IMAGE_DIGEST"), "");
    assert_eq!(build.image_definitions(), None);
}

#[test]
fn images_of_docker_hub_are_warned_of_and_stop_nothing() {
    for (dockerfile, warned) in [
        ("FROM python:3\n", vec!["python:3"]),
        (
            "from --platform=linux/amd64 library/python AS base\r\nFROM base\r\nFROM BASE as last\r\n",
            vec!["library/python"],
        ),
        (
            "FROM docker.io/library/python\nFROM index.docker.io/x/y\n",
            vec!["docker.io/library/python", "index.docker.io/x/y"],
        ),
        ("ARG V=3\nFROM python:${V}\n", vec!["python:${V}"]),
        ("ARG BASE\nFROM $BASE\nFROM ${BASE}/x\n", vec![]),
        (
            "FROM scratch\n# FROM python\nRUN echo FROM python\n",
            vec![],
        ),
        (
            "FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nFROM localhost/x\nFROM registry:5000/x\n",
            vec![],
        ),
        ("", vec![]),
    ] {
        let mut build = Build::of("hub", "sh", dockerfile);
        let (well, printed) = build.phase("pre_build", true);
        assert!(well, "{printed}");
        let images: Vec<&str> = printed.lines().filter_map(warned_image).collect();
        assert_eq!(images, warned, "{dockerfile:?}: {printed}");
    }
    let mut build = Build::of("hub", "sh", "").with("DOCKERFILE", "nowhere");
    assert!(
        build.phase("pre_build", true).0,
        "docker build tells that it is missing"
    );
}

/// The image that a line warns of.
fn warned_image(line: &str) -> Option<&str> {
    let warning = line.strip_prefix("warning: ")?;
    let (image, _) = warning.split_once(" is pulled from Docker Hub")?;
    Some(image)
}
