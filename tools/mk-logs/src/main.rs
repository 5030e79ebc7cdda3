//! Makes a log group for each app, and two for each source, with a time after which CloudWatch
//! forgets what was logged.
//!
//! Reads `env`, `app` and `source`. Writes `log_group` as soon as it exists.

use clap::Parser;
use futures_util::FutureExt;
use mk_logs::plan::{self, Have, Want};
use mk_logs::{POLICY, aws};
use plumbing::{App, Aws, Change, Env, Error, Result, Source, Step, Stream};

/// Make the log groups of an environment's apps and sources
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
    // One look for the groups of all apps; where there are none, none.
    let found = logs.of_apps().shared();
    let apps = stream.for_each(|app: App| {
        let (stream, env, logs, found) = (&stream, &env, &logs, found.clone());
        async move {
            let want = plan::of_app(env, &app.name);
            let there = found
                .await?
                .into_iter()
                .find(|have| have.group == want.group);
            group(stream, env, logs, &want, args.retention, there).await
        }
    });
    let sources = stream.for_each(|source: Source| {
        let (stream, env, logs) = (&stream, &env, &logs);
        let groups = plan::of_source(env, &source.name)
            .into_iter()
            .map(move |want| async move {
                let there = logs.look(&want.group).await?;
                group(stream, env, logs, &want, args.retention, there).await
            });
        async move { stream.join(groups).await.map(drop) }
    });
    let (apps, sources) = tokio::join!(apps, sources);
    apps.and(sources)
}

async fn group(
    stream: &Stream,
    env: &Env,
    logs: &aws::Logs,
    want: &Want,
    days: i32,
    mut there: Option<Have>,
) -> Result<()> {
    let record = |days| plan::record(env, &want.name, &want.group, Some(days));
    if there.is_none() && !env.plan {
        stream.may_change().await?;
        if logs.create(want).await? {
            stream
                .write(record(days).changed(Change::Created, &[]))
                .await?;
            return logs.retain(&want.group, days).await;
        }
        there = Some(logs.there(&want.group).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, want, days, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (
            Change::from_differences(&differences, env.plan),
            differences,
        ),
    };
    if change == Change::Updated {
        stream.may_change().await?;
        let retention = async {
            match plan::retention_differs(&differences) {
                true => logs.retain(&want.group, days).await,
                false => Ok(()),
            }
        };
        let tags = async {
            match plan::tags_differ(&differences) {
                true => logs.retag(&want.group, &want.tags).await,
                false => Ok::<(), Error>(()),
            }
        };
        let (retention, tags) = tokio::join!(retention, tags);
        retention.and(tags)?;
    }
    stream
        .write(record(days).changed(change, &differences))
        .await
}
