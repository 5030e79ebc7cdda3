//! What hands set about a function that stays, and how it is told. Pure.

use serde_json::Value;

use super::Have;

/// Who may invoke a function by the statements of its own policy.
pub fn invokers(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    let mut invokers = Vec::new();
    for statement in statements {
        let sid = statement["Sid"].as_str().unwrap_or("without a name");
        let principal = &statement["Principal"];
        let who = if *principal == "*" || principal["AWS"] == "*" {
            "everyone".to_string()
        } else {
            principal.to_string()
        };
        invokers.push(format!("permission {sid} for {who}"));
    }
    invokers
}

/// What is said of a function that somebody let others invoke. They may have had a reason: it stays.
pub fn warning_of_invokers(function: &str, have: &Have) -> Option<String> {
    if have.invoked_by.is_empty() {
        return None;
    }
    let invokers = have.invoked_by.join(", ");
    Some(format!(
        "function {function} may be invoked by others than its pipeline: {invokers}; that stays until you take it away"
    ))
}

/// What is said of a function that somebody made stricter.
pub fn warning_of_stricter(function: &str, have: &Have) -> Option<String> {
    let mut stricter = have.stricter.clone();
    if let Some(limit) = have.concurrency.filter(|limit| *limit > 0) {
        stricter.push(format!("reserved concurrency {limit}"));
    }
    if stricter.is_empty() {
        return None;
    }
    let stricter = stricter.join(", ");
    Some(format!(
        "function {function} has by somebody's hand: {stricter}; it stays so"
    ))
}
