//! The log groups of an environment: `/ecs/ENVIRONMENT/APP` of its apps, and those that CodeBuild and
//! Lambda write to for its sources.
//!
//! Found again by what their names begin with, and ours if they carry the identity tag. Metric filters,
//! subscriptions and keys of one's own are deliberately absent.

pub mod aws;
pub mod plan;

use plumbing::{Aws, Change, Env, LogGroup, Record, Result, Stream};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The last lines that an app's task logged, oldest first, for `wait-env`; none where there are none to
/// be had.
pub async fn last_lines(
    stream: &Stream,
    aws: &Aws,
    env: &Env,
    app: &str,
    task: &str,
) -> Vec<String> {
    aws::client(aws, stream, env)
        .last_lines(&env.log_group_name(app), &plan::stream_of_task(app, task))
        .await
}

/// The environment's log groups as records, for `ls-env`.
pub async fn find(stream: &Stream, aws: &Aws, env: &Env) -> Result<Vec<Record>> {
    let found = aws::client(aws, stream, env).find().await?;
    let ours = found.iter().filter(|have| env.owns(&have.tags));
    Ok(ours
        .map(|have| plan::record(env, &plan::name(env, have), &have.group, have.retention))
        .collect())
}

/// Deletes the log groups among `records`, for `rm-env`, once nothing writes to them.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, env: &Env, records: &[Record]) -> Result<()> {
    let logs = aws::client(aws, stream, env);
    let groups = records.iter().filter_map(Record::typed::<LogGroup>);
    stream
        .each(groups, async |record| {
            let Some(have) = logs.look(&record.group).await? else {
                return Ok(());
            };
            if !env.owns(&have.tags) {
                return Err(plan::foreign(env, &have.group));
            }
            logs.delete(&have).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
