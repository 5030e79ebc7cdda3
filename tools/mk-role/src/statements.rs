//! The statements of an app's own roles: what ECS reads for it, and what its tasks may do. Pure.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::{App, Env, Mount, SecretRef};
use serde_json::{Value, json};

use crate::document;
use crate::secrets::{AllFound, wishes};

/// What the statements of file systems are called, which no statement of an app's may be.
const MOUNT: &str = plumbing::MOUNT_STATEMENT;

/// What ECS reads with an app's execution role beside its image: its secrets, the keys of these, and its
/// files of variables.
pub fn reading(env: &Env, app: &App, found: &AllFound) -> Vec<Value> {
    let read: BTreeSet<SecretRef> = wishes(app).into_iter().map(|wish| wish.secret).collect();
    let (mut secrets, mut parameters) = (BTreeSet::new(), BTreeSet::new());
    for secret in &read {
        match secret {
            SecretRef::Secret(arn) => secrets.insert(arn.clone()),
            SecretRef::Parameter(name) => parameters.insert(parameter_arn(env, name)),
        };
    }
    let files: BTreeSet<String> = app.secrets.env_files.iter().cloned().collect();
    let bucket = |file: &String| file.split('/').next().unwrap_or_default().to_string();
    let buckets: BTreeSet<String> = files.iter().map(bucket).collect();
    let mut statements = Vec::new();
    for (sid, action, resources) in [
        ("ReadItsSecrets", "secretsmanager:GetSecretValue", secrets),
        ("ReadItsParameters", "ssm:GetParameters", parameters),
        ("ReadItsFiles", "s3:GetObject", files),
        ("FindItsFiles", "s3:GetBucketLocation", buckets),
    ] {
        if !resources.is_empty() {
            statements.push(allow(sid, &[action], json!(resources)));
        }
    }
    statements.extend(decrypting(env, &read, found));
    statements
}

/// What lets ECS decrypt what has a key of its own, through the service that holds it alone. A key that is
/// named by an alias may be another one tomorrow: what counts is that the key has the alias.
fn decrypting(env: &Env, read: &BTreeSet<SecretRef>, found: &AllFound) -> Vec<Value> {
    let mut keys: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut aliases: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for secret in read {
        let service = match secret {
            SecretRef::Secret(_) => "secretsmanager",
            SecretRef::Parameter(_) => "ssm",
        };
        let key = found.get(secret).and_then(|found| found.key.as_deref());
        match key.and_then(|key| own_key(env, key)) {
            Some((key, None)) => keys.entry(service).or_default().insert(key),
            Some((keys, Some(alias))) => aliases.entry((service, keys)).or_default().insert(alias),
            None => continue,
        };
    }
    let via = |service: &str| {
        let host = format!("{service}.{}.{}", env.region, env.dns_suffix());
        json!({"StringEquals": {"kms:ViaService": host}})
    };
    let mut statements = Vec::new();
    for (service, keys) in keys {
        statements.push((keys, via(service)));
    }
    for ((service, keys), aliases) in aliases {
        let mut condition = via(service);
        condition["ForAnyValue:StringEquals"] = json!({"kms:ResourceAliases": aliases});
        statements.push((BTreeSet::from([keys]), condition));
    }
    let decrypt = |(number, (keys, condition)): (usize, (BTreeSet<String>, Value))| {
        let sid = format!("DecryptThem{}", number + 1);
        let mut statement = allow(&sid, &["kms:Decrypt"], json!(keys));
        statement["Condition"] = condition;
        statement
    };
    statements.into_iter().enumerate().map(decrypt).collect()
}

/// The ARN of a key, or of all keys of its account with the alias that names it; nothing where AWS keeps
/// the key, which who may read the secret may use.
fn own_key(env: &Env, key: &str) -> Option<(String, Option<String>)> {
    let (of, name) = match key.strip_prefix("arn:") {
        Some(_) => key.rsplit_once(':')?,
        None => ("", key),
    };
    if name.is_empty() || name.starts_with("alias/aws/") {
        return None;
    }
    let arn = |name: &str| match of {
        "" => env.arn("kms", name),
        _ => format!("{of}:{name}"),
    };
    if name.starts_with("alias/") {
        return Some((arn("key/*"), Some(name.into())));
    }
    let name = name.strip_prefix("key/").unwrap_or(name);
    Some((arn(&format!("key/{name}")), None))
}

fn parameter_arn(env: &Env, name: &str) -> String {
    env.arn(
        "ssm",
        &format!("parameter/{}", name.trim_start_matches('/')),
    )
}

/// What an app's tasks may do: what its record says, and to use the file systems that they mount.
pub fn of_tasks(env: &Env, app: &App) -> Vec<Value> {
    let mut statements = app.rights.allow.clone();
    let mut mounting: Vec<Value> = Vec::new();
    for mount in app.container.mounts() {
        let sid = format!("{MOUNT}{}", mounting.len() + 1);
        let statement = mount_statement(env, &mount, &sid);
        let is_same = |other: &Value| {
            let same = |field| document::same(&other[field], &statement[field]);
            ["Action", "Resource", "Condition"].into_iter().all(same)
        };
        if !mounting.iter().any(is_same) {
            mounting.push(statement);
        }
    }
    statements.extend(mounting);
    statements
}

fn mount_statement(env: &Env, mount: &Mount, sid: &str) -> Value {
    const MOUNTS: &str = "elasticfilesystem:ClientMount";
    const WRITES: &str = "elasticfilesystem:ClientWrite";
    let all = [MOUNTS, WRITES];
    let actions = if mount.read_only { &all[..1] } else { &all[..] };
    let file_system = format!("file-system/{}", mount.file_system);
    let mut statement = allow(
        sid,
        actions,
        json!(env.arn("elasticfilesystem", &file_system)),
    );
    statement["Condition"] = json!({"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}});
    if let Some(point) = &mount.access_point {
        let point = env.arn("elasticfilesystem", &format!("access-point/{point}"));
        statement["Condition"]["ArnEquals"] = json!({"elasticfilesystem:AccessPointArn": point});
    }
    statement
}

/// What an app's record says of its rights, by the policy of its tasks' role.
pub fn allowed(policy: &Value) -> Vec<Value> {
    let is_mount = |statement: &Value| {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        sid.starts_with(MOUNT)
    };
    let mut statements = document::statements(policy);
    statements.retain(|statement| !is_mount(statement));
    statements
}

fn allow(sid: &str, actions: &[&str], resource: Value) -> Value {
    json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::app;
    use crate::secrets::Found;

    const DB: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbC123";

    fn with_key(key: &str) -> Found {
        Found {
            key: Some(key.into()),
            ..Found::default()
        }
    }

    #[test]
    fn an_app_without_secrets_lets_ecs_read_nothing() {
        let none = reading(&Env::example(), &app(json!({})), &AllFound::new());
        assert_eq!(none, Vec::<Value>::new());
    }

    #[test]
    fn ecs_reads_exactly_what_the_app_names() {
        let app = app(json!({
            "secrets": {"A": DB, "B": format!("{DB}:key::"), "C": "/c/d", "D": "flat"},
            "env_files": ["arn:aws:s3:::bucket/a/b.env", "arn:aws:s3:::bucket/c.env"],
            "containers": [{"name": "proxy", "image": "x", "secrets": {"E": "/e"}}]}));
        let found = AllFound::from([
            (
                SecretRef::Secret(DB.into()),
                with_key("alias/aws/secretsmanager"),
            ),
            (
                SecretRef::Parameter("/c/d".into()),
                with_key("alias/aws/ssm"),
            ),
        ]);
        let parameter = |name: &str| format!("arn:aws:ssm:us-east-1:123456789012:parameter/{name}");
        assert_eq!(
            reading(&Env::example(), &app, &found),
            [
                allow(
                    "ReadItsSecrets",
                    &["secretsmanager:GetSecretValue"],
                    json!([DB])
                ),
                allow(
                    "ReadItsParameters",
                    &["ssm:GetParameters"],
                    json!([parameter("c/d"), parameter("e"), parameter("flat")])
                ),
                allow(
                    "ReadItsFiles",
                    &["s3:GetObject"],
                    json!(["arn:aws:s3:::bucket/a/b.env", "arn:aws:s3:::bucket/c.env"])
                ),
                allow(
                    "FindItsFiles",
                    &["s3:GetBucketLocation"],
                    json!(["arn:aws:s3:::bucket"])
                ),
            ]
        );
    }

    #[test]
    fn a_key_of_ones_own_is_used_through_the_service_alone() {
        let app = app(json!({"secrets": {"A": DB, "B": "/b", "C": "/c", "D": "/d"}}));
        let key = "arn:aws:kms:us-east-1:123456789012:key/1";
        let theirs = "arn:aws:kms:us-east-1:210987654321:alias/theirs";
        let parameter = |name: &str| SecretRef::Parameter(name.into());
        let found = AllFound::from([
            (SecretRef::Secret(DB.into()), with_key("1")),
            (parameter("/b"), with_key(key)),
            (parameter("/c"), with_key("alias/own")),
            (parameter("/d"), with_key(theirs)),
        ]);
        let env = Env::example();
        let statements = reading(&env, &app, &found);
        let via = |service: &str| json!({"StringEquals": {"kms:ViaService": format!("{service}.us-east-1.amazonaws.com")}});
        let with_alias = |alias: &str| {
            let mut condition = via("ssm");
            condition["ForAnyValue:StringEquals"] = json!({"kms:ResourceAliases": [alias]});
            condition
        };
        let decrypting: Vec<(Value, Value)> = statements
            .iter()
            .filter(|one| one["Action"] == json!(["kms:Decrypt"]))
            .map(|one| (one["Resource"].clone(), one["Condition"].clone()))
            .collect();
        let all_keys = |account: &str| json!([format!("arn:aws:kms:us-east-1:{account}:key/*")]);
        assert_eq!(
            decrypting,
            [
                (json!([key]), via("secretsmanager")),
                (json!([key]), via("ssm")),
                (all_keys("123456789012"), with_alias("alias/own")),
                (all_keys("210987654321"), with_alias("alias/theirs")),
            ]
        );
        let sids: BTreeSet<&str> = statements
            .iter()
            .flat_map(|one| one["Sid"].as_str())
            .collect();
        assert_eq!(sids.len(), statements.len());
    }

    #[test]
    fn tasks_may_do_what_the_record_says_and_use_what_they_mount() {
        let statement = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:123456789012:jobs"});
        let app = app(json!({"allow": [statement], "mounts": [
            "fs-0a1b2c3d=/data", "fs-0a1b2c3d:/x=/more", "fs-0a1b2c3d@fsap-0a1b2c3d=/point:ro"]}));
        let env = Env::example();
        let statements = of_tasks(&env, &app);
        let file_system =
            "arn:aws:elasticfilesystem:us-east-1:123456789012:file-system/fs-0a1b2c3d";
        let point = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0a1b2c3d";
        let target = json!({"elasticfilesystem:AccessedViaMountTarget": "true"});
        let writes = [
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientWrite",
        ];
        let mut first = allow("MountItsFiles1", &writes, json!(file_system));
        first["Condition"] = json!({"Bool": target});
        let mut second = allow("MountItsFiles2", &writes[..1], json!(file_system));
        second["Condition"] =
            json!({"Bool": target, "ArnEquals": {"elasticfilesystem:AccessPointArn": point}});
        assert_eq!(statements, [statement.clone(), first, second]);
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        assert_eq!(allowed(&policy), [statement]);
    }
}
