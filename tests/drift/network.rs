//! The network: its settings, its tags, and parts of it that are gone.

use support::{LocalAws, Value, json, tags, text};

use crate::world::{World, ec2, filter};

#[test]
fn settings_of_the_network_come_back() {
    let world = World::services();
    let vpc = world.id("vpc", "main");
    for (attribute, field) in [
        ("DnsSupport", "dns support"),
        ("DnsHostnames", "dns hostnames"),
    ] {
        let off = json!({"VpcId": vpc, format!("Enable{attribute}"): {"Value": false}});
        let get = json!({"VpcId": vpc, "Attribute": format!("enable{attribute}")});
        world.mends(
            &[ec2("modify_vpc_attribute", off)],
            ec2("describe_vpc_attribute", get),
            &format!("/Enable{attribute}/Value"),
            json!({"vpc main": [[field, "false", "true"]]}),
        );
    }
    let default = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]});
    let default = ec2("describe_security_groups", default);
    let group = world.get(&default, "/SecurityGroups/0/GroupId");
    let ssh = json!([{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    for (operation, pointer, field) in [
        (
            "authorize_security_group_ingress",
            "/SecurityGroups/0/IpPermissions",
            "default group admits",
        ),
        (
            "authorize_security_group_egress",
            "/SecurityGroups/0/IpPermissionsEgress",
            "default group lets out",
        ),
    ] {
        let rule = json!({"GroupId": group, "IpPermissions": ssh});
        world.mends(
            &[ec2(operation, rule)],
            default.clone(),
            pointer,
            json!({"vpc main": [[field, "true", "false"]]}),
        );
    }
}

#[test]
fn no_subnet_gives_public_addresses() {
    let world = World::services();
    for name in ["private-a", "public-b"] {
        let subnet = world.id("subnet", name);
        let mapped = json!({"SubnetId": subnet, "MapPublicIpOnLaunch": {"Value": true}});
        world.mends(
            &[ec2("modify_subnet_attribute", mapped)],
            ec2("describe_subnets", json!({"SubnetIds": [subnet]})),
            "/Subnets/0/MapPublicIpOnLaunch",
            json!({format!("subnet {name}"): [["public addresses", "true", "false"]]}),
        );
    }
}

#[test]
fn what_aws_makes_with_the_vpc_is_tagged_and_its_tags_come_back() {
    let world = World::services();
    let vpc = world.id("vpc", "main");
    let of_vpc = |name: &str, value: &str| json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}, {"Name": name, "Values": [value]}]});
    for (what, operation, params, pointer) in [
        (
            "default security group",
            "describe_security_groups",
            of_vpc("group-name", "default"),
            "/SecurityGroups/0",
        ),
        (
            "main route table",
            "describe_route_tables",
            of_vpc("association.main", "true"),
            "/RouteTables/0",
        ),
        (
            "default network acl",
            "describe_network_acls",
            of_vpc("default", "true"),
            "/NetworkAcls/0",
        ),
    ] {
        let found = world.get(&ec2(operation, params.clone()), pointer);
        let tags = tags(&found["Tags"]);
        assert_eq!(
            tags,
            json!({"Environment": "production", "ManagedBy": "plumbline", "Name": "vpc-production-pr1", "Project": "plumbline", "Suffix": "pr1", "Team": "devops"}),
            "{what}"
        );
        let ids = ["GroupId", "RouteTableId", "NetworkAclId"];
        let id = ids.iter().find_map(|id| found.get(*id)).unwrap();
        let by_hand = [
            ec2(
                "create_tags",
                json!({"Resources": [id], "Tags": [{"Key": "Team", "Value": "nobody"}]}),
            ),
            ec2(
                "delete_tags",
                json!({"Resources": [id], "Tags": [{"Key": "Name"}]}),
            ),
        ];
        let field = format!("tags of the {what}");
        let new = "Name=vpc-production-pr1 Team=devops";
        world.mends(
            &by_hand,
            ec2(operation, params),
            &format!("{pointer}/Tags"),
            json!({"vpc main": [[field, "Team=nobody", new]]}),
        );
    }
    // They are the VPC's, and no records tell of them.
    let listed = world.aws.pipe("ls-env --env production-pr1").ok();
    let kinds = [
        "vpc",
        "subnet",
        "internet_gateway",
        "route_table",
        "elastic_ip",
        "nat_gateway",
    ];
    let of_network = listed.records().into_iter();
    let of_network = of_network.filter(|record| kinds.contains(&text(&record["type"])));
    assert_eq!(of_network.count(), 13);
}

#[test]
fn parts_of_the_network_that_are_gone_are_made_again() {
    let world = World::network();
    let nat = world.id("nat_gateway", "a");
    let address = json!({"AllocationId": world.id("elastic_ip", "nat-a")});
    let public = json!({"SubnetId": world.id("subnet", "public-a")});
    let private = json!({"SubnetId": world.id("subnet", "private-a")});
    // A zone with all that stands in it.
    world.call(ec2("delete_nat_gateway", json!({"NatGatewayId": nat})));
    world.call(ec2("describe_nat_gateways", json!({})));
    world.call(ec2("release_address", address));
    world.call(ec2("delete_subnet", public));
    world.call(ec2("delete_subnet", private));
    let done = world.run_reports(json!({
        "elastic_ip nat-a": "created",
        "nat_gateway a": "created",
        "route_table private-a": [["default route", nat, "nat-a-production-pr1"]],
        "subnet private-a": "created",
        "subnet public-a": "created",
    }));
    let vpc = done.record("vpc", "main");
    assert_eq!(
        ranges(&world, &vpc["public_subnets"]),
        ["10.0.0.0/20", "10.0.16.0/20"]
    );
    assert_eq!(
        ranges(&world, &vpc["private_subnets"]),
        ["10.0.128.0/20", "10.0.144.0/20"]
    );
    world.run_changes_nothing();
}

fn ranges(world: &World, subnets: &Value) -> Vec<String> {
    let found = world.call(ec2("describe_subnets", json!({"SubnetIds": subnets})));
    let found = found["Subnets"].as_array().unwrap().iter();
    let mut ranges: Vec<String> = found
        .map(|subnet| text(&subnet["CidrBlock"]).to_string())
        .collect();
    ranges.sort();
    ranges
}

#[test]
fn security_groups_that_are_gone_are_made_again_with_the_rules_that_named_them() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let up = "mk-vpc --env production-pr1 --nat single | mk-sg --private-api".to_string();
    let world = World::made_by(aws, up);
    let alb = world.id("sg", "alb/web");
    let task = world.id("sg", "task/web");
    let from_alb = json!([{"IpProtocol": "tcp", "FromPort": 5000, "ToPort": 5000, "UserIdGroupPairs": [{"GroupId": alb}]}]);
    let rule = json!({"GroupId": task, "IpPermissions": from_alb});
    world.call(ec2("revoke_security_group_ingress", rule));
    world.call(ec2("delete_security_group", json!({"GroupId": alb})));
    world.run_reports(json!({
        "sg alb/web": "created",
        "sg task/web": [["ingress", "nothing", "tcp 5000 from alb/web"]],
    }));
    world.run_changes_nothing();
}

#[test]
fn an_internet_gateway_is_attached_again() {
    // It can be detached only where no address is mapped through it: no load balancer, no NAT gateway.
    let world = World::network();
    let vpc = world.id("vpc", "main");
    let gateway = world.id("internet_gateway", "main");
    let a = json!({"NatGatewayId": world.id("nat_gateway", "a")});
    let b = json!({"NatGatewayId": world.id("nat_gateway", "b")});
    let attachment = json!({"InternetGatewayId": gateway, "VpcId": vpc});
    let by_hand = [
        ec2("delete_nat_gateway", a),
        ec2("delete_nat_gateway", b),
        ec2("describe_nat_gateways", json!({})),
        ec2("detach_internet_gateway", attachment),
    ];
    let get = json!({"InternetGatewayIds": [gateway]});
    world.mends(
        &by_hand,
        ec2("describe_internet_gateways", get),
        "/InternetGateways/0/Attachments/0/VpcId",
        json!({
            "internet_gateway main": [["attached to", "none", vpc]],
            "nat_gateway a": "created",
            "nat_gateway b": "created",
            "route_table private-a": [["default route", "*", "nat-a-production-pr1"]],
            "route_table private-b": [["default route", "*", "nat-b-production-pr1"]],
        }),
    );
}

#[test]
fn tags_of_every_part_of_the_network_come_back_whatever_became_of_them() {
    let world = World::services();
    for (kind, name, full) in [
        ("vpc", "main", "vpc-production-pr1"),
        ("subnet", "private-b", "subnet-private-b-production-pr1"),
        ("internet_gateway", "main", "igw-production-pr1"),
        ("route_table", "public", "rtb-public-production-pr1"),
        ("elastic_ip", "nat-a", "eip-nat-a-production-pr1"),
        ("nat_gateway", "b", "nat-b-production-pr1"),
        ("sg", "task/web", "security-group-task-web-production-pr1"),
    ] {
        let id = world.id(kind, name);
        let key = format!("{kind} {name}");
        let other_name = json!([{"Key": "Name", "Value": "renamed"}]);
        let other_team = json!([{"Key": "Team", "Value": "renamed"}]);
        let project = json!([{"Key": "Project"}]);
        let by_hand = [
            ec2(
                "create_tags",
                json!({"Resources": [id], "Tags": other_name}),
            ),
            ec2(
                "create_tags",
                json!({"Resources": [id], "Tags": other_team}),
            ),
            ec2("delete_tags", json!({"Resources": [id], "Tags": project})),
        ];
        world.mends(
            &by_hand,
            ec2("describe_tags", filter("resource-id", &id)),
            "/Tags",
            json!({key: [
                ["tag Name", "renamed", full],
                ["tag Project", "", "plumbline"],
                ["tag Team", "renamed", "devops"],
            ]}),
        );
    }
}
