//! The permissions to list an environment: what the owners' own policies need to read.

use plumbing::Owner;
use serde_json::{Value, json};

/// The reading actions of the owners' policies as one policy.
pub fn reading(owners: &[&Owner]) -> String {
    let mut actions = Vec::new();
    for owner in owners {
        let policy: Value = serde_json::from_str(owner.policy).unwrap_or_default();
        for statement in policy["Statement"].as_array().into_iter().flatten() {
            actions.extend(actions_of(statement).filter(|action| reads(action)));
        }
    }
    actions.sort();
    actions.dedup();
    let statement = json!({"Sid": "Look", "Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    format!("{policy:#}\n")
}

/// A statement's actions, of which it has one or a list.
fn actions_of(statement: &Value) -> impl Iterator<Item = String> {
    let actions = match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    };
    actions
        .into_iter()
        .filter_map(|action| action.as_str().map(String::from))
}

fn reads(action: &str) -> bool {
    let operation = action.split(':').nth(1).unwrap_or_default();
    ["BatchGet", "Describe", "Get", "List"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_needs_only_to_read() {
        let policy = r#"{"Statement":[{"Action":["ec2:DescribeVpcs","ec2:CreateVpc"]},{"Action":"iam:GetRole"}]}"#;
        let owner = Owner {
            policy,
            ..mk_logs::OWNER
        };
        let merged: Value = serde_json::from_str(&reading(&[&owner])).unwrap();
        assert_eq!(
            merged["Statement"][0]["Action"],
            json!(["ec2:DescribeVpcs", "iam:GetRole"])
        );
    }
}
