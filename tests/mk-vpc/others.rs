//! What others put into the network, or changed in it, that is no part of a record: each is told, and
//! what is in a table of ours goes at the end.

use support::{DOWN, LocalAws, Value, json, text};

use super::MAKE;

fn describe(aws: &LocalAws, table: &Value) -> String {
    let found = aws.call(
        "ec2",
        "describe_route_tables",
        json!({"RouteTableIds": [table]}),
    );
    found["RouteTables"][0]["Routes"].to_string()
}

#[test]
fn routes_of_others_in_our_tables_are_told_and_go_at_the_end() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let id = |kind: &str, name: &str| made.record(kind, name)["id"].clone();
    let gateway = id("internet_gateway", "main");
    let tables = [id("route_table", "private-a"), id("route_table", "public")];
    let before = tables.clone().map(|table| describe(&aws, &table));
    for (table, destination, field) in [
        (&tables[0], "0.0.0.0/1", "DestinationCidrBlock"),
        (&tables[0], "198.51.100.0/24", "DestinationCidrBlock"),
        (&tables[1], "::/0", "DestinationIpv6CidrBlock"),
    ] {
        let route = json!({"RouteTableId": table, field: destination, "GatewayId": gateway});
        aws.call("ec2", "create_route", route);
    }
    aws.forget();
    let planned = aws.pipe(&format!(
        "{} | prune-env",
        MAKE.replace("mk-env", "mk-env --plan")
    ));
    let planned = planned.would_change();
    let told = aws.pipe(MAKE).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    for (table, name, destination) in [
        (&tables[0], "private-a", "0.0.0.0/1"),
        (&tables[0], "private-a", "198.51.100.0/24"),
        (&tables[1], "public", "::/0"),
    ] {
        let key = format!("route/{}/{destination}", text(table));
        assert_eq!(told.record("surplus", &key)["owner"], "mk-vpc");
        assert_eq!(planned.record("surplus", &key)["change"], "delete");
        let line = format!(
            "mk-vpc: nothing needs route {destination} to {} of route table {name}: prune-env takes it away\n",
            text(&gateway)
        );
        for output in [&told, &planned] {
            assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
        }
    }
    let pruned = aws.pipe(&format!("{MAKE} | prune-env")).ok();
    assert_eq!(aws.changes(), ["ec2:DeleteRoute"; 3]);
    let key = format!("route/{}/0.0.0.0/1", text(&tables[0]));
    assert_eq!(pruned.record("surplus", &key)["change"], "deleted");
    assert_eq!(tables.map(|table| describe(&aws, &table)), before);
}

#[test]
fn what_others_put_into_the_vpc_is_told_in_a_line_each_and_stays() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let id = |kind: &str, name: &str| made.record(kind, name)["id"].clone();
    let vpc = id("vpc", "main");
    let range = json!({"VpcId": vpc, "CidrBlock": "10.9.0.0/16"});
    aws.call("ec2", "associate_vpc_cidr_block", range);
    let address = aws.call("ec2", "allocate_address", json!({"Domain": "vpc"}));
    let nat =
        json!({"SubnetId": id("subnet", "public-a"), "AllocationId": address["AllocationId"]});
    let nat = aws.call("ec2", "create_nat_gateway", nat)["NatGateway"]["NatGatewayId"].clone();
    let table = id("route_table", "private-a");
    let mut endpoints = Vec::new();
    for service in ["s3", "guardduty-data"] {
        let endpoint = json!({"VpcId": vpc, "ServiceName": format!("com.amazonaws.us-east-1.{service}"), "VpcEndpointType": "Gateway", "RouteTableIds": [table]});
        let made = aws.call("ec2", "create_vpc_endpoint", endpoint);
        endpoints.push(made["VpcEndpoint"]["VpcEndpointId"].clone());
    }
    aws.forget();
    let told = aws.pipe(&format!("{MAKE} -v | prune-env")).ok();
    let quiet = aws.pipe(&format!("{MAKE} | prune-env")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let line = |id: &Value, what: &str| what.replace("ID", text(id));
    for line in [
        line(
            &vpc,
            "vpc ID has another range, 10.9.0.0/16, by hand; it stays",
        ),
        line(&nat, "nat gateway ID in "),
        line(
            &endpoints[0],
            "vpc endpoint ID (com.amazonaws.us-east-1.s3) in ",
        ),
    ] {
        assert_eq!(
            quiet.stderr.matches(&line).count(),
            1,
            "{line}: {}",
            quiet.stderr
        );
    }
    // What only makes it safer is told who asks for more.
    let watched = text(&endpoints[1]);
    assert!(told.stderr.contains(watched) && !quiet.stderr.contains(watched));
    // And none of it goes with the environment in silence.
    let down = aws.pipe(&DOWN.replace("rm-env ", "rm-env --timeout 1 "));
    assert_eq!(down.code, 1, "{}", down.stderr);
    assert!(down.stderr.contains(text(&endpoints[0])), "{}", down.stderr);
}
