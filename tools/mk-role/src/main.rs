//! Makes the execution role of each app: with it ECS pulls the app's image and writes its log,
//! and may do nothing else.
//!
//! Reads `env` and `app`. Writes `role` as soon as it exists; the policies name the repository and
//! the log group by ARNs that follow from their names, so neither is awaited.

use clap::Parser;
use mk_role::plan::{self, Step};
use mk_role::{POLICY, aws};
use plumbing::{App, Aws, Change, Env, Result, Stream};

/// Make the IAM roles of an environment's apps
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
    let iam = aws::client(&aws, &stream, &env);
    stream.for_each(|app: App| role(&stream, &env, &iam, app)).await
}

async fn role(stream: &Stream, env: &Env, iam: &aws::Iam, app: App) -> Result<()> {
    let want = plan::execution(env, &app.name)?;
    let mut there = iam.look(&want).await?;
    if there.is_none() && !env.plan {
        stream.may_change().await?;
        if let Some(arn) = iam.create(&want).await? {
            stream.write(plan::record(&want.name, &arn).changed(Change::Created, &[])).await?;
            // Nothing here waits until the role has spread: what uses it starts later and retries.
            return iam.permit_new(&want).await;
        }
        there = Some(iam.there(&want).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, &want, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (Change::from_differences(&differences, env.plan), differences),
    };
    if change == Change::Updated {
        stream.may_change().await?;
        // One after the other: IAM refuses two changes of one role at once.
        for field in plan::fields(&differences) {
            iam.set(&want, field).await?;
        }
    }
    stream.write(plan::record(&want.name, &plan::arn(env, &want.role)).changed(change, &differences)).await
}
