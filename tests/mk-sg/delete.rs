//! What rm-env deletes of it, and what it leaves alone.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::Duration;

use support::{Faults, LocalAws, Value, json, text};

use super::{TWO_SERVICES, change_rules, groups, id, network, rules, set, tcp, vpc_id};

/// Makes a group of somebody else's in the VPC, by hand.
fn their_group(aws: &LocalAws, input: &str) -> String {
    let theirs = json!({"GroupName": "theirs", "Description": "x", "VpcId": vpc_id(input)});
    text(&aws.call("ec2", "create_security_group", theirs)["GroupId"]).into()
}

/// EC2 revokes the rules, and answers that there was nothing to revoke.
fn revoked_meanwhile(code: &str) -> Value {
    json!([{"do": "refuse", "of": "ec2:RevokeSecurityGroup*", "when": "after", "code": code, "message": "gone"}])
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
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let web = id(&made, "task/web");
    let ssh = tcp(22, "10.1.0.0/16");
    for code in [
        "InvalidSecurityGroupRuleId.NotFound",
        "InvalidPermission.NotFound",
    ] {
        change_rules(&aws, "authorize_security_group_ingress", &web, &ssh);
        faults.rules(revoked_meanwhile(code));
        faults
            .pipe_with("mk-sg --private-api | prune-env", &input)
            .ok();
        assert_eq!(rules(&aws), set(&TWO_SERVICES));
    }
    // To mk-sg a group that went is missing, and the next run makes it again; to rm-env it is deleted.
    change_rules(&aws, "authorize_security_group_ingress", &web, &ssh);
    faults.rules(revoked_meanwhile("InvalidGroup.NotFound"));
    let output = faults.pipe_with("mk-sg --private-api | prune-env", &input);
    assert_eq!(output.code, 75, "{output:?}");
    assert!(
        output.stderr.contains("run the pipeline again"),
        "{output:?}"
    );
    for code in ["InvalidGroup.NotFound", "InvalidPermission.NotFound"] {
        faults.end();
        let made = faults.pipe_with("mk-sg --private-api", &input).ok();
        faults.rules(revoked_meanwhile(code));
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
    change_rules(&aws, "authorize_security_group_ingress", &theirs, &refers);
    let subnet = json!({"VpcId": vpc_id(&input), "CidrBlock": "10.0.0.0/24"});
    let subnet = aws.call("ec2", "create_subnet", subnet)["Subnet"]["SubnetId"].clone();
    let interface =
        json!({"SubnetId": subnet, "Groups": [id(&made, "alb/web")], "Description": "a bastion"});
    let interface = aws.call("ec2", "create_network_interface", interface);
    let interface = text(&interface["NetworkInterface"]["NetworkInterfaceId"]);
    let instance = json!({"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1, "SubnetId": subnet, "SecurityGroupIds": [id(&made, "task/api")]});
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
fn a_group_that_is_used_again_is_not_waited_for() {
    let aws = LocalAws::start();
    let input = network(&aws);
    let made = aws.pipe_with("mk-sg --private-api", &input).ok();
    let subnet = json!({"VpcId": vpc_id(&input), "CidrBlock": "10.0.0.0/24"});
    let subnet = aws.call("ec2", "create_subnet", subnet)["Subnet"]["SubnetId"].clone();
    let of_load_balancer = |number: usize| {
        let description = format!("ELB app/alb-web-production-pr1/{number}");
        let interface = json!({"SubnetId": subnet, "Groups": [id(&made, "alb/web")], "Description": description});
        aws.call("ec2", "create_network_interface", interface);
    };
    of_load_balancer(1);
    let output = thread::scope(|scope| {
        let deletion =
            scope.spawn(|| aws.pipe_with("rm-env --confirm production-pr1", &made.stdout));
        while !aws
            .calls()
            .iter()
            .any(|call| call["action"] == "DescribeNetworkInterfaces")
        {
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_millis(500));
        of_load_balancer(2);
        deletion.join().unwrap()
    });
    assert_eq!(output.code, 75, "{output:?}");
    for told in [
        "is used again",
        "alb-web-production-pr1/2) came since",
        "run it again",
    ] {
        assert!(output.stderr.contains(told), "{}", output.stderr);
    }
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
