//! What a role's policy still allows though its app names it no more. It stays until what runs has moved
//! on: the tasks of before may still need it, and so does a deployment that is rolled back. Pure.

use plumbing::Surplus;
use serde_json::Value;

use crate::document::{is_there, only_denies, same, statements};
use crate::purpose::Purpose;
use crate::want::Want;

/// What the statements are called whose names others have now, with a number after it.
const BEFORE: &str = "Before";

/// What the statements are called that follow from an app's secrets and files, with more after it; and all
/// that these allow.
const READING: [&str; 4] = ["ReadIts", "FindIts", "DecryptThem", BEFORE];
const READS: [&str; 5] = [
    "secretsmanager:GetSecretValue",
    "ssm:GetParameters",
    "s3:GetObject",
    "s3:GetBucketLocation",
    "kms:Decrypt",
];

/// What a policy is to say now: all that is wanted, and what was wanted before.
pub fn grown(want: &Want, have: Option<&Value>) -> Value {
    let mut policy = want.policy.clone();
    let mut all = statements(&policy);
    for mut statement in have.map(|have| left_over(want, have)).unwrap_or_default() {
        let is_taken = |name: &Value| all.iter().any(|other| other["Sid"] == *name);
        if is_taken(&statement["Sid"]) {
            let mut names = (1..).map(|number| Value::from(format!("{BEFORE}{number}")));
            let name = names.find(|name| !is_taken(name));
            statement["Sid"] = name.unwrap_or_default();
        }
        all.push(statement);
    }
    policy["Statement"] = all.into();
    policy
}

/// The statements of a policy that allow what the app named before. Of an app's tasks that may be anything;
/// of ECS it is to read one thing or another.
pub fn left_over(want: &Want, have: &Value) -> Vec<Value> {
    let wanted = statements(&want.policy);
    let mut found = statements(have);
    found.retain(|statement| {
        let denies = only_denies(&serde_json::json!({"Statement": statement}));
        !denies && !is_there(statement, &wanted) && may_have_been_named(want, statement)
    });
    found
}

fn may_have_been_named(want: &Want, statement: &Value) -> bool {
    if want.policy_name == Purpose::Task.word() {
        return true;
    }
    let name = statement["Sid"].as_str().unwrap_or_default();
    let by_alias = statement["Condition"]["ForAnyValue:StringEquals"].is_object();
    let is_one =
        |resource: &str| resource.starts_with("arn:") && (by_alias || !resource.contains('*'));
    want.policy_name == Purpose::Execution.word()
        && READING.iter().any(|reading| name.starts_with(reading))
        && all_texts(&statement["Action"], |action| READS.contains(&action))
        && all_texts(&statement["Resource"], is_one)
}

/// Whether a text, or each of a list of texts, is such.
fn all_texts(value: &Value, is_one: impl Fn(&str) -> bool) -> bool {
    let values = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    values
        .iter()
        .all(|value| value.as_str().is_some_and(&is_one))
}

/// What is told of a role that may still do what its app names no more.
pub fn surplus(want: &Want, have: &Value) -> Option<Surplus> {
    let left = left_over(want, have);
    if left.is_empty() {
        return None;
    }
    let mut actions = Vec::new();
    for statement in &left {
        for action in ["Action", "NotAction"].map(|field| &statement[field]) {
            let listed = action
                .as_array()
                .map_or(std::slice::from_ref(action), Vec::as_slice);
            actions.extend(listed.iter().filter_map(Value::as_str));
        }
    }
    actions.sort_unstable();
    actions.dedup();
    Some(Surplus {
        name: format!("policy/{}", want.name),
        owner: crate::OWNER.tool.into(),
        what: format!(
            "what role {} may still do: {}",
            want.name,
            actions.join(", ")
        ),
        ..Surplus::default()
    })
}

/// A policy without what is left over.
pub fn shrunk(want: &Want, have: &Value) -> Option<Value> {
    let left = left_over(want, have);
    let mut kept = statements(have);
    kept.retain(|statement| !left.iter().any(|other| same(other, statement)));
    let mut policy = have.clone();
    policy["Statement"] = kept.into();
    (!left.is_empty()).then_some(policy)
}

#[cfg(test)]
mod tests {
    use plumbing::Env;
    use serde_json::json;

    use super::*;
    use crate::example::app;
    use crate::placing::Placing;
    use crate::secrets::AllFound;
    use crate::want::{of_app, of_tasks};

    const A: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbC123";
    const B: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:b-AbC123";

    fn execution(secrets: Value) -> Want {
        let app = app(json!({"secrets": secrets}));
        of_app(&Env::example(), &Placing::default(), &app, &AllFound::new()).unwrap()
    }

    fn tasks(allow: Value) -> Want {
        of_tasks(
            &Env::example(),
            &Placing::default(),
            &app(json!({"allow": allow})),
        )
        .unwrap()
    }

    #[test]
    fn a_secret_that_is_named_no_more_stays_readable_until_the_end() {
        let (both, one, none) = (
            execution(json!({"A": A, "B": B})),
            execution(json!({"A": A})),
            execution(json!({})),
        );
        assert_eq!(left_over(&both, &both.policy), Vec::<Value>::new());
        assert_eq!(surplus(&both, &both.policy), None);
        assert_eq!(left_over(&both, &one.policy).len(), 1);
        assert_eq!(grown(&none, Some(&both.policy)), both.policy);
        let policy = grown(&one, Some(&both.policy));
        let added = &policy["Statement"][4];
        assert_eq!(added["Sid"], "Before1");
        assert_eq!(added["Resource"], json!([A, B]));
        assert_eq!(grown(&one, Some(&policy)), policy, "a second run");
        assert_eq!(shrunk(&one, &policy), Some(one.policy.clone()));
        assert_eq!(shrunk(&one, &one.policy), None);
        let told = surplus(&one, &policy).unwrap();
        assert_eq!(told.name, "policy/execution/web");
        assert_eq!(
            told.what,
            "what role execution/web may still do: secretsmanager:GetSecretValue"
        );
    }

    #[test]
    fn what_no_app_can_have_named_is_not_left_over() {
        let want = execution(json!({"A": A}));
        for by_hand in [
            json!({"Sid": "Before1", "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}),
            json!({"Sid": "Before1", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/k"}),
            json!({"Sid": "Other", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/k"}),
            json!({"Sid": "ReadIts", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/k"}),
            json!({"Sid": "ReadIts", "Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "arn:aws:s3:::b/k"}),
        ] {
            let mut policy = want.policy.clone();
            policy["Statement"].as_array_mut().unwrap().push(by_hand);
            assert_eq!(left_over(&want, &policy), Vec::<Value>::new(), "{policy}");
        }
    }

    #[test]
    fn the_tasks_of_before_may_do_all_that_they_could() {
        let statement = |sid: &str, queue: &str| json!({"Sid": sid, "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue});
        let denial = json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"});
        let before = tasks(json!([statement("Send", "arn:a"), denial]));
        let after = tasks(json!([statement("Send", "arn:b")]));
        let policy = grown(&after, Some(&before.policy));
        assert_eq!(
            policy["Statement"],
            json!([statement("Send", "arn:b"), statement("Before1", "arn:a")])
        );
        assert_eq!(shrunk(&after, &policy), Some(after.policy.clone()));
        // Stricter by hand is no other statement.
        let mut narrowed = after.policy.clone();
        narrowed["Statement"][0]["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
        assert_eq!(left_over(&after, &narrowed), Vec::<Value>::new());
    }
}
