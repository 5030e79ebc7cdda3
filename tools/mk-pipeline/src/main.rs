//! Makes the pipeline of each source: Source reads the repository through the connection, Build
//! builds and pushes its image, Deploy has the function tag it, and before that deploys it to the
//! app's service where the source says so.
//!
//! Reads `env`, `source`, `connection`, `bucket`, and for each source `build`, `function` and `role`.
//! Writes `pipeline` as soon as it exists. A pipeline runs as soon as it is made, so all that it
//! needs must be there before, the person's click included.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Parser;
use mk_pipeline::plan::{self, Parts};
use mk_pipeline::{POLICY, aws};
use plumbing::{
    Aws, Bucket, Build, Change, Connection, Env, Function, Result, Role, Source, Step, Stream,
};

/// How long a person at a terminal has for the handshake, in minutes.
const AT_A_TERMINAL: u64 = 10;

/// Make the pipelines of an environment's sources
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How long to wait for the person who finishes the connection [default: 10 at a terminal, else 0]
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(0..=1440))]
    handshake: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let at_hand = if std::io::stderr().is_terminal() {
        AT_A_TERMINAL
    } else {
        0
    };
    let limit = Duration::from_secs(60 * args.handshake.unwrap_or(at_hand));
    let pipelines = aws::client(&aws);
    // Once for all sources: there is one connection.
    let connection = tokio::sync::OnceCell::new();
    let connected = async || -> Result<&Connection> {
        let connect = async {
            let connection = stream.need_first::<Connection>().await?;
            if !env.plan {
                mk_connection::wait_available(&stream, &aws, &env, &connection, limit).await?;
            }
            Ok(connection)
        };
        connection.get_or_try_init(|| connect).await
    };
    let (stream, env, pipelines, connected) = (&stream, &env, &pipelines, &connected);
    stream
        .for_each_record(|source: Source| async move {
            pipeline(stream, env, pipelines, &source, connected).await
        })
        .await
}

/// Makes or mends one pipeline. It is looked for before what it is made of exists.
async fn pipeline<'a>(
    stream: &Stream,
    env: &Env,
    pipelines: &aws::Pipelines,
    source: &Source,
    connected: impl AsyncFn() -> Result<&'a Connection>,
) -> Result<()> {
    let name = env.pipeline_name(&source.name);
    let (mut there, parts) = tokio::try_join!(pipelines.look(&name), parts(stream, source))?;
    let want = plan::want(env, source, &parts, &connected().await?.arn);
    let record = || plan::record(env, &source.name, &name);
    if there.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if pipelines.create(&want).await? {
            return stream.write(record().changed(Change::Created, &[])).await;
        }
        there = Some(pipelines.there(&name).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, &want, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (
            Change::from_differences(&differences, env.plan),
            differences,
        ),
    };
    if change == Change::Updated {
        stream.control.wait_for_account().await?;
        let (structure, tags) = plan::calls(&differences);
        if structure {
            pipelines.update(&want).await?;
        }
        if tags {
            pipelines.retag(&want).await?;
        }
    }
    stream.write(record().changed(change, &differences)).await
}

/// What the pipeline is made of, each as far as it must be: a bucket that is set up, a role with its
/// policy.
async fn parts(stream: &Stream, source: &Source) -> Result<Parts> {
    let role = format!("pipeline/{}", source.name);
    let (bucket, build, function, role) = tokio::try_join!(
        stream.need_first_where::<Bucket>(|bucket| bucket.encryption.is_some()),
        stream.need::<Build>(&source.name),
        stream.need::<Function>(&source.name),
        stream.need_where::<Role>(&role, Role::is_whole)
    )?;
    Ok(Parts {
        bucket: bucket.bucket,
        project: build.project,
        function: function.function,
        role: role.arn,
    })
}
