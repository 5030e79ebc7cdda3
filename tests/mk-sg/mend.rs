//! How groups and rules that exist are brought into line, and what is refused.

use std::collections::BTreeSet;

use support::{Faults, LocalAws, json, tags, text};

use super::{API, TWO_SERVICES, change_rules, groups, id, network, rules, set, tcp, vpc_id};

#[test]
fn a_rule_added_by_hand_is_revoked_and_one_removed_is_restored() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let api = id(&made, "alb/api");
    let web = id(&made, "task/web");
    let ssh = tcp(22, "0.0.0.0/0");
    change_rules(&aws, "authorize_security_group_ingress", &api, &ssh);
    let all = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    change_rules(&aws, "authorize_security_group_egress", &api, &all);
    let https = tcp(443, "0.0.0.0/0");
    change_rules(&aws, "revoke_security_group_egress", &web, &https);
    aws.forget();
    let again = aws.pipe_with("mk-sg --private-api", &input).ok();
    // What is by hand is not marked as ours either.
    assert_eq!(aws.changes(), ["ec2:AuthorizeSecurityGroupEgress"]);
    for line in [
        format!("mk-sg: updated sg task/web {web} (egress: nothing -> tcp 443 to 0.0.0.0/0)"),
        "mk-sg: nothing needs ingress rule tcp 22 from 0.0.0.0/0 of security group alb/api: prune-env takes it away".into(),
        "mk-sg: nothing needs egress rule all to 0.0.0.0/0 of security group alb/api: prune-env takes it away".into(),
    ] {
        assert!(again.stderr.contains(&line), "{line}\n{}", again.stderr);
    }
    assert_eq!(again.record("sg", "alb/web")["change"], "kept");
    aws.forget();
    aws.pipe_with("prune-env", &again.stdout).ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    let mut changes = aws.changes();
    changes.sort();
    assert_eq!(
        changes,
        [
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress"
        ]
    );
}

#[test]
fn another_port_moves_both_ends_of_the_edge() {
    let aws = LocalAws::start();
    let input = network(&aws);
    aws.pipe_with("mk-sg", &(input.clone() + API)).ok();
    let moved = input + r#"{"type":"app","name":"api","port":8080}"#;
    let moved = aws.pipe_with("mk-sg", &moved).ok();
    let wanted = set(&[
        "alb/api egress tcp 8080 task/api",
        "task/api ingress tcp 8080 alb/api",
        "task/api egress tcp 443 0.0.0.0/0",
    ]);
    let before = [
        "alb/api egress tcp 5000 task/api",
        "task/api ingress tcp 5000 alb/api",
    ];
    assert_eq!(rules(&aws), &wanted | &set(&before));
    aws.pipe_with("prune-env", &moved.stdout).ok();
    assert_eq!(rules(&aws), wanted);
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
    let tags = json!([{"ResourceType": "security-group", "Tags": [{"Key": "plumbline:env", "Value": "production-pr1"}]}]);
    let left = json!({"GroupName": "security-group-alb-web-production-pr1", "Description": "x", "VpcId": vpc_id(&input), "TagSpecifications": tags});
    aws.call("ec2", "create_security_group", left);
    let made = aws
        .pipe_with("mk-sg --private-api | prune-env", &input)
        .ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
    assert_eq!(made.record("sg", "alb/web")["change"], "updated");
}

#[test]
fn a_foreign_group_of_the_same_name_is_refused_and_untouched() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let theirs = json!({"GroupName": "Security-Group-Alb-Web-Production-Pr1", "Description": "x", "VpcId": vpc_id(&input)});
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
        // Each group that it made has a record.
        let mut written = BTreeSet::new();
        for record in output.records() {
            if record["type"] == "sg" {
                written.insert(text(&record["id"]).to_string());
            }
        }
        for id in groups(&aws).into_keys() {
            assert!(before.contains_key(&id) || written.contains(&id), "{id}");
        }
    }
    faults.end();
    faults
        .pipe_with("mk-sg --private-api | prune-env", &input)
        .ok();
    assert_eq!(rules(&aws), set(&TWO_SERVICES));
}
