//! mk-vpc: its command line, and the network it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, Faults, LocalAws, Value, json, tags, text, tool};

const MAKE: &str = "mk-env production pr1 | mk-vpc";
const DOWN: &str = "ls-env --env production-pr1 | rm-env --confirm production-pr1";

fn refuse(call: &str, when: &str, code: &str) -> Value {
    json!([{"do": "refuse", "of": call, "when": when, "code": code, "message": "The maximum has been reached."}])
}

fn rewrite(call: &str, matches: &str, by: &str) -> Value {
    json!({"do": "rewrite", "of": call, "match": matches, "by": by})
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
fn it_makes_a_network_in_two_zones_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let vpc = made.record("vpc", "main");
    assert_eq!(
        (
            vpc["public_subnets"].as_array().unwrap().len(),
            vpc["private_subnets"].as_array().unwrap().len()
        ),
        (2, 2)
    );
    assert_eq!(made.record("egress", "main")["by"], "nat");

    let subnets = aws.call(
        "ec2",
        "describe_subnets",
        json!({"Filters": [{"Name": "vpc-id", "Values": [vpc["id"]]}]}),
    );
    let zone = |id: &support::Value| {
        text(
            &subnets["Subnets"]
                .as_array()
                .unwrap()
                .iter()
                .find(|s| s["SubnetId"] == *id)
                .unwrap()["AvailabilityZone"],
        )
        .to_string()
    };
    assert_eq!(
        [
            zone(&vpc["private_subnets"][0]),
            zone(&vpc["private_subnets"][1])
        ],
        ["us-east-1a", "us-east-1b"]
    );
    for subnet in subnets["Subnets"].as_array().unwrap() {
        let tags = tags(&subnet["Tags"]);
        assert_eq!(
            (&tags["plumbline:env"], &tags["Team"]),
            (&json!("production-pr1"), &json!("devops"))
        );
    }
    // Each private subnet leaves through the NAT gateway of its own zone.
    let tables = aws.call(
        "ec2",
        "describe_route_tables",
        json!({"Filters": [{"Name": "vpc-id", "Values": [vpc["id"]]}]}),
    );
    let nats = aws.call("ec2", "describe_nat_gateways", json!({}));
    for subnet in vpc["private_subnets"].as_array().unwrap() {
        let uses = |table: &&support::Value| {
            table["Associations"]
                .as_array()
                .unwrap()
                .iter()
                .any(|a| a["SubnetId"] == *subnet)
        };
        let table = tables["RouteTables"]
            .as_array()
            .unwrap()
            .iter()
            .find(uses)
            .unwrap();
        let route = table["Routes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["DestinationCidrBlock"] == "0.0.0.0/0")
            .unwrap();
        let nat = nats["NatGateways"]
            .as_array()
            .unwrap()
            .iter()
            .find(|n| n["NatGatewayId"] == route["NatGatewayId"])
            .unwrap();
        assert_eq!(zone(&nat["SubnetId"]), zone(subnet));
    }
    // The default group admits nothing and lets nothing out.
    let filters = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc["id"]]}, {"Name": "group-name", "Values": ["default"]}]});
    let groups = aws.call("ec2", "describe_security_groups", filters);
    let group = &groups["SecurityGroups"][0];
    assert_eq!(
        (&group["IpPermissions"], &group["IpPermissionsEgress"]),
        (&json!([]), &json!([]))
    );

    aws.forget();
    let again = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(again.record("vpc", "main")["id"], vpc["id"]);
    assert!(
        again.stderr.contains("mk-vpc: nothing to change (13 kept)"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_single_nat_serves_both_zones() {
    let aws = LocalAws::start();
    let made = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    assert_eq!(made.record("egress", "main")["by"], "nat-single");
    assert_eq!(
        aws.changes()
            .iter()
            .filter(|change| *change == "ec2:CreateNatGateway")
            .count(),
        1
    );
    // Two where one is wanted are not made one by deleting what may be in use.
    let two = aws.pipe("mk-env production pr1 | mk-vpc").ok();
    let one = aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
    let spare = two.record("nat_gateway", "b");
    assert!(
        one.stderr
            .contains(&format!("nat gateway {} in ", text(&spare["id"]))),
        "{}",
        one.stderr
    );
    assert!(
        one.stderr.contains(" is used no more; it stays"),
        "{}",
        one.stderr
    );
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-vpc")
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        planned.record("vpc", "main")["id"],
        "planned:vpc-production-pr1"
    );
    let made = aws.pipe(MAKE).ok();
    let keys = |output: &support::Output| {
        let mut keys: Vec<String> = output
            .records()
            .iter()
            .map(|r| format!("{} {}", r["type"], r["name"]))
            .collect();
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
fn a_quota_that_is_reached_is_named_and_what_was_made_is_told_and_goes() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let cases = [
        ("ec2:CreateVpc", "VpcLimitExceeded", "VPCs per Region"),
        (
            "ec2:CreateInternetGateway",
            "InternetGatewayLimitExceeded",
            "Internet gateways per Region",
        ),
        (
            "ec2:AllocateAddress",
            "AddressLimitExceeded",
            "EC2-VPC Elastic IPs",
        ),
        ("ec2:CreateSubnet", "SubnetLimitExceeded", "Subnets per VPC"),
        (
            "ec2:CreateRouteTable",
            "RouteTableLimitExceeded",
            "Route tables per VPC",
        ),
        (
            "ec2:CreateNatGateway",
            "NatGatewayLimitExceeded",
            "NAT gateways per Availability Zone",
        ),
    ];
    for (n, (call, code, quota)) in cases.into_iter().enumerate() {
        faults.rules(refuse(call, "before", code));
        let output = faults.pipe(&format!("mk-env production q{n} | mk-vpc --nat single"));
        assert_eq!(output.code, 1, "{code}: {}", output.stderr);
        let told = format!(
            "The maximum has been reached ({call}, {code}, request faulty-request)\n  try: delete what nobody uses, or have Service Quotas raise '{quota}', and run it again\n"
        );
        assert_eq!(
            output.stderr.matches(&told).count(),
            1,
            "{code}: {}",
            output.stderr
        );
        // All that is there was told.
        let listed = aws.pipe(&format!("ls-env --env production-q{n}")).ok();
        let ids = |output: &support::Output| {
            let ids = output
                .records()
                .into_iter()
                .filter_map(|r| r["id"].as_str().map(String::from));
            ids.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(ids(&output), ids(&listed), "{code}");
    }
    // Also of what has no VPC, nothing is left.
    aws.pipe("ls-env --env production-q0 | rm-env --confirm production-q0")
        .ok();
    assert_eq!(
        aws.pipe("ls-env --env production-q0").ok().records().len(),
        1
    );
}

#[test]
fn where_another_run_took_the_last_that_the_quota_allows_that_one_is_used() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    for (call, code) in [
        ("ec2:CreateVpc", "VpcLimitExceeded"),
        ("ec2:CreateInternetGateway", "InternetGatewayLimitExceeded"),
        ("ec2:AllocateAddress", "AddressLimitExceeded"),
    ] {
        faults.rules(refuse(call, "after", code)); // it is there, and not by this call
        faults
            .pipe("mk-env production pr1 | mk-vpc --nat single")
            .ok();
        let done = faults.told()["done"].as_array().unwrap().len();
        assert_eq!(done, 1, "{code}");
        faults.end();
        aws.forget();
        aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{code}");
        aws.pipe(DOWN).ok();
    }
}

#[test]
fn an_address_is_spare_only_where_the_nat_gateway_tells_of_another() {
    const ONE: &str = "mk-env production pr1 | mk-vpc --nat single";
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let untold = |call: &str| rewrite(call, "<natGatewayAddressSet>.*?</natGatewayAddressSet>", "");
    let unused = rewrite(
        "ec2:DescribeAddresses",
        "<(associationId|networkInterfaceId)>[^<]*</[^>]*>",
        "",
    );
    let addresses = || {
        aws.call("ec2", "describe_addresses", json!({}))["Addresses"]
            .as_array()
            .unwrap()
            .clone()
    };
    let released = || {
        aws.calls()
            .iter()
            .filter(|call| call["action"] == "ReleaseAddress")
            .count()
    };

    // Nobody tells: nothing is released, and the next run takes the same.
    faults.rules(json!([
        untold("ec2:CreateNatGateway"),
        untold("ec2:DescribeNatGateways"),
        unused
    ]));
    faults.pipe(ONE).ok();
    let made = addresses();
    assert_eq!((made.len(), released()), (1, 0));
    aws.forget();
    faults.pipe(ONE).ok();
    assert_eq!((addresses(), aws.changes()), (made.clone(), Vec::new()));
    faults.end();
    aws.pipe(DOWN).ok();

    // A later look tells: what another run left is released, and nothing else.
    let tags = json!([{"ResourceType": "elastic-ip", "Tags": made[0]["Tags"]}]);
    for _ in 0..2 {
        aws.call(
            "ec2",
            "allocate_address",
            json!({"Domain": "vpc", "TagSpecifications": tags}),
        );
    }
    aws.forget();
    faults.rules(json!([untold("ec2:CreateNatGateway")]));
    let made = faults.pipe(ONE).ok();
    assert_eq!((addresses().len(), released()), (1, 1));
    assert_eq!(
        addresses()[0]["AllocationId"],
        made.record("elastic_ip", "nat-a")["id"]
    );
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
    let output = faults.pipe("mk-env production pr1 | mk-vpc --nat single");
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
    faults
        .pipe("mk-env production pr1 | mk-vpc --nat single")
        .ok();
    let seen = faults.told()["seen"].to_string();
    assert!(
        seen.contains("ec2:DisassociateRouteTable") && seen.contains("ec2:AssociateRouteTable"),
        "{seen}"
    );
    faults.end();
    aws.forget();
    aws.pipe("mk-env production pr1 | mk-vpc --nat single").ok();
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
    faults
        .pipe("mk-env production pr1 | mk-vpc --nat single")
        .ok();
    assert!(
        faults.told()["done"]
            .to_string()
            .contains("DescribeRouteTables")
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
fn what_is_tagged_in_part_like_ours_is_not_ours() {
    let aws = LocalAws::start();
    let tags = |kind: &str, name: &str| {
        let tags = [
            ("Name", name),
            ("Environment", "production"),
            ("ManagedBy", "plumbline"),
            ("Suffix", "pr1"),
        ];
        let tags = tags.map(|(key, value)| json!({"Key": key, "Value": value}));
        json!([{"ResourceType": kind, "Tags": tags}])
    };
    let vpc =
        json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": tags("vpc", "vpc-production-pr1")});
    let vpc = aws.call("ec2", "create_vpc", vpc)["Vpc"]["VpcId"].clone();
    let address = json!({"Domain": "vpc", "TagSpecifications": tags("elastic-ip", "eip-nat-a-production-pr1")});
    aws.call("ec2", "allocate_address", address);
    let gateway = json!({"TagSpecifications": tags("internet-gateway", "igw-production-pr1")});
    aws.call("ec2", "create_internet_gateway", gateway);
    let looks = [
        ("describe_vpcs", "/Vpcs"),
        ("describe_addresses", "/Addresses"),
        ("describe_internet_gateways", "/InternetGateways"),
    ];
    let all = || {
        looks.map(|(look, place)| {
            aws.call("ec2", look, json!({}))
                .pointer(place)
                .unwrap()
                .clone()
        })
    };
    let before = all();
    let made = aws.pipe(MAKE).ok();
    assert_ne!(made.record("vpc", "main")["id"], vpc);
    // Another environment has the same range, and goes alone.
    let other = aws.pipe("mk-env production pr2 | mk-vpc --nat single").ok();
    aws.pipe(DOWN).ok();
    aws.forget();
    let again = aws.pipe("mk-env production pr2 | mk-vpc --nat single").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        again.record("vpc", "main")["id"],
        other.record("vpc", "main")["id"]
    );
    aws.pipe("ls-env --env production-pr2 | rm-env --confirm production-pr2")
        .ok();
    assert_eq!(all(), before);
}

#[test]
fn whoever_stands_in_the_way_of_down_is_named_and_left() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let id = |kind: &str, name: &str| made.record(kind, name)["id"].clone();
    let vpc = id("vpc", "main");
    let subnet =
        json!({"VpcId": vpc, "CidrBlock": "10.0.255.0/24", "AvailabilityZone": "us-east-1a"});
    let subnet = aws.call("ec2", "create_subnet", subnet)["Subnet"]["SubnetId"].clone();
    let uses = json!({"SubnetId": subnet, "RouteTableId": id("route_table", "public")});
    let association = aws.call("ec2", "associate_route_table", uses)["AssociationId"].clone();
    let acl =
        aws.call("ec2", "create_network_acl", json!({"VpcId": vpc}))["NetworkAcl"]["NetworkAclId"]
            .clone();
    let instance = json!({"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1, "SubnetId": id("subnet", "private-a")});
    let instance = aws.call("ec2", "run_instances", instance)["Instances"][0]["InstanceId"].clone();

    let output = aws.pipe(DOWN);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let line = output
        .stderr
        .lines()
        .find(|line| line.contains("cannot delete vpc-"))
        .unwrap();
    for theirs in [
        format!("(instance {})", text(&instance)),
        format!("subnet {}", text(&subnet)),
        format!("network acl {}", text(&acl)),
    ] {
        assert!(line.contains(&theirs), "{theirs}: {}", output.stderr);
    }
    // Their subnet still uses the table that it was given.
    let table = aws.call(
        "ec2",
        "describe_route_tables",
        json!({"RouteTableIds": [id("route_table", "public")]}),
    );
    let kept = table["RouteTables"][0]["Associations"]
        .as_array()
        .unwrap()
        .clone();
    let kept: Vec<&Value> = kept
        .iter()
        .map(|one| &one["RouteTableAssociationId"])
        .collect();
    assert_eq!(kept, [&association]);

    aws.call(
        "ec2",
        "describe_network_acls",
        json!({"NetworkAclIds": [acl]}),
    );
    let instance = aws.call(
        "ec2",
        "describe_instances",
        json!({"InstanceIds": [instance]}),
    );
    assert_eq!(
        instance["Reservations"][0]["Instances"][0]["State"]["Name"],
        "running"
    );
}

#[test]
fn what_aws_refuses_to_delete_is_told_at_once() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    faults
        .pipe("mk-env production pr1 | mk-vpc --nat single")
        .ok();
    let denied = "You are not authorized to perform this operation.";
    faults.rules(json!([{"do": "refuse", "of": "ec2:DeleteSubnet", "nth": 1, "status": 403, "code": "UnauthorizedOperation", "message": denied}]));
    let output = faults.pipe(&DOWN.replace("rm-env ", "rm-env --timeout 1 "));
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output
            .stderr
            .contains("(ec2:DeleteSubnet, UnauthorizedOperation, request"),
        "{}",
        output.stderr
    );
    assert!(
        !output.stderr.contains("is still in use"),
        "{}",
        output.stderr
    );
    faults.end();
    faults.pipe(DOWN).ok();
}

#[test]
fn an_address_of_ours_that_somebody_uses_is_left_to_them_and_told() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let id = |kind: &str, name: &str| made.record(kind, name)["id"].clone();
    let address = id("elastic_ip", "nat-a");
    aws.call(
        "ec2",
        "delete_nat_gateway",
        json!({"NatGatewayId": id("nat_gateway", "a")}),
    );
    std::thread::sleep(std::time::Duration::from_millis(300)); // the local AWS's moment
    // An interface in a VPC of theirs.
    let vpc =
        aws.call("ec2", "create_vpc", json!({"CidrBlock": "10.9.0.0/16"}))["Vpc"]["VpcId"].clone();
    let subnet = aws.call(
        "ec2",
        "create_subnet",
        json!({"VpcId": vpc, "CidrBlock": "10.9.0.0/24"}),
    );
    let theirs = json!({"SubnetId": subnet["Subnet"]["SubnetId"], "Description": "theirs"});
    let theirs = aws.call("ec2", "create_network_interface", theirs)["NetworkInterface"]["NetworkInterfaceId"].clone();
    let uses = json!({"AllocationId": address, "NetworkInterfaceId": theirs});
    let association = aws.call("ec2", "associate_address", uses)["AssociationId"].clone();
    let output = aws.pipe(MAKE);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let told = format!(
        "Elastic IP address [{}] is already associated (ec2:CreateNatGateway)\n  try: see to that, and run the pipeline again: it makes another\n",
        text(&address)
    );
    assert!(output.stderr.contains(&told), "{}", output.stderr);
    let output = aws.pipe(DOWN);
    assert_eq!(output.code, 1, "{}", output.stderr);
    let told = format!(
        "rm-env: cannot delete {}: in the way, and not this environment's: network interface {} (theirs)\n",
        text(&address),
        text(&theirs)
    );
    assert!(
        output.stderr.contains(&told) && !output.stderr.contains("is still in use"),
        "{}",
        output.stderr
    );
    aws.call(
        "ec2",
        "disassociate_address",
        json!({"AssociationId": association}),
    );
    aws.pipe(DOWN).ok();
    let left = aws.call("ec2", "describe_addresses", json!({}));
    assert_eq!(left["Addresses"], json!([]));
}

#[test]
fn an_empty_first_page_is_not_the_end() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let up = "mk-env production pr1 | mk-vpc --nat single | mk-sg --private-api";
    aws.pipe(up).ok();
    let sets = [
        ("Vpcs", "vpcSet"),
        ("InternetGateways", "internetGatewaySet"),
        ("Subnets", "subnetSet"),
        ("RouteTables", "routeTableSet"),
        ("NatGateways", "natGatewaySet"),
        ("SecurityGroups", "securityGroupInfo"),
        ("SecurityGroupRules", "securityGroupRuleSet"),
    ];
    let pages = sets.map(|(call, set)| {
        let by = format!("<{set}/><nextToken>bm90aGluZw==</nextToken>");
        let mut page = rewrite(
            &format!("ec2:Describe{call}"),
            &format!("(?s)<{set}>.*</{set}>"),
            &by,
        );
        page["times"] = 1.into();
        page
    });
    faults.rules(json!(pages));
    faults.pipe(up).ok();
    let told = faults.told();
    assert_eq!(
        (&told["changing"], told["done"].as_array().unwrap().len()),
        (&json!(0), sets.len()),
        "{told}"
    );
    // Nor of the rules that a new VPC's own group has.
    let fresh = up.replace("pr1", "pr2");
    faults.rules(json!([pages[5], pages[6]]));
    let made = faults
        .pipe(&fresh.replace("| mk-sg --private-api", ""))
        .ok();
    let group = json!({"Filters": [
        {"Name": "vpc-id", "Values": [made.record("vpc", "main")["id"]]},
        {"Name": "group-name", "Values": ["default"]},
    ]});
    let group = aws.call("ec2", "describe_security_groups", group)["SecurityGroups"][0].clone();
    assert_eq!(
        (&group["IpPermissions"], &group["IpPermissionsEgress"]),
        (&json!([]), &json!([]))
    );
}
