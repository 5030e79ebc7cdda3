//! Draws an environment's records as a picture, on stdout.
//!
//! Reads everything. Who may reach whom it reads from the security groups themselves, which the crate of
//! mk-sg finds; it knows no AWS itself.

use std::io::IsTerminal;

use clap::{Parser, ValueEnum};
use draw_env::{Format, draw, has_groups};
use mk_sg::aws;
use mk_sg::plan::Group;
use plumbing::{Aws, Env, Error, Kind, Record, RecordType, Result, Stream};

/// Draw a picture of an environment
#[derive(Parser)]
#[command(version)]
#[command(after_help = "Example:\n  ls-env --env production-pr123 | draw-env > env.svg")]
struct Args {
    /// The format [default: svg]
    #[arg(long = "as", value_enum, value_name = "FORMAT")]
    format: Option<As>,
    /// Ask AWS nothing: who may reach whom is drawn as the apps declare it
    #[arg(long)]
    offline: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum As {
    /// For a file, a browser or a README
    Svg,
    /// For a Markdown file
    Mermaid,
    /// For Graphviz
    Dot,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(include_str!("../iam-policy.json"), run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let format = format(args.format)?;
    let env = stream.env().await?;
    let records = stream.all().await?;
    if stream.upstream_failed() {
        return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
    }
    check_not_empty(&env, &records)?;
    let groups = if !args.offline && has_groups(&records) {
        Some(look_up(&stream, &env).await?)
    } else {
        None
    };
    stream
        .print(draw(&env, &records, groups.as_deref(), format))
        .await
}

/// The format that is asked for.
///
/// Errors: none is, and stdout is a terminal, which SVG would flood.
fn format(asked: Option<As>) -> Result<Format> {
    match asked {
        Some(As::Svg) => Ok(Format::Svg),
        Some(As::Mermaid) => Ok(Format::Mermaid),
        Some(As::Dot) => Ok(Format::Dot),
        None if std::io::stdout().is_terminal() => {
            let message = "a picture is for a file, not for a terminal";
            Err(Error::usage(message).hint("draw-env > env.svg, or draw-env --as mermaid"))
        }
        None => Ok(Format::Svg),
    }
}

/// The security groups as they are.
async fn look_up(stream: &Stream, env: &Env) -> Result<Vec<Group>> {
    let aws = Aws::connect(stream, env).await?;
    aws::client(&aws).find().await
}

/// Nothing to draw is no success: the environment's name, its region or the account is likely to be a
/// wrong one.
fn check_not_empty(env: &Env, records: &[Record]) -> Result<()> {
    if records.iter().any(|record| record.kind() != Env::TYPE) {
        return Ok(());
    }
    let Env {
        name,
        region,
        account,
        ..
    } = env;
    let message =
        format!("nothing to draw: no record of {name} in {region}, account {account}, is on stdin");
    let hint = format!("ls-env --env {name} | draw-env");
    Err(Error::input(message).hint(hint))
}
