//! mk-role: its command line, and the roles it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

#[path = "mk-role/delete.rs"]
mod delete;
#[path = "mk-role/lint.rs"]
mod lint;
#[path = "mk-role/mend.rs"]
mod mend;
#[path = "mk-role/placing.rs"]
mod placing;
#[path = "mk-role/secrets.rs"]
mod secrets;
#[path = "mk-role/sources.rs"]
mod sources;
#[path = "mk-role/tasks.rs"]
mod tasks;

use support::{APPS, LocalAws, Value, json, text};

const WEB: &str = "role-execution-web-us-east-1-production-pr1";
const PATH: &str = "/plumbline/us-east-1/production-pr1/";

fn make() -> String {
    format!(
        "mk-env production pr1 | {APPS} | {} | mk-role",
        ours(&["web", "api"])
    )
}

/// The part of a pipe that adds the records of the repositories of these names, and of the bucket.
fn ours(names: &[&str]) -> String {
    let records = names.iter();
    let records = records.map(|name| support::repository_and_bucket(name, "production-pr1"));
    format!("(cat; echo '{}')", records.collect::<String>())
}

/// The same as a dry run.
fn plan() -> String {
    make().replace("pr1 |", "pr1 --plan |")
}

fn role(aws: &LocalAws, name: &str) -> Value {
    aws.call("iam", "get_role", json!({"RoleName": name}))["Role"].clone()
}

/// The inline policy of an execution role.
fn policy(aws: &LocalAws, name: &str) -> Value {
    let name = json!({"RoleName": name, "PolicyName": "execution"});
    aws.call("iam", "get_role_policy", name)["PolicyDocument"].clone()
}

/// Calls IAM about web's execution role.
fn call_of_web(aws: &LocalAws, operation: &str, mut params: Value) {
    params["RoleName"] = json!(WEB);
    aws.call("iam", operation, params);
}

fn delete_policy(aws: &LocalAws) {
    let policy = json!({"PolicyName": "execution"});
    call_of_web(aws, "delete_role_policy", policy);
}

/// The names of all roles of the account.
fn role_names(aws: &LocalAws) -> Vec<Value> {
    let answer = aws.call("iam", "list_roles", json!({}));
    let roles = answer["Roles"].as_array().unwrap();
    roles.iter().map(|role| role["RoleName"].clone()).collect()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-role", &[]);
}

#[test]
fn it_makes_an_execution_role_for_each_app_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let env = aws.pipe("mk-env production pr1").ok().stdout;
    let apps = format!("{APPS} | {} | mk-role", ours(&["web", "api"]));
    aws.forget();
    let made = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.calls().len(), 8, "{:?}", aws.calls());
    for app in ["web", "api"] {
        let record = made.record("role", &format!("execution/{app}"));
        check_execution_role(&aws, app, &record);
    }
    aws.forget();
    let again = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        aws.calls().len(),
        10,
        "a caller, a list, two roles, three readings of the policies of each: {:?}",
        aws.calls()
    );
    assert_eq!(again.record("role", "execution/api")["change"], "kept");
    assert!(
        again.stderr.contains("mk-role: nothing to change (2 kept)"),
        "{}",
        again.stderr
    );
}

/// Asserts that the role of a record is there, with its trust, its policy and its tags.
fn check_execution_role(aws: &LocalAws, app: &str, record: &Value) {
    let name = format!("role-execution-{app}-us-east-1-production-pr1");
    let role = role(aws, &name);
    assert_eq!(record["arn"], role["Arn"]);
    assert_eq!(record["change"], "created");
    assert_eq!(role["Path"], PATH);
    assert_eq!(
        role["AssumeRolePolicyDocument"]["Statement"],
        json!([{
            "Sid": "TasksOfThisAccountAndRegion",
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "123456789012"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
            },
        }])
    );
    let policy = policy(aws, &name);
    let statements = policy["Statement"].as_array().unwrap();
    let resources: Vec<&Value> = statements.iter().map(|one| &one["Resource"]).collect();
    let of_region = "us-east-1:123456789012";
    let repository = format!("arn:aws:ecr:{of_region}:repository/repo-{app}-production-pr1");
    let log = format!("arn:aws:logs:{of_region}:log-group:/ecs/production-pr1/{app}:*");
    assert_eq!(resources, ["*", &repository, &log]);
    let tags = support::tags(&role["Tags"]);
    assert_eq!(tags["plumbline:env"], "production-pr1");
    assert_eq!(tags["Team"], "devops");
    assert_eq!(tags["Name"], name);
}

#[test]
fn the_policies_name_what_mk_ecr_and_mk_logs_make() {
    let aws = LocalAws::start();
    let made = aws.pipe(&format!("{} | mk-ecr | mk-logs", make())).ok();
    let policy = policy(&aws, WEB);
    let repo = made.record("repo", "web");
    assert_eq!(policy["Statement"][1]["Resource"], repo["arn"]);
    let log_group = made.record("log_group", "web");
    let streams = format!("{}:*", text(&log_group["arn"]));
    assert_eq!(policy["Statement"][2]["Resource"], streams);
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws.pipe(&plan()).would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let made = aws.pipe(&make()).ok();
    assert_eq!(planned.keys(), made.keys());
    let announced = planned.record("role", "execution/web");
    assert_eq!(announced["change"], "create");
    assert_eq!(
        announced["arn"],
        made.record("role", "execution/web")["arn"]
    );
    delete_policy(&aws);
    aws.forget();
    let planned = aws.pipe(&plan()).would_change();
    assert_eq!(planned.record("role", "execution/web")["change"], "update");
    assert_eq!(aws.changes(), Vec::<String>::new());
}
