//! The network that it makes, and what it takes for its own.

use std::collections::BTreeSet;

use support::{DOWN, Faults, LocalAws, Output, Value, json, rewrite, tags, text};

use super::{MAKE, MAKE_SINGLE, PRUNE, assert_told, refuse};

/// What is in a VPC, of a `describe` call.
fn list_in_vpc(aws: &LocalAws, operation: &str, answer: &str, vpc: &Value) -> Vec<Value> {
    let filters = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]});
    let found = aws.call("ec2", operation, filters);
    found[answer].as_array().unwrap().clone()
}

/// The default security group of a VPC.
fn default_group(aws: &LocalAws, vpc: &Value) -> Value {
    let filters = json!({"Filters": [
        {"Name": "vpc-id", "Values": [vpc]},
        {"Name": "group-name", "Values": ["default"]},
    ]});
    aws.call("ec2", "describe_security_groups", filters)["SecurityGroups"][0].clone()
}

/// The one of several whose field has a value.
fn find<'a>(all: &'a [Value], field: &str, value: &Value) -> &'a Value {
    all.iter().find(|one| one[field] == *value).unwrap()
}

/// The NAT gateway through which a subnet leaves the VPC.
fn nat_gateway_of<'a>(subnet: &Value, tables: &[Value], nats: &'a [Value]) -> &'a Value {
    let uses = |table: &&Value| {
        let associations = table["Associations"].as_array().unwrap();
        associations.iter().any(|one| one["SubnetId"] == *subnet)
    };
    let table = tables.iter().find(uses).unwrap();
    let routes = table["Routes"].as_array().unwrap();
    let route = find(routes, "DestinationCidrBlock", &json!("0.0.0.0/0"));
    find(nats, "NatGatewayId", &route["NatGatewayId"])
}

/// The IDs of all records that have one.
fn ids(output: &Output) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for record in output.records() {
        if let Some(id) = record["id"].as_str() {
            ids.insert(id.to_string());
        }
    }
    ids
}

/// Tags of somebody else, with all of ours but the identity tag.
fn tags_like_ours(resource_type: &str, name: &str) -> Value {
    let tags = json!([
        {"Key": "Name", "Value": name},
        {"Key": "Environment", "Value": "production"},
        {"Key": "ManagedBy", "Value": "plumbline"},
        {"Key": "Suffix", "Value": "pr1"},
    ]);
    json!([{"ResourceType": resource_type, "Tags": tags}])
}

/// Everything of the three types of which AWS keeps nothing unique.
fn vpcs_addresses_and_gateways(aws: &LocalAws) -> [Value; 3] {
    [
        ("describe_vpcs", "/Vpcs"),
        ("describe_addresses", "/Addresses"),
        ("describe_internet_gateways", "/InternetGateways"),
    ]
    .map(|(operation, list)| {
        let answer = aws.call("ec2", operation, json!({}));
        answer.pointer(list).unwrap().clone()
    })
}

#[test]
fn it_makes_a_network_in_two_zones_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let vpc = made.record("vpc", "main");
    let public = vpc["public_subnets"].as_array().unwrap();
    let private = vpc["private_subnets"].as_array().unwrap();
    assert_eq!((public.len(), private.len()), (2, 2));
    assert_eq!(made.record("egress", "main")["by"], "nat");

    let subnets = list_in_vpc(&aws, "describe_subnets", "Subnets", &vpc["id"]);
    let zone = |id: &Value| text(&find(&subnets, "SubnetId", id)["AvailabilityZone"]);
    assert_eq!(
        [zone(&private[0]), zone(&private[1])],
        ["us-east-1a", "us-east-1b"]
    );
    for subnet in &subnets {
        let tags = tags(&subnet["Tags"]);
        assert_eq!(
            (&tags["plumbline:env"], &tags["Team"]),
            (&json!("production-pr1"), &json!("devops"))
        );
    }
    // Each private subnet leaves through the NAT gateway of its own zone.
    let tables = list_in_vpc(&aws, "describe_route_tables", "RouteTables", &vpc["id"]);
    let nats = aws.call("ec2", "describe_nat_gateways", json!({}))["NatGateways"].clone();
    for subnet in private {
        let nat = nat_gateway_of(subnet, &tables, nats.as_array().unwrap());
        assert_eq!(zone(&nat["SubnetId"]), zone(subnet));
    }
    // The default group admits nothing and lets nothing out.
    let group = default_group(&aws, &vpc["id"]);
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
    let made = aws.pipe(MAKE_SINGLE).ok();
    assert_eq!(made.record("egress", "main")["by"], "nat-single");
    assert_eq!(
        aws.changes()
            .iter()
            .filter(|change| *change == "ec2:CreateNatGateway")
            .count(),
        1
    );
    // Two where one is wanted are not made one by deleting what may be in use.
    let two = aws.pipe(MAKE).ok();
    let one = aws.pipe(MAKE_SINGLE).ok();
    for (kind, name) in [("nat_gateway", "b"), ("elastic_ip", "nat-b")] {
        let spare = two.record(kind, name);
        assert_told(&one, kind, name, &spare["id"]);
    }
    // Until that is confirmed.
    aws.pipe(&format!("{MAKE_SINGLE} | {PRUNE}")).ok();
    let one = aws.pipe(MAKE_SINGLE).ok();
    assert!(!one.stdout.contains("unwanted"), "{}", one.stdout);
    let left = aws.call("ec2", "describe_addresses", json!({}));
    assert_eq!(left["Addresses"].as_array().unwrap().len(), 1);
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
    assert_eq!(planned.keys(), made.keys());
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
        // All that exists was written.
        let listed = aws.pipe(&format!("ls-env --env production-q{n}")).ok();
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
        faults.pipe(MAKE_SINGLE).ok();
        let done = faults.told()["done"].as_array().unwrap().len();
        assert_eq!(done, 1, "{code}");
        faults.end();
        aws.forget();
        aws.pipe(MAKE_SINGLE).ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{code}");
        aws.pipe(DOWN).ok();
    }
}

#[test]
fn what_is_tagged_in_part_like_ours_is_not_ours() {
    let aws = LocalAws::start();
    let vpc = json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": tags_like_ours("vpc", "vpc-production-pr1")});
    let vpc = aws.call("ec2", "create_vpc", vpc)["Vpc"]["VpcId"].clone();
    let address = json!({"Domain": "vpc", "TagSpecifications": tags_like_ours("elastic-ip", "eip-nat-a-production-pr1")});
    aws.call("ec2", "allocate_address", address);
    let gateway =
        json!({"TagSpecifications": tags_like_ours("internet-gateway", "igw-production-pr1")});
    aws.call("ec2", "create_internet_gateway", gateway);
    let before = vpcs_addresses_and_gateways(&aws);
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
    assert_eq!(vpcs_addresses_and_gateways(&aws), before);
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
    let another = up.replace("pr1", "pr2");
    faults.rules(json!([pages[5], pages[6]]));
    let made = faults
        .pipe(&another.replace("| mk-sg --private-api", ""))
        .ok();
    let group = default_group(&aws, &made.record("vpc", "main")["id"]);
    assert_eq!(
        (&group["IpPermissions"], &group["IpPermissionsEgress"]),
        (&json!([]), &json!([]))
    );
}
