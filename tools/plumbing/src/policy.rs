//! Whether two policy documents say the same. AWS gives them back in another order than they were set.

use serde_json::Value;

/// Whether two policies, or parts of them, say the same: the order of fields and of lists says
/// nothing, a list of one is that one, a number or a truth is its word, and everyone is everyone
/// (IAM user guide, "Grammar of the IAM JSON policy language").
pub fn same(a: &Value, b: &Value) -> bool {
    canonical(a) == canonical(b)
}

/// A policy in the one form that all have which say the same.
pub fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| (key.clone(), canonical(value)));
            everyone(fields.collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(canonical).collect();
            items.sort_by_key(Value::to_string);
            items.dedup();
            match items.len() {
                1 => items.remove(0),
                _ => items.into(),
            }
        }
        Value::Bool(_) | Value::Number(_) => value.to_string().into(),
        other => other.clone(),
    }
}

/// `{"AWS": "*"}` as a principal is `"*"`.
fn everyone(mut statement: Value) -> Value {
    if let Some(principal) = statement.get_mut("Principal")
        && principal.as_object().is_some_and(|of| of.len() == 1)
        && principal["AWS"] == "*"
    {
        *principal = "*".into();
    }
    statement
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn statement(principal: Value, actions: Value, resources: Value, condition: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": {
            "Sid": "x", "Effect": "Deny", "Principal": principal, "Action": actions,
            "Resource": resources, "Condition": condition,
        }})
    }

    #[test]
    fn what_says_the_same_is_the_same() {
        let tls = |value: Value| json!({"Bool": {"aws:SecureTransport": value}});
        let set = statement(
            json!("*"),
            json!("s3:*"),
            json!(["a", "a/*"]),
            tls(json!("false")),
        );
        for given_back in [
            statement(
                json!({"AWS": "*"}),
                json!(["s3:*"]),
                json!(["a/*", "a"]),
                tls(json!(false)),
            ),
            statement(
                json!({"AWS": ["*"]}),
                json!("s3:*"),
                json!(["a", "a/*", "a"]),
                tls(json!(["false"])),
            ),
        ] {
            assert!(same(&set, &given_back), "{given_back}");
            let mut listed = given_back;
            listed["Statement"] = json!([listed["Statement"]]);
            assert!(same(&set, &listed), "{listed}");
        }
        let two = |a: &str, b: &str| json!({"Statement": [{"Sid": a}, {"Sid": b}]});
        assert!(same(&two("1", "2"), &two("2", "1")));
    }

    #[test]
    fn what_says_something_else_is_not() {
        let plain = statement(json!("*"), json!("s3:*"), json!("a"), json!({}));
        for other in [
            statement(json!({"AWS": "1"}), json!("s3:*"), json!("a"), json!({})),
            statement(
                json!({"AWS": "*", "Service": "x"}),
                json!("s3:*"),
                json!("a"),
                json!({}),
            ),
            statement(json!("*"), json!(["s3:*", "kms:*"]), json!("a"), json!({})),
            statement(json!("*"), json!("s3:*"), json!(["a", "b"]), json!({})),
            statement(
                json!("*"),
                json!("s3:*"),
                json!("a"),
                json!({"Bool": {"x": "true"}}),
            ),
        ] {
            assert!(!same(&plain, &other), "{other}");
        }
    }
}
