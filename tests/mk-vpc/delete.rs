//! What rm-env deletes of it, and what it leaves alone.

use support::{DOWN, Faults, LocalAws, Value, json, text};

use super::{MAKE, MAKE_SINGLE};

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
    faults.pipe(MAKE_SINGLE).ok();
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
