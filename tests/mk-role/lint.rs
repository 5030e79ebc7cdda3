//! The policies of the roles, read by an independent linter.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use mk_role::placing::Placing;
use mk_role::purpose::Purpose;
use mk_role::secrets::{AllFound, Found};
use mk_role::want;
use plumbing::{App, Env, SecretRef, Source};
use support::{ENV, Value, json};

const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b2c3d";

fn source(deploy: bool) -> Source {
    let record = json!({"name": "web", "repository": "owner/web", "deploy": deploy});
    serde_json::from_value(record).unwrap()
}

/// An app that reads from everywhere, with keys of its own, and has file systems.
fn app_with_secrets() -> (App, AllFound) {
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123";
    let app = json!({
        "name": "web",
        "secrets": {"A": secret, "B": "/b/c"},
        "env_files": ["arn:aws:s3:::bucket/web.env"],
        "mounts": ["fs-0a1b2c3d=/data", "fs-0a1b2c3d@fsap-0a1b2c3d=/more:ro"],
    });
    let with_key = |key: &str| Found {
        key: Some(key.into()),
        ..Found::default()
    };
    let found = [
        (
            SecretRef::Secret(secret.into()),
            with_key("0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"),
        ),
        (
            SecretRef::Parameter("/b/c".into()),
            with_key("alias/parameters"),
        ),
    ];
    (serde_json::from_value(app).unwrap(), found.into())
}

#[test]
fn an_independent_linter_finds_nothing_in_the_policies() {
    let env: Env = serde_json::from_str(ENV).unwrap();
    let placing = Placing::default();
    let (app, found) = app_with_secrets();
    let execution = want::of_app(&env, &placing, &app, &found).unwrap();
    let tasks = want::of_tasks(&env, &placing, &app).unwrap();
    let deployments = want::of_deployments(&env, &placing, &app).unwrap();
    let mut policies = BTreeMap::from([
        ("execution", execution.policy),
        ("task", tasks.policy),
        ("deploy", deployments.policy),
    ]);
    for purpose in Purpose::OF_A_SOURCE {
        let want = want::of_source(&env, &placing, purpose, &source(false), CONNECTION).unwrap();
        policies.insert(purpose.word(), want.policy);
    }
    let want =
        want::of_source(&env, &placing, Purpose::Pipeline, &source(true), CONNECTION).unwrap();
    policies.insert("pipeline that deploys", want.policy);
    assert_eq!(lint(&policies), "");
    // That it finds something where there is something.
    let wrong = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "*"}],
    });
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
    let mut stdin = lint.stdin.take().unwrap();
    stdin
        .write_all(json!(policies).to_string().as_bytes())
        .unwrap();
    drop(stdin);
    let output = lint.wait_with_output().unwrap();
    let found = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.success(),
        found.is_empty(),
        "it ended without a word"
    );
    found
}
