//! Makes a log group for each app, and two for each source, with a time after which CloudWatch
//! forgets what was logged.
//!
//! Reads `env`, `app` and `source`. Writes `log_group` as soon as it exists.

use clap::Parser;
use futures_util::FutureExt;
use mk_logs::aws::{self, Logs};
use mk_logs::plan::{self, Have, Part, Want};
use plumbing::{App, Aws, Change, Resource, Result, Source, Stream};
use tokio::try_join;

/// Make the log groups of an environment's apps and sources
#[derive(Parser)]
#[command(version)]
#[command(after_help = "Example:\n  mk-env production pr123 | mk-app web | mk-logs --retention 7")]
struct Args {
    /// For how many days events are kept: 1, 3, 5, 7, 14, 30, 60, 90 and so on
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = plan::days)]
    retention: i32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_logs::OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let logs = aws::client(&aws);
    let (stream, logs, days) = (&stream, &logs, args.retention);
    // One listing finds the groups of all apps. Where no app comes, it is not asked for.
    let listed = logs.list_of_apps().shared();
    let apps = stream.for_each_record(|app: App| {
        let listed = listed.clone();
        async move {
            let want = plan::want_of_app(&logs.aws.env, &app.name, days);
            let groups = listed.await?;
            let found = groups.into_iter().find(|have| have.group == want.group);
            make_or_mend(stream, logs, &want, found).await
        }
    });
    let sources = stream.for_each_record(|source: Source| async move {
        let wants = plan::wants_of_source(&logs.aws.env, &source.name, days);
        let groups = wants.iter().map(async |want| {
            let found = logs.get(&want.group).await?;
            make_or_mend(stream, logs, want, found).await
        });
        stream.control.run_all(groups).await.map(drop)
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_logs::OWNER,
        async {
            let of_apps = names_of_apps(stream, listed.clone());
            let of_sources = names_of_sources(stream, logs);
            let (of_apps, of_sources) = try_join!(of_apps, of_sources)?;
            Ok([of_apps, of_sources].concat())
        },
        |wishes| plan::wanted_groups(&logs.aws.env, wishes),
        async |groups| mk_logs::records_of(logs, groups).await,
    );
    let (apps, sources, unwanted) = tokio::join!(apps, sources, unwanted);
    apps.and(sources).and(unwanted)
}

/// The names of the groups that were listed for the apps, if one comes.
async fn names_of_apps(
    stream: &Stream,
    listed: impl Future<Output = Result<Vec<Have>>>,
) -> Result<Vec<String>> {
    if stream.need_first::<App>().await.is_err() {
        return Ok(Vec::new());
    }
    let groups = listed.await?;
    Ok(groups.into_iter().map(|have| have.group).collect())
}

/// The names of the groups that could be of sources, if one comes.
async fn names_of_sources(stream: &Stream, logs: &Logs) -> Result<Vec<String>> {
    if stream.need_first::<Source>().await.is_err() {
        return Ok(Vec::new());
    }
    logs.list_names_of_sources().await
}

async fn make_or_mend(
    stream: &Stream,
    logs: &Logs,
    want: &Want,
    found: Option<Have>,
) -> Result<()> {
    let env = &logs.aws.env;
    let retention = plan::retention(want, found.as_ref());
    let record = plan::record(env, &want.name, &want.group, retention);
    let created = record.clone().changed(Change::Created, &[]);
    let group = Resource {
        found,
        record,
        create: async || {
            if !logs.create(want).await? {
                return Ok(false);
            }
            stream.write(created).await?;
            logs.set_retention(want).await?;
            logs.set(want, Part::Tags).await?;
            Ok(true)
        },
        wait_visible: async || logs.wait_visible(&want.group).await,
        compare: |have: &Have| {
            let differences = plan::compare(env, want, have)?;
            let retention = plan::warning_of_retention(want, have);
            let stricter = plan::warning_of_stricter(have);
            for line in retention.into_iter().chain(stricter) {
                stream.voice.say(&line);
            }
            Ok(differences)
        },
        // The retention before the tag that says it is ours: cut off in between, it still is.
        mend: async |parts: Vec<Part>| {
            for part in [Part::Retention, Part::Tags] {
                if parts.contains(&part) {
                    logs.set(want, part).await?;
                }
            }
            Ok(())
        },
    };
    group.make_or_mend(stream, &logs.aws).await
}
