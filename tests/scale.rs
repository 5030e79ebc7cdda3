//! Many apps in one environment, and many environments in one account.
//!
//! Nothing here asserts a time: how calls and memory grow is what a user would feel. TORTURE=all
//! takes a hundred apps, AWS's own token buckets, and a thousand environments.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::{Account, ENV, Faults, LocalAws, Value, clean, json, text};

const UP: &str =
    "mk-vpc | mk-sg --private-api | mk-alb | mk-ecr | mk-role | mk-logs | mk-ecs-svc | wait-env";
const DOWN: &str = "ls-env --env production-pr1 </dev/null | rm-env --confirm production-pr1";

/// The most that a tool may hold, in KiB: these are debug builds, of which half is their own code.
const MEMORY: u64 = 50 << 10;

fn all() -> bool {
    std::env::var("TORTURE").is_ok_and(|how| how == "all")
}

/// An environment and its apps, a tenth of them public: each of those calls up to four private ones,
/// and of the private ones every other calls the next.
fn stream(apps: usize) -> String {
    let (public, private) = (apps / 10, apps - apps / 10);
    let image = "\"image\":\"registry.example/app:1\"";
    let mut stream = format!("{ENV}\n");
    for web in 0..public {
        let called: Vec<String> = (0..4.min(private))
            .map(|n| format!("\"api{}\"", (9 * web + n) % private))
            .collect();
        let set = format!(
            "\"set\":{{\"API\":\"http://{{alb.api{}.dns}}/\"}}",
            9 * web % private
        );
        let calls = called.join(",");
        stream += &format!(
            "{{\"type\":\"app\",\"name\":\"web{web}\",\"public\":true,\"calls\":[{calls}],{set},{image}}}\n"
        );
    }
    for api in 0..private {
        let next = if api % 2 == 0 && api + 1 < private {
            format!("\"api{}\"", api + 1)
        } else {
            String::new()
        };
        stream += &format!(
            "{{\"type\":\"app\",\"name\":\"api{api}\",\"health\":\"/health\",\"calls\":[{next}],{image}}}\n"
        );
    }
    stream
}

/// Runs a pipe and answers the most that each of its tools held at once, in KiB.
fn measured(url: &str, pipe: &str, stdin: &str) -> BTreeMap<String, u64> {
    let mut command = clean(Command::new("bash"), url);
    command
        .args(["-euo", "pipefail", "-c", pipe])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let (parent, ended) = (child.id().to_string(), AtomicBool::new(false));
    let (output, peaks) = std::thread::scope(|scope| {
        scope.spawn(move || drop(input.write_all(stdin.as_bytes())));
        let watch = scope.spawn(|| {
            let mut peaks = BTreeMap::new();
            while !ended.load(Ordering::Relaxed) {
                peaks.extend(held(&parent)); // the kernel keeps the peak: the last reading has it
                std::thread::sleep(Duration::from_millis(20));
            }
            peaks
        });
        let output = child.wait_with_output().unwrap();
        ended.store(true, Ordering::Relaxed);
        (output, watch.join().unwrap())
    });
    assert!(
        output.status.success(),
        "{pipe}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    peaks
}

/// The peaks of a process's children, by what they run.
fn held(parent: &str) -> BTreeMap<String, u64> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let statuses =
        processes.filter_map(|process| std::fs::read_to_string(process.path().join("status")).ok());
    let field = |status: &str, name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1).map(String::from)
    };
    let children = statuses.filter(|status| field(status, "PPid:").as_deref() == Some(parent));
    let peaks = children.filter_map(|status| {
        Some((
            field(&status, "Name:")?,
            field(&status, "VmHWM:")?.parse().ok()?,
        ))
    });
    peaks.filter(|(name, _)| name != "bash").collect()
}

/// All that anybody made in the account.
fn left(aws: &LocalAws) -> Vec<String> {
    Account::new(aws, "us-east-1").left()
}

#[test]
fn many_apps_are_made_kept_and_deleted_with_calls_and_memory_in_proportion() {
    let many = if all() { 100 } else { 30 };
    let mut counted: Vec<[usize; 3]> = Vec::new();
    for apps in [10, 20, many] {
        let aws = LocalAws::start_with(&["--moment", "0"]);
        let stream = stream(apps);
        let mut counts = [0; 3];
        for (count, (pipe, stdin)) in
            counts
                .iter_mut()
                .zip([(UP, stream.as_str()), (UP, &stream), (DOWN, "")])
        {
            let fresh = left(&aws).is_empty();
            aws.forget();
            let peaks = measured(&aws.url, pipe, stdin);
            for (tool, peak) in &peaks {
                assert!(*peak < MEMORY, "{tool} held {peak} KiB with {apps} apps");
            }
            assert!(peaks.len() >= 2, "{peaks:?}");
            *count = aws.calls().len();
            if !fresh && pipe == UP {
                assert_eq!(aws.changes(), Vec::<String>::new());
            }
        }
        assert_eq!(left(&aws), Vec::<String>::new());
        counted.push(counts);
    }
    // A line through 10 and 20 apps foretells the many; looking again at what is not ready yet is
    // what differs between runs.
    for run in 0..3 {
        let [ten, twenty, most] = [0, 1, 2].map(|at| counted[at][run]);
        let foretold = twenty + (twenty - ten) * (many - 20) / 10;
        assert!(
            most <= foretold * 11 / 10,
            "run {run}: {counted:?}, foretold {foretold}"
        );
    }
}

#[test]
fn a_hundred_throttled_calls_at_once_only_take_longer() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    let apps = if all() { 100 } else { 15 };
    let file = std::env::temp_dir().join(format!("plumbline-scale-{}.ndjson", std::process::id()));
    std::fs::write(&file, stream(apps)).unwrap();
    let buckets = buckets();
    let throttled = || faults.done().len();
    for pipe in [format!("cat {} | {UP}", file.display()), DOWN.to_string()] {
        faults.rules(buckets.clone());
        faults.pipe(&pipe).ok();
        // The SDK's own quota is a hundred retries.
        assert!(throttled() > 100, "{}", throttled());
        if pipe != DOWN {
            faults.end();
            aws.forget();
            faults.pipe(&pipe).ok();
            assert_eq!(aws.changes(), Vec::<String>::new());
        }
    }
    assert_eq!(left(&aws), Vec::<String>::new());
    let _ = std::fs::remove_file(file);
}

/// Buckets of tokens like AWS's own; with fewer apps smaller ones, so that as much is throttled.
fn buckets() -> Value {
    if !all() {
        return json!([{"do": "throttle", "changing": true, "rate": 4, "burst": 4}]);
    }
    json!([
        {"do": "throttle", "of": "ec2:*", "changing": true, "rate": 5, "burst": 50},
        {"do": "throttle", "of": "ec2:Describe*", "rate": 20, "burst": 100},
        {"do": "throttle", "of": "elasticloadbalancing:*", "changing": true, "rate": 3, "burst": 20},
        {"do": "throttle", "of": "elasticloadbalancing:Describe*", "rate": 10, "burst": 40},
        {"do": "throttle", "of": "ecs:*TaskDefinition*", "changing": true, "rate": 1, "burst": 20},
        {"do": "throttle", "of": "ecs:*Service", "changing": true, "rate": 5, "burst": 50},
        {"do": "throttle", "of": "iam:*", "rate": 10, "burst": 20},
        {"do": "throttle", "of": "ecr:*", "rate": 10, "burst": 20},
        {"do": "throttle", "of": "logs:*", "rate": 10, "burst": 10},
    ])
}

/// What other environments of the account have: some of each kind that AWS lists only as a whole.
fn others(aws: &LocalAws, environments: std::ops::Range<usize>) {
    let trust = json!({"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal":
        {"Service": ["ecs-tasks.amazonaws.com", "codebuild.amazonaws.com"]}}], "Version": "2012-10-17"});
    for n in environments {
        let env = format!("production-x{n}");
        let tags = json!([{"Key": "plumbline:env", "Value": env}]);
        let small = json!([{"key": "plumbline:env", "value": env}]);
        let spec = |kind: &str| json!([{"ResourceType": kind, "Tags": tags}]);
        let vpc = aws.call(
            "ec2",
            "create_vpc",
            json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": spec("vpc")}),
        );
        let vpc = &vpc["Vpc"]["VpcId"];
        let role = format!("role-execution-web-us-east-1-{env}");
        let path = format!("/plumbline/us-east-1/{env}/");
        let container = json!([{"name": "web", "image": "x", "memory": 128}]);
        for (service, operation, params) in [
            (
                "ec2",
                "create_security_group",
                json!({"GroupName": format!("security-group-alb-web-{env}"), "Description": "x", "VpcId": vpc, "TagSpecifications": spec("security-group")}),
            ),
            (
                "ecr",
                "create_repository",
                json!({"repositoryName": format!("repo-web-{env}"), "tags": tags}),
            ),
            (
                "iam",
                "create_role",
                json!({"RoleName": role, "Path": path, "AssumeRolePolicyDocument": trust.to_string(), "Tags": tags}),
            ),
            (
                "logs",
                "create_log_group",
                json!({"logGroupName": format!("/ecs/{env}/web"), "tags": {"plumbline:env": env}}),
            ),
            (
                "logs",
                "create_log_group",
                json!({"logGroupName": format!("/aws/codebuild/build-web-{env}"), "tags": {"plumbline:env": env}}),
            ),
            (
                "ecs",
                "create_cluster",
                json!({"clusterName": format!("cluster-{env}"), "tags": small}),
            ),
            (
                "ecs",
                "register_task_definition",
                json!({"family": format!("task-web-{env}"), "containerDefinitions": container, "tags": small}),
            ),
            (
                "elbv2",
                "create_target_group",
                json!({"Name": format!("tg-web-{env}"), "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip", "Tags": tags}),
            ),
            (
                "events",
                "put_rule",
                json!({"Name": format!("rule-web-{env}"), "EventPattern": "{\"source\":[\"x\"]}", "Tags": tags}),
            ),
        ] {
            aws.call(service, operation, params);
        }
    }
}

#[test]
fn other_environments_of_the_account_cost_pages_alone() {
    let (few, many) = (10, if all() { 1000 } else { 120 });
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let pipe = |pipe: &str, stdin: &str| {
        aws.forget();
        let output = aws.pipe_with(pipe, stdin).ok();
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for call in aws.calls() {
            *counts.entry(text(&call["action"]).to_string()).or_default() += 1;
        }
        (output, counts)
    };
    let mut counted = Vec::new();
    for more in [0..few, few..many] {
        others(&aws, more);
        pipe(UP, &stream(2));
        let (found, listing) = pipe("ls-env --env production-pr1 </dev/null", "");
        let (_, deleting) = pipe("rm-env --confirm production-pr1", &found.stdout);
        counted.push((listing, deleting));
    }
    let [(ls_few, rm_few), (ls_many, rm_many)] = counted.try_into().unwrap();
    // The smallest page of those listings has 50.
    let pages = many.div_ceil(50);
    for (tool, few, many) in [("ls-env", ls_few, ls_many), ("rm-env", rm_few, rm_many)] {
        for (action, count) in &many {
            let before = few.get(action).copied().unwrap_or_default();
            assert!(
                *count <= before + pages,
                "{tool}: {action} {before} -> {count}"
            );
        }
    }
    let theirs = aws.call("ecr", "describe_repositories", json!({}));
    assert_eq!(theirs["repositories"].as_array().unwrap().len(), many);
}

#[test]
fn a_connection_that_is_cut_again_and_again_ends_no_run() {
    let aws = LocalAws::start_with(&["--moment", "0"]);
    let faults = Faults::between(&aws);
    faults
        .rules(json!([{"do": "cut", "of": "logs:*", "changing": false, "share": 0.7, "seed": 1}]));
    let made = faults.pipe_with("mk-logs", &stream(60)).ok();
    assert_eq!(
        made.records()
            .iter()
            .filter(|record| record["type"] == "log_group")
            .count(),
        60
    );
    let cuts = faults.done().len();
    assert!(cuts > 200, "{cuts}"); // the SDK's own quota is a hundred retries
}
