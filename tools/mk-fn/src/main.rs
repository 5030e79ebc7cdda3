//! Makes a function for each source, which tags the image that the source's pipeline just built
//! `production`.
//!
//! Reads `env`, `source`, and for each source the records `role` and `log_group`, both named
//! `function/SOURCE`. Writes `function` as soon as it exists, and ends when it is Active.

use clap::Parser;
use mk_fn::code::{self, Code};
use mk_fn::plan::{self, State};
use mk_fn::{POLICY, aws};
use plumbing::{Aws, Change, Env, LogGroup, Result, Role, Source, Step, Stream};
use tokio::try_join;

/// Make the functions that tag what an environment's sources built
#[derive(Parser)]
#[command(version)]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let lambda = aws::client(&aws);
    let code = code::code()?;
    let (stream, env, lambda, code) = (&stream, &env, &lambda, &code);
    stream
        .for_each_record(|source: Source| async move {
            function(stream, env, lambda, code, &source.name).await
        })
        .await
}

/// Makes or mends the function of one source. It is looked for before its role is known.
async fn function(
    stream: &Stream,
    env: &Env,
    lambda: &aws::Lambda,
    code: &Code,
    source: &str,
) -> Result<()> {
    let (name, part) = (env.function_name(source), format!("function/{source}"));
    let needs = async {
        // Lambda makes a log group that is not there at the first event, and keeps it for ever.
        try_join!(stream.need::<Role>(&part), stream.need::<LogGroup>(&part))
    };
    let (mut there, (role, group)) = try_join!(lambda.look(&name), needs)?;
    let want = plan::want(env, source, &role.arn, &group.group, code);
    let record = || plan::record(env, source, &name);
    if there.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if lambda.create(&want).await? {
            stream.write(record().changed(Change::Created, &[])).await?;
            // The first error ends both: where someone has deleted it, its retries are not to be set.
            return try_join!(lambda.set_invocation(&name), lambda.made(&name)).map(drop);
        }
        there = Some(lambda.there(&name).await?); // a run at the same time was faster
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
        lambda.settled(&name).await?;
        // One after the other: Lambda refuses two changes of one function at once.
        for field in plan::fields(&differences) {
            lambda.set(&want, field).await?;
        }
        lambda.ready(&name).await?;
        return stream.write(record().changed(change, &differences)).await;
    }
    stream.write(record().changed(change, &differences)).await?;
    match there {
        Some(have) if have.state == State::Busy && !env.plan => lambda.ready(&name).await,
        _ => Ok(()),
    }
}
