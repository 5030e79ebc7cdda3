//! What proves that a record tells of this environment's cluster, service or task definition: the name
//! inside its ARN. Pure.

use plumbing::{Env, Proof, Record, proof};

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    proof::refuse_adopted(record)?;
    let cluster = env.cluster_name();
    let app = record.name();
    let cluster_arn = env.arn("ecs", &format!("cluster/{cluster}"));
    match record.kind() {
        "cluster" => same(record, "arn", &cluster_arn)?,
        "service" => {
            let service = env.service_name(app);
            let arn = env.arn("ecs", &format!("service/{cluster}/{service}"));
            same(record, "arn", &arn)?;
            same(record, "cluster", &cluster_arn)?;
            check_revision(env, record, "task_definition")?;
        }
        _ => check_revision(env, record, "arn")?,
    }
    Ok(Proof::Name)
}

fn same(record: &Record, field: &str, expected: &str) -> Result<(), String> {
    let value = record.text(field);
    if value == expected {
        return Ok(());
    }
    Err(format!(
        "has {field} {value}, and this environment's is {expected}"
    ))
}

/// A revision of the app's family, or in a dry run one that would be registered.
fn check_revision(env: &Env, record: &Record, field: &str) -> Result<(), String> {
    let arn = record.text(field);
    if proof::is_planned(env, arn)? {
        return Ok(());
    }
    let family = env.family_name(record.name());
    let begin = env.arn("ecs", &format!("task-definition/{family}:"));
    match arn.strip_prefix(&begin) {
        Some(revision) if is_number(revision) => Ok(()),
        _ => Err(format!(
            "has {field} {arn}, which is no revision of {family}"
        )),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
