//! What carries the environment's tags and is no part of its network, since a person or a backup copied
//! them: `up` and `plan` name it, nothing deletes it before that is confirmed.

use support::{DOWN, LocalAws, Output, Value, json, text};

use super::{MAKE, PRUNE, assert_told};

/// The tags of a resource.
fn tags_of(aws: &LocalAws, id: &Value) -> Value {
    let of_id = json!({"Filters": [{"Name": "resource-id", "Values": [id]}]});
    let found = aws.call("ec2", "describe_tags", of_id);
    let mut tags = Vec::new();
    for tag in found["Tags"].as_array().unwrap() {
        tags.push(json!({"Key": tag["Key"], "Value": tag["Value"]}));
    }
    tags.into()
}

/// Makes something with the tags of another thing; answers its ID.
fn copy(aws: &LocalAws, operation: &str, params: Value, tags: &Value, pointer: &str) -> Value {
    let made = aws.call("ec2", operation, params);
    let id = made.pointer(pointer).unwrap().clone();
    aws.call(
        "ec2",
        "create_tags",
        json!({"Resources": [id], "Tags": tags}),
    );
    id
}

/// A copy of everything that the network is made of, each with its type. Of what has no age several, so
/// that one of them most likely comes before ours in whatever order.
fn copies(aws: &LocalAws, made: &Output) -> Vec<(&'static str, Value)> {
    let id = |kind: &str, name: &str| made.record(kind, name)["id"].clone();
    let tags = |kind: &str, name: &str| tags_of(aws, &id(kind, name));
    let vpc = id("vpc", "main");
    let in_vpc = json!({"VpcId": vpc});
    let subnet =
        json!({"VpcId": vpc, "CidrBlock": "10.0.255.0/24", "AvailabilityZone": "us-east-1c"});
    let nat_gateway = || {
        let address = aws.call("ec2", "allocate_address", json!({"Domain": "vpc"}));
        let nat =
            json!({"SubnetId": id("subnet", "public-a"), "AllocationId": address["AllocationId"]});
        (
            "nat_gateway",
            "create_nat_gateway",
            nat,
            tags("nat_gateway", "a"),
            "/NatGateway/NatGatewayId",
        )
    };
    let route_table = || {
        (
            "route_table",
            "create_route_table",
            in_vpc.clone(),
            tags("route_table", "public"),
            "/RouteTable/RouteTableId",
        )
    };
    [
        (
            "vpc",
            "create_vpc",
            json!({"CidrBlock": "10.0.0.0/16"}),
            tags("vpc", "main"),
            "/Vpc/VpcId",
        ),
        (
            "internet_gateway",
            "create_internet_gateway",
            json!({}),
            tags("internet_gateway", "main"),
            "/InternetGateway/InternetGatewayId",
        ),
        (
            "elastic_ip",
            "allocate_address",
            json!({"Domain": "vpc"}),
            tags("elastic_ip", "nat-a"),
            "/AllocationId",
        ),
        (
            "subnet",
            "create_subnet",
            subnet,
            tags("subnet", "private-a"),
            "/Subnet/SubnetId",
        ),
        route_table(),
        route_table(),
        route_table(),
        nat_gateway(),
        nat_gateway(),
        nat_gateway(),
    ]
    .map(|(kind, operation, params, tags, pointer)| {
        (kind, copy(aws, operation, params, &tags, pointer))
    })
    .into()
}

#[test]
fn what_carries_copied_tags_is_named_and_stays_until_that_is_confirmed() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let copies = copies(&aws, &made);
    aws.forget();
    let planned = aws.pipe(&MAKE.replace("mk-env", "mk-env --plan"));
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    let again = aws.pipe(&format!("{MAKE} | prune-env")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    for (kind, id) in &copies {
        assert_told(&planned, kind, text(id), id);
        assert_told(&again, kind, text(id), id);
    }
    // What is in use is still what is used.
    for record in made.records() {
        if record.get("id").is_some() {
            let kept = again.record(text(&record["type"]), text(&record["name"]));
            assert_eq!(kept["id"], record["id"]);
        }
    }
    let pruned = aws.pipe(&format!("{MAKE} | {PRUNE}")).ok();
    for (kind, id) in &copies {
        assert_eq!(pruned.record(kind, text(id))["change"], "deleted");
    }
    let after = aws.pipe(MAKE).ok();
    assert!(!after.stdout.contains("unwanted"), "{}", after.stdout);
    assert_eq!(after.record("vpc", "main")["change"], "kept");
}

/// An address that something uses is released by nobody, whatever its tags are.
#[test]
fn an_address_in_use_with_copied_tags_is_named_and_never_released() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let tags = tags_of(&aws, &made.record("elastic_ip", "nat-a")["id"]);
    let vpc = aws.call("ec2", "create_vpc", json!({"CidrBlock": "10.9.0.0/16"}));
    let subnet = json!({"VpcId": vpc["Vpc"]["VpcId"], "CidrBlock": "10.9.0.0/24"});
    let subnet = aws.call("ec2", "create_subnet", subnet)["Subnet"]["SubnetId"].clone();
    let theirs = aws.call(
        "ec2",
        "create_network_interface",
        json!({"SubnetId": subnet}),
    );
    let address = copy(
        &aws,
        "allocate_address",
        json!({"Domain": "vpc"}),
        &tags,
        "/AllocationId",
    );
    let uses = json!({"AllocationId": address, "NetworkInterfaceId": theirs["NetworkInterface"]["NetworkInterfaceId"]});
    aws.call("ec2", "associate_address", uses);
    assert_told(&aws.pipe(MAKE).ok(), "elastic_ip", text(&address), &address);
    let pruned = aws.pipe(&format!("{MAKE} | {PRUNE}"));
    assert_eq!(pruned.code, 1, "{}", pruned.stderr);
    let line = format!("cannot delete {}: in the way", text(&address));
    assert!(pruned.stderr.contains(&line), "{}", pruned.stderr);
    aws.call(
        "ec2",
        "describe_addresses",
        json!({"AllocationIds": [address]}),
    );
}

/// A VPC with things of somebody else's in it is not even tried before that is confirmed, and then AWS
/// refuses; of kinds that no tool makes, a copied tag hides nothing.
#[test]
fn what_is_in_the_way_is_named_whatever_its_tags_are() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let vpc = made.record("vpc", "main")["id"].clone();
    let tags = tags_of(&aws, &vpc);
    let acl = copy(
        &aws,
        "create_network_acl",
        json!({"VpcId": vpc}),
        &tags,
        "/NetworkAcl/NetworkAclId",
    );
    let service = json!({"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3", "VpcEndpointType": "Gateway"});
    let endpoint = copy(
        &aws,
        "create_vpc_endpoint",
        service,
        &tags,
        "/VpcEndpoint/VpcEndpointId",
    );
    let down = aws.pipe(DOWN);
    assert_eq!(down.code, 1, "{}", down.stderr);
    for id in [&acl, &endpoint] {
        assert!(down.stderr.contains(text(id)), "{}", down.stderr);
    }
    assert!(!down.stderr.contains("still in use"), "{}", down.stderr);
}
