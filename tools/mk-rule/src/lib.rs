//! The EventBridge rules of an environment's pipelines, on the default bus.
//!
//! Found again by name, and ours if they carry the identity tag. AWS puts no push of GitHub's on a
//! bus: whoever wants `events` as a trigger hands GitHub's webhook on to PutEvents. Other buses,
//! schedules and rules about failures are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use aws::Events;
use plumbing::step::delete_each;
use plumbing::{Aws, Deletion, Half, Owner, Record, Result, Rule, Stream, wait};

/// The rules, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-rule",
    half: Half::Pipelines,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["rule"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's rules as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let events = aws::client(aws);
    let rules = events.list_names().await?;
    records_of(&events, rules).await
}

/// The records of those among some rules that are the environment's.
pub async fn records_of(events: &Events, rules: Vec<String>) -> Result<Vec<Record>> {
    let env = &events.aws.env;
    let found = wait::all(rules.iter().map(|rule| events.get(rule))).await?;
    let mut records = Vec::new();
    for (rule, have) in rules.iter().zip(found) {
        let Some(have) = have else { continue };
        if env.owns(&have.tags) {
            let name = plan::record_name(rule, &have);
            records.push(plan::record(env, name, rule, have.is_enabled()));
        }
    }
    Ok(records)
}

/// Deletes the rules among `records` with their targets.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let events = aws::client(aws);
    delete_each(stream, records, async |record: &Rule| {
        let rule = &record.rule;
        let Some(have) = events.get(rule).await? else {
            return Ok(false);
        };
        aws.env.check_ours(format!("rule {rule}"), &have.tags)?;
        events.delete(rule, &have.targets).await?;
        Ok(true)
    })
    .await
}
