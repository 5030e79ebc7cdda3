//! draw-env: its command line, and that its pictures show what the local AWS has.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "draw-env/plans.rs"]
mod plans;
#[path = "draw-env/reach.rs"]
mod reach;
#[path = "draw-env/readme.rs"]
mod readme;

use std::process::Command;

use support::{APPS, ENV, LocalAws, NOWHERE, Picture, Value, clean, fed, tool};

/// The two services, without the waiting.
fn up() -> String {
    format!(
        "mk-env production pr1 | {APPS} | mk-vpc | mk-sg | mk-alb | mk-ecr | mk-role | mk-logs \
         | mk-ecs-svc | wait-env"
    )
}

fn stream(lines: &[&str]) -> String {
    format!("{ENV}\n{}\n", lines.join("\n"))
}

const WEB: &str = r#"{"type":"app","name":"web","public":true,"calls":["api"]}"#;
const API: &str = r#"{"type":"app","name":"api"}"#;

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("draw-env", &[]);
}

#[test]
fn wishes_are_drawn_without_a_call_and_it_is_said() {
    let output = tool("draw-env", &[], &stream(&[WEB, API])).ok(); // every call would be refused
    let picture = Picture::read(&output.stdout);
    let reach: Vec<String> = picture.reach().into_iter().collect();
    assert_eq!(reach, ["internet -> web", "web -> api"]);
    let said = "Who may reach whom: as the apps declare it, not looked up";
    assert!(picture.words.contains(&said.to_string()), "{picture:?}");
}

#[test]
fn offline_nothing_is_asked_and_online_the_two_calls_about_groups() {
    let aws = LocalAws::start();
    aws.pipe(&up()).ok();
    let saved = aws.pipe("ls-env --env production-pr1").ok().stdout;
    aws.forget();
    let offline = aws.pipe_with("draw-env --offline", &saved).ok();
    assert_eq!(aws.calls(), Vec::<Value>::new());
    assert!(offline.stdout.contains("not looked up"));
    let online = aws.pipe_with("draw-env", &saved).ok();
    assert!(
        online
            .stdout
            .contains("as the security groups admit it now")
    );
    let mut calls: Vec<String> = aws.calls().iter().map(support::action).collect();
    calls.sort();
    assert_eq!(
        calls,
        [
            "ec2:DescribeSecurityGroupRules",
            "ec2:DescribeSecurityGroups",
            "sts:GetCallerIdentity"
        ]
    );
    let only = ["draw-env".to_string()].into();
    support::policies_allow_what_was_called(&aws, &only);
    // The same records are the same bytes, whatever order they came in.
    let mut lines: Vec<&str> = saved.lines().collect();
    lines[1..].reverse();
    let turned = aws.pipe_with("draw-env", &lines.join("\n")).ok();
    assert_eq!(turned.stdout, online.stdout);
}

#[test]
fn each_format_is_one_picture_and_no_record() {
    let input = stream(&[WEB, API]);
    for (format, begin, end) in [
        ("svg", "<svg ", "</svg>\n"),
        ("mermaid", "%% production-pr1: us-east-1", "not looked up\n"),
        ("dot", "digraph \"production-pr1: us-east-1", "}\n"),
    ] {
        let output = tool("draw-env", &["--as", format], &input).ok();
        assert!(output.stdout.starts_with(begin), "{}", output.stdout);
        assert!(output.stdout.ends_with(end), "{}", output.stdout);
        assert!(!output.stdout.contains("{\"type\""), "{}", output.stdout);
        assert_eq!(output.stderr, "");
    }
    let same = tool("draw-env", &[], &input).ok();
    assert_eq!(
        same.stdout,
        tool("draw-env", &["--as", "svg"], &input).stdout
    );
}

#[test]
fn nothing_to_draw_is_told_and_is_no_picture() {
    let output = tool("draw-env", &[], &stream(&[]));
    assert_eq!((output.code, output.stdout.as_str()), (65, ""));
    assert_eq!(
        output.stderr,
        "draw-env: nothing to draw: no record of production-pr1 in us-east-1, account 123456789012, is on stdin\n  \
         try: ls-env --env production-pr1 | draw-env\n"
    );
    let failed = r#"{"type":"failed","name":"mk-alb","message":"no","code":1}"#;
    let half = tool("draw-env", &[], &stream(&[WEB, API, failed]));
    assert_eq!(
        (half.code, half.stdout.as_str(), half.stderr.as_str()),
        (3, "", "")
    );
}

#[test]
fn a_terminal_is_not_flooded_with_svg() {
    let picture = |arguments: &str| {
        let mut command = clean(Command::new("script"), NOWHERE);
        let tool = support::bin().join("draw-env");
        let file = std::env::temp_dir().join(format!("draw-env-{}", std::process::id()));
        std::fs::write(&file, stream(&[WEB, API])).unwrap();
        let line = format!("{} {arguments} < {}", tool.display(), file.display());
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        let output = fed(command, "");
        std::fs::remove_file(file).unwrap();
        output
    };
    let refused = picture("");
    assert_eq!(refused.code, 2, "{refused:?}");
    let told = "draw-env: a picture is for a file, not for a terminal\r\n  \
                try: draw-env > env.svg, or draw-env --as mermaid\r\n";
    assert_eq!(refused.stdout, told);
    let mermaid = picture("--as mermaid").ok();
    assert!(mermaid.stdout.contains("flowchart LR"), "{mermaid:?}");
    let asked = picture("--as svg").ok();
    assert!(asked.stdout.contains("<svg "), "{asked:?}");
}

#[test]
fn strangers_names_are_texts() {
    let name = "<script>\"'&\u{202e}\n</svg>";
    let queue = support::json!({"type": "queue", "name": name, "status": name});
    for format in ["svg", "mermaid", "dot"] {
        let input = stream(&[&queue.to_string()]);
        let output = tool("draw-env", &["--as", format], &input).ok();
        assert!(!output.stdout.contains("<script"), "{}", output.stdout);
        assert!(!output.stdout.contains('\u{202e}'), "{}", output.stdout);
        if format == "svg" {
            let picture = Picture::read(&output.stdout);
            let whole = format!("other/queue/{}", name.replace('\n', "\\n"));
            let whole = whole.replace('\u{202e}', "\\u{202e}");
            assert!(picture.states.contains_key(&whole), "{picture:?}");
        }
    }
}
