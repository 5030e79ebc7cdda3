//! Endings that nobody wants: Ctrl-C in the middle of a pipe, a terminal that goes away, a disk
//! that is full behind `tee`, a reader that is gone, another account's credentials. Nothing that was
//! made is lost, one line says what happened, and the next run completes it.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{Account, ENV, Faults, LocalAws, Output, Resource, json, recipe, text};

/// What belongs to something else, and has no ID of its own that a run tells.
const PARTS: [&str; 2] = ["network interface", "role policy"];

/// Asserts that a run has named everything that exists now, on stdout or stderr.
fn no_id_is_lost(output: &Output, aws: &LocalAws, what: &str) {
    let mut lost = Vec::new();
    for resource in Account::new(aws, "us-east-1").made() {
        if PARTS.contains(&resource.kind) {
            continue;
        }
        let id = told_as(&resource);
        if !output.stdout.contains(&id) && !output.stderr.contains(&id) {
            lost.push(resource.name());
        }
    }
    assert_eq!(
        lost,
        Vec::<String>::new(),
        "{what}\n{}\n{}",
        output.stdout,
        output.stderr
    );
}

/// The ID or ARN by which a run tells of a resource; its name where it has none.
fn told_as(resource: &Resource) -> String {
    let item = &resource.item;
    let arns = ["repositoryArn", "ListenerArn", "Arn"];
    let arn = arns.iter().find_map(|field| item.get(*field));
    let id = arn.unwrap_or(item).as_str();
    id.map_or(resource.id.clone(), String::from)
}

/// An `up` that meets a signal at one of its changes, then `up` again, then `down`.
fn met_by(signal: &str, at: &[u64]) {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    for &nth in at {
        let what = format!("SIG{signal} at change {nth}");
        faults.rules(json!([{"do": "kill", "signal": signal, "changing": true, "nth": nth}]));
        // As from a terminal: the shell waits for the tools' last words.
        let output = faults.pipe(&format!("trap : {signal}; {}", recipe(&["up"], "pr1")));
        assert_eq!(output.code, 130, "{what}: {}", output.stderr);
        assert!(
            output.stderr.contains("run the pipeline again to finish"),
            "{what}: {}",
            output.stderr
        );
        no_id_is_lost(&output, &aws, &what);
        faults.end();
        let again = faults.pipe(&recipe(&["up"], "pr1"));
        assert_eq!(again.code, 0, "{what}, and up: {}", again.stderr);
        let vpcs = aws.call(
            "ec2",
            "describe_vpcs",
            json!({"Filters": [{"Name": "tag-key", "Values": ["plumbline:env"]}]}),
        );
        assert_eq!(vpcs["Vpcs"].as_array().unwrap().len(), 1, "{what}");
        faults.pipe(&recipe(&["down"], "pr1")).ok();
        let left = Account::new(&aws, "us-east-1").left();
        assert_eq!(left, Vec::<String>::new(), "{what}, up and down");
    }
}

#[test]
fn ctrl_c_anywhere_loses_nothing_and_the_next_run_goes_on() {
    met_by("INT", &[1, 12, 33, 60]);
}

#[test]
fn a_terminal_that_goes_away_loses_nothing_and_the_next_run_goes_on() {
    met_by("HUP", &[5, 45]);
}

#[test]
fn behind_tee_a_full_disk_costs_the_stream_and_no_record() {
    let aws = LocalAws::start();
    // tee goes on with what it can still write.
    let output = aws.pipe("mk-env production pr1 | mk-vpc | tee /dev/full | mk-sg");
    assert_ne!(output.code, 0);
    assert!(
        output
            .stderr
            .contains("tee: /dev/full: No space left on device"),
        "{}",
        output.stderr
    );
    no_id_is_lost(&output, &aws, "tee /dev/full");
    assert!(
        output.stdout.contains(r#""type":"egress""#),
        "{}",
        output.stdout
    );
    // What nobody could write is on stderr, and the next run has it.
    let output = aws.pipe("mk-env production pr1 | mk-app web | mk-ecr | cat > /dev/full");
    assert_ne!(output.code, 0);
    let repositories = aws.call("ecr", "describe_repositories", json!({}));
    for repository in repositories["repositories"].as_array().unwrap() {
        assert!(
            output.stderr.contains(text(&repository["repositoryArn"])),
            "{}",
            output.stderr
        );
    }
    aws.pipe("mk-env production pr1 | mk-app web | mk-ecr")
        .ok()
        .record("repo", "web");
}

#[test]
fn a_reader_that_is_gone_ends_the_tools_before_it_with_their_ids_on_stderr() {
    let aws = LocalAws::start();
    let output =
        aws.pipe("mk-env production pr1 | mk-app web | mk-vpc | mk-ecr | { head -n 4; exit 0; }");
    assert_eq!(output.code, 1, "{}", output.stderr);
    no_id_is_lost(&output, &aws, "head");
}

#[test]
fn with_another_accounts_credentials_nothing_is_changed_and_one_line_says_so() {
    let aws = LocalAws::start();
    let recipe = recipe(&["up"], "pr1");
    let tools = recipe.split_once('|').unwrap().1;
    let other = ENV.replace("123456789012", "999999999999");
    let output = aws.pipe_with(&format!("cat | {tools}"), &other);
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_ne!(output.code, 0);
    let lines: Vec<&str> = output.stderr.lines().collect();
    let told =
        "the credentials are of account 123456789012, but the environment is in 999999999999";
    assert_eq!(
        lines.iter().filter(|line| line.contains(told)).count(),
        1,
        "{}",
        output.stderr
    );
    assert_eq!(lines.len(), 2, "one line and what to do: {}", output.stderr);
}
