//! Lists an environment: finds again, from its name alone, what every tool made, and writes the
//! records that the tools would have written. It knows no AWS itself; each tool's crate finds its
//! own.

use clap::{Parser, ValueEnum};
use futures_util::future::join_all;
use ls_env::OWNERS;
use plumbing::{
    App, Aws, Env, Error, Half, Kind, Owner, Record, RecordType, Result, Source, Stream, Voice,
};

/// List the records of an environment
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 ls-env --env production-pr123\n\
    \x20 ls-env --env production-pr123 | grep '\"type\":\"alb\"'")]
struct Args {
    /// List one half of it: what serves the apps, or what builds the sources
    #[arg(long, value_enum)]
    only: Option<Only>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Only {
    Services,
    Pipelines,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(&ls_env::reading(&OWNERS), run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let (env, new) = stream.named_env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let owners = OWNERS.into_iter().filter(|owner| may_own(owner, args.only));
    let finds = owners.map(async |owner| (owner, (owner.find)(&aws).await));
    let mut found = Vec::new();
    let mut errors = Vec::new();
    // What one service refuses to tell must not hide what the others have.
    for (owner, result) in join_all(finds).await {
        match result {
            Ok(records) => found.extend(
                records
                    .into_iter()
                    .filter(|record| is_wanted(owner, record, args.only)),
            ),
            Err(error) => errors.push(error),
        }
    }
    if found.is_empty() && errors.is_empty() {
        let (name, region, account) = (&env.name, &env.region, &env.account);
        let line = format!("nothing is there of {name} in {region} of account {account}");
        stream.voice.say(&line);
    }
    let listing = ls_env::list(&env, new, found);
    for record in listing.records {
        stream.write(record).await?;
    }
    for line in &listing.notes {
        stream.voice.say(line);
    }
    for line in &listing.left_out {
        stream.voice.error(&Error::refused(line.as_str()));
    }
    // What an emulator does not have, it cannot have made; AWS itself has all of it.
    if aws.config.endpoint_url().is_some() {
        errors.retain(|error| !tell_if_lacking(&stream.voice, error));
    }
    if !errors.is_empty() {
        return Err(incomplete(&stream.voice, errors));
    }
    if listing.left_out.is_empty() {
        return Ok(());
    }
    // Nothing failed: rm-env may delete what is listed, and mk-ecs-svc deploy another app.
    Err(Error::new(Kind::Stopped, ""))
}

/// Whether an owner may have resources in the half that is asked for.
fn may_own(owner: &Owner, only: Option<Only>) -> bool {
    match (owner.half, only) {
        (Half::Services, Some(Only::Pipelines)) | (Half::Pipelines, Some(Only::Services)) => false,
        (Half::Services | Half::Pipelines | Half::Both | Half::ByRecord(_), _) => true,
    }
}

/// Whether a record is of the half that is asked for. The environment and what the resources tell of
/// apps and sources belong to whoever they are about.
fn is_wanted(owner: &Owner, record: &Record, only: Option<Only>) -> bool {
    let Some(only) = only else {
        return true;
    };
    let serves = match record.kind() {
        Env::TYPE => return true,
        App::TYPE => true,
        Source::TYPE => false,
        _ => owner.half.serves(record),
    };
    serves == (only == Only::Services)
}

/// Tells that the endpoint, an emulator, lacks a service, if that is what an error says.
fn tell_if_lacking(voice: &Voice, error: &Error) -> bool {
    let lacking = plumbing::connection::is_lacking(&error.message);
    if lacking {
        let line = format!("this endpoint lacks a service: {}", error.message);
        voice.say(&line);
    }
    lacking
}

/// Tells all errors but the first, which the tool ends with.
fn incomplete(voice: &Voice, errors: Vec<Error>) -> Error {
    let first = errors[0].clone();
    for other in &errors[1..] {
        // One that every call meets, and what follows from it, is told once.
        let same = *other == first || first.pipe_wide && other.pipe_wide;
        if !same && other.kind != Kind::Stopped {
            voice.say(&other.message);
        }
    }
    let message = format!("the list is not complete: {}", first.message);
    Error { message, ..first }
}
