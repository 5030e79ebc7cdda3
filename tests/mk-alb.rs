//! mk-alb: its command line, and the load balancers it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use support::{ENV, Faults, LocalAws, Output, Value, depth, json, recipe, tags, text};

/// Two apps, and a network for them.
const UPSTREAM: &str = "mk-env production pr1 | mk-app web --public --calls api | mk-app api --health /WeatherForecast | mk-vpc --nat single";

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-alb", &[]);
}

#[test]
fn without_a_network_it_says_which_tool_makes_one() {
    let aws = LocalAws::start();
    let output = aws.pipe("mk-env production pr1 | mk-app web --public | mk-alb");
    assert_eq!(output.code, 65);
    assert_eq!(
        output.stderr,
        "mk-alb: no vpc record on stdin\n  try: mk-vpc | mk-alb\n"
    );
}

#[test]
fn bad_input_is_refused_before_any_call() {
    let aws = LocalAws::start();
    let output = aws.pipe_with(
        "mk-alb",
        &format!(
            "{ENV}\n{}\n",
            r#"{"type":"app","name":"web","health":"no path"}"#
        ),
    );
    assert_eq!((output.code, aws.calls()), (65, Vec::new()));
}

#[test]
fn a_network_in_one_zone_is_refused() {
    let aws = LocalAws::start();
    let input = [
        ENV,
        r#"{"type":"app","name":"web","public":true}"#,
        r#"{"type":"vpc","name":"main","id":"planned:vpc","cidr":"10.0.0.0/16","public_subnets":["planned:a"],"private_subnets":["planned:b"]}"#,
        r#"{"type":"sg","name":"alb/web","id":"planned:sg"}"#,
    ];
    let output = aws.pipe_with(
        "mk-alb",
        &input
            .join("\n")
            .replace(r#""account""#, r#""plan":true,"account""#),
    );
    assert_eq!(output.code, 65);
    assert!(
        output.stderr.contains(
            "mk-alb: vpc 'main' has 1 of the two public subnets that a load balancer needs, in different zones\n"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn it_makes_what_each_app_needs_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    aws.forget();
    let made = aws.pipe_with("mk-alb", &input).ok();
    let (network, changes) = (vpc(&input), aws.changes());
    for call in ["LoadBalancer", "TargetGroup", "Listener"] {
        let made = changes
            .iter()
            .filter(|change| **change == format!("elasticloadbalancing:Create{call}"))
            .count();
        assert_eq!(made, 2, "{call}: {changes:?}");
    }
    assert!(
        !changes.contains(&"elasticloadbalancing:AddTags".to_string()),
        "tags go in the create calls: {changes:?}"
    );

    for (app, scheme, subnets, health) in [
        ("web", "internet-facing", "public_subnets", "/"),
        ("api", "internal", "private_subnets", "/WeatherForecast"),
    ] {
        let (alb, group, listener) = (
            made.record("alb", app),
            made.record("target_group", app),
            made.record("listener", app),
        );
        let found = balancer(&aws, &alb["arn"]);
        assert_eq!(
            found["LoadBalancerName"],
            format!("alb-{app}-production-pr1")
        );
        assert_eq!(
            (&found["Scheme"], &found["Type"]),
            (&json!(scheme), &json!("application"))
        );
        assert_eq!(
            (&found["Scheme"], &found["DNSName"]),
            (&alb["scheme"], &alb["dns"])
        );
        assert_eq!(found["CanonicalHostedZoneId"], alb["zone"]);
        assert_eq!(found["SecurityGroups"], json!([group_id(&input, app)]));
        assert_eq!(subnets_of(&found), sorted(&network[subnets]));
        let attributes = attributes(&aws, &alb["arn"]);
        assert_eq!(
            attributes["routing.http.drop_invalid_header_fields.enabled"],
            "true"
        );
        assert_eq!(
            attributes["routing.http.desync_mitigation_mode"],
            "defensive"
        );
        assert_ne!(attributes["deletion_protection.enabled"], "true");

        let found = target_group(&aws, &group["arn"]);
        assert_eq!(found["TargetGroupName"], format!("tg-{app}-production-pr1"));
        let kind = (
            &found["TargetType"],
            &found["Protocol"],
            &found["Port"],
            &found["VpcId"],
        );
        assert_eq!(
            kind,
            (&json!("ip"), &json!("HTTP"), &json!(5000), &network["id"])
        );
        assert_eq!(found["HealthCheckPath"], health);
        assert_eq!(found["Matcher"]["HttpCode"], "200");
        let times = ["HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds"]
            .map(|field| found[field].clone());
        assert_eq!(times, [json!(15), json!(5)]);
        let counts =
            ["HealthyThresholdCount", "UnhealthyThresholdCount"].map(|field| found[field].clone());
        assert_eq!(counts, [json!(2), json!(3)]);
        assert_eq!(
            (&group["port"], &group["health"]),
            (&json!(5000), &json!(health))
        );
        assert_eq!(
            group_attributes(&aws, &group["arn"])["deregistration_delay.timeout_seconds"],
            "30"
        );

        let found = &listeners(&aws, &alb["arn"])[0];
        assert_eq!(
            (&found["Port"], &found["Protocol"]),
            (&json!(80), &json!("HTTP"))
        );
        assert_eq!(found["DefaultActions"][0]["TargetGroupArn"], group["arn"]);
        assert_eq!(
            (&found["ListenerArn"], &listener["target_group"]),
            (&listener["arn"], &group["arn"])
        );
        for (kind, record) in [("alb", &alb), ("tg", &group), ("listener", &listener)] {
            let tags = tags_of(&aws, &record["arn"]);
            assert_eq!(tags["Name"], format!("{kind}-{app}-production-pr1"));
            assert_eq!(
                (&tags["plumbline:env"], &tags["plumbline:app"]),
                (&json!("production-pr1"), &json!(app))
            );
            assert_eq!(tags["Team"], "devops");
        }
    }

    assert!(aws.calls().len() <= 17, "{:?}", actions(&aws));
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        again.record("alb", "web")["arn"],
        made.record("alb", "web")["arn"]
    );
    assert!(
        again.stderr.contains("mk-alb: nothing to change (6 kept)"),
        "{}",
        again.stderr
    );
    assert!(aws.calls().len() <= 11, "{:?}", actions(&aws));
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let plan =
        "mk-env production pr1 --plan | mk-app web --public | mk-app api | mk-vpc --nat single";
    let groups = sg_record("web", "planned:sg-alb-web") + &sg_record("api", "planned:sg-alb-api");
    let planned = aws
        .pipe(&format!(
            "({plan} || [ $? = 10 ]; echo '{groups}') | mk-alb"
        ))
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        planned.record("alb", "web")["arn"],
        "planned:alb-web-production-pr1"
    );
    assert_eq!(
        planned.record("listener", "web")["target_group"],
        "planned:tg-web-production-pr1"
    );

    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(keys(&planned), keys(&made));

    // A dry run over what is there says what would change, and in what.
    aws.forget();
    let other = input
        .replace("/WeatherForecast", "/healthz")
        .replace(r#""account""#, r#""plan":true,"account""#);
    let planned = aws.pipe_with("mk-alb", &other).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let group = planned.record("target_group", "api");
    assert_eq!(
        (&group["change"], &group["changes"][0]["new"]),
        (&json!("update"), &json!("/healthz"))
    );
    assert_eq!(planned.record("alb", "api")["change"], "kept");
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let network = vpc(&input);
    let (alb, group, listener) = (
        made.record("alb", "web"),
        made.record("target_group", "web"),
        made.record("listener", "web"),
    );
    let elb = |operation: &str, params: Value| aws.call("elbv2", operation, params);
    let arn = &alb["arn"];
    let api = group_id(&input, "api");
    elb(
        "set_security_groups",
        json!({"LoadBalancerArn": arn, "SecurityGroups": [api]}),
    );
    elb(
        "set_subnets",
        json!({"LoadBalancerArn": arn, "Subnets": network["private_subnets"]}),
    );
    let attribute =
        json!([{"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"}]);
    elb(
        "modify_load_balancer_attributes",
        json!({"LoadBalancerArn": arn, "Attributes": attribute}),
    );
    let attribute = json!([{"Key": "deregistration_delay.timeout_seconds", "Value": "300"}]);
    elb(
        "modify_target_group_attributes",
        json!({"TargetGroupArn": group["arn"], "Attributes": attribute}),
    );
    elb(
        "modify_target_group",
        json!({"TargetGroupArn": group["arn"], "HealthCheckProtocol": "HTTPS", "HealthCheckPath": "/wrong", "HealthCheckIntervalSeconds": 60}),
    );
    let fixed = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain", "MessageBody": ""}}]);
    elb(
        "modify_listener",
        json!({"ListenerArn": listener["arn"], "DefaultActions": fixed}),
    );
    for record in [&alb, &group, &listener] {
        elb(
            "add_tags",
            json!({"ResourceArns": [record["arn"]], "Tags": [{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]}),
        );
    }
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
    assert_eq!(
        changes,
        expected.map(|action| format!("elasticloadbalancing:{action}"))
    );
    let found = balancer(&aws, arn);
    assert_eq!(found["SecurityGroups"], json!([group_id(&input, "web")]));
    assert_eq!(subnets_of(&found), sorted(&network["public_subnets"]));
    assert_eq!(
        attributes(&aws, arn)["routing.http.drop_invalid_header_fields.enabled"],
        "true"
    );
    assert_eq!(
        group_attributes(&aws, &group["arn"])["deregistration_delay.timeout_seconds"],
        "30"
    );
    let found = target_group(&aws, &group["arn"]);
    assert_eq!(
        (
            &found["HealthCheckPath"],
            &found["HealthCheckIntervalSeconds"]
        ),
        (&json!("/"), &json!(15))
    );
    assert_eq!(found["HealthCheckProtocol"], "HTTP");
    assert_eq!(
        listeners(&aws, arn)[0]["DefaultActions"][0]["TargetGroupArn"],
        group["arn"]
    );
    for record in [&alb, &group, &listener] {
        let tags = tags_of(&aws, &record["arn"]);
        assert_eq!(
            (&tags["Team"], &tags["theirs"]),
            (&json!("devops"), &json!("x"))
        );
    }
    let told = format!(
        "mk-alb: updated alb web {} (tag Team: nobody -> devops; security groups: {api} -> ",
        text(arn)
    );
    assert!(again.stderr.contains(&told), "{}", again.stderr);
    let told =
        "health protocol: HTTPS -> HTTP; health path: /wrong -> /; health interval: 60s -> 15s";
    assert!(again.stderr.contains(told), "{}", again.stderr);
    assert_eq!(again.record("alb", "api")["change"], "kept");
}

#[test]
fn all_that_a_listener_says_comes_back() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let (alb, arn) = (
        made.record("alb", "web")["arn"].clone(),
        made.record("listener", "web")["arn"].clone(),
    );
    let web = &made.record("target_group", "web")["arn"];
    let certificate = aws.call(
        "acm",
        "request_certificate",
        json!({"DomainName": "example.com"}),
    )["CertificateArn"]
        .clone();
    let place = json!({"Name": "theirs", "Protocol": "HTTP", "Port": 80, "VpcId": vpc(&input)["id"], "TargetType": "ip"});
    let theirs =
        aws.call("elbv2", "create_target_group", place)["TargetGroups"][0]["TargetGroupArn"]
            .clone();
    let both = json!([web, &theirs].map(|group| json!({"TargetGroupArn": group, "Weight": 1})));
    let both = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": both}}]);
    let modify = |change: Value| {
        let mut params = change;
        params["ListenerArn"] = arn.clone();
        ("modify_listener", params)
    };
    let before = (listeners(&aws, &alb), tags_of(&aws, &arn));
    for (by_hand, told) in [
        (modify(json!({"Port": 8080})), "port: 8080 -> 80".into()),
        (
            modify(json!({"Protocol": "HTTPS", "Certificates": [{"CertificateArn": certificate}]})),
            "protocol: HTTPS -> HTTP".into(),
        ),
        (
            modify(json!({"DefaultActions": [{"Type": "forward", "TargetGroupArn": theirs}]})),
            format!("forwards to: {} -> {}", text(&theirs), text(web)),
        ),
        (
            modify(json!({"DefaultActions": both})),
            format!("forwards to: something else -> {}", text(web)),
        ),
    ] {
        aws.call("elbv2", by_hand.0, by_hand.1.clone());
        assert_ne!(
            (listeners(&aws, &alb), tags_of(&aws, &arn)),
            before,
            "{by_hand:?}"
        );
        aws.forget();
        let announced = aws
            .pipe_with(
                "mk-alb",
                &input.replace(r#""account""#, r#""plan":true,"account""#),
            )
            .would_change();
        assert_eq!(
            announced.record("listener", "web")["change"],
            "update",
            "{by_hand:?}"
        );
        assert_eq!(aws.changes(), Vec::<String>::new());
        let again = aws.pipe_with("mk-alb", &input).ok();
        let line = format!("mk-alb: updated listener web {} ({told})\n", text(&arn));
        assert_eq!(again.stderr, line, "{by_hand:?}");
        let mut after = (listeners(&aws, &alb), tags_of(&aws, &arn));
        after.0[0].as_object_mut().unwrap().remove("Certificates"); // the local AWS keeps it
        assert_eq!(after, before, "{by_hand:?}");
        aws.forget();
        aws.pipe_with("mk-alb", &input).ok();
        assert_eq!(aws.changes(), Vec::<String>::new(), "{by_hand:?}");
    }
}

#[test]
fn what_hands_add_that_it_does_not_set_stays() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let of = |kind: &str| made.record(kind, "web")["arn"].clone();
    let (alb, group, listener) = (of("alb"), of("target_group"), of("listener"));
    let pairs = |pairs: &[(&str, &str)]| -> Value {
        pairs
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect()
    };
    let attributes = pairs(&[
        ("idle_timeout.timeout_seconds", "120"),
        ("deletion_protection.enabled", "true"),
    ]);
    let sticky = pairs(&[
        ("stickiness.enabled", "true"),
        ("stickiness.type", "lb_cookie"),
    ]);
    let forward = json!([{"Type": "forward", "TargetGroupArn": group}]);
    let fixed = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]);
    let path = json!([{"Field": "path-pattern", "Values": ["/closed"]}]);
    let name = pairs(&[
        ("Name", "alb-web-production-pr1"),
        ("plumbline:env", "production-pr1"),
    ]);
    for (operation, params) in [
        (
            "modify_load_balancer_attributes",
            json!({"LoadBalancerArn": alb, "Attributes": attributes}),
        ),
        (
            "modify_target_group_attributes",
            json!({"TargetGroupArn": group, "Attributes": sticky}),
        ),
        (
            "register_targets",
            json!({"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.9", "Port": 5000}]}),
        ),
        (
            "create_rule",
            json!({"ListenerArn": listener, "Priority": 1, "Conditions": path, "Actions": fixed}),
        ),
        (
            "create_listener", // with the tags of the load balancer, as a policy may demand
            json!({"LoadBalancerArn": alb, "Port": 8443, "Protocol": "HTTP", "DefaultActions": forward, "Tags": name}),
        ),
    ] {
        aws.call("elbv2", operation, params);
    }
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(
        (aws.changes(), again.stderr.as_str()),
        (Vec::new(), "mk-alb: nothing to change (6 kept)\n")
    );

    // Where port 80 is taken, one of ours on another port stays as well, and is told.
    aws.call(
        "elbv2",
        "modify_listener",
        json!({"ListenerArn": listener, "Port": 8080}),
    );
    aws.call(
        "elbv2",
        "create_listener",
        json!({"LoadBalancerArn": alb, "Port": 80, "Protocol": "HTTP", "DefaultActions": forward, "Tags": name}),
    );
    let again = aws.pipe_with("mk-alb", &input).ok();
    let line = "mk-alb: load balancer alb-web-production-pr1 also listens on port 8080; delete that listener\n";
    assert!(again.stderr.starts_with(line), "{}", again.stderr);
    let mut ports: Vec<_> = listeners(&aws, &alb)
        .iter()
        .map(|one| one["Port"].as_i64().unwrap())
        .collect();
    ports.sort_unstable();
    assert_eq!(ports, [80, 8080, 8443]);

    // All of it goes with what it hangs on.
    let gone = aws
        .pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(gone.record("target_group", "web")["change"], "deleted");
    assert_eq!(
        aws.call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"],
        json!([])
    );
}

#[test]
fn a_listeners_tags_come_back_with_those_of_its_load_balancer_also_after_a_kill() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let both = [
        &made.record("alb", "web")["arn"],
        &made.record("listener", "web")["arn"],
    ]
    .map(Value::clone);
    let tags = || both.each_ref().map(|arn| tags_of(&aws, arn));
    let before = tags();
    for cut in [1, 2] {
        aws.call(
            "elbv2",
            "add_tags",
            json!({"ResourceArns": both, "Tags": [{"Key": "Team", "Value": "x"}]}),
        );
        faults.kill_at(cut, "before");
        assert_eq!(faults.pipe_with("mk-alb", &input).code, -1);
        faults.end();
        let again = faults.pipe_with("mk-alb", &input).ok();
        let line = format!(
            "mk-alb: updated alb web {} (tag Team: x -> devops)\n",
            text(&both[0])
        );
        assert!(again.stderr.ends_with(&line), "{cut}: {}", again.stderr);
        assert_eq!(tags(), before, "killed at change {cut}");
    }
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_listener_without_the_identity_is_left_as_it_is() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let listener = aws
        .pipe_with("mk-alb", &input)
        .ok()
        .record("listener", "web")["arn"]
        .clone();
    aws.call(
        "elbv2",
        "remove_tags",
        json!({"ResourceArns": [listener], "TagKeys": ["plumbline:env"]}),
    );
    let fixed = json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]);
    aws.call(
        "elbv2",
        "modify_listener",
        json!({"ListenerArn": listener, "DefaultActions": fixed}),
    );
    aws.forget();
    let output = aws.pipe_with("mk-alb", &input);
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.contains(
            "mk-alb: listener on port 80 of load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1\n"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn a_listener_that_was_deleted_by_hand_is_made_again() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    aws.call(
        "elbv2",
        "delete_listener",
        json!({"ListenerArn": made.record("listener", "api")["arn"]}),
    );
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), ["elasticloadbalancing:CreateListener"]);
    assert_eq!(again.record("listener", "api")["change"], "created");
    assert_eq!(again.record("listener", "web")["change"], "kept");
}

#[test]
fn a_target_group_that_was_lost_is_made_again_and_forwarded_to() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    aws.call(
        "elbv2",
        "delete_listener",
        json!({"ListenerArn": made.record("listener", "web")["arn"]}),
    );
    aws.call(
        "elbv2",
        "delete_target_group",
        json!({"TargetGroupArn": made.record("target_group", "web")["arn"]}),
    );
    let again = aws.pipe_with("mk-alb", &input).ok();
    let group = again.record("target_group", "web");
    assert_eq!(
        (
            &group["change"],
            &again.record("listener", "web")["target_group"]
        ),
        (&json!("created"), &group["arn"])
    );
}

#[test]
fn a_load_balancer_in_our_subnets_is_in_our_vpc_whatever_id_is_told() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    let vpc = |id: &str| json!({"do": "rewrite", "of": "elasticloadbalancing:DescribeLoadBalancers", "match": "<VpcId>[^<]*", "by": format!("<VpcId>{id}")});
    faults.rules(json!([vpc("vpc-00000001")]));
    aws.forget();
    faults.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let elsewhere = json!({"do": "rewrite", "of": "elasticloadbalancing:DescribeLoadBalancers", "match": "<SubnetId>[^<]*", "by": "<SubnetId>subnet-1"});
    faults.rules(json!([vpc("vpc-00000001"), elsewhere]));
    let output = faults.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(
        output.stderr.contains("has vpc vpc-00000001, wanted vpc-"),
        "{}",
        output.stderr
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn another_scheme_is_refused_with_the_difference() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    aws.forget();
    let output = aws.pipe_with(
        "mk-alb",
        &input.replace(r#""public":true"#, r#""public":false"#),
    );
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.starts_with(
            "mk-alb: load balancer alb-web-production-pr1 has scheme internet-facing, wanted internal; AWS cannot change that\n  try: ls-env --env production-pr1 | jq"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn another_port_is_refused_with_the_difference() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    aws.forget();
    let output = aws.pipe_with(
        "mk-alb",
        &input.replace(r#""web","port":5000"#, r#""web","port":8080"#),
    );
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.contains(
            "target group tg-web-production-pr1 has port 5000, wanted 8080; AWS cannot change that"
        ),
        "{}",
        output.stderr
    );
}

#[test]
fn a_load_balancer_of_the_same_name_but_not_ours_is_left_alone() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let theirs = foreign_balancer(&aws, &input, "alb-web-production-pr1");
    let output = aws.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains(
            "load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1"
        ),
        "{}",
        output.stderr
    );
    assert_eq!(
        (tags_of(&aws, &theirs), listeners(&aws, &theirs)),
        (json!({}), Vec::new())
    );
    assert_eq!(
        attributes(&aws, &theirs)["routing.http.drop_invalid_header_fields.enabled"],
        "false"
    );
}

#[test]
fn a_target_group_of_the_same_name_but_not_ours_is_left_alone() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let theirs = json!({"Name": "tg-api-production-pr1", "Protocol": "HTTP", "Port": 5000, "VpcId": vpc(&input)["id"], "TargetType": "ip"});
    let theirs = aws.call("elbv2", "create_target_group", theirs)["TargetGroups"][0].clone();
    let output = aws.pipe_with("mk-alb", &input);
    assert_eq!(output.code, 1);
    assert!(
        output
            .stderr
            .contains("target group tg-api-production-pr1 is there, but not this environment's"),
        "{}",
        output.stderr
    );
    let found = target_group(&aws, &theirs["TargetGroupArn"]);
    assert_eq!(
        found["HealthCheckIntervalSeconds"],
        theirs["HealthCheckIntervalSeconds"]
    );
}

#[test]
fn long_names_are_cut_and_found_again() {
    let aws = LocalAws::start();
    let upstream_of = |app: &str| {
        format!(
            "mk-env preproduction pull-request-123 | mk-app {app} --public | mk-vpc --nat single"
        )
    };
    let app = "recommendations-of-the-day";
    let input = upstream(&aws, &upstream_of(app));
    let made = aws.pipe_with("mk-alb", &input).ok();
    let found = balancer(&aws, &made.record("alb", app)["arn"]);
    let name = text(&found["LoadBalancerName"]);
    assert!(
        name.len() <= 32 && name.starts_with("alb-recommendations-of-"),
        "{name}"
    );
    assert_eq!(
        tags_of(&aws, &found["LoadBalancerArn"])["plumbline:app"],
        app
    );
    aws.forget();
    let again = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(
        (aws.changes(), &again.record("alb", app)["change"]),
        (Vec::new(), &json!("kept"))
    );

    // Another environment's load balancer, cut as well, is none of ours.
    let other = input.replace("pull-request-123", "pull-request-124");
    aws.call(
        "elbv2",
        "delete_listener",
        json!({"ListenerArn": made.record("listener", app)["arn"]}),
    );
    aws.forget();
    let other = aws.pipe_with("mk-alb", &other).ok();
    assert_eq!(other.record("alb", app)["change"], "created");
    assert_ne!(
        other.record("alb", app)["arn"],
        made.record("alb", app)["arn"]
    );
}

#[test]
fn the_target_group_does_not_wait_for_the_security_group() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let (groups, rest): (Vec<&str>, Vec<&str>) = input
        .lines()
        .partition(|line| line.contains(r#""type":"sg""#));
    let before = rest.join("\n");
    // The groups come when the target groups are there, and not before.
    let pipe = format!(
        r#"out=$(mktemp); (cat; until [ "$(grep -c '"target_group","name"' $out)" = 2 ]; do sleep 0.05; done; echo '{}') | mk-alb | tee $out"#,
        groups.join("\n")
    );
    let made = aws.pipe_with(&pipe, &before).ok();
    assert_eq!(made.record("listener", "web")["change"], "created");
}

#[test]
fn what_a_run_before_left_provisioning_is_finished() {
    let aws = LocalAws::start_with(&["--moment", "1"]);
    let input = upstream(
        &aws,
        "mk-env production pr1 | mk-app web --public | mk-vpc --nat single",
    );
    let name = "alb-web-production-pr1";
    let env = &records(&input)[0];
    let mut own = vec![
        ("Name", json!(name)),
        ("plumbline:app", json!("web")),
        ("plumbline:env", env["name"].clone()),
    ];
    own.extend(
        env["tags"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.as_str(), value.clone())),
    );
    let own: Vec<Value> = own
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    let place = json!({"Name": name, "Subnets": vpc(&input)["public_subnets"], "SecurityGroups": [group_id(&input, "web")], "Tags": own});
    let arn =
        aws.call("elbv2", "create_load_balancer", place)["LoadBalancers"][0]["LoadBalancerArn"]
            .clone();
    let made = aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(made.record("alb", "web")["arn"], arn);
    assert_eq!(
        attributes(&aws, &arn)["routing.http.drop_invalid_header_fields.enabled"],
        "true"
    );
    // Its listener does not wait for it.
    let told: Vec<Value> = made
        .records()
        .into_iter()
        .filter(|record| record["name"] == "web")
        .collect();
    let told: Vec<(&str, &str)> = told
        .iter()
        .map(|record| (text(&record["type"]), text(&record["change"])))
        .collect();
    assert_eq!(
        told[told.len() - 2..],
        [("listener", "created"), ("alb", "updated")]
    );
    assert!(
        made.stderr.contains("mk-alb: updated alb web arn:"),
        "{}",
        made.stderr
    );
}

#[test]
fn two_runs_at_once_make_one_of_each() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    // The second one wants another health path, so that AWS refuses its name as taken.
    let pipe = r#"in=$(cat); (sed 's|/WeatherForecast|/other|' <<< "$in" | mk-alb > /dev/null) & mk-alb <<< "$in"; wait $!"#;
    let made = aws.pipe_with(pipe, &input).ok();
    let all = aws.call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"].clone();
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(
        aws.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for app in ["web", "api"] {
        let found = listeners(&aws, &made.record("alb", app)["arn"]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0]["DefaultActions"][0]["TargetGroupArn"],
            made.record("target_group", app)["arn"]
        );
    }
    aws.pipe_with("mk-alb", &input).ok();
    aws.forget();
    aws.pipe_with("mk-alb", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn an_unchanged_load_balancer_is_looked_at_in_two_round_trips() {
    let aws = LocalAws::start_with(&["--moment", "0", "--latency", "300"]);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    // On a busy machine calls come one after the other that do not need each other: the best run counts.
    let mut depths = Vec::new();
    while depths.iter().all(|depth| *depth > 2) {
        assert!(depths.len() < 8, "{depths:?} deep");
        aws.forget();
        aws.pipe_with("mk-alb", &input).ok();
        depths.push(depth(&aws.calls()));
    }
}

#[test]
fn what_goes_while_it_is_looked_at_is_not_taken_for_anothers() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let input = upstream(&aws, UPSTREAM);
    aws.pipe_with("mk-alb", &input).ok();
    // It is listed, and gone when its tags are read: all in one call, and then one of them alone.
    let gone = |nth: u64, code: &str| json!({"do": "refuse", "of": "elasticloadbalancing:DescribeTags", "nth": nth, "code": code, "message": "not found"});
    for code in [
        "LoadBalancerNotFound",
        "TargetGroupNotFound",
        "ListenerNotFound",
    ] {
        for nth in 2..=8 {
            faults.rules(json!([gone(1, code), gone(nth, code)]));
            let again = faults.pipe_with("mk-alb", &input);
            assert_eq!(again.code, 0, "{code} {nth}: {}", again.stderr);
        }
    }
    let all = aws.call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"].clone();
    assert_eq!(all.as_array().unwrap().len(), 2);
}

#[test]
fn ls_env_finds_what_was_made_and_what_it_tells_of_the_apps() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for (kind, fields) in [
        ("alb", &["arn", "dns", "scheme", "zone"][..]),
        ("target_group", &["arn", "port", "health"]),
        ("listener", &["arn", "target_group", "port"]),
    ] {
        for (app, field) in ["web", "api"]
            .iter()
            .flat_map(|app| fields.iter().map(move |field| (app, field)))
        {
            assert_eq!(
                listed.record(kind, app)[field],
                made.record(kind, app)[field],
                "{kind} {app} {field}"
            );
        }
    }
    assert_eq!(
        (
            &listed.record("app", "web")["public"],
            &listed.record("app", "web")["health"]
        ),
        (&json!(true), &json!("/"))
    );
    let api = listed.record("app", "api");
    assert_eq!(
        (api.get("public"), &api["health"]),
        (None, &json!("/WeatherForecast"))
    );
}

#[test]
fn rm_env_deletes_what_is_ours_also_under_deletion_protection() {
    let aws = LocalAws::start();
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let protect = json!([{"Key": "deletion_protection.enabled", "Value": "true"}]);
    aws.call(
        "elbv2",
        "modify_load_balancer_attributes",
        json!({"LoadBalancerArn": made.record("alb", "web")["arn"], "Attributes": protect}),
    );
    let theirs = foreign_balancer(&aws, &input, "theirs");
    let ours = ["env", "alb", "listener", "target_group"];
    let mut gone: Vec<Value> = made
        .records()
        .into_iter()
        .filter(|record| ours.contains(&text(&record["type"])))
        .collect();
    gone.push(
        json!({"type": "alb", "name": "theirs", "arn": theirs, "dns": "x", "scheme": "internal"}),
    );
    let gone: String = gone.iter().map(|record| format!("{record}\n")).collect();
    let deleted = aws.pipe_with("rm-env --confirm production-pr1", &gone).ok();
    for (kind, app) in ours[1..]
        .iter()
        .flat_map(|kind| [(kind, "web"), (kind, "api")])
    {
        assert_eq!(
            deleted.record(kind, app)["change"],
            "deleted",
            "{kind} {app}"
        );
    }
    let left = aws.call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"].clone();
    assert_eq!(
        (left.as_array().unwrap().len(), &left[0]["LoadBalancerArn"]),
        (1, &theirs)
    );
    assert_eq!(
        aws.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"],
        json!([])
    );

    aws.forget();
    aws.pipe_with("rm-env --confirm production-pr1", &gone).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_target_group_that_anothers_load_balancer_uses_stays_and_that_one_is_named() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let input = upstream(&aws, UPSTREAM);
    let made = aws.pipe_with("mk-alb", &input).ok();
    let group = made.record("target_group", "api")["arn"].clone();
    aws.call(
        "elbv2",
        "delete_listener",
        json!({"ListenerArn": made.record("listener", "api")["arn"]}),
    );
    let theirs = foreign_balancer(&aws, &input, "theirs");
    let forward = json!([{"Type": "forward", "TargetGroupArn": group}]);
    let place = json!({"LoadBalancerArn": theirs, "Port": 80, "Protocol": "HTTP", "DefaultActions": forward});
    aws.call("elbv2", "create_listener", place);
    aws.forget();
    let deleted = aws.pipe_with("rm-env --confirm production-pr1", &made.stdout);
    assert_eq!(deleted.code, 1);
    let line = format!(
        "rm-env: cannot delete target group tg-api-production-pr1: in the way, and not this environment's: load balancer {}\n  try: delete its listener or rule and run it again\n",
        text(&theirs)
    );
    assert!(deleted.stderr.contains(&line), "{}", deleted.stderr);
    let asked = aws
        .changes()
        .iter()
        .filter(|change| *change == "elasticloadbalancing:DeleteTargetGroup")
        .count();
    assert_eq!(asked, 2, "once for each: {:?}", aws.changes());
    assert_eq!(deleted.record("target_group", "web")["change"], "deleted");
    assert_eq!(listeners(&aws, &theirs).len(), 1);
    aws.call(
        "elbv2",
        "delete_load_balancer",
        json!({"LoadBalancerArn": theirs}),
    );
    aws.pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(
        aws.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"],
        json!([])
    );
}

#[test]
fn a_target_group_that_our_own_load_balancer_used_is_waited_for_whatever_its_tags_say() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let group = made.record("target_group", "web")["arn"].clone();
    let other = json!([{"Key": "plumbline:app", "Value": "other"}]);
    aws.call(
        "elbv2",
        "add_tags",
        json!({"ResourceArns": [group], "Tags": other}),
    );
    let in_use = json!({"do": "refuse", "of": "elasticloadbalancing:DeleteTargetGroup", "times": 4, "code": "ResourceInUse", "message": "in use"});
    faults.rules(json!([in_use]));
    faults
        .pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(
        aws.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"],
        json!([])
    );
}

#[test]
fn rm_env_deletes_a_listener_alone() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    let listener = made.record("listener", "web");
    aws.forget();
    aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{ENV}\n{listener}\n"),
    )
    .ok();
    assert_eq!(aws.changes(), ["elasticloadbalancing:DeleteListener"]);
    assert_eq!(
        listeners(&aws, &made.record("alb", "web")["arn"]),
        Vec::<Value>::new()
    );
    assert_eq!(listeners(&aws, &made.record("alb", "api")["arn"]).len(), 1);
}

#[test]
fn wait_env_waits_for_load_balancers_and_looks_at_targets() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-alb", &upstream(&aws, UPSTREAM)).ok();
    aws.forget();
    aws.pipe_with("wait-env", &made.stdout).ok();
    let looks = aws
        .calls()
        .iter()
        .filter(|call| call["action"] == "DescribeLoadBalancers")
        .count();
    assert_eq!(looks, 1, "both in one call: {:?}", actions(&aws));
}

#[test]
fn wait_env_ends_where_a_target_group_was_deleted_meanwhile() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let made = aws.pipe(&recipe(&["up"], "pr1")).ok();
    let gone = json!({"do": "refuse", "of": "elasticloadbalancing:DescribeTargetHealth", "code": "TargetGroupNotFound", "message": "One or more target groups not found"});
    faults.rules(json!([gone]));
    let output = faults.pipe_with("wait-env", &made.stdout);
    assert_eq!(output.code, 75, "{}", output.stderr);
    let told = |app: &str| {
        format!(
            "wait-env: app {app} cannot become healthy: target group tg-{app}-production-pr1 is gone\n  try: run the pipeline again: it makes another\n"
        )
    };
    assert!(
        ["web", "api"]
            .iter()
            .any(|app| output.stderr.contains(&told(app))),
        "{}",
        output.stderr
    );
}

/// What the tools upstream write; mk-sg's part by hand.
fn upstream(aws: &LocalAws, pipe: &str) -> String {
    let made = aws.pipe(pipe).ok();
    let mut input = made.stdout.clone();
    let vpc = made
        .records()
        .into_iter()
        .rfind(|record| record["type"] == "vpc")
        .unwrap();
    for app in made
        .records()
        .iter()
        .filter(|record| record["type"] == "app")
    {
        let name = format!("alb-{}", text(&app["name"])); // AWS takes no group named sg-*
        let tags = json!([{"ResourceType": "security-group", "Tags": [{"Key": "plumbline:env", "Value": "production-pr1"}]}]);
        let group = json!({"GroupName": name, "Description": name, "VpcId": vpc["id"], "TagSpecifications": tags});
        let group = aws.call("ec2", "create_security_group", group);
        input += &sg_record(text(&app["name"]), text(&group["GroupId"]));
    }
    input
}

fn sg_record(app: &str, id: &str) -> String {
    format!(
        "{}\n",
        json!({"type": "sg", "name": format!("alb/{app}"), "id": id})
    )
}

fn records(input: &str) -> Vec<Value> {
    input
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn vpc(input: &str) -> Value {
    records(input)
        .into_iter()
        .rfind(|record| record["type"] == "vpc")
        .unwrap()
}

fn group_id(input: &str, app: &str) -> String {
    let name = format!("alb/{app}");
    let group = records(input)
        .into_iter()
        .find(|record| record["type"] == "sg" && record["name"] == name)
        .unwrap();
    text(&group["id"]).to_string()
}

fn balancer(aws: &LocalAws, arn: &Value) -> Value {
    aws.call(
        "elbv2",
        "describe_load_balancers",
        json!({"LoadBalancerArns": [arn]}),
    )["LoadBalancers"][0]
        .clone()
}

/// One that someone else made, in the public subnets.
fn foreign_balancer(aws: &LocalAws, input: &str, name: &str) -> Value {
    let place = json!({"Name": name, "Subnets": vpc(input)["public_subnets"], "SecurityGroups": [group_id(input, "web")]});
    aws.call("elbv2", "create_load_balancer", place)["LoadBalancers"][0]["LoadBalancerArn"].clone()
}

fn target_group(aws: &LocalAws, arn: &Value) -> Value {
    aws.call(
        "elbv2",
        "describe_target_groups",
        json!({"TargetGroupArns": [arn]}),
    )["TargetGroups"][0]
        .clone()
}

fn listeners(aws: &LocalAws, arn: &Value) -> Vec<Value> {
    let answer = aws.call(
        "elbv2",
        "describe_listeners",
        json!({"LoadBalancerArn": arn}),
    );
    answer["Listeners"].as_array().unwrap().clone()
}

fn attributes(aws: &LocalAws, arn: &Value) -> Value {
    tags(
        &aws.call(
            "elbv2",
            "describe_load_balancer_attributes",
            json!({"LoadBalancerArn": arn}),
        )["Attributes"],
    )
}

fn group_attributes(aws: &LocalAws, arn: &Value) -> Value {
    tags(
        &aws.call(
            "elbv2",
            "describe_target_group_attributes",
            json!({"TargetGroupArn": arn}),
        )["Attributes"],
    )
}

fn tags_of(aws: &LocalAws, arn: &Value) -> Value {
    tags(
        &aws.call("elbv2", "describe_tags", json!({"ResourceArns": [arn]}))["TagDescriptions"][0]["Tags"],
    )
}

fn subnets_of(balancer: &Value) -> Vec<String> {
    let mut ids: Vec<String> = balancer["AvailabilityZones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|zone| text(&zone["SubnetId"]).to_string())
        .collect();
    ids.sort();
    ids
}

fn sorted(ids: &Value) -> Vec<String> {
    let mut ids: Vec<String> = ids
        .as_array()
        .unwrap()
        .iter()
        .map(|id| text(id).to_string())
        .collect();
    ids.sort();
    ids
}

fn keys(output: &Output) -> Vec<String> {
    let ours = ["alb", "target_group", "listener"];
    let mut keys: Vec<String> = output
        .records()
        .iter()
        .filter(|record| ours.contains(&text(&record["type"])))
        .map(|record| format!("{} {}", record["type"], record["name"]))
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

fn actions(aws: &LocalAws) -> Vec<String> {
    aws.calls()
        .iter()
        .map(|call| text(&call["action"]).to_string())
        .collect()
}
