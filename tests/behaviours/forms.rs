//! Answers that say something else for a moment, or the same in another form.

use support::{Faults, LocalAws, Value, json, rewrite};

use crate::faulty::{changes, start};

const ROLE: &str = "arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1";

#[test]
fn what_an_answer_says_otherwise_for_a_moment_or_in_another_form_is_understood() {
    let (aws, faults) = start();
    the_arn_of_a_role_that_was_just_made_is_asked_again(&faults);
    what_lists_do_not_have_yet_is_not_made_twice(&faults);
    only_zones_that_everybody_may_use_are_asked_for(&aws);
    tags_that_the_creation_overlooked_are_set(&faults);
    an_empty_token_ends_a_list(&aws, &faults);
    a_connection_may_be_on_the_second_page(&aws, &faults);
}

/// A role that was just made has an ID where its ARN should be.
fn the_arn_of_a_role_that_was_just_made_is_asked_again(faults: &Faults) {
    let young = "<Arn>AROAEXAMPLE</Arn>";
    let created = rewrite("iam:CreateRole", "<Arn>[^<]*</Arn>", young);
    let mut got = rewrite("iam:GetRole", "<Arn>[^<]*</Arn>", young);
    got["times"] = 3.into(); // the first call finds no role
    faults.rules(json!([created, got]));
    let pipe = "mk-env production pr1 | mk-app web --image x | mk-ecr | mk-role";
    let made = faults.pipe(pipe).ok();
    assert_eq!(made.record("role", "execution/web")["arn"], ROLE);
}

fn what_lists_do_not_have_yet_is_not_made_twice(faults: &Faults) {
    let unlisted =
        |call: &str, set: &str| rewrite(call, &format!("<{set}>.*</{set}>"), &format!("<{set}/>"));
    faults.rules(json!([
        unlisted("ec2:DescribeVpcs", "vpcSet"),
        unlisted("ec2:DescribeInternetGateways", "internetGatewaySet"),
        unlisted("ec2:DescribeAddresses", "addressesSet"),
    ]));
    let network = "mk-env production pr1 | mk-vpc --nat single";
    faults.pipe(network).ok();
    assert_eq!(changes(faults, network), Vec::<Value>::new());
}

/// Zones that are in a city, or need an opt-in, are in the same list.
fn only_zones_that_everybody_may_use_are_asked_for(aws: &LocalAws) {
    let calls = aws.calls();
    let mut calls = calls.iter();
    let zones = calls.find(|call| call["action"] == "DescribeAvailabilityZones");
    let zones = zones.unwrap()["params"].to_string();
    assert!(
        zones.contains("opt-in-not-required") && zones.contains("availability-zone"),
        "{zones}"
    );
}

/// An S3 that overlooks the tags of CreateBucket.
fn tags_that_the_creation_overlooked_are_set(faults: &Faults) {
    let mut untagged = rewrite("s3:GetBucketTagging", "<TagSet>.*</TagSet>", "<TagSet/>");
    untagged["times"] = 2.into(); // the first call finds no bucket
    faults.rules(json!([untagged]));
    faults.pipe("mk-env production pr1 | mk-bucket").ok();
    let mut seen = faults.seen();
    seen.retain(|call| call["call"] == "s3:PutBucketTagging");
    assert_eq!(seen.len(), 1, "{}", faults.told());
}

/// And ListRoles tells the tags of one role alone.
fn an_empty_token_ends_a_list(aws: &LocalAws, faults: &Faults) {
    let untagged = rewrite("iam:ListRoles", "<Tags>.*?</Tags>", "");
    let empty = |call: &str| rewrite(call, r"\}\s*$", r#", "NextToken": ""}"#);
    faults.rules(json!([
        empty("events:ListRules"),
        empty("codeconnections:ListConnections"),
        untagged
    ]));
    aws.pipe("mk-env production pr1 | mk-connection").ok();
    let theirs = json!({"Name": "rule-theirs", "EventPattern": r#"{"source":["x"]}"#});
    aws.call("events", "put_rule", theirs);
    let listed = faults.pipe("ls-env --env production-pr1").ok();
    assert_eq!(listed.record("role", "execution/web")["arn"], ROLE);
    assert_eq!(listed.record("connection", "github")["status"], "PENDING");
    let mut seen = faults.seen();
    seen.retain(|call| call["call"] == "events:ListRules");
    assert_eq!(seen.len(), 1);
}

fn a_connection_may_be_on_the_second_page(aws: &LocalAws, faults: &Faults) {
    for n in 0..100 {
        let other = json!({"ConnectionName": format!("team-{n}"), "ProviderType": "GitHub"});
        aws.call_in("eu-west-1", "codeconnections", "create_connection", other);
    }
    let connect = "mk-env production pr1 --region eu-west-1 | mk-connection";
    aws.pipe(connect).ok();
    assert_eq!(changes(faults, connect), Vec::<Value>::new());
}
