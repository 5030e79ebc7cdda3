//! The images of the apps, each from its origin into its repository and to its record.

use plumbing::{App, Aws, Change, Env, Error, Image, Record, Repo, Result, Stream, reference};
use tokio::sync::{Mutex, OnceCell};

use crate::image::PackedImage;
use crate::plan::command::Engine;
use crate::plan::origin::{Context, Origin, Origins};
use crate::plan::platform::Platform;
use crate::registry::Registry;
use crate::work::WorkFolder;
use crate::{archive, aws, check, engine};

/// What all apps of a run have in common.
pub struct Push<'a> {
    stream: &'a Stream,
    env: &'a Env,
    origins: &'a Origins,
    /// The engine that was asked for.
    asked: Option<Engine>,
    /// The engine to use, once some app needs one.
    engine: OnceCell<Engine>,
    /// The account's own registry, once some app needs it.
    registry: OnceCell<Registry>,
    /// One image is built at a time: each takes all of the machine.
    build: Mutex<()>,
}

impl<'a> Push<'a> {
    /// Begins with neither an engine nor a registry.
    pub fn new(
        stream: &'a Stream,
        env: &'a Env,
        origins: &'a Origins,
        asked: Option<Engine>,
    ) -> Self {
        Push {
            stream,
            env,
            origins,
            asked,
            engine: OnceCell::new(),
            registry: OnceCell::new(),
            build: Mutex::new(()),
        }
    }

    /// Brings an app's image into its repository and writes its record; an app without an origin is
    /// passed by.
    pub async fn app(&self, app: App) -> Result<()> {
        let Some(origin) = self.origins.of(&app) else {
            return Ok(());
        };
        let platform = Platform::of(&app.architecture);
        let (image, change) = match &origin {
            Origin::Reference(reference) => {
                let image = self.pin(&app, reference, platform).await?;
                (image, Change::Kept)
            }
            Origin::Archive(archive) => {
                let control = &self.stream.control;
                let (path, image) = check::path_and_image(archive);
                let packed = archive::open(control, path, image, platform).await?;
                self.push(&app, packed).await?
            }
            Origin::Context(context) => {
                check::check_context(context)?;
                let packed = self.build(&app, context, platform).await?;
                self.push(&app, packed).await?
            }
        };
        let record = Record::of(&Image {
            name: app.name,
            image: Some(image),
            ..Image::default()
        });
        self.stream.write(record.changed(change, &[])).await
    }

    async fn build(&self, app: &App, context: &Context, platform: Platform) -> Result<PackedImage> {
        let control = &self.stream.control;
        let _turn = self.build.lock().await;
        let find = || engine::find(control, self.asked);
        let engine = *self.engine.get_or_try_init(find).await?;
        let work = WorkFolder::new()?;
        let build = engine::Build {
            engine,
            app: &app.name,
            context,
            platform,
            work: work.path(),
        };
        let tar = build.run(self.stream).await?;
        archive::open_built(control, &tar, platform, work).await
    }

    /// Uploads an image, unless the repository has it; answers its reference by digest.
    async fn push(&self, app: &App, packed: PackedImage) -> Result<(String, Change)> {
        let app = &app.name;
        let uri = self.env.repository_uri(app);
        let image = format!("{uri}@{}", packed.digest);
        let repo = self.stream.need::<Repo>(app).await?;
        if repo.uri != uri {
            let message = format!(
                "repo '{app}' is {}, not a repository of environment {}",
                repo.uri, self.env.name
            );
            return Err(Error::input(message));
        }
        if self.env.plan && will_be_created(&repo) {
            return Ok((image, Change::Create)); // there is no repository to look into
        }
        let registry = self.registry().await?;
        let repository = self.env.repository_name(app);
        if registry.has(&repository, &packed.digest).await? {
            return Ok((image, Change::Kept));
        }
        if self.env.plan {
            return Ok((image, Change::Create));
        }
        self.stream.control.wait_for_account().await?;
        registry.push(app, &repository, &packed).await?;
        Ok((image, Change::Created))
    }

    /// The reference by digest of an image that is in a registry.
    async fn pin(&self, app: &App, reference: &str, platform: Platform) -> Result<String> {
        let app = &app.name;
        let parsed = reference::parse(reference).map_err(Error::usage)?;
        let own = self.env.registry();
        let digest = if parsed.registry == own {
            let registry = self.registry().await?;
            let shown = reference.strip_prefix(&format!("{own}/"));
            registry
                .pin(&parsed, shown.unwrap_or(reference), platform, app)
                .await?
        } else {
            let registry = Registry::of_reference(self.stream, &parsed)?;
            registry.pin(&parsed, reference, platform, app).await?
        };
        Ok(format!(
            "{}/{}@{digest}",
            parsed.registry, parsed.repository
        ))
    }

    /// The account's own registry.
    async fn registry(&self) -> Result<&Registry> {
        let sign_in = || async {
            let aws = Aws::connect(self.stream, self.env).await?;
            let token = aws::get_token(&aws).await?;
            Registry::of_account(self.stream, self.env, &token)
        };
        self.registry.get_or_try_init(sign_in).await
    }
}

/// Whether a dry run says that a repository would be made.
fn will_be_created(repo: &Repo) -> bool {
    match repo.rest.get("change") {
        Some(change) => change == Change::Create.word(),
        None => false,
    }
}
