//! The bucket's policy: our statement, and what others' statements do. Pure.

use plumbing::Env;
use plumbing::policy::same;
use serde_json::{Value, json};

use super::arn;

/// The statement that is ours in the bucket's policy; others' stay.
pub const TLS_ONLY: &str = "TlsOnly";

/// A policy with our statement in it as it is to be, and the others as they are; but for what lets
/// everyone in: S3 takes no policy with that while public access is blocked.
pub fn with_our_statement(env: &Env, bucket: &str, have: Option<&Value>) -> Value {
    let arn = arn(env, bucket);
    let ours = json!({
        "Sid": TLS_ONLY,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    });
    let Some(have) = have else {
        return json!({"Version": "2012-10-17", "Statement": [ours]});
    };
    let mut policy = have.clone();
    let mut statements = statements(have);
    statements.retain(|statement| !lets_everyone_in(statement));
    let found = statements
        .iter_mut()
        .find(|statement| statement["Sid"] == TLS_ONLY);
    match found {
        // As it stands there, where it says the same.
        Some(found) if same(found, &ours) => {}
        Some(found) => *found = ours,
        None => statements.push(ours),
    }
    policy["Statement"] = statements.into();
    policy
}

/// The statements of others that stay and let somebody in: what each is called, and for whom it is.
pub fn grants(policy: Option<&Value>) -> Vec<String> {
    let others = others_of(policy, "Allow");
    let others = others.iter().filter(|other| !lets_everyone_in(other));
    others
        .map(|other| {
            let whom = match other.get("NotPrincipal") {
                Some(but) => format!("all but {but}"),
                None => other["Principal"].to_string(),
            };
            format!("statement {} for {whom}", name(other))
        })
        .collect()
}

/// The statements of others that only deny, by what each is called.
pub fn denials(policy: Option<&Value>) -> Vec<String> {
    let others = others_of(policy, "Deny");
    others
        .iter()
        .map(|other| format!("statement {}, which only denies", name(other)))
        .collect()
}

fn others_of(policy: Option<&Value>, effect: &str) -> Vec<Value> {
    let mut others = policy.map(statements).unwrap_or_default();
    others.retain(|other| other["Sid"] != TLS_ONLY && other["Effect"] == effect);
    others
}

fn name(statement: &Value) -> &str {
    statement["Sid"].as_str().unwrap_or("without a name")
}

/// The statements of a policy, which writes a list of one without the list.
fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Whether a statement allows something to everyone, or to everyone but some, without a condition.
fn lets_everyone_in(statement: &Value) -> bool {
    let is_everyone = |who: &Value| *who == "*";
    let aws = &statement["Principal"]["AWS"];
    let has_everyone = is_everyone(&statement["Principal"])
        || is_everyone(aws)
        || aws
            .as_array()
            .is_some_and(|list| list.iter().any(is_everyone))
        || statement.get("NotPrincipal").is_some();
    statement["Effect"] == "Allow" && has_everyone && statement.get("Condition").is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statements: &[Value]) -> Value {
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    fn statement(sid: &str, effect: &str, who: Value) -> Value {
        json!({"Sid": sid, "Effect": effect, "Principal": who, "Action": "s3:GetObject"})
    }

    #[test]
    fn who_is_let_in_by_others_statements_is_named() {
        let mut limited = statement("Limited", "Allow", json!("*"));
        limited["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        let mut but = statement("But", "Allow", json!(null));
        but.as_object_mut().unwrap().remove("Principal");
        but["NotPrincipal"] = json!({"AWS": "1"});
        but["Condition"] = limited["Condition"].clone();
        let policy = policy(&[
            statement(
                "Root",
                "Allow",
                json!({"AWS": "arn:aws:iam::999999999999:root"}),
            ),
            statement("Number", "Allow", json!({"AWS": ["999999999999"]})),
            limited,
            but,
            statement("Public", "Allow", json!("*")),
            statement("MyDeny", "Deny", json!("*")),
            statement(TLS_ONLY, "Deny", json!("*")),
        ]);
        assert_eq!(
            grants(Some(&policy)),
            [
                r#"statement Root for {"AWS":"arn:aws:iam::999999999999:root"}"#,
                r#"statement Number for {"AWS":["999999999999"]}"#,
                r#"statement Limited for "*""#,
                r#"statement But for all but {"AWS":"1"}"#,
            ]
        );
        let denials = denials(Some(&policy));
        assert_eq!(denials, ["statement MyDeny, which only denies"]);
        assert_eq!(grants(None), Vec::<String>::new());
    }

    #[test]
    fn everyone_is_known_in_each_way_of_writing_it() {
        for who in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["1", "*"]})] {
            let statement = statement("Public", "Allow", who);
            assert!(lets_everyone_in(&statement), "{statement}");
        }
        let all_but = json!({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "s3:*"});
        assert!(lets_everyone_in(&all_but));
        let one = statement("One", "Allow", json!({"AWS": ["1"]}));
        assert!(!lets_everyone_in(&one));
    }
}
