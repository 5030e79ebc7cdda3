//! Lists an environment: finds again, from its name alone, what every tool made, and writes the
//! records that the tools would have written. It knows no AWS itself; each tool's crate finds its
//! own.

mod merge;

use clap::{Parser, ValueEnum};
use futures_util::future::{FutureExt, LocalBoxFuture, join_all};
use plumbing::{Aws, Env, Error, Kind, Record, Result, Stream};

/// List the records of an environment
#[derive(Parser)]
#[command(version)]
struct Args {
    /// List one half of it: what serves the apps, or what builds the sources
    #[arg(long, value_enum)]
    only: Option<Half>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Half {
    Services,
    Pipelines,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let policy = merge::policies(&[
        mk_vpc::POLICY,
        mk_sg::POLICY,
        mk_alb::POLICY,
        mk_ecr::POLICY,
        mk_role::POLICY,
        mk_logs::POLICY,
        mk_ecs_svc::POLICY,
        mk_connection::POLICY,
        mk_bucket::POLICY,
        mk_build::POLICY,
        mk_fn::POLICY,
        mk_pipeline::POLICY,
        mk_rule::POLICY,
    ]);
    plumbing::run(&policy, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let (env, new) = stream.named_env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let mut listing = Listing {
        stream: &stream,
        aws: &aws,
        env: &env,
        finds: Vec::new(),
    };
    let (services, pipelines) = (
        args.only != Some(Half::Pipelines),
        args.only != Some(Half::Services),
    );
    if services {
        listing.add(|l| mk_vpc::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_sg::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_alb::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_ecs_svc::find(l.stream, l.aws, l.env).boxed_local());
    }
    if pipelines {
        listing.add(|l| mk_connection::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_bucket::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_build::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_fn::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_pipeline::find(l.stream, l.aws, l.env).boxed_local());
        listing.add(|l| mk_rule::find(l.stream, l.aws, l.env).boxed_local());
    }
    listing.add(|l| mk_ecr::find(l.stream, l.aws, l.env).boxed_local());
    listing.add(|l| mk_role::find(l.stream, l.aws, l.env).boxed_local());
    listing.add(|l| mk_logs::find(l.stream, l.aws, l.env).boxed_local());
    // What one service refuses to tell must not hide what the others have.
    let (found, errors): (Vec<_>, Vec<_>) = join_all(listing.finds)
        .await
        .into_iter()
        .partition(Result::is_ok);
    let found = found.into_iter().flatten().flatten();
    let wanted = |record: &Record| {
        let (serves, builds) = merge::serves_and_builds(record);
        serves && services || builds && pipelines
    };
    for record in merge::records(&env, new, found.filter(wanted).collect()) {
        stream.write(record).await?;
    }
    // What an emulator does not have, it cannot have made; AWS itself has all of it.
    let emulator = aws.config.endpoint_url().is_some();
    let errors = errors.into_iter().filter_map(Result::err);
    let (lacking, errors): (Vec<_>, Vec<_>) =
        errors.partition(|error| emulator && merge::is_lacking(&error.message));
    lacking.iter().for_each(|error| {
        stream
            .voice
            .say(&format!("this endpoint lacks a service: {}", error.message))
    });
    let mut errors = errors.into_iter();
    let Some(first) = errors.next() else {
        return Ok(());
    };
    // One that every call meets, and what follows from it, is told once.
    let tells = |other: &Error| {
        *other != first && other.kind != Kind::Stopped && !(first.pipe_wide && other.pipe_wide)
    };
    errors
        .filter(tells)
        .for_each(|other| stream.voice.say(&other.message));
    Err(Error {
        message: format!("the list is not complete: {}", first.message),
        ..first
    })
}

struct Listing<'a> {
    stream: &'a Stream,
    aws: &'a Aws,
    env: &'a Env,
    finds: Vec<LocalBoxFuture<'a, Result<Vec<Record>>>>,
}

impl<'a> Listing<'a> {
    fn add(&mut self, find: impl FnOnce(&Listing<'a>) -> LocalBoxFuture<'a, Result<Vec<Record>>>) {
        let find = find(self);
        self.finds.push(find);
    }
}
