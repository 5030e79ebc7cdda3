//! Having an engine build and save an image: which one works here, and what it is asked to do. No
//! credential of the registry is ever given to one.

mod process;

use std::path::{Path, PathBuf};

use plumbing::{Control, Error, Result, Stream};

use crate::file::read_up_to;
use crate::plan::command::{self, Engine};
use crate::plan::document;
use crate::plan::origin::Context;
use crate::plan::platform::Platform;

/// The engine to use: the one asked for, or the first that works here.
///
/// Errors: there is none.
pub async fn find(control: &Control, asked: Option<Engine>) -> Result<Engine> {
    let candidates = match asked {
        Some(engine) => vec![engine],
        None => Engine::ALL.to_vec(),
    };
    let mut why = String::new();
    for engine in candidates {
        match why_not(control, engine).await? {
            None => return Ok(engine),
            Some(reason) => why = reason,
        }
    }
    let message = match asked {
        Some(asked) => format!("cannot build with {}: {why}", asked.word()),
        None => {
            let names = Engine::ALL.map(Engine::word).join(", ");
            format!(
                "no engine to build with: of {names} none is installed, with its daemon running"
            )
        }
    };
    Err(Error::refused(message)
        .hint("install buildah, which needs no daemon; or build elsewhere, and --archive APP=FILE"))
}

/// Why an engine does not work here, in its own last words; nothing where it does.
async fn why_not(control: &Control, engine: Engine) -> Result<Option<String>> {
    for probe in engine.probes() {
        match process::output(control, probe.words).await? {
            Ok(output) if output.contains(probe.answer) => {}
            Ok(output) => {
                let command = probe.words[..2].join(" ");
                return Ok(Some(format!("{command} is {}", output.trim())));
            }
            Err(why) => return Ok(Some(why)),
        }
    }
    Ok(None)
}

/// The build of an app's image.
pub struct Build<'a> {
    /// What builds.
    pub engine: Engine,
    /// The app.
    pub app: &'a str,
    /// The directory.
    pub context: &'a Context,
    /// For which platform.
    pub platform: Platform,
    /// The folder for all that is written meanwhile.
    pub work: &'a Path,
}

impl Build<'_> {
    /// Builds and saves the image; answers the tar file that it is saved in.
    ///
    /// Errors: the engine fails; its last lines are shown.
    pub async fn run(&self, stream: &Stream) -> Result<PathBuf> {
        self.build(stream).await?;
        let id = self.image_id(&stream.control).await?;
        let tar = self.work.join("image.tar");
        let words = command::save(self.engine, &id, &tar.to_string_lossy());
        let what = format!("save the image of {}", self.app);
        process::run(stream, &what, &words, self.work, &[]).await?;
        Ok(tar)
    }

    async fn build(&self, stream: &Stream) -> Result<()> {
        let what = format!("{} from {}", self.app, self.context.directory);
        let engine = self.engine.word();
        let line = format!("building {what} with {engine} for {}", self.platform);
        stream.voice.say(&line);
        let work = self.work.to_string_lossy();
        let epoch = source_date_epoch();
        let words = command::build(
            self.engine,
            self.context,
            self.platform,
            &work,
            epoch.as_deref(),
        );
        let arguments = self.context.arguments.values();
        let secret: Vec<&str> = arguments.map(String::as_str).collect();
        process::run(stream, &format!("build {what}"), &words, self.work, &secret).await
    }

    /// The ID by which the engine knows what it built.
    async fn image_id(&self, control: &Control) -> Result<String> {
        let lacks = format!(
            "{} built {}, but left no image ID",
            self.engine.word(),
            self.app
        );
        let read = |name: &str| read_up_to(&self.work.join(name), document::LARGEST);
        let id = read("id").map_err(|why| Error::refused(format!("{lacks}: {why}")))?;
        let id = String::from_utf8_lossy(&id);
        let metadata = read("metadata").unwrap_or_default();
        let metadata = document::parse(&metadata, "metadata").ok();
        let ids = command::image_ids(&id, metadata.as_ref());
        if ids.len() > 1 {
            for id in &ids {
                let words = command::inspect(id);
                if process::output(control, &words).await?.is_ok() {
                    return Ok(id.clone());
                }
            }
        }
        match ids.last() {
            Some(id) => Ok(id.clone()),
            None => Err(Error::refused(lacks)),
        }
    }
}

/// The date of all that is built, where the shell names a usable one.
fn source_date_epoch() -> Option<String> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?;
    seconds.parse::<u64>().ok()?;
    Some(seconds)
}
