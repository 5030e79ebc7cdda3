//! The processes of an engine: asked, run to their ends, and ended.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::try_join;
use plumbing::wait::telling;
use plumbing::{Control, Error, Result, Stream, Voice};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::work::private_file;

/// How many of an engine's last lines are shown when it fails.
const LAST_LINES: usize = 15;
/// Of how much of its output they are taken, in bytes.
const LAST_BYTES: u64 = 64 << 10;
/// How long an engine may take to answer a question: whether it works, or knows an image.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// How long its answer may be: of an image it says all that the image's configuration has.
const ANSWER_BYTES: u64 = 8 << 20;
/// How long it may take to end when it is asked to.
const END_DEADLINE: Duration = Duration::from_secs(5);

/// What a command writes that asks an engine something, or why it fails.
pub(super) async fn output(
    control: &Control,
    words: &[impl AsRef<OsStr>],
) -> Result<Result<String, String>> {
    let answer = timeout(ANSWER_DEADLINE, answer_of(command_of(words)));
    let answer = match control.unless_stopped(answer).await? {
        Ok(Ok(answer)) => answer,
        Ok(Err(why)) if why.kind() == ErrorKind::NotFound => Err("it is not installed".into()),
        Ok(Err(why)) => Err(why.to_string()),
        Err(_) => {
            let seconds = ANSWER_DEADLINE.as_secs();
            Err(format!("it did not answer for {seconds} s"))
        }
    };
    Ok(answer)
}

/// Runs a command to its end; one that answers without an end is killed.
async fn answer_of(mut command: Command) -> io::Result<Result<String, String>> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stdout = read_answer(child.stdout.take());
    let stderr = read_answer(child.stderr.take());
    let (stdout, stderr) = try_join(stdout, stderr).await?;
    if child.wait().await?.success() {
        Ok(Ok(stdout))
    } else {
        Ok(Err(last_line(&stderr)))
    }
}

async fn read_answer(from: Option<impl AsyncRead + Unpin>) -> io::Result<String> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(ANSWER_BYTES + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > ANSWER_BYTES {
        return Err(io::Error::other("it answers without an end"));
    }
    Ok(text_of(&bytes))
}

/// Runs an engine to its end. Its output is for people: on a terminal where nobody draws, and with `-v`,
/// it is shown at once, else its last lines are when it fails. Stdout is for records alone.
///
/// `secret` are texts that are left out of what is said of it when it fails.
pub(super) async fn run(
    stream: &Stream,
    what: &str,
    words: &[String],
    work: &Path,
    secret: &[&str],
) -> Result<()> {
    let failed = |why: String| Error::refused(format!("cannot {what}: {why}"));
    let mut kept = private_file(&work.join("output")).map_err(|why| failed(why.to_string()))?;
    let mut command = command_of(words);
    if shows_output(stream) {
        command.stdout(io::stderr()).stderr(Stdio::inherit());
    } else {
        let stdout = kept.try_clone().map_err(|why| failed(why.to_string()))?;
        let stderr = kept.try_clone().map_err(|why| failed(why.to_string()))?;
        command.stdout(stdout).stderr(stderr);
    }
    let mut child = command
        .spawn()
        .map_err(|why| failed(format!("{}: {why}", words[0])))?;
    let ended = stream.control.unless_stopped(child.wait());
    let waited = telling(&stream.voice, &format!("{what} ({})", words[0]), ended).await;
    if waited.is_err() {
        end(&mut child).await;
    }
    let status = waited?.map_err(|why| failed(why.to_string()))?;
    if status.success() {
        return Ok(());
    }
    say_last_lines(&stream.voice, &words[0], &mut kept, secret);
    let command = words[..2].join(" ");
    Err(failed(format!("{command} ended with {status}")))
}

fn command_of(words: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(&words[0]);
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

fn shows_output(stream: &Stream) -> bool {
    let flags = stream.common();
    if stream.voice.is_drawn() {
        return false;
    }
    flags.verbose || !flags.quiet && !flags.json_log && io::stderr().is_terminal()
}

/// Says the last lines of what an engine wrote; without them where they cannot be read.
fn say_last_lines(voice: &Voice, engine: &str, output: &mut File, secret: &[&str]) {
    let length = output.stream_position().unwrap_or_default();
    let begin = length.saturating_sub(LAST_BYTES);
    let mut bytes = Vec::new();
    let _ = output.seek(SeekFrom::Start(begin));
    let _ = output.read_to_end(&mut bytes);
    let text = without(secret, text_of(&bytes));
    let mut lines: Vec<&str> = text.lines().collect();
    lines.retain(|line| !line.trim().is_empty());
    let first = lines.len().saturating_sub(LAST_LINES);
    for line in &lines[first..] {
        voice.say(&format!("{engine}: {}", line.trim_end()));
    }
}

/// The shortest text that can be a secret: a shorter one is part of many words.
const SHORTEST_SECRET: usize = 4;

/// A text with `***` where it has one of some others.
fn without(secret: &[&str], mut text: String) -> String {
    for one in secret {
        if one.len() >= SHORTEST_SECRET {
            text = text.replace(one, "***");
        }
    }
    text
}

/// Asks an engine to end, since it then removes what it began; one that does not is killed.
async fn end(child: &mut Child) {
    let Some(id) = child.id() else {
        return;
    };
    let mut kill = Command::new("kill");
    kill.arg(id.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _ = kill.status().await;
    let _ = timeout(END_DEADLINE, child.wait()).await;
}

fn last_line(text: &str) -> String {
    let last = text.trim().lines().last();
    last.unwrap_or("it does not say why").to_string()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_is_left_out() {
        let text = "RUN curl -H token:hunter2 x; echo 1".to_string();
        let said = without(&["hunter2", "1", ""], text);
        assert_eq!(said, "RUN curl -H token:*** x; echo 1");
    }
}
