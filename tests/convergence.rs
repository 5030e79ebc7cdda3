//! Killed anywhere, a run is completed by the next; whatever AWS does to the calls, an environment
//! ends as one that was made undisturbed, and its removal leaves nothing.
//!
//! By default a sample of the places where a run can be hit is tried; with TORTURE=all each of them.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::{BTreeMap, BTreeSet};

use support::{Faults, LocalAws, Output, Value, json, recipe, text};

/// A pair of recipes, and where what they make is.
struct Recipes {
    region: &'static str,
    up: String,
    down: String,
    /// Whether a person has to finish a connection first.
    connected: bool,
}

fn environment() -> Recipes {
    Recipes {
        region: "us-east-1",
        up: recipe(&["up"], "pr1"),
        down: recipe(&["down"], "pr1"),
        connected: false,
    }
}

fn pipeline() -> Recipes {
    Recipes {
        region: "ap-southeast-1",
        up: recipe(&["pipeline-up"], "pr1"),
        down: recipe(&["pipeline-down"], "pr1"),
        connected: true,
    }
}

/// A kill meets a change before or after it is done.
const WHEN: [&str; 2] = ["before", "after"];

/// A local AWS with faults before it, and how everything looks where there are none.
struct Torture {
    aws: LocalAws,
    faults: Faults,
    recipes: Recipes,
    /// The account before anything was made, and with everything made.
    empty: Vec<String>,
    whole: Vec<String>,
    /// How many changing calls it takes to make everything, and to delete it.
    ups: u64,
    downs: u64,
}

impl Torture {
    fn of(recipes: Recipes) -> Self {
        let aws = LocalAws::start();
        let faults = Faults::between(&aws);
        let empty = account(&aws, recipes.region);
        let mut torture = Torture {
            aws,
            faults,
            recipes,
            empty,
            whole: Vec::new(),
            ups: 0,
            downs: 0,
        };
        torture.connect();
        torture.faults.end();
        torture.up().ok();
        torture.ups = torture.faults.changes();
        torture.whole = torture.account();
        torture.faults.end();
        torture.down().ok();
        torture.downs = torture.faults.changes();
        torture.is_empty("an undisturbed run");
        torture
    }

    fn connect(&self) {
        if self.recipes.connected {
            self.aws.connect(self.recipes.region);
        }
    }

    fn up(&self) -> Output {
        self.faults.pipe(&self.recipes.up)
    }

    fn down(&self) -> Output {
        self.faults.pipe(&self.recipes.down)
    }

    fn account(&self) -> Vec<String> {
        account(&self.aws, self.recipes.region)
    }

    /// After `what`, everything is as an undisturbed run makes it, and stays.
    fn is_whole(&self, what: &str) {
        same(&self.account(), &self.whole, what);
        self.faults.end();
        let again = self.up();
        assert_eq!(again.code, 0, "{what}, and once more: {}", again.stderr);
        let told = self.faults.told();
        let changes = list(&told["seen"])
            .iter()
            .filter(|call| call["changing"] == true);
        assert_eq!(
            changes.collect::<Vec<_>>(),
            Vec::<&Value>::new(),
            "{what}, and once more"
        );
    }

    /// After `what`, nothing is left.
    fn is_empty(&self, what: &str) {
        same(&self.account(), &self.empty, what);
        let inactive = json!({"status": "INACTIVE"});
        let (aws, region) = (&self.aws, self.recipes.region);
        let left = aws.call_in(region, "ecs", "list_task_definitions", inactive);
        assert_eq!(left["taskDefinitionArns"], json!([]), "{what}");
        let listed = self
            .aws
            .pipe(
                &self
                    .recipes
                    .down
                    .split("|")
                    .next()
                    .unwrap()
                    .replace(" \\", ""),
            )
            .ok();
        let types: Vec<Value> = listed
            .records()
            .iter()
            .map(|record| record["type"].clone())
            .collect();
        assert_eq!(types, ["env"], "{what}");
    }

    /// Killed at the nth change of each, `up` and `down` are completed by another.
    fn killed_at(&self, up: u64, down: u64, when: &str) {
        self.connect();
        let what = format!("up, killed {when} change {up} of {}, and up", self.ups);
        self.faults.kill_at(up, when);
        let first = self.up();
        assert_eq!(
            first.code,
            if self.was_hit(up) { -1 } else { 0 },
            "{what}: {}",
            first.stderr
        );
        self.faults.end();
        let second = self.up();
        assert_eq!(second.code, 0, "{what}: {}", second.stderr);
        self.is_whole(&what);

        let what = format!(
            "down, killed {when} change {down} of {}, and down",
            self.downs
        );
        self.faults.kill_at(down, when);
        let first = self.down();
        assert_eq!(
            first.code,
            if self.was_hit(down) { -1 } else { 0 },
            "{what}: {}",
            first.stderr
        );
        self.faults.end();
        let second = self.down();
        assert_eq!(second.code, 0, "{what}: {}", second.stderr);
        self.is_empty(&what);
    }

    /// Where the answer to one change is lost, the run finds out what became of it.
    fn without_answer_to(&self, up: u64, down: u64) {
        self.connect();
        self.faults.cut_at(up, "after");
        let first = self.up();
        self.was_hit(up);
        let call = text(&self.faults.told()["done"][0]["call"]).to_string();
        let what = format!(
            "up, without an answer to change {up} of {}, {call}",
            self.ups
        );
        assert_eq!(first.code, 0, "{what}: {}", first.stderr);
        self.is_whole(&what);

        self.faults.cut_at(down, "after");
        let first = self.down();
        self.was_hit(down);
        let call = text(&self.faults.told()["done"][0]["call"]).to_string();
        let what = format!(
            "down, without an answer to change {down} of {}, {call}",
            self.downs
        );
        assert_eq!(first.code, 0, "{what}: {}", first.stderr);
        self.is_empty(&what);
    }

    /// Whether the nth change met its fault: a run may need fewer, as what is refused until a new
    /// role is known is asked again.
    fn was_hit(&self, nth: u64) -> bool {
        let told = self.faults.told();
        let hit = list(&told["done"]).len() == 1;
        assert!(
            hit || told["changing"].as_u64() < Some(nth),
            "nothing met change {nth}: {told}"
        );
        hit
    }

    /// Of how many days the noise is.
    fn seeds(&self) -> std::ops::RangeInclusive<u64> {
        1..=if everything() { 10 } else { 1 }
    }

    /// Pairs of changes to hit, of `up` and of `down`, spread over all of them.
    fn places(&self, sample: u64) -> Vec<(u64, u64)> {
        let all = self.ups.max(self.downs);
        let number = if everything() { all } else { sample };
        let place = |of: u64, n: u64| {
            if number == of {
                n + 1
            } else {
                1 + n * (of - 1) / (number - 1)
            }
        };
        (0..number)
            .map(|n| (place(self.ups, n), place(self.downs, n)))
            .collect()
    }
}

/// Whether all is to be tried, and not a sample of it.
fn everything() -> bool {
    std::env::var("TORTURE").is_ok_and(|which| which == "all")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Panics with what is there too much and what is missing, each from where it begins to differ.
fn same(is: &[String], wanted: &[String], what: &str) {
    let mut counts: BTreeMap<&String, i32> = BTreeMap::new();
    is.iter()
        .for_each(|line| *counts.entry(line).or_default() += 1);
    wanted
        .iter()
        .for_each(|line| *counts.entry(line).or_default() -= 1);
    counts.retain(|_, count| *count != 0);
    let common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let differences = counts.iter().map(|(line, count)| {
        let others = counts
            .iter()
            .filter(|(_, other)| count.signum() != other.signum());
        let from = others
            .map(|(other, _)| common(line, other))
            .max()
            .unwrap_or_default();
        let begin: String = line.chars().take(120).collect();
        let rest: String = line
            .chars()
            .skip(from.saturating_sub(60).max(120))
            .take(200)
            .collect();
        format!("{count:+} {begin} … {rest}")
    });
    let differences: Vec<String> = differences.collect();
    assert!(
        differences.is_empty(),
        "after {what}, too much (+) and missing (-):\n{}",
        differences.join("\n")
    );
}

/// Everything in an account and region, whoever made it: a line for each resource, which says all
/// that AWS tells of it but for what differs between two of the same (IDs, times, addresses).
fn account(aws: &LocalAws, region: &str) -> Vec<String> {
    let ask = |service: &str, operation: &str, params: Value| {
        aws.call_in(region, service, operation, params)
    };
    let mut found: Vec<String> = Vec::new();
    for (service, operation, items) in [
        ("ec2", "describe_vpcs", "Vpcs"),
        ("ec2", "describe_subnets", "Subnets"),
        ("ec2", "describe_route_tables", "RouteTables"),
        ("ec2", "describe_internet_gateways", "InternetGateways"),
        ("ec2", "describe_addresses", "Addresses"),
        ("ec2", "describe_nat_gateways", "NatGateways"),
        ("ec2", "describe_security_groups", "SecurityGroups"),
        ("ec2", "describe_network_interfaces", "NetworkInterfaces"),
        ("elbv2", "describe_load_balancers", "LoadBalancers"),
        ("elbv2", "describe_target_groups", "TargetGroups"),
        ("ecr", "describe_repositories", "repositories"),
        ("iam", "list_roles", "Roles"),
        ("logs", "describe_log_groups", "logGroups"),
        ("ecs", "list_clusters", "clusterArns"),
        ("ecs", "list_task_definitions", "taskDefinitionArns"),
        ("codepipeline", "list_pipelines", "pipelines"),
        ("codeconnections", "list_connections", "Connections"),
        ("codebuild", "list_projects", "projects"),
        ("codebuild", "list_builds", "ids"),
        ("lambda", "list_functions", "Functions"),
        ("events", "list_rules", "Rules"),
        ("s3", "list_buckets", "Buckets"),
    ] {
        let params = if operation == "list_task_definitions" {
            json!({"status": "ACTIVE"})
        } else {
            json!({})
        };
        for item in list(&ask(service, operation, params)[items]) {
            if item["State"] == "deleted" {
                continue; // a NAT gateway is told of for an hour
            }
            let mut lines = vec![item.clone()];
            if items == "NetworkInterfaces" {
                let description = text(&item["Description"])
                    .rsplit_once(['/', ' '])
                    .map(|(whose, _)| whose);
                lines = vec![json!([description, item["Groups"], item["Status"]])];
            }
            let mut more =
                |operation: &str, params: Value| lines.push(ask(service, operation, params));
            match items {
                "Vpcs" => {
                    let params = json!({"VpcId": item["VpcId"], "Attribute": "enableDnsHostnames"});
                    more("describe_vpc_attribute", params);
                }
                "LoadBalancers" => {
                    let params = json!({"LoadBalancerArn": item["LoadBalancerArn"]});
                    more("describe_listeners", params.clone());
                    more("describe_load_balancer_attributes", params);
                    more(
                        "describe_tags",
                        json!({"ResourceArns": [item["LoadBalancerArn"]]}),
                    );
                }
                "TargetGroups" => {
                    more(
                        "describe_target_group_attributes",
                        json!({"TargetGroupArn": item["TargetGroupArn"]}),
                    );
                    more(
                        "describe_tags",
                        json!({"ResourceArns": [item["TargetGroupArn"]]}),
                    );
                }
                "repositories" => {
                    let params = json!({"repositoryName": item["repositoryName"]});
                    more("get_lifecycle_policy", params);
                    more(
                        "list_tags_for_resource",
                        json!({"resourceArn": item["repositoryArn"]}),
                    );
                }
                "Roles" => {
                    let params = json!({"RoleName": item["RoleName"]});
                    more("get_role", params.clone());
                    more("list_attached_role_policies", params.clone());
                    for policy in list(&ask("iam", "list_role_policies", params)["PolicyNames"]) {
                        more(
                            "get_role_policy",
                            json!({"RoleName": item["RoleName"], "PolicyName": policy}),
                        );
                    }
                }
                "logGroups" => {
                    let arn = text(&item["arn"]).trim_end_matches(":*").to_string();
                    more("list_tags_for_resource", json!({"resourceArn": arn}));
                }
                "clusterArns" => {
                    more(
                        "describe_clusters",
                        json!({"clusters": [item], "include": ["TAGS", "SETTINGS"]}),
                    );
                    for service in
                        list(&ask("ecs", "list_services", json!({"cluster": item}))["serviceArns"])
                    {
                        let params =
                            json!({"cluster": item, "services": [service], "include": ["TAGS"]});
                        more("describe_services", params);
                    }
                }
                "taskDefinitionArns" => {
                    more(
                        "describe_task_definition",
                        json!({"taskDefinition": item, "include": ["TAGS"]}),
                    );
                }
                "pipelines" => more("get_pipeline", json!({"name": item["name"]})),
                "projects" => more("batch_get_projects", json!({"names": [item]})),
                "Functions" => more("list_tags", json!({"Resource": item["FunctionArn"]})),
                "Rules" => more("list_targets_by_rule", json!({"Rule": item["Name"]})),
                "Buckets" => {
                    for operation in [
                        "get_bucket_tagging",
                        "get_bucket_versioning",
                        "get_bucket_policy",
                        "get_bucket_encryption",
                        "get_bucket_lifecycle_configuration",
                        "get_public_access_block",
                    ] {
                        more(operation, json!({"Bucket": item["Name"]}));
                    }
                }
                _ => {}
            }
            let line = lines
                .iter()
                .map(|line| plain(line).to_string())
                .collect::<Vec<_>>()
                .join(" ");
            found.push(format!("{items}: {line}"));
        }
    }
    found
}

/// A value without what differs between two of the same, and its fields and lists in one order.
fn plain(value: &Value) -> Value {
    const DIFFERENT: [&str; 15] = [
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
            let same = fields
                .iter()
                .filter(|(key, _)| !DIFFERENT.iter().any(|end| key.ends_with(end)));
            let same: BTreeMap<String, Value> = same
                .map(|(key, value)| (key.clone(), plain(value)))
                .collect();
            same.into_iter().collect()
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::String(string) => {
            let mut id = false;
            let words = string
                .split_inclusive(|c: char| !c.is_ascii_alphanumeric())
                .map(|word| {
                    id = is_id(word, if id { 4 } else { 8 }); // a UUID goes on in fours
                    if id { "#" } else { word }
                });
            let words: String = words.collect();
            match words.rsplit_once(':') {
                // Which revision of a task definition it is.
                Some((family, number)) if family.contains(":task-definition/") && number != "*" => {
                    family.into()
                }
                _ => words.into(),
            }
        }
        other => other.clone(),
    }
}

/// `0a1b2c3d4e5f60718`, and not `ap`, `production` or the account.
fn is_id(word: &str, least: usize) -> bool {
    let word = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    word.len() >= least && word.chars().all(|c| c.is_ascii_hexdigit()) && word != "123456789012"
}

/// Tries each place; one where something went wrong is no reason not to try the others.
fn at_all(recipes: fn() -> Recipes, sample: u64, attempt: impl Fn(&Torture, usize, (u64, u64))) {
    let mut torture = Torture::of(recipes());
    let mut failed = 0;
    for (n, place) in torture.places(sample).into_iter().enumerate() {
        let attempt = std::panic::AssertUnwindSafe(|| attempt(&torture, n, place));
        if std::panic::catch_unwind(attempt).is_err() {
            failed += 1;
            torture = Torture::of(recipes());
        }
    }
    assert_eq!(failed, 0, "places where it went wrong, as told above");
}

#[test]
fn an_environment_killed_anywhere_is_completed_and_removed_by_another_run() {
    at_all(environment, 6, |torture, n, (up, down)| {
        torture.killed_at(up, down, WHEN[n % 2])
    });
}

#[test]
fn an_environment_comes_and_goes_whichever_answer_is_lost() {
    at_all(environment, 6, |torture, _, (up, down)| {
        torture.without_answer_to(up, down)
    });
}

#[test]
fn a_pipeline_killed_anywhere_is_completed_and_removed_by_another_run() {
    at_all(pipeline, 6, |torture, n, (up, down)| {
        torture.killed_at(up, down, WHEN[n % 2])
    });
}

#[test]
fn a_pipeline_comes_and_goes_whichever_answer_is_lost() {
    at_all(pipeline, 6, |torture, _, (up, down)| {
        torture.without_answer_to(up, down)
    });
}

/// A bad day: 30 % of all calls are throttled, 5 % fail with 500, and 2 % end without an answer; of
/// those that fail or end, half have been done.
fn noise(seed: u64) -> Value {
    json!([
        {"do": "throttle", "share": 0.3, "seed": seed},
        {"do": "fail", "share": 0.025, "seed": seed},
        {"do": "fail", "share": 0.025, "seed": seed, "when": "after"},
        {"do": "cut", "share": 0.01, "seed": seed, "changing": false},
        {"do": "cut", "share": 0.01, "seed": seed, "changing": false, "when": "after"},
    ])
}

fn comes_and_goes_in_the_noise(recipes: Recipes) {
    let torture = Torture::of(recipes);
    let mut met = BTreeMap::<String, usize>::new();
    let mut meet = |told: Value| {
        list(&told["done"])
            .iter()
            .for_each(|one| *met.entry(text(&one["do"]).to_string()).or_default() += 1);
    };
    for seed in torture.seeds() {
        torture.connect();
        torture.faults.rules(noise(seed));
        let what = format!("up in the noise of seed {seed}");
        let up = torture.up();
        assert_eq!(up.code, 0, "{what}: {}", up.stderr);
        meet(torture.faults.told());
        torture.is_whole(&what);
        torture.faults.rules(noise(seed));
        let what = format!("down in the noise of seed {seed}");
        let down = torture.down();
        assert_eq!(down.code, 0, "{what}: {}", down.stderr);
        meet(torture.faults.told());
        torture.faults.end();
        torture.is_empty(&what);
    }
    for (fault, least) in [("throttle", 40), ("fail", 4), ("cut", 1)] {
        let calls = met.get(fault).copied().unwrap_or_default();
        assert!(calls >= least, "{calls} calls met {fault}");
    }
}

#[test]
fn an_environment_comes_and_goes_in_the_noise() {
    comes_and_goes_in_the_noise(environment());
}

#[test]
fn a_pipeline_comes_and_goes_in_the_noise() {
    comes_and_goes_in_the_noise(pipeline());
}

#[test]
fn what_cannot_succeed_is_asked_once() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let Recipes { up, down, .. } = environment();
    for (call, code, message) in [
        (
            "ec2:CreateVpc",
            "InvalidParameterValue",
            "Value (10.0.0.0/16) for parameter cidrBlock is invalid.",
        ),
        (
            "iam:CreateRole",
            "AccessDenied",
            "User: x is not authorized to perform: iam:CreateRole",
        ),
        (
            "ecr:CreateRepository",
            "InvalidParameterException",
            "Invalid parameter at 'repositoryName'",
        ),
        (
            "ecs:CreateCluster",
            "ClientException",
            "The cluster name is invalid.",
        ),
        (
            "elasticloadbalancing:CreateTargetGroup",
            "ValidationError",
            "The port is invalid",
        ),
        (
            "ecs:CreateService",
            "AccessDeniedException",
            "not authorized to perform: ecs:CreateService",
        ),
    ] {
        faults.rules(json!([{"do": "refuse", "of": call, "code": code, "message": message}]));
        let made = faults.pipe(&up);
        // A tool further down that cannot go on has the last word.
        assert!(
            [1, 3].contains(&made.code),
            "{call} {code}: {}",
            made.stderr
        );
        let asked = list(&faults.told()["done"]).len();
        assert!(
            (1..=2).contains(&asked),
            "{call} {code} was asked {asked} times"
        ); // each app has its own
        let lines: Vec<&str> = made
            .stderr
            .lines()
            .filter(|line| line.contains(code))
            .collect();
        let [line] = lines[..] else {
            panic!("{call} {code}: {}", made.stderr)
        };
        assert!(
            line.contains(call) && line.contains(message.trim_end_matches('.')),
            "{line}"
        );
        faults.end();
        faults.pipe(&down).ok();
    }
}

#[test]
fn credentials_that_expire_end_a_run_with_one_line_and_others_complete_it() {
    let torture = Torture::of(environment());
    for from in [1, 60, 90] {
        torture
            .faults
            .rules(json!([{"do": "expire", "from": from}]));
        let first = torture.up();
        assert!(
            [1, 3].contains(&first.code),
            "{}: {}",
            first.code,
            first.stderr
        );
        let lines: Vec<&str> = first
            .stderr
            .lines()
            .filter(|line| line.contains(": cannot "))
            .collect();
        let [line] = lines[..] else {
            panic!("expired at call {from}: {}", first.stderr)
        };
        assert!(line.to_lowercase().contains("expired"), "{line}");
        assert!(
            first
                .stderr
                .contains("renew the credentials (aws sso login) and run the pipeline again")
        );
        // What was made until then is told, on stdout too.
        let records = first
            .records()
            .into_iter()
            .filter(|record| record["change"] == "created");
        let made: BTreeSet<String> = records
            .map(|record| format!("{} {}", text(&record["type"]), text(&record["name"])))
            .collect();
        assert_eq!(
            made.len(),
            first.stderr.matches(": created ").count(),
            "{made:?} {}",
            first.stderr
        );
        assert_eq!(made.is_empty(), from == 1, "{}", first.stderr);
        torture.faults.end();
        torture.up().ok();
        torture.is_whole(&format!("credentials that expired at call {from}"));
        torture.down().ok();
    }
}

/// What AWS has not heard of everywhere yet, or has not let go of: one rule each, for a second.
fn comes_and_goes_among_the_young(recipes: Recipes, rules: &[&str]) {
    let torture = Torture::of(recipes);
    for rule in rules {
        torture.connect();
        torture.faults.rules(json!([{"do": rule, "seconds": 1}]));
        let up = torture.up();
        assert_eq!(up.code, 0, "up, {rule}: {}", up.stderr);
        let met_by_up = list(&torture.faults.told()["done"]).len();
        torture.is_whole(&format!("up, {rule}"));
        torture.faults.rules(json!([{"do": rule, "seconds": 1}]));
        let down = torture.down();
        assert_eq!(down.code, 0, "down, {rule}: {}", down.stderr);
        assert!(
            met_by_up + list(&torture.faults.told()["done"]).len() > 0,
            "{rule}: nothing met it"
        );
        torture.faults.end();
        torture.is_empty(&format!("down, {rule}"));
    }
}

#[test]
fn an_environment_comes_and_goes_among_what_aws_has_not_heard_of() {
    comes_and_goes_among_the_young(
        environment(),
        &["not_found", "refuse_roles", "keep_interfaces"],
    );
}

#[test]
fn a_pipeline_comes_and_goes_among_what_aws_has_not_heard_of() {
    comes_and_goes_among_the_young(pipeline(), &["not_found", "refuse_roles"]);
}

#[test]
fn a_connection_that_nobody_was_told_of_is_found_again() {
    let aws = LocalAws::start();
    let faults = Faults::between(&aws);
    let before = account(&aws, "us-east-1");
    for fault in ["kill", "cut"] {
        faults.rules(json!([{"do": fault, "of": "codeconnections:CreateConnection", "nth": 1, "when": "after"}]));
        let first = faults.pipe("mk-env production pr1 | mk-connection");
        assert_eq!(
            first.code,
            if fault == "kill" { -1 } else { 0 },
            "{fault}: {}",
            first.stderr
        );
        faults.end();
        faults.pipe("mk-env production pr1 | mk-connection").ok();
        let found = aws.call("codeconnections", "list_connections", json!({}));
        assert_eq!(list(&found["Connections"]).len(), 1, "{fault}: {found}");
        faults
            .pipe("ls-env --env production-pr1 | rm-env --confirm production-pr1")
            .ok();
        same(&account(&aws, "us-east-1"), &before, fault);
    }
}
