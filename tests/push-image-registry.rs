//! push-image before a registry that is in trouble, or does not do what the protocol says: one of
//! the test's own, which also answers for STS and ECR.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "push-image-registry/between.rs"]
mod between;
#[path = "push-image-registry/endless.rs"]
mod endless;
#[path = "push-image-registry/secret.rs"]
mod secret;
#[path = "push-image-registry/server.rs"]
mod server;

use std::fs;
use std::path::Path;

use support::{ENV, Output, Value, bin, json, text, tool_at};
use tempfile::TempDir;

use crate::server::{Answer, MANIFEST, Registry, TOKEN, digest_of};

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const REPOSITORY: &str = "repo-web-production-pr1";

/// Writes a blob of an OCI layout; answers its descriptor.
fn put_blob(folder: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = digest_of(bytes);
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let hex = digest.strip_prefix("sha256:").unwrap();
    fs::write(blobs.join(hex), bytes).unwrap();
    json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
}

/// Writes an image as an OCI layout; answers its digest.
fn layout(folder: &Path) -> String {
    let config = put_blob(folder, CONFIG, br#"{"os":"linux","architecture":"amd64"}"#);
    let layer = put_blob(folder, LAYER, b"\x1f\x8ba layer");
    let manifest =
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
    let manifest = put_blob(folder, MANIFEST, manifest.to_string().as_bytes());
    let index = json!({"manifests": [manifest]});
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    text(&manifest["digest"]).to_string()
}

/// The records of an environment with one app and its repository.
fn records() -> String {
    let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}");
    let app = json!({"type": "app", "name": "web"});
    let repo = json!({"type": "repo", "name": "web", "arn": "arn:aws:ecr:::x", "uri": uri});
    format!("{ENV}\n{app}\n{repo}\n")
}

/// Runs push-image before a registry. It gets 200 MB of memory: with more it ends at once.
fn run(registry: &Registry, flag: &str) -> Output {
    let tool = bin().join("push-image");
    let limited = "ulimit -d 200000; exec \"$@\"";
    let words = ["-c", limited, "sh", &tool.to_string_lossy(), flag];
    tool_at(&registry.url, "/bin/sh", &words, records().as_bytes())
}

/// Runs push-image with an archive before a registry.
fn push(registry: &Registry, archive: &Path) -> Output {
    run(registry, &format!("--archive=web={}", archive.display()))
}

/// Pins an image of the account's own registry.
fn pin(registry: &Registry, name: &str) -> Output {
    let own = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}");
    run(registry, &format!("--image=web={own}{name}"))
}

/// Pins an image of another registry, without credentials.
fn pin_elsewhere(registry: &Registry, name: &str) -> Output {
    let host = registry.url.replace("http://", "");
    run(registry, &format!("--image=web={host}/web{name}"))
}

/// Asserts that push-image says in one line why it ends.
fn check_refused(output: &Output, code: i32, why: &str) {
    assert_eq!(output.code, code, "{output:?}");
    let mut errors: Vec<&str> = output.stderr.lines().collect();
    errors.retain(|line| !line.starts_with("  try: "));
    assert!(
        errors.len() == 1 && errors[0].contains(why),
        "{why}: {output:?}"
    );
    assert!(errors[0].len() < 1000, "{}", output.stderr);
}

/// Asserts that an image was pushed.
fn check_created(output: &Output, digest: &str) {
    let record = output.record("image", "web");
    assert!(
        output.code == 0 && record["change"] == "created",
        "{output:?}"
    );
    let image = text(&record["image"]);
    assert!(image.ends_with(&format!("@{digest}")), "{record}");
}

#[test]
fn what_is_uploaded_elsewhere_goes_there_without_the_credentials() {
    let temp = TempDir::new().unwrap();
    let digest = layout(temp.path());
    let registry = Registry::start(|_, _| None);
    check_created(&push(&registry, temp.path()), &digest);
    let mut elsewhere = registry.seen();
    elsewhere.retain(|seen| seen.request.starts_with("PUT /elsewhere/"));
    let credentials: Vec<String> = elsewhere.into_iter().map(|seen| seen.login).collect();
    assert_eq!(credentials, ["", ""]);
    let mut here = registry.seen();
    here.retain(|seen| seen.request.starts_with("PUT /v2/"));
    assert_eq!(here[0].login, format!("Basic {TOKEN}"));
}

#[test]
fn a_registry_in_trouble_that_does_not_ask_to_sign_in_is_asked_again() {
    let temp = TempDir::new().unwrap();
    let digest = layout(temp.path());
    let registry = Registry::start(|request, count| {
        if request == "GET /v2/" && count < 4 {
            return Some(Answer::new(503, "busy"));
        }
        None
    });
    check_created(&push(&registry, temp.path()), &digest);
}

#[test]
fn what_is_there_is_pushed_whatever_the_registry_answered() {
    let temp = TempDir::new().unwrap();
    let digest = layout(temp.path());
    // Another run was faster, where tags are immutable.
    let taken = Registry::start(|request, _| {
        if request.starts_with("PUT /v2/repo-web-production-pr1/manifests/") {
            let errors =
                r#"{"errors":[{"code":"TAG_INVALID","message":"The image tag already exists."}]}"#;
            return Some(Answer::new(400, errors));
        }
        None
    });
    check_created(&push(&taken, temp.path()), &digest);
    // An upload without the address of the blob.
    let silent = Registry::start(|request, _| {
        if request.starts_with("PUT /elsewhere/") {
            return Some(Answer::new(201, ""));
        }
        None
    });
    check_created(&push(&silent, temp.path()), &digest);

    let refusing = Registry::start(|request, _| {
        if request.contains("/manifests/") {
            let errors =
                r#"{"errors":[{"code":"LAYERS_NOT_FOUND","message":"Layers are not found."}]}"#;
            return Some(Answer::new(404, errors));
        }
        None
    });
    let refused = push(&refusing, temp.path());
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains(": Layers are not found, LAYERS_NOT_FOUND ("),
        "{}",
        refused.stderr
    );
}
