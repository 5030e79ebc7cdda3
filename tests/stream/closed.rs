//! How a tool ends where nobody reads it or answers it, and what it never sends to a terminal.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{ENV, LocalAws, Value, bin, clean, json, tool};

#[test]
fn a_closed_stdout_is_told_from_bad_input_every_time() {
    let aws = LocalAws::start();
    let lacks = "mk-sg --private-api";
    let bad = "mk-sg --private-api < <(mk-env production pr1; echo hello)";
    for tool in [lacks, bad] {
        let mut codes = Vec::new();
        for _ in 0..25 {
            let pipe = format!(
                "set +o pipefail; mk-env production pr1 | {{ {tool} || echo ended with $? >&2; }} | (exec <&-)"
            );
            codes.extend(aws.pipe(&pipe).stderr.lines().last().map(String::from));
        }
        codes.sort();
        codes.dedup();
        assert_eq!(codes, ["ended with 1"], "{tool}");
    }
}

#[test]
fn who_asks_to_end_is_not_kept_by_a_network_that_never_answers() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for tool in ["mk-vpc", "mk-ecr", "mk-env"] {
        let mut command = clean(Command::new(bin().join(tool)), &url);
        if tool == "mk-env" {
            command.args(["production", "pr1"]);
        }
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{ENV}\n{{\"type\":\"app\",\"name\":\"web\"}}").unwrap();
        drop(stdin);
        std::thread::sleep(Duration::from_secs(1)); // the calls are under way
        let asked = Instant::now();
        let id = child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{tool}: {output:?}");
        let taken = asked.elapsed();
        assert!(taken < Duration::from_secs(11), "{tool} took {taken:?}");
    }
}

#[test]
fn what_drives_a_terminal_never_reaches_stdout_as_it_is() {
    let value = "A=x\u{9b}2J\u{202e}y";
    let output = tool("mk-app", &["web", "--set", value], "").ok();
    assert!(
        output.stdout.contains("x\\u009b2J\\u202ey"),
        "{}",
        output.stdout
    );
    let record: Value = output.record("app", "web");
    assert_eq!(record["set"], json!({"A": "x\u{9b}2J\u{202e}y"}));
    // A pipe gets what passes byte for byte.
    let odd = "{\"type\":\"mine\",\"name\":\"\u{9b}2J\"}";
    let output = tool("mk-app", &["web"], odd).ok();
    assert_eq!(output.stdout.lines().next(), Some(odd));
}

#[test]
fn what_a_program_that_gets_credentials_says_is_one_clean_line() {
    let said = r#"printf 'first\033[2J line\nsecret line\n' >&2; exit 1"#;
    let script = format!(
        "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; d=$(mktemp -d); trap 'rm -r $d' EXIT; \
         cat > $d/get <<'END'\n{said}\nEND\n\
         printf '[default]\\nregion=us-east-1\\ncredential_process=sh %s/get\\n' $d > $d/config; \
         export AWS_CONFIG_FILE=$d/config; mk-env production pr1"
    );
    let aws = LocalAws::start();
    let output = aws.pipe(&script);
    assert_ne!(output.code, 0);
    for told in [&output.stdout, &output.stderr] {
        assert!(!told.contains("secret line"), "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
    }
    assert!(
        output.stderr.contains("no credentials"),
        "{}",
        output.stderr
    );
}
