//! What GuardDuty puts into the VPC by itself, where an organisation has its runtime monitoring on: an
//! endpoint in the private subnets, and its security group.

use support::{Account, LocalAws, Output, Value, json, text};

use super::{MAKE, PRUNE};

const LIST: &str = "ls-env --env production-pr1";
const DOWN: &str = "rm-env --confirm production-pr1";

/// As GuardDuty makes them; or as somebody makes them who manages the agent by hand, without its tag.
fn watched(aws: &LocalAws, made: &Output, managed: bool) -> [String; 2] {
    let vpc = made.record("vpc", "main");
    let tags = |kind: &str| {
        let tags = json!([{"Key": "GuardDutyManaged", "Value": "true"}]);
        json!([{"ResourceType": kind, "Tags": if managed { tags } else { json!([{"Key": "x", "Value": "y"}]) }}])
    };
    let name = format!("GuardDutyManagedSecurityGroup-{}", text(&vpc["id"]));
    let group = json!({"GroupName": name, "Description": "x", "VpcId": vpc["id"], "TagSpecifications": tags("security-group")});
    let group = aws.call("ec2", "create_security_group", group)["GroupId"].clone();
    let endpoint = json!({
        "VpcId": vpc["id"],
        "ServiceName": "com.amazonaws.us-east-1.guardduty-data",
        "VpcEndpointType": "Interface",
        "SubnetIds": vpc["private_subnets"],
        "SecurityGroupIds": [group],
        "TagSpecifications": tags("vpc-endpoint"),
    });
    let endpoint = aws.call("ec2", "create_vpc_endpoint", endpoint);
    [endpoint["VpcEndpoint"]["VpcEndpointId"].clone(), group].map(|id| text(&id).to_string())
}

#[test]
fn what_guard_duty_made_is_named_foretold_and_taken_away_with_a_flag() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE).ok();
    let [endpoint, group] = watched(&aws, &made, true);
    let listed = aws.pipe(LIST).ok();
    assert_eq!(listed.record("guardduty", &endpoint)["id"], *endpoint);
    aws.pipe(MAKE).ok(); // which it does not disturb

    let foretold = format!(
        "rm-env: {endpoint} is GuardDuty's (GuardDutyManaged=true): it would stay, and the VPC with it, without --guardduty\n"
    );
    let planned = aws.pipe(&format!("{LIST} | rm-env --plan")).would_change();
    assert_eq!(
        planned.stderr.matches(&foretold).count(),
        1,
        "{}",
        planned.stderr
    );
    assert_eq!(planned.record("guardduty", &endpoint).get("change"), None);
    let planned = aws.pipe(&format!("{LIST} | rm-env --plan --guardduty"));
    let planned = planned.would_change();
    assert!(
        !planned.stderr.contains("without --guardduty"),
        "{}",
        planned.stderr
    );
    assert_eq!(planned.record("guardduty", &endpoint)["change"], "delete");

    let down = aws.pipe(&format!("{LIST} | {DOWN}"));
    assert_eq!(down.code, 1, "{}", down.stderr);
    for told in [
        format!("vpc endpoint {endpoint} (GuardDuty's: GuardDutyManaged=true)"),
        format!("security group {group} (GuardDuty's: GuardDutyManaged=true)"),
        "rm-env --guardduty takes GuardDuty's away as well".to_string(),
        format!("aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {endpoint} --region us-east-1"),
        format!("aws ec2 delete-security-group --group-id {group} --region us-east-1"),
    ] {
        assert!(down.stderr.contains(&told), "{told}: {}", down.stderr);
    }
    let down = aws.pipe(&format!("{LIST} | {DOWN} --guardduty")).ok();
    for id in [&endpoint, &group] {
        assert_eq!(down.record("guardduty", id)["change"], "deleted");
    }
    assert_eq!(Account::new(&aws, "us-east-1").left(), Vec::<String>::new());
}

#[test]
fn a_group_that_outlived_its_endpoint_goes_with_the_flag_too() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let [endpoint, group] = watched(&aws, &made, true);
    aws.call(
        "ec2",
        "delete_vpc_endpoints",
        json!({"VpcEndpointIds": [endpoint]}),
    );
    let down = aws.pipe(&format!("{LIST} | {DOWN}"));
    assert_eq!(down.code, 1, "{}", down.stderr);
    let told = format!("delete-security-group --group-id {group}");
    assert!(down.stderr.contains(&told), "{}", down.stderr);
    // A saved list of the environment is enough.
    let saved = aws.pipe(LIST).ok().stdout;
    aws.pipe_with(&format!("{DOWN} --guardduty"), &saved).ok();
    assert_eq!(Account::new(&aws, "us-east-1").left(), Vec::<String>::new());
}

#[test]
fn what_a_person_made_for_guard_duty_stays_whatever_flag() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let [endpoint, _] = watched(&aws, &made, false);
    let down = aws.pipe(&format!("{LIST} | {DOWN} --guardduty"));
    assert_eq!(down.code, 1, "{}", down.stderr);
    assert!(down.stderr.contains(&endpoint), "{}", down.stderr);
    assert!(!down.stderr.contains("GuardDuty's"), "{}", down.stderr);
    let found = json!({"VpcEndpointIds": [endpoint]});
    let found = aws.call("ec2", "describe_vpc_endpoints", found);
    assert_eq!(found["VpcEndpoints"][0]["State"], "available");
}

#[test]
fn in_a_zone_that_is_left_the_command_takes_its_subnet_from_the_endpoint() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let [endpoint, _] = watched(&aws, &made, true);
    let moved = aws.pipe(&format!(
        "{MAKE} --zone us-east-1b --zone us-east-1c | {PRUNE}"
    ));
    assert_eq!(moved.code, 1, "{}", moved.stderr);
    let subnet = made.record("subnet", "private-a")["id"].clone();
    let told = format!(
        "modify-vpc-endpoint --vpc-endpoint-id {endpoint} --remove-subnet-ids {}",
        text(&subnet)
    );
    assert!(moved.stderr.contains(&told), "{}", moved.stderr);
}

#[test]
fn what_other_services_of_aws_made_is_named_as_theirs() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let made = aws.pipe(MAKE).ok();
    let vpc = &made.record("vpc", "main")["id"];
    let tags = json!([{"ResourceType": "security-group", "Tags": [{"Key": "AWSNetworkFirewallManaged", "Value": "true"}]}]);
    let group =
        json!({"GroupName": "fw", "Description": "x", "VpcId": vpc, "TagSpecifications": tags});
    let group: Value = aws.call("ec2", "create_security_group", group)["GroupId"].clone();
    let down = aws.pipe(&format!("{LIST} | {DOWN}"));
    assert_eq!(down.code, 1, "{}", down.stderr);
    let told = format!(
        "security group {} (Network Firewall's: AWSNetworkFirewallManaged=true)",
        text(&group)
    );
    assert!(down.stderr.contains(&told), "{}", down.stderr);
}
