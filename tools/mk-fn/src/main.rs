//! Makes a function for each source, which tags the image that the source's pipeline just built
//! `production`.
//!
//! Reads `env`, `source`, and for each source its `repo`, whose images it tags, and the records `role`
//! and `log_group`, both named `function/SOURCE`. Writes `function` as soon as it exists, and ends when it is Active.

use clap::Parser;
use mk_fn::aws::{self, Lambda};
use mk_fn::code::{self, Code};
use mk_fn::plan::{self, Have, State, Want};
use plumbing::step::without_parts;
use plumbing::{Aws, Change, LogGroup, Repo, Result, Role, Source, Step, Stream};
use tokio::try_join;

/// Make the functions that tag what an environment's sources built
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-source web owner/web | mk-role | mk-logs | mk-fn")]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_fn::OWNER, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let lambda = aws::client(&aws);
    let code = code::code()?;
    let (stream, lambda, code) = (&stream, &lambda, &code);
    let sources = stream.for_each_record(|source: Source| async move {
        make_function(stream, lambda, code, &source.name).await
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_fn::OWNER,
        lambda.list_names(),
        |wishes| {
            let sources = wishes.sources.iter();
            sources
                .map(|source| lambda.aws.env.function_name(source))
                .collect()
        },
        async |names| mk_fn::records_of(lambda, names).await,
    );
    let (sources, unwanted) = tokio::join!(sources, unwanted);
    sources.and(unwanted)
}

/// The function of one source. It is looked up before its role is known.
async fn make_function(stream: &Stream, lambda: &Lambda, code: &Code, source: &str) -> Result<()> {
    let env = &lambda.aws.env;
    let name = env.function_name(source);
    let part = format!("function/{source}");
    // Lambda makes a log group that is not there at the first event, and keeps it for ever.
    let (found, _, role, group) = try_join!(
        lambda.get(&name),
        stream.need::<Repo>(source),
        stream.need::<Role>(&part),
        stream.need::<LogGroup>(&part)
    )?;
    let want = plan::want(env, source, &role.arn, &group.group, code);
    make_or_mend(stream, lambda, source, &want, found).await
}

/// What was found decides what is waited for, also where nothing differs.
async fn make_or_mend(
    stream: &Stream,
    lambda: &Lambda,
    source: &str,
    want: &Want,
    mut found: Option<Have>,
) -> Result<()> {
    let env = &lambda.aws.env;
    let name = &want.function;
    let record = plan::record(env, source, name);
    if found.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if lambda.create(want).await? {
            stream.write(record.changed(Change::Created, &[])).await?;
            // The first error ends both: where someone has deleted it, its retries are not to be set.
            try_join!(lambda.set_invocation(name), lambda.wait_created(name))?;
            return Ok(());
        }
        // A run at the same time was faster.
        found = Some(lambda.wait_visible(name).await?);
    }
    let step = plan::step(env, want, found)?;
    if let Step::Keep(have) | Step::Change(have, _) = &step {
        let invokers = plan::warning_of_invokers(name, have);
        let stricter = plan::warning_of_stricter(name, have);
        for line in invokers.into_iter().chain(stricter) {
            stream.voice.say(&line);
        }
    }
    match step {
        Step::Create => stream.write(record.changed(Change::Create, &[])).await,
        Step::Keep(have) => {
            stream.write(record.changed(Change::Kept, &[])).await?;
            if have.state == State::Busy && !env.plan {
                lambda.wait_ready(name).await?;
            }
            Ok(())
        }
        Step::Change(_, differences) if env.plan => {
            let record = record.changed(Change::Update, &without_parts(differences));
            stream.write(record).await
        }
        Step::Change(have, differences) => {
            stream.control.wait_for_account().await?;
            let parts = plan::parts_to_set(&have, &differences);
            lambda.mend(want, parts).await?;
            let record = record.changed(Change::Updated, &without_parts(differences));
            stream.write(record).await
        }
    }
}
