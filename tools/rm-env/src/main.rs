//! Deletes what is on stdin, dependents first and the rest side by side. It knows no AWS itself:
//! each tool's crate deletes its own, after looking again whether it carries the identity tag.

mod order;
mod policy;

use std::collections::HashMap;

use clap::Parser;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ls_env::OWNERS;
use order::{Ended, Turn};
use plumbing::{Aws, Change, Deletion, Error, Kind, Record, Result, Stream};

/// Delete the resources on stdin
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The environment's name, as a sign that you mean it
    #[arg(long, value_name = "NAME", required_unless_present = "plan")]
    confirm: Option<String>,
    /// Tell what would be deleted, and delete nothing
    #[arg(long)]
    plan: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(&policy::deleting(&OWNERS), run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let mut env = stream.env().await?;
    if let Some(other) = args.confirm.filter(|name| *name != env.name) {
        let name = &env.name;
        return Err(Error::usage(format!(
            "--confirm {other} is not the environment on stdin, {name}"
        )));
    }
    if args.plan && !env.plan {
        env.plan = true; // for what comes after it in the pipe as well
        stream.write(Record::of(&env)).await?;
    }
    // All of it first: a list that ends in the middle would have the network go before its users.
    let mut records = stream.all().await?;
    records.retain(|record| ls_env::owner_of(record.kind()).is_some());
    if stream.upstream_failed() {
        return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
    }
    if records.is_empty() {
        stream.voice.say("nothing to delete");
        return Ok(());
    }
    if env.plan {
        return announce(&stream, records).await;
    }
    let aws = Aws::connect(&stream, &env).await?;
    aws.control.wait_for_account().await?;
    delete(&stream, &aws, &records).await
}

/// Writes what a run would delete. What was adopted stays.
async fn announce(stream: &Stream, records: Vec<Record>) -> Result<()> {
    for record in records {
        if record.0.get("adopted") != Some(&true.into()) {
            stream.write(record.changed(Change::Delete, &[])).await?;
        }
    }
    Ok(())
}

/// Begins each deletion as soon as those before it have ended well. One that ends badly keeps only
/// what comes after it.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
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
