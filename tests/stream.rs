//! The stream, as a user of the tools sees it: real processes in real pipes.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "stream/believed.rs"]
mod believed;
#[path = "stream/closed.rs"]
mod closed;
#[path = "stream/owners.rs"]
mod owners;
#[path = "stream/secrets.rs"]
mod secrets;
#[path = "stream/twice.rs"]
mod twice;
#[path = "stream/typo.rs"]
mod typo;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use support::{
    ENV, Faults, LocalAws, NOWHERE, Value, bin, clean, json, list, pipe_at, root, text, tool,
    tool_at, tools,
};

#[test]
fn what_a_tool_does_not_know_passes_byte_for_byte() {
    let odd = "{ \"type\" : \"mine\",\t\"name\":\"x\", \"n\": 1.50, \"big\": 12345678901234567890123, \"dup\":1, \"dup\":2, \"é\": \"\\u00e9\" }\n";
    assert_eq!(
        tool("mk-app", &["web"], odd).ok().stdout.lines().next(),
        odd.lines().next()
    );
}

#[test]
fn pretty_printed_records_and_files_in_a_row_are_a_stream() {
    let pretty = "{\n  \"type\": \"vpc\",\n  \"name\": \"main\",\n  \"id\": \"vpc-1\",\n  \"cidr\": \"10.0.0.0/16\"\n}{\"type\":\"repo\",\"name\":\"web\",\"arn\":\"a\",\"uri\":\"u\"}";
    let output = tool("mk-app", &["web"], pretty).ok();
    let kinds: Vec<_> = output
        .records()
        .iter()
        .map(|record| record["type"].clone())
        .collect();
    assert_eq!(kinds, ["vpc", "repo", "app"]);
    assert_eq!(
        output.stdout.lines().next(),
        Some(r#"{"type":"vpc","name":"main","id":"vpc-1","cidr":"10.0.0.0/16"}"#)
    );
}

/// mk-app, which has read an environment and whose stdin stays open; and what it writes.
fn running_mk_app() -> (Child, ChildStdin, Lines<BufReader<ChildStdout>>) {
    let mut command = clean(Command::new(bin().join("mk-app")), NOWHERE);
    command
        .arg("web")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{ENV}").unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, stdin, lines)
}

#[test]
fn a_record_passes_before_the_input_ends() {
    let (mut child, stdin, mut lines) = running_mk_app();
    assert_eq!(lines.next().unwrap().unwrap(), ENV); // stdin is still open
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn with_flags_a_tool_works_although_stdin_never_ends() {
    let aws = LocalAws::start();
    let mut command = clean(Command::new(bin().join("mk-vpc")), &aws.url);
    command
        .args(["--env", "production-pr1", "--quiet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let open = child.stdin.take(); // as in a CI runner: held open, never written
    assert!(child.wait().unwrap().success());
    drop(open);
}

#[test]
fn the_shell_can_name_the_environment_at_the_head_of_a_pipe() {
    let aws = LocalAws::start();
    let output = aws
        .pipe("export PLUMBLINE_ENV=production-pr1; mk-vpc --nat single </dev/null | mk-app web")
        .ok();
    assert_eq!(
        output
            .records()
            .iter()
            .filter(|record| record["type"] == "env")
            .count(),
        1
    );
    let wrong = aws.pipe("PLUMBLINE_ENV=production mk-vpc </dev/null");
    assert_eq!(
        (wrong.code, wrong.stderr.as_str()),
        (
            2,
            "mk-vpc: PLUMBLINE_ENV 'production': it is written ENVIRONMENT-SUFFIX, like production-pr123\n"
        )
    );
}

#[test]
fn one_fault_prints_one_message_and_the_shell_sees_it() {
    let aws = LocalAws::start();
    let output = aws.pipe(
        "mk-env production pr1 --account 999999999999 | mk-vpc | mk-sg --private-api | mk-alb",
    );
    assert_ne!(output.code, 0);
    assert_eq!(output.messages().len(), 1, "{}", output.stderr);
    let without_pipefail = aws
        .pipe("set +o pipefail; mk-env production pr1 --account 999999999999 | mk-vpc | mk-sg --private-api | mk-alb");
    assert_ne!(without_pipefail.code, 0);
}

#[test]
fn what_every_tool_meets_is_told_once_although_it_comes_at_the_very_end() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    faults.rules(json!([{"do": "delay", "of": "sts:GetCallerIdentity", "ms": 2000}]));
    // The input has ended, and stdout is full of what passes, when the answer about the account comes.
    let env = ENV.replace("123456789012", "999999999999");
    let failed = json!({"type": "failed", "name": "mk-vpc", "message": "the credentials are of another account", "code": 1});
    let passes = json!({"type": "mine", "name": "x", "text": "x".repeat(200_000)});
    let input = format!("(echo '{env}'; sleep 1; cat; echo '{failed}')");
    let output = faults.pipe_with(
        &format!("{input} | mk-ecr | (sleep 4; cat)"),
        &passes.to_string(),
    );
    assert_eq!((output.code, output.stderr.as_str()), (3, ""));
}

#[test]
fn another_account_is_told_although_nothing_is_to_be_changed() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    faults.rules(json!([{"do": "delay", "of": "sts:GetCallerIdentity", "ms": 1000}]));
    // What there is was looked for in the wrong account, so "would be created" would be a lie.
    for pipe in ["--plan | mk-app web | mk-ecr", "| mk-build | mk-ecr"] {
        let output = faults.pipe(&format!(
            "mk-env production pr1 --account 999999999999 {pipe}"
        ));
        assert!(matches!(output.code, 1 | 3), "{pipe}: {output:?}");
        let told =
            "the credentials are of account 123456789012, but the environment is in 999999999999";
        assert_eq!(output.stderr.matches(told).count(), 1, "{pipe}: {output:?}");
    }
}

#[test]
fn who_asks_a_tool_to_end_does_not_wait_for_those_upstream() {
    let (mut child, stdin, mut lines) = running_mk_app();
    assert!(lines.nth(1).unwrap().unwrap().contains("web")); // it is done, and passes on what comes
    let id = child.id().to_string();
    let asked = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(asked.success());
    assert_eq!(child.wait().unwrap().code(), Some(130)); // stdin is still open
    drop(stdin);
}

#[test]
fn settings_that_are_no_good_are_told_once_and_in_words() {
    let bundle = format!("AWS_CA_BUNDLE={}/Cargo.toml", root().display());
    for (setting, told) in [
        (
            "AWS_ENDPOINT_URL=",
            "AWS_ENDPOINT_URL is empty\n  try: unset AWS_ENDPOINT_URL\n",
        ),
        (
            "AWS_ENDPOINT_URL=localhost:5000",
            "AWS_ENDPOINT_URL 'localhost:5000' is not the URL of an endpoint\n",
        ),
        (
            "AWS_ACCESS_KEY_ID=$'local\\r'",
            "AWS_ACCESS_KEY_ID holds a control character, which no key does\n",
        ),
        (bundle.as_str(), "holds no certificate, or a broken one\n"),
    ] {
        let pipe = format!("export {setting}; mk-vpc | mk-ecr | mk-logs");
        let input = format!("{ENV}\n{{\"type\":\"app\",\"name\":\"web\"}}\n");
        let output = pipe_at(NOWHERE, &pipe, &input);
        let stderr = &output.stderr;
        assert!(
            stderr.starts_with("mk-vpc: ") && stderr.contains(told),
            "{setting}: {stderr}"
        );
        assert_eq!(output.messages().len(), 1, "{setting}: {stderr}");
    }
}

#[test]
fn an_endpoint_that_is_gone_is_told_once() {
    let input = format!("{ENV}\n");
    let output = tool("mk-vpc", &[], &input);
    assert_eq!(output.code, 1, "{output:?}");
    let output = pipe_at(NOWHERE, "mk-vpc | mk-ecr | mk-logs", &input);
    assert_eq!(output.messages().len(), 1, "{}", output.stderr);
}

#[test]
fn an_app_that_calls_nobody_known_is_refused_before_any_call() {
    let aws = LocalAws::start();
    let input = format!("{ENV}\n{{\"type\":\"app\",\"name\":\"web\",\"calls\":[\"apy\"]}}\n");
    let output = tool_at(&aws.url, "mk-vpc", &[], input.as_bytes());
    assert_eq!(output.code, 65);
    assert_eq!(
        output.stderr,
        "mk-vpc: app 'web' calls 'apy', which no app record names\n"
    );
    assert_eq!(aws.calls(), Vec::<Value>::new());
}

#[test]
fn an_app_that_calls_a_public_one_is_refused_before_any_call_and_deleted() {
    let aws = LocalAws::start();
    let apps = [
        r#"{"type":"app","name":"web","public":true}"#,
        r#"{"type":"app","name":"job","calls":["web"]}"#,
    ];
    for [first, second] in [[0, 1], [1, 0]] {
        let input = format!("{ENV}\n{}\n{}\n", apps[first], apps[second]);
        for tool in ["mk-app other", "mk-vpc", "mk-sg", "mk-ecs-svc", "wait-env"] {
            let output = aws.pipe_with(tool, &input);
            assert_eq!(output.code, 65, "{tool}: {}", output.stderr);
            let told = "app 'job' calls 'web', which is public";
            assert!(output.stderr.contains(told), "{tool}: {}", output.stderr);
            assert_eq!(aws.calls(), Vec::<Value>::new(), "{tool}");
        }
        aws.pipe_with("rm-env --confirm production-pr1", &input)
            .ok();
        aws.forget();
    }
}

#[test]
fn a_record_whose_id_says_nothing_is_refused_before_any_call() {
    let aws = LocalAws::start();
    // Without an ID, EC2 would make the security groups in the default VPC.
    let vpc = r#"{"type":"vpc","name":"main","id":"","cidr":"10.0.0.0/16"}"#;
    let input = format!("{ENV}\n{{\"type\":\"app\",\"name\":\"web\"}}\n{vpc}\n");
    let output = tool_at(&aws.url, "mk-sg", &[], input.as_bytes());
    assert_eq!(output.code, 65);
    let told = "mk-sg: record 3 (line 3) is no vpc record: id is empty or holds more than letters, digits and marks\n";
    assert_eq!((output.stderr.as_str(), aws.calls()), (told, Vec::new()));
}

#[test]
fn a_second_environment_record_that_contradicts_is_told_with_both() {
    let elsewhere = ENV.replace("us-east-1", "eu-west-1");
    let output = tool("mk-app", &["web"], &format!("{ENV}\n{elsewhere}\n"));
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (
            65,
            "mk-app: record 2 (line 2): env 'production-pr1' of account 123456789012 in eu-west-1 comes after environment 'production-pr1' of account 123456789012 in us-east-1\n"
        )
    );
}

#[test]
fn a_name_without_an_end_is_not_told_to_its_end() {
    let output = tool(
        "mk-app",
        &["web"],
        &format!("{{\"type\":\"app\",\"name\":\"{}\"}}", "x".repeat(1 << 19)),
    );
    assert!(
        output.code == 65 && output.stderr.len() < 1100,
        "{}",
        output.stderr.len()
    );
    // The failed record is a record that the next tool takes.
    assert_eq!(tool("mk-app", &["web"], &output.stdout).code, 3);
}

#[test]
fn what_the_command_line_answers_needs_a_stdout_and_drives_no_terminal() {
    let aws = LocalAws::start();
    for flag in ["--iam-policy", "--help", "--version"] {
        let output = aws.pipe(&format!("mk-vpc {flag} >/dev/full"));
        assert_eq!((output.code, output.stderr.as_str()), (1, ""), "{flag}");
    }
    let output = tool("mk-app", &["web", "--count", "1\u{202e}2"], "");
    assert!(
        output.code == 2 && output.stderr.contains("1\\u{202e}2"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_closed_stdout_ends_a_tool_before_it_makes_anything() {
    let aws = LocalAws::start();
    let output = aws.pipe("set +o pipefail; mk-env production pr1 | { mk-vpc || echo \"mk-vpc ended with $?\" >&2; } | mk-sg --no-such-flag");
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("mk-vpc ended with 1"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_full_disk_is_told_and_no_id_is_lost() {
    let aws = LocalAws::start();
    let output = aws.pipe("mk-env production pr1 | mk-vpc >/dev/full");
    assert_eq!(output.code, 1);
    assert!(
        output
            .stderr
            .contains("mk-vpc: cannot write to stdout: No space left on device"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn an_interrupted_tool_tells_what_it_made_and_a_second_run_completes_it() {
    let aws = LocalAws::start_with(&["--moment", "30"]); // the NAT gateways stay pending
    let mut command = clean(Command::new("bash"), &aws.url);
    command
        .args(["-c", "mk-env production pr1 | mk-vpc"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while !aws
        .changes()
        .iter()
        .any(|change| change == "ec2:CreateNatGateway")
    {
        std::thread::yield_now();
    }
    let interrupted = Command::new("pkill")
        .args(["-INT", "-P", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("mk-vpc: interrupted after"), "{stderr}");
    let nats = aws.call("ec2", "describe_nat_gateways", json!({}));
    for nat in list(&nats["NatGateways"]) {
        assert!(stdout.contains(text(&nat["NatGatewayId"])), "{stdout}");
    }
}

#[test]
fn the_log_can_be_json_and_quiet() {
    let output = tool("mk-vpc", &["--json-log"], "");
    let line: Value = serde_json::from_str(output.stderr.trim()).unwrap();
    assert_eq!(
        (&line["tool"], &line["level"]),
        (&json!("mk-vpc"), &json!("error"))
    );
    let aws = LocalAws::start();
    let output = aws
        .pipe("mk-env production pr1 | mk-vpc --quiet --nat single")
        .ok();
    assert_eq!(output.stderr, "");
}

#[test]
fn a_huge_line_costs_no_memory() {
    let input = format!("{{\"type\":\"x\",\"name\":\"{}\"}}", "x".repeat(50 << 20));
    let output = tool("mk-vpc", &[], &input);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (65, "mk-vpc: record 1 (line 1) is larger than 1024 KiB\n")
    );
}

#[test]
fn every_tool_is_held_to_the_conventions() {
    for tool in tools() {
        let test = std::fs::read_to_string(root().join(format!("tests/{tool}.rs"))).unwrap();
        let held = format!("support::obeys_conventions(\"{tool}\", ");
        assert!(test.contains(&held), "{tool}");
    }
}
