//! The roles of a source, and the connection that a pipeline's role waits for.

use support::{LocalAws, Value, json, tags, text};

use crate::{role, role_names};

const PIPE: &str = "mk-source web owner/web | mk-role";
const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";
const KINDS: [&str; 4] = ["build", "function", "pipeline", "events"];
const PIPELINE: &str = "role-pipeline-web-us-east-1-production-pr1";

/// The records of an environment and its connection, as they come to mk-role.
fn with_connection(aws: &LocalAws, arn: &str, flags: &str) -> String {
    let env = aws.pipe(&format!("mk-env production pr1 {flags}")).ok();
    let connection =
        json!({"type": "connection", "name": "github", "arn": arn, "status": "PENDING"});
    let ours = support::repository_and_bucket("web", "production-pr1");
    format!("{}{ours}{connection}\n", env.stdout)
}

/// Asserts that a role of a source is there, and which service may assume it.
fn check_role(aws: &LocalAws, record: &Value, kind: &str, service: &str) {
    let name = format!("role-{kind}-web-us-east-1-production-pr1");
    let role = role(aws, &name);
    assert_eq!(record["arn"], role["Arn"]);
    assert_eq!(record["change"], "created");
    let principal = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"];
    assert_eq!(*principal, format!("{service}.amazonaws.com"));
    let policy = json!({"RoleName": name, "PolicyName": kind});
    aws.call("iam", "get_role_policy", policy);
    assert_eq!(tags(&role["Tags"])["plumbline:env"], "production-pr1");
}

#[test]
fn a_source_gets_four_roles_and_the_pipelines_waits_for_the_connection() {
    let aws = LocalAws::start();
    let records = with_connection(&aws, CONNECTION, "");
    let made = aws.pipe_with(PIPE, &records).ok();
    for (kind, service) in [
        ("build", "codebuild"),
        ("function", "lambda"),
        ("pipeline", "codepipeline"),
        ("events", "events"),
    ] {
        let record = made.record("role", &format!("{kind}/web"));
        check_role(&aws, &record, kind, service);
    }
    aws.forget();
    aws.pipe_with(PIPE, &records).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    // Another connection is another right.
    let other = records.replace("0a1b", "2c3d");
    let updated = aws.pipe_with(PIPE, &other).ok();
    assert_eq!(
        updated.record("role", "pipeline/web")["changes"][0]["field"],
        "policy"
    );
    assert_eq!(updated.record("role", "build/web")["change"], "kept");

    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let remove = "rm-env --confirm production-pr1";
    let deleted = aws.pipe_with(remove, &listed.stdout).ok();
    for kind in KINDS {
        let record = deleted.record("role", &format!("{kind}/web"));
        assert_eq!(record["change"], "deleted");
    }
    assert_eq!(role_names(&aws), Vec::<Value>::new());

    let without = records.replace("\"type\":\"connection\"", "\"type\":\"other\"");
    let without = aws.pipe_with(PIPE, &without);
    assert_eq!(without.code, 65, "{}", without.stderr);
    assert!(without.stderr.contains("connection"), "{}", without.stderr);
}

#[test]
fn a_dry_run_announces_the_roles_of_a_source_also_where_the_connection_is_not_made_yet() {
    let aws = LocalAws::start();
    let planned = with_connection(&aws, "planned:github", "--plan");
    let announced = aws.pipe_with(PIPE, &planned).would_change();
    for kind in KINDS {
        let record = announced.record("role", &format!("{kind}/web"));
        assert_eq!(record["change"], "create");
    }
    let records = with_connection(&aws, CONNECTION, "");
    let made = aws.pipe_with(PIPE, &records).ok();
    assert_eq!(announced.keys(), made.keys());
    aws.forget();
    let announced = aws.pipe_with(PIPE, &planned).would_change();
    for (kind, change) in [
        ("build", "kept"),
        ("function", "kept"),
        ("pipeline", "update"), // another connection will be another right
        ("events", "kept"),
    ] {
        let record = announced.record("role", &format!("{kind}/web"));
        assert_eq!(record["change"], change, "{kind}");
    }
    assert_eq!(aws.changes(), Vec::<String>::new());
}

/// About which roles an action was called, each with its number among all calls.
fn calls_of(calls: &[Value], action: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, call) in calls.iter().enumerate() {
        if text(&call["action"]) == action {
            found.push((number, text(&call["params"]["RoleName"]).to_string()));
        }
    }
    found
}

#[test]
fn the_pipelines_role_is_looked_for_before_the_connection_is_there() {
    let aws = LocalAws::start();
    let records = with_connection(&aws, CONNECTION, "");
    let (env, connection) = records.trim_end().rsplit_once('\n').unwrap();
    aws.forget();
    // The connection comes once the other three are made.
    let made = "until [ $(grep -c policy $out) = 3 ]; do sleep 0.05; done";
    let late = format!("(cat; {made}; echo '{connection}') | {PIPE} | tee $out");
    let pipe = format!("out=$(mktemp); trap 'rm $out' EXIT; {late}");
    aws.pipe_with(&pipe, &format!("{env}\n")).ok();
    let calls = aws.calls();
    let gets = calls_of(&calls, "GetRole");
    let creates = calls_of(&calls, "CreateRole");
    let (get, _) = gets.iter().find(|(_, role)| role == PIPELINE).unwrap();
    assert_eq!(creates[3].1, PIPELINE, "{calls:?}");
    assert!(*get < creates[2].0, "{calls:?}");
    assert_eq!(
        calls.len(),
        14,
        "a caller, a list, four roles looked for, made and given their policies: {calls:?}"
    );
    aws.forget();
    aws.pipe_with(PIPE, &records).ok();
    assert_eq!(
        aws.calls().len(),
        18,
        "a caller, a list, four roles, three readings of the policies of each: {:?}",
        aws.calls()
    );
}
