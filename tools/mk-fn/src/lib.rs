//! The functions of an environment's sources: each tags what its pipeline just built `production`.
//!
//! Found again by name, and ours if it carries the identity tag. Versions, layers, permissions for
//! others to invoke it and code from elsewhere are deliberately absent.

pub mod aws;
mod check;
pub mod code;
pub mod plan;

use aws::Lambda;
use plumbing::step::delete_each;
use plumbing::{Aws, Deletion, Function, Half, Owner, Record, Result, Stream};

/// The functions, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-fn",
    half: Half::Pipelines,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["function"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's functions as records.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let lambda = aws::client(aws);
    let names = lambda.list_names().await?;
    records_of(&lambda, names).await
}

/// The records of those among some functions that are the environment's.
pub async fn records_of(lambda: &Lambda, names: Vec<String>) -> Result<Vec<Record>> {
    let env = &lambda.aws.env;
    let mut records = Vec::new();
    for (function, tags) in lambda.tags_of(names).await? {
        if env.owns(&tags) {
            let source = plan::source(&function, &tags);
            records.push(plan::record(env, source, &function));
        }
    }
    Ok(records)
}

/// Deletes the functions among `records`, and waits until they no longer exist.
///
/// Errors: one is not the environment's; it is named and left alone, and all else is deleted.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let lambda = aws::client(aws);
    delete_each(stream, records, async |record: &Function| {
        let function = &record.function;
        let Some(have) = lambda.get_function(function).await? else {
            return Ok(false);
        };
        aws.env
            .check_ours(format!("function {function}"), &have.tags)?;
        lambda.delete(function, &have).await?;
        Ok(true)
    })
    .await
}
