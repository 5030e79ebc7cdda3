//! Makes an image repository for each app and source: scanned on push, and kept to the last ten
//! images and the one in production.
//!
//! Reads `env`, `app` and `source`. Writes `repo` as soon as it exists.

use std::cell::RefCell;
use std::collections::HashSet;

use clap::Parser;
use mk_ecr::plan;
use mk_ecr::{POLICY, aws};
use plumbing::{App, Aws, Change, Env, Result, Source, Step, Stream};

/// Make the image repositories of an environment's apps and sources
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
    let ecr = aws::client(&aws);
    // What is built from a source may be what the app of the same name runs: one repository.
    let begun = RefCell::new(HashSet::new());
    let once = |name: String| {
        let first = begun.borrow_mut().insert(name.clone());
        let (stream, env, ecr) = (&stream, &env, &ecr);
        async move {
            match first {
                true => repository(stream, env, ecr, name).await,
                false => Ok(()),
            }
        }
    };
    let apps = stream.for_each_record(|app: App| once(app.name));
    let told = tokio::sync::OnceCell::new();
    let sources = stream.for_each_record(|source: Source| {
        let repository = once(source.name);
        async { tokio::join!(repository, told.get_or_init(|| ecr.tell_of_scanning())).0 }
    });
    let (apps, sources) = tokio::join!(apps, sources);
    apps.and(sources)
}

async fn repository(stream: &Stream, env: &Env, ecr: &aws::Ecr, app: String) -> Result<()> {
    let name = env.repository_name(&app);
    let (an_app, a_source) = (
        stream.get::<App>(&app).is_some(),
        stream.get::<Source>(&app).is_some(),
    );
    let tags = plan::tags(env, &name, an_app, a_source);
    let mut there = ecr.look(&name).await?;
    // Another pipe of the environment may have said what else needs it.
    let said = there
        .iter()
        .flat_map(|have| have.tags.clone())
        .chain(tags.clone())
        .collect();
    let record = || plan::record(env, &app, &plan::needed_by(&said));
    if there.is_none() && !env.plan {
        stream.control.wait_for_account().await?;
        if ecr.create(&name, &tags).await? {
            stream.write(record().changed(Change::Created, &[])).await?;
            return ecr.keep_the_last_images(&name).await;
        }
        there = Some(ecr.there(&name).await?); // a run at the same time was faster
    }
    let (change, differences) = match plan::step(env, &name, &tags, there.as_ref())? {
        Step::Create => (Change::Create, Vec::new()),
        Step::Change(differences) => (
            Change::from_differences(&differences, env.plan),
            differences,
        ),
    };
    if let Some(line) = there.as_ref().and_then(plan::encrypted_otherwise) {
        stream.voice.say(&line);
    }
    if change == Change::Updated {
        stream.control.wait_for_account().await?;
        stream
            .control
            .run_all(
                plan::fields(&differences)
                    .into_iter()
                    .map(|field| ecr.set(&name, field, &tags)),
            )
            .await?;
    }
    stream.write(record().changed(change, &differences)).await
}
