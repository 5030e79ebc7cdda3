//! Makes an image repository for each app: scanned on push, and kept to the last ten images.
//!
//! Reads `env` and `app`. Writes `repo` as soon as it exists.

use clap::Parser;
use mk_ecr::plan::{self, Step};
use mk_ecr::{POLICY, aws};
use plumbing::{App, Aws, Change, Env, Result, Stream};

/// Make the image repositories of an environment's apps
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
    let ecr = aws::client(&aws, &stream, &env);
    stream.for_each(|app: App| repository(&stream, &env, &ecr, app.name)).await
}

async fn repository(stream: &Stream, env: &Env, ecr: &aws::Ecr, app: String) -> Result<()> {
    let name = env.repository_name(&app);
    let mut there = ecr.look(&name).await?;
    if there.is_none() && !env.plan {
        stream.may_change().await?;
        if ecr.create(&name).await? {
            stream.write(plan::record(env, &app).changed(Change::Created, &[])).await?;
            return ecr.keep_the_last_images(&name).await;
        }
        there = Some(ecr.there(&name).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, &name, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (Change::from_differences(&differences, env.plan), differences),
    };
    if change == Change::Updated {
        stream.may_change().await?;
        stream.join(plan::fields(&differences).into_iter().map(|field| ecr.set(&name, field))).await?;
    }
    stream.write(plan::record(env, &app).changed(change, &differences)).await
}
