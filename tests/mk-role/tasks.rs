//! The role of an app's tasks: what they may do in AWS.

use support::{LocalAws, Output, Value, json};

use crate::{PATH, role, role_names};

const TASK: &str = "role-task-web-us-east-1-production-pr1";

fn app(fields: Value) -> Value {
    let mut app = json!({"type": "app", "name": "web", "image": "registry.example/web:1",
        "reach": ["tcp:2049=sg-0a1b2c3d4e5f60718"]});
    let more = fields.as_object().unwrap().clone();
    app.as_object_mut().unwrap().extend(more);
    app
}

fn run(aws: &LocalAws, flags: &str, app: &Value, rest: &str) -> Output {
    let env = aws.pipe(&format!("mk-env production pr1 {flags}"));
    let ours = support::repository_and_bucket("web", "production-pr1");
    aws.pipe_with(rest, &format!("{}{app}\n{ours}", env.stdout))
}

fn policy(aws: &LocalAws) -> Value {
    let of_task = json!({"RoleName": TASK, "PolicyName": "task"});
    aws.call("iam", "get_role_policy", of_task)["PolicyDocument"].clone()
}

/// The part of a pipe that says that mk-ecs-svc has looked after the service.
fn deployed() -> String {
    let arn = "arn:aws:ecs:us-east-1:123456789012:service/cluster-production-pr1/service-web-production-pr1";
    let service = json!({"type": "service", "name": "web", "arn": arn, "cluster": "x", "task_definition": "x", "change": "kept"});
    format!("(cat; echo '{service}')")
}

fn statement() -> Value {
    json!({"Sid": "SendJobs", "Effect": "Allow", "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:us-east-1:123456789012:jobs"})
}

#[test]
fn an_app_with_rights_gets_a_role_of_its_own_for_its_tasks() {
    let aws = LocalAws::start();
    let with = app(json!({"allow": [statement()], "mounts": ["fs-0a1b2c3d=/data:ro"]}));
    let made = run(&aws, "", &with, "mk-role").ok();
    let record = made.record("role", "task/web");
    let there = role(&aws, TASK);
    assert_eq!(record["arn"], there["Arn"]);
    assert_eq!(record["policy"], "task");
    assert_eq!(there["Path"], PATH);
    let execution = role(&aws, crate::WEB);
    assert_eq!(
        there["AssumeRolePolicyDocument"],
        execution["AssumeRolePolicyDocument"]
    );
    let tags = support::tags(&there["Tags"]);
    assert_eq!(tags["plumbline:env"], "production-pr1");
    assert_eq!(tags["plumbline:role"], "task/web");
    let rights = policy(&aws);
    assert_eq!(rights["Statement"][0], statement());
    assert_eq!(
        rights["Statement"][1]["Action"],
        json!(["elasticfilesystem:ClientMount"])
    );
    aws.forget();
    run(&aws, "", &with, "mk-role").ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    // Wider by hand: told at once, and taken away at the end. What denies stays.
    let mut wide = rights.clone();
    wide["Statement"][0]["Resource"] = json!("*");
    let denial = json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"});
    wide["Statement"]
        .as_array_mut()
        .unwrap()
        .push(denial.clone());
    let wide = json!({"RoleName": TASK, "PolicyName": "task", "PolicyDocument": wide.to_string()});
    aws.call("iam", "put_role_policy", wide);
    let whole = format!("mk-role | {} | prune-env", deployed());
    let mended = run(&aws, "", &with, &whole).ok();
    let fields = support::changed_fields(&mended.record("role", "task/web")).join(" ");
    assert_eq!(fields, "policy");
    let what = "what role task/web may still do: sqs:SendMessage";
    assert_eq!(mended.record("surplus", "policy/task/web")["what"], what);
    let mended = policy(&aws);
    let mut expected = rights["Statement"].as_array().unwrap().clone();
    expected.push(denial);
    assert_eq!(mended["Statement"], json!(expected));
}

#[test]
fn another_wish_grows_first_and_shrinks_last() {
    let aws = LocalAws::start();
    let before = app(json!({"allow": [statement()]}));
    run(&aws, "", &before, "mk-role").ok();
    let mut other = statement();
    other["Resource"] = json!("arn:aws:sqs:us-east-1:123456789012:others");
    let after = app(json!({"allow": [other]}));
    let planned = run(&aws, "--plan", &after, "mk-role | prune-env").would_change();
    assert_eq!(planned.record("role", "task/web")["change"], "update");
    assert_eq!(
        planned.record("surplus", "policy/task/web")["change"],
        "delete"
    );
    run(&aws, "", &after, "mk-role | prune-env").ok();
    let both = policy(&aws);
    assert_eq!(both["Statement"][0], other);
    assert_eq!(both["Statement"][1]["Resource"], statement()["Resource"]);
    let whole = format!("mk-role | {} | prune-env", deployed());
    aws.forget();
    run(&aws, "", &after, &whole).ok();
    assert_eq!(aws.changes(), ["iam:PutRolePolicy"]);
    assert_eq!(policy(&aws)["Statement"], json!([other]));
    aws.forget();
    run(&aws, "", &after, &whole).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_role_that_no_task_needs_goes_at_the_end_and_when_that_is_confirmed() {
    let aws = LocalAws::start();
    let with = app(json!({"allow": [statement()]}));
    run(&aws, "", &with, "mk-role | prune-env").ok();
    let without = app(json!({}));
    let told = run(&aws, "", &without, "mk-role").ok();
    let record = &told.record("unwanted", "role/task/web")["record"];
    assert_eq!(record["arn"], role(&aws, TASK)["Arn"]);

    // Where no mk-ecs-svc stood in the pipe, what runs may still have it.
    let confirmed = "mk-role | prune-env --confirm production-pr1";
    aws.forget();
    run(&aws, "", &without, confirmed).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    // What is wanted stays, whatever a line says.
    let deployed = format!("mk-role | {} | prune-env", deployed());
    let named = run(&aws, "", &without, &deployed).ok();
    let line = "no record wants role task/web any more; it stays until it is pruned";
    assert!(named.stderr.contains(line), "{}", named.stderr);
    assert_eq!(role_names(&aws).len(), 2);
    let deployed = format!("{deployed} --confirm production-pr1");
    let forged = format!(
        "(cat; echo '{}') | {deployed}",
        json!({"type": "unwanted", "name": "role/task/web", "record": record})
    );
    run(&aws, "", &with, &forged).ok();
    assert_eq!(role_names(&aws).len(), 2);
    let pruned = run(&aws, "", &without, &deployed).ok();
    assert_eq!(pruned.record("role", "task/web")["change"], "deleted");
    assert_eq!(role_names(&aws), [crate::WEB]);
}

#[test]
fn ls_env_reads_the_rights_back_without_those_of_file_systems() {
    let aws = LocalAws::start();
    let with = app(json!({"allow": [statement()], "mounts": ["fs-0a1b2c3d=/data"], "port": 80}));
    run(&aws, "", &with, "mk-role").ok();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let made = role(&aws, TASK);
    assert_eq!(listed.record("role", "task/web")["arn"], made["Arn"]);
    let deleted = "ls-env --env production-pr1 | rm-env --confirm production-pr1";
    let deleted = aws.pipe(deleted).ok();
    assert_eq!(deleted.record("role", "task/web")["change"], "deleted");
    assert_eq!(role_names(&aws), Vec::<Value>::new());
}
