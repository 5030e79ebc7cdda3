//! The EventBridge rules of an environment's pipelines, on the default bus.
//!
//! Found again by name, and ours if they carry the identity tag. AWS puts no push of GitHub's on a
//! bus: whoever wants `events` as a trigger hands GitHub's webhook on to PutEvents. Other buses,
//! schedules and rules about failures are deliberately absent.

pub mod aws;
pub mod plan;

use plumbing::{Aws, Change, Env, Record, Result, Rule, Stream, wait};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's rules as records, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let events = aws::client(aws);
    let names = events.names().await?;
    let found = wait::all(names.iter().map(|name| events.look(name))).await?;
    let ours = names
        .iter()
        .zip(&found)
        .filter_map(|(name, have)| Some((name, have.as_ref()?)));
    let ours = ours.filter(|(_, have)| env.owns(&have.tags));
    Ok(ours
        .map(|(name, have)| plan::found(env, name, have))
        .collect())
}

/// Deletes the rules among `records` with their targets, for `rm-env`: first of all, so that nothing
/// starts anew.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let rules: Vec<Rule> = records.iter().filter_map(Record::typed).collect();
    if rules.is_empty() {
        return Ok(());
    }
    let events = aws::client(aws);
    stream
        .control
        .try_all(rules, async |record| {
            let Some(have) = events.look(&record.rule).await? else {
                return Ok(());
            };
            if !env.owns(&have.tags) {
                return Err(plan::foreign(env, &record.rule));
            }
            events.delete(&record.rule, &have.targets).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}
