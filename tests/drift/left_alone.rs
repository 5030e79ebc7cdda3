//! What people add to a network and its surroundings stays as they left it.

use support::{Value, json, recipe, text};

use crate::world::{World, ec2, filter};

#[test]
fn what_the_network_tools_do_not_set_stays_as_hands_left_it() {
    let world = World::services();
    let vpc = world.id("vpc", "main");
    let main = in_vpc(&vpc, "association.main", "true");
    let main = world.get(
        &ec2("describe_route_tables", main),
        "/RouteTables/0/RouteTableId",
    );
    tag_by_hand(&world, &main);
    deny_a_range_by_hand(&world);
    describe_a_rule_by_hand(&world);
    // The main table is not ours.
    let gateway = world.id("internet_gateway", "main");
    let route = json!({"RouteTableId": main, "DestinationCidrBlock": "198.51.100.0/24", "GatewayId": gateway});
    world.call(ec2("create_route", route));
    let told = world.run_changes_nothing();
    let acl = default_acl(&world);
    let line = format!(
        "mk-vpc: the default network acl {} has other rules than AWS gives it; they stay\n",
        text(&acl)
    );
    assert_eq!(told.stderr.matches(&line).count(), 1, "{}", told.stderr);
    // And nothing of it keeps the environment from going.
    world.aws.pipe(&recipe(&["down"], "pr1")).ok();
    let found = world
        .aws
        .try_call("ec2", "describe_vpcs", json!({"VpcIds": [vpc]}));
    assert!(found.is_err());
}

/// As a bulk edit does it: what the VPC came with gets the environment's identity too, which makes
/// it no more ours than it was.
fn tag_by_hand(world: &World, main_table: &Value) {
    let vpc = world.id("vpc", "main");
    let default = in_vpc(&vpc, "group-name", "default");
    let group = world.get(
        &ec2("describe_security_groups", default),
        "/SecurityGroups/0/GroupId",
    );
    let identity = json!([{"Key": "plumbline:env", "Value": "production-pr1"}, {"Key": "theirs", "Value": "x"}]);
    let came_along = json!([group, main_table, default_acl(world)]);
    let tags = json!({"Resources": came_along, "Tags": identity});
    world.call(ec2("create_tags", tags));
    let ours = [
        &vpc,
        &world.id("subnet", "public-a"),
        &world.id("internet_gateway", "main"),
    ];
    let tags = json!({"Resources": ours, "Tags": [{"Key": "theirs", "Value": "x"}]});
    world.call(ec2("create_tags", tags));
}

fn deny_a_range_by_hand(world: &World) {
    let entry = json!({
        "NetworkAclId": default_acl(world), "RuleNumber": 50, "Protocol": "-1", "RuleAction": "deny",
        "Egress": false, "CidrBlock": "192.0.2.0/24",
    });
    world.call(ec2("create_network_acl_entry", entry));
}

fn describe_a_rule_by_hand(world: &World) {
    let group = world.id("sg", "alb/web");
    let rules = filter("group-id", &group);
    let rules = world.call(ec2("describe_security_group_rules", rules));
    let mut rules = rules["SecurityGroupRules"].as_array().unwrap().iter();
    let ingress = rules.find(|rule| rule["IsEgress"] == false).unwrap();
    let described = json!({"GroupId": group, "SecurityGroupRuleDescriptions": [
        {"SecurityGroupRuleId": ingress["SecurityGroupRuleId"], "Description": "theirs"}]});
    world.call(ec2(
        "update_security_group_rule_descriptions_ingress",
        described,
    ));
}

fn default_acl(world: &World) -> Value {
    let default = in_vpc(&world.id("vpc", "main"), "default", "true");
    world.get(
        &ec2("describe_network_acls", default),
        "/NetworkAcls/0/NetworkAclId",
    )
}

fn in_vpc(vpc: &Value, name: &str, value: &str) -> Value {
    json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}, {"Name": name, "Values": [value]}]})
}
