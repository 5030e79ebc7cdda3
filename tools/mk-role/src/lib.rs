//! The IAM roles of an environment, on a path that ends in `/plumbline/REGION/ENVIRONMENT/`.
//!
//! Found again by name, or all of them by path, and ours if they carry the identity tag. Managed
//! policies, those of permissions boundaries too, and service-linked roles are deliberately absent.

pub mod aws;
mod check;
mod document;
#[cfg(test)]
mod example;
pub mod leftover;
pub mod lookup;
mod name;
pub mod placing;
pub mod plan;
mod policy;
mod prune;
pub mod purpose;
pub mod secrets;
mod statements;
pub mod want;

use aws::Iam;
use plumbing::step::delete_each;
use plumbing::{App, Aws, Deletion, Half, Owner, Record, RecordType, Result, Role, Stream, wait};
use purpose::Purpose;

/// The roles, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-role",
    half: Half::ByRecord(plan::half),
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["role"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: Some(|stream, aws, records| Box::pin(prune::prune(stream, aws, records))),
};

/// The environment's roles as records, and what those of tasks tell of their apps. Nobody says on which
/// path they are.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let iam = aws::client(aws);
    let roles = iam.list_names("/").await?;
    let mut records = records_of(&iam, roles).await?;
    let apps = wait::all(records.iter().map(|role| rights_of_app(&iam, role))).await?;
    records.extend(apps.into_iter().flatten());
    Ok(records)
}

/// What an app's record says of its rights, by the role of its tasks.
async fn rights_of_app(iam: &Iam, role: &Record) -> Result<Option<Record>> {
    let Some(app) = role.name().strip_prefix("task/") else {
        return Ok(None);
    };
    let name = role.text("arn").rsplit('/').next().unwrap_or_default();
    let policy = iam.inline_policy(name, Purpose::Task.word()).await?;
    let allowed = policy.map(|policy| statements::allowed(&policy));
    let allowed = allowed.filter(|statements| !statements.is_empty());
    Ok(allowed.map(|statements| Record::new(App::TYPE, app).with("allow", statements)))
}

/// The records of those among some roles that are the environment's.
pub async fn records_of(iam: &Iam, roles: Vec<String>) -> Result<Vec<Record>> {
    let env = &iam.aws.env;
    // A listing shows no tags.
    let found = wait::all(roles.iter().map(|role| iam.get_without_policies(role))).await?;
    let mut records = Vec::new();
    for (role, have) in roles.iter().zip(found) {
        if let Some(have) = have
            && env.owns(&have.tags)
        {
            let record_name = have.tags.get(want::ROLE).unwrap_or(role);
            records.push(plan::record(record_name, &have.arn));
        }
    }
    Ok(records)
}

/// Deletes the roles among `records`, once nothing uses them.
///
/// Errors: one is not the environment's, or someone else needs it; it is named and left alone, and
/// all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let env = &aws.env;
    let iam = aws::client(aws);
    delete_each(stream, records, async |record: &Role| {
        let role = record.arn.rsplit('/').next().unwrap_or_default();
        let Some(have) = iam.get_without_policies(role).await? else {
            return Ok(false);
        };
        let what = format!("role {role}");
        env.check_ours(&what, &have.tags)?;
        if !placing::is_path(env, &have.path) {
            return Err(env.not_ours(what));
        }
        iam.delete(role).await?;
        Ok(true)
    })
    .await
}
