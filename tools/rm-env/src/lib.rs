//! Deleting resources of an environment, dependents first and the rest side by side, for `rm-env` and
//! `prune-env`. It knows no AWS itself: each tool's crate deletes its own, after looking again whether
//! it carries the identity tag.

mod order;
mod policy;

use std::collections::HashMap;

use futures_util::stream::{FuturesUnordered, StreamExt};
use ls_env::OWNERS;
use order::{Ended, Turn};
use plumbing::{Aws, Deletion, Error, Record, Result, Stream};

/// The permissions to delete an environment.
pub fn policy() -> String {
    policy::deleting(&OWNERS)
}

/// What has deletion protection by its record: type and name.
pub fn protected(records: &[Record]) -> Vec<String> {
    let mut protected = Vec::new();
    for record in records {
        if record.0.get("protected") == Some(&true.into()) {
            let kind = record.kind().replace('_', " ");
            protected.push(format!("{kind} {}", record.name()));
        }
    }
    protected
}

/// Begins each deletion as soon as those before it have ended well. One that ends badly keeps only
/// what comes after it.
///
/// Errors: something is protected from deletion, and nobody said that this is to be lifted. Then
/// nothing is deleted: half an environment would serve nobody.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    if !aws.lift_protection {
        refuse_protected(&protected(records))?;
    }
    let deletions = OWNERS.iter().flat_map(|owner| owner.deletions);
    let mut waiting: Vec<&Deletion> = deletions.collect();
    let mut running = FuturesUnordered::new();
    let mut ended: HashMap<&str, Ended> = HashMap::new();
    let mut errors: Vec<Error> = Vec::new();
    loop {
        let before = waiting.len();
        waiting.retain(|deletion| {
            let kind = deletion.kinds[0];
            match order::turn(kind, &ended) {
                Turn::Wait => return true,
                Turn::Skip => drop(ended.insert(kind, Ended::Badly)),
                Turn::Begin => running.push(run_deletion(deletion, stream, aws, records)),
            }
            false
        });
        if waiting.len() < before {
            continue; // one that is skipped may decide about others
        }
        let Some((kind, result)) = running.next().await else {
            break;
        };
        let how = match result {
            Ok(()) => Ended::Well,
            Err(error) => {
                errors.push(error);
                Ended::Badly
            }
        };
        ended.insert(kind, how);
    }
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(());
    };
    for other in errors.filter(|other| *other != first) {
        stream.voice.error(&other);
    }
    Err(first)
}

fn refuse_protected(protected: &[String]) -> Result<()> {
    if protected.is_empty() {
        return Ok(());
    }
    let protected = protected.join(", ");
    let message = format!("{protected}: deletion protection is on, so nothing is deleted");
    Err(Error::refused(message).hint("rm-env --lift-protection, if it is to go all the same"))
}

/// Runs a deletion, and answers with which record type it was and how it ended.
async fn run_deletion<'a>(
    deletion: &'a Deletion,
    stream: &Stream,
    aws: &Aws,
    records: &[Record],
) -> (&'a str, Result<()>) {
    let result = (deletion.delete)(stream, aws, records).await;
    (deletion.kinds[0], result)
}
