//! Makes the CodeBuild project of each source: it builds the source's Dockerfile and pushes the image,
//! tagged by its commit, into the source's repository.
//!
//! Reads `env` and `source`, and of each source the `role` and the `log_group` of its builds; all else
//! follows from names, and is not awaited. Writes `build` as soon as it exists.

use clap::{Parser, ValueEnum};
use mk_build::plan::{self, Options};
use mk_build::{POLICY, aws};
use plumbing::{Aws, Change, Env, LogGroup, Result, Role, Source, Step, Stream};

/// Make the CodeBuild projects of an environment's sources
#[derive(Parser)]
#[command(version)]
struct Args {
    /// After how many minutes a build is given up
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = clap::value_parser!(i32).range(5..=480))]
    build_timeout: i32,
    /// What a build may find again on its host: the layers of docker's images, or nothing
    #[arg(long, value_enum, default_value_t = Cache::Docker)]
    cache: Cache,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Cache {
    Docker,
    None,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run(POLICY, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let codebuild = aws::client(&aws);
    let options = Options {
        timeout: args.build_timeout,
        keeps_layers: args.cache == Cache::Docker,
    };
    let (stream, env, codebuild, options) = (&stream, &env, &codebuild, &options);
    stream
        .for_each_record(|source: Source| async move {
            build(stream, env, codebuild, options, &source).await
        })
        .await
}

/// Makes or mends one project. It is looked for before its role and its log group are there.
async fn build(
    stream: &Stream,
    env: &Env,
    codebuild: &aws::CodeBuild,
    options: &Options,
    source: &Source,
) -> Result<()> {
    let name = env.project_name(&source.name);
    let part = format!("build/{}", source.name);
    // Without its log group, the first build would make one that keeps everything for ever.
    let (mut there, role, group) = tokio::try_join!(
        codebuild.look(&name),
        stream.need::<Role>(&part),
        stream.need::<LogGroup>(&part)
    )?;
    let want = plan::want(env, source, &role.arn, &group.group, options);
    let record = || plan::record(env, &source.name, &name);
    if there.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if codebuild.create(&want).await? {
            return stream.write(record().changed(Change::Created, &[])).await;
        }
        there = Some(codebuild.there(&name).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, &want, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (
            Change::from_differences(&differences, env.plan),
            differences,
        ),
    };
    if let (Change::Updated, Some(have)) = (change, &there) {
        stream.control.wait_for_account().await?;
        codebuild.update(&plan::with_others(&want, have)).await?;
    }
    stream.write(record().changed(change, &differences)).await
}
