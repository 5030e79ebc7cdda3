//! The recipes end to end: what a user has after `just up` and after `just down`.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeSet;

use support::{LocalAws, Output, Value, depth, json, recipe, tags, text};

fn up(aws: &LocalAws, suffix: &str) -> Output {
    aws.pipe(&recipe(&["up"], suffix))
}

fn down(aws: &LocalAws, suffix: &str) -> Output {
    aws.pipe(&recipe(&["down"], suffix))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Everything in the account that carries an environment's identity, asked of each service, as
/// `kind id`, with all its tags.
fn tagged(aws: &LocalAws, env: &str) -> Vec<(String, Value)> {
    let mut found: Vec<(String, Value)> = Vec::new();
    let mut add = |kind: &str, id: &Value, tagged: Value| {
        if tagged["plumbline:env"] == env {
            found.push((format!("{kind} {}", text(id)), tagged));
        }
    };
    for (operation, items, id) in [
        ("describe_vpcs", "Vpcs", "VpcId"),
        ("describe_subnets", "Subnets", "SubnetId"),
        ("describe_route_tables", "RouteTables", "RouteTableId"),
        (
            "describe_internet_gateways",
            "InternetGateways",
            "InternetGatewayId",
        ),
        ("describe_addresses", "Addresses", "AllocationId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
    ] {
        for item in list(&aws.call("ec2", operation, json!({}))[items]) {
            add(items, &item[id], tags(&item["Tags"]));
        }
    }
    for nat in list(&aws.call("ec2", "describe_nat_gateways", json!({}))["NatGateways"]) {
        if nat["State"] != "deleted" {
            add("NatGateways", &nat["NatGatewayId"], tags(&nat["Tags"]));
        }
    }
    let mut balanced: Vec<Value> = Vec::new();
    for balancer in list(&aws.call("elbv2", "describe_load_balancers", json!({}))["LoadBalancers"])
    {
        balanced.push(balancer["LoadBalancerArn"].clone());
        let listeners = aws.call(
            "elbv2",
            "describe_listeners",
            json!({"LoadBalancerArn": balancer["LoadBalancerArn"]}),
        );
        balanced.extend(
            list(&listeners["Listeners"])
                .iter()
                .map(|listener| listener["ListenerArn"].clone()),
        );
    }
    for group in list(&aws.call("elbv2", "describe_target_groups", json!({}))["TargetGroups"]) {
        balanced.push(group["TargetGroupArn"].clone());
    }
    for arn in balanced {
        let answer = aws.call("elbv2", "describe_tags", json!({"ResourceArns": [arn]}));
        add("ELB", &arn, tags(&answer["TagDescriptions"][0]["Tags"]));
    }
    for repository in list(&aws.call("ecr", "describe_repositories", json!({}))["repositories"]) {
        let answer = aws.call(
            "ecr",
            "list_tags_for_resource",
            json!({"resourceArn": repository["repositoryArn"]}),
        );
        add(
            "repository",
            &repository["repositoryArn"],
            tags(&answer["tags"]),
        );
    }
    for role in list(&aws.call("iam", "list_roles", json!({}))["Roles"]) {
        let answer = aws.call(
            "iam",
            "list_role_tags",
            json!({"RoleName": role["RoleName"]}),
        );
        add("role", &role["RoleName"], tags(&answer["Tags"]));
    }
    for group in list(&aws.call("logs", "describe_log_groups", json!({}))["logGroups"]) {
        let arn = text(&group["arn"]).trim_end_matches(":*").to_string();
        add(
            "log group",
            &group["logGroupName"],
            aws.call(
                "logs",
                "list_tags_for_resource",
                json!({"resourceArn": arn}),
            )["tags"]
                .clone(),
        );
    }
    for cluster in list(&aws.call("ecs", "list_clusters", json!({}))["clusterArns"]) {
        let answer = aws.call(
            "ecs",
            "describe_clusters",
            json!({"clusters": [cluster], "include": ["TAGS"]}),
        );
        if answer["clusters"][0]["status"] != "INACTIVE" {
            add("cluster", cluster, tags(&answer["clusters"][0]["tags"]));
        }
        for service in
            list(&aws.call("ecs", "list_services", json!({"cluster": cluster}))["serviceArns"])
        {
            let answer = aws.call(
                "ecs",
                "describe_services",
                json!({"cluster": cluster, "services": [service], "include": ["TAGS"]}),
            );
            add("service", service, tags(&answer["services"][0]["tags"]));
        }
    }
    for definition in
        list(&aws.call("ecs", "list_task_definitions", json!({}))["taskDefinitionArns"])
    {
        let answer = aws.call(
            "ecs",
            "describe_task_definition",
            json!({"taskDefinition": definition, "include": ["TAGS"]}),
        );
        add("task definition", definition, tags(&answer["tags"]));
    }
    found
}

#[test]
fn up_builds_both_services_tags_all_and_ends_with_the_address() {
    let aws = LocalAws::start();
    let made = up(&aws, "pr1").ok();
    let calls = aws.calls();
    assert!(calls.len() <= 110, "{} calls", calls.len());

    let dns = made.record("alb", "web")["dns"].clone();
    assert_eq!(
        made.stderr.lines().last(),
        Some(format!("wait-env: web: http://{}/", text(&dns)).as_str())
    );
    let kinds = |kind: &str| {
        made.records()
            .iter()
            .filter(|r| r["type"] == kind)
            .map(|r| text(&r["name"]).to_string())
            .collect::<BTreeSet<_>>()
    };
    for kind in [
        "repo",
        "service",
        "alb",
        "log_group",
        "task_definition",
        "listener",
    ] {
        assert_eq!(
            kinds(kind),
            BTreeSet::from(["api".to_string(), "web".to_string()]),
            "{kind}"
        );
    }
    assert_eq!(
        (
            text(&made.record("alb", "web")["scheme"]),
            text(&made.record("alb", "api")["scheme"])
        ),
        ("internet-facing", "internal")
    );

    // web is told where api is, and each what it listens on.
    let environment = |app: &str| {
        let arn = made.record("task_definition", app)["arn"].clone();
        let answer = aws.call(
            "ecs",
            "describe_task_definition",
            json!({"taskDefinition": arn}),
        );
        let pairs =
            list(&answer["taskDefinition"]["containerDefinitions"][0]["environment"]).iter();
        pairs
            .map(|pair| {
                (
                    text(&pair["name"]).to_string(),
                    text(&pair["value"]).to_string(),
                )
            })
            .collect::<Vec<_>>()
    };
    let urls = ("ASPNETCORE_URLS".to_string(), "http://+:5000".to_string());
    let api = format!(
        "http://{}/WeatherForecast",
        text(&made.record("alb", "api")["dns"])
    );
    assert_eq!(
        environment("web"),
        [urls.clone(), ("ApiAddress".to_string(), api)]
            .into_iter()
            .rev()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(environment("api"), [urls]);

    let all = tagged(&aws, "production-pr1");
    for (what, tags) in &all {
        for (key, value) in [
            ("Environment", "production"),
            ("Suffix", "pr1"),
            ("Project", "plumbline"),
            ("ManagedBy", "plumbline"),
            ("Team", "devops"),
        ] {
            assert_eq!(tags[key], value, "{what}: {tags}");
        }
    }
    // 1 vpc, 4 subnets, 3 route tables, 1 gateway, 2 addresses, 2 NATs, 4 groups, 6 of ELB,
    // 2 repositories, 2 roles, 2 log groups, 1 cluster, 2 services, 2 task definitions
    assert_eq!(
        all.len(),
        34,
        "{:?}",
        all.iter().map(|(what, _)| what).collect::<Vec<_>>()
    );
}

#[test]
fn a_second_up_changes_nothing_in_few_calls_and_little_depth() {
    let aws = LocalAws::start_with(&["--moment", "0", "--latency", "300"]);
    let first = up(&aws, "pr1").ok();
    aws.forget();
    let second = up(&aws, "pr1").ok();
    let calls = aws.calls();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert!(calls.len() <= 60, "{} calls", calls.len());
    // On a busy machine calls come one after the other that do not need each other: the best run counts.
    let mut depths = vec![depth(&calls)];
    while depths.iter().all(|depth| *depth > 4) {
        assert!(depths.len() < 8, "{depths:?} deep");
        aws.forget();
        up(&aws, "pr1").ok();
        depths.push(depth(&aws.calls()));
    }
    let ids = |output: &Output| {
        let records = output
            .records()
            .into_iter()
            .filter(|record| record.get("change").is_some());
        let ids = records.map(|r| {
            ["id", "arn"]
                .iter()
                .map(|field| text(&r[*field]).to_string())
                .collect::<String>()
        });
        ids.collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&first), ids(&second));
}

#[test]
fn down_leaves_nothing_of_one_environment_and_all_of_another() {
    let aws = LocalAws::start();
    up(&aws, "pr1").ok();
    up(&aws, "pr2").ok();
    // An image in a repository is no reason to stay.
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "config": {"digest": "sha256:1"}, "layers": []});
    aws.call(
        "ecr",
        "put_image",
        json!({"repositoryName": "repo-web-production-pr1", "imageManifest": manifest.to_string(), "imageTag": "1"}),
    );
    let others = tagged(&aws, "production-pr2");
    let gone = down(&aws, "pr1").ok();
    assert_eq!(tagged(&aws, "production-pr1"), []);
    assert_eq!(tagged(&aws, "production-pr2"), others);
    assert_eq!(gone.record("vpc", "main")["change"], "deleted");
    aws.forget();
    up(&aws, "pr2").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn down_twice_and_up_after_down_are_fine() {
    let aws = LocalAws::start();
    up(&aws, "pr1").ok();
    down(&aws, "pr1").ok();
    aws.forget();
    down(&aws, "pr1").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    up(&aws, "pr1").ok();
    assert_eq!(tagged(&aws, "production-pr1").len(), 34);
}

#[test]
fn up_after_half_a_down_makes_what_is_missing() {
    let aws = LocalAws::start();
    up(&aws, "pr1").ok();
    let half = "grep -e '\"type\":\"env\"' -e '\"type\":\"service\"' -e '\"type\":\"nat_gateway\"' -e '\"type\":\"elastic_ip\"' -e '\"type\":\"repo\"'";
    aws.pipe(&format!(
        "ls-env --env production-pr1 | {half} | rm-env --confirm production-pr1"
    ))
    .ok();
    assert!(tagged(&aws, "production-pr1").len() < 34);
    up(&aws, "pr1").ok();
    assert_eq!(tagged(&aws, "production-pr1").len(), 34);
    down(&aws, "pr1").ok();
    assert_eq!(tagged(&aws, "production-pr1"), []);
}

#[test]
fn only_web_reaches_api_and_only_port_80_is_open_to_the_internet() {
    let aws = LocalAws::start();
    let made = up(&aws, "pr1").ok();
    let vpc = made.record("vpc", "main")["id"].clone();
    let groups = aws.call(
        "ec2",
        "describe_security_groups",
        json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}),
    );
    let mut edges = BTreeSet::new();
    let name = |id: &str| {
        let record = made
            .records()
            .into_iter()
            .find(|record| record["type"] == "sg" && record["id"] == id);
        record.map_or(id.to_string(), |record| text(&record["name"]).to_string())
    };
    for group in list(&groups["SecurityGroups"]) {
        for (direction, field) in [("from", "IpPermissions"), ("to", "IpPermissionsEgress")] {
            for rule in list(&group[field]) {
                let ports = format!("{}-{}", rule["FromPort"], rule["ToPort"]);
                let peers = list(&rule["UserIdGroupPairs"])
                    .iter()
                    .map(|pair| name(text(&pair["GroupId"])));
                let ranges = list(&rule["IpRanges"])
                    .iter()
                    .map(|range| text(&range["CidrIp"]).to_string());
                for peer in peers.chain(ranges) {
                    edges.insert(format!(
                        "{} {direction} {peer} {} {ports}",
                        name(text(&group["GroupId"])),
                        text(&rule["IpProtocol"])
                    ));
                }
            }
        }
    }
    let exact = [
        "alb/web from 0.0.0.0/0 tcp 80-80",
        "alb/web to task/web tcp 5000-5000",
        "task/web from alb/web tcp 5000-5000",
        "task/web to 0.0.0.0/0 tcp 443-443",
        "task/web to alb/api tcp 80-80",
        "alb/api from task/web tcp 80-80",
        "alb/api to task/api tcp 5000-5000",
        "task/api from alb/api tcp 5000-5000",
        "task/api to 0.0.0.0/0 tcp 443-443",
    ];
    assert_eq!(edges, exact.map(String::from).into());
    // api has no public address and stands in private subnets, behind an internal load balancer.
    for app in ["web", "api"] {
        let service = made.record("service", app);
        let answer = aws.call(
            "ecs",
            "describe_services",
            json!({"cluster": service["cluster"], "services": [service["arn"]]}),
        );
        let network = &answer["services"][0]["networkConfiguration"]["awsvpcConfiguration"];
        assert_eq!(network["assignPublicIp"], "DISABLED");
        assert_eq!(
            network["subnets"],
            made.record("vpc", "main")["private_subnets"]
        );
    }
    let tables = aws.call(
        "ec2",
        "describe_route_tables",
        json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]}),
    );
    for subnet in list(&made.record("vpc", "main")["private_subnets"]) {
        let uses = |table: &&Value| {
            list(&table["Associations"])
                .iter()
                .any(|association| association["SubnetId"] == *subnet)
        };
        let table = list(&tables["RouteTables"]).iter().find(uses).unwrap();
        let inward = list(&table["Routes"])
            .iter()
            .any(|route| text(&route["GatewayId"]).starts_with("igw-"));
        assert!(!inward, "{subnet} is reached from the internet: {table}");
    }
}

#[test]
fn every_call_that_a_tool_makes_is_in_its_policy() {
    let aws = LocalAws::start();
    up(&aws, "pr1").ok();
    up(&aws, "pr1").ok();
    down(&aws, "pr1").ok();
    let made: BTreeSet<(String, String)> = aws
        .calls()
        .iter()
        .map(|call| {
            (
                text(&call["tool"]).to_string(),
                format!("{}:{}", text(&call["service"]), text(&call["action"])),
            )
        })
        .collect();
    let tools: BTreeSet<&String> = made.iter().map(|(tool, _)| tool).collect();
    assert_eq!(tools.len(), 11, "{tools:?}"); // all but mk-app
    for tool in tools {
        let policy: Value =
            serde_json::from_str(&support::tool(tool, &["--iam-policy"], "").ok().stdout).unwrap();
        let actions =
            list(&policy["Statement"])
                .iter()
                .flat_map(|statement| match &statement["Action"] {
                    Value::Array(actions) => actions.clone(),
                    one => vec![one.clone()],
                });
        let allowed: BTreeSet<String> = actions.map(|action| text(&action).to_string()).collect();
        let missing: Vec<_> = made
            .iter()
            .filter(|(by, action)| by == tool && !allowed.contains(action))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

#[test]
fn twenty_apps_are_a_file() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let mut apps = format!("{}\n", support::ENV);
    for n in 0..20 {
        let calls = if n > 0 {
            format!(",\"calls\":[\"app{}\"]", n - 1)
        } else {
            String::new()
        };
        apps += &format!(
            "{{\"type\":\"app\",\"name\":\"app{n}\",\"image\":\"registry.example/app:1\"{calls}}}\n"
        );
    }
    let pipe = "mk-vpc | mk-sg --private-api | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc | wait-env";
    let made = aws.pipe_with(pipe, &apps).ok();
    assert_eq!(
        made.records()
            .iter()
            .filter(|record| record["type"] == "service")
            .count(),
        20
    );
    aws.forget();
    aws.pipe_with(pipe, &apps).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    down(&aws, "pr1").ok();
    assert_eq!(tagged(&aws, "production-pr1"), []);
}
