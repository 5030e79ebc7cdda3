//! The policies of the roles, read by an independent linter.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use mk_role::purpose::Purpose;
use mk_role::want;
use plumbing::{Env, Source};
use support::{ENV, Value, json};

const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b2c3d";

fn source(deploy: bool) -> Source {
    let record = json!({"name": "web", "repository": "owner/web", "deploy": deploy});
    serde_json::from_value(record).unwrap()
}

#[test]
fn an_independent_linter_finds_nothing_in_the_policies() {
    let env: Env = serde_json::from_str(ENV).unwrap();
    let execution = want::of_app(&env, "web").unwrap();
    let mut policies = BTreeMap::from([("execution", execution.policy)]);
    for purpose in Purpose::OF_A_SOURCE {
        let want = want::of_source(&env, purpose, &source(false), CONNECTION).unwrap();
        policies.insert(purpose.word(), want.policy);
    }
    let want = want::of_source(&env, Purpose::Pipeline, &source(true), CONNECTION).unwrap();
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
