//! Makes an image repository for each app and source: scanned on push, and kept to the last ten
//! images and the one in production.
//!
//! Reads `env`, `app` and `source`. Writes `repo` as soon as it exists.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};

use clap::Parser;
use mk_ecr::aws::{self, Ecr};
use mk_ecr::plan::{self, Have, Part};
use plumbing::{App, Aws, Change, Resource, Result, Source, Stream};
use tokio::sync::OnceCell;

/// Make the image repositories of an environment's apps and sources
#[derive(Parser)]
#[command(version)]
#[command(after_help = "Example:\n  mk-env production pr123 | mk-app web | mk-ecr")]
struct Args {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_owner(&mk_ecr::OWNER, run).await
}

async fn run(_: Args, stream: Stream) -> Result<()> {
    let env = stream.env().await?;
    let aws = Aws::connect(&stream, &env).await?;
    let ecr = aws::client(&aws);
    let (stream, ecr) = (&stream, &ecr);
    // What is built from a source may be what the app of the same name runs: one repository.
    let begun = &RefCell::new(HashSet::new());
    let warned = &OnceCell::new();
    let apps = stream.for_each_record(|app: App| make_or_mend_once(stream, ecr, begun, app.name));
    let sources = stream.for_each_record(|source: Source| async move {
        let repository = make_or_mend_once(stream, ecr, begun, source.name);
        let warning = warned.get_or_init(|| warn_of_registry_scanning(ecr));
        tokio::join!(repository, warning).0
    });
    let unwanted = plumbing::write_unwanted(
        stream,
        &mk_ecr::OWNER,
        ecr.list_names(),
        |wishes| {
            let names = wishes.apps.union(&wishes.sources);
            names
                .map(|name| ecr.aws.env.repository_name(name))
                .collect()
        },
        async |names| mk_ecr::records_of(ecr, names).await,
    );
    let (apps, sources, unwanted) = tokio::join!(apps, sources, unwanted);
    apps.and(sources).and(unwanted)
}

/// Says so where the registry's own scanning counts and not that of its repositories.
async fn warn_of_registry_scanning(ecr: &Ecr) {
    if let Some(scanning) = ecr.registry_scanning().await
        && let Some(line) = plan::warning_of_registry_scanning(&scanning)
    {
        ecr.aws.voice.say(&line);
    }
}

async fn make_or_mend_once(
    stream: &Stream,
    ecr: &Ecr,
    begun: &RefCell<HashSet<String>>,
    app: String,
) -> Result<()> {
    let is_first = begun.borrow_mut().insert(app.clone());
    if !is_first {
        return Ok(());
    }
    make_or_mend(stream, ecr, &app).await
}

async fn make_or_mend(stream: &Stream, ecr: &Ecr, app: &str) -> Result<()> {
    let env = &ecr.aws.env;
    let has_app = stream.get::<App>(app).is_some();
    let has_source = stream.get::<Source>(app).is_some();
    let want = plan::want(env, app, has_app, has_source);
    let found = ecr.get(&want.name).await?;
    // Another pipe of the environment may have tagged it with what else needs it.
    let mut tags: BTreeMap<String, String> = match &found {
        Some(have) => have.tags.clone(),
        None => BTreeMap::new(),
    };
    tags.extend(want.tags.iter().cloned());
    let record = plan::record(env, app, &plan::needed_by(&tags));
    let created = record.clone().changed(Change::Created, &[]);
    let repository = Resource {
        found,
        record,
        create: async || {
            if !ecr.create(&want).await? {
                return Ok(false);
            }
            stream.write(created).await?;
            ecr.set_lifecycle_policy(&want.name, None).await?;
            Ok(true)
        },
        wait_visible: async || ecr.wait_visible(&want.name).await,
        compare: |have: &Have| {
            let differences = plan::compare(env, &want, have)?;
            let warnings = [
                plan::warning_of_encryption(have),
                plan::warning_of_mutability(have),
                plan::warning_of_lifecycle(have),
                plan::warning_of_policy(have),
            ];
            for line in warnings.into_iter().flatten() {
                ecr.aws.voice.say(&line);
            }
            Ok(differences)
        },
        mend: async |parts: Vec<Part>| {
            let calls = parts.into_iter().map(|part| ecr.set(&want, part));
            stream.control.run_all(calls).await.map(drop)
        },
    };
    repository.make_or_mend(stream, &ecr.aws).await
}
