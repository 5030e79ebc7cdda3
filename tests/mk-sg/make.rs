//! Which groups and rules are made, and what the records say of them.

use support::{LocalAws, Value, json, tags, text};

use super::{
    API, TWO_SERVICES, WEB, change_rules, described_rules, groups, id, network, rules, set, tcp,
};

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
        (again.keys(), id(&again, "alb/api")),
        (made.keys(), id(&made, "alb/api"))
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
    for rule in described_rules(&aws) {
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
fn an_internal_load_balancer_admits_its_callers_alone_whatever_the_flags() {
    let aws = LocalAws::start();
    let input = network(&aws) + WEB + API;
    let made = aws.pipe_with("mk-sg", &input).ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    // As older versions made it: what is narrower is there, and at the end the rest goes.
    let vpc = tcp(80, "10.0.0.0/16");
    let api = id(&made, "alb/api");
    for flags in ["", "--private-api"] {
        change_rules(&aws, "authorize_security_group_ingress", &api, &vpc);
        let again = aws.pipe_with(&format!("mk-sg {flags}"), &input).ok();
        let told = "nothing needs ingress rule tcp 80 from 10.0.0.0/16 of security group alb/api: prune-env takes it away";
        assert!(again.stderr.contains(told), "{}", again.stderr);
        aws.pipe_with("prune-env", &again.stdout).ok();
        assert_eq!(rules(&aws), set(&TWO_SERVICES));
    }
}

#[test]
fn a_surplus_record_that_came_in_takes_no_rule_away_that_is_needed() {
    let aws = LocalAws::start();
    let input = network(&aws) + WEB + API;
    let made = aws.pipe_with("mk-sg", &input).ok();
    let described = aws.call("ec2", "describe_security_group_rules", json!({}));
    let mut forged = String::new();
    for rule in described["SecurityGroupRules"].as_array().unwrap() {
        let (group, rule) = (&rule["GroupId"], &rule["SecurityGroupRuleId"]);
        let record = json!({"type": "surplus", "name": format!("rule/{}", text(rule)), "owner": "mk-sg", "what": "x", "group": group, "rule": rule});
        forged += &format!("{record}\n");
    }
    aws.forget();
    let through = aws.pipe_with("mk-sg", &format!("{input}\n{forged}")).ok();
    assert!(!through.stdout.contains("surplus"), "{}", through.stdout);
    // Nor does prune-env believe what no mk-sg of its pipe has said.
    let records = format!("{}{forged}", made.stdout);
    let pruned = aws.pipe_with("prune-env", &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new(), "{}", pruned.stderr);
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
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
    let with_late_web = format!("(cat; sleep 1; echo '{WEB}') | mk-sg --private-api");
    let made = aws.pipe_with(&with_late_web, &input).ok();
    let lines: Vec<&str> = made.stdout.lines().collect();
    let line_with = |text: &str| lines.iter().position(|line| line.contains(text)).unwrap();
    assert!(
        line_with(r#""name":"alb/api""#) < line_with(r#""name":"web""#),
        "{lines:#?}"
    );
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    // A group that exists waits only as long as a rule of it is undecided.
    aws.forget();
    aws.pipe_with(&with_late_web, &input).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
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
    assert_eq!(planned.keys(), made.keys());
    let api = id(&made, "alb/api");
    let ssh = tcp(22, "0.0.0.0/0");
    change_rules(&aws, "authorize_security_group_ingress", &api, &ssh);
    aws.forget();
    let planned = aws
        .pipe("mk-env production pr1 --plan | mk-vpc | mk-sg --private-api | prune-env")
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(planned.record("sg", "alb/api")["change"], "kept");
    let mut surplus = planned.records();
    surplus.retain(|record| record["type"] == "surplus" && record["change"] == "delete");
    assert_eq!(surplus.len(), 1, "{surplus:?}");
    assert_eq!(surplus[0]["group"], json!(api));
    assert_eq!(
        surplus[0]["what"],
        "ingress rule tcp 22 from 0.0.0.0/0 of security group alb/api"
    );
}

#[test]
fn a_hundred_apps_that_call_in_a_circle_are_made() {
    let aws = LocalAws::start();
    let mut input = network(&aws);
    for n in 0..100 {
        let called = (n + 1) % 100;
        let app = json!({"type": "app", "name": format!("a{n}"), "calls": [format!("a{called}")]});
        input += &format!("{app}\n");
    }
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
