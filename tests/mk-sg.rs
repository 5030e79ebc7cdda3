//! mk-sg: its command line, and the groups and rules it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::{BTreeMap, BTreeSet};

use support::{ENV, Faults, LocalAws, Output, Value, json, tags, text, tool};

const WEB: &str = r#"{"type":"app","name":"web","public":true,"calls":["api"]}"#;
const API: &str = r#"{"type":"app","name":"api"}"#;

/// What the two services of the brief may do, and nothing else.
const TWO_SERVICES: [&str; 9] = [
    "alb/web ingress tcp 80 0.0.0.0/0",
    "alb/web egress tcp 5000 task/web",
    "task/web ingress tcp 5000 alb/web",
    "task/web egress tcp 443 0.0.0.0/0",
    "task/web egress tcp 80 alb/api",
    "alb/api ingress tcp 80 task/web",
    "alb/api egress tcp 5000 task/api",
    "task/api ingress tcp 5000 alb/api",
    "task/api egress tcp 443 0.0.0.0/0",
];

/// The env record and that of a VPC made by hand: groups need no subnets.
fn network(aws: &LocalAws) -> String {
    let vpc = aws.call("ec2", "create_vpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let id = text(&vpc["Vpc"]["VpcId"]);
    format!(
        "{ENV}\n{{\"type\":\"vpc\",\"name\":\"main\",\"id\":\"{id}\",\"cidr\":\"10.0.0.0/16\"}}\n"
    )
}

/// Every group but the VPCs' own: its ID, and its name as in the records.
fn groups(aws: &LocalAws) -> BTreeMap<String, String> {
    let groups = aws.call("ec2", "describe_security_groups", json!({}));
    let groups = groups["SecurityGroups"].as_array().unwrap().clone();
    let key = |name: &str| {
        let name = name
            .strip_prefix("security-group-")
            .and_then(|rest| rest.strip_suffix("-production-pr1"))?;
        Some(name.replacen('-', "/", 1))
    };
    let named = groups
        .iter()
        .filter(|group| group["GroupName"] != "default")
        .map(|group| {
            let name = text(&group["GroupName"]);
            (
                text(&group["GroupId"]).to_string(),
                key(name).unwrap_or_else(|| name.into()),
            )
        });
    named.collect()
}

/// Every rule of those groups, like `task/web egress tcp 80 alb/api`.
fn rules(aws: &LocalAws) -> BTreeSet<String> {
    let groups = groups(aws);
    let rules = aws.call(
        "ec2",
        "describe_security_group_rules",
        json!({"MaxResults": 1000}),
    );
    assert!(rules["NextToken"].is_null());
    let name = |id: &Value| {
        groups
            .get(text(id))
            .cloned()
            .unwrap_or_else(|| text(id).into())
    };
    let rules = rules["SecurityGroupRules"].as_array().unwrap().iter();
    let rules = rules
        .filter(|rule| groups.contains_key(text(&rule["GroupId"])))
        .map(|rule| {
            let way = if rule["IsEgress"] == true {
                "egress"
            } else {
                "ingress"
            };
            let ports = match (&rule["FromPort"], &rule["ToPort"]) {
                (from, to) if from == to => from.to_string(),
                (from, to) => format!("{from}-{to}"),
            };
            let group = name(&rule["ReferencedGroupInfo"]["GroupId"]);
            let peer = format!(
                "{}{}{group}",
                text(&rule["CidrIpv4"]),
                text(&rule["CidrIpv6"])
            );
            format!(
                "{} {way} {} {ports} {peer}",
                name(&rule["GroupId"]),
                text(&rule["IpProtocol"])
            )
        });
    rules.collect()
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| rule.to_string()).collect()
}

fn keys(output: &Output) -> BTreeSet<String> {
    output
        .records()
        .iter()
        .map(|record| format!("{} {}", record["type"], record["name"]))
        .collect()
}

fn id(output: &Output, name: &str) -> String {
    text(&output.record("sg", name)["id"]).into()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-sg", &[]);
}

#[test]
fn without_a_vpc_it_says_what_makes_one_and_calls_nothing() {
    let output = tool("mk-sg", &["--private-api"], ENV);
    assert_eq!(
        (output.code, output.stdout.lines().count()),
        (65, 2),
        "{output:?}"
    );
    assert_eq!(
        output.stderr,
        "mk-sg: no vpc record on stdin\n  try: mk-vpc | mk-sg\n"
    );
}

#[test]
fn without_apps_and_preset_it_says_so_and_calls_nothing() {
    let aws = LocalAws::start();
    let input = network(&aws);
    aws.forget();
    let output = aws.pipe_with("mk-sg", &input);
    assert_eq!(output.code, 65, "{output:?}");
    assert_eq!(
        output.stderr,
        "mk-sg: no app record on stdin\n  try: mk-app web --public | mk-vpc | mk-sg, or give --private-api\n"
    );
    assert_eq!(aws.calls(), Vec::<Value>::new());
}

#[test]
fn an_app_that_calls_what_does_not_exist_is_refused() {
    let aws = LocalAws::start();
    let input = network(&aws) + WEB;
    let output = aws.pipe_with("mk-sg --private-api", &input);
    assert_eq!(output.code, 65, "{output:?}");
    assert!(
        output
            .stderr
            .contains("app 'web' calls 'api', which no app record names"),
        "{}",
        output.stderr
    );
    assert_eq!(rules(&aws), set(&[]));
}

#[test]
fn typed_at_a_prompt_it_makes_the_two_services_with_exact_rules() {
    let aws = LocalAws::start();
    let made = aws
        .pipe("mk-vpc --env production-pr1 --nat single | mk-sg --private-api")
        .ok();
    let web = made.record("app", "web");
    assert_eq!(
        (&web["public"], &web["port"], &web["calls"]),
        (&json!(true), &json!(5000), &json!(["api"]))
    );
    assert_eq!(
        web["set"],
        json!({"ASPNETCORE_URLS": "http://+:5000", "ApiAddress": "http://{alb.api.dns}/WeatherForecast"})
    );
    let api = made.record("app", "api");
    assert_eq!(
        (&api["public"], &api["health"]),
        (&Value::Null, &json!("/WeatherForecast"))
    );
    assert_eq!(api["set"], json!({"ASPNETCORE_URLS": "http://+:5000"}));
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    // No other group than that of web's tasks reaches the api's load balancer.
    let reaching: Vec<String> = rules(&aws)
        .into_iter()
        .filter(|rule| rule.starts_with("alb/api ingress"))
        .collect();
    assert_eq!(reaching, ["alb/api ingress tcp 80 task/web"]);

    aws.forget();
    let again = aws
        .pipe("mk-vpc --env production-pr1 --nat single | mk-sg --private-api")
        .ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert!(
        again.stderr.contains("mk-sg: nothing to change (4 kept)"),
        "{}",
        again.stderr
    );
    assert_eq!(
        (keys(&again), id(&again, "alb/api")),
        (keys(&made), id(&made, "alb/api"))
    );
}

#[test]
fn two_apps_take_eighteen_calls_and_three_once_they_are_there() {
    let aws = LocalAws::start();
    let input = network(&aws);
    aws.forget();
    aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(aws.calls().len(), 18);
    aws.forget();
    aws.pipe_with("mk-sg --private-api", &input).ok();
    let actions: Vec<Value> = aws
        .calls()
        .iter()
        .map(|call| call["action"].clone())
        .collect();
    assert_eq!(actions.len(), 3, "{actions:?}");
}

#[test]
fn groups_and_rules_carry_the_environments_tags() {
    let aws = LocalAws::start();
    let input = network(&aws);
    aws.pipe_with("mk-sg --private-api", &input).ok();
    let names = groups(&aws);
    let described = aws.call("ec2", "describe_security_groups", json!({}));
    for group in described["SecurityGroups"].as_array().unwrap() {
        if names.contains_key(text(&group["GroupId"])) {
            let tags = tags(&group["Tags"]);
            assert_eq!(
                (&tags["plumbline:env"], &tags["Team"]),
                (&json!("production-pr1"), &json!("devops"))
            );
            assert_eq!(tags["Name"], group["GroupName"]);
            assert_eq!(group["Description"], "Made by plumbline");
        }
    }
    let described = aws.call(
        "ec2",
        "describe_security_group_rules",
        json!({"MaxResults": 1000}),
    );
    for rule in described["SecurityGroupRules"].as_array().unwrap() {
        if names.contains_key(text(&rule["GroupId"])) {
            let tags = tags(&rule["Tags"]);
            assert_eq!(
                (&tags["plumbline:env"], &tags["Team"]),
                (&json!("production-pr1"), &json!("devops"))
            );
        }
    }
}

#[test]
fn without_the_preset_an_internal_load_balancer_admits_the_vpc() {
    let aws = LocalAws::start();
    let input = network(&aws) + WEB + API;
    aws.pipe_with("mk-sg", &input).ok();
    let mut wanted = set(&TWO_SERVICES);
    wanted.remove("alb/api ingress tcp 80 task/web");
    wanted.insert("alb/api ingress tcp 80 10.0.0.0/16".into());
    assert_eq!(rules(&aws), wanted);
    // The preset narrows what is there.
    let narrowed = aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    assert!(
        narrowed
            .stderr
            .contains("(ingress: tcp 80 from 10.0.0.0/16 -> tcp 80 from task/web)"),
        "{}",
        narrowed.stderr
    );
}

#[test]
fn a_third_app_with_two_callers_and_a_circle_is_reached_by_both() {
    let aws = LocalAws::start();
    let input = network(&aws)
        + r#"{"type":"app","name":"web","public":true,"calls":["api","db"]}
             {"type":"app","name":"api","calls":["db"]}
             {"type":"app","name":"db","port":6000,"calls":["api"]}"#;
    aws.pipe_with("mk-sg --private-api", &input).ok();
    let mut wanted = set(&TWO_SERVICES);
    wanted.extend(set(&[
        "task/web egress tcp 80 alb/db",
        "task/api egress tcp 80 alb/db",
        "task/db egress tcp 80 alb/api",
        "alb/api ingress tcp 80 task/db",
        "alb/db ingress tcp 80 task/web",
        "alb/db ingress tcp 80 task/api",
        "alb/db egress tcp 6000 task/db",
        "task/db ingress tcp 6000 alb/db",
        "task/db egress tcp 443 0.0.0.0/0",
    ]));
    assert_eq!(rules(&aws), wanted);
    aws.forget();
    aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn groups_are_told_before_the_input_ends_and_a_late_caller_is_let_in() {
    let aws = LocalAws::start();
    let input = network(&aws) + API;
    let late = |app: &str| format!("(cat; sleep 1; echo '{app}') | mk-sg --private-api");
    let made = aws.pipe_with(&late(WEB), &input).ok();
    let lines: Vec<&str> = made.stdout.lines().collect();
    let at = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert!(
        at(r#""name":"alb/api""#) < at(r#""name":"web""#),
        "{lines:#?}"
    );
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    // A group that is there waits only as long as a rule of it is not explained.
    aws.forget();
    aws.pipe_with(&late(WEB), &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_rule_added_by_hand_is_revoked_and_one_removed_is_restored() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let (api, web) = (id(&made, "alb/api"), id(&made, "task/web"));
    let ssh = json!([{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    aws.call(
        "ec2",
        "authorize_security_group_ingress",
        json!({"GroupId": api, "IpPermissions": ssh}),
    );
    let all = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    aws.call(
        "ec2",
        "authorize_security_group_egress",
        json!({"GroupId": api, "IpPermissions": all}),
    );
    let tls = json!([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    aws.call(
        "ec2",
        "revoke_security_group_egress",
        json!({"GroupId": web, "IpPermissions": tls}),
    );
    aws.forget();
    let again = aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(
        changes,
        [
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress"
        ]
    );
    for line in [
        format!(
            "mk-sg: updated sg alb/api {api} (ingress: tcp 22 from 0.0.0.0/0 -> nothing; egress: all to 0.0.0.0/0 -> nothing)"
        ),
        format!("mk-sg: updated sg task/web {web} (egress: nothing -> tcp 443 to 0.0.0.0/0)"),
    ] {
        assert!(again.stderr.contains(&line), "{line}\n{}", again.stderr);
    }
    assert_eq!(again.record("sg", "alb/web")["change"], "kept");
}

#[test]
fn another_port_moves_both_ends_of_the_edge() {
    let aws = LocalAws::start();
    let input = network(&aws);
    aws.pipe_with("mk-sg", &(input.clone() + API)).ok();
    aws.pipe_with(
        "mk-sg",
        &(input + r#"{"type":"app","name":"api","port":8080}"#),
    )
    .ok();
    let wanted = [
        "alb/api ingress tcp 80 10.0.0.0/16",
        "alb/api egress tcp 8080 task/api",
        "task/api ingress tcp 8080 alb/api",
        "task/api egress tcp 443 0.0.0.0/0",
    ];
    assert_eq!(rules(&aws), set(&wanted));
}

#[test]
fn tags_of_groups_and_rules_are_brought_into_line() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let api = id(&made, "alb/api");
    let filters = json!({"Filters": [{"Name": "group-id", "Values": [api]}]});
    let described = aws.call("ec2", "describe_security_group_rules", filters);
    let rule = text(&described["SecurityGroupRules"][0]["SecurityGroupRuleId"]).to_string();
    let wrong = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    aws.call(
        "ec2",
        "create_tags",
        json!({"Resources": [api, rule], "Tags": wrong}),
    );
    aws.forget();
    let again = aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(aws.changes(), ["ec2:CreateTags"]);
    assert!(
        again
            .stderr
            .contains("(tag Team: nobody -> devops; tag Team of tcp "),
        "{}",
        again.stderr
    );
    let described = aws.call(
        "ec2",
        "describe_security_groups",
        json!({"GroupIds": [api]}),
    );
    let tags = tags(&described["SecurityGroups"][0]["Tags"]);
    assert_eq!(
        (&tags["Team"], &tags["theirs"]),
        (&json!("devops"), &json!("x"))
    );
    aws.forget();
    aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_group_left_half_made_is_completed() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let vpc = serde_json::from_str::<Value>(input.lines().nth(1).unwrap()).unwrap()["id"].clone();
    let tags = json!([{"ResourceType": "security-group", "Tags": [{"Key": "plumbline:env", "Value": "production-pr1"}]}]);
    let left = json!({"GroupName": "security-group-alb-web-production-pr1", "Description": "x", "VpcId": vpc, "TagSpecifications": tags});
    aws.call("ec2", "create_security_group", left);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    assert_eq!(made.record("sg", "alb/web")["change"], "updated");
}

#[test]
fn a_foreign_group_of_the_same_name_is_refused_and_untouched() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let vpc = serde_json::from_str::<Value>(input.lines().nth(1).unwrap()).unwrap()["id"].clone();
    let theirs = json!({"GroupName": "Security-Group-Alb-Web-Production-Pr1", "Description": "x", "VpcId": vpc});
    let theirs = aws.call("ec2", "create_security_group", theirs)["GroupId"].clone();
    let before = aws.call(
        "ec2",
        "describe_security_groups",
        json!({"GroupIds": [theirs]}),
    );
    let output = aws.pipe_with("mk-sg --private-api", &input);
    assert_eq!(output.code, 1, "{output:?}");
    let hint = format!(
        "{} has this name without the tag plumbline:env=production-pr1",
        text(&theirs)
    );
    assert!(
        output
            .stderr
            .contains("cannot create security group security-group-alb-web-production-pr1")
            && output.stderr.contains(&hint),
        "{}",
        output.stderr
    );
    assert_eq!(
        aws.call(
            "ec2",
            "describe_security_groups",
            json!({"GroupIds": [theirs]})
        ),
        before
    );
}

#[test]
fn a_group_in_another_vpc_is_a_conflict() {
    let aws = LocalAws::start();
    aws.pipe_with("mk-sg --private-api", &network(&aws)).ok();
    let elsewhere = network(&aws);
    aws.forget();
    let output = aws.pipe_with("mk-sg --private-api", &elsewhere);
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    assert!(
        output.stderr.contains("a group cannot move"),
        "{}",
        output.stderr
    );
}

#[test]
fn two_runs_at_once_end_with_one_environment() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let twice = "tee >(mk-sg --private-api > /dev/null) | mk-sg --private-api; wait";
    aws.pipe_with(twice, &input).ok();
    aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(groups(&aws).len(), 4);
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-vpc | mk-sg --private-api")
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        planned.record("sg", "alb/web")["id"],
        "planned:security-group-alb-web-production-pr1"
    );
    let made = aws
        .pipe("mk-env production pr1 | mk-vpc | mk-sg --private-api")
        .ok();
    assert_eq!(keys(&planned), keys(&made));
    let api = id(&made, "alb/api");
    let ssh = json!([{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    aws.call(
        "ec2",
        "authorize_security_group_ingress",
        json!({"GroupId": api, "IpPermissions": ssh}),
    );
    aws.forget();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-vpc | mk-sg --private-api")
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let told = planned.record("sg", "alb/api");
    assert_eq!(
        (&told["change"], &told["id"]),
        (&json!("update"), &json!(api))
    );
    assert_eq!(
        told["changes"],
        json!([{"field": "ingress", "old": "tcp 22 from 0.0.0.0/0", "new": "nothing"}])
    );
    assert_eq!(planned.record("sg", "alb/web")["change"], "kept");
}

#[test]
fn a_hundred_apps_that_call_in_a_circle_are_made() {
    let aws = LocalAws::start();
    let apps = (0..100).map(|n| {
        format!(
            "{{\"type\":\"app\",\"name\":\"a{n}\",\"calls\":[\"a{}\"]}}\n",
            (n + 1) % 100
        )
    });
    let input = network(&aws) + &apps.collect::<String>();
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(
        made.records()
            .iter()
            .filter(|record| record["type"] == "sg")
            .count(),
        200
    );
    assert_eq!((groups(&aws).len(), rules(&aws).len()), (200, 500));
    aws.forget();
    aws.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// A rule of theirs that refers to a group, or a tag-less interface in it: by hand.
fn their_group(aws: &LocalAws, input: &str) -> String {
    let vpc = serde_json::from_str::<Value>(input.lines().nth(1).unwrap()).unwrap()["id"].clone();
    let theirs = json!({"GroupName": "theirs", "Description": "x", "VpcId": vpc});
    text(&aws.call("ec2", "create_security_group", theirs)["GroupId"]).into()
}

#[test]
fn what_is_listed_is_what_was_made() {
    let aws = LocalAws::start();
    let input = network(&aws) + WEB + API;
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for name in ["alb/web", "task/web", "alb/api", "task/api"] {
        assert_eq!(id(&listed, name), id(&made, name));
    }
}

#[test]
fn groups_that_refer_to_each_other_are_deleted_and_twice_is_fine() {
    let aws = LocalAws::start();
    let input = network(&aws)
        + r#"{"type":"app","name":"a","calls":["b"]}
             {"type":"app","name":"b","calls":["a"]}"#;
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let theirs = their_group(&aws, &input);
    let gone = aws
        .pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(gone.record("sg", "alb/a")["change"], "deleted");
    assert_eq!(groups(&aws), BTreeMap::from([(theirs, "theirs".into())]));
    aws.forget();
    aws.pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn rules_and_groups_that_went_meanwhile_are_no_failure() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let faults = Faults::between(&aws);
    let went = |code: &str| json!([{"do": "refuse", "of": "ec2:RevokeSecurityGroup*", "when": "after", "code": code, "message": "gone"}]);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let add = || {
        let open = json!([{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}]);
        let group = json!({"GroupId": id(&made, "task/web"), "IpPermissions": open});
        aws.call("ec2", "authorize_security_group_ingress", group);
    };
    for code in [
        "InvalidSecurityGroupRuleId.NotFound",
        "InvalidPermission.NotFound",
    ] {
        add();
        faults.rules(went(code));
        faults.pipe_with("mk-sg --private-api", &input).ok();
        assert_eq!(rules(&aws), set(&TWO_SERVICES));
    }
    // A group that went is one that is missing, unless all is to go.
    add();
    faults.rules(went("InvalidGroup.NotFound"));
    let output = faults.pipe_with("mk-sg --private-api", &input);
    assert_eq!(output.code, 1, "{output:?}");
    for code in ["InvalidGroup.NotFound", "InvalidPermission.NotFound"] {
        faults.end();
        let made = faults.pipe_with("mk-sg --private-api", &input).ok();
        faults.rules(went(code));
        faults
            .pipe_with("rm-env --confirm production-pr1", &made.stdout)
            .ok();
        assert_eq!(groups(&aws), BTreeMap::new());
    }
}

#[test]
fn a_rule_and_an_interface_of_others_are_named_and_the_rest_is_deleted() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let theirs = their_group(&aws, &input);
    let pairs = json!([{"GroupId": id(&made, "task/web")}]);
    let refers =
        json!([{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": pairs}]);
    aws.call(
        "ec2",
        "authorize_security_group_ingress",
        json!({"GroupId": theirs, "IpPermissions": refers}),
    );
    let vpc = serde_json::from_str::<Value>(input.lines().nth(1).unwrap()).unwrap()["id"].clone();
    let subnet = aws.call(
        "ec2",
        "create_subnet",
        json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"}),
    );
    let interface = json!({"SubnetId": subnet["Subnet"]["SubnetId"], "Groups": [id(&made, "alb/web")], "Description": "a bastion"});
    let interface = aws.call("ec2", "create_network_interface", interface);
    let interface = text(&interface["NetworkInterface"]["NetworkInterfaceId"]);
    let instance = json!({"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet["Subnet"]["SubnetId"], "SecurityGroupIds": [id(&made, "task/api")]});
    let instance = aws.call("ec2", "run_instances", instance)["Instances"][0]["InstanceId"].clone();

    let output = aws.pipe_with("rm-env --confirm production-pr1", &made.stdout);
    assert_eq!(output.code, 1, "{output:?}");
    for blocker in [
        format!("a rule of security group theirs ({theirs}) refers to it"),
        format!("network interface {interface} (a bastion) uses it"),
        format!("(instance {}) uses it", text(&instance)),
    ] {
        assert!(
            output.stderr.contains(&blocker),
            "{blocker}\n{}",
            output.stderr
        );
    }
    let left: BTreeSet<String> = groups(&aws).into_values().collect();
    assert_eq!(left, set(&["alb/web", "task/api", "task/web", "theirs"]));
    assert!(rules(&aws).contains("theirs ingress tcp 5432 task/web"));
}

#[test]
fn a_group_without_the_identity_tag_is_not_deleted() {
    let aws = LocalAws::start();
    let made = aws.pipe_with("mk-sg --private-api", &network(&aws)).ok();
    let web = id(&made, "alb/web");
    aws.call(
        "ec2",
        "delete_tags",
        json!({"Resources": [web], "Tags": [{"Key": "plumbline:env"}]}),
    );
    aws.pipe_with("rm-env --confirm production-pr1", &made.stdout);
    assert!(groups(&aws).contains_key(&web));
}

#[test]
fn a_quota_that_is_reached_is_named_and_the_next_run_goes_on() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let faults = Faults::between(&aws);
    for (call, code, quota) in [
        (
            "ec2:CreateSecurityGroup",
            "SecurityGroupLimitExceeded",
            "VPC security groups per Region",
        ),
        (
            "ec2:AuthorizeSecurityGroupEgress",
            "RulesPerSecurityGroupLimitExceeded",
            "Inbound or outbound rules per security group",
        ),
    ] {
        let message = "The maximum has been reached.";
        let before = groups(&aws);
        faults.rules(
            json!([{"do": "refuse", "of": call, "from": 2, "code": code, "message": message}]),
        );
        let output = faults.pipe_with("mk-sg --private-api", &input);
        assert_eq!(output.code, 1, "{}", output.stderr);
        let told = format!(
            "The maximum has been reached ({call}, {code}, request faulty-request)\n  try: delete what nobody uses, or have Service Quotas raise '{quota}', and run it again\n"
        );
        assert_eq!(output.stderr.matches(&told).count(), 1, "{}", output.stderr);
        // Each group that it made was told.
        let told = output
            .records()
            .into_iter()
            .filter(|record| record["type"] == "sg");
        let told: BTreeSet<String> = told.map(|record| text(&record["id"]).to_string()).collect();
        assert!(
            groups(&aws)
                .into_keys()
                .filter(|id| !before.contains_key(id))
                .all(|id| told.contains(&id))
        );
    }
    faults.end();
    faults.pipe_with("mk-sg --private-api", &input).ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
}
