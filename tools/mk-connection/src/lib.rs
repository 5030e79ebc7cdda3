//! The connection to GitHub of an environment's pipelines (CodeConnections).
//!
//! Found again by its name among the account's connections, and ours if it carries the identity
//! tag. A connection that was adopted is never changed or deleted. Hosts (GitHub Enterprise) and
//! other providers are deliberately absent.

pub mod aws;
pub mod plan;

use std::time::Duration;

use plumbing::{Aws, Change, Connection, Env, Error, Record, Result, Stream, wait};

/// What `--iam-policy` prints.
pub const POLICY: &str = include_str!("../iam-policy.json");

/// The environment's connection as a record, for `ls-env`.
pub async fn find(aws: &Aws) -> Result<Vec<Record>> {
    let connections = aws::client(aws);
    let name = env.connection_name();
    let found = match connections.named(&name).await {
        Err(error)
            if connections.own_endpoint && error.message.contains("without an AWS error code") =>
        {
            stream
                .voice
                .say("this endpoint knows no connections; none is listed");
            Vec::new()
        }
        found => found?,
    };
    let ours = found.into_iter().filter(|have| env.owns(&have.tags));
    Ok(ours.map(|have| plan::record(&have, false)).collect())
}

/// Deletes the connection among `records`, and all of ours that have its name, for `rm-env`: a call
/// whose answer was lost may have made another one. One that was adopted stays.
///
/// Errors: it is not the environment's, and left alone.
pub async fn delete(stream: &Stream, aws: &Aws, records: &[Record]) -> Result<()> {
    let records: Vec<Connection> = records.iter().filter_map(Record::typed).collect();
    if records.is_empty() {
        return Ok(());
    }
    let connections = aws::client(aws);
    stream
        .control
        .try_all(records, async |record| {
            if record.adopted {
                stream
                    .voice
                    .say(&format!("connection {} was adopted: it stays", record.arn));
                return Ok(());
            }
            for other in connections.named(&env.connection_name()).await? {
                if env.owns(&other.tags) && other.arn != record.arn {
                    connections.delete(&other.arn).await?;
                }
            }
            let Some(have) = connections.get(&record.arn).await? else {
                return Ok(());
            };
            let tags = connections.tags(&have.arn).await?;
            if !tags.is_none_or(|tags| env.owns(&tags)) {
                return Err(plan::foreign(env, &have.name));
            }
            connections.delete(&have.arn).await?;
            stream
                .write(Record::of(&record).changed(Change::Deleted, &[]))
                .await
        })
        .await
}

/// Waits until a person has finished the handshake, for `mk-pipeline`; looks at least once.
///
/// Errors: nobody has within `limit`: where to click, and to run it again; or the connection is gone.
pub async fn wait_available(
    stream: &Stream,
    aws: &Aws,
    env: &Env,
    connection: &Connection,
    limit: Duration,
) -> Result<()> {
    if connection.status == plan::AVAILABLE {
        return Ok(());
    }
    let connections = aws::client(aws);
    let look = async || {
        let have = connections.get(&connection.arn).await?;
        // Another run made one at the same time, and this one was not the one that stays.
        let gone = || {
            Error::unfinished(format!("connection {} is gone", connection.arn))
                .hint("run the pipeline again")
        };
        let have = have.ok_or_else(gone)?;
        Ok(have)
    };
    let have = look().await?;
    if have.status == plan::AVAILABLE {
        return Ok(());
    }
    let click = plan::where_to_click(env, &have.name);
    if !limit.is_zero() {
        stream.voice.say(&click);
        let what = format!("connection {} is still {}", have.name, have.status);
        let available = wait::until(&stream.control, &what, limit, || async {
            Ok((look().await?.status == plan::AVAILABLE).then_some(()))
        });
        match available.await {
            Err(late)
                if late.kind == plumbing::Kind::Unfinished
                    && stream.control.check_stopped().is_ok() => {}
            done => return done,
        }
    }
    Err(Error::unfinished(format!(
        "connection {} is {} until a person finishes it",
        have.name, have.status
    ))
    .hint(format!("{click}; then run the pipeline again")))
}
