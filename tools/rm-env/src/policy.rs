//! The permissions to delete an environment: what the owners' own policies hold of it.

use plumbing::Owner;
use serde_json::{Value, json};

/// How the names of actions begin that a deletion calls: those that look, and those that take away.
const BEGIN: [&str; 14] = [
    "Abort",
    "BatchDelete",
    "BatchGet",
    "Delete",
    "Deregister",
    "Describe",
    "Detach",
    "Disassociate",
    "Get",
    "List",
    "Release",
    "Remove",
    "Revoke",
    "Stop",
];

/// What else a deletion calls: protection is lifted, a listener or rule forgets what it forwarded to, a load
/// balancer leaves a zone, a service is scaled to none and loses its mark, a role loses a right; what a pipeline registered,
/// or a late writer made, gets the tags by which it is ours.
const BESIDE: [&str; 9] = [
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:SetSubnets",
    "ecs:TagResource",
    "ecs:UntagResource",
    "ecs:UpdateService",
    "iam:PutRolePolicy",
    "logs:TagResource",
];

/// What begins like a deletion and is none: mk-vpc takes a mark away, to keep what has it; a rollback gives
/// back what ran before.
const MENDS: [&str; 2] = ["ec2:DeleteTags", "ecs:StopServiceDeployment"];

/// Every statement of the owners' policies, under the tool's name.
pub fn deleting(owners: &[&Owner]) -> String {
    let mut statements = Vec::new();
    for owner in owners {
        let mut policy: Value = serde_json::from_str(owner.policy).unwrap_or_default();
        for statement in policy["Statement"].as_array_mut().into_iter().flatten() {
            if let Some(actions) = statement["Action"].as_array_mut() {
                actions.retain(deletes);
            }
            let nothing_is_left = match &statement["Action"] {
                Value::Array(actions) => actions.is_empty(),
                action => !deletes(action),
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

/// Whether a deletion calls an action, or looks by it.
fn deletes(action: &Value) -> bool {
    let action = action.as_str().unwrap_or_default();
    let operation = action.split(':').nth(1).unwrap_or_default();
    let begins_so = BEGIN.iter().any(|begin| operation.starts_with(begin));
    BESIDE.contains(&action) || begins_so && !MENDS.contains(&action)
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
    fn nothing_that_makes_or_changes_is_left() {
        let policy: Value = serde_json::from_str(&deleting(&ls_env::OWNERS)).unwrap();
        let mut actions = Vec::new();
        for statement in policy["Statement"].as_array().unwrap() {
            match &statement["Action"] {
                Value::Array(listed) => actions.extend(listed.clone()),
                action => actions.push(action.clone()),
            }
        }
        assert!(actions.contains(&json!("ec2:DeleteVpc")));
        let changes = ["ec2:CreateVpc", "iam:PassRole", "iam:CreateRole"];
        let kept: Vec<_> = changes
            .iter()
            .filter(|one| actions.contains(&json!(one)))
            .collect();
        assert!(kept.is_empty(), "{kept:?}");
        assert!(actions.contains(&json!("ecs:UpdateService")));
        assert!(!actions.contains(&json!("lambda:UpdateFunctionCode")));
    }
}
