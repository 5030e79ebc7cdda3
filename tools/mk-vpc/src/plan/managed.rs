//! Who put something into the network that is not this environment's: what the marks say that AWS's own
//! services leave. And how to take GuardDuty's away, which it puts into every VPC with tasks in it. Pure.

use super::have::{Endpoint, Tags};

/// The tag of what GuardDuty makes by itself, an endpoint and its security group (GuardDuty user guide,
/// Runtime Monitoring).
pub const GUARD_DUTY: (&str, &str) = ("GuardDutyManaged", "true");

/// The tags that services of AWS set on what they make in somebody's VPC, and whose they are.
const TAGS: [((&str, &str), &str); 2] = [
    (GUARD_DUTY, "GuardDuty's"),
    (("AWSNetworkFirewallManaged", "true"), "Network Firewall's"),
];

/// Nobody but AWS can set tags that begin so.
const RESERVED: &str = "aws:";

/// Whose something is, as a mark on it says: "GuardDuty's: GuardDutyManaged=true". `requester` is the
/// service that AWS names where it is managed by one, or "AWS".
pub fn whose(tags: &Tags, requester: Option<&str>) -> Option<String> {
    for ((key, value), whose) in TAGS {
        if tags.get(key).is_some_and(|found| found == value) {
            return Some(format!("{whose}: {key}={value}"));
        }
    }
    if let Some((key, value)) = tags.iter().find(|(key, _)| key.starts_with(RESERVED)) {
        return Some(format!("a service of AWS's: {key}={value}"));
    }
    requester.map(|requester| format!("managed by {requester}"))
}

/// Whether GuardDuty made something.
pub fn is_of_guard_duty(tags: &Tags) -> bool {
    let (key, value) = GUARD_DUTY;
    tags.get(key).is_some_and(|found| found == value)
}

/// `KIND ID (whose it is)` for people.
pub fn named(kind: &str, id: &str, whose: Option<String>) -> String {
    match whose {
        Some(whose) => format!("{kind} {id} ({whose})"),
        None => format!("{kind} {id}"),
    }
}

/// How to take away what GuardDuty has in the VPC, where that is among the obstacles of a deletion: with a
/// flag, and with the two commands that do the same. Where only the subnet `left` is to go, the endpoint
/// leaves it.
pub fn guard_duty_hint(
    region: &str,
    endpoints: &[Endpoint],
    obstacles: &[String],
    left: Option<&str>,
) -> Option<String> {
    let mut theirs = obstacles.iter().filter(|one| one.contains(TAGS[0].1));
    theirs.next()?;
    let aws = |words: String| format!("aws ec2 {words} --region {region}");
    let mut groups = Vec::new();
    let mut ids = Vec::new();
    for endpoint in endpoints.iter().filter(|one| one.is_of_guard_duty) {
        ids.push(endpoint.id.as_str());
        groups.extend(endpoint.groups.iter().map(String::as_str));
    }
    if let (Some(subnet), Some(id)) = (left, ids.first()) {
        let words =
            format!("modify-vpc-endpoint --vpc-endpoint-id {id} --remove-subnet-ids {subnet}");
        return Some(aws(words));
    }
    for obstacle in obstacles.iter().filter(|one| one.contains(TAGS[0].1)) {
        let mut words = obstacle.split(' ').filter(|word| word.starts_with("sg-"));
        groups.extend(words.next());
    }
    groups.sort_unstable();
    groups.dedup();
    let mut commands = Vec::new();
    if !ids.is_empty() {
        let words = format!("delete-vpc-endpoints --vpc-endpoint-ids {}", ids.join(" "));
        commands.push(aws(words));
    }
    for group in groups {
        commands.push(aws(format!("delete-security-group --group-id {group}")));
    }
    let commands = commands.join(", and when that is gone ");
    Some(format!(
        "rm-env --guardduty takes GuardDuty's away as well; by hand: {commands}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(key: &str, value: &str) -> Tags {
        Tags::from([("Name".into(), "x".into()), (key.into(), value.into())])
    }

    #[test]
    fn whose_something_is_follows_from_its_marks() {
        for (key, value, requester, expected) in [
            (
                "GuardDutyManaged",
                "true",
                Some("AWS"),
                "GuardDuty's: GuardDutyManaged=true",
            ),
            (
                "AWSNetworkFirewallManaged",
                "true",
                None,
                "Network Firewall's: AWSNetworkFirewallManaged=true",
            ),
            (
                "aws:cloudformation:stack-name",
                "shop",
                None,
                "a service of AWS's: aws:cloudformation:stack-name=shop",
            ),
            ("Team", "x", Some("amazon-rds"), "managed by amazon-rds"),
        ] {
            assert_eq!(whose(&tags(key, value), requester).unwrap(), expected);
        }
        assert_eq!(whose(&tags("GuardDutyManaged", "false"), None), None);
        assert_eq!(whose(&tags("Team", "x"), None), None);
    }

    #[test]
    fn how_to_take_guard_dutys_away_is_a_flag_and_two_commands() {
        let endpoints = [
            Endpoint {
                id: "vpce-1".into(),
                is_of_guard_duty: true,
                groups: vec!["sg-1".into()],
                ..Endpoint::default()
            },
            Endpoint {
                id: "vpce-2".into(),
                groups: vec!["sg-2".into()],
                ..Endpoint::default()
            },
        ];
        let obstacles = ["vpc endpoint vpce-1 (GuardDuty's: GuardDutyManaged=true)".to_string()];
        let hint = |endpoints: &[Endpoint], obstacles: &[String], left| {
            guard_duty_hint("us-east-1", endpoints, obstacles, left)
        };
        assert_eq!(
            hint(&endpoints, &obstacles, None).unwrap(),
            "rm-env --guardduty takes GuardDuty's away as well; by hand: \
             aws ec2 delete-vpc-endpoints --vpc-endpoint-ids vpce-1 --region us-east-1, \
             and when that is gone aws ec2 delete-security-group --group-id sg-1 --region us-east-1"
        );
        assert_eq!(
            hint(&endpoints, &obstacles, Some("subnet-1")).unwrap(),
            "aws ec2 modify-vpc-endpoint --vpc-endpoint-id vpce-1 --remove-subnet-ids subnet-1 \
             --region us-east-1"
        );
        // A group that outlived its endpoint.
        let group = ["security group sg-3 (GuardDuty's: GuardDutyManaged=true)".to_string()];
        assert_eq!(
            hint(&[], &group, None).unwrap(),
            "rm-env --guardduty takes GuardDuty's away as well; by hand: \
             aws ec2 delete-security-group --group-id sg-3 --region us-east-1"
        );
        let theirs = ["vpc endpoint vpce-2".to_string()];
        assert_eq!(hint(&endpoints, &theirs, None), None);
    }
}
