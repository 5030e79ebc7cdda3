//! Makes the connection to GitHub that an environment's pipelines read through, or adopts one that
//! exists.
//!
//! Reads `env`. Writes `connection` with its status. It does not wait for the person who has to
//! finish the handshake: all else can be made meanwhile, and mk-pipeline waits.

use clap::Parser;
use mk_connection::aws::{self, Connections};
use mk_connection::plan::{self, Adopt, Have};
use plumbing::step::without_parts;
use plumbing::{Aws, Change, Result, Step, Stream};

/// Make or adopt the connection to GitHub
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 mk-env production pr123 --region ap-southeast-1 | mk-connection\n\
    \x20 mk-env production pr123 | mk-connection --adopt github")]
struct Args {
    /// Use this connection instead of making one, and never change or delete it
    #[arg(long, value_name = "ARN or NAME", value_parser = plan::read_adopt)]
    adopt: Option<Adopt>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_connection::OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    plan::check_service(&env, args.adopt.as_ref())?;
    if let Some(Adopt::Arn(arn)) = &args.adopt {
        plan::check_account(&env, arn)?;
    }
    let aws = Aws::connect(&stream, &env).await?;
    let connections = match &args.adopt {
        Some(Adopt::Arn(arn)) => aws::client_of(&aws, arn),
        _ => aws::client(&aws),
    };
    if let Some(wanted) = args.adopt {
        return adopt(&stream, &connections, &wanted).await;
    }
    let name = env.connection_name();
    let found = connections.list_by_name(&name).await?;
    let ours = found.iter().filter(|have| env.owns(&have.tags));
    stream.release(ours.map(|have| plan::record(have, false)));
    match plan::step(&env, &name, &found)? {
        Step::Create if env.plan => {
            let record = plan::record(&plan::planned(&env, &name), false);
            stream.write(record.changed(Change::Create, &[])).await
        }
        Step::Create => create(&stream, &connections, &name).await,
        Step::Keep(have) => {
            delete_duplicates(&connections, &found, &have).await?;
            let record = plan::record(&have, false);
            stream.write(record.changed(Change::Kept, &[])).await
        }
        Step::Change(have, differences) => {
            delete_duplicates(&connections, &found, &have).await?;
            let mut change = Change::Update;
            if !env.plan {
                aws.control.wait_for_account().await?;
                connections.set_tags(&have.arn, &name).await?;
                change = Change::Updated;
            }
            let record = plan::record(&have, false);
            let differences = without_parts(differences);
            stream.write(record.changed(change, &differences)).await
        }
    }
}

/// Uses a connection that somebody made, as it is.
async fn adopt(stream: &Stream, connections: &Connections, adopt: &Adopt) -> Result<()> {
    let found = match adopt {
        Adopt::Arn(arn) => connections.get(arn).await?,
        Adopt::Name(name) => plan::only_one_named(&connections.list().await?, name)?,
    };
    let Some(have) = found else {
        return Err(plan::absent(&connections.aws.env, adopt));
    };
    let record = plan::record(&have, true);
    stream.release([record.clone()]);
    stream.write(record.changed(Change::Kept, &[])).await
}

/// Makes the connection and writes its record; and once more, since of several that were made at
/// the same time another may be the one that stays.
async fn create(stream: &Stream, connections: &Connections, name: &str) -> Result<()> {
    stream.control.wait_for_account().await?;
    let created = connections.create(name).await?;
    let record = plan::record(&created, false);
    stream.write(record.changed(Change::Created, &[])).await?;
    let kept = connections.keep_one(name, created).await?;
    let what_to_do = plan::how_to_finish(&connections.aws.env, name);
    stream.voice.say(&what_to_do);
    let record = plan::record(&kept, false);
    stream.write(record.changed(Change::Created, &[])).await
}

/// Deletes what two runs at once left, where neither saw the other's connection.
async fn delete_duplicates(connections: &Connections, found: &[Have], kept: &Have) -> Result<()> {
    let aws = &connections.aws;
    let duplicates = plan::duplicates(&aws.env, found, kept);
    for arn in &duplicates {
        aws.voice.say(&plan::word_of_duplicate(arn));
    }
    if duplicates.is_empty() || aws.env.plan {
        return Ok(());
    }
    aws.control.wait_for_account().await?;
    let deletions = duplicates.iter().map(|arn| connections.delete(arn));
    aws.control.run_all(deletions).await?;
    Ok(())
}
