//! What is in an account, told so that two of the same are told alike.

use std::collections::BTreeMap;

use support::{LocalAws, Value, json, list, text};

/// What lists the things of each kind: service, operation, field of the answer; and what more is asked
/// about each: an operation, its parameter, and the field of the thing that fills it in.
type Kind = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str, &'static str)],
);

const KINDS: &[Kind] = &[
    ("ec2", "describe_vpcs", "Vpcs", &[]),
    ("ec2", "describe_subnets", "Subnets", &[]),
    ("ec2", "describe_route_tables", "RouteTables", &[]),
    ("ec2", "describe_internet_gateways", "InternetGateways", &[]),
    ("ec2", "describe_addresses", "Addresses", &[]),
    ("ec2", "describe_nat_gateways", "NatGateways", &[]),
    ("ec2", "describe_security_groups", "SecurityGroups", &[]),
    (
        "ec2",
        "describe_network_interfaces",
        "NetworkInterfaces",
        &[],
    ),
    (
        "elbv2",
        "describe_load_balancers",
        "LoadBalancers",
        &[
            ("describe_listeners", "LoadBalancerArn", "LoadBalancerArn"),
            (
                "describe_load_balancer_attributes",
                "LoadBalancerArn",
                "LoadBalancerArn",
            ),
            ("describe_tags", "ResourceArns", "LoadBalancerArn"),
        ],
    ),
    (
        "elbv2",
        "describe_target_groups",
        "TargetGroups",
        &[
            (
                "describe_target_group_attributes",
                "TargetGroupArn",
                "TargetGroupArn",
            ),
            ("describe_tags", "ResourceArns", "TargetGroupArn"),
        ],
    ),
    (
        "ecr",
        "describe_repositories",
        "repositories",
        &[
            ("get_lifecycle_policy", "repositoryName", "repositoryName"),
            ("list_tags_for_resource", "resourceArn", "repositoryArn"),
        ],
    ),
    (
        "iam",
        "list_roles",
        "Roles",
        &[
            ("get_role", "RoleName", "RoleName"),
            ("list_attached_role_policies", "RoleName", "RoleName"),
            ("list_role_policies", "RoleName", "RoleName"),
        ],
    ),
    ("logs", "describe_log_groups", "logGroups", &[]),
    ("ecs", "list_clusters", "clusterArns", &[]),
];

/// A line for each thing in the account, whoever made it: all that AWS tells of it but what differs
/// between two of the same (IDs, times, addresses).
pub fn snapshot(aws: &LocalAws) -> Vec<String> {
    let mut lines = Vec::new();
    for (service, operation, items, questions) in KINDS {
        for item in list(&aws.call(service, operation, json!({}))[items]) {
            if item["State"] == "deleted" {
                continue; // a NAT gateway is told of for an hour
            }
            let mut answers = vec![plain(item)];
            if *items == "NetworkInterfaces" {
                answers = vec![plain(&interface(item))];
            }
            if *items == "Subnets" {
                answers = vec![plain(&subnet(item))];
            }
            for (question, parameter, field) in *questions {
                let value = match *parameter {
                    "ResourceArns" => json!([item[field]]),
                    _ => item[field].clone(),
                };
                answers.push(plain(&aws.call(
                    service,
                    question,
                    json!({*parameter: value}),
                )));
            }
            let answers: Vec<String> = answers.iter().map(Value::to_string).collect();
            lines.push(format!("{items}: {}", answers.join(" ")));
        }
    }
    lines.extend(services(aws));
    lines.extend(scaling(aws));
    lines.extend(task_definitions(aws));
    lines
}

fn services(aws: &LocalAws) -> Vec<String> {
    let mut lines = Vec::new();
    for cluster in list(&aws.call("ecs", "list_clusters", json!({}))["clusterArns"]) {
        let named = json!({"cluster": cluster});
        for service in list(&aws.call("ecs", "list_services", named)["serviceArns"]) {
            let params = json!({"cluster": cluster, "services": [service], "include": ["TAGS"]});
            let service = &aws.call("ecs", "describe_services", params)["services"][0];
            lines.push(format!("service: {}", plain(service)));
        }
    }
    lines
}

/// What scales services. The alarms of policies are AWS's own.
fn scaling(aws: &LocalAws) -> Vec<String> {
    let ask =
        |operation: &str, params: Value| aws.call("application-autoscaling", operation, params);
    let of_ecs = json!({"ServiceNamespace": "ecs"});
    let mut lines = Vec::new();
    for target in list(&ask("describe_scalable_targets", of_ecs.clone())["ScalableTargets"]) {
        let arn = json!({"ResourceARN": target["ScalableTargetARN"]});
        let tags = ask("list_tags_for_resource", arn)["Tags"].clone();
        let tags = tags.as_object().unwrap().iter();
        let tags: BTreeMap<&String, &Value> = tags.collect(); // AWS has no order
        let (id, least, most) = (
            &target["ResourceId"],
            &target["MinCapacity"],
            &target["MaxCapacity"],
        );
        lines.push(format!("scalable target: {id} {least} {most} {tags:?}"));
    }
    for policy in list(&ask("describe_scaling_policies", of_ecs.clone())["ScalingPolicies"]) {
        let says = &policy["TargetTrackingScalingPolicyConfiguration"];
        let says = plain(says);
        lines.push(format!("policy: {} {says}", policy["PolicyName"]));
    }
    for action in list(&ask("describe_scheduled_actions", of_ecs)["ScheduledActions"]) {
        let (name, when, zone) = (
            &action["ScheduledActionName"],
            &action["Schedule"],
            &action["Timezone"],
        );
        let range = &action["ScalableTargetAction"];
        lines.push(format!("scheduled action: {name} {when} {zone} {range}"));
    }
    lines
}

/// The newest of each family: older ones stay, so that an app can be taken back to what it ran before.
fn task_definitions(aws: &LocalAws) -> Vec<String> {
    let mut lines = Vec::new();
    let active = json!({"status": "ACTIVE"});
    let listed = aws.call("ecs", "list_task_definition_families", active);
    for family in list(&listed["families"]) {
        let params = json!({"taskDefinition": family, "include": ["TAGS"]});
        let definition = aws.call("ecs", "describe_task_definition", params);
        lines.push(format!("task definition: {}", plain(&definition)));
    }
    lines
}

/// A subnet without its range, of which a zone that was taken later has a later one, and without how many
/// addresses are free: in which zones the tasks are is ECS's to choose.
fn subnet(item: &Value) -> Value {
    let mut item = item.clone();
    let fields = item.as_object_mut().unwrap();
    fields.remove("CidrBlock");
    fields.remove("AvailableIpAddressCount");
    item
}

/// Whose it is, without the ID of that; what it is protected by, and what state it is in.
fn interface(item: &Value) -> Value {
    let description = text(&item["Description"]).rsplit_once(['/', ' ']);
    let whose = description.map(|(whose, _)| whose);
    json!([whose, item["Groups"], item["Status"]])
}

/// A value without what differs between two of the same, and its fields and lists in one order.
fn plain(value: &Value) -> Value {
    const DIFFERENT: [&str; 16] = [
        "AddressCount", // of three tasks in two subnets the third is in either
        "At",
        "Bytes",
        "Time",
        "Date",
        "Modified",
        "created",
        "updated",
        "Address",
        "Addresses",
        "DnsName",
        "Ip",
        "RoleId",
        "revision",
        "deployments",
        "events",
    ];
    match value {
        Value::Object(fields) => {
            let mut same: BTreeMap<String, Value> = BTreeMap::new();
            for (key, value) in fields {
                if !DIFFERENT.iter().any(|end| key.ends_with(end)) {
                    same.insert(key.clone(), plain(value));
                }
            }
            same.into_iter().collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::String(string) => without_ids(string).into(),
        other => other.clone(),
    }
}

/// A text with `#` for each ID in it, and without the number of a task definition's revision.
fn without_ids(string: &str) -> String {
    let string = match string.rsplit_once(':') {
        Some((family, number)) if family.contains(":task-definition/") && number != "*" => family,
        _ => string,
    };
    let mut words = String::new();
    let mut after_id = false;
    for piece in string.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        after_id = is_id(word, if after_id { 4 } else { 8 }); // a UUID goes on in fours
        words += if after_id { "#" } else { word };
        words += &piece[word.len()..];
    }
    words
}

/// `0a1b2c3d4e5f60718`, and not `ap`, `production` or the account.
fn is_id(word: &str, least: usize) -> bool {
    word.len() >= least && word.chars().all(|c| c.is_ascii_hexdigit()) && word != "123456789012"
}

/// What is too much (`+`) and what is missing (`-`), each from where it begins to differ.
pub fn differences(found: &[String], wanted: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    for line in found {
        *counts.entry(line).or_default() += 1;
    }
    for line in wanted {
        *counts.entry(line).or_default() -= 1;
    }
    counts.retain(|_, count| *count != 0);
    let mut differences = Vec::new();
    for (line, count) in &counts {
        differences.push(difference(line, *count, &counts));
    }
    differences
}

fn difference(line: &str, count: i32, counts: &BTreeMap<&str, i32>) -> String {
    let mut shared = 0;
    for (other, other_count) in counts {
        if other_count.signum() != count.signum() {
            shared = shared.max(common(line, other));
        }
    }
    let begin: String = line.chars().take(120).collect();
    let rest = line.chars().skip(shared.saturating_sub(60).max(120));
    let rest: String = rest.take(200).collect();
    format!("{count:+} {begin} … {rest}")
}

/// How many bytes two texts begin with alike.
fn common(a: &str, b: &str) -> usize {
    let pairs = a.bytes().zip(b.bytes());
    pairs.take_while(|(a, b)| a == b).count()
}
