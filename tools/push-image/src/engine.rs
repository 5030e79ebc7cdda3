//! The engines that build: which one works here, and having it build and save an image. No credential
//! of the registry is ever given to one.

use std::io::{IsTerminal, Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use plumbing::{Error, Result, Stream};
use tempfile::TempDir;
use tokio::process::Command;

use crate::plan::{self, Builder, Platform};

/// How many of an engine's last lines are told when it fails.
const LAST_LINES: usize = 15;
/// What of its output is looked at for them, in bytes.
const LAST_BYTES: u64 = 64 << 10;

/// The engine to use: the one asked for, or the first that works here.
///
/// Errors: there is none.
pub async fn find(asked: Option<Builder>) -> Result<Builder> {
    let candidates = asked.map_or(Builder::ALL.to_vec(), |builder| vec![builder]);
    for builder in &candidates {
        if works(*builder).await {
            return Ok(*builder);
        }
    }
    let names: Vec<&str> = candidates.iter().map(|builder| builder.word()).collect();
    let (last, others) = names.split_last().map(|(last, others)| (*last, others.join(", "))).unwrap_or_default();
    let names = if others.is_empty() { last.to_string() } else { format!("{others} or {last}") };
    Err(Error::refused(format!("no engine to build with: {names} is not installed, or its daemon does not run"))
        .hint("install buildah, which needs no daemon; or build elsewhere, and --archive APP=FILE"))
}

async fn works(builder: Builder) -> bool {
    for probe in builder.probes() {
        let mut command = Command::new(probe[0]);
        command.args(&probe[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.kill_on_drop(true).status().await.is_ok_and(|status| status.success()) {
            return false;
        }
    }
    true
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
    stream.say(&format!("building {app} from {directory} with {} for {platform}", engine.word()));
    let (id, tar) = (work.path().join("id"), work.path().join("image.tar"));
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok().filter(|seconds| seconds.parse::<u64>().is_ok());
    let words = plan::build(engine, directory, dockerfile, platform, &id.to_string_lossy(), epoch.as_deref());
    run(stream, &format!("build {app} from {directory}"), &words, work.path()).await?;
    let id = std::fs::read_to_string(&id)
        .map_err(|why| Error::refused(format!("{} built {app}, but left no image ID: {why}", engine.word())))?;
    let words = plan::save(engine, id.trim(), &tar.to_string_lossy());
    run(stream, &format!("save the image of {app}"), &words, work.path()).await?;
    Ok(tar)
}

/// Runs an engine to its end. Its output is for people: on a terminal and with `-v` it is seen at
/// once, else its last lines are when it fails. Stdout is for records alone.
async fn run(stream: &Stream, what: &str, words: &[String], work: &Path) -> Result<()> {
    let failed = |why: String| Error::refused(format!("cannot {what}: {why}"));
    let common = stream.common();
    let seen = common.verbose || !common.quiet && !common.json_log && std::io::stderr().is_terminal();
    let kept = std::fs::File::options().create(true).truncate(true).read(true).write(true).open(work.join("output"));
    let mut kept = kept.map_err(|why| failed(why.to_string()))?;
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).kill_on_drop(true);
    if seen {
        command.stdout(std::io::stderr()).stderr(Stdio::inherit());
    } else {
        let output = || kept.try_clone().map_err(|why| failed(why.to_string()));
        command.stdout(output()?).stderr(output()?);
    }
    let mut child = command.spawn().map_err(|why| failed(format!("{}: {why}", words[0])))?;
    let status = stream.unless_stopped(child.wait()).await?.map_err(|why| failed(why.to_string()))?;
    if status.success() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    let length = kept.stream_position().unwrap_or_default();
    let _ = kept.seek(std::io::SeekFrom::Start(length.saturating_sub(LAST_BYTES)));
    let _ = kept.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        stream.say(&format!("{}: {}", words[0], line.trim_end()));
    }
    Err(failed(format!("{} ended with {status}", words[..2].join(" "))))
}
