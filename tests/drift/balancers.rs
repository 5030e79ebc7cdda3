//! Load balancers: the rules of their security groups, their attributes, health checks, listeners.

use support::{Value, json};

use crate::world::{World, ec2, elbv2};

#[test]
fn rules_and_all_that_a_load_balancer_says_come_back() {
    let world = World::services();
    rules_come_back(&world);
    attributes_come_back(&world);
    group_attributes_come_back(&world);
    health_checks_come_back(&world);
    a_listener_and_a_load_balancer_that_are_gone_are_made_again(&world);
}

fn rules_come_back(world: &World) {
    let group = world.id("sg", "alb/api");
    let get = ec2("describe_security_groups", json!({"GroupIds": [group]}));
    let anyone = json!([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    let open = json!({"GroupId": group, "IpPermissions": anyone});
    world.mends(
        &[ec2("authorize_security_group_ingress", open)],
        get.clone(),
        "/SecurityGroups/0/IpPermissions",
        json!({"surplus ingress rule tcp 80 from 0.0.0.0/0 of security group alb/api": "deleted"}),
    );
    let callers = world.get(&get, "/SecurityGroups/0/IpPermissions");
    let closed = json!({"GroupId": group, "IpPermissions": callers});
    world.mends(
        &[ec2("revoke_security_group_ingress", closed)],
        get,
        "/SecurityGroups/0/IpPermissions/0/UserIdGroupPairs/0/GroupId",
        json!({"sg alb/api": [["ingress", "nothing", "tcp 80 from task/web"]]}),
    );
}

fn attributes_come_back(world: &World) {
    let alb = json!({"LoadBalancerArn": world.id("alb", "web")});
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
        ("idle_timeout.timeout_seconds", "61", "60"),
    ] {
        let mut set = alb.clone();
        set["Attributes"] = json!([{"Key": attribute, "Value": other}]);
        world.mends(
            &[elbv2("modify_load_balancer_attributes", set)],
            elbv2("describe_load_balancer_attributes", alb.clone()),
            "/Attributes",
            json!({"alb web": [[attribute, other, wanted]]}),
        );
    }
}

fn group_attributes_come_back(world: &World) {
    let group = json!({"TargetGroupArn": world.id("target_group", "web")});
    for (attribute, other, wanted) in [
        ("deregistration_delay.timeout_seconds", "300", "30"),
        ("slow_start.duration_seconds", "40", "0"),
        ("stickiness.enabled", "true", "false"),
        ("stickiness.lb_cookie.duration_seconds", "60", "86400"),
    ] {
        let mut set = group.clone();
        set["Attributes"] = json!([{"Key": attribute, "Value": other}]);
        world.mends(
            &[elbv2("modify_target_group_attributes", set)],
            elbv2("describe_target_group_attributes", group.clone()),
            "/Attributes",
            json!({"target_group web": [[attribute, other, wanted]]}),
        );
    }
}

fn health_checks_come_back(world: &World) {
    for (parameter, other, reported) in [
        (
            "HealthCheckPort",
            json!("8080"),
            ["health port", "8080", "traffic-port"],
        ),
        (
            "HealthCheckPath",
            json!("/other"),
            ["health path", "/other", "/"],
        ),
        (
            "Matcher",
            json!({"HttpCode": "200-499"}),
            ["health codes", "200-499", "200"],
        ),
        (
            "HealthCheckIntervalSeconds",
            json!(60),
            ["health interval", "60s", "15s"],
        ),
        (
            "HealthCheckTimeoutSeconds",
            json!(3),
            ["health timeout", "3s", "5s"],
        ),
        (
            "HealthyThresholdCount",
            json!(5),
            ["healthy after", "5", "2"],
        ),
        (
            "UnhealthyThresholdCount",
            json!(5),
            ["unhealthy after", "5", "3"],
        ),
    ] {
        health_check_comes_back(world, parameter, other, reported);
    }
}

fn health_check_comes_back(world: &World, parameter: &str, other: Value, reported: [&str; 3]) {
    let group = world.id("target_group", "web");
    let get = json!({"TargetGroupArns": [group]});
    let mut set = json!({"TargetGroupArn": group});
    set[parameter] = other;
    world.mends(
        &[elbv2("modify_target_group", set)],
        elbv2("describe_target_groups", get),
        "/TargetGroups/0",
        json!({"target_group web": [reported]}),
    );
}

/// What depends on the load balancer is made again with it.
fn a_listener_and_a_load_balancer_that_are_gone_are_made_again(world: &World) {
    let listener = json!({"ListenerArn": world.id("listener", "web")});
    world.call(elbv2("delete_listener", listener));
    world.run_reports(json!({"listener web": "created"}));
    world.run_changes_nothing();
    let api = json!({"LoadBalancerArn": world.id("alb", "api")});
    world.call(elbv2("delete_load_balancer", api));
    world.run_reports(json!({"alb api": "created", "listener api": "created"}));
    world.run_changes_nothing();
}
