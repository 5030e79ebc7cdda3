//! What hands change in a whole environment, one thing at a time: the next run brings it back, tells
//! it with old and new on that one record, and leaves all else; the run after it changes nothing. And
//! what hands change that is to stay. What one tool's tests show already is not shown again.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;

use support::{LocalAws, Output, Value, json, recipe, text};

/// A service, an operation and its parameters, in boto3's words.
type Call<'a> = (&'a str, &'a str, Value);

struct World {
    aws: LocalAws,
    up: String,
    made: Output,
}

impl World {
    /// The services, as `just up` makes them.
    fn services() -> Self {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        let up = recipe(&["up"], "pr1");
        let made = aws.pipe(&up).ok();
        World { aws, up, made }
    }

    /// The network alone.
    fn network() -> Self {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        let up = "mk-env production pr1 | mk-vpc".to_string();
        let made = aws.pipe(&up).ok();
        World { aws, up, made }
    }

    /// The pipeline, as `just pipeline-up` makes it in us-east-1.
    fn pipeline() -> Self {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        aws.connect("us-east-1");
        let up = recipe(&["pipeline_region=us-east-1", "pipeline-up"], "pr1");
        let made = aws.pipe(&up).ok();
        World { aws, up, made }
    }

    /// The ID of what was made, or its ARN.
    fn id(&self, kind: &str, name: &str) -> Value {
        let record = self.made.record(kind, name);
        ["id", "arn"]
            .iter()
            .find_map(|field| record.get(*field))
            .unwrap()
            .clone()
    }

    fn call(&self, (service, operation, params): Call) -> Value {
        self.aws.call(service, operation, params)
    }

    /// What a look finds at a place in its answer.
    fn look(&self, call: &Call, place: &str) -> Value {
        let (service, operation, params) = call.clone();
        let found = self.call((service, operation, params));
        let mut found = found.pointer(place).cloned().unwrap_or_default();
        if let Some(list) = found.as_array_mut() {
            list.sort_by_key(Value::to_string); // AWS has no order
        }
        found
    }

    /// Changes something by hand and runs the recipe. It tells `told` and nothing else: of each record
    /// the fields with old and new, or "created"; "*" stands for any text. What `look` finds is again
    /// what it was, and a second run changes nothing.
    fn mends(&self, hands: &[Call], look: Call, place: &str, told: Value) {
        let before = self.look(&look, place);
        assert_ne!(before, Value::Null, "{look:?} {place}");
        hands.iter().for_each(|call| drop(self.call(call.clone())));
        assert_ne!(
            self.look(&look, place),
            before,
            "nothing was changed by {hands:?}"
        );
        let done = self.aws.pipe(&self.up).ok();
        matches(&done, &told);
        assert_eq!(self.look(&look, place), before, "after {hands:?}");
        self.at_rest();
    }

    /// A run changes nothing now.
    fn at_rest(&self) {
        self.aws.forget();
        self.aws.pipe(&self.up).ok();
        assert_eq!(self.aws.changes(), Vec::<String>::new());
    }
}

/// Asserts what a run tells of what it did not keep.
fn matches(done: &Output, told: &Value) {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for record in done
        .records()
        .iter()
        .filter(|record| record.get("change").is_some())
    {
        let differences = record["changes"].as_array().into_iter().flatten();
        let differences = differences.map(|d| json!([d["field"], d["old"], d["new"]]));
        let story = match text(&record["change"]) {
            "updated" => differences.collect(),
            word => json!(word),
        };
        all.insert(
            format!("{} {}", text(&record["type"]), text(&record["name"])),
            story,
        );
    }
    all.retain(|_, story| story != "kept");
    let told = told.as_object().unwrap();
    assert_eq!(
        all.keys().collect::<Vec<_>>(),
        told.keys().collect::<Vec<_>>(),
        "{}",
        done.stderr
    );
    for (key, wanted) in told {
        let same = |one: &Value, other: &Value| other == "*" || one == other;
        let all_same = match (all[key].as_array(), wanted.as_array()) {
            (Some(have), Some(want)) => {
                have.len() == want.len()
                    && have
                        .iter()
                        .zip(want)
                        .all(|(a, b)| (0..3).all(|at| same(&a[at], &b[at])))
            }
            _ => all[key] == *wanted,
        };
        assert!(all_same, "{key}: {} is not {wanted}", all[key]);
    }
}

fn filter(name: &str, value: &Value) -> Value {
    json!({"Filters": [{"Name": name, "Values": [value]}]})
}

#[test]
fn routes_and_associations_come_back() {
    let world = World::services();
    let id = |kind, name| world.id(kind, name);
    let (public, private) = (id("route_table", "public"), id("route_table", "private-a"));
    let (gateway, nat) = (id("internet_gateway", "main"), id("nat_gateway", "a"));
    let routes = |table: &Value| {
        (
            "ec2",
            "describe_route_tables",
            json!({"RouteTableIds": [table]}),
        )
    };
    let out = |table: &Value| json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"});
    world.mends(
        &[("ec2", "delete_route", out(&public))],
        routes(&public),
        "/RouteTables/0/Routes",
        json!({"route_table public": [["default route", "none", gateway]]}),
    );
    let mut inward = out(&private);
    inward["GatewayId"] = gateway.clone();
    world.mends(
        &[("ec2", "replace_route", inward)],
        routes(&private),
        "/RouteTables/0/Routes",
        json!({"route_table private-a": [["default route", gateway, nat]]}),
    );
    // A private subnet is not to be public, nor without a way out.
    let subnet = id("subnet", "private-a");
    let uses = || {
        (
            "ec2",
            "describe_route_tables",
            filter("association.subnet-id", &subnet),
        )
    };
    let association = || {
        world.look(
            &uses(),
            "/RouteTables/0/Associations/0/RouteTableAssociationId",
        )
    };
    let field = format!("table of {}", text(&subnet));
    world.mends(
        &[(
            "ec2",
            "replace_route_table_association",
            json!({"AssociationId": association(), "RouteTableId": public}),
        )],
        uses(),
        "/RouteTables/0/RouteTableId",
        json!({"route_table private-a": [[field, public, private]]}),
    );
    world.mends(
        &[(
            "ec2",
            "disassociate_route_table",
            json!({"AssociationId": association()}),
        )],
        uses(),
        "/RouteTables/0/RouteTableId",
        json!({"route_table private-a": [[field, "the main one", private]]}),
    );
    // Nor to use a table of somebody else's, which stays as it is.
    let theirs = world.call((
        "ec2",
        "create_route_table",
        json!({"VpcId": id("vpc", "main")}),
    ));
    let theirs = theirs["RouteTable"]["RouteTableId"].clone();
    world.mends(
        &[(
            "ec2",
            "replace_route_table_association",
            json!({"AssociationId": association(), "RouteTableId": theirs}),
        )],
        uses(),
        "/RouteTables/0/RouteTableId",
        json!({"route_table private-a": [[field, theirs, private]]}),
    );
    world.call(("ec2", "delete_route_table", json!({"RouteTableId": theirs})));
    // A NAT gateway that is gone is another one afterwards.
    let nats = || {
        (
            "ec2",
            "describe_nat_gateways",
            json!({"Filters": [{"Name": "state", "Values": ["available"]}]}),
        )
    };
    let count = |found: Value| found["NatGateways"].as_array().unwrap().len();
    world.call(("ec2", "delete_nat_gateway", json!({"NatGatewayId": nat})));
    assert_eq!(count(world.call(nats())), 1);
    let told = json!({
        "nat_gateway a": "created",
        "route_table private-a": [["default route", nat, "nat-a-production-pr1"]],
    });
    matches(&world.aws.pipe(&world.up).ok(), &told);
    assert_eq!(count(world.call(nats())), 2);
    world.at_rest();
    // So is a route table: AWS still knows the token of the one that went.
    let old = id("route_table", "private-b");
    let user = world.look(
        &routes(&old),
        "/RouteTables/0/Associations/0/RouteTableAssociationId",
    );
    world.call((
        "ec2",
        "disassociate_route_table",
        json!({"AssociationId": user}),
    ));
    world.call(("ec2", "delete_route_table", json!({"RouteTableId": old})));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"route_table private-b": "created"}),
    );
    let subnet = id("subnet", "private-b");
    let uses = world.call((
        "ec2",
        "describe_route_tables",
        filter("association.subnet-id", &subnet),
    ));
    let routes = uses["RouteTables"][0]["Routes"].as_array().unwrap();
    assert!(
        routes
            .iter()
            .any(|route| route["NatGatewayId"] == id("nat_gateway", "b")),
        "{uses}"
    );
    world.at_rest();
}

#[test]
fn settings_of_the_network_come_back() {
    let world = World::services();
    let vpc = world.id("vpc", "main");
    for (attribute, field) in [
        ("DnsSupport", "dns support"),
        ("DnsHostnames", "dns hostnames"),
    ] {
        world.mends(
            &[(
                "ec2",
                "modify_vpc_attribute",
                json!({"VpcId": vpc, format!("Enable{attribute}"): {"Value": false}}),
            )],
            (
                "ec2",
                "describe_vpc_attribute",
                json!({"VpcId": vpc, "Attribute": format!("enable{attribute}")}),
            ),
            &format!("/Enable{attribute}/Value"),
            json!({"vpc main": [[field, "false", "true"]]}),
        );
    }
    let default = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]});
    let default = ("ec2", "describe_security_groups", default);
    let group = world.look(&default, "/SecurityGroups/0/GroupId");
    let ssh = json!([{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    for (operation, place, field) in [
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
        world.mends(
            &[(
                "ec2",
                operation,
                json!({"GroupId": group, "IpPermissions": ssh}),
            )],
            default.clone(),
            place,
            json!({"vpc main": [[field, "true", "false"]]}),
        );
    }
}

#[test]
fn what_the_network_tools_do_not_set_stays_as_hands_left_it() {
    let world = World::services();
    let vpc = world.id("vpc", "main");
    let of_vpc = |more: Value| {
        let mut filters = json!([{"Name": "vpc-id", "Values": [vpc]}]);
        filters.as_array_mut().unwrap().push(more);
        json!({"Filters": filters})
    };
    let default = json!({"Name": "group-name", "Values": ["default"]});
    let group = world.look(
        &("ec2", "describe_security_groups", of_vpc(default)),
        "/SecurityGroups/0/GroupId",
    );
    let main = json!({"Name": "association.main", "Values": ["true"]});
    let main = world.look(
        &("ec2", "describe_route_tables", of_vpc(main)),
        "/RouteTables/0/RouteTableId",
    );
    let default = json!({"Name": "default", "Values": ["true"]});
    let acl = world.look(
        &("ec2", "describe_network_acls", of_vpc(default)),
        "/NetworkAcls/0/NetworkAclId",
    );
    let (gateway, public) = (
        world.id("internet_gateway", "main"),
        world.id("route_table", "public"),
    );
    let subnet = world.id("subnet", "public-a");
    // As a bulk edit does it: with the environment's identity, which makes them no more ours than they were.
    let tags = json!([{"Key": "plumbline:env", "Value": "production-pr1"}, {"Key": "theirs", "Value": "x"}]);
    let entry = json!({
        "NetworkAclId": acl, "RuleNumber": 50, "Protocol": "-1", "RuleAction": "deny", "Egress": false,
        "CidrBlock": "192.0.2.0/24",
    });
    let rules = (
        "ec2",
        "describe_security_group_rules",
        filter("group-id", &world.id("sg", "alb/web")),
    );
    let rules = world.look(&rules, "/SecurityGroupRules");
    let inward = rules
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["IsEgress"] == false)
        .unwrap();
    let described = json!({"GroupId": world.id("sg", "alb/web"), "SecurityGroupRuleDescriptions": [
        {"SecurityGroupRuleId": inward["SecurityGroupRuleId"], "Description": "theirs"}]});
    for call in [
        (
            "ec2",
            "create_tags",
            json!({"Resources": [group, main, acl], "Tags": tags}),
        ),
        (
            "ec2",
            "create_tags",
            json!({"Resources": [vpc, subnet, gateway], "Tags": [{"Key": "theirs", "Value": "x"}]}),
        ),
        ("ec2", "create_network_acl_entry", entry),
        (
            "ec2",
            "modify_subnet_attribute",
            json!({"SubnetId": subnet, "MapPublicIpOnLaunch": {"Value": true}}),
        ),
        (
            "ec2",
            "update_security_group_rule_descriptions_ingress",
            described,
        ),
    ] {
        world.call(call);
    }
    for table in [&main, &public] {
        let route = json!({"RouteTableId": table, "DestinationCidrBlock": "198.51.100.0/24", "GatewayId": gateway});
        world.call(("ec2", "create_route", route));
    }
    world.at_rest();
    // And nothing of it keeps the environment from going.
    world.aws.pipe(&recipe(&["down"], "pr1")).ok();
    assert!(
        world
            .aws
            .try_call("ec2", "describe_vpcs", json!({"VpcIds": [vpc]}))
            .is_err()
    );
}

#[test]
fn parts_of_the_network_that_are_gone_are_made_again() {
    let world = World::network();
    let id = |kind, name| world.id(kind, name);
    // A zone with all that stands in it.
    for call in [
        (
            "ec2",
            "delete_nat_gateway",
            json!({"NatGatewayId": id("nat_gateway", "a")}),
        ),
        ("ec2", "describe_nat_gateways", json!({})),
        (
            "ec2",
            "release_address",
            json!({"AllocationId": id("elastic_ip", "nat-a")}),
        ),
        (
            "ec2",
            "delete_subnet",
            json!({"SubnetId": id("subnet", "public-a")}),
        ),
        (
            "ec2",
            "delete_subnet",
            json!({"SubnetId": id("subnet", "private-a")}),
        ),
    ] {
        world.call(call);
    }
    let told = json!({
        "elastic_ip nat-a": "created",
        "nat_gateway a": "created",
        "route_table private-a": [["default route", id("nat_gateway", "a"), "nat-a-production-pr1"]],
        "subnet private-a": "created",
        "subnet public-a": "created",
    });
    let done = world.aws.pipe(&world.up).ok();
    matches(&done, &told);
    let vpc = done.record("vpc", "main");
    let ranges = |subnets: &Value| {
        let subnets = world.call(("ec2", "describe_subnets", json!({"SubnetIds": subnets})));
        let mut ranges: Vec<String> = subnets["Subnets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| text(&one["CidrBlock"]).to_string())
            .collect();
        ranges.sort();
        ranges
    };
    assert_eq!(
        ranges(&vpc["public_subnets"]),
        ["10.0.0.0/20", "10.0.16.0/20"]
    );
    assert_eq!(
        ranges(&vpc["private_subnets"]),
        ["10.0.128.0/20", "10.0.144.0/20"]
    );
    world.at_rest();
}

#[test]
fn security_groups_that_are_gone_are_made_again_with_the_rules_that_named_them() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let up = "mk-vpc --env production-pr1 --nat single | mk-sg --private-api".to_string();
    let made = aws.pipe(&up).ok();
    let world = World { aws, up, made };
    let (alb, task) = (world.id("sg", "alb/web"), world.id("sg", "task/web"));
    let port = |port: u16, peer: &Value| json!([{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": peer}]}]);
    for call in [
        (
            "ec2",
            "revoke_security_group_ingress",
            json!({"GroupId": task, "IpPermissions": port(5000, &alb)}),
        ),
        ("ec2", "delete_security_group", json!({"GroupId": alb})),
    ] {
        world.call(call);
    }
    let told = json!({"sg alb/web": "created", "sg task/web": [["ingress", "nothing", "tcp 5000 from alb/web"]]});
    matches(&world.aws.pipe(&world.up).ok(), &told);
    world.at_rest();
}

#[test]
fn an_internet_gateway_is_attached_again() {
    // It can be detached only where no address is mapped through it: no load balancer, no NAT gateway.
    let world = World::network();
    let vpc = world.id("vpc", "main");
    let [a, b] = ["a", "b"].map(|zone| {
        (
            "ec2",
            "delete_nat_gateway",
            json!({"NatGatewayId": world.id("nat_gateway", zone)}),
        )
    });
    let gone = ("ec2", "describe_nat_gateways", json!({}));
    let gateway = world.id("internet_gateway", "main");
    let attachment = (
        "ec2",
        "describe_internet_gateways",
        json!({"InternetGatewayIds": [gateway]}),
    );
    world.mends(
        &[
            a,
            b,
            gone,
            (
                "ec2",
                "detach_internet_gateway",
                json!({"InternetGatewayId": gateway, "VpcId": vpc}),
            ),
        ],
        attachment,
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
        let look = ("ec2", "describe_tags", filter("resource-id", &id));
        let edit =
            |name: &str| json!({"Resources": [id], "Tags": [{"Key": name, "Value": "renamed"}]});
        world.mends(
            &[
                ("ec2", "create_tags", edit("Name")),
                ("ec2", "create_tags", edit("Team")),
                (
                    "ec2",
                    "delete_tags",
                    json!({"Resources": [id], "Tags": [{"Key": "Project"}]}),
                ),
            ],
            look,
            "/Tags",
            json!({key: [
                ["tag Name", "renamed", full],
                ["tag Project", "", "plumbline"],
                ["tag Team", "renamed", "devops"],
            ]}),
        );
    }
}

#[test]
fn rules_and_all_that_a_load_balancer_says_come_back() {
    let world = World::services();
    let group = world.id("sg", "alb/api");
    let rules = || {
        (
            "ec2",
            "describe_security_groups",
            json!({"GroupIds": [group]}),
        )
    };
    let anyone = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    world.mends(
        &[(
            "ec2",
            "authorize_security_group_ingress",
            json!({"GroupId": group, "IpPermissions": anyone}),
        )],
        rules(),
        "/SecurityGroups/0/IpPermissions",
        json!({"sg alb/api": [["ingress", "tcp 80 from 0.0.0.0/0", "nothing"]]}),
    );
    let callers = world.look(&rules(), "/SecurityGroups/0/IpPermissions");
    world.mends(
        &[(
            "ec2",
            "revoke_security_group_ingress",
            json!({"GroupId": group, "IpPermissions": callers}),
        )],
        rules(),
        "/SecurityGroups/0/IpPermissions/0/UserIdGroupPairs/0/GroupId",
        json!({"sg alb/api": [["ingress", "nothing", "tcp 80 from task/web"]]}),
    );

    let (alb, target) = (world.id("alb", "web"), world.id("target_group", "web"));
    for (attribute, other, wanted) in [
        (
            "routing.http.drop_invalid_header_fields.enabled",
            "false",
            "true",
        ),
        (
            "routing.http.desync_mitigation_mode",
            "monitor",
            "defensive",
        ),
    ] {
        let set =
            json!({"LoadBalancerArn": alb, "Attributes": [{"Key": attribute, "Value": other}]});
        world.mends(
            &[("elbv2", "modify_load_balancer_attributes", set)],
            (
                "elbv2",
                "describe_load_balancer_attributes",
                json!({"LoadBalancerArn": alb}),
            ),
            "/Attributes",
            json!({"alb web": [[attribute, other, wanted]]}),
        );
    }
    for (field, parameter, other, told) in [
        (
            "health port",
            "HealthCheckPort",
            json!("8080"),
            ("8080", "traffic-port"),
        ),
        (
            "health path",
            "HealthCheckPath",
            json!("/other"),
            ("/other", "/"),
        ),
        (
            "health codes",
            "Matcher",
            json!({"HttpCode": "200-499"}),
            ("200-499", "200"),
        ),
        (
            "health interval",
            "HealthCheckIntervalSeconds",
            json!(60),
            ("60s", "15s"),
        ),
        (
            "health timeout",
            "HealthCheckTimeoutSeconds",
            json!(3),
            ("3s", "5s"),
        ),
        (
            "healthy after",
            "HealthyThresholdCount",
            json!(5),
            ("5", "2"),
        ),
        (
            "unhealthy after",
            "UnhealthyThresholdCount",
            json!(5),
            ("5", "3"),
        ),
    ] {
        let mut set = json!({"TargetGroupArn": target});
        set[parameter] = other;
        world.mends(
            &[("elbv2", "modify_target_group", set)],
            (
                "elbv2",
                "describe_target_groups",
                json!({"TargetGroupArns": [target]}),
            ),
            "/TargetGroups/0",
            json!({"target_group web": [[field, told.0, told.1]]}),
        );
    }
    // Gone altogether, each is made again; what hangs on it follows.
    let listener = world.id("listener", "web");
    world.call(("elbv2", "delete_listener", json!({"ListenerArn": listener})));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"listener web": "created"}),
    );
    world.at_rest();
    let api = world.id("alb", "api");
    world.call((
        "elbv2",
        "delete_load_balancer",
        json!({"LoadBalancerArn": api}),
    ));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"alb api": "created", "listener api": "created"}),
    );
    world.at_rest();
}

#[test]
fn all_that_a_service_says_comes_back_but_a_count_that_autoscaling_set() {
    let world = World::services();
    let (cluster, service) = (world.id("cluster", "main"), world.id("service", "web"));
    let look = || {
        (
            "ecs",
            "describe_services",
            json!({"cluster": cluster, "services": [service], "include": ["TAGS"]}),
        )
    };
    let breaker = |enable: bool, rollback: bool| json!({"enable": enable, "rollback": rollback});
    let network = world.look(
        &look(),
        "/services/0/networkConfiguration/awsvpcConfiguration",
    );
    let other = |field: &str, value: Value| {
        let mut other = network.clone();
        other[field] = value;
        json!({"awsvpcConfiguration": other})
    };
    let (task, alb) = (world.id("sg", "task/web"), world.id("sg", "alb/web"));
    let private = world.made.record("vpc", "main")["private_subnets"].clone();
    let percents = |minimum: u32, maximum: u32, breaker: Value| json!({"minimumHealthyPercent": minimum, "maximumPercent": maximum, "deploymentCircuitBreaker": breaker});
    for (parameter, value, place, told) in [
        (
            "desiredCount",
            json!(5),
            "/desiredCount",
            json!([["count", "5", "2"]]),
        ),
        (
            "healthCheckGracePeriodSeconds",
            json!(5),
            "/healthCheckGracePeriodSeconds",
            json!([["grace", "5", "60"]]),
        ),
        (
            "networkConfiguration",
            other("subnets", json!([private[0]])),
            "/networkConfiguration",
            json!([["subnets", private[0], "*"]]),
        ),
        (
            "networkConfiguration",
            other("securityGroups", json!([alb])),
            "/networkConfiguration",
            json!([["security groups", alb, task]]),
        ),
        (
            "networkConfiguration",
            other("assignPublicIp", json!("ENABLED")),
            "/networkConfiguration",
            json!([["public ip", "true", "false"]]),
        ),
        (
            "deploymentConfiguration",
            percents(50, 200, breaker(true, true)),
            "/deploymentConfiguration",
            json!([["minimum percent", "50", "100"]]),
        ),
        (
            "deploymentConfiguration",
            percents(100, 150, breaker(true, true)),
            "/deploymentConfiguration",
            json!([["maximum percent", "150", "200"]]),
        ),
        (
            "deploymentConfiguration",
            percents(100, 200, breaker(true, false)),
            "/deploymentConfiguration",
            json!([["rollback", "false", "true"]]),
        ),
        (
            "deploymentConfiguration",
            percents(100, 200, breaker(false, false)),
            "/deploymentConfiguration",
            json!([
                ["circuit breaker", "false", "true"],
                ["rollback", "false", "true"]
            ]),
        ),
        (
            "availabilityZoneRebalancing",
            json!("DISABLED"),
            "/availabilityZoneRebalancing",
            json!([["zone rebalancing", "DISABLED", "ENABLED"]]),
        ),
        (
            "propagateTags",
            json!("NONE"),
            "/propagateTags",
            json!([["propagated tags", "NONE", "SERVICE"]]),
        ),
        (
            "enableECSManagedTags",
            json!(false),
            "/enableECSManagedTags",
            json!([["ecs managed tags", "false", "true"]]),
        ),
    ] {
        let mut set = json!({"cluster": cluster, "service": service});
        set[parameter] = value;
        world.mends(
            &[("ecs", "update_service", set)],
            look(),
            &format!("/services/0{place}"),
            json!({"service web": told}),
        );
    }

    // Nobody undoes what Application Auto Scaling does, in this run or in the next.
    let scaled = "service/cluster-production-pr1/service-web-production-pr1";
    let dimension = "ecs:service:DesiredCount";
    let target =
        json!({"ServiceNamespace": "ecs", "ResourceId": scaled, "ScalableDimension": dimension});
    let mut bounds = target.clone();
    bounds["MinCapacity"] = json!(2);
    bounds["MaxCapacity"] = json!(10);
    world.call((
        "application-autoscaling",
        "register_scalable_target",
        bounds,
    ));
    world.call((
        "ecs",
        "update_service",
        json!({"cluster": cluster, "service": service, "desiredCount": 7}),
    ));
    world.aws.forget();
    let kept = world.aws.pipe(&world.up).ok();
    assert_eq!(world.aws.changes(), Vec::<String>::new());
    let said = "mk-ecs-svc: web keeps 7 tasks: Application Auto Scaling sets from 2 to 10\n";
    assert!(kept.stderr.contains(said), "{}", kept.stderr);
    assert_eq!(kept.record("service", "web")["count"], 7);
    // All else is brought into line, and the count stays with that.
    world.call((
        "ecs",
        "update_service",
        json!({"cluster": cluster, "service": service, "healthCheckGracePeriodSeconds": 5}),
    ));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"service web": [["grace", "5", "60"]]}),
    );
    assert_eq!(world.look(&look(), "/services/0/desiredCount"), 7);
    // Where it manages the count no more, the app's counts again.
    world.call((
        "application-autoscaling",
        "deregister_scalable_target",
        target,
    ));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"service web": [["count", "7", "2"]]}),
    );
    world.at_rest();
}

#[test]
fn a_revision_that_hands_registered_is_followed_by_one_as_wanted() {
    let world = World::services();
    let (cluster, service) = (world.id("cluster", "main"), world.id("service", "web"));
    let wanted = world.call((
        "ecs",
        "describe_task_definition",
        json!({"taskDefinition": world.id("task_definition", "web")}),
    ));
    let wanted = &wanted["taskDefinition"];
    let mut container = wanted["containerDefinitions"][0].clone();
    container["image"] = json!("registry.example/other:1");
    container["portMappings"] =
        json!([5000, 6000].map(|port| json!({"containerPort": port, "protocol": "tcp"})));
    container["environment"] = json!([{"name": "THEIRS", "value": "x"}]);
    container["stopTimeout"] = json!(5);
    container["linuxParameters"] = json!({"initProcessEnabled": false});
    container["healthCheck"] = json!({"command": ["CMD-SHELL", "true"]});
    container["logConfiguration"]["options"] = json!({"awslogs-group": "/ecs/production-pr1/api", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "theirs"});
    let revision = json!({
        "family": wanted["family"],
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "512",
        "memory": "2048",
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "executionRoleArn": world.id("role", "execution/api"),
        "containerDefinitions": [container],
        "tags": [{"key": "plumbline:env", "value": "production-pr1"}],
    });
    let registered = world.call(("ecs", "register_task_definition", revision));
    let theirs = registered["taskDefinition"]["taskDefinitionArn"].clone();
    world.call((
        "ecs",
        "update_service",
        json!({"cluster": cluster, "service": service, "taskDefinition": theirs}),
    ));
    let done = world.aws.pipe(&world.up).ok();
    let fields: Vec<String> = done.record("task_definition", "web")["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| text(&change["field"]).to_string())
        .collect();
    assert_eq!(
        fields,
        [
            "image",
            "port",
            "cpu",
            "memory",
            "architecture",
            "check",
            "execution role",
            "log group",
            "init process",
            "log stream prefix",
            "stop timeout",
            "environment ASPNETCORE_URLS",
            "environment ApiAddress",
            "environment THEIRS",
        ]
    );
    let runs = world.call((
        "ecs",
        "describe_services",
        json!({"cluster": cluster, "services": [service]}),
    ));
    let runs = &runs["services"][0]["taskDefinition"];
    let now = world.call((
        "ecs",
        "describe_task_definition",
        json!({"taskDefinition": runs}),
    ));
    for field in [
        "containerDefinitions",
        "cpu",
        "memory",
        "executionRoleArn",
        "runtimePlatform",
        "networkMode",
    ] {
        assert_eq!(now["taskDefinition"][field], wanted[field], "{field}");
    }
    world.at_rest();
    // A service that hands set back to the first revision runs the newest again.
    let first = json!({"cluster": cluster, "service": service, "taskDefinition": "task-web-production-pr1:1"});
    world.mends(
        &[("ecs", "update_service", first)],
        ("ecs", "describe_services", json!({"cluster": cluster, "services": [service]})),
        "/services/0/taskDefinition",
        json!({"service web": [["task definition", "task-web-production-pr1:1", "task-web-production-pr1:3"]]}),
    );
    // A service that is gone is made again.
    world.call((
        "ecs",
        "delete_service",
        json!({"cluster": cluster, "service": service, "force": true}),
    ));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"service web": "created"}),
    );
    world.at_rest();
}

#[test]
fn all_that_a_pipeline_says_comes_back() {
    let world = World::pipeline();
    let look = || {
        (
            "codepipeline",
            "get_pipeline",
            json!({"name": "pipeline-web-production-pr1"}),
        )
    };
    let wanted = world.look(&look(), "/pipeline");
    let source = "/stages/0/actions/0/configuration";
    let [build, tag] = ["/stages/1/actions/0", "/stages/2/actions/0"];
    let connection = wanted
        .pointer(&format!("{source}/ConnectionArn"))
        .unwrap()
        .clone();
    let other = json!(
        "arn:aws:codeconnections:us-east-1:123456789012:connection/00000000-0000-0000-0000-000000000000"
    );
    let by_tag = json!([{"providerType": "CodeStarSourceConnection", "gitConfiguration": {"sourceActionName": "Source", "push": [{"tags": {"includes": ["v*"]}}]}}]);
    for (place, value, told) in [
        (
            "/executionMode".to_string(),
            json!("SUPERSEDED"),
            json!(["execution mode", "SUPERSEDED", "QUEUED"]),
        ),
        ("/triggers".into(), by_tag, json!(["triggers", "1", "0"])),
        (
            format!("{source}/ConnectionArn"),
            other.clone(),
            json!(["Source/Source ConnectionArn", other, connection]),
        ),
        (
            format!("{source}/FullRepositoryId"),
            json!("owner/old"),
            json!(["Source/Source FullRepositoryId", "owner/old", "owner/web"]),
        ),
        (
            format!("{source}/BranchName"),
            json!("old"),
            json!(["Source/Source BranchName", "old", "main"]),
        ),
        (
            format!("{source}/DetectChanges"),
            json!("false"),
            json!(["Source/Source DetectChanges", "false", "true"]),
        ),
        (
            format!("{build}/configuration/ProjectName"),
            json!("theirs"),
            json!([
                "Build/Build ProjectName",
                "theirs",
                "build-web-production-pr1"
            ]),
        ),
        (
            format!("{build}/namespace"),
            json!("Theirs"),
            json!(["Build/Build namespace", "Theirs", "BuildVariables"]),
        ),
        (
            format!("{tag}/configuration/FunctionName"),
            json!("theirs"),
            json!([
                "Deploy/Tag FunctionName",
                "theirs",
                "function-web-production-pr1"
            ]),
        ),
        (
            format!("{tag}/configuration/UserParameters"),
            json!("{}"),
            json!(["Deploy/Tag UserParameters", "{}", "*"]),
        ),
        (
            format!("{tag}/runOrder"),
            json!(7),
            json!(["Deploy/Tag order", "7", "1"]),
        ),
        (format!("{tag}/name"), json!("Theirs"), Value::Null),
        ("/stages/2/name".into(), json!("Theirs"), Value::Null),
    ] {
        let mut pipeline = wanted.clone();
        let (parent, field) = place.rsplit_once('/').unwrap();
        pipeline.pointer_mut(parent).unwrap()[field] = value;
        let hand = (
            "codepipeline",
            "update_pipeline",
            json!({"pipeline": pipeline}),
        );
        // What is called otherwise differs in all that it says.
        if told.is_null() {
            world.call(hand);
            assert_eq!(
                world.aws.pipe(&world.up).ok().record("pipeline", "web")["change"],
                "updated",
                "{place}"
            );
            assert_eq!(
                world.look(&look(), &format!("/pipeline{place}")),
                *wanted.pointer(&place).unwrap()
            );
            world.at_rest();
            continue;
        }
        let place = if place == "/triggers" {
            "/stages/0/name"
        } else {
            &place
        };
        if place != "/stages/0/name" {
            world.mends(
                &[hand],
                look(),
                &format!("/pipeline{place}"),
                json!({"pipeline web": [told]}),
            );
        } else {
            world.call(hand);
            matches(
                &world.aws.pipe(&world.up).ok(),
                &json!({"pipeline web": [told]}),
            );
            assert_eq!(world.look(&look(), "/pipeline/triggers"), Value::Null);
            world.at_rest();
        }
    }
}

#[test]
fn the_other_parts_of_a_pipeline_come_back() {
    let world = World::pipeline();
    let rule = || {
        (
            "events",
            "describe_rule",
            json!({"Name": "rule-web-production-pr1"}),
        )
    };
    let described = world.call(rule());
    let put = |field: &str, value: Value| {
        let mut set = json!({"Name": described["Name"], "State": described["State"]});
        set["Description"] = described["Description"].clone();
        set["EventPattern"] = described["EventPattern"].clone();
        set[field] = value;
        ("events", "put_rule", set)
    };
    world.mends(
        &[put("Description", json!("theirs"))],
        rule(),
        "/Description",
        json!({"rule web": [["description", "theirs", described["Description"]]]}),
    );
    // Enabled, one push would start two runs.
    world.mends(
        &[put("State", json!("ENABLED"))],
        rule(),
        "/State",
        json!({"rule web": [["state", "ENABLED", "DISABLED"]]}),
    );
    let targets = || {
        (
            "events",
            "list_targets_by_rule",
            json!({"Rule": "rule-web-production-pr1"}),
        )
    };
    let target = world.look(&targets(), "/Targets/0");
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let theirs = json!({"RoleName": "theirs", "AssumeRolePolicyDocument": trust.to_string()});
    let theirs = world.call(("iam", "create_role", theirs))["Role"]["Arn"].clone();
    for (parameter, field, other) in [
        (
            "Arn",
            "target",
            json!("arn:aws:codepipeline:us-east-1:123456789012:theirs"),
        ),
        ("RoleArn", "target role", theirs),
    ] {
        let mut set = target.clone();
        set[parameter] = other.clone();
        world.mends(
            &[(
                "events",
                "put_targets",
                json!({"Rule": "rule-web-production-pr1", "Targets": [set]}),
            )],
            targets(),
            "/Targets",
            json!({"rule web": [[field, other, target[parameter]]]}),
        );
    }
    world.call((
        "events",
        "remove_targets",
        json!({"Rule": "rule-web-production-pr1", "Ids": ["pipeline"]}),
    ));
    world.call((
        "events",
        "delete_rule",
        json!({"Name": "rule-web-production-pr1"}),
    ));
    matches(
        &world.aws.pipe(&world.up).ok(),
        &json!({"rule web": "created"}),
    );
    world.at_rest();

    let bucket = "bucket-123456789012-us-east-1-production-pr1";
    let of_bucket = || json!({"Bucket": bucket});
    let block = || ("s3", "get_public_access_block", of_bucket());
    for part in [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ] {
        let mut set = world.look(&block(), "/PublicAccessBlockConfiguration");
        set[part] = json!(false);
        world.mends(
            &[(
                "s3",
                "put_public_access_block",
                json!({"Bucket": bucket, "PublicAccessBlockConfiguration": set}),
            )],
            block(),
            "/PublicAccessBlockConfiguration",
            json!({"bucket artifacts": [["public access blocked", "false", "true"]]}),
        );
    }
    let rules = || ("s3", "get_bucket_lifecycle_configuration", of_bucket());
    for (rule, place, value) in [
        ("plumbline-objects", "/Expiration/Days", json!(365)),
        (
            "plumbline-objects",
            "/NoncurrentVersionExpiration/NoncurrentDays",
            json!(1),
        ),
        (
            "plumbline-objects",
            "/AbortIncompleteMultipartUpload/DaysAfterInitiation",
            json!(1),
        ),
        ("plumbline-objects", "/Status", json!("Disabled")),
        ("plumbline-markers", "/Status", json!("Disabled")),
    ] {
        let mut set = world.look(&rules(), "/Rules");
        let at = set
            .as_array()
            .unwrap()
            .iter()
            .position(|other| other["ID"] == rule)
            .unwrap();
        *set[at].pointer_mut(place).unwrap() = value;
        let set = json!({"Bucket": bucket, "LifecycleConfiguration": {"Rules": set}});
        world.mends(
            &[("s3", "put_bucket_lifecycle_configuration", set)],
            rules(),
            "/Rules",
            json!({"bucket artifacts": [["lifecycle", "*", "*"]]}),
        );
    }
    let policy = ("s3", "get_bucket_policy", of_bucket());
    let open = text(&world.look(&policy, "/Policy")).replace("\"false\"", "\"true\"");
    world.mends(
        &[(
            "s3",
            "put_bucket_policy",
            json!({"Bucket": bucket, "Policy": open}),
        )],
        policy,
        "/Policy",
        json!({"bucket artifacts": [["policy", "*", "*"]]}),
    );

    for role in ["build", "function", "pipeline", "events"] {
        let name = format!("role-{role}-web-us-east-1-production-pr1");
        let get = || {
            (
                "iam",
                "get_role_policy",
                json!({"RoleName": name, "PolicyName": role}),
            )
        };
        let wide = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        let wide =
            json!({"RoleName": name, "PolicyName": role, "PolicyDocument": wide.to_string()});
        world.mends(
            &[("iam", "put_role_policy", wide)],
            get(),
            "/PolicyDocument",
            json!({format!("role {role}/web"): [["policy", "*", "*"]]}),
        );
    }
    for group in [
        "/aws/codebuild/build-web-production-pr1",
        "/aws/lambda/function-web-production-pr1",
    ] {
        let record = if group.contains("lambda") {
            "log_group function/web"
        } else {
            "log_group build/web"
        };
        world.mends(
            &[(
                "logs",
                "put_retention_policy",
                json!({"logGroupName": group, "retentionInDays": 365}),
            )],
            (
                "logs",
                "describe_log_groups",
                json!({"logGroupNamePrefix": group}),
            ),
            "/logGroups/0/retentionInDays",
            json!({record: [["retention", "365", "7"]]}),
        );
    }
    // What needs a repository stands in its tags.
    let repository = world.id("repo", "web");
    world.mends(
        &[(
            "ecr",
            "untag_resource",
            json!({"resourceArn": repository, "tagKeys": ["plumbline:source"]}),
        )],
        (
            "ecr",
            "list_tags_for_resource",
            json!({"resourceArn": repository}),
        ),
        "/tags",
        json!({"repo web": [["tag plumbline:source", "", "web"]]}),
    );
}
