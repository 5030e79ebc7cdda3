//! The connection to GitHub of an environment's pipelines (CodeConnections).
//!
//! Found again by its name among the account's connections, and ours if it carries the identity
//! tag. A connection that was adopted is never changed or deleted. Hosts (GitHub Enterprise) and
//! other providers are deliberately absent.

pub mod aws;
mod check;
pub mod plan;

use std::time::Duration;

use plumbing::region::{self, Service};
use plumbing::step::delete_each;
use plumbing::{Aws, Connection, Deletion, Error, Half, Kind, Owner, Record, Result, Stream, wait};

use crate::aws::Connections;
use crate::plan::{AVAILABLE, Have};

/// The connection, for `ls-env` and `rm-env`.
pub const OWNER: Owner = Owner {
    tool: "mk-connection",
    half: Half::Pipelines,
    policy: include_str!("../iam-policy.json"),
    check: check::check,
    find: |aws| Box::pin(find(aws)),
    deletions: &[Deletion {
        kinds: &["connection"],
        delete: |stream, aws, records| Box::pin(delete(stream, aws, records)),
    }],
    prune: None,
};

/// The environment's connection as a record.
async fn find(aws: &Aws) -> Result<Vec<Record>> {
    if region::lacks(&aws.env.region, Service::CodeConnections) {
        return Ok(Vec::new()); // not even a host to ask
    }
    let connections = aws::client(aws);
    let found = match connections.list_by_name(&aws.env.connection_name()).await {
        Ok(found) => found,
        Err(error) if connections.own_endpoint && is_no_service(&error) => {
            let line = "this endpoint knows no connections; none is listed";
            aws.voice.say(line);
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    let ours = found.iter().filter(|have| aws.env.owns(&have.tags));
    Ok(ours.map(|have| plan::record(have, false)).collect())
}

/// Whether an error says that an emulator has no such service.
fn is_no_service(error: &Error) -> bool {
    error.message.contains("without an AWS error code")
}

/// Deletes the connection among `records`, and all of ours that have its name: a call whose answer
/// was lost may have made another one. One that was adopted stays.
///
/// Errors: it is not the environment's; it is left alone.
async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let connections = aws::client(aws);
    delete_each(stream, records, async |record: &Connection| {
        if record.adopted {
            let line = format!("connection {} was adopted: it stays", record.arn);
            aws.voice.say(&line);
            return Ok(false);
        }
        let name = aws.env.connection_name();
        for other in connections.list_by_name(&name).await? {
            if aws.env.owns(&other.tags) && other.arn != record.arn {
                connections.delete(&other.arn).await?;
            }
        }
        let Some(have) = connections.get(&record.arn).await? else {
            return Ok(false);
        };
        // Without tags it went away between the two calls, and is deleted as well.
        if let Some(tags) = connections.tags(&have.arn).await? {
            aws.env
                .check_ours(format!("connection {}", have.name), &tags)?;
        }
        connections.delete(&have.arn).await?;
        Ok(true)
    })
    .await
}

/// Waits until a person has finished the handshake, for `mk-pipeline`; asks at least once.
///
/// Errors: nobody has within `limit`, and it says where to click and to run the pipeline again; or
/// the connection does not exist any more.
pub async fn wait_available(aws: &Aws, connection: &Connection, limit: Duration) -> Result<()> {
    if connection.status == AVAILABLE {
        return Ok(());
    }
    let connections = aws::client_of(aws, &connection.arn);
    let have = get_existing(&connections, &connection.arn).await?;
    if have.status == AVAILABLE {
        return Ok(());
    }
    let what_to_do = plan::how_to_finish(&aws.env, &have.name);
    if !limit.is_zero() {
        aws.voice.say(&what_to_do);
        let what = format!("connection {} is still {}", have.name, have.status);
        let finished = wait::until(&aws.control, &what, limit, async || {
            let have = get_existing(&connections, &connection.arn).await?;
            if have.status == AVAILABLE {
                return Ok(Some(()));
            }
            Ok(None)
        });
        match finished.await {
            Err(error) if error.kind == Kind::Unfinished && aws.control.check_stopped().is_ok() => {
            }
            done => return done,
        }
    }
    let message = format!(
        "connection {} is {} until a person finishes it",
        have.name, have.status
    );
    let hint = format!("{what_to_do}; then run the pipeline again");
    Err(Error::unfinished(message).hint(hint))
}

/// The connection of an ARN.
///
/// Errors: it was deleted, as by another run that made one at the same time: only one of the two
/// stays.
async fn get_existing(connections: &Connections, arn: &str) -> Result<Have> {
    match connections.get(arn).await? {
        Some(have) => Ok(have),
        None => {
            let message = format!("connection {arn} is gone");
            Err(Error::unfinished(message).hint("run the pipeline again"))
        }
    }
}
