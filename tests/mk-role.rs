//! mk-role: its command line, and the roles it makes in the local AWS.
#![allow(clippy::unwrap_used)] // a test says what it expects by unwrapping it

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use mk_role::purpose::Purpose;
use mk_role::want;
use plumbing::{Env, Source};
use support::{APPS, ENV, LocalAws, Output, Value, json};

const WEB: &str = "role-execution-web-us-east-1-production-pr1";
const PATH: &str = "/plumbline/us-east-1/production-pr1/";

fn make() -> String {
    format!("mk-env production pr1 | {APPS} | mk-role")
}

fn role(aws: &LocalAws, name: &str) -> Value {
    aws.call("iam", "get_role", json!({"RoleName": name}))["Role"].clone()
}

fn policy(aws: &LocalAws, name: &str) -> Value {
    let name = json!({"RoleName": name, "PolicyName": "execution"});
    aws.call("iam", "get_role_policy", name)["PolicyDocument"].clone()
}

fn roles(aws: &LocalAws) -> Vec<Value> {
    let found = aws.call("iam", "list_roles", json!({}));
    found["Roles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|role| role["RoleName"].clone())
        .collect()
}

fn keys(output: &Output) -> BTreeSet<String> {
    output
        .records()
        .iter()
        .map(|r| format!("{} {}", r["type"], r["name"]))
        .collect()
}

#[test]
fn it_obeys_the_conventions() {
    support::obeys_conventions("mk-role", &[]);
}

#[test]
fn it_makes_an_execution_role_for_each_app_and_a_second_run_changes_nothing() {
    let aws = LocalAws::start();
    let env = aws.pipe("mk-env production pr1").ok().stdout;
    let apps = format!("{APPS} | mk-role");
    aws.forget();
    let made = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.calls().len(), 7, "{:?}", aws.calls());
    for app in ["web", "api"] {
        let name = format!("role-execution-{app}-us-east-1-production-pr1");
        let (role, record) = (
            role(&aws, &name),
            made.record("role", &format!("execution/{app}")),
        );
        assert_eq!(
            (&record["arn"], &record["change"]),
            (&role["Arn"], &json!("created"))
        );
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
        let policy = policy(&aws, &name);
        let resources: Vec<_> = policy["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["Resource"].clone())
            .collect();
        assert_eq!(
            resources,
            [
                "*".to_string(),
                format!("arn:aws:ecr:us-east-1:123456789012:repository/repo-{app}-production-pr1"),
                format!(
                    "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/production-pr1/{app}:*"
                ),
            ]
        );
        let tags = support::tags(&role["Tags"]);
        assert_eq!(
            (&tags["plumbline:env"], &tags["Team"], &tags["Name"]),
            (&json!("production-pr1"), &json!("devops"), &json!(name))
        );
    }
    aws.forget();
    let again = aws.pipe_with(&apps, &env).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
    assert_eq!(
        aws.calls().len(),
        9,
        "a caller, two roles, three looks at the policies of each: {:?}",
        aws.calls()
    );
    assert_eq!(again.record("role", "execution/api")["change"], "kept");
    assert!(
        again.stderr.contains("mk-role: nothing to change (2 kept)"),
        "{}",
        again.stderr
    );
}

#[test]
fn the_policies_name_what_mk_ecr_and_mk_logs_make() {
    let aws = LocalAws::start();
    let made = aws.pipe(&format!("{} | mk-ecr | mk-logs", make())).ok();
    let policy = policy(&aws, WEB);
    assert_eq!(
        policy["Statement"][1]["Resource"],
        made.record("repo", "web")["arn"]
    );
    let log = support::text(&made.record("log_group", "web")["arn"]).to_string();
    assert_eq!(policy["Statement"][2]["Resource"], format!("{log}:*"));
}

#[test]
fn a_dry_run_changes_nothing_and_announces_everything() {
    let aws = LocalAws::start();
    let planned = aws
        .pipe(&make().replace("pr1 |", "pr1 --plan |"))
        .would_change();
    assert_eq!(aws.changes(), Vec::<String>::new());
    let made = aws.pipe(&make()).ok();
    assert_eq!(keys(&planned), keys(&made));
    let (planned, made) = (
        planned.record("role", "execution/web"),
        made.record("role", "execution/web"),
    );
    assert_eq!(
        (&planned["change"], &planned["arn"]),
        (&json!("create"), &made["arn"])
    );
    aws.call(
        "iam",
        "delete_role_policy",
        json!({"RoleName": WEB, "PolicyName": "execution"}),
    );
    aws.forget();
    let planned = aws
        .pipe(&make().replace("pr1 |", "pr1 --plan |"))
        .would_change();
    assert_eq!(
        (
            &planned.record("role", "execution/web")["change"],
            aws.changes()
        ),
        (&json!("update"), Vec::new())
    );
}

#[test]
fn what_was_changed_by_hand_is_brought_into_line() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let (trust, rights) = (
        role(&aws, WEB)["AssumeRolePolicyDocument"].clone(),
        policy(&aws, WEB),
    );
    let mut open = trust.clone();
    open["Statement"][0]
        .as_object_mut()
        .unwrap()
        .remove("Condition");
    aws.call(
        "iam",
        "update_assume_role_policy",
        json!({"RoleName": WEB, "PolicyDocument": open.to_string()}),
    );
    let mut wide = rights.clone();
    wide["Statement"][1]["Resource"] = json!("*");
    let wide =
        json!({"RoleName": WEB, "PolicyName": "execution", "PolicyDocument": wide.to_string()});
    aws.call("iam", "put_role_policy", wide);
    let theirs = json!([{"Key": "Team", "Value": "nobody"}, {"Key": "theirs", "Value": "x"}]);
    aws.call("iam", "tag_role", json!({"RoleName": WEB, "Tags": theirs}));
    let described = role(&aws, WEB)["Description"].clone();
    aws.call(
        "iam",
        "update_role_description",
        json!({"RoleName": WEB, "Description": "theirs"}),
    );
    aws.forget();
    let again = aws.pipe(&make()).ok();
    assert_eq!(
        aws.changes(),
        [
            "iam:UpdateAssumeRolePolicy",
            "iam:PutRolePolicy",
            "iam:UpdateRoleDescription",
            "iam:TagRole"
        ]
    );
    let record = again.record("role", "execution/web");
    let fields: Vec<_> = record["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["field"].clone())
        .collect();
    assert_eq!(
        (&record["change"], fields),
        (
            &json!("updated"),
            vec![
                json!("trust"),
                json!("policy"),
                json!("description"),
                json!("tag Team")
            ]
        )
    );
    let now = role(&aws, WEB);
    assert_eq!(
        (&now["AssumeRolePolicyDocument"], &policy(&aws, WEB)),
        (&trust, &rights)
    );
    assert_eq!(now["Description"], described);
    let tags = support::tags(&now["Tags"]);
    assert_eq!(
        (&tags["Team"], &tags["theirs"]),
        (&json!("devops"), &json!("x"))
    );
}

#[test]
fn a_policy_written_otherwise_is_the_same_policy() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let mut rights = policy(&aws, WEB);
    rights["Statement"][2]["Action"]
        .as_array_mut()
        .unwrap()
        .reverse();
    rights["Statement"][0]["Action"] = json!(["ecr:GetAuthorizationToken"]);
    let rights = json!({"RoleName": WEB, "PolicyName": "execution", "PolicyDocument": format!("{rights:#}")});
    aws.call("iam", "put_role_policy", rights);
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn a_missing_policy_is_set() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    aws.call(
        "iam",
        "delete_role_policy",
        json!({"RoleName": WEB, "PolicyName": "execution"}),
    );
    aws.forget();
    aws.pipe(&make()).ok();
    assert_eq!(aws.changes(), ["iam:PutRolePolicy"]);
}

#[test]
fn a_role_of_someone_else_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    aws.call(
        "iam",
        "create_role",
        json!({"RoleName": WEB, "AssumeRolePolicyDocument": trust.to_string()}),
    );
    let output = aws.pipe(&make());
    assert_eq!(output.code, 1);
    assert!(
        output.stderr.contains(&format!(
            "mk-role: role {WEB} exists and is not tagged plumbline:env=production-pr1; it is left alone"
        )),
        "{}",
        output.stderr
    );
    assert_eq!(role(&aws, WEB)["AssumeRolePolicyDocument"], trust);
    let policies = aws.call("iam", "list_role_policies", json!({"RoleName": WEB}));
    assert_eq!(policies["PolicyNames"], json!([]));
}

#[test]
fn ls_env_finds_the_roles_and_rm_env_deletes_no_others() {
    let aws = LocalAws::start();
    let long = "a-name-that-is-cut-in-iam";
    let made = aws
        .pipe(&format!(
            "mk-env production pr1 | {APPS} | mk-app {long} | mk-role"
        ))
        .ok();
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let other =
        json!({"RoleName": "theirs", "Path": PATH, "AssumeRolePolicyDocument": trust.to_string()});
    let arn = aws.call("iam", "create_role", other)["Role"]["Arn"].clone();
    let listed = aws.pipe("ls-env --env production-pr1").ok();
    for app in ["web", "api", long] {
        let name = format!("execution/{app}");
        assert_eq!(
            made.record("role", &name)["arn"],
            listed.record("role", &name)["arn"]
        );
    }
    assert!(!listed.stdout.contains("theirs"), "{}", listed.stdout);
    let record = json!({"type": "role", "name": "theirs", "arn": arn});
    let deleted = aws.pipe_with(
        "rm-env --confirm production-pr1",
        &format!("{}{record}\n", listed.stdout),
    );
    assert_eq!(deleted.code, 1);
    assert!(
        deleted
            .stderr
            .contains("role theirs exists and is not tagged"),
        "{}",
        deleted.stderr
    );
    assert_eq!(deleted.record("role", "execution/web")["change"], "deleted");
    assert_eq!(roles(&aws), ["theirs"]);
    // What is gone already counts as deleted.
    aws.pipe_with("rm-env --confirm production-pr1", &listed.stdout)
        .ok();
}

#[test]
fn what_others_gave_a_role_is_told_stays_and_goes_with_it() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    let rights = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}).to_string();
    let managed = aws.call(
        "iam",
        "create_policy",
        json!({"PolicyName": "managed", "PolicyDocument": rights}),
    );
    let managed = managed["Policy"]["Arn"].clone();
    for (operation, params) in [
        ("attach_role_policy", json!({"PolicyArn": managed})),
        (
            "attach_role_policy",
            json!({"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ),
        (
            "put_role_policy",
            json!({"PolicyName": "more", "PolicyDocument": rights}),
        ),
        (
            "put_role_permissions_boundary",
            json!({"PermissionsBoundary": managed}),
        ),
        (
            "update_role",
            json!({"MaxSessionDuration": 7200, "Description": role(&aws, WEB)["Description"]}),
        ),
    ] {
        let mut params = params;
        params["RoleName"] = json!(WEB);
        aws.call("iam", operation, params);
    }
    aws.forget();
    let told = format!(
        "mk-role: role {WEB} may do more than it is for: others gave it inline policy more, managed policy {}, managed policy arn:aws:iam::aws:policy/AdministratorAccess\nmk-role: nothing to change (2 kept)\n",
        support::text(&managed)
    );
    assert_eq!(aws.pipe(&make()).ok().stderr, told);
    assert_eq!(
        aws.pipe(&make().replace("pr1 |", "pr1 --plan |"))
            .ok()
            .stderr,
        told
    );
    assert_eq!(aws.changes(), Vec::<String>::new());
    let role = role(&aws, WEB);
    assert_eq!(
        (
            &role["MaxSessionDuration"],
            &role["PermissionsBoundary"]["PermissionsBoundaryArn"]
        ),
        (&json!(7200), &managed)
    );
    let gone = aws
        .pipe_with("rm-env --confirm production-pr1", &made.stdout)
        .ok();
    assert_eq!(
        (&gone.record("role", "execution/web")["change"], roles(&aws)),
        (&json!("deleted"), Vec::new())
    );
    aws.call("iam", "get_policy", json!({"PolicyArn": managed}));
}

#[test]
fn a_role_on_another_path_is_refused_and_left_alone() {
    let aws = LocalAws::start();
    aws.pipe(&make()).ok();
    let (tags, trust) = (
        role(&aws, WEB)["Tags"].clone(),
        role(&aws, WEB)["AssumeRolePolicyDocument"].to_string(),
    );
    aws.call(
        "iam",
        "delete_role_policy",
        json!({"RoleName": WEB, "PolicyName": "execution"}),
    );
    aws.call("iam", "delete_role", json!({"RoleName": WEB}));
    aws.call(
        "iam",
        "create_role",
        json!({"RoleName": WEB, "AssumeRolePolicyDocument": trust, "Tags": tags}),
    );
    aws.forget();
    let output = aws.pipe(&make());
    assert_eq!((output.code, aws.changes()), (1, Vec::new()));
    let line = format!("mk-role: role {WEB} has path /, wanted {PATH}; a path cannot be changed\n");
    assert!(output.stderr.contains(&line), "{}", output.stderr);
}

#[test]
fn a_role_in_an_instance_profile_stays_and_the_profile_is_named() {
    let aws = LocalAws::start();
    let made = aws.pipe(&make()).ok();
    aws.call(
        "iam",
        "create_instance_profile",
        json!({"InstanceProfileName": "theirs"}),
    );
    aws.call(
        "iam",
        "add_role_to_instance_profile",
        json!({"InstanceProfileName": "theirs", "RoleName": WEB}),
    );
    let deleted = aws.pipe_with("rm-env --confirm production-pr1", &made.stdout);
    assert_eq!(deleted.code, 1);
    assert!(
        deleted.stderr.contains(&format!(
            "cannot delete role {WEB}: in the way, and not this environment's: instance profile theirs"
        )),
        "{}",
        deleted.stderr
    );
    assert_eq!(roles(&aws), [WEB]);
    assert_ne!(policy(&aws, WEB), json!(null));
}

#[test]
fn a_source_gets_four_roles_and_the_pipelines_waits_for_the_connection() {
    let aws = LocalAws::start();
    let connection = r#"{"type":"connection","name":"github","arn":"arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b","status":"PENDING"}"#;
    let pipe = "mk-source web owner/web | mk-role";
    let env = aws.pipe("mk-env production pr1").ok().stdout;
    let made = aws.pipe_with(pipe, &format!("{env}{connection}\n")).ok();
    for (kind, service) in [
        ("build", "codebuild"),
        ("function", "lambda"),
        ("pipeline", "codepipeline"),
        ("events", "events"),
    ] {
        let name = format!("role-{kind}-web-us-east-1-production-pr1");
        let (role, record) = (
            role(&aws, &name),
            made.record("role", &format!("{kind}/web")),
        );
        assert_eq!(
            (&record["arn"], &record["change"]),
            (&role["Arn"], &json!("created"))
        );
        let principal = &role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"];
        assert_eq!(principal, &json!(format!("{service}.amazonaws.com")));
        aws.call(
            "iam",
            "get_role_policy",
            json!({"RoleName": name, "PolicyName": kind}),
        );
        assert_eq!(
            support::tags(&role["Tags"])["plumbline:env"],
            "production-pr1"
        );
    }
    aws.forget();
    aws.pipe_with(pipe, &format!("{env}{connection}\n")).ok();
    assert_eq!(aws.changes(), Vec::<String>::new());

    // Another connection is another right.
    let other = connection.replace("0a1b", "2c3d");
    let updated = aws.pipe_with(pipe, &format!("{env}{other}\n")).ok();
    assert_eq!(
        updated.record("role", "pipeline/web")["changes"][0]["field"],
        "policy"
    );
    assert_eq!(updated.record("role", "build/web")["change"], "kept");

    let listed = aws.pipe("ls-env --env production-pr1").ok();
    let deleted = aws
        .pipe_with("rm-env --confirm production-pr1", &listed.stdout)
        .ok();
    for kind in ["build", "function", "pipeline", "events"] {
        assert_eq!(
            deleted.record("role", &format!("{kind}/web"))["change"],
            "deleted"
        );
    }
    assert_eq!(roles(&aws), Vec::<Value>::new());

    let without = aws.pipe_with(pipe, &env);
    assert_eq!(without.code, 65, "{}", without.stderr);
    assert!(without.stderr.contains("connection"), "{}", without.stderr);
}

/// The records of an environment and its connection, as they come to mk-role.
fn with_connection(aws: &LocalAws, arn: &str, flags: &str) -> String {
    let env = aws
        .pipe(&format!("mk-env production pr1 {flags}"))
        .ok()
        .stdout;
    format!(
        "{env}{}\n",
        json!({"type": "connection", "name": "github", "arn": arn, "status": "PENDING"})
    )
}

#[test]
fn a_dry_run_announces_the_roles_of_a_source_also_where_the_connection_is_not_made_yet() {
    let aws = LocalAws::start();
    let planned = with_connection(&aws, "planned:github", "--plan");
    let pipe = "mk-source web owner/web | mk-role";
    let announced = aws.pipe_with(pipe, &planned).would_change();
    for kind in ["build", "function", "pipeline", "events"] {
        assert_eq!(
            announced.record("role", &format!("{kind}/web"))["change"],
            "create"
        );
    }
    let arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";
    let made = aws.pipe_with(pipe, &with_connection(&aws, arn, "")).ok();
    assert_eq!(keys(&announced), keys(&made));
    aws.forget();
    let announced = aws.pipe_with(pipe, &planned).would_change();
    let changes: Vec<_> = ["build", "function", "pipeline", "events"]
        .map(|kind| announced.record("role", &format!("{kind}/web"))["change"].clone())
        .to_vec();
    // Another connection will be another right.
    assert_eq!(changes, ["kept", "kept", "update", "kept"]);
    assert_eq!(aws.changes(), Vec::<String>::new());
}

#[test]
fn the_pipelines_role_is_looked_for_before_the_connection_is_there() {
    let aws = LocalAws::start();
    let arn = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";
    let whole = with_connection(&aws, arn, "");
    let (env, connection) = whole.trim_end().split_once('\n').unwrap();
    aws.forget();
    // The connection comes once the other three are made.
    let made = "until [ $(grep -c policy $told) = 3 ]; do sleep 0.05; done";
    let late = format!(
        "(cat; {made}; echo '{connection}') | mk-source web owner/web | mk-role | tee $told"
    );
    aws.pipe_with(
        &format!("told=$(mktemp); trap 'rm $told' EXIT; {late}"),
        &format!("{env}\n"),
    )
    .ok();
    let calls = aws.calls();
    let of = |action: &str| {
        let indexed = calls
            .iter()
            .enumerate()
            .filter(move |(_, call)| support::text(&call["action"]) == action);
        indexed
            .map(|(at, call)| (at, support::text(&call["params"]["RoleName"]).to_string()))
            .collect::<Vec<_>>()
    };
    let pipelines = "role-pipeline-web-us-east-1-production-pr1";
    let looked = of("GetRole")
        .into_iter()
        .find(|(_, role)| role == pipelines)
        .unwrap();
    let created = of("CreateRole");
    assert!(
        created[3].1 == pipelines && looked.0 < created[2].0,
        "{calls:?}"
    );
    assert_eq!(
        calls.len(),
        13,
        "a caller, four roles looked for, made and permitted: {calls:?}"
    );
    aws.forget();
    aws.pipe_with("mk-source web owner/web | mk-role", &whole)
        .ok();
    assert_eq!(
        aws.calls().len(),
        17,
        "a caller, four roles, three looks at the policies of each: {:?}",
        aws.calls()
    );
}

#[test]
fn an_independent_linter_finds_nothing_in_the_policies() {
    let env: Env = serde_json::from_str(ENV).unwrap();
    let connection = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b2c3d";
    let source = |deploy: bool| -> Source {
        serde_json::from_value(json!({"name": "web", "repository": "owner/web", "deploy": deploy}))
            .unwrap()
    };
    let mut policies = BTreeMap::from([("execution", want::of_app(&env, "web").unwrap().policy)]);
    for purpose in Purpose::OF_A_SOURCE {
        policies.insert(
            purpose.word(),
            want::of_source(&env, purpose, &source(false), connection)
                .unwrap()
                .policy,
        );
    }
    let deploying = want::of_source(&env, Purpose::Pipeline, &source(true), connection)
        .unwrap()
        .policy;
    policies.insert("pipeline that deploys", deploying);
    assert_eq!(lint(&policies), "");
    // That it finds something where there is something.
    let wrong = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}]});
    assert_eq!(
        lint(&BTreeMap::from([("wrong", wrong)])),
        "wrong: RESOURCE_STAR ecr:PutImage\n"
    );
}

fn lint(policies: &BTreeMap<&str, Value>) -> String {
    let mut lint = Command::new(support::root().join(".venv/bin/python"))
        .arg(support::root().join("scripts/lint-policies"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("run the linter (scripts/venv installs it)");
    lint.stdin
        .take()
        .unwrap()
        .write_all(json!(policies).to_string().as_bytes())
        .unwrap();
    let output = lint.wait_with_output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.success(),
        found.is_empty(),
        "it ended without a word"
    );
    found
}
