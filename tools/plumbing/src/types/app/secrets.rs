//! Values of an app's variables that are secret, or in a file of somebody else's: ECS reads them when a
//! task starts, and at no other time.

use std::collections::BTreeMap;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::Env;

/// An app's secrets.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[command(next_help_heading = "Its secrets")]
#[serde(default)]
pub struct Secrets {
    /// Variables whose values are in Secrets Manager, by the secret's ARN, with
    /// `:JSON_KEY:STAGE:VERSION` after it where only a part or another version is meant; or in a
    /// parameter of Systems Manager, by its name or ARN.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[arg(skip)]
    pub secrets: BTreeMap<String, String>,
    /// Files of variables in S3, by their ARNs, which end in `.env`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[arg(long = "env-file", value_name = "ARN")]
    pub env_files: Vec<String>,
    /// Whether the next run deploys it again where a secret has another value by then.
    #[serde(skip_serializing_if = "crate::record::is_false")]
    #[arg(long)]
    pub restart_on_change: bool,
}

/// Where the value of a variable is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// A secret of Secrets Manager, by its ARN without what may follow it.
    Secret(String),
    /// A parameter of Systems Manager, by its name: `/db/password`.
    Parameter(String),
}

impl Secrets {
    pub(super) fn check(&self, set: &BTreeMap<String, String>) -> Result<(), String> {
        check_names(set, &self.secrets)?;
        if self.env_files.len() > 10 {
            return Err(format!(
                "env_files: {} are more than the 10 that ECS takes",
                self.env_files.len()
            ));
        }
        for file in &self.env_files {
            let parts: Vec<&str> = file.splitn(6, ':').collect();
            let is_object = matches!(parts[..], ["arn", _, "s3", "", "", path] if path.split_once('/').is_some_and(|(bucket, key)| !bucket.is_empty() && key.ends_with(".env")));
            if !is_object || file.contains(['*', '?']) {
                return Err(format!(
                    "env_files '{file}' is not arn:aws:s3:::BUCKET/KEY.env"
                ));
            }
        }
        if self.restart_on_change && self.secrets.is_empty() {
            return Err("restart_on_change: there are no secrets that could change".into());
        }
        Ok(())
    }

    /// Refuses a secret that is of another account or region: ECS reads it with a role of this account,
    /// and a parameter's name is one of this region.
    pub(crate) fn check_in(&self, env: &Env) -> Result<(), String> {
        check_in(std::iter::once(&self.secrets), env)?;
        for file in &self.env_files {
            check_partition("env_files", file, env)?;
        }
        Ok(())
    }
}

/// Refuses secrets that are of another account or region.
pub(super) fn check_in<'a>(
    all: impl Iterator<Item = &'a BTreeMap<String, String>>,
    env: &Env,
) -> Result<(), String> {
    for (name, value) in all.flatten() {
        check_place(name, value, env)?;
    }
    Ok(())
}

/// What names a secret's value; `None` where the text is neither a secret's nor a parameter's.
pub fn secret_ref(value: &str) -> Option<SecretRef> {
    if !value.starts_with("arn:") {
        return is_parameter(value).then(|| SecretRef::Parameter(value.into()));
    }
    let parts: Vec<&str> = value.split(':').collect();
    match parts[..] {
        // The whole ARN, or that and :KEY:STAGE:VERSION.
        ["arn", _, "secretsmanager", _, _, "secret", name, ..] if matches!(parts.len(), 7 | 10) => {
            has_suffix(name).then(|| SecretRef::Secret(parts[..7].join(":")))
        }
        ["arn", _, "ssm", _, _, path] => {
            let name = path.strip_prefix("parameter")?;
            // The ARN of a parameter without levels has a slash that its name has not.
            let flat = name.strip_prefix('/')?;
            let name = if flat.contains('/') { name } else { flat };
            is_parameter(name).then(|| SecretRef::Parameter(name.into()))
        }
        _ => None,
    }
}

/// Whether a secret's name ends in the six characters that Secrets Manager adds to it: without them an
/// ARN is a part of one, which ECS takes and IAM does not.
fn has_suffix(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(name, suffix)| {
        !name.is_empty() && suffix.len() == 6 && suffix.bytes().all(|b| b.is_ascii_alphanumeric())
    }) && !name.contains(['*', '?'])
}

/// Whether a text can be the name of a parameter (Systems Manager API, PutParameter).
fn is_parameter(name: &str) -> bool {
    let is_level = |level: &str| {
        !level.is_empty()
            && level
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
    };
    let levels = name.strip_prefix('/').unwrap_or(name);
    name.len() <= 1011
        && levels.split('/').all(is_level)
        && (name.starts_with('/') || !name.contains('/'))
}

/// Checks the names and places of secrets beside variables that are said in plain.
pub(super) fn check_names(
    set: &BTreeMap<String, String>,
    secrets: &BTreeMap<String, String>,
) -> Result<(), String> {
    for (name, value) in secrets {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err("secrets: the name of a variable is empty, or holds a = or a NUL".into());
        }
        if set.contains_key(name) {
            return Err(format!("{name} is both in set and in secrets"));
        }
        // The value is not shown: who takes the one for the other writes the secret itself there.
        if secret_ref(value).is_none() {
            return Err(format!(
                "secrets {name}: its value is not the whole ARN of a secret, with its last six characters, nor the name or ARN of a parameter"
            ));
        }
    }
    Ok(())
}

fn check_place(name: &str, value: &str, env: &Env) -> Result<(), String> {
    let parts: Vec<&str> = value.split(':').collect();
    let (Some(region), Some(account)) = (parts.get(3), parts.get(4)) else {
        return Ok(()); // a name, which is of this account and region
    };
    if *account != env.account {
        return Err(format!(
            "secrets {name} is of account {account}, but the environment is in {}",
            env.account
        ));
    }
    if *region != env.region {
        return Err(format!(
            "secrets {name} is of region {region}, but the environment is in {}",
            env.region
        ));
    }
    check_partition(&format!("secrets {name}"), value, env)
}

fn check_partition(what: &str, arn: &str, env: &Env) -> Result<(), String> {
    let partition = arn.split(':').nth(1).unwrap_or_default();
    if partition != env.partition() {
        return Err(format!(
            "{what} is of partition {partition}, but the environment is in {}",
            env.partition()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db/web-AbC123";

    fn secrets(fields: serde_json::Value) -> Secrets {
        serde_json::from_value(fields).unwrap()
    }

    #[test]
    fn a_reference_says_what_is_to_be_read() {
        for (value, expected) in [
            (SECRET.to_string(), SecretRef::Secret(SECRET.into())),
            (
                format!("{SECRET}:password::"),
                SecretRef::Secret(SECRET.into()),
            ),
            (
                format!("{SECRET}::AWSPREVIOUS:"),
                SecretRef::Secret(SECRET.into()),
            ),
            (
                "/db/password".into(),
                SecretRef::Parameter("/db/password".into()),
            ),
            ("password".into(), SecretRef::Parameter("password".into())),
            (
                "arn:aws:ssm:us-east-1:123456789012:parameter/db/password".into(),
                SecretRef::Parameter("/db/password".into()),
            ),
            (
                "arn:aws:ssm:us-east-1:123456789012:parameter/password".into(),
                SecretRef::Parameter("password".into()),
            ),
        ] {
            assert_eq!(secret_ref(&value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_names_no_secret_is_refused_and_not_shown() {
        for value in [
            "hunter2!",
            "",
            "db/password",
            "/db//password",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-*",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123:password",
            "arn:aws:s3:::bucket/key",
        ] {
            let wrong = secrets(json!({"secrets": {"A": value}}));
            let refused = wrong.check(&BTreeMap::new()).unwrap_err();
            assert!(
                refused.starts_with("secrets A: its value is not"),
                "{refused}"
            );
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let set = BTreeMap::from([("A".to_string(), "b".to_string())]);
        let twice = secrets(json!({"secrets": {"A": "/a"}}));
        assert_eq!(
            twice.check(&set).unwrap_err(),
            "A is both in set and in secrets"
        );
        let alone = secrets(json!({"restart_on_change": true}));
        assert!(alone.check(&set).unwrap_err().contains("no secrets"));
    }

    #[test]
    fn a_file_of_variables_is_an_object_of_s3() {
        for (file, is_one) in [
            ("arn:aws:s3:::bucket/a/b.env", true),
            ("arn:aws:s3:::bucket/a.txt", false),
            ("arn:aws:s3:::bucket", false),
            ("arn:aws:s3:::/a.env", false),
            ("arn:aws:s3:::bucket/*.env", false),
            ("s3://bucket/a.env", false),
        ] {
            let files = secrets(json!({"env_files": [file]}));
            assert_eq!(files.check(&BTreeMap::new()).is_ok(), is_one, "{file}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_refused() {
        let env = Env::example();
        for (value, why) in [
            (SECRET.replace("us-east-1", "eu-west-1"), "region eu-west-1"),
            (
                SECRET.replace("123456789012", "210987654321"),
                "account 210987654321",
            ),
            (
                SECRET.replace("arn:aws:", "arn:aws-cn:"),
                "partition aws-cn",
            ),
        ] {
            let there = secrets(json!({"secrets": {"A": value}}));
            let refused = there.check_in(&env).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        let here = secrets(json!({"secrets": {"A": SECRET, "B": "/b"}}));
        assert_eq!(here.check_in(&env), Ok(()));
    }
}
