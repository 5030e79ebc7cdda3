//! Environments and pipelines come and go among what AWS refuses.

use ls_env::OWNERS;
use support::{Faults, LocalAws, Value, json, recipe, text};

use crate::done::{ABSENT, EXISTS, PIPELINE_ABSENT, PIPELINE_EXISTS};
use crate::faulty::{Case, changes, refusal, start, survives};
use crate::passes::{DOWN, PIPELINE_DOWN, PIPELINE_UP, UP};
use crate::refused::{PIPELINE_REFUSED, REFUSED};

#[test]
fn an_environment_is_made_among_what_passes_and_what_stays_is_asked_once() {
    let (_aws, faults) = start();
    let up = recipe(&["up"], "pr1");
    let made = survives(&faults, &up, UP, &[]);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    asked_once(&faults, &made.stdout, REFUSED);
    // What should pass, and does not, is not waited for for ever.
    let absent = (
        "ecs:CreateService",
        "ClusterNotFoundException",
        "Cluster not found.",
    );
    faults.rules(json!([refusal(absent)]));
    let output = faults.pipe_with("mk-ecs-svc", &made.stdout.replace("pr1", "late"));
    let line = "cluster cluster-production-late is gone: another run deleted it (ecs:CreateService, ClusterNotFoundException)\n";
    assert!(
        output.code == 75 && output.stderr.contains(line),
        "{}",
        output.stderr
    );
    assert!(faults.done().len() > 2, "{}", faults.told());
}

#[test]
fn an_environment_is_made_where_others_are_faster_and_goes_among_what_passes_or_is_gone() {
    let (aws, faults) = start();
    let up = recipe(&["up"], "pr1");
    let made = survives(&faults, &up, &[], EXISTS);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    run_a_task_by_hand(&aws, &made.record("cluster", "main")["arn"]);
    survives(&faults, &recipe(&["down"], "pr1"), DOWN, ABSENT);
    let listed = faults.pipe("ls-env --env production-pr1").ok().records();
    assert_eq!(listed.len(), 1);
}

/// A task that no service started.
fn run_a_task_by_hand(aws: &LocalAws, cluster: &Value) {
    let container = json!({"name": "theirs", "image": "registry.example/theirs:1", "memory": 512});
    let definition = json!({"family": "theirs", "containerDefinitions": [container]});
    aws.call("ecs", "register_task_definition", definition);
    let task = json!({"cluster": cluster, "taskDefinition": "theirs", "launchType": "FARGATE"});
    aws.call("ecs", "run_task", task);
}

#[test]
fn a_pipeline_is_made_among_what_passes_and_what_stays_is_asked_once() {
    let (aws, faults) = start();
    aws.connect("ap-southeast-1");
    let up = recipe(&["pipeline-up"], "pr1");
    let made = survives(&faults, &up, PIPELINE_UP, &[]);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    asked_once(&faults, &made.stdout, PIPELINE_REFUSED);
}

#[test]
fn a_pipeline_is_made_where_others_are_faster_and_goes_among_what_passes_or_is_gone() {
    let (aws, faults) = start();
    aws.connect("ap-southeast-1");
    let up = recipe(&["pipeline-up"], "pr1");
    let down = recipe(&["pipeline-down"], "pr1");
    survives(&faults, &up, &[], PIPELINE_EXISTS);
    assert_eq!(changes(&faults, &up), Vec::<Value>::new());
    survives(&faults, &down, PIPELINE_DOWN, PIPELINE_ABSENT);
    let listed = faults.pipe("ls-env --env production-pr1 --region ap-southeast-1");
    assert_eq!(listed.ok().records().len(), 1);
}

/// Each of these is asked once for each thing that needs it, and told in one line. For each case the
/// records of an environment become those of another one, of which nothing exists yet. A tool gets
/// none of those that it makes itself: it would say that these are not there.
fn asked_once(faults: &Faults, made: &str, tools: &[(&str, &[Case])]) {
    let mut n = 0;
    for (tool, cases) in tools {
        for case in *cases {
            let records = without_its_own(tool, &made.replace("pr1", &format!("c{n}")));
            case_is_asked_once(faults, &records, tool, *case);
            n += 1;
        }
    }
    faults.end();
}

pub fn without_its_own(tool: &str, records: &str) -> String {
    let name = tool.split(' ').next();
    let owner = OWNERS.iter().find(|owner| Some(owner.tool) == name);
    let mut kinds = Vec::new();
    for deletion in owner.unwrap().deletions {
        kinds.extend(deletion.kinds);
    }
    let is_its_own = |line: &&str| {
        let record: Value = serde_json::from_str(line).unwrap();
        kinds.contains(&text(&record["type"]))
    };
    let others = records.lines().filter(|line| !is_its_own(line));
    others.map(|line| format!("{line}\n")).collect()
}

fn case_is_asked_once(faults: &Faults, records: &str, tool: &str, case: Case) {
    faults.rules(json!([refusal(case)]));
    let output = faults.pipe_with(tool, records);
    let (call, code, message) = case;
    let what = format!("{tool}, {call}, {code}: {}", output.stderr);
    assert_eq!(output.code, 1, "{what}");
    let asked = faults.done().len();
    assert!(
        (1..=things(call)).contains(&asked),
        "asked {asked} times: {what}"
    );
    let lines = output.stderr.lines();
    let lines: Vec<&str> = lines.filter(|line| line.contains(": cannot ")).collect();
    let [line] = lines[..] else { panic!("{what}") };
    let message = message.trim_end_matches('.');
    let why = format!(": {message} ({call}, {code}, request faulty-request)");
    assert!(
        line.starts_with(tool.split(' ').next().unwrap()) && line.ends_with(&why),
        "{what}"
    );
}

/// How many things of an environment need this call, at the most.
fn things(call: &str) -> usize {
    match call {
        "ec2:CreateSubnet" | "ec2:CreateSecurityGroup" | "ec2:AuthorizeSecurityGroupIngress" => 4,
        "ec2:CreateVpc"
        | "ec2:CreateInternetGateway"
        | "ec2:AllocateAddress"
        | "ec2:CreateNatGateway" => 1,
        "ecs:CreateCluster" => 1,
        _ => 2, // one for each app or purpose
    }
}
