//! Makes the CodeBuild project of each source: it builds the source's Dockerfile and pushes the image,
//! tagged by its commit, into the source's repository.
//!
//! Reads `env` and `source`, and of each source its `repo`, and the `role` and the `log_group` of its
//! builds, whose records say that each is ours. Writes `build` as soon as it exists.

use clap::{Parser, ValueEnum};
use mk_build::aws::{self, CodeBuild};
use mk_build::plan::{self, Options, Project};
use plumbing::step::without_parts;
use plumbing::{Aws, Change, LogGroup, Repo, Result, Role, Source, Step, Stream, unknown, whole};
use tokio::try_join;

/// Make the CodeBuild projects of an environment's sources
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Example:\n\
    \x20 mk-env production pr123 | mk-source web owner/web | mk-connection | mk-role \\\n\
    \x20   | mk-logs | mk-build --build-timeout 45")]
struct Args {
    /// After how many minutes a build is given up
    #[arg(long, value_name = "MINUTES", default_value_t = 30, value_parser = whole::<i32>(5, 480))]
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
    plumbing::run_owner(&mk_build::OWNER, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let codebuild = aws::client(&aws);
    let options = Options {
        timeout: args.build_timeout,
        keeps_layers: args.cache == Cache::Docker,
    };
    let (stream, codebuild, options) = (&stream, &codebuild, &options);
    let sources = stream.for_each_record(|source: Source| async move {
        if let Some(line) = unknown::of_source(&source) {
            stream.voice.say(&line);
        }
        make_project(stream, codebuild, options, &source).await
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_build::OWNER,
        codebuild.list_names(),
        |wishes| {
            let sources = wishes.sources.iter();
            sources
                .map(|source| codebuild.aws.env.project_name(source))
                .collect()
        },
        async |names| mk_build::records_of(codebuild, names).await,
    );
    let (sources, unwanted) = tokio::join!(sources, unwanted);
    sources.and(unwanted)
}

/// The project of one source. It is looked up before its role and its log group are there.
async fn make_project(
    stream: &Stream,
    codebuild: &CodeBuild,
    options: &Options,
    source: &Source,
) -> Result<()> {
    let env = &codebuild.aws.env;
    let name = env.project_name(&source.name);
    let part = format!("build/{}", source.name);
    // Without its log group, the first build would make one that keeps everything for ever.
    let (found, _, role, group) = try_join!(
        codebuild.get(&name),
        stream.need::<Repo>(&source.name),
        stream.need::<Role>(&part),
        stream.need::<LogGroup>(&part)
    )?;
    let want = plan::want(env, source, &role.arn, &group.group, options);
    make_or_mend(stream, codebuild, source, &want, found).await
}

/// An update needs what was found: CodeBuild takes away the tags that are not said again.
async fn make_or_mend(
    stream: &Stream,
    codebuild: &CodeBuild,
    source: &Source,
    want: &Project,
    mut found: Option<Project>,
) -> Result<()> {
    let env = &codebuild.aws.env;
    let record = plan::record(env, &source.name, &want.name);
    if found.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if codebuild.create(want).await? {
            return stream.write(record.changed(Change::Created, &[])).await;
        }
        // A run at the same time was faster.
        found = Some(codebuild.wait_visible(&want.name).await?);
    }
    let step = plan::step(env, want, found)?;
    if let Step::Keep(have) | Step::Change(have, _) = &step {
        let visibility = plan::warning_of_visibility(have);
        let stricter = plan::warning_of_stricter(want, have);
        for line in visibility.into_iter().chain(stricter) {
            stream.voice.say(&line);
        }
    }
    let record = match step {
        Step::Create => record.changed(Change::Create, &[]),
        Step::Keep(_) => record.changed(Change::Kept, &[]),
        Step::Change(_, differences) if env.plan => {
            record.changed(Change::Update, &without_parts(differences))
        }
        Step::Change(have, differences) => {
            stream.control.wait_for_account().await?;
            codebuild.update(&plan::with_others(want, &have)).await?;
            record.changed(Change::Updated, &without_parts(differences))
        }
    };
    stream.write(record).await
}
