//! Makes the pipeline of each source: Source reads the repository through the connection, Build
//! builds and pushes its image, Deploy has the function tag it, and before that deploys it to the
//! app's service where the source says so.
//!
//! Reads `env`, `source`, `connection`, `bucket`, and for each source `build`, `function` and
//! `role`. Writes `pipeline` as soon as it exists. A pipeline runs as soon as it is made, so all
//! that it needs must exist before, and the person must have finished the connection.

use std::io::IsTerminal;
use std::time::Duration;

use clap::Parser;
use futures_util::FutureExt;
use mk_pipeline::aws::{self, Pipelines};
use mk_pipeline::plan::{self, Have, Needs, Part};
use plumbing::{
    Aws, Bucket, Build, Change, Connection, Env, Function, Resource, Result, Role, Source, Stream,
    whole,
};

/// How long a person at a terminal has for the handshake, in minutes.
const AT_A_TERMINAL: u64 = 10;

/// Make the pipelines of an environment's sources
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-source web owner/web | mk-connection | mk-bucket \\\n\
    \x20   | mk-ecr | mk-role | mk-logs | mk-build | mk-fn | mk-pipeline | wait-env")]
struct Args {
    /// How long to wait for the person who finishes the connection [default: 10 at a terminal, else 0]
    #[arg(long, value_name = "MINUTES", value_parser = whole::<u64>(0, 1440))]
    handshake: Option<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_pipeline::OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let pipelines = aws::client(&aws);
    let minutes = match args.handshake {
        Some(minutes) => minutes,
        None if std::io::stderr().is_terminal() => AT_A_TERMINAL,
        None => 0,
    };
    let limit = Duration::from_secs(60 * minutes);
    let (stream, pipelines) = (&stream, &pipelines);
    // One connection serves all sources. Where no source comes, nobody waits for it.
    let connection = finished_connection(stream, &aws, limit)
        .boxed_local()
        .shared();
    let sources = stream.for_each_record(|source: Source| {
        make_or_mend(stream, pipelines, source, connection.clone())
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_pipeline::OWNER,
        pipelines.list_names(),
        |wishes| {
            let sources = wishes.sources.iter();
            sources
                .map(|source| pipelines.aws.env.pipeline_name(source))
                .collect()
        },
        async |names| mk_pipeline::records_of(pipelines, names).await,
    );
    let (sources, unwanted) = tokio::join!(sources, unwanted);
    sources.and(unwanted)
}

/// The connection, once a person has finished it; in a dry run, as it is.
async fn finished_connection(stream: &Stream, aws: &Aws, limit: Duration) -> Result<Connection> {
    let connection = stream.need_first::<Connection>().await?;
    if !aws.env.plan {
        mk_connection::wait_available(aws, &connection, limit).await?;
    }
    Ok(connection)
}

/// Makes or mends the pipeline of a source. It is looked for before what it needs exists.
async fn make_or_mend(
    stream: &Stream,
    pipelines: &Pipelines,
    source: Source,
    connection: impl Future<Output = Result<Connection>>,
) -> Result<()> {
    let env = &pipelines.aws.env;
    let name = env.pipeline_name(&source.name);
    let (found, needs) = tokio::try_join!(pipelines.get(&name), needs(stream, env, &source))?;
    let want = plan::want(env, &source, &needs, &connection.await?.arn);
    let record = plan::record(env, &source.name, &name);
    let created = record.clone().changed(Change::Created, &[]);
    let pipeline = Resource {
        found,
        record,
        create: async || {
            if !pipelines.create(&want).await? {
                return Ok(false);
            }
            stream.write(created).await?;
            Ok(true)
        },
        wait_visible: async || pipelines.wait_visible(&name).await,
        compare: |have: &Have| {
            let differences = plan::compare(env, &want, have)?;
            if let Some(line) = plan::warning_of_gates(&want, have) {
                stream.voice.say(&line);
            }
            Ok(differences)
        },
        mend: async |parts: Vec<Part>| {
            // One after the other: CodePipeline refuses two changes of one pipeline at once.
            for part in parts {
                pipelines.set(&want, part).await?;
            }
            Ok(())
        },
    };
    pipeline.make_or_mend(stream, &pipelines.aws).await
}

/// What the pipeline of a source needs, each as complete as it must be: a bucket that is set up, a
/// role with its policy. What they are called follows from their names: the records say that each is
/// there and ours.
async fn needs(stream: &Stream, env: &Env, source: &Source) -> Result<Needs> {
    let role = format!("pipeline/{}", source.name);
    let (_, _, _, role) = tokio::try_join!(
        stream.need_first_where::<Bucket>(|bucket| bucket.encryption.is_some()),
        stream.need::<Build>(&source.name),
        stream.need::<Function>(&source.name),
        stream.need_where::<Role>(&role, Role::is_whole)
    )?;
    Ok(Needs {
        bucket: env.bucket_name(),
        project: env.project_name(&source.name),
        function: env.function_name(&source.name),
        role: role.arn,
    })
}
