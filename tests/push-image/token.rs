//! The token of the registry goes into requests and nowhere else.

use std::fs;
use std::path::Path;
use std::process::Child;

use support::{LocalAws, bin, json, text};

use crate::interrupt::start_upload;
use crate::process::command;
use crate::records;
use crate::setup::Setup;

/// A token is longer than this, and nothing else in its letters is.
const LENGTH: usize = 150;

/// Whether something as long as a token, in its letters, is in it.
fn has_token(bytes: &[u8]) -> bool {
    let mut run = 0;
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"+/=".contains(byte) {
            run += 1;
        } else {
            run = 0;
        }
        if run > LENGTH {
            return true;
        }
    }
    false
}

/// Starts to upload what is built, in the environment of the setup.
fn start_build(aws: &LocalAws, setup: &Setup) -> Child {
    let records = records(aws);
    let engines = setup.path("engines");
    let path = format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin",
        engines.display(),
        bin().display()
    );
    let mut command = command(aws);
    command
        .arg(format!("--context=web={}", setup.directory().display()))
        .arg("-v")
        .envs(setup.variables())
        .env("PATH", path);
    start_upload(aws, &mut command, &records)
}

/// Asserts that no file of a folder has a token; answers how many files there are.
fn check_files(folder: &Path) -> usize {
    let mut files = 0;
    let mut left = vec![folder.to_path_buf()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                left.push(entry.unwrap().path());
            }
        } else {
            files += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(!has_token(&bytes), "{}", path.display());
        }
    }
    files
}

/// The same of the files that a process has open, whether they have names or not.
fn check_open_files(process: u32) -> usize {
    let mut files = 0;
    for open in fs::read_dir(format!("/proc/{process}/fd")).unwrap() {
        let path = open.unwrap().path();
        if path.is_file() {
            files += 1;
            let bytes = fs::read(&path).unwrap();
            assert!(!has_token(&bytes), "{}", path.display());
        }
    }
    files
}

#[test]
fn the_token_is_in_no_file_no_argument_and_no_message() {
    let aws = LocalAws::start();
    let answer = aws.call("ecr", "get_authorization_token", json!({}));
    let token = text(&answer["authorizationData"][0]["authorizationToken"]);
    assert!(has_token(token.as_bytes()));
    let Some(setup) = Setup::new(&aws) else {
        return;
    };

    // While it uploads, and what it leaves when it is killed.
    setup.write("hello", "a secret is none of the image's business");
    let mut child = start_build(&aws, &setup);
    for file in ["cmdline", "environ"] {
        let path = format!("/proc/{}/{file}", child.id());
        let bytes = fs::read(path).unwrap_or_default(); // Linux alone has it
        assert!(!has_token(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }
    assert!(
        check_open_files(child.id()) > 0,
        "what was built is there still"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    check_files(&setup.path("home"));
    assert_eq!(check_files(&setup.path("tmp")), 0, "and has no name");

    let output = aws.pipe(&setup.build("-v")).ok();
    let messages = &output.stderr;
    assert!(
        messages.len() > 100 && !has_token(messages.as_bytes()),
        "{messages}"
    );
    assert!(!has_token(output.stdout.as_bytes()), "{}", output.stdout);
    let calls = setup.calls();
    assert!(
        calls.contains(" --iidfile ") && calls.contains("AWS_ENDPOINT_URL="),
        "{calls}"
    );
    assert!(!has_token(calls.as_bytes()), "{calls}");
}
