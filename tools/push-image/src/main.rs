//! Builds and pushes the images of an environment's apps, and writes for each an `image` record
//! that is pinned by digest.
//!
//! Reads `env`, `app`, and for each app with a directory or an archive its `repo`. Apps with
//! neither pass. Ahead of everything it writes a mark for each app that its flags name, so that
//! mk-ecs-svc waits for the image.

use clap::{Parser, ValueEnum};
use plumbing::{App, Error, Image, Record, Result, Stream};
use push_image::check;
use push_image::plan::command::Engine;
use push_image::plan::origin::{self, Origins};
use push_image::push::Push;
use push_image::work;

/// What `--iam-policy` prints.
const POLICY: &str = include_str!("../iam-policy.json");

/// Build and push the images of an environment's apps
#[derive(Parser)]
#[command(version)]
#[command(after_help = "\
    Examples:\n\
    \x20 mk-env production pr123 | mk-app web --context ./web | mk-ecr | push-image\n\
    \x20 ls-env --env production-pr123 | push-image --context web=./web | mk-ecs-svc | wait-env")]
struct Args {
    /// Build an app's image from a directory, before that of its record; again for another app
    #[arg(long = "context", value_name = "APP=DIRECTORY", value_parser = origin::flag)]
    contexts: Vec<(String, String)>,
    /// The Dockerfile of an app, from its directory [default: Dockerfile]
    #[arg(long = "dockerfile", value_name = "APP=FILE", value_parser = origin::flag)]
    dockerfiles: Vec<(String, String)>,
    /// Push an archive, without an engine: an OCI layout, or a tar of one or of docker save; of several
    /// images the one of a name
    #[arg(long = "archive", value_name = "APP=PATH[:NAME]", value_parser = origin::flag)]
    archives: Vec<(String, String)>,
    /// Pin an image that is in a registry already by its digest
    #[arg(long = "image", value_name = "APP=REFERENCE", value_parser = origin::image_flag)]
    images: Vec<(String, String)>,
    /// What builds [default: the first of these that works here]
    #[arg(long, value_enum)]
    builder: Option<Builder>,
}

/// The engines by their names in the flag; `--help` lists these without what the library says of
/// them.
#[derive(Clone, Copy, ValueEnum)]
enum Builder {
    Buildx,
    Docker,
    Podman,
    Buildah,
}

impl Args {
    fn origins(&self) -> Result<Origins> {
        Origins::new(
            &self.contexts,
            &self.dockerfiles,
            &self.archives,
            &self.images,
        )
        .map_err(Error::usage)
    }
}

impl Builder {
    fn engine(self) -> Engine {
        match self {
            Builder::Buildx => Engine::Buildx,
            Builder::Docker => Engine::Docker,
            Builder::Podman => Engine::Podman,
            Builder::Buildah => Engine::Buildah,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    plumbing::run_after(POLICY, marks, run).await
}

/// What is written ahead of everything: an image without its reference for each app that the flags
/// name. Flags that contradict each other are refused later.
fn marks(args: &Args) -> Vec<Record> {
    let Ok(origins) = args.origins() else {
        return Vec::new();
    };
    let mut marks = Vec::new();
    for app in origins.apps() {
        marks.push(Record::of(&Image {
            name: app,
            ..Image::default()
        }));
    }
    marks
}

async fn run(args: Args, stream: Stream) -> Result<()> {
    let origins = args.origins()?;
    for origin in origins.all() {
        check::check(origin)?; // a wrong path is refused before anything is asked
    }
    work::sweep(); // what a run left that was killed
    let env = stream.env().await?;
    let asked = args.builder.map(Builder::engine);
    let push = Push::new(&stream, &env, &origins, asked);
    stream.for_each_record(|app: App| push.app(app)).await?;
    for app in origins.apps() {
        if stream.get::<App>(&app).is_none() {
            return Err(Error::input(format!(
                "a flag names app '{app}', which no app record names"
            )));
        }
    }
    Ok(())
}
