//! The permissions to delete an environment: the owners' own policies without what creates.

use plumbing::Owner;
use serde_json::{Value, json};

/// Every statement of the owners' policies, under the tool's name.
pub fn deleting(owners: &[&Owner]) -> String {
    let mut statements = Vec::new();
    for owner in owners {
        let mut policy: Value = serde_json::from_str(owner.policy).unwrap_or_default();
        for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.retain(|action| !creates(action));
            }
            let nothing_is_left = match &statement["Action"] {
                Value::Array(actions) => actions.is_empty(),
                action => creates(action),
            };
            if !nothing_is_left {
                let sid = statement["Sid"].as_str().unwrap_or_default();
                statement["Sid"] = format!("{}{sid}", sid_prefix(owner.tool)).into();
                statements.push(statement.take());
            }
        }
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    format!("{policy:#}\n")
}

fn creates(action: &Value) -> bool {
    action
        .as_str()
        .is_some_and(|action| action.contains(":Create"))
}

/// `EcsSvc` of mk-ecs-svc: a statement's ID takes letters and digits alone.
fn sid_prefix(tool: &str) -> String {
    let mut prefix = String::new();
    for word in tool.trim_start_matches("mk-").split('-') {
        let (first, rest) = word.split_at(1);
        prefix.push_str(&first.to_uppercase());
        prefix.push_str(rest);
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tools_name_makes_an_id() {
        assert_eq!(sid_prefix("mk-ecs-svc"), "EcsSvc");
    }

    #[test]
    fn nothing_that_creates_is_left() {
        let policy: Value = serde_json::from_str(&deleting(&ls_env::OWNERS)).unwrap();
        let mut actions = Vec::new();
        for statement in policy["Statement"].as_array().unwrap() {
            match &statement["Action"] {
                Value::Array(listed) => actions.extend(listed.clone()),
                action => actions.push(action.clone()),
            }
        }
        assert!(actions.contains(&json!("ec2:DeleteVpc")));
        assert!(!actions.iter().any(creates), "{actions:?}");
    }
}
