//! mk-vpc: its command line, and the network it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, LocalAws, json, tags, text, tool};

const MAKE: &str = "mk-env production pr1 | mk-vpc";

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
    assert!(output.stderr.contains("did you mean 10.0.0.0/16?"), "{}", output.stderr);
}

#[test]
fn it_makes_a_network_in_two_zones_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let vpc = made.record("vpc", "main");
    assert_eq!(
        (vpc["public_subnets"].as_array().unwrap().len(), vpc["private_subnets"].as_array().unwrap().len()),
        (2, 2)
    );
    assert_eq!(made.record("egress", "main")["by"], "nat");

    let subnets = aws.call("ec2", "describe_subnets", json!({"Filters": [{"Name": "vpc-id", "Values": [vpc["id"]]}]}));
    let zone = |id: &support::Value| {
        text(&subnets["Subnets"].as_array().unwrap().iter().find(|s| s["SubnetId"] == *id).unwrap()["AvailabilityZone"])
            .to_string()
    };
    assert_eq!([zone(&vpc["private_subnets"][0]), zone(&vpc["private_subnets"][1])], ["us-east-1a", "us-east-1b"]);
    for subnet in subnets["Subnets"].as_array().unwrap() {
        let tags = tags(&subnet["Tags"]);
        assert_eq!((&tags["plumbline:env"], &tags["Team"]), (&json!("production-pr1"), &json!("devops")));
    }
    // Each private subnet leaves through the NAT gateway of its own zone.
    let tables =
        aws.call("ec2", "describe_route_tables", json!({"Filters": [{"Name": "vpc-id", "Values": [vpc["id"]]}]}));
    let nats = aws.call("ec2", "describe_nat_gateways", json!({}));
    for subnet in vpc["private_subnets"].as_array().unwrap() {
        let uses = |table: &&support::Value| {
            table["Associations"].as_array().unwrap().iter().any(|a| a["SubnetId"] == *subnet)
        };
        let table = tables["RouteTables"].as_array().unwrap().iter().find(uses).unwrap();
        let route =
            table["Routes"].as_array().unwrap().iter().find(|r| r["DestinationCidrBlock"] == "0.0.0.0/0").unwrap();
        let nat = nats["NatGateways"]
            .as_array()
            .unwrap()
            .iter()
            .find(|n| n["NatGatewayId"] == route["NatGatewayId"])
            .unwrap();
        assert_eq!(zone(&nat["SubnetId"]), zone(subnet));
    }
    // The default group admits nothing and lets nothing out.
    let filters =
        json!({"Filters": [{"Name": "vpc-id", "Values": [vpc["id"]]}, {"Name": "group-name", "Values": ["default"]}]});
    let groups = aws.call("ec2", "describe_security_groups", filters);
    let group = &groups["SecurityGroups"][0];
    assert_eq!((&group["IpPermissions"], &group["IpPermissionsEgress"]), (&json!([]), &json!([])));

    aws.forget();
    let again = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("vpc", "main")["id"], vpc["id"]);
    assert!(again.stderr.contains("mk-vpc: nothing to change (13 kept)"), "{}", again.stderr);
}

#[test]
fn a_single_nat_serves_both_zones() {
    let aws = LocalAws::start();
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    assert_eq!(made.record("egress", "main")["by"], "nat-single");
    assert_eq!(aws.changes().iter().filter(|change| *change == "ec2:CreateNatGateway").count(), 1);
    // Two where one is wanted are not made one by deleting what may be in use.
    let two = aws.pipe("mk-env production pr1 | mk-vpc").ok();
    let one = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    let spare = two.record("nat_gateway", "b");
    assert!(one.stderr.contains(&format!("nat gateway {} in ", text(&spare["id"]))), "{}", one.stderr);
    assert!(one.stderr.contains(" is used no more; it stays"), "{}", one.stderr);
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws.pipe("mk-env production pr1 --plan | mk-vpc").would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("vpc", "main")["id"], "planned:vpc-production-pr1");
    let made = aws.pipe(MAKE).ok();
    let keys = |output: &support::Output| {
        let mut keys: Vec<String> = output.records().iter().map(|r| format!("{} {}", r["type"], r["name"])).collect();
        keys.sort();
        keys.dedup();
        keys
    };
    assert_eq!(keys(&planned), keys(&made));
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let vpc = made.record("vpc", "main");
    let table = made.record("route_table", "private-a");
    aws.call("ec2", "delete_route", json!({"RouteTableId": table["id"], "DestinationCidrBlock": "0.0.0.0/0"}));
    aws.call("ec2", "create_tags", json!({"Resources": [vpc["id"]], "Tags": [{"Key": "Team", "Value": "nobody"}]}));
    aws.forget();
    let again = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), ["ec2:CreateTags", "ec2:CreateRoute"]);
    assert!(
        again.stderr.contains(&format!("mk-vpc: updated vpc main {} (tag Team: nobody -> devops)", text(&vpc["id"]))),
        "{}",
        again.stderr
    );
}

#[test]
fn a_nat_gateway_that_failed_is_replaced() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    aws.call("ec2", "delete_nat_gateway", json!({"NatGatewayId": made.record("nat_gateway", "a")["id"]}));
    std::thread::sleep(std::time::Duration::from_millis(300)); // the local AWS's moment
    let again = aws.pipe(MAKE).ok();
    assert_eq!(again.record("nat_gateway", "a")["change"], "created");
    assert_eq!(again.record("nat_gateway", "b")["change"], "kept");
}

#[test]
fn another_range_is_refused_before_any_change() {
    let aws = LocalAws::start();
    aws.pipe(MAKE).ok();
    aws.forget();
    let output = aws.pipe("mk-env production pr1 | mk-vpc --cidr 10.1.0.0/16");
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.contains("has range 10.0.0.0/16, wanted 10.1.0.0/16; a range cannot be changed"),
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
        output.stderr.contains("the credentials are of account 123456789012, but the environment is in 999999999999"),
        "{}",
        output.stderr
    );
}
