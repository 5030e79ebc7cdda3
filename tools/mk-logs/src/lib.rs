//! The log groups of an environment: `/ecs/ENVIRONMENT/APP` of its apps, and those that CodeBuild
//! and Lambda write to for its sources.
//!
//! Found again by what their names begin with, and ours if they carry the identity tag. Metric
//! filters, subscriptions and keys of one's own are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use aws::Logs;
use plumbing::step::delete_each;
use plumbing::{Aws, Deletion, Half, LogGroup, Owner, Record, Result, Stream, wait};

/// The log groups, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-logs",
    half: Half::ByRecord(plan::half),
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["log_group"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's log groups as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let env = &aws.env;
    let mut records = Vec::new();
    for have in aws::client(aws).find().await? {
        if env.owns(&have.tags) {
            let name = plan::record_name(env, &have);
            records.push(plan::record(env, &name, &have.group, have.retention));
        }
    }
    Ok(records)
}

/// The records of those among some groups that are the environment's.
pub async fn records_of(logs: &Logs, groups: Vec<String>) -> Result<Vec<Record>> {
    let env = &logs.aws.env;
    let mut records = Vec::new();
    for have in wait::all(groups.iter().map(|group| logs.get(group))).await? {
        if let Some(have) = have
            && env.owns(&have.tags)
        {
            let name = plan::record_name(env, &have);
            records.push(plan::record(env, &name, &have.group, have.retention));
        }
    }
    Ok(records)
}

/// Deletes the log groups among `records`, once nothing writes to them.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let logs = aws::client(aws);
    delete_each(stream, records, async |record: &LogGroup| {
        let Some(have) = logs.get(&record.group).await? else {
            return Ok(false);
        };
        let what = format!("log group {}", have.group);
        aws.env.check_ours(what, &have.tags)?;
        logs.delete(&have).await?;
        Ok(true)
    })
    .await
}

/// The last lines that a container of an app's task logged, oldest first, for `wait-env`; none where they
/// cannot be read.
pub async fn last_lines(aws: &Aws, app: &str, container: &str, task: &str) -> Vec<String> {
    let group = aws.env.log_group_name(app);
    let log_stream = plan::log_stream_name(container, task);
    aws::client(aws).last_lines(&group, &log_stream).await
}
