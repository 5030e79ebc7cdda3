//! Makes the roles of an environment, each for one purpose: the execution role of each app, and for
//! each source those of its builds, its function, its pipeline and its rule.
//!
//! Reads `env`, `app`, `source`, and for a pipeline's role `connection`. Writes `role` as soon as it
//! exists, and again with its policy's name when it has that; all else that the policies name follows from names, and is not awaited.

use clap::Parser;
use mk_role::want::{self, Kind, Want};
use mk_role::{POLICY, aws, plan};
use plumbing::{App, Aws, Change, Connection, Env, Result, Source, Step, Stream};

/// Make the IAM roles of an environment's apps and sources
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
    let iam = aws::client(&aws);
    let (stream, env, iam) = (&stream, &env, &iam);
    let apps = stream.for_each_record(|app: App| async move {
        role(stream, env, iam, Kind::Execution, &app.name, async {
            want::of_app(env, &app.name)
        })
        .await
    });
    let sources = stream.for_each_record(|source: Source| async move {
        let kinds = [Kind::Build, Kind::Function, Kind::Pipeline, Kind::Events];
        stream
            .control
            .run_all(kinds.map(|kind| of_source(stream, env, iam, kind, &source)))
            .await
            .map(drop)
    });
    let (apps, sources) = tokio::join!(apps, sources);
    apps.and(sources)
}

async fn of_source(
    stream: &Stream,
    env: &Env,
    iam: &aws::Iam,
    kind: Kind,
    source: &Source,
) -> Result<()> {
    let want = async {
        let connection = match kind {
            Kind::Pipeline => stream.need_first::<Connection>().await?.arn,
            _ => String::new(),
        };
        want::of_source(env, kind, source, &connection)
    };
    role(stream, env, iam, kind, &source.name, want).await
}

/// Makes or mends one role. It is looked for before all that its policy names is known.
async fn role(
    stream: &Stream,
    env: &Env,
    iam: &aws::Iam,
    kind: Kind,
    name: &str,
    want: impl Future<Output = Result<Want>>,
) -> Result<()> {
    let name = want::role_name(env, kind, name);
    let (mut there, want) = tokio::try_join!(iam.look(&name, kind.word()), want)?;
    if there.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if let Some(arn) = iam.create(&want).await? {
            stream
                .write(plan::bare(&want.name, &arn).changed(Change::Created, &[]))
                .await?;
            // Nothing here waits until the role has spread: what uses it starts later and retries.
            iam.permit_new(&want).await?;
            return stream
                .write(plan::record(&want.name, &arn).changed(Change::Created, &[]))
                .await;
        }
        there = Some(iam.there(&want).await?); // a run at the same time was faster
    }
    if let Some(line) = there.as_ref().and_then(|have| plan::more(&want.role, have)) {
        stream.voice.say(&line);
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
        // One after the other: IAM refuses two changes of one role at once.
        for field in plan::fields(&differences) {
            iam.set(&want, field).await?;
        }
    }
    stream
        .write(plan::record(&want.name, &plan::arn(env, &want.role)).changed(change, &differences))
        .await
}
