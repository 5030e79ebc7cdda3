//! Writes a `source` record: one repository on GitHub that is to be built by a pipeline. It calls
//! nothing and knows no environment; the tools that follow act on it.

use clap::{Parser, ValueEnum};
use plumbing::{Error, Record, RecordType, Result, Source, Stream};

/// Write a source record that describes a pipeline
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-source web owner/web --branch main | mk-connection")]
struct Args {
    /// What it is called: web
    name: String,
    /// The repository on GitHub
    #[arg(value_name = "OWNER/NAME")]
    repository: String,
    /// The branch of which every push is built
    #[arg(long, default_value = "main")]
    branch: String,
    /// What starts the pipeline on a push: the connection, or an event on the default bus
    #[arg(long, value_enum, default_value_t = Trigger::Connection)]
    trigger: Trigger,
    /// The folder in the repository that docker build gets
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    context: String,
    /// The Dockerfile, from that folder
    #[arg(long, value_name = "FILE", default_value = "Dockerfile")]
    dockerfile: String,
    /// Deploy the app of the same name with what was built, before it is tagged
    #[arg(long)]
    deploy: bool,
    /// Print the JSON schema of the record, for editors, and exit
    #[arg(long, help_heading = "Common options")]
    schema: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Trigger {
    Connection,
    Events,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_wish::<Source, _, _, _>(
        "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}\n",
        |args: &Args| &args.name,
        run,
    )
    .await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let source = Source {
        name: args.name,
        repository: args.repository,
        branch: args.branch,
        trigger: match args.trigger {
            Trigger::Connection => "connection".into(),
            Trigger::Events => "events".into(),
        },
        context: args.context,
        dockerfile: args.dockerfile,
        deploy: args.deploy,
        found: false,
        rest: Default::default(),
    };
    source.check().map_err(Error::usage)?;
    stream.input_begun().await?; // so that the last record of a key is this one
    stream.write(Record::of(&source)).await
}
