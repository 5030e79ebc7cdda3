//! What push-image cannot do is one line, and it says why.

use std::process::Command;

use support::{ENV, LocalAws, Value, json, tool};
use tempfile::TempDir;

use crate::image::layout;
use crate::{REPOSITORY, error_line, push, records};

/// How many requests with its token the registry answers until the token has expired.
fn set_token_requests(aws: &LocalAws, requests: Value) {
    aws.config(json!({"token_requests": requests}));
}

#[test]
fn a_token_that_has_expired_is_one_line() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    layout(temp.path(), "amd64", b"web");
    let flags = format!("--archive web={}", temp.path().display());
    let reasons = [
        "token has expired",
        "the registry answered 403",
        "does not accept the credentials",
    ];
    // At whichever request it has expired; some are answered without words.
    for requests in 0..6 {
        set_token_requests(&aws, json!(requests));
        let output = aws.pipe(&push(&flags));
        assert_eq!(output.code, 1, "{requests}: {output:?}");
        let line = error_line(&output);
        let says_why = reasons.iter().any(|reason| line.contains(reason));
        assert!(says_why && !line.contains("http:"), "{line}");
        assert!(
            output.stderr.contains("; a token lasts 12 hours"),
            "{}",
            output.stderr
        );
    }
    set_token_requests(&aws, Value::Null);
    aws.pipe(&push(&flags)).ok();
}

#[test]
fn a_registry_that_cannot_be_reached_is_one_line() {
    let aws = LocalAws::start();
    let output = aws.pipe(&push("--image web=127.0.0.1:1/web:1"));
    assert_eq!(output.code, 1, "nobody has ever answered there: {output:?}");
    let line = error_line(&output);
    assert!(
        line.contains("cannot find image 127.0.0.1:1/web:1 of app 'web': ")
            && line.contains("nobody listens at 127.0.0.1:1 (connection refused)"),
        "{line}"
    );
}

#[test]
fn a_repository_that_is_not_there_is_one_line() {
    let aws = LocalAws::start();
    let temp = TempDir::new().unwrap();
    layout(temp.path(), "amd64", b"web");
    let flags = format!("--archive web={}", temp.path().display());
    let records = records(&aws);
    let repository = json!({"repositoryName": REPOSITORY});
    aws.call("ecr", "delete_repository", repository);
    let output = aws.pipe_with(&format!("push-image {flags}"), &records);
    assert_eq!(output.code, 1);
    let line = error_line(&output);
    assert!(
        line.contains(REPOSITORY) && line.contains("NAME_UNKNOWN"),
        "{line}"
    );
    assert!(
        output.stderr.contains("  try: mk-ecr makes the repository"),
        "{}",
        output.stderr
    );

    let pipe = format!("mk-env production pr1 | mk-app web | push-image {flags}");
    let lacks = aws.pipe(&pipe);
    assert_eq!(lacks.code, 65);
    let line = error_line(&lacks);
    assert!(line.starts_with("push-image: no repo record"), "{lacks:?}");
}

/// Asserts that push-image refuses flags, whatever of a repository its input names.
fn check_refused(flags: &[&str], code: i32, message: &str) {
    let app = json!({"type": "app", "name": "web"});
    let arn = format!("arn:aws:ecr:us-east-1:123456789012:repository/{REPOSITORY}");
    let repo = json!({"type": "repo", "name": "web", "arn": arn, "uri": "ghcr.io/owner/web"});
    let output = tool("push-image", flags, &format!("{ENV}\n{app}\n{repo}\n"));
    assert_eq!(output.code, code, "{output:?}");
    let line = error_line(&output);
    assert!(line.contains(message), "{message}: {output:?}");
}

#[test]
fn what_the_flags_and_records_say_wrong_is_told_before_any_call() {
    let temp = TempDir::new().unwrap();
    layout(temp.path(), "amd64", b"web");
    let folder = temp.path().display();
    let web = format!("web={folder}");
    let wep = format!("wep={folder}");
    let none = format!("web={folder}/none");
    let dockerfile = format!("web={folder}/index.json");
    let pipe = temp.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let pipe = format!("web={folder}/pipe");
    let no_file = "/pipe is neither a file nor a directory";
    check_refused(&["--archive", &pipe], 2, no_file);
    let dockerfile_elsewhere = ["--context", &web, "--dockerfile", &dockerfile];
    check_refused(&dockerfile_elsewhere, 2, "there is no ");
    let no_reference = "'not/A/reference' is not an image reference: ";
    check_refused(&["--image", "web=not/A/reference"], 2, no_reference);
    let twice = ["--archive", &web, "--image", "web=web:1"];
    check_refused(&twice, 2, "two flags say what app 'web' runs");
    check_refused(&["--context", &none], 2, "/none is not a directory");
    check_refused(&["--context", &web], 2, "there is no ");
    let no_archive = "/none: No such file or directory";
    check_refused(&["--archive", &none], 2, no_archive);
    let no_app = "a flag names app 'wep', which no app record names";
    check_refused(&["--archive", &wep], 65, no_app);
    let no_repository =
        "repo 'web' is ghcr.io/owner/web, not a repository of environment production-pr1";
    check_refused(&["--archive", &web], 65, no_repository);
}
