//! Makes a log group for each app, with a time after which CloudWatch forgets what was logged.
//!
//! Reads `env` and `app`. Writes `log_group` as soon as it exists.

use clap::Parser;
use futures_util::FutureExt;
use mk_logs::plan::{self, Have, Step};
use mk_logs::{POLICY, aws};
use plumbing::{App, Aws, Change, Env, Error, Result, Stream};

/// Make the log groups of an environment's apps
#[derive(Parser)]
#[command(version)]
struct Args {
    /// For how many days events are kept: 1, 3, 5, 7, 14, 30, 60, 90 and so on
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = plan::days)]
    retention: i32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let logs = aws::client(&aws, &stream, &env);
    // One look for all groups, under way before the first app arrives.
    let found = logs.find().shared();
    let look = async { found.clone().await.map(drop).inspect_err(|error| stream.stop(error.clone())) };
    let make = stream.for_each(|app: App| {
        let (stream, env, logs, found) = (&stream, &env, &logs, found.clone());
        async move { group(stream, env, logs, &app.name, args.retention, &found.await?).await }
    });
    let (look, make) = tokio::join!(look, make);
    look.and(make)
}

async fn group(stream: &Stream, env: &Env, logs: &aws::Logs, app: &str, days: i32, found: &[Have]) -> Result<()> {
    let name = env.log_group_name(app);
    let mut there = found.iter().find(|have| have.group == name).cloned();
    if there.is_none() && !env.plan {
        stream.may_change().await?;
        if logs.create(&name).await? {
            stream.write(plan::record(env, app, Some(days)).changed(Change::Created, &[])).await?;
            return logs.retain(&name, days).await;
        }
        there = Some(logs.there(&name).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, &name, days, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (Change::from_differences(&differences, env.plan), differences),
    };
    if change == Change::Updated {
        stream.may_change().await?;
        let retention = async {
            match plan::retention_differs(&differences) {
                true => logs.retain(&name, days).await,
                false => Ok(()),
            }
        };
        let tags = async {
            match plan::tags_differ(&differences) {
                true => logs.retag(&name).await,
                false => Ok::<(), Error>(()),
            }
        };
        let (retention, tags) = tokio::join!(retention, tags);
        retention.and(tags)?;
    }
    stream.write(plan::record(env, app, Some(days)).changed(change, &differences)).await
}
