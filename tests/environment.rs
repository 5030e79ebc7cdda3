//! The recipes end to end: what a user has after `just up` and after `just down`.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeSet;

use support::{
    Account, LocalAws, Output, Value, depth, json, list, policies_allow_what_was_called, recipe,
    replaced, text, tools_of, without_polls,
};

/// How many things of an environment have its tags.
const TAGGED: usize = 34 + 4;

fn up(aws: &LocalAws, suffix: &str) -> Output {
    aws.pipe(&recipe(&["up"], suffix))
}

fn down(aws: &LocalAws, suffix: &str) -> Output {
    aws.pipe(&recipe(&["down"], suffix))
}

/// The names of all that carries an environment's identity, each with its tags.
fn tagged(aws: &LocalAws, env: &str) -> Vec<(String, Value)> {
    let found = Account::new(aws, "us-east-1").of_environment(env);
    let found = found.iter().map(|one| (one.name(), one.tags()));
    found.collect()
}

/// All that anybody made in the account.
fn left(aws: &LocalAws) -> Vec<String> {
    Account::new(aws, "us-east-1").left()
}

#[test]
fn up_builds_both_services_tags_all_and_ends_with_the_address() {
    let aws = LocalAws::start();
    let made = up(&aws, "pr1").ok();
    let calls = without_polls(&aws.calls()).len();
    assert!(calls <= 118, "{calls} calls");

    let dns = made.record("alb", "web")["dns"].clone();
    let last = format!("wait-env: web: http://{}/", text(&dns));
    assert_eq!(made.stderr.lines().last(), Some(last.as_str()));
    both_services_have_each_kind(&made);
    web_is_told_where_api_is(&aws, &made);
    all_is_tagged(&tagged(&aws, "production-pr1"));
}

fn both_services_have_each_kind(made: &Output) {
    for kind in [
        "repo",
        "service",
        "alb",
        "log_group",
        "task_definition",
        "listener",
    ] {
        let mut names = BTreeSet::new();
        for record in made.records() {
            if record["type"] == kind {
                names.insert(text(&record["name"]).to_string());
            }
        }
        let both = BTreeSet::from(["api".to_string(), "web".to_string()]);
        assert_eq!(names, both, "{kind}");
    }
    let web = made.record("alb", "web")["scheme"].clone();
    let api = made.record("alb", "api")["scheme"].clone();
    assert_eq!((text(&web), text(&api)), ("internet-facing", "internal"));
}

/// web is told where api is, and each what it listens on.
fn web_is_told_where_api_is(aws: &LocalAws, made: &Output) {
    let urls = ("ASPNETCORE_URLS", "http://+:5000");
    let dns = made.record("alb", "api")["dns"].clone();
    let api = format!("http://{}/WeatherForecast", text(&dns));
    assert_eq!(
        environment_of(aws, made, "web"),
        pairs(&[urls, ("ApiAddress", api.as_str())])
    );
    assert_eq!(environment_of(aws, made, "api"), pairs(&[urls]));
}

/// The variables of an app's container, in their order.
fn environment_of(aws: &LocalAws, made: &Output, app: &str) -> Vec<(String, String)> {
    let arn = made.record("task_definition", app)["arn"].clone();
    let definition = json!({"taskDefinition": arn});
    let answer = aws.call("ecs", "describe_task_definition", definition);
    let container = &answer["taskDefinition"]["containerDefinitions"][0];
    let variables = list(&container["environment"]).iter();
    let variables = variables.map(|one| (text(&one["name"]), text(&one["value"])));
    pairs(&variables.collect::<Vec<_>>())
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

fn all_is_tagged(all: &[(String, Value)]) {
    for (what, tags) in all {
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
    // 2 repositories, 2 roles, 2 log groups, 1 cluster, 2 services, 2 task definitions; and the
    // interfaces of 4 tasks, which get the tags of their service
    let what: Vec<&String> = all.iter().map(|(what, _)| what).collect();
    assert_eq!(all.len(), TAGGED, "{what:?}");
}

#[test]
fn what_up_makes_is_of_kinds_that_the_tests_look_for() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    up(&aws, "pr1").ok();
    let changes = aws.changes();
    Account::new(&aws, "us-east-1").reads_what_was_made_by(&changes);
}

#[test]
fn a_second_up_changes_nothing_in_few_calls_and_little_depth() {
    let aws = LocalAws::start_with(&["--moment", "0", "--latency", "300"]);
    let first = up(&aws, "pr1").ok();
    aws.forget();
    let second = up(&aws, "pr1").ok();
    let calls = aws.calls();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert!(calls.len() <= 65, "{} calls", calls.len());
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
    assert_eq!(left(&aws), Vec::<String>::new());
    aws.forget();
    down(&aws, "pr1").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    up(&aws, "pr1").ok();
    assert_eq!(tagged(&aws, "production-pr1").len(), TAGGED);
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
    assert_eq!(tagged(&aws, "production-pr1").len(), TAGGED);
    down(&aws, "pr1").ok();
    assert_eq!(left(&aws), Vec::<String>::new());
}

#[test]
fn only_web_reaches_api_and_only_port_80_is_open_to_the_internet() {
    let aws = LocalAws::start();
    let made = up(&aws, "pr1").ok();
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
    assert_eq!(edges(&aws, &made), exact.map(String::from).into());
    // api has no public address and stands in private subnets, behind an internal load balancer.
    let private = made.record("vpc", "main")["private_subnets"].clone();
    for app in ["web", "api"] {
        let service = made.record("service", app);
        let services = json!({"cluster": service["cluster"], "services": [service["arn"]]});
        let answer = aws.call("ecs", "describe_services", services);
        let network = &answer["services"][0]["networkConfiguration"]["awsvpcConfiguration"];
        assert_eq!(network["assignPublicIp"], "DISABLED");
        assert_eq!(network["subnets"], private);
    }
    no_way_in_from_the_internet(&aws, &made, list(&private));
}

/// Who may talk to whom in a VPC, by the rules of all of its security groups.
fn edges(aws: &LocalAws, made: &Output) -> BTreeSet<String> {
    let groups = aws.call("ec2", "describe_security_groups", of_vpc(made));
    let mut edges = BTreeSet::new();
    for group in list(&groups["SecurityGroups"]) {
        let name = name_of(made, text(&group["GroupId"]));
        for (direction, field) in [("from", "IpPermissions"), ("to", "IpPermissionsEgress")] {
            for rule in list(&group[field]) {
                let protocol = text(&rule["IpProtocol"]);
                let ports = format!("{}-{}", rule["FromPort"], rule["ToPort"]);
                for peer in peers(made, rule) {
                    edges.insert(format!("{name} {direction} {peer} {protocol} {ports}"));
                }
            }
        }
    }
    edges
}

/// The groups and ranges that a rule names.
fn peers(made: &Output, rule: &Value) -> Vec<String> {
    let mut peers = Vec::new();
    for pair in list(&rule["UserIdGroupPairs"]) {
        peers.push(name_of(made, text(&pair["GroupId"])));
    }
    for range in list(&rule["IpRanges"]) {
        peers.push(text(&range["CidrIp"]).to_string());
    }
    peers
}

/// What we call a security group; its ID where we did not make it.
fn name_of(made: &Output, id: &str) -> String {
    let mut records = made.records().into_iter();
    let record = records.find(|record| record["type"] == "sg" && record["id"] == id);
    record.map_or(id.to_string(), |record| text(&record["name"]).to_string())
}

fn no_way_in_from_the_internet(aws: &LocalAws, made: &Output, subnets: &[Value]) {
    let tables = aws.call("ec2", "describe_route_tables", of_vpc(made));
    for subnet in subnets {
        let uses = |table: &&Value| {
            let mut associations = list(&table["Associations"]).iter();
            associations.any(|association| association["SubnetId"] == *subnet)
        };
        let table = list(&tables["RouteTables"]).iter().find(uses).unwrap();
        let mut routes = list(&table["Routes"]).iter();
        let inward = routes.any(|route| text(&route["GatewayId"]).starts_with("igw-"));
        assert!(!inward, "{subnet} is reached from the internet: {table}");
    }
}

fn of_vpc(made: &Output) -> Value {
    let vpc = made.record("vpc", "main")["id"].clone();
    json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]})
}

#[test]
fn every_call_that_a_tool_makes_is_in_its_policy() {
    let aws = LocalAws::start();
    up(&aws, "pr1").ok();
    up(&aws, "pr1").ok();
    // Another port, a third app whose tasks become more and fewer, and that dropped again.
    let jobs = "mk-app jobs --image registry.example/jobs:1 --scale 2..3";
    let more = replaced(
        &replaced(
            &recipe(&["up"], "pr1"),
            "mk-app api --port 5000",
            "mk-app api --port 6000",
        ),
        "| mk-vpc",
        &format!("| {jobs} | mk-vpc"),
    );
    aws.pipe(&more).ok();
    aws.pipe(&recipe(&["prune"], "pr1")).ok();
    down(&aws, "pr1").ok();
    let mut tools = tools_of(&recipe(&["up"], "pr1"));
    tools.extend(tools_of(&recipe(&["down"], "pr1")));
    for quiet in ["mk-app", "push-image"] {
        assert!(tools.remove(quiet), "{quiet} has something to call"); // no image is built here
    }
    policies_allow_what_was_called(&aws, &tools);
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
    assert_eq!(left(&aws), Vec::<String>::new());
}
