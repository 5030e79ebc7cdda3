//! mk-vpc: its command line, and the network it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-vpc/copied_tags.rs"]
mod copied_tags;
#[path = "mk-vpc/delete.rs"]
mod delete;
#[path = "mk-vpc/guard_duty.rs"]
mod guard_duty;
#[path = "mk-vpc/lost_tags.rs"]
mod lost_tags;
#[path = "mk-vpc/make.rs"]
mod make;
#[path = "mk-vpc/mend.rs"]
mod mend;
#[path = "mk-vpc/others.rs"]
mod others;
#[path = "mk-vpc/zones.rs"]
mod zones;

use support::{ENV, Faults, LocalAws, Output, Value, json, rewrite, text, tool};

const MAKE: &str = "mk-env production pr1 | mk-vpc";
const MAKE_SINGLE: &str = "mk-env production pr1 | mk-vpc --nat single";

const PRUNE: &str = "prune-env --confirm production-pr1";

/// That a run names something of ours that it does not need, and writes it for prune-env.
fn assert_told(output: &Output, kind: &str, name: &str, id: &Value) {
    let line = format!(
        "mk-vpc: {} {} is tagged as this environment's, and nothing needs it: it stays until it is pruned\n",
        kind.replace('_', " "),
        text(id)
    );
    assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
    let unwanted = output.record("unwanted", &format!("{kind}/{name}"));
    assert_eq!(unwanted["record"]["id"], *id);
}

fn refuse(call: &str, when: &str, code: &str) -> Value {
    json!([{"do": "refuse", "of": call, "when": when, "code": code, "message": "The maximum has been reached."}])
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-vpc", &[]);
}

#[test]
fn without_an_environment_it_says_how_to_name_one() {
    let output = tool("mk-vpc", &[], "");
    assert_eq!(output.code, 65);
    assert_eq!(
        output.stderr,
        "mk-vpc: no env record on stdin, and no --env\n  try: mk-env production pr123 | mk-vpc, or mk-vpc --env production-pr123\n"
    );
}

#[test]
fn a_wrong_range_is_refused_by_name() {
    let output = tool("mk-vpc", &["--cidr", "10.0.1.0/16"], ENV);
    assert_eq!(output.code, 2);
    assert!(
        output.stderr.contains("did you mean 10.0.0.0/16?"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_range_that_aws_does_not_take_is_refused_with_the_reason() {
    for (range, why) in [
        ("224.0.0.0/16", "224.0.0.0/4, which is for multicast"),
        (
            "127.0.0.0/16",
            "127.0.0.0/8, which never leaves a machine (loopback)",
        ),
        ("169.254.0.0/24", "169.254.0.0/16, which is link-local"),
        ("0.1.0.0/16", "0.0.0.0/8, which means this host itself"),
    ] {
        let output = tool("mk-vpc", &["--cidr", range], ENV);
        assert_eq!(output.code, 2, "{range}");
        let told = format!("AWS takes no VPC in {why}");
        assert!(output.stderr.contains(&told), "{range}: {}", output.stderr);
    }
}

#[test]
fn another_range_is_refused_before_any_change() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    aws.forget();
    let output = aws.pipe("mk-env production pr1 | mk-vpc --cidr 10.1.0.0/16");
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output
            .stderr
            .contains("has range 10.0.0.0/16, wanted 10.1.0.0/16; a range cannot be changed"),
        "{}",
        output.stderr
    );
}

#[test]
fn credentials_of_another_account_are_refused_before_any_change() {
    let aws = LocalAws::start();
    let output = aws.pipe("mk-env production pr1 --account 999999999999 | mk-vpc");
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.contains(
            "the credentials are of account 123456789012, but the environment is in 999999999999"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn fewer_zones_than_wanted_is_refused_before_any_change() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let one = "<availabilityZoneInfo><item><zoneName>us-east-1a</zoneName><zoneState>available</zoneState></item></availabilityZoneInfo>";
    faults.rules(json!([rewrite(
        "ec2:DescribeAvailabilityZones",
        "(?s)<availabilityZoneInfo>.*</availabilityZoneInfo>",
        one
    )]));
    let output = faults.pipe(MAKE);
    assert_eq!(
        (output.code, aws.changes()),
        (1, Vec::new()),
        "{}",
        output.stderr
    );
    assert_eq!(
        output.stderr,
        "mk-vpc: us-east-1 offers 1 of the 2 zones that are wanted\n"
    );
}
