//! Where the subnets send their traffic: routes, the tables that subnets use, NAT gateways.

use support::{Value, json, text};

use crate::world::{Call, World, ec2, filter};

#[test]
fn routes_and_associations_come_back() {
    let world = World::services();
    default_routes_come_back(&world);
    associations_come_back(&world);
    a_table_of_somebody_else_is_left_for_our_own(&world);
    a_nat_gateway_that_is_gone_is_made_again(&world);
    a_route_table_that_is_gone_is_made_again(&world);
}

fn default_routes_come_back(world: &World) {
    let public = world.id("route_table", "public");
    let private = world.id("route_table", "private-a");
    let gateway = world.id("internet_gateway", "main");
    let nat = world.id("nat_gateway", "a");
    world.mends(
        &[ec2("delete_route", default_route(&public))],
        table(&public),
        "/RouteTables/0/Routes",
        json!({"route_table public": [["default route", "none", gateway]]}),
    );
    let mut to_internet = default_route(&private);
    to_internet["GatewayId"] = gateway.clone();
    world.mends(
        &[ec2("replace_route", to_internet)],
        table(&private),
        "/RouteTables/0/Routes",
        json!({"route_table private-a": [["default route", gateway, nat]]}),
    );
}

/// A private subnet must not become public, nor lose its way out.
fn associations_come_back(world: &World) {
    let public = world.id("route_table", "public");
    let private = world.id("route_table", "private-a");
    let subnet = world.id("subnet", "private-a");
    let field = format!("table of {}", text(&subnet));
    let to_public = json!({"AssociationId": association(world, &subnet), "RouteTableId": public});
    world.mends(
        &[ec2("replace_route_table_association", to_public)],
        table_of(&subnet),
        "/RouteTables/0/RouteTableId",
        json!({"route_table private-a": [[field, public, private]]}),
    );
    let none = json!({"AssociationId": association(world, &subnet)});
    world.mends(
        &[ec2("disassociate_route_table", none)],
        table_of(&subnet),
        "/RouteTables/0/RouteTableId",
        json!({"route_table private-a": [[field, "the main one", private]]}),
    );
}

/// Somebody else's table stays as it is; our subnet uses ours again.
fn a_table_of_somebody_else_is_left_for_our_own(world: &World) {
    let private = world.id("route_table", "private-a");
    let subnet = world.id("subnet", "private-a");
    let field = format!("table of {}", text(&subnet));
    let vpc = json!({"VpcId": world.id("vpc", "main")});
    let theirs = world.call(ec2("create_route_table", vpc));
    let theirs = &theirs["RouteTable"]["RouteTableId"];
    let to_theirs = json!({"AssociationId": association(world, &subnet), "RouteTableId": theirs});
    world.mends(
        &[ec2("replace_route_table_association", to_theirs)],
        table_of(&subnet),
        "/RouteTables/0/RouteTableId",
        json!({"route_table private-a": [[field, theirs, private]]}),
    );
    world.call(ec2("delete_route_table", json!({"RouteTableId": theirs})));
}

fn a_nat_gateway_that_is_gone_is_made_again(world: &World) {
    let nat = world.id("nat_gateway", "a");
    let available = json!({"Filters": [{"Name": "state", "Values": ["available"]}]});
    let count = || {
        let found = world.call(ec2("describe_nat_gateways", available.clone()));
        found["NatGateways"].as_array().unwrap().len()
    };
    world.call(ec2("delete_nat_gateway", json!({"NatGatewayId": nat})));
    assert_eq!(count(), 1);
    world.run_reports(json!({
        "nat_gateway a": "created",
        "route_table private-a": [["default route", nat, "nat-a-production-pr1"]],
    }));
    assert_eq!(count(), 2);
    world.run_changes_nothing();
}

/// AWS still knows the client token of the table that was deleted.
fn a_route_table_that_is_gone_is_made_again(world: &World) {
    let gone = world.id("route_table", "private-b");
    let subnet = world.id("subnet", "private-b");
    let association = world.get(
        &table(&gone),
        "/RouteTables/0/Associations/0/RouteTableAssociationId",
    );
    let none = json!({"AssociationId": association});
    world.call(ec2("disassociate_route_table", none));
    world.call(ec2("delete_route_table", json!({"RouteTableId": gone})));
    world.run_reports(json!({"route_table private-b": "created"}));
    let tables = world.call(table_of(&subnet));
    let nat = world.id("nat_gateway", "b");
    let routes = tables["RouteTables"][0]["Routes"].as_array().unwrap();
    assert!(
        routes.iter().any(|route| route["NatGatewayId"] == nat),
        "{tables}"
    );
    world.run_changes_nothing();
}

fn default_route(table: &Value) -> Value {
    json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"})
}

fn table(id: &Value) -> Call<'static> {
    ec2("describe_route_tables", json!({"RouteTableIds": [id]}))
}

/// The table that a subnet uses.
fn table_of(subnet: &Value) -> Call<'static> {
    ec2(
        "describe_route_tables",
        filter("association.subnet-id", subnet),
    )
}

fn association(world: &World, subnet: &Value) -> Value {
    world.get(
        &table_of(subnet),
        "/RouteTables/0/Associations/0/RouteTableAssociationId",
    )
}
