//! What a person sees: the recipes in a real pseudo-terminal, with the text of its screen as the
//! expectation. Times show as `T`, and IDs end in `…`.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "terminal/endings.rs"]
mod endings;
#[path = "terminal/pipes.rs"]
mod pipes;
#[path = "terminal/sizes.rs"]
mod sizes;
#[path = "terminal/world.rs"]
mod world;

use support::{LocalAws, recipe, replaced};
use world::Terminal;

/// The apps of the recipe that make an environment, and what it is called by then.
const ENVIRONMENT: &str = "production-pr1 · us-east-1 · 123456789012\n";

#[test]
fn up_draws_a_tree_and_ends_with_the_total_and_the_address() {
    let aws = LocalAws::start_with(&["--moment", "1"]);
    let up = recipe(&["up"], "pr1");
    let terminal = Terminal::of(&aws, 80, 24).when("is still pending", support::json!({}));
    let shown = terminal.run(&up);
    let tree = "\
├ ✓ network  13 created  10.0.0.0/16 · 2 zones · nat  T
├ ✓ shared   1 created   cluster
├ ✓ api      10 created  registry.example/api:1 · tasks 2/2 · targets 2/2  T
└ ✓ web      10 created  registry.example/web:1 · tasks 2/2 · targets 2/2  T
34 created, 0 updated, 0 deleted in T
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert_eq!(shown.end(), format!("{ENVIRONMENT}{tree}"));
    assert_eq!(shown.code, 0);
    let during = shown.at(0);
    assert!(during.contains("├ ◌ network"), "{during}");
    assert!(during.contains("  mk-vpc  nat gateway"), "{during}");

    let again = Terminal::of(&aws, 80, 24).run(&up);
    let tree = "\
├ ✓ network  13 kept  10.0.0.0/16 · 2 zones · nat
├ ✓ shared   1 kept   cluster
├ ✓ api      10 kept  registry.example/api:1 · 2 tasks
└ ✓ web      10 kept  registry.example/web:1 · 2 tasks
nothing to change (34 kept) in T
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert_eq!(again.end(), format!("{ENVIRONMENT}{tree}"));
}

#[test]
fn a_plan_ends_with_what_would_be_done_field_by_field() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let plan = recipe(&["plan"], "pr1");
    let fresh = Terminal::of(&aws, 80, 40).run(&plan);
    let last = fresh.screen.last().unwrap();
    assert_eq!(last, "34 to create, 0 to update, 0 to delete (0 kept)");
    assert!(
        fresh
            .end()
            .contains("+ create  vpc main                       10.0.0.0/16\n"),
        "{}",
        fresh.end()
    );
    assert_eq!(fresh.code, 10);

    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let port = replaced(
        &plan,
        "web --public --port 5000",
        "web --public --port 5001",
    );
    let changed = Terminal::of(&aws, 80, 40).run(&port);
    let expected = "";
    assert_eq!(changed.end(), expected);
    assert_eq!(changed.code, 10);
}

#[test]
fn what_is_there_is_listed_under_its_part_and_what_goes_is_counted() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let list = Terminal::of(&aws, 80, 24).run(&recipe(&["ls"], "pr1"));
    let expected = "";
    assert_eq!(list.end(), expected);

    let down = Terminal::of(&aws, 80, 24).run(&recipe(&["down"], "pr1"));
    let expected = "";
    assert_eq!(down.end(), expected);
}

#[test]
fn a_pipeline_has_a_branch_and_what_a_person_must_do_stays_on_the_screen() {
    let aws = LocalAws::start();
    let shown = Terminal::of(&aws, 80, 24).run(&replaced(
        &recipe(&["pipeline-up"], "pr1"),
        "mk-pipeline",
        "mk-pipeline --handshake 0",
    ));
    let expected = "";
    assert_eq!(shown.end(), expected);
    assert_eq!(shown.code, 75);
}

#[test]
fn one_tool_alone_shows_its_record_in_a_few_words() {
    let aws = LocalAws::start();
    let shown = Terminal::of(&aws, 80, 24).run("mk-env production pr1 | mk-app web --public");
    let expected = "";
    assert_eq!(shown.end(), expected);
}
