//! The image repositories of an environment's apps and sources.
//!
//! Found again by name, and ours if they carry the identity tag. Repository policies, replication
//! and keys of one's own are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use aws::Ecr;
use plumbing::step::delete_each;
use plumbing::{Aws, Deletion, Half, Owner, Record, Repo, Result, Stream, wait};

/// The image repositories, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-ecr",
    half: Half::ByRecord(plan::half),
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["repo"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's repositories as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let ecr = aws::client(aws);
    let names = ecr.list_names().await?;
    records_of(&ecr, names).await
}

/// The records of those among some repositories that are the environment's.
pub async fn records_of(ecr: &Ecr, names: Vec<String>) -> Result<Vec<Record>> {
    let env = &ecr.aws.env;
    let tags = wait::all(names.iter().map(|name| ecr.tags(name))).await?;
    let mut records = Vec::new();
    for (name, tags) in names.iter().zip(tags) {
        if let Some(tags) = tags
            && env.owns(&tags)
        {
            let app = plan::record_name(env, name, &tags);
            let needed_by = plan::needed_by(&tags);
            records.push(plan::record_of(env, app, name, &needed_by));
        }
    }
    Ok(records)
}

/// Deletes the repositories among `records` with all their images.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let ecr = aws::client(aws);
    delete_each(stream, records, async |record: &Repo| {
        let Some((_, name)) = record.arn.split_once(":repository/") else {
            return Ok(false);
        };
        let Some(tags) = ecr.tags(name).await? else {
            return Ok(false);
        };
        aws.env.check_ours(format!("repository {name}"), &tags)?;
        ecr.delete(name).await?;
        Ok(true)
    })
    .await
}
