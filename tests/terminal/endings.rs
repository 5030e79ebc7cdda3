//! How a drawing ends: with the error last, at Ctrl-C, and when who draws is killed.

use support::{LocalAws, json, recipe};

use super::world::Terminal;

#[test]
fn what_went_wrong_is_the_last_line_and_says_what_helps() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let deploy = recipe(&["deploy", "nope"], "pr1");
    let shown = Terminal::of(&aws, 80, 24).run(&deploy);
    let expected = "\
production-pr1 · us-east-1 · 123456789012
├ ✓ network  10.0.0.0/16 · 2 zones · nat
├ ✓ shared   cluster
├ ✓ api      registry.example/api:1 · 2 tasks
└ ✓ web      registry.example/web:1 · 2 tasks
nothing changed in T
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
push-image: ./nope is not a directory
";
    assert_eq!(shown.end(), expected);
}

#[test]
fn ctrl_c_leaves_the_screen_whole_and_says_what_was_made() {
    let aws = LocalAws::start_with(&["--moment", "30"]);
    let ctrl_c = json!({"type": "\u{3}"});
    let terminal = Terminal::of(&aws, 80, 24).when("nat gateway nat-", ctrl_c);
    let shown = terminal.run(&format!(
        "trap : INT; {}; echo after",
        recipe(&["up"], "pr1")
    ));
    let end = shown.end();
    assert!(
        end.contains(" created, 0 updated, 0 deleted in T\n"),
        "{end}"
    );
    assert!(
        end.ends_with("interrupted: run the same again, and it goes on from here\nafter\n"),
        "{end}"
    );
    assert_eq!(end.matches("├ ✗ network").count(), 1, "{end}");
    assert!(
        shown.has_cursor && shown.cursor.0 == 0,
        "{:?}",
        shown.cursor
    );
    assert_eq!(shown.cursor.1, shown.screen.len() as u64, "{end}");
}

#[test]
fn refused_arguments_of_any_tool_are_the_last_that_is_read() {
    let aws = LocalAws::start();
    let shown = Terminal::of(&aws, 80, 24)
        .run("mk-env production pr1 | mk-vpc --natt single | mk-sg | mk-alb");
    let end = "\
mk-vpc: unexpected argument '--natt' found
  try: a similar argument exists: '--nat'
";
    assert!(shown.end().ends_with(end), "{}", shown.end());
    assert_eq!(shown.code, 2);
}

#[test]
fn where_who_draws_is_killed_the_others_speak_for_themselves() {
    let aws = LocalAws::start_with(&["--moment", "9"]);
    let kill = json!({"kill": "wait-env"});
    let line = "mk-env production pr1 | mk-vpc | wait-env";
    let terminal = Terminal::of(&aws, 80, 24).when("nat gateway nat-", kill);
    let shown = terminal.run(line);
    let end = shown.end();
    assert!(end.contains("\nmk-vpc: waiting: nat gateway nat-"), "{end}");
}

#[test]
fn a_run_that_was_stopped_draws_below_what_came_between() {
    let aws = LocalAws::start_with(&["--moment", "2"]);
    let stop = json!({"stop": "[1]+  Stopped\r\n$ fg\r\n"});
    let shown = Terminal::of(&aws, 80, 24)
        .when("nat gateway nat-", stop)
        .run(&recipe(&["up"], "pr1"));
    let end = shown.end();
    assert!(end.contains("$ fg\n"), "{end}");
    assert!(end.contains("34 created, 0 updated"), "{end}");
}
