//! The engines that build: which one works here, and having it build and save an image. No credential
//! of the registry is ever given to one.

use std::ffi::OsStr;
use std::io::{ErrorKind, IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use plumbing::{Error, Result, Stream};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::plan::{self, Builder, Platform};

/// How many of an engine's last lines are told when it fails.
const LAST_LINES: usize = 15;
/// How long an engine may take to say whether it is there, or knows an image.
const ANSWER: Duration = Duration::from_secs(30);
/// How long it may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(5);
/// What of its output is looked at for them, in bytes.
const LAST_BYTES: u64 = 64 << 10;

/// The engine to use: the one asked for, or the first that works here.
///
/// Errors: there is none.
pub async fn find(stream: &Stream, asked: Option<Builder>) -> Result<Builder> {
    let candidates = asked.map_or(Builder::ALL.to_vec(), |builder| vec![builder]);
    let mut why = String::new();
    for builder in &candidates {
        match trouble(stream, *builder).await? {
            None => return Ok(*builder),
            Some(trouble) => why = trouble,
        }
    }
    let error = Error::refused(match asked {
        Some(asked) => format!("cannot build with {}: {why}", asked.word()),
        None => {
            let names = Builder::ALL.map(Builder::word).join(", ");
            format!(
                "no engine to build with: of {names} none is installed, with its daemon running"
            )
        }
    });
    Err(error
        .hint("install buildah, which needs no daemon; or build elsewhere, and --archive APP=FILE"))
}

/// Why an engine does not work here, in its own last words; nothing where it does.
async fn trouble(stream: &Stream, builder: Builder) -> Result<Option<String>> {
    for (probe, says) in builder.probes() {
        let said = answer(stream, probe).await?;
        match said {
            Ok(said) if said.contains(says) => {}
            Ok(said) => return Ok(Some(format!("{} is {}", probe[..2].join(" "), said.trim()))),
            Err(why) => return Ok(Some(why)),
        }
    }
    Ok(None)
}

/// What a command writes that asks an engine for something, or why it fails.
async fn answer(stream: &Stream, words: &[impl AsRef<OsStr>]) -> Result<Result<String, String>> {
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(
        match stream
            .control
            .unless_stopped(timeout(ANSWER, command.output()))
            .await?
        {
            Ok(Ok(output)) if output.status.success() => Ok(text(&output.stdout)),
            Ok(Ok(output)) => Err(text(&output.stderr)
                .trim()
                .lines()
                .last()
                .unwrap_or("it does not say why")
                .into()),
            Ok(Err(why)) if why.kind() == ErrorKind::NotFound => Err("it is not installed".into()),
            Ok(Err(why)) => Err(why.to_string()),
            Err(_) => Err(format!("it did not answer for {} s", ANSWER.as_secs())),
        },
    )
}

/// Builds a directory for a platform; answers the tar file that the image is saved in, in `work`.
///
/// Errors: the engine fails; its last lines are told.
pub async fn build(
    stream: &Stream,
    engine: Builder,
    app: &str,
    directory: &str,
    dockerfile: &str,
    platform: Platform,
    work: &TempDir,
) -> Result<PathBuf> {
    stream.voice.say(&format!(
        "building {app} from {directory} with {} for {platform}",
        engine.word()
    ));
    let (folder, tar) = (work.path().to_string_lossy(), work.path().join("image.tar"));
    let epoch = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .filter(|seconds| seconds.parse::<u64>().is_ok());
    let words = plan::build(
        engine,
        directory,
        dockerfile,
        platform,
        &folder,
        epoch.as_deref(),
    );
    run(
        stream,
        &format!("build {app} from {directory}"),
        &words,
        work.path(),
    )
    .await?;
    let id = std::fs::read_to_string(work.path().join("id")).map_err(|why| {
        Error::refused(format!(
            "{} built {app}, but left no image ID: {why}",
            engine.word()
        ))
    })?;
    let metadata = std::fs::read(work.path().join("metadata")).ok();
    let ids = plan::ids(
        &id,
        metadata
            .and_then(|text| serde_json::from_slice(&text).ok())
            .as_ref(),
    );
    let mut id = ids.last().ok_or_else(|| {
        Error::refused(format!(
            "{} built {app}, but left no image ID",
            engine.word()
        ))
    })?;
    if let [_, _, ..] = ids.as_slice() {
        for known in &ids {
            if answer(stream, &plan::knows(known)).await?.is_ok() {
                id = known;
                break;
            }
        }
    }
    let words = plan::save(engine, id, &tar.to_string_lossy());
    run(
        stream,
        &format!("save the image of {app}"),
        &words,
        work.path(),
    )
    .await?;
    Ok(tar)
}

/// Asks an engine to end, which puts away what it began then; one that does not is killed.
async fn end(child: &mut Child) {
    if let Some(id) = child.id() {
        let mut ask = Command::new("kill");
        let _ = ask
            .arg(id.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        let _ = timeout(GRACE, child.wait()).await;
    }
}

/// Runs an engine to its end. Its output is for people: on a terminal and with `-v` it is seen at
/// once, else its last lines are when it fails. Stdout is for records alone.
async fn run(stream: &Stream, what: &str, words: &[String], work: &Path) -> Result<()> {
    let failed = |why: String| Error::refused(format!("cannot {what}: {why}"));
    let common = stream.common();
    let seen =
        common.verbose || !common.quiet && !common.json_log && std::io::stderr().is_terminal();
    let kept = std::fs::File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(work.join("output"));
    let mut kept = kept.map_err(|why| failed(why.to_string()))?;
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if seen {
        command.stdout(std::io::stderr()).stderr(Stdio::inherit());
    } else {
        let output = || kept.try_clone().map_err(|why| failed(why.to_string()));
        command.stdout(output()?).stderr(output()?);
    }
    let mut child = command
        .spawn()
        .map_err(|why| failed(format!("{}: {why}", words[0])))?;
    let waited = stream.control.unless_stopped(child.wait()).await;
    if waited.is_err() {
        end(&mut child).await;
    }
    let status = waited?.map_err(|why| failed(why.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    let length = kept.stream_position().unwrap_or_default();
    let _ = kept.seek(std::io::SeekFrom::Start(length.saturating_sub(LAST_BYTES)));
    let _ = kept.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        stream
            .voice
            .say(&format!("{}: {}", words[0], line.trim_end()));
    }
    Err(failed(format!(
        "{} ended with {status}",
        words[..2].join(" ")
    )))
}
