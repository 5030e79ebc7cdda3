//! Whom the policy of a repository lets at its images, as it is told. Pure.

use serde_json::Value;

use super::Have;

/// What is said of a repository with a policy of its own, which no tool here sets: somebody else may
/// have let others at its images with a reason, or denies something.
pub fn warning_of_policy(have: &Have) -> Option<String> {
    let policy = have.policy.as_ref()?;
    let does = if only_denies(policy) {
        "only denies"
    } else if lets_everyone(policy) {
        "lets everyone at its images"
    } else {
        "lets others at its images"
    };
    Some(format!(
        "repository {} has a policy that somebody set, and that {does}: it stays; aws ecr delete-repository-policy takes it away",
        have.name
    ))
}

/// The statements of a policy, which writes a list of one without the list.
fn statements(policy: &Value) -> &[Value] {
    match &policy["Statement"] {
        Value::Array(statements) => statements,
        one => std::slice::from_ref(one),
    }
}

fn only_denies(policy: &Value) -> bool {
    let mut statements = statements(policy).iter();
    statements.all(|statement| statement["Effect"] == "Deny")
}

/// Whether a statement of a policy allows something to everyone, or to everyone but some, without a
/// condition.
fn lets_everyone(policy: &Value) -> bool {
    statements(policy).iter().any(|statement| {
        let is_everyone = |who: &Value| *who == "*";
        let aws = &statement["Principal"]["AWS"];
        let everyone = is_everyone(&statement["Principal"])
            || is_everyone(aws)
            || aws
                .as_array()
                .is_some_and(|list| list.iter().any(is_everyone))
            || statement.get("NotPrincipal").is_some();
        everyone && statement["Effect"] == "Allow" && statement.get("Condition").is_none()
    })
}
