//! In which zones it is: named, chosen, refused by AWS, and left for others.

use std::collections::BTreeSet;

use support::{DOWN, Faults, LocalAws, Output, Value, json, list, rewrite, text};

use super::PRUNE;

const B_AND_C: &str = "mk-env production pr1 | mk-vpc --zone us-east-1b --zone us-east-1c";
const LIST: &str = "ls-env --env production-pr1";

fn make(flags: &str) -> String {
    format!("mk-env production pr1 | mk-vpc {flags}")
}

/// The zones of the subnets that there are.
fn zones(aws: &LocalAws) -> BTreeSet<String> {
    let found = aws.call("ec2", "describe_subnets", json!({}));
    let mut zones = BTreeSet::new();
    for subnet in list(&found["Subnets"]) {
        if subnet["DefaultForAz"] != true {
            zones.insert(text(&subnet["AvailabilityZone"]).to_string());
        }
    }
    zones
}

fn set(letters: &str) -> BTreeSet<String> {
    let zones = letters.chars().map(|letter| format!("us-east-1{letter}"));
    zones.collect()
}

/// Refused with code 2, and nothing is changed.
fn refused(aws: &LocalAws, flags: &str, told: &str) {
    let output = aws.pipe(&make(flags));
    assert_eq!((output.code, aws.changes()), (2, Vec::new()), "{flags}");
    assert!(output.stderr.contains(told), "{flags}: {}", output.stderr);
}

#[test]
fn zones_are_named_by_name_or_id_and_others_are_chosen_beside_them() {
    for (flags, expected) in [
        ("--zone us-east-1b --zone us-east-1d", "bd"),
        ("--zone use1-az2 --zone us-east-1b", "bc"),
        ("--zone use1-az5 --zones 3 --nat single", "abf"),
    ] {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        let made = aws.pipe(&make(flags)).ok();
        assert_eq!(zones(&aws), set(expected), "{flags}");
        let told = list(&made.record("vpc", "main")["zones"]).len();
        assert_eq!(told, expected.len(), "{flags}");
        aws.forget();
        aws.pipe(&make(flags)).ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{flags}");
        // Who does not say it again keeps them.
        aws.pipe(&make(&format!(
            "--zones {} {}",
            expected.len(),
            if flags.contains("single") {
                "--nat single"
            } else {
                ""
            }
        )))
        .ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{flags}");
    }
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    let aws = LocalAws::start();
    for (flags, told) in [
        (
            "--zone us-east-1b",
            "--zone us-east-1b is one zone, and a load balancer needs two",
        ),
        (
            "--zone us-east-1b --zone us-east-1b",
            "--zone us-east-1b is given twice",
        ),
        (
            "--zone us-east-1b --zone use1-az1",
            "--zone names us-east-1b (use1-az1) twice, by name and by ID",
        ),
        (
            "--zone us-east-1a --zone us-east-1b --zone us-east-1c --zones 2",
            "--zones 2 is fewer than the 3 that --zone names",
        ),
        (
            "--cidr 10.0.0.0/24 --zones 5",
            "5 zones have no room in a range of this size: 4 have",
        ),
        (
            "--zone us-east-1b --zone us-east-1z",
            "--zone us-east-1z is no zone of us-east-1; zones of us-east-1: us-east-1a (use1-az6), us-east-1b (use1-az1), ",
        ),
        (
            "--zone eu-west-1a --zone us-east-1b",
            "--zone eu-west-1a is no zone of us-east-1",
        ),
        (
            "--zone us-east-1b --zone us-east-1-bos-1a",
            "--zone us-east-1-bos-1a is a local zone, where Fargate does not run",
        ),
        (
            "--zone use1-atl2-az1 --zone us-east-1b",
            "--zone use1-atl2-az1 is a local zone, where Fargate does not run",
        ),
        (
            "--zone us-east-1b --zone use1-wl1-bos-wlz1",
            "--zone use1-wl1-bos-wlz1 is a wavelength zone, where Fargate does not run",
        ),
    ] {
        refused(&aws, flags, told);
    }
}

#[test]
fn what_aws_refuses_in_a_zone_names_the_zone_and_the_flag() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    for (call, code, message) in [
        (
            "ec2:CreateSubnet",
            "InvalidParameterValue",
            "Value (us-east-1a) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1b, us-east-1c.",
        ),
        (
            "ec2:CreateNatGateway",
            "NotAvailableInZone",
            "Nat Gateway is not available in this availability zone",
        ),
    ] {
        let rule = json!({"do": "refuse", "of": call, "nth": 1, "code": code, "message": message});
        faults.rules(json!([rule]));
        aws.pipe(DOWN).ok();
        let output = faults.pipe(&make("--nat single"));
        assert_eq!(output.code, 1, "{}", output.stderr);
        // The calls for both zones are under way at once, and either may be the first.
        let hint =
            "mk-vpc --zone NAME_OR_ID, once for each, takes other zones instead of us-east-1";
        assert!(output.stderr.contains(hint), "{}", output.stderr);
        assert!(output.stderr.contains(code), "{}", output.stderr);
        faults.end();
    }
    // It may also come out later, when the call has long been answered.
    aws.pipe(DOWN).ok();
    let failed = "<state>failed</state><failureCode>NotAvailableInZone</failureCode>";
    let pending = rewrite(
        "ec2:CreateNatGateway",
        "<state>available</state>",
        "<state>pending</state>",
    );
    let fails = rewrite(
        "ec2:DescribeNatGateways",
        "<state>(available|pending)</state>",
        failed,
    );
    faults.rules(json!([pending, fails]));
    let output = faults.pipe(&make("--nat single"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    let told = "is failed: NotAvailableInZone (ec2:CreateNatGateway)\n  try: mk-vpc --zone NAME_OR_ID, once for each, takes other zones instead of us-east-1a\n";
    assert!(output.stderr.contains(told), "{}", output.stderr);
    faults.end();
    // As it helps: nothing is left of the zone that does not take it.
    aws.pipe(&format!("{B_AND_C} --nat single | {PRUNE}")).ok();
    assert_eq!(zones(&aws), set("bc"));
    aws.pipe(DOWN).ok();
}

#[test]
fn a_zone_is_left_and_another_one_taken() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let before = aws.pipe(&make("")).ok();
    let planned = aws
        .pipe(&B_AND_C.replace("mk-env", "mk-env --plan"))
        .would_change();
    assert_eq!(planned.record("subnet", "private-c")["change"], "create");
    let after = aws.pipe(&format!("{B_AND_C} | prune-env")).ok();
    // It grows first.
    assert_eq!(zones(&aws), set("abc"));
    let vpc = after.record("vpc", "main");
    assert_eq!(vpc["zones"], json!(["us-east-1b", "us-east-1c"]));
    let id = |kind: &str, name: &str| before.record(kind, name)["id"].clone();
    let left = json!([id("subnet", "public-a"), id("subnet", "private-a")]);
    assert_eq!(sorted(&vpc["left_subnets"]), sorted(&left));
    for (kind, name) in [
        ("subnet", "public-a"),
        ("subnet", "private-a"),
        ("route_table", "private-a"),
        ("nat_gateway", "a"),
        ("elastic_ip", "nat-a"),
    ] {
        let unwanted = after.record("unwanted", &format!("{kind}/{name}"));
        assert_eq!(unwanted["record"]["id"], id(kind, name));
    }
    // Who asks AWS later puts nothing into it either, and who says no zone stays where it is.
    let listed = aws.pipe(LIST).ok();
    for field in ["public_subnets", "private_subnets", "zones"] {
        assert_eq!(listed.record("vpc", "main")[field], vpc[field], "{field}");
    }
    assert_eq!(listed.record("egress", "main")["by"], "nat");
    aws.forget();
    aws.pipe(&make("")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    // Then it shrinks, and nothing is left.
    aws.pipe(&format!("{B_AND_C} | {PRUNE}")).ok();
    assert_eq!(zones(&aws), set("bc"));
    let addresses = aws.call("ec2", "describe_addresses", json!({}));
    assert_eq!(list(&addresses["Addresses"]).len(), 2);
    aws.forget();
    let again = aws.pipe(&format!("{B_AND_C} | {PRUNE}")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert!(!again.stdout.contains("unwanted") && !again.stdout.contains("left_subnets"));
    aws.pipe(DOWN).ok();
    assert_eq!(zones(&aws), BTreeSet::new());
}

#[test]
fn a_zone_that_was_left_and_is_still_there_is_taken_again() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(&make("--zones 3")).ok();
    let fewer = aws.pipe(&make("--zones 2")).ok();
    assert_eq!(
        fewer.record("unwanted", "subnet/private-c")["record"]["id"],
        made.record("subnet", "private-c")["id"]
    );
    aws.forget();
    let again = aws.pipe(&make("--zones 3")).ok();
    assert_eq!(aws.changes(), ["ec2:DeleteTags"; 2]);
    assert_eq!(
        again.record("subnet", "private-c")["changes"],
        json!([{"field": "left", "old": "true", "new": "false"}])
    );
    for field in ["public_subnets", "private_subnets"] {
        let vpc = again.record("vpc", "main");
        assert_eq!(vpc[field], made.record("vpc", "main")[field]);
    }
    assert!(!again.stdout.contains("left_subnets"), "{}", again.stdout);
}

#[test]
fn a_zone_is_left_and_taken_again_however_often() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    aws.pipe(&make("--zones 3 --nat single")).ok();
    for time in 1..=7 {
        aws.pipe(&make(
            "--zones 2 --nat single | prune-env --confirm production-pr1",
        ))
        .ok();
        let again = aws.pipe(&make("--zones 3 --nat single"));
        assert_eq!(again.code, 0, "the {time}. time: {}", again.stderr);
        assert_eq!(
            again.ok().record("route_table", "private-c")["change"],
            "created"
        );
    }
}

#[test]
fn the_only_nat_gateway_moves_with_the_zone_that_is_left() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(&make("--nat single")).ok();
    let nat = made.record("nat_gateway", "a")["id"].clone();
    let moved = aws.pipe(&format!("{B_AND_C} --nat single | {PRUNE}")).ok();
    assert_eq!(moved.record("egress", "main")["by"], "nat-single");
    assert_eq!(moved.record("nat_gateway", "a")["change"], "deleted");
    let listed = aws.pipe(LIST).ok();
    let other = listed.record("nat_gateway", "b")["id"].clone();
    assert_ne!(other, nat);
    let tables = aws.call("ec2", "describe_route_tables", json!({}));
    let routes = tables.to_string();
    assert_eq!(routes.matches(text(&other)).count(), 2, "{routes}");
    assert!(!routes.contains(text(&nat)), "{routes}");
    assert_eq!(listed.record("egress", "main")["by"], "nat-single");
    // Of three zones the one with it stays.
    aws.pipe(&make("--zones 3 --nat single")).ok();
    aws.forget();
    aws.pipe(&format!("{} | {PRUNE}", make("--zones 2 --nat single")))
        .ok();
    let changes = aws.changes();
    assert!(
        !changes.contains(&"ec2:CreateNatGateway".to_string()),
        "{changes:?}"
    );
    assert_eq!(aws.pipe(LIST).ok().record("nat_gateway", "b")["id"], other);
}

#[test]
fn a_zone_with_something_of_somebody_elses_in_it_stays_whole_and_that_is_named() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(&make("")).ok();
    let subnet = made.record("subnet", "private-a")["id"].clone();
    let theirs = json!({"SubnetId": subnet, "Description": "theirs"});
    let theirs = aws.call("ec2", "create_network_interface", theirs);
    let theirs = &theirs["NetworkInterface"]["NetworkInterfaceId"];
    aws.forget();
    let output = aws.pipe(&format!("{B_AND_C} | {PRUNE}"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    let line = format!(
        "prune-env: cannot delete {}: in the way, and not this environment's: network interface {} (theirs)\n",
        text(&subnet),
        text(theirs)
    );
    assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
    let deletes = |change: &String| change.contains(":Delete") || change.contains(":Release");
    assert!(!aws.changes().iter().any(deletes), "{:?}", aws.changes());
    assert_eq!(
        aws.pipe(LIST).ok().record("nat_gateway", "a")["id"],
        made.record("nat_gateway", "a")["id"]
    );
}

#[test]
fn the_smallest_range_takes_load_balancers_and_holds_four_zones_with_those_that_are_left() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let up = |flags: &str| {
        format!(
            "mk-env production pr1 | mk-app web --public | mk-app api | mk-vpc --cidr 10.7.8.0/24 {flags} --nat single | mk-sg | mk-alb"
        )
    };
    aws.pipe(&up("")).ok();
    let ranges = |output: &Output| -> Vec<Value> {
        let found = aws.call(
            "ec2",
            "describe_subnets",
            json!({"SubnetIds": output.record("vpc", "main")["private_subnets"]}),
        );
        let subnets = list(&found["Subnets"]).iter();
        subnets.map(|subnet| subnet["CidrBlock"].clone()).collect()
    };
    let moved = aws.pipe(&up("--zone us-east-1c --zone us-east-1d")).ok();
    assert_eq!(
        ranges(&moved),
        [json!("10.7.8.192/27"), json!("10.7.8.224/27")]
    );
    let refused = aws.pipe(&up("--zone us-east-1e --zone us-east-1f"));
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    let told = "mk-vpc: range 10.7.8.0/24 has no room for zone us-east-1e: it holds 4 zones at a time, with those that are left\n  try: first take away what is left, with prune-env --confirm production-pr1, or";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
}

#[test]
fn where_fargate_does_not_run_is_not_chosen_and_told_where_it_is_named() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    // ca-central-1d is cac1-az4.
    let canada = "mk-env production pr1 --region ca-central-1 --plan | mk-vpc --nat single";
    let chosen = aws.pipe(canada).would_change();
    let zones = json!(["ca-central-1a", "ca-central-1b"]);
    assert_eq!(chosen.record("vpc", "main")["zones"], zones);
    let three = aws.pipe(&format!("{canada} --zones 3"));
    assert_eq!(three.code, 1, "{}", three.stderr);
    let told = "mk-vpc: ca-central-1 offers 2 of the 3 zones that are wanted; Fargate does not run in ca-central-1d (cac1-az4)\n  try: mk-vpc --zone NAME_OR_ID takes one all the same\n";
    assert!(three.stderr.contains(told), "{}", three.stderr);
    let named = aws
        .pipe(&format!("{canada} --zone cac1-az4 --zones 2"))
        .would_change();
    let zones = json!(["ca-central-1d", "ca-central-1a"]);
    assert_eq!(named.record("vpc", "main")["zones"], zones);
    let told = "zone ca-central-1d (cac1-az4) is not among those where Fargate runs";
    assert!(named.stderr.contains(told), "{}", named.stderr);
}

fn sorted(ids: &Value) -> BTreeSet<&str> {
    list(ids).iter().map(text).collect()
}
