//! mk-sg: its command line, and the groups and rules it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-sg/delete.rs"]
mod delete;
#[path = "mk-sg/make.rs"]
mod make;
#[path = "mk-sg/mend.rs"]
mod mend;
#[path = "mk-sg/reach.rs"]
mod reach;

use std::collections::{BTreeMap, BTreeSet};

use support::{ENV, LocalAws, Output, Value, json, text, tool};

const WEB: &str = r#"{"type":"app","name":"web","public":true,"calls":["api"]}"#;
const API: &str = r#"{"type":"app","name":"api"}"#;

/// What the two services of `--private-api` may do, and nothing else.
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

/// The same input for a dry run.
fn planned(input: &str) -> String {
    input.replace(r#""account""#, r#""plan":true,"account""#)
}

/// The ID of the VPC of `network`.
fn vpc_id(network: &str) -> String {
    let record: Value = serde_json::from_str(network.lines().nth(1).unwrap()).unwrap();
    text(&record["id"]).into()
}

/// Every group but the VPCs' default ones: its ID, and its name as in the records.
fn groups(aws: &LocalAws) -> BTreeMap<String, String> {
    let described = aws.call("ec2", "describe_security_groups", json!({}));
    let mut groups = BTreeMap::new();
    for group in described["SecurityGroups"].as_array().unwrap() {
        let name = text(&group["GroupName"]);
        if name != "default" {
            groups.insert(text(&group["GroupId"]).into(), record_name(name));
        }
    }
    groups
}

/// The name of a group's record, or the group's own name where it is none of ours.
fn record_name(group_name: &str) -> String {
    let part = group_name
        .strip_prefix("security-group-")
        .and_then(|rest| rest.strip_suffix("-production-pr1"));
    match part {
        Some(part) => part.replacen('-', "/", 1),
        None => group_name.into(),
    }
}

/// Every rule of those groups, like `task/web egress tcp 80 alb/api`.
fn rules(aws: &LocalAws) -> BTreeSet<String> {
    let groups = groups(aws);
    let mut rules = BTreeSet::new();
    for rule in described_rules(aws) {
        if groups.contains_key(text(&rule["GroupId"])) {
            rules.insert(rule_in_words(&rule, &groups));
        }
    }
    rules
}

/// Every rule as EC2 describes it.
fn described_rules(aws: &LocalAws) -> Vec<Value> {
    let all = json!({"MaxResults": 1000});
    let described = aws.call("ec2", "describe_security_group_rules", all);
    assert!(described["NextToken"].is_null());
    described["SecurityGroupRules"].as_array().unwrap().clone()
}

fn rule_in_words(rule: &Value, groups: &BTreeMap<String, String>) -> String {
    let group = name_of(&rule["GroupId"], groups);
    let direction = if rule["IsEgress"] == true {
        "egress"
    } else {
        "ingress"
    };
    let protocol = text(&rule["IpProtocol"]);
    let ports = if rule["FromPort"] == rule["ToPort"] {
        rule["FromPort"].to_string()
    } else {
        format!("{}-{}", rule["FromPort"], rule["ToPort"])
    };
    let peer = [
        text(&rule["CidrIpv4"]),
        text(&rule["CidrIpv6"]),
        &name_of(&rule["ReferencedGroupInfo"]["GroupId"], groups),
    ];
    let peer = peer.concat();
    format!("{group} {direction} {protocol} {ports} {peer}")
}

/// The name of the group of an ID, or else the ID.
fn name_of(id: &Value, groups: &BTreeMap<String, String>) -> String {
    let id = text(id);
    groups.get(id).cloned().unwrap_or_else(|| id.into())
}

/// A rule for one TCP port and an address range, in EC2's words.
fn tcp(port: u16, range: &str) -> Value {
    json!([{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": range}]}])
}

/// Changes the rules of a group by hand.
fn change_rules(aws: &LocalAws, operation: &str, group: &str, rules: &Value) {
    let change = json!({"GroupId": group, "IpPermissions": rules});
    aws.call("ec2", operation, change);
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| rule.to_string()).collect()
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
