//! What it brings into line, completes and makes again.

use support::{DOWN, Faults, LocalAws, Value, json, rewrite, text};

use super::{MAKE, MAKE_SINGLE, refuse};

/// A NAT gateway of whose address the answers to a call say nothing.
fn without_address(call: &str) -> Value {
    rewrite(call, "<natGatewayAddressSet>.*?</natGatewayAddressSet>", "")
}

fn addresses(aws: &LocalAws) -> Vec<Value> {
    let found = aws.call("ec2", "describe_addresses", json!({}));
    found["Addresses"].as_array().unwrap().clone()
}

/// How many addresses were asked to be released.
fn releases(aws: &LocalAws) -> usize {
    let calls = aws.calls().into_iter();
    calls
        .filter(|call| call["action"] == "ReleaseAddress")
        .count()
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let vpc = made.record("vpc", "main");
    let table = made.record("route_table", "private-a");
    aws.call(
        "ec2",
        "delete_route",
        json!({"RouteTableId": table["id"], "DestinationCidrBlock": "0.0.0.0/0"}),
    );
    aws.call(
        "ec2",
        "create_tags",
        json!({"Resources": [vpc["id"]], "Tags": [{"Key": "Team", "Value": "nobody"}]}),
    );
    aws.forget();
    let again = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), ["ec2:CreateTags", "ec2:CreateRoute"]);
    assert!(
        again.stderr.contains(&format!(
            "mk-vpc: updated vpc main {} (tag Team: nobody -> devops)",
            text(&vpc["id"])
        )),
        "{}",
        again.stderr
    );
}

#[test]
fn a_nat_gateway_that_failed_is_replaced() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    aws.call(
        "ec2",
        "delete_nat_gateway",
        json!({"NatGatewayId": made.record("nat_gateway", "a")["id"]}),
    );
    std::thread::sleep(std::time::Duration::from_millis(300)); // the local AWS's moment
    let again = aws.pipe(MAKE).ok();
    assert_eq!(again.record("nat_gateway", "a")["change"], "created");
    assert_eq!(again.record("nat_gateway", "b")["change"], "kept");
}

#[test]
fn a_run_that_ended_with_the_second_zone_alone_is_completed() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let mut first = refuse(
        "ec2:CreateSubnet",
        "before",
        "InsufficientFreeAddressesInSubnet",
    );
    first[0]["times"] = 2.into(); // those of zone a
    faults.rules(first);
    assert_eq!(faults.pipe(MAKE).code, 1);
    faults.end();
    let made = aws.pipe(MAKE).ok();
    assert_eq!(
        made.record("vpc", "main")["private_subnets"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    aws.forget();
    aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn an_association_that_fails_late_is_told_and_made_again() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let slow = rewrite(
        "ec2:AssociateRouteTable",
        "<state>associated</state>",
        "<state>associating</state>",
    );
    let failed = "<state>failed</state><statusMessage>No room</statusMessage>";
    let fails = rewrite(
        "ec2:DescribeRouteTables",
        "<state>associated</state>",
        failed,
    );
    faults.rules(json!([slow, fails]));
    let output = faults.pipe(MAKE_SINGLE);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains(": No room (ec2:AssociateRouteTable, failed)\n"),
        "{}",
        output.stderr
    );
    assert!(!output.stdout.contains("\"egress\""), "{}", output.stdout);
    // The next run finds it as it is, takes it away, and associates anew.
    let mut once = fails.clone();
    once["times"] = 1.into();
    faults.rules(json!([once]));
    faults.pipe(MAKE_SINGLE).ok();
    let seen = faults.told()["seen"].to_string();
    assert!(
        seen.contains("ec2:DisassociateRouteTable") && seen.contains("ec2:AssociateRouteTable"),
        "{seen}"
    );
    faults.end();
    aws.forget();
    aws.pipe(MAKE_SINGLE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    // And one that takes its time is waited for.
    aws.pipe(DOWN).ok();
    let mut late = rewrite(
        "ec2:DescribeRouteTables",
        "<state>associated</state>",
        "<state>associating</state>",
    );
    late["times"] = 1.into();
    faults.rules(json!([slow, late]));
    faults.pipe(MAKE_SINGLE).ok();
    assert!(
        faults.told()["done"]
            .to_string()
            .contains("DescribeRouteTables")
    );
}

#[test]
fn an_address_is_spare_only_where_the_nat_gateway_tells_of_another() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let unused = rewrite(
        "ec2:DescribeAddresses",
        "<(associationId|networkInterfaceId)>[^<]*</[^>]*>",
        "",
    );

    // EC2 never says which address it has: nothing is released, and the next run takes the same.
    faults.rules(json!([
        without_address("ec2:CreateNatGateway"),
        without_address("ec2:DescribeNatGateways"),
        unused
    ]));
    faults.pipe(MAKE_SINGLE).ok();
    let made = addresses(&aws);
    assert_eq!((made.len(), releases(&aws)), (1, 0));
    aws.forget();
    faults.pipe(MAKE_SINGLE).ok();
    assert_eq!((addresses(&aws), aws.changes()), (made, Vec::new()));
    faults.end();
    aws.pipe(DOWN).ok();

    // A later answer says it: what a repeated call allocated twice is released, and nothing else.
    aws.forget();
    faults.rules(json!([
        {"do": "cut", "of": "ec2:AllocateAddress", "nth": 1, "when": "after"},
        without_address("ec2:CreateNatGateway")
    ]));
    let made = faults.pipe(MAKE_SINGLE).ok();
    assert_eq!((addresses(&aws).len(), releases(&aws)), (1, 1));
    let used = &made.record("elastic_ip", "nat-a")["id"];
    assert_eq!(addresses(&aws)[0]["AllocationId"], *used);
    let mut told = made.records();
    told.retain(|record| record["type"] == "elastic_ip" && record["change"] == "deleted");
    assert_eq!(told.len(), 1, "{}", made.stdout);
    assert_ne!(told[0]["id"], *used);
}
