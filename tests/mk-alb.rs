//! mk-alb: its command line, and the load balancers it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-alb/by_hand.rs"]
mod by_hand;
#[path = "mk-alb/conflict.rs"]
mod conflict;
#[path = "mk-alb/elb.rs"]
mod elb;
#[path = "mk-alb/environment.rs"]
mod environment;
#[path = "mk-alb/input.rs"]
mod input;
#[path = "mk-alb/listener.rs"]
mod listener;
#[path = "mk-alb/make.rs"]
mod make;
#[path = "mk-alb/moving.rs"]
mod moving;
#[path = "mk-alb/options.rs"]
mod options;
#[path = "mk-alb/runs.rs"]
mod runs;
#[path = "mk-alb/zones.rs"]
mod zones;

use support::{ENV, LocalAws};

use input::dry_run;

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-alb", &[]);
}

#[test]
fn without_a_network_it_says_which_tool_makes_one() {
    let aws = LocalAws::start();
    let output = aws.pipe("mk-env production pr1 | mk-app web --public | mk-alb");
    assert_eq!(output.code, 65);
    assert_eq!(
        output.stderr,
        "mk-alb: no vpc record on stdin\n  try: mk-vpc | mk-alb\n"
    );
}

#[test]
fn bad_input_is_refused_before_any_call() {
    let aws = LocalAws::start();
    let app = r#"{"type":"app","name":"web","health":"no path"}"#;
    let output = aws.pipe_with("mk-alb", &format!("{ENV}\n{app}\n"));
    assert_eq!((output.code, aws.calls()), (65, Vec::new()));
}

#[test]
fn a_network_in_one_zone_is_refused() {
    let aws = LocalAws::start();
    let input = [
        ENV,
        r#"{"type":"app","name":"web","public":true}"#,
        r#"{"type":"vpc","name":"main","id":"planned:vpc","cidr":"10.0.0.0/16","public_subnets":["planned:a"],"private_subnets":["planned:b"]}"#,
        r#"{"type":"sg","name":"alb/web","id":"planned:sg"}"#,
    ];
    let output = aws.pipe_with("mk-alb", &dry_run(&input.join("\n")));
    assert_eq!(output.code, 65);
    assert!(
        output.stderr.contains(
            "mk-alb: vpc 'main' has 1 of the two public subnets that a load balancer needs, in different zones\n"
        ),
        "{}",
        output.stderr
    );
}
