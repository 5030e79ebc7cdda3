//! Every row of the tools' own table of what passes (`plumbing::not_yet`) is met at each of its calls:
//! what is made, mended and deleted among them ends well. A row whose calls no run here makes fails.
//!
//! By default each row is met under its first code, with TORTURE=all under each.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::not_yet::{NotYet, When, rows};
use support::{Faults, Value, json, recipe, replaced, text};

use crate::by_hand::{change_pipeline, change_services};
use crate::faulty::{Case, refusal, start};

/// Calls that no run here makes, since it takes another run at the same time; and reads, which a run
/// makes also where the answer says something else: those are met in convergence, with `not_found`.
const ELSEWHERE: &[&str] = &[
    "codeconnections:DeleteConnection",
    "codepipeline:StartPipelineExecution",
    "ec2:DeleteInternetGateway",
    "ec2:DeleteVpc",
    "ec2:ReleaseAddress",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetHealth",
    "s3:GetBucketTagging",
];

const BOUND: &str = "mk-role --boundary arn:aws:iam::aws:policy/AdministratorAccess ";

/// An app at the load balancer of another one.
const BEHIND: &str =
    "| mk-app docs --public --behind web --path '/docs/*' --image registry.example/web:1 | mk-vpc";

type Calls = BTreeSet<&'static str>;

fn in_each_code() -> bool {
    std::env::var("TORTURE").is_ok_and(|how| how == "all")
}

/// How often each run is made, each time with another code of a row.
fn rounds() -> usize {
    if !in_each_code() {
        return 1;
    }
    rows().map(|row| row.codes.len()).max().unwrap_or_default()
}

#[test]
fn each_row_is_met_while_an_environment_is_made_mended_and_deleted() {
    let (aws, faults) = start();
    let mut met = Calls::new();
    for round in 0..rounds() {
        let suffix = format!("t{round}");
        let up = replaced(&recipe(&["up"], &suffix), "| mk-vpc", BEHIND);
        met.extend(survives(&faults, &up, round, |_| true));
        change_services(&aws, &faults.pipe(&up).ok());
        let retagged = up.replace("mk-env ", "mk-env --tag Team=others ");
        let scaled = "mk-app web --spot 50 --scale 2..4 --scale-at 'rate(1 day)=2..4' ";
        let retagged = replaced(&retagged, "mk-app web ", scaled);
        let retagged = replaced(&retagged, "'/docs/*'", "'/docs/more/*'");
        met.extend(survives(&faults, &retagged, round, always));
        met.extend(survives(
            &faults,
            &recipe(&["down"], &suffix),
            round,
            always,
        ));
    }
    all_are_met(&met, &["ec2", "elasticloadbalancing", "ecs", "ecr", "logs"]);
}

#[test]
fn each_row_is_met_while_a_pipeline_is_made_mended_and_deleted() {
    let (aws, faults) = start();
    let mut met = Calls::new();
    for round in 0..rounds() {
        let suffix = format!("t{round}");
        let connection = format!("mk-env production {suffix} | mk-connection");
        met.extend(survives(&faults, &connection, round, |_| true));
        aws.handshake(&format!("connection-production-{suffix}"));
        let up = recipe(&["pipeline_region=us-east-1", "pipeline-up"], &suffix);
        met.extend(survives(&faults, &up, round, |_| true));
        change_pipeline(&aws, &faults.pipe(&up).ok());
        let retagged = up.replace("mk-env ", "mk-env --tag Team=others ");
        let retagged = replaced(&retagged, "mk-role ", BOUND);
        met.extend(survives(&faults, &retagged, round, always));
        let down = recipe(&["pipeline_region=us-east-1", "pipeline-down"], &suffix);
        met.extend(survives(&faults, &down, round, always));
    }
    let services = [
        "iam",
        "s3",
        "codebuild",
        "codepipeline",
        "codeconnections",
        "lambda",
        "events",
    ];
    all_are_met(&met, &services);
}

/// Where nothing is new, a missing right is one.
fn always(row: &NotYet) -> bool {
    row.when == When::Always
}

/// Runs a pipe that ends well, although each of its calls meets each row once, one after the other.
/// Answers the calls of the table that it made.
fn survives(faults: &Faults, pipe: &str, round: usize, is_met: impl Fn(&NotYet) -> bool) -> Calls {
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    let mut rules: Vec<Value> = Vec::new();
    // What is waited for shortest comes first, so that no other's time counts for it.
    let mut rows: Vec<&NotYet> = rows().filter(|row| is_met(row)).collect();
    rows.sort_by_key(|row| row.seconds);
    for row in rows {
        for &call in row
            .operations
            .iter()
            .filter(|call| !ELSEWHERE.contains(call))
        {
            let Some(code) = row.codes.get(round) else {
                continue;
            };
            let nth = wanted.entry(call).or_default();
            *nth += 1;
            let mut rule = refusal((call, spelled(code), message(row)));
            rule["nth"] = json!(nth);
            rules.push(rule);
        }
    }
    faults.rules(rules.into());
    let output = faults.pipe(pipe);
    assert_eq!(output.code, 0, "{}", output.stderr);
    let made: BTreeSet<String> = faults
        .seen()
        .iter()
        .map(|call| text(&call["call"]).into())
        .collect();
    let mut met: BTreeMap<String, usize> = BTreeMap::new();
    for fault in faults.done() {
        *met.entry(text(&fault["call"]).into()).or_default() += 1;
    }
    wanted.retain(|call, _| made.contains(*call));
    for (call, times) in &wanted {
        assert_eq!(met.get(*call), Some(times), "{call}: {}", output.stderr);
    }
    faults.end();
    wanted.into_keys().collect()
}

fn spelled(code: &'static str) -> &'static str {
    if code.starts_with('*') {
        "InvalidThing.NotFound"
    } else {
        code
    }
}

fn message(row: &NotYet) -> &'static str {
    if row.text.is_empty() {
        "Not yet."
    } else {
        row.text
    }
}

/// No row of these services is left over.
fn all_are_met(met: &Calls, services: &[&str]) {
    let mut calls: Calls = rows().flat_map(|row| row.operations).copied().collect();
    calls.retain(|call| services.contains(&call.split(':').next().unwrap()));
    calls.retain(|call| !met.contains(call) && !ELSEWHERE.contains(call));
    assert_eq!(calls, Calls::new(), "no run of this test makes these calls");
}

/// With TORTURE=all: each call of `up` that has a row meets it for ever, which takes minutes each.
#[test]
fn what_never_passes_ends_unfinished_at_each_call() {
    if !in_each_code() {
        return;
    }
    let (aws, faults) = start();
    let up = recipe(&["up"], "pr1");
    let made = faults.pipe(&up).ok().stdout;
    let seen = faults.seen();
    let tool_of = |call: &str| {
        let found = seen.iter().find(|seen| seen["call"] == call)?;
        Some(text(&found["tool"]).to_string())
    };
    let mut cases: Vec<(String, Case)> = Vec::new();
    for row in rows().filter(|row| always(row)) {
        for &call in row
            .operations
            .iter()
            .filter(|call| !ELSEWHERE.contains(call))
        {
            let case = (call, spelled(row.codes[0]), message(row));
            cases.extend(tool_of(call).map(|tool| (tool, case)));
        }
    }
    for (number, cases) in cases.chunks(6).enumerate() {
        std::thread::scope(|scope| {
            for (at, (tool, case)) in cases.iter().enumerate() {
                let records = made.replace("pr1", &format!("n{number}x{at}"));
                let faults = Faults::between(&aws);
                scope.spawn(move || ends_unfinished(&faults, &records, tool, *case));
            }
        });
    }
}

#[test]
fn what_should_pass_and_does_not_ends_unfinished_and_not_with_rights() {
    let (_aws, faults) = start();
    let made = faults.pipe(&recipe(&["up"], "pr1")).ok();
    let unknown = (
        "ecr:PutLifecyclePolicy",
        "RepositoryNotFoundException",
        "Not yet.",
    );
    ends_unfinished(&faults, &made.stdout, "mk-ecr", unknown);
    let passes = (
        "ecs:RegisterTaskDefinition",
        "AccessDeniedException",
        "User: x is not authorized to perform: iam:PassRole on resource: y because no identity-based policy allows the iam:PassRole action",
    );
    let output = ends_unfinished(&faults, &made.stdout, "mk-ecs-svc", passes);
    assert!(output.contains("--iam-policy"), "if it stays so: {output}");
    // The roles are older than this run: it is a right that is missing.
    let old = made
        .stdout
        .replace(r#""change":"created""#, r#""change":"kept""#);
    faults.rules(json!([refusal(passes)]));
    let output = faults.pipe_with("mk-ecs-svc", &old.replace("pr1", "old"));
    assert_eq!(output.code, 1, "{}", output.stderr);
    let asked = faults.done().len(); // once for each app, unless the first one's end came before
    assert!((1..=2).contains(&asked), "{}", output.stderr);
    assert!(output.stderr.contains("--iam-policy"), "{}", output.stderr);
}

/// A tool that meets this at each call, with the records of another environment, asks some times.
fn ends_unfinished(faults: &Faults, records: &str, tool: &str, case: Case) -> String {
    faults.rules(json!([refusal(case)]));
    let records = crate::refusals::without_its_own(tool, &records.replace("pr1", "late"));
    let output = faults.pipe_with(tool, &records);
    assert_eq!(output.code, 75, "{}", output.stderr);
    assert!(
        output.stderr.contains("run the pipeline again"),
        "{}",
        output.stderr
    );
    assert!(faults.done().len() > 4, "{}", faults.told());
    faults.end();
    output.stderr
}

/// What a tool is refused, and what it says to do about it.
const SAID: &[(&str, Case, &str)] = &[
    (
        "mk-vpc",
        (
            "ec2:CreateVpc",
            "UnauthorizedOperation",
            "You are not authorized to perform this operation. User: x is not authorized to perform: ec2:CreateVpc on resource: y with an explicit deny in a service control policy",
        ),
        "a service control policy of the organisation denies it",
    ),
    (
        "mk-vpc",
        (
            "ec2:CreateVpc",
            "OptInRequired",
            "You are not subscribed to this service.",
        ),
        "the account is not subscribed to this service",
    ),
    (
        "mk-role",
        (
            "iam:CreateRole",
            "AccessDenied",
            "User: x is not authorized to perform: iam:CreateRole on resource: y because no permissions boundary allows the iam:CreateRole action",
        ),
        "the permissions boundary of who calls",
    ),
    (
        "mk-role",
        (
            "iam:CreateRole",
            "LimitExceeded",
            "Cannot exceed quota for RolesPerAccount: 1000",
        ),
        "have Service Quotas raise 'Roles per account'",
    ),
    (
        "mk-ecr",
        (
            "ecr:CreateRepository",
            "LimitExceededException",
            "The limit was exceeded",
        ),
        "have Service Quotas raise 'Registered repositories'",
    ),
    (
        "mk-alb",
        (
            "elasticloadbalancing:CreateLoadBalancer",
            "AccessDenied",
            "User: x is not authorized to perform: iam:CreateServiceLinkedRole on resource: arn:aws:iam::123456789012:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
        ),
        "aws iam create-service-linked-role --aws-service-name elasticloadbalancing.amazonaws.com",
    ),
    (
        "mk-alb",
        (
            "elasticloadbalancing:CreateTargetGroup",
            "TooManyTargetGroups",
            "The maximum number of target groups has been reached",
        ),
        "have Service Quotas raise 'Target Groups per Region'",
    ),
    (
        "mk-ecs-svc",
        (
            "ecs:CreateService",
            "InvalidParameterException",
            "The new ARN and resource ID format must be enabled to add tags to the service. Opt in to the new format and try again.",
        ),
        "aws ecs put-account-setting-default --name serviceLongArnFormat --value enabled",
    ),
];

#[test]
fn what_aws_says_decides_what_to_do_about_it() {
    let (_aws, faults) = start();
    let made = faults.pipe(&recipe(&["up"], "pr1")).ok();
    for (number, (tool, case, hint)) in SAID.iter().enumerate() {
        let records = made.stdout.replace("pr1", &format!("s{number}"));
        let records = crate::refusals::without_its_own(tool, &records);
        faults.rules(json!([refusal(*case)]));
        let output = faults.pipe_with(tool, &records);
        assert_eq!(output.code, 1, "{tool}: {}", output.stderr);
        assert!(output.stderr.contains(hint), "{tool}: {}", output.stderr);
        assert!(!output.stderr.contains("--iam-policy"), "{}", output.stderr);
    }
}
