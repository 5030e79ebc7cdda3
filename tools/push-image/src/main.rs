//! Builds and pushes the images of an environment's apps, and writes for each an `image` record that
//! is pinned by digest.
//!
//! Reads `env`, `app`, and for each app with a directory or an archive its `repo`. Apps with neither
//! pass. Ahead of everything it writes a mark for each app that its flags name, so that mk-ecs-svc
//! waits for the image.

use clap::{Parser, ValueEnum};
use plumbing::{App, Aws, Change, Env, Error, Image, Record, Repo, Result, Stream};
use push_image::archive::{self, Packed};
use push_image::plan::{self, Place, Platform, Sources};
use push_image::registry::Registry;
use push_image::{POLICY, aws, engine};
use tokio::sync::{Mutex, OnceCell};

/// Build and push the images of an environment's apps
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Build an app's image from a directory, before that of its record; again for another app
    #[arg(long = "context", value_name = "APP=DIRECTORY", value_parser = plan::flag)]
    contexts: Vec<(String, String)>,
    /// The Dockerfile of an app, from its directory [default: Dockerfile]
    #[arg(long = "dockerfile", value_name = "APP=FILE", value_parser = plan::flag)]
    dockerfiles: Vec<(String, String)>,
    /// Push an archive, without an engine: an OCI layout, or a tar of one or of docker save
    #[arg(long = "archive", value_name = "APP=PATH", value_parser = plan::flag)]
    archives: Vec<(String, String)>,
    /// Pin an image that is in a registry already by its digest
    #[arg(long = "image", value_name = "APP=REFERENCE", value_parser = plan::flag)]
    images: Vec<(String, String)>,
    /// What builds [default: the first of these that works here]
    #[arg(long, value_enum)]
    builder: Option<Builder>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Builder {
    Buildx,
    Docker,
    Podman,
    Buildah,
}

impl Args {
    fn sources(&self) -> Result<Sources> {
        Sources::new(
            &self.contexts,
            &self.dockerfiles,
            &self.archives,
            &self.images,
        )
        .map_err(Error::usage)
    }

    fn builder(&self) -> Option<plan::Builder> {
        self.builder.map(|builder| match builder {
            Builder::Buildx => plan::Builder::Buildx,
            Builder::Docker => plan::Builder::Docker,
            Builder::Podman => plan::Builder::Podman,
            Builder::Buildah => plan::Builder::Buildah,
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let marks = |args: &Args| {
        let named = args
            .sources()
            .map(|sources| sources.apps())
            .unwrap_or_default();
        named
            .into_iter()
            .map(|app| {
                Record::of(&Image {
                    name: app,
                    ..Image::default()
                })
            })
            .collect()
    };
    plumbing::run_after(POLICY, marks, run).await
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let sources = args.sources()?;
    for place in sources.places() {
        archive::check(place)?; // a wrong path is told before anything is asked
    }
    let env = stream.env().await?;
    let push = Push {
        stream: &stream,
        env: &env,
        sources: &sources,
        builder: args.builder(),
        own: OnceCell::new(),
        engine: OnceCell::new(),
        turn: Mutex::new(()),
    };
    stream.for_each_record(|app: App| push.app(app)).await?;
    match sources
        .apps()
        .into_iter()
        .find(|app| stream.get::<App>(app).is_none())
    {
        Some(app) => Err(Error::input(format!(
            "a flag names app '{app}', which no app record names"
        ))),
        None => Ok(()),
    }
}

struct Push<'a> {
    stream: &'a Stream,
    env: &'a Env,
    sources: &'a Sources,
    builder: Option<plan::Builder>,
    /// The account's own registry, once some app needs it.
    own: OnceCell<Registry>,
    engine: OnceCell<plan::Builder>,
    /// One image is built at a time: each takes all of the machine.
    turn: Mutex<()>,
}

impl Push<'_> {
    async fn app(&self, app: App) -> Result<()> {
        let Some(place) = self.sources.place(&app) else {
            return Ok(());
        };
        let platform = Platform::of(&app.architecture);
        let (image, change) = match &place {
            Place::Reference(reference) => self.resolved(&app, reference, platform).await?,
            Place::Archive(path) => {
                self.pushed(&app, archive::open(self.stream, path, platform).await?)
                    .await?
            }
            Place::Context {
                directory,
                dockerfile,
            } => {
                archive::check(&place)?;
                let built = self.built(&app, directory, dockerfile, platform).await?;
                self.pushed(&app, built).await?
            }
        };
        let record = Record::of(&Image {
            name: app.name,
            image: Some(image),
            ..Image::default()
        });
        self.stream.write(record.changed(change, &[])).await
    }

    async fn built(
        &self,
        app: &App,
        directory: &str,
        dockerfile: &str,
        platform: Platform,
    ) -> Result<Packed> {
        let _turn = self.turn.lock().await;
        let engine = *self
            .engine
            .get_or_try_init(|| engine::find(self.stream, self.builder))
            .await?;
        let work = archive::work()?;
        let tar = engine::build(
            self.stream,
            engine,
            &app.name,
            directory,
            dockerfile,
            platform,
            &work,
        )
        .await?;
        archive::pack(self.stream, &tar, platform, work).await
    }

    /// Uploads what lacks, and answers the reference by digest.
    async fn pushed(&self, app: &App, packed: Packed) -> Result<(String, Change)> {
        let uri = format!("{}@{}", self.env.repository_uri(&app.name), packed.digest);
        let repo = self.stream.need::<Repo>(&app.name).await?;
        if repo.uri != self.env.repository_uri(&app.name) {
            let message = format!(
                "repo '{}' is {}, not a repository of environment {}",
                app.name, repo.uri, self.env.name
            );
            return Err(Error::input(message));
        }
        let planned = self.env.plan
            && repo
                .rest
                .get("change")
                .is_some_and(|change| change == Change::Create.word());
        if planned {
            return Ok((uri, Change::Create)); // there is no repository to look into
        }
        let registry = self.own().await?;
        let name = self.env.repository_name(&app.name);
        if registry.has(self.stream, &name, &packed.digest).await? {
            return Ok((uri, Change::Kept));
        }
        if self.env.plan {
            return Ok((uri, Change::Create));
        }
        self.stream.control.wait_for_account().await?;
        registry
            .push(self.stream, &app.name, &name, &packed)
            .await?;
        Ok((uri, Change::Created))
    }

    async fn resolved(
        &self,
        app: &App,
        reference: &str,
        platform: Platform,
    ) -> Result<(String, Change)> {
        let image = match reference.strip_prefix(&format!("{}/", self.env.registry())) {
            Some(rest) => {
                let pinned = self
                    .own()
                    .await?
                    .resolve(self.stream, rest, platform, &app.name)
                    .await?;
                format!("{}/{pinned}", self.env.registry())
            }
            None => {
                Registry::of(reference)?
                    .resolve(self.stream, reference, platform, &app.name)
                    .await?
            }
        };
        Ok((image, Change::Kept))
    }

    async fn own(&self) -> Result<&Registry> {
        self.own
            .get_or_try_init(|| async {
                let aws = Aws::connect(self.stream, self.env).await?;
                let token = aws::token(&aws).await?;
                Registry::own(self.env, token)
            })
            .await
    }
}
