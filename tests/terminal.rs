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
    let aws = LocalAws::start_with(&["--moment", "3"]);
    let up = recipe(&["up"], "pr1");
    let terminal = Terminal::of(&aws, 80, 24).when("nat gateway nat-", support::json!({}));
    let shown = terminal.run(&up);
    let tree = "\
├ ✓ network  13 created  10.0.0.0/16 · 2 zones · nat
├ ✓ shared   1 created   cluster
├ ✓ api      10 created  registry.example/api:1 · tasks 2/2 · targets 2/2
└ ✓ web      10 created  registry.example/web:1 · tasks 2/2 · targets 2/2
34 created, 0 updated, 0 deleted in T
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert_eq!(shown.end(), format!("{ENVIRONMENT}{tree}"));
    assert_eq!(shown.code, 0);
    let during = shown.at(0);
    assert!(during.contains("├ ◌ network"), "{during}");
    assert!(during.contains("nat gateway nat-"), "{during}");

    // Whether tasks are counted once more depends on how soon they are looked at.
    let again = Terminal::of(&aws, 80, 24).run(&up);
    let end = "\
nothing to change (34 kept) in T
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert!(again.end().ends_with(end), "{}", again.end());
    for part in ["├ ✓ network  13 kept", "└ ✓ web      10 kept"] {
        assert!(again.end().contains(part), "{}", again.end());
    }
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
    let changed = Terminal::of(&aws, 120, 40).run(&port);
    let expected = "\
mk-alb: nothing needs target group tg-web-5000-production-pr1: prune-env takes it away
production-pr1 · us-east-1 · 123456789012                                                                          plan
+ create  target group web
~ update  listener web                   alb-web-production-pr1
            forwards to: tg-web-5000-production-pr1 -> new tg-web-5001-production-pr1
~ update  sg alb/web                     sg-…
            egress: nothing -> tcp 5001 to task/web
~ update  sg task/web                    sg-…
            ingress: nothing -> tcp 5001 from alb/web
~ update  task definition web            registry.example/web:1
            port: 5000/tcp -> 5001/tcp
~ update  service web                    service-web-production-pr1
            task definition: task-web-production-pr1:1 -> new task-web-production-pr1
            target group: tg-web-5000-production-pr1 -> new tg-web-5001-production-pr1
            target: web:5000 -> web:5001
- delete  egress rule tcp 5000 to task/web of security group alb/web
- delete  ingress rule tcp 5000 from alb/web of security group task/web
- delete  target group tg-web-5000-production-pr1
1 to create, 5 to update, 3 to delete (28 kept)
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert_eq!(changed.end(), expected);
    assert_eq!(changed.code, 10);
}

#[test]
fn what_is_there_is_listed_under_its_part_and_what_goes_is_counted() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.pipe(&recipe(&["up"], "pr1")).ok();
    let list = Terminal::of(&aws, 120, 24).run(&recipe(&["ls"], "pr1"));
    let expected = "\
production-pr1 · us-east-1 · 123456789012
├ network
│   vpc main               vpc-… 10.0.0.0/16
│   internet gateway main  igw-…
│   subnet private-a       subnet-…
│   subnet private-b       subnet-…
│   subnet public-a        subnet-…
│   subnet public-b        subnet-…
│   route table private-a  rtb-…
│   route table private-b  rtb-…
│   route table public     rtb-…
│   elastic ip nat-a       eipalloc-…
│   elastic ip nat-b       eipalloc-…
│   nat gateway a          nat-…
│   nat gateway b          nat-…
│   egress main            nat
├ shared
│   cluster main           cluster-production-pr1
├ api
│   app api                port 5000, registry.example/api:1
│   alb api                alb-api-int-production-pr1-1.us-east-1.elb.amazonaws.com internal
│   listener api           alb-api-int-production-pr1
│   target group api       tg-api-5000-1vx4-production-pr1
│   sg alb/api             sg-…
│   sg task/api            sg-…
│   task definition api    registry.example/api:1
│   service api            service-api-production-pr1
│   repo api               123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-api-production-pr1
│   role execution/api     role-execution-api-us-east-1-production-pr1
│   log group api          /ecs/production-pr1/api
└ web
    app web                port 5000, public, calls api, registry.example/web:1
    alb web                alb-web-production-pr1-1.us-east-1.elb.amazonaws.com internet-facing
    listener web           alb-web-production-pr1
    target group web       tg-web-5000-production-pr1
    sg alb/web             sg-…
    sg task/web            sg-…
    task definition web    registry.example/web:1
    service web            service-web-production-pr1
    repo web               123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1
    role execution/web     role-execution-web-us-east-1-production-pr1
    log group web          /ecs/production-pr1/web
web: http://alb-web-production-pr1-1.us-east-1.elb.amazonaws.com/
";
    assert_eq!(list.end(), expected);

    let down = Terminal::of(&aws, 80, 24).run(&recipe(&["down"], "pr1"));
    let expected = "\
production-pr1 · us-east-1 · 123456789012
├ ✓ network  13 of 13 deleted
├ ✓ shared   1 of 1 deleted
├ ✓ api      10 of 10 deleted
└ ✓ web      10 of 10 deleted
0 created, 0 updated, 34 deleted in T
";
    assert_eq!(down.end(), expected);
}

#[test]
fn a_pipeline_has_a_branch_and_what_a_person_must_do_stays_on_the_screen() {
    let aws = LocalAws::start();
    let shown = Terminal::of(&aws, 240, 24).run(&replaced(
        &recipe(&["pipeline-up"], "pr1"),
        "mk-pipeline",
        "mk-pipeline --handshake 0",
    ));
    let click = "open https://console.aws.amazon.com/codesuite/settings/connections?region=ap-southeast-1, choose connection-production-pr1 and 'Update pending connection'";
    let expected = format!(
        "\
mk-connection: {click}
production-pr1 · ap-southeast-1 · 123456789012
├ ✓ shared        2 created  connection · bucket
└ ✗ pipeline web  9 created  owner/web · main
11 created, 0 updated, 0 deleted in T
mk-pipeline: connection connection-production-pr1 is PENDING until a person finishes it
  try: {click}; then run the pipeline again
"
    );
    assert_eq!(shown.end(), expected);
    assert_eq!(shown.code, 75);
}

#[test]
fn one_tool_alone_shows_its_record_in_a_few_words() {
    let aws = LocalAws::start();
    let shown = Terminal::of(&aws, 80, 24).run("mk-env production pr1 | mk-app web --public");
    let expected = "\
production-pr1 · us-east-1 · 123456789012
└ web
    app web  port 5000, public
";
    assert_eq!(shown.end(), expected);
}
