//! Screens of other sizes, a screen that becomes another one, and those without colours or a cursor.

use support::{LocalAws, json, recipe};

use super::world::Terminal;

#[test]
fn a_narrow_screen_shows_less_and_a_wide_one_all() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let up = recipe(&["up"], "pr1");
    let narrow = Terminal::of(&aws, 40, 24).run(&up);
    let expected = "\
production-pr1 · us-east-1 · 123456789…
├ ✓ network  13 created  10.0
├ ✓ shared   1 created   cluster
├ ✓ api      10 created  regi
└ ✓ web      10 created  regi
34 created, 0 updated, 0 deleted in T
web: http://alb-web-production-pr1-1.us-
east-1.elb.amazonaws.com/
";
    let narrow = narrow.end();
    let lines: Vec<&str> = narrow.lines().collect();
    for (line, expected) in lines.iter().zip(expected.lines()) {
        assert!(line.starts_with(expected), "{narrow}"); // where it is cut depends on its time
    }
    assert_eq!(lines.len(), 8, "{narrow}");

    let wide = Terminal::of(&aws, 200, 24).run(&up);
    let expected = "\
production-pr1 · us-east-1 · 123456789012
├ ✓ network  13 kept  10.0.0.0/16 · 2 zones · nat
├ ✓ shared   1 kept   cluster
├ ✓ api      10 kept  registry.example/api:1 · 2 tasks
└ ✓ web      10 kept  registry.example/web:1 · 2 tasks
nothing to change (34 kept) in T
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert_eq!(wide.end(), expected);
}

#[test]
fn a_screen_that_becomes_narrower_or_wider_keeps_what_stands_above() {
    let aws = LocalAws::start_with(&["--moment", "3"]);
    for (from, to) in [(100, 60), (60, 100)] {
        let terminal =
            Terminal::of(&aws, from, 24).when("nat gateway nat-", json!({"resize": [to, 20]}));
        let shown = terminal.run(&format!(
            "echo before; {}; echo after",
            recipe(&["up"], "pr1")
        ));
        let ends = |line: &&String| line.contains("✓") || line.contains("◌");
        assert_eq!(
            shown.screen.iter().filter(ends).count(),
            4,
            "{}",
            shown.end()
        );
        assert_eq!(shown.screen.first().unwrap(), "before", "{}", shown.end());
        assert_eq!(shown.screen.last().unwrap(), "after", "{}", shown.end());
        aws.pipe(&recipe(&["down"], "pr1")).ok();
    }
}

#[test]
fn colours_are_for_who_wants_them() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let up = recipe(&["up"], "pr1");
    let colour = Terminal::of(&aws, 80, 24).run(&up);
    assert!(colour.raw.contains("\u{1b}[32m✓"), "{}", colour.raw);
    let plain = Terminal::of(&aws, 80, 24).with("NO_COLOR", "1").run(&up);
    assert!(!plain.raw.contains("m✓"), "{}", plain.raw);
    assert!(plain.end().contains("34 kept"), "{}", plain.end());
}

#[test]
fn a_terminal_without_a_cursor_gets_a_line_for_each_change() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let shown = Terminal::of(&aws, 80, 24)
        .with("TERM", "dumb")
        .run(&recipe(&["up"], "pr1"));
    assert!(!shown.raw.contains('\u{1b}'), "{:?}", shown.raw);
    let changes = shown
        .screen
        .iter()
        .filter(|line| line.contains(": created "));
    assert_eq!(changes.count(), 34, "{}", shown.end());
    assert!(
        shown.end().ends_with("elb.amazonaws.com/\n"),
        "{}",
        shown.end()
    );
}

#[test]
fn of_a_hundred_apps_a_screen_shows_those_under_way() {
    let aws = LocalAws::start_with(&["--moment", "1"]);
    let apps = "for n in $(seq -w 100); do echo '{\"type\":\"app\",\"name\":\"app'$n'\",\"image\":\"r.example/a:1\"}'; done";
    let line = format!("{{ mk-env production pr1; {apps}; }} | mk-logs | mk-ecr | mk-role");
    let shown = Terminal::of(&aws, 80, 24)
        .when("more (0 of all 100 done)", json!({}))
        .run(&line);
    assert!(shown.kept[0].len() <= 24, "{}", shown.at(0));
    assert!(
        shown
            .end()
            .contains("\n300 created, 0 updated, 0 deleted in T\n"),
        "{}",
        shown.end()
    );
    let apps = shown.screen.iter().filter(|line| line.contains("✓ app"));
    assert_eq!(apps.count(), 100, "{}", shown.end());
}

#[test]
fn what_strangers_wrote_drives_no_terminal() {
    let aws = LocalAws::start();
    let line = "{ mk-env production pr1; printf '%s\\n' '{\"type\":\"odd\",\"name\":\"a\\u001b[2J\\u202e\\u009b1A環境🚀\"}'; } | mk-app web";
    let shown = Terminal::of(&aws, 80, 24).with("NO_COLOR", "1").run(line);
    assert!(
        !shown.raw.contains("\u{1b}[2J") && !shown.raw.contains(['\u{9b}', '\u{202e}']),
        "{:?}",
        shown.raw
    );
    assert!(
        shown
            .end()
            .contains("odd a\\u{1b}[2J\\u{202e}\\u{9b}1A環境🚀"),
        "{}",
        shown.end()
    );
}
