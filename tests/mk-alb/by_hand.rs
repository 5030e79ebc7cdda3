//! What people change and add by hand: what this tool sets is brought back, all else stays.

use support::{LocalAws, Output, Value, json, text};

use crate::elb::{
    attributes, call, fixed_response, forward, listeners, load_balancer, load_balancers, pairs,
    sorted, subnets_of, tags_of, target_group, target_group_attributes,
};
use crate::input::{UPSTREAM, dry_run, security_group_id, upstream, vpc};

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    change_all_of_web(&aws, &input, &made);
    aws.forget();

    let again = aws.pipe_with("mk-alb", &input).ok();
    let mut changes = aws.changes();
    changes.sort();
    let expected = [
        "AddTags",
        "AddTags",
        "AddTags",
        "ModifyListener",
        "ModifyLoadBalancerAttributes",
        "ModifyTargetGroup",
        "ModifyTargetGroupAttributes",
        "SetSecurityGroups",
        "SetSubnets",
    ];
    let expected = expected.map(|action| format!("elasticloadbalancing:{action}"));
    assert_eq!(changes, expected);
    assert_all_of_web_is_back(&aws, &input, &made);
    let told = format!(
        "mk-alb: updated alb web {} (tag Team: nobody -> devops; security groups: {} -> ",
        text(&made.record("alb", "web")["arn"]),
        security_group_id(&input, "api")
    );
    assert!(again.stderr.contains(&told), "{}", again.stderr);
    let told =
        "health protocol: HTTPS -> HTTP; health path: /wrong -> /; health interval: 60s -> 15s";
    assert!(again.stderr.contains(told), "{}", again.stderr);
    assert_eq!(again.record("alb", "api")["change"], "kept");
}

/// Changes all that this tool sets of what app web has.
fn change_all_of_web(aws: &LocalAws, input: &str, made: &Output) {
    let alb = &made.record("alb", "web")["arn"];
    let group = &made.record("target_group", "web")["arn"];
    let listener = &made.record("listener", "web")["arn"];
    let groups = [security_group_id(input, "api")];
    let subnets = &vpc(input)["private_subnets"];
    let headers = pairs(&[("routing.http.drop_invalid_header_fields.enabled", "false")]);
    let delay = pairs(&[("deregistration_delay.timeout_seconds", "300")]);
    let response = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": ""}}]);
    let tags = pairs(&[("Team", "nobody"), ("theirs", "x")]);
    for (operation, params) in [
        (
            "set_security_groups",
            json!({"LoadBalancerArn": alb, "SecurityGroups": groups}),
        ),
        (
            "set_subnets",
            json!({"LoadBalancerArn": alb, "Subnets": subnets}),
        ),
        (
            "modify_load_balancer_attributes",
            json!({"LoadBalancerArn": alb, "Attributes": headers}),
        ),
        (
            "modify_target_group_attributes",
            json!({"TargetGroupArn": group, "Attributes": delay}),
        ),
        (
            "modify_target_group",
            json!({"TargetGroupArn": group, "HealthCheckProtocol": "HTTPS", "HealthCheckPath": "/wrong", "HealthCheckIntervalSeconds": 60}),
        ),
        (
            "modify_listener",
            json!({"ListenerArn": listener, "DefaultActions": response}),
        ),
    ] {
        call(aws, operation, params);
    }
    for arn in [alb, group, listener] {
        let params = json!({"ResourceArns": [arn], "Tags": tags});
        call(aws, "add_tags", params);
    }
}

/// Asserts that it is as wanted again, and that the tags of others are still there.
fn assert_all_of_web_is_back(aws: &LocalAws, input: &str, made: &Output) {
    let alb = &made.record("alb", "web")["arn"];
    let group = &made.record("target_group", "web")["arn"];
    let listener = &made.record("listener", "web")["arn"];
    let found = load_balancer(aws, alb);
    let security_group = security_group_id(input, "web");
    assert_eq!(found["SecurityGroups"], json!([security_group]));
    assert_eq!(subnets_of(&found), sorted(&vpc(input)["public_subnets"]));
    assert_eq!(
        attributes(aws, alb)["routing.http.drop_invalid_header_fields.enabled"],
        "true"
    );
    assert_eq!(
        target_group_attributes(aws, group)["deregistration_delay.timeout_seconds"],
        "30"
    );
    let found = target_group(aws, group);
    assert_eq!(found["HealthCheckPath"], "/");
    assert_eq!(found["HealthCheckIntervalSeconds"], 15);
    assert_eq!(found["HealthCheckProtocol"], "HTTP");
    assert_eq!(
        listeners(aws, alb)[0]["DefaultActions"][0]["TargetGroupArn"],
        *group
    );
    for arn in [alb, group, listener] {
        let tags = tags_of(aws, arn);
        assert_eq!(tags["Team"], "devops");
        assert_eq!(tags["theirs"], "x");
    }
}

#[test]
fn what_hands_add_that_it_does_not_set_stays() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    add_to_web(&aws, &made);
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let mut lines: Vec<&str> = again.stderr.lines().collect();
    lines.sort();
    let told = [
        "mk-alb: load balancer alb-web-production-pr1 also listens on port 8443, which is none of ours; it stays: delete that listener if nobody wants it",
        "mk-alb: load balancer alb-web-production-pr1 keeps its deletion protection",
        "mk-alb: nothing to change (6 kept)",
        "mk-alb: the listener of load balancer alb-web-production-pr1 has rule 1 (path-pattern), which is none of ours; it stays: delete it if nobody wants it",
    ];
    assert_eq!(lines, told);
    assert_all_is_deleted(&aws, &made);
}

#[test]
fn a_listener_of_ours_on_another_port_goes_at_the_end_where_port_80_is_taken() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    add_to_web(&aws, &made);
    let alb = &made.record("alb", "web")["arn"];
    let listener = &made.record("listener", "web")["arn"];
    let moved = json!({"ListenerArn": listener, "Port": 8080});
    call(&aws, "modify_listener", moved);
    let group = &made.record("target_group", "web")["arn"];
    create_listener(&aws, alb, group, 80);
    let again = aws.pipe_with("mk-alb", &input).ok();
    let line = "mk-alb: nothing needs listener on port 8080 of load balancer alb-web-production-pr1: prune-env takes it away\n";
    assert!(again.stderr.contains(line), "{}", again.stderr);
    assert_eq!(ports(&aws, alb), [80, 8080, 8443]);
    aws.pipe_with("prune-env", &again.stdout).ok();
    assert_eq!(
        ports(&aws, alb),
        [80, 8443],
        "the other one is somebody else's"
    );
    assert_all_is_deleted(&aws, &made);
}

/// The ports that a load balancer listens on, sorted.
fn ports(aws: &LocalAws, load_balancer: &Value) -> Vec<i64> {
    let mut ports = Vec::new();
    for listener in listeners(aws, load_balancer) {
        ports.push(listener["Port"].as_i64().unwrap());
    }
    ports.sort_unstable();
    ports
}

#[test]
fn a_value_that_is_stricter_than_ours_stays_also_where_another_is_mended() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let alb = &made.record("alb", "web")["arn"];
    let mode = "routing.http.desync_mitigation_mode";
    let headers = "routing.http.drop_invalid_header_fields.enabled";
    let strict = pairs(&[(mode, "strictest"), ("deletion_protection.enabled", "true")]);
    let params = json!({"LoadBalancerArn": alb, "Attributes": strict});
    call(&aws, "modify_load_balancer_attributes", params);
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let planned = aws.pipe_with("mk-alb", &dry_run(&input)).ok();
    for said in [again.stderr, planned.stderr] {
        for kept in [
            "routing.http.desync_mitigation_mode strictest, which is stricter than ours",
            "its deletion protection",
        ] {
            let line = format!("mk-alb: load balancer alb-web-production-pr1 keeps {kept}\n");
            assert_eq!(said.matches(&line).count(), 1, "{said}");
        }
    }
    let lax = pairs(&[(headers, "false")]);
    let params = json!({"LoadBalancerArn": alb, "Attributes": lax});
    call(&aws, "modify_load_balancer_attributes", params);
    aws.pipe_with("mk-alb", &input).ok();
    let attributes = attributes(&aws, alb);
    assert_eq!(attributes[mode], "strictest");
    assert_eq!(attributes[headers], "true");
}

/// Adds what this tool does not set to what app web has.
fn add_to_web(aws: &LocalAws, made: &Output) {
    let alb = &made.record("alb", "web")["arn"];
    let group = &made.record("target_group", "web")["arn"];
    let listener = &made.record("listener", "web")["arn"];
    let attributes = pairs(&[
        ("client_keep_alive.seconds", "120"),
        ("deletion_protection.enabled", "true"),
    ]);
    let balanced = pairs(&[(
        "load_balancing.algorithm.type",
        "least_outstanding_requests",
    )]);
    let path = json!([{"Field": "path-pattern", "Values": ["/closed"]}]);
    for (operation, params) in [
        (
            "modify_load_balancer_attributes",
            json!({"LoadBalancerArn": alb, "Attributes": attributes}),
        ),
        (
            "modify_target_group_attributes",
            json!({"TargetGroupArn": group, "Attributes": balanced}),
        ),
        (
            "register_targets",
            json!({"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.9", "Port": 5000}]}),
        ),
        (
            "create_rule",
            json!({"ListenerArn": listener, "Priority": 1, "Conditions": path, "Actions": fixed_response()}),
        ),
    ] {
        call(aws, operation, params);
    }
    create_listener(aws, alb, group, 8443);
}

/// Makes a listener with the tags of the load balancer, as a policy may demand.
fn create_listener(aws: &LocalAws, alb: &Value, group: &Value, port: u16) {
    let tags = pairs(&[
        ("Name", "alb-web-production-pr1"),
        ("plumbline:env", "production-pr1"),
    ]);
    let params = json!({"LoadBalancerArn": alb, "Port": port, "Protocol": "HTTP", "DefaultActions": forward(group), "Tags": tags});
    call(aws, "create_listener", params);
}

/// Asserts that what was added is deleted with what it was added to.
fn assert_all_is_deleted(aws: &LocalAws, made: &Output) {
    let rm_env = "rm-env --confirm production-pr1 --lift-protection";
    let deleted = aws.pipe_with(rm_env, &made.stdout).ok();
    assert_eq!(deleted.record("target_group", "web")["change"], "deleted");
    assert_eq!(load_balancers(aws), json!([]));
}

#[test]
fn a_target_group_that_was_lost_is_made_again_and_forwarded_to() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let listener = json!({"ListenerArn": made.record("listener", "web")["arn"]});
    call(&aws, "delete_listener", listener);
    let group = json!({"TargetGroupArn": made.record("target_group", "web")["arn"]});
    call(&aws, "delete_target_group", group);
    let again = aws.pipe_with("mk-alb", &input).ok();
    let group = again.record("target_group", "web");
    assert_eq!(group["change"], "created");
    assert_eq!(
        again.record("listener", "web")["target_group"],
        group["arn"]
    );
}
