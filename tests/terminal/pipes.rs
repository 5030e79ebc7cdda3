//! Where records, messages and the drawing go: pipes, files, and tools of others.

use support::{LocalAws, Value, json, recipe};

use super::world::Terminal;

#[test]
fn json_brings_the_records_back() {
    let aws = LocalAws::start();
    let shown = Terminal::of(&aws, 400, 24).run("mk-env production pr1 | mk-app web --json");
    let types: Vec<Value> = shown
        .screen
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].take())
        .collect();
    assert_eq!(types, [json!("env"), json!("app")]);
}

#[test]
fn where_nobody_draws_each_tool_speaks_for_itself() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let line = "mk-env production pr1 | mk-app web --image a:1 | mk-logs | cat";
    let shown = Terminal::of(&aws, 300, 24).run(line);
    let said = "mk-logs: created log group web arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/web";
    assert!(
        shown.screen.iter().any(|line| line == said),
        "{}",
        shown.end()
    );
    let file = Terminal::of(&aws, 300, 24)
        .run("mk-env production pr2 | mk-app web --image a:1 | mk-logs >/dev/null");
    assert_eq!(file.end(), format!("{}\n", said.replace("pr1", "pr2")));
}

#[test]
fn lines_go_where_stderr_goes_and_the_drawing_follows_the_records() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let log = tempfile::NamedTempFile::new().unwrap();
    let up = recipe(&["up"], "pr1");
    let shown = Terminal::of(&aws, 80, 24).run(&format!("{{ {up}; }} 2>{}", log.path().display()));
    assert!(
        shown
            .end()
            .contains("34 created, 0 updated, 0 deleted in T\n"),
        "{}",
        shown.end()
    );
    let log = std::fs::read_to_string(log.path()).unwrap();
    assert_eq!(
        log.lines()
            .filter(|line| line.contains(": created "))
            .count(),
        34,
        "{log}"
    );
    let last = "wait-env: web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/";
    assert_eq!(log.lines().last(), Some(last));
}

#[test]
fn what_a_saved_stream_says_was_made_is_not_said_again() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let saved = aws.pipe(&recipe(&["up"], "pr1")).ok().stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), saved).unwrap();
    let line = format!("cat {} | mk-logs", file.path().display());
    let shown = Terminal::of(&aws, 80, 40).run(&line);
    assert!(
        shown.end().contains("\nnothing to change (2 kept) in T\n"),
        "{}",
        shown.end()
    );
}

#[test]
fn two_pipes_at_once_both_end_with_what_they_did() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let logs =
        |suffix: &str| format!("mk-env production {suffix} | mk-app web --image a:1 | mk-logs");
    let line = format!("{} & {} & wait", logs("pr1"), logs("pr2"));
    let shown = Terminal::of(&aws, 80, 40).run(&line);
    for suffix in ["pr1", "pr2"] {
        assert!(
            shown.end().contains(&format!("production-{suffix} · ")),
            "{}",
            shown.end()
        );
    }
    assert_eq!(
        shown
            .end()
            .matches("1 created, 0 updated, 0 deleted in T\n")
            .count(),
        2,
        "{}",
        shown.end()
    );
}
