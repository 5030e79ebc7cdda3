//! What an app's tasks may do in AWS.

use std::collections::BTreeSet;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The rights of an app's tasks, which are a role of their own: not the one that starts them.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "Its rights in AWS")]
#[serde(default)]
pub struct Rights {
    /// The statements of the role's policy, as IAM writes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(skip)]
    pub allow: Vec<Value>,
    /// Whether a statement may allow whatever a wildcard stands for.
    #[serde(skip_serializing_if = "crate::record::is_false")]
    #[arg(long)]
    pub allow_any: bool,
}

/// The fields of a statement of a role's own policy. It has no Principal: that is the role.
const FIELDS: [&str; 7] = [
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// What the statements of an app's file systems are called, with a number after it.
pub const MOUNT_STATEMENT: &str = "MountItsFiles";

/// How many characters a role's inline policies have together, without blanks (IAM quotas).
const LARGEST_POLICY: usize = 10_240;

impl Rights {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.allow_any && self.allow.is_empty() {
            return Err("allow_any: there is no statement that it could be for".into());
        }
        for (number, statement) in self.allow.iter().enumerate() {
            self.check_statement(statement)
                .map_err(|why| format!("allow[{number}]: {why}"))?;
        }
        self.check_names()?;
        let size = serde_json::to_string(&self.allow).map_or(0, |text| text.len());
        if size + 100 > LARGEST_POLICY {
            return Err(format!(
                "allow has {size} characters, more than the {LARGEST_POLICY} that IAM takes of a role"
            ));
        }
        Ok(())
    }

    /// IAM takes letters and digits, and each name once.
    fn check_names(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        for (number, statement) in self.allow.iter().enumerate() {
            let Some(sid) = statement.get("Sid") else {
                continue;
            };
            let name = sid.as_str().unwrap_or_default();
            let is_one = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
            if !is_one || name.starts_with(MOUNT_STATEMENT) {
                return Err(format!(
                    "allow[{number}]: its Sid {sid} is not letters and digits, or begins with {MOUNT_STATEMENT}"
                ));
            }
            if !names.insert(name) {
                return Err(format!("allow[{number}]: another has its Sid '{name}'"));
            }
        }
        Ok(())
    }

    fn check_statement(&self, statement: &Value) -> Result<(), String> {
        let Some(fields) = statement.as_object() else {
            return Err("is no statement: an object with Effect, Action and Resource".into());
        };
        if let Some(other) = fields
            .keys()
            .find(|field| !FIELDS.contains(&field.as_str()))
        {
            return Err(format!(
                "has '{other}', which no statement of a role's policy has"
            ));
        }
        let allows = match fields.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("its Effect must be Allow or Deny".into()),
        };
        let actions = texts(fields, "Action")?;
        let resources = texts(fields, "Resource")?;
        for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
            if fields.contains_key(one) == fields.contains_key(other) {
                return Err(format!("it must have one of {one} and {other}"));
            }
        }
        let is_action = |text: &str| {
            text == "*"
                || text
                    .split_once(':')
                    .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
        };
        if let Some(other) = actions.iter().find(|text| !is_action(text)) {
            return Err(format!(
                "its Action '{other}' is not SERVICE:ACTION, like s3:GetObject"
            ));
        }
        let is_resource = |text: &str| {
            text == "*" || text.splitn(6, ':').count() == 6 && text.starts_with("arn:")
        };
        if let Some(other) = resources.iter().find(|text| !is_resource(text)) {
            return Err(format!("its Resource '{other}' is no ARN"));
        }
        if !allows || self.allow_any {
            return Ok(());
        }
        match wildcard(fields, &actions, &resources) {
            Some(what) => Err(format!(
                "{what} allows more than it names: name each, or say that it is meant (--allow-any)"
            )),
            None => Ok(()),
        }
    }
}

/// What of a statement that allows stands for more than it names. The last part of an ARN may: the
/// objects of a bucket cannot be named one by one.
fn wildcard(
    fields: &serde_json::Map<String, Value>,
    actions: &[&str],
    resources: &[&str],
) -> Option<String> {
    for field in ["NotAction", "NotResource"] {
        if fields.contains_key(field) {
            return Some(field.into());
        }
    }
    let is_wild = |text: &str| text.contains(['*', '?']);
    if let Some(action) = actions.iter().find(|text| is_wild(text)) {
        return Some(format!("Action '{action}'"));
    }
    let is_wide = |text: &str| {
        let mut parts: Vec<&str> = text.splitn(6, ':').collect();
        let last = parts.pop().unwrap_or_default();
        parts.iter().any(|part| is_wild(part)) || last.starts_with(['*', '?'])
    };
    let resource = resources.iter().find(|text| is_wide(text))?;
    Some(format!("Resource '{resource}'"))
}

/// The texts of a field that is a text or a list of texts.
fn texts<'a>(
    fields: &'a serde_json::Map<String, Value>,
    field: &str,
) -> Result<Vec<&'a str>, String> {
    let values = match fields.get(field) {
        None => return Ok(Vec::new()),
        Some(Value::Array(values)) => values.as_slice(),
        Some(value) => std::slice::from_ref(value),
    };
    let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
    match texts {
        Some(texts) if !texts.is_empty() => Ok(texts),
        _ => Err(format!("its {field} is neither a text nor a list of texts")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(statement: Value, any: bool) -> Result<(), String> {
        let rights = Rights {
            allow: vec![statement],
            allow_any: any,
        };
        rights.check()
    }

    #[test]
    fn what_names_what_it_allows_is_taken() {
        for statement in [
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}),
            json!({"Sid": "A", "Effect": "Allow", "Action": ["sqs:SendMessage"],
                "Resource": ["arn:aws:sqs:us-east-1:123456789012:jobs"],
                "Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
            json!({"Effect": "Deny", "Action": "*", "Resource": "*"}),
        ] {
            assert_eq!(checked(statement.clone(), false), Ok(()), "{statement}");
        }
    }

    #[test]
    fn a_wildcard_is_refused_unless_it_is_meant() {
        let bucket = "arn:aws:s3:::bucket/*";
        for statement in [
            json!({"Effect": "Allow", "Action": "*", "Resource": bucket}),
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": bucket}),
            json!({"Effect": "Allow", "Action": ["s3:GetObject", "s3:List?"], "Resource": bucket}),
            json!({"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": bucket}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"}),
            json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*:123456789012:jobs"}),
            json!({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": bucket}),
        ] {
            let refused = checked(statement.clone(), false).unwrap_err();
            assert!(refused.contains("allows more than it names"), "{refused}");
            assert_eq!(checked(statement, true), Ok(()));
        }
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        for (statement, why) in [
            (json!("s3:GetObject"), "is no statement"),
            (
                json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}),
                "has 'Principal'",
            ),
            (
                json!({"Action": "s3:GetObject", "Resource": "*"}),
                "Effect must be",
            ),
            (
                json!({"Effect": "Allow", "Resource": "*"}),
                "one of Action and NotAction",
            ),
            (
                json!({"Effect": "Allow", "Action": 1, "Resource": "*"}),
                "Action is neither",
            ),
            (
                json!({"Effect": "Allow", "Action": [], "Resource": "*"}),
                "Action is neither",
            ),
            (
                json!({"Effect": "Allow", "Action": "GetObject", "Resource": "*"}),
                "not SERVICE:ACTION",
            ),
            (
                json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "bucket"}),
                "is no ARN",
            ),
        ] {
            let refused = checked(statement.clone(), true).unwrap_err();
            assert!(refused.contains(why), "{statement}: {refused}");
        }
        for (sids, why) in [
            (json!(["A", "A"]), "another has its Sid 'A'"),
            (json!(["a-b"]), "is not letters and digits"),
            (json!([1]), "is not letters and digits"),
            (json!(["MountItsFiles1"]), "begins with MountItsFiles"),
        ] {
            let named =
                |sid: &Value| json!({"Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*"});
            let rights = Rights {
                allow: sids.as_array().unwrap().iter().map(named).collect(),
                allow_any: false,
            };
            let refused = rights.check().unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        let many = Rights {
            allow: vec![json!({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}); 200],
            allow_any: false,
        };
        assert!(many.check().unwrap_err().contains("more than the 10240"));
        let alone = Rights {
            allow: Vec::new(),
            allow_any: true,
        };
        assert!(alone.check().is_err());
    }
}
