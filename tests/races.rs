//! Runs at once, of real processes: eight of `up` end with one environment, and `up` against `down`
//! ends in one of the two after one more run. And, without the luck that a race needs, what decides
//! one: which VPC stays, whose NAT gateway, which revision.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use support::{Account, Faults, LocalAws, Output, Value, json, list, recipe, text};

const REGION: &str = "ap-southeast-1"; // that of the pipeline's recipes
const MAKE_VPC: &str = "mk-env production pr1 | mk-vpc";
const PRUNE: &str = "prune-env --confirm production-pr1";
const ENVIRONMENT: &[(&str, usize)] = &[
    ("vpc", 1),
    ("subnet", 4),
    ("route table", 3),
    ("internet gateway", 1),
    ("attachment", 1),
    ("address", 2),
    ("nat gateway", 2),
    ("security group", 4),
    ("security group rule", 9),
    ("load balancer", 2),
    ("target group", 2),
    ("listener", 2),
    ("repository", 2),
    ("role", 2),
    ("role policy", 2),
    ("log group", 2),
    ("cluster", 1),
    ("service", 2),
    ("task definition", 2),
];
const PIPELINE: &[(&str, usize)] = &[
    ("repository", 1),
    ("role", 4),
    ("role policy", 4),
    ("log group", 2),
    ("connection", 1),
    ("bucket", 1),
    ("build project", 1),
    ("function", 1),
    ("pipeline", 1),
    ("rule", 1),
];

/// What comes and goes while services and pipelines run.
const OF_RUNS: [&str; 3] = ["network interface", "build", "image"];

type Counts = BTreeMap<&'static str, usize>;

/// How many of each kind are in an account and region, whoever made them.
fn counts(aws: &LocalAws, region: &str) -> Counts {
    let mut counts = Counts::new();
    for resource in Account::new(aws, region).made() {
        if OF_RUNS.contains(&resource.kind) {
            continue;
        }
        *counts.entry(resource.kind).or_default() += 1;
        let item = &resource.item;
        match resource.kind {
            "internet gateway" => {
                *counts.entry("attachment").or_default() += list(&item["Attachments"]).len();
            }
            "security group" => {
                let rules = rules(&item["IpPermissions"]) + rules(&item["IpPermissionsEgress"]);
                *counts.entry("security group rule").or_default() += rules;
            }
            _ => {}
        }
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// Rules as AWS counts them: each peer of a permission is one.
fn rules(permissions: &Value) -> usize {
    let mut rules = 0;
    for permission in list(permissions) {
        for field in ["IpRanges", "UserIdGroupPairs"] {
            rules += list(&permission[field]).len();
        }
    }
    rules
}

fn exactly(wanted: &[(&'static str, usize)]) -> Counts {
    wanted.iter().copied().collect()
}

/// What mk-vpc makes.
fn network() -> Counts {
    let mut network = exactly(ENVIRONMENT);
    network.retain(|kind, _| {
        let of_network = [
            "vpc",
            "subnet",
            "route table",
            "internet gateway",
            "attachment",
            "address",
            "nat gateway",
        ];
        of_network.contains(kind)
    });
    network
}

/// Runs pipes at once, each after its delay in milliseconds.
fn at_once(aws: &LocalAws, pipes: &[(u64, &str)]) -> Vec<Output> {
    thread::scope(|scope| {
        let run = |&(delay, pipe): &(u64, &'_ str)| {
            let pipe = pipe.to_string();
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(delay));
                aws.pipe(&pipe)
            })
        };
        let running: Vec<_> = pipes.iter().map(run).collect();
        running.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

/// Eight at once end well with one of everything; another changes nothing, and one `down` ends it.
fn eight_make_one(
    aws: &LocalAws,
    region: &str,
    up: &str,
    down: &str,
    wanted: &[(&'static str, usize)],
) {
    let eight = [(0, up); 8];
    for run in at_once(aws, &eight) {
        run.ok();
    }
    assert_eq!(counts(aws, region), exactly(wanted));
    aws.forget();
    aws.pipe(up).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    aws.pipe(down).ok();
    assert_eq!(counts(aws, region), Counts::new());
}

/// `up` against `down`, which begins so much later (or earlier) in milliseconds: whatever they come
/// to, one more `up` makes it whole, or one more `down` leaves nothing.
fn one_of_two(
    aws: &LocalAws,
    region: &str,
    up: &str,
    down: &str,
    wanted: &[(&'static str, usize)],
    later: i64,
) {
    let delays = (
        u64::try_from(-later).unwrap_or(0),
        u64::try_from(later).unwrap_or(0),
    );
    // What `up` made after it looked holds the groups that `down` deletes, which waits for them to go; and
    // `up` may wait for what is gone to be there, or healthy.
    let hasty = |pipe: &str| {
        let in_a_minute =
            |pipe: String, tool: &&str| pipe.replace(tool, &format!("{tool} --timeout 1"));
        ["rm-env", "mk-fn", "wait-env"]
            .iter()
            .fold(pipe.to_string(), in_a_minute)
    };
    let (hasty_up, hasty_down) = (hasty(up), hasty(down));
    for last in [up, down] {
        for run in at_once(aws, &[(delays.0, &hasty_up), (delays.1, &hasty_down)]) {
            assert!(
                matches!(run.code, 0 | 1 | 3 | 75),
                "{}: {}",
                run.code,
                run.stderr
            );
        }
        if last == up && up.contains("mk-connection") {
            aws.connect(region); // the handshake may have gone with the connection
        }
        aws.pipe(last).ok();
        let wanted = if last == up {
            exactly(wanted)
        } else {
            Counts::new()
        };
        assert_eq!(counts(aws, region), wanted, "{later} ms");
    }
}

#[test]
fn eight_ups_at_once_make_one_environment() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--latency", "20"]);
    eight_make_one(
        &aws,
        "us-east-1",
        &recipe(&["up"], "pr1"),
        &recipe(&["down"], "pr1"),
        ENVIRONMENT,
    );
}

#[test]
fn eight_new_images_at_once_are_one_revision_and_one_deployment() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--latency", "20"]);
    let up = recipe(&["up"], "pr1");
    aws.pipe(&up).ok();
    let newer = up.replace("registry.example/web:1", "registry.example/web:2");
    for run in at_once(&aws, &[(0, newer.as_str()); 8]) {
        run.ok();
    }
    let revisions = aws.call(
        "ecs",
        "list_task_definitions",
        json!({"familyPrefix": "task-web-production-pr1"}),
    );
    assert_eq!(
        revisions["taskDefinitionArns"].as_array().unwrap().len(),
        2,
        "{revisions}"
    ); // the old and the new
    aws.forget();
    aws.pipe(&newer).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn eight_pipelines_at_once_are_one() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--latency", "20"]);
    let connection = format!("mk-env production pr1 --region {REGION} | mk-connection");
    for run in at_once(&aws, &[(0, connection.as_str()); 8]) {
        run.ok();
    }
    assert_eq!(counts(&aws, REGION), exactly(&[("connection", 1)]));
    aws.connect(REGION);
    eight_make_one(
        &aws,
        REGION,
        &recipe(&["pipeline-up"], "pr1"),
        &recipe(&["pipeline-down"], "pr1"),
        PIPELINE,
    );
}

#[test]
fn up_against_down_ends_in_one_of_the_two() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--latency", "10"]);
    for later in [0, 300] {
        one_of_two(
            &aws,
            "us-east-1",
            &recipe(&["up"], "pr1"),
            &recipe(&["down"], "pr1"),
            ENVIRONMENT,
            later,
        );
    }
}

#[test]
fn pipeline_up_against_down_ends_in_one_of_the_two() {
    let aws = LocalAws::start_with(&["--moment", "0.1", "--latency", "10"]);
    aws.connect(REGION);
    let (up, down) = (
        recipe(&["pipeline-up"], "pr1"),
        recipe(&["pipeline-down"], "pr1"),
    );
    aws.pipe(&up).ok(); // a new role that goes at once is waited for, as one that IAM does not know yet
    one_of_two(&aws, REGION, &up, &down, PIPELINE, 300);
}

#[test]
fn a_service_whose_task_definition_another_run_deleted_goes_like_any_other() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let (up, down) = (recipe(&["up"], "pr1"), recipe(&["down"], "pr1"));
    for last in [&up, &down] {
        let definition = aws.pipe(&up).ok().record("task_definition", "web")["arn"].clone();
        aws.call(
            "ecs",
            "deregister_task_definition",
            json!({"taskDefinition": definition}),
        );
        aws.call(
            "ecs",
            "delete_task_definitions",
            json!({"taskDefinitions": [definition]}),
        );
        aws.pipe(last).ok();
        let wanted = if last == &up {
            exactly(ENVIRONMENT)
        } else {
            Counts::new()
        };
        assert_eq!(counts(&aws, "us-east-1"), wanted);
    }
}

fn tagged(name: &str, made: &str) -> Value {
    let tags = [
        ("Name", name),
        ("plumbline:env", "production-pr1"),
        ("plumbline:made", made),
    ];
    json!(tags.map(|(key, value)| json!({"Key": key, "Value": value})))
}

/// A VPC that another run made, before any other.
fn earlier_vpc(aws: &LocalAws) -> Value {
    let tags = json!([{"ResourceType": "vpc", "Tags": tagged("vpc-production-pr1", "1")}]);
    aws.call(
        "ec2",
        "create_vpc",
        json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": tags}),
    )["Vpc"]["VpcId"]
        .clone()
}

/// That a run names something that it found and does not use, and leaves it.
fn assert_told(output: &Output, kind: &str, id: &Value) {
    let line = format!(
        "mk-vpc: {kind} {} is tagged as this environment's, and nothing needs it: it stays until it is pruned\n",
        text(id)
    );
    assert_eq!(output.stderr.matches(&line).count(), 1, "{}", output.stderr);
}

#[test]
fn of_two_vpcs_the_one_in_use_is_used_whoever_made_one_first() {
    let aws = LocalAws::start();
    let used = aws.pipe(MAKE_VPC).ok().record("vpc", "main")["id"].clone();
    let earlier = earlier_vpc(&aws);
    aws.forget();
    let again = aws.pipe(MAKE_VPC).ok();
    assert_eq!(again.record("vpc", "main")["id"], used);
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_told(&again, "vpc", &earlier);
    aws.pipe(&format!("{MAKE_VPC} | {PRUNE}")).ok();
    assert_eq!(counts(&aws, "us-east-1")["vpc"], 1);
}

/// Runs `up` as if it had looked before the others were there.
fn run_that_finds_nothing_at_first(aws: &LocalAws, call: &str, set: &str) -> Output {
    let faults = Faults::between(aws);
    faults.rules(json!([{"do": "rewrite", "of": call, "nth": 1, "match": format!("(?s)<{set}>.*</{set}>"), "by": format!("<{set}/>")}]));
    let output = faults.pipe(MAKE_VPC).ok();
    assert_eq!(faults.told()["done"].as_array().unwrap().len(), 1);
    output
}

/// The IDs of what a run deleted, by type.
fn deleted(output: &Output, kind: &str) -> Vec<Value> {
    let mut records = output.records();
    records.retain(|record| record["type"] == kind && record["change"] == "deleted");
    records.iter().map(|record| record["id"].clone()).collect()
}

#[test]
fn a_run_deletes_the_vpc_that_it_made_where_another_is_used() {
    let aws = LocalAws::start();
    let earlier = earlier_vpc(&aws);
    for _ in 0..2 {
        // The first time the other one is empty and was made before, the second time it is in use.
        let made = run_that_finds_nothing_at_first(&aws, "ec2:DescribeVpcs", "vpcSet");
        assert_eq!(made.record("vpc", "main")["id"], earlier);
        assert_eq!(deleted(&made, "vpc").len(), 1, "{}", made.stdout);
        assert_eq!(
            made.stderr.matches("deleted vpc").count(),
            1,
            "{}",
            made.stderr
        );
        assert_eq!(counts(&aws, "us-east-1"), network());
    }
}

#[test]
fn a_run_deletes_the_gateway_that_it_made_where_another_is_attached() {
    let aws = LocalAws::start();
    let first = aws.pipe(MAKE_VPC).ok();
    let call = "ec2:DescribeInternetGateways";
    let again = run_that_finds_nothing_at_first(&aws, call, "internetGatewaySet");
    assert_eq!(
        again.record("internet_gateway", "main")["id"],
        first.record("internet_gateway", "main")["id"]
    );
    assert_eq!(
        deleted(&again, "internet_gateway").len(),
        1,
        "{}",
        again.stdout
    );
    assert_eq!(counts(&aws, "us-east-1"), network());
}

#[test]
fn a_run_releases_the_addresses_that_it_made_where_others_are_used() {
    let aws = LocalAws::start();
    let first = aws.pipe(MAKE_VPC).ok();
    let again = run_that_finds_nothing_at_first(&aws, "ec2:DescribeAddresses", "addressesSet");
    assert_eq!(
        again.record("elastic_ip", "nat-a")["id"],
        first.record("elastic_ip", "nat-a")["id"]
    );
    assert_eq!(deleted(&again, "elastic_ip").len(), 2, "{}", again.stdout);
    assert_eq!(counts(&aws, "us-east-1"), network());
}

/// A run whose VPC was made first waits for those of others, which may not have seen it.
#[test]
fn while_another_runs_vpc_may_be_given_up_nothing_is_made() {
    let aws = LocalAws::start();
    let later = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let later = later.unwrap().as_micros() + 60_000_000;
    let tags =
        json!([{"ResourceType": "vpc", "Tags": tagged("vpc-production-pr1", &later.to_string())}]);
    let other = json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": tags});
    let other = aws.call("ec2", "create_vpc", other)["Vpc"]["VpcId"].clone();
    let made = thread::scope(|scope| {
        let run =
            scope.spawn(|| run_that_finds_nothing_at_first(&aws, "ec2:DescribeVpcs", "vpcSet"));
        // It has a VPC of its own, and goes on only when the other one is gone.
        while aws.changes().iter().all(|change| change != "ec2:CreateVpc") {
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_secs(1));
        assert!(!aws.changes().contains(&"ec2:CreateSubnet".to_string()));
        aws.call("ec2", "delete_vpc", json!({"VpcId": other}));
        run.join().unwrap()
    });
    assert_ne!(made.record("vpc", "main")["id"], other);
    assert_eq!(deleted(&made, "vpc"), Vec::<Value>::new());
    assert_eq!(counts(&aws, "us-east-1"), network());
}

#[test]
fn of_two_vpcs_that_nobody_uses_the_first_made_is_used() {
    let aws = LocalAws::start();
    let later = json!([{"ResourceType": "vpc", "Tags": tagged("vpc-production-pr1", "2")}]);
    let later = aws.call(
        "ec2",
        "create_vpc",
        json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": later}),
    )["Vpc"]["VpcId"]
        .clone();
    let earlier = earlier_vpc(&aws);
    let made = aws.pipe(MAKE_VPC).ok();
    assert_eq!(made.record("vpc", "main")["id"], earlier);
    assert_told(&made, "vpc", &later);
    aws.pipe(&format!("{MAKE_VPC} | {PRUNE}")).ok();
    assert_eq!(counts(&aws, "us-east-1"), network());
}

#[test]
fn a_nat_gateway_keeps_its_address_whichever_was_made_first() {
    let aws = LocalAws::start();
    let made = aws.pipe(MAKE_VPC).ok();
    let (nat, address) = (
        made.record("nat_gateway", "a"),
        made.record("elastic_ip", "nat-a"),
    );
    let tags =
        json!([{"ResourceType": "elastic-ip", "Tags": tagged("eip-nat-a-production-pr1", "1")}]);
    let other = aws.call(
        "ec2",
        "allocate_address",
        json!({"Domain": "vpc", "TagSpecifications": tags}),
    )["AllocationId"]
        .clone();
    aws.forget();
    let again = aws.pipe(MAKE_VPC).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_told(&again, "elastic ip", &other);
    assert_eq!(again.record("nat_gateway", "a")["id"], nat["id"]);
    assert_eq!(again.record("elastic_ip", "nat-a")["id"], address["id"]);
    aws.pipe(&format!("{MAKE_VPC} | {PRUNE}")).ok();
    assert_eq!(counts(&aws, "us-east-1"), network());
}
