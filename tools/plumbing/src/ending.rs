//! How a tool ends: how its error is reported, what still passes, and the exit code.

use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::record::Record;
use crate::stream::{Line, Stream};
use crate::types::{Env, Failed};

/// After Ctrl-C, calls under way may end and tools upstream may still write for this long.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How long of these the calls under way have: the tools upstream want to be heard after that.
pub(crate) const LAST_CALLS: Duration = Duration::from_secs(8);

/// How long the writer may take to find out whether stdout is closed.
const WRITTEN: Duration = Duration::from_secs(1);

/// How often it is looked whether the input has ended.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is looked whether other tools have more to say.
const LISTEN: Duration = Duration::from_millis(10);

/// The exit code of a dry run that would change something; a fault has its own, and wins.
const WOULD_CHANGE: u8 = 10;

/// Tells how the tool's work ended, passes the rest of the input on, and answers the exit code.
pub(crate) async fn end(stream: &Stream, result: Result<()>) -> u8 {
    // The first reason to stop is the one to tell; what the tool answered may only follow from it.
    let error = stream.control.stop_reason().or(result.err());
    if let Some(error) = error {
        let error = unless_closed(stream, error).await;
        let error = unless_told_upstream(stream, error).await;
        tell(stream, &error).await;
        pass_the_rest(stream).await;
        return exit_code(stream, &error);
    }
    if stream.voice.changed() == 0 && stream.voice.kept() > 0 {
        let kept = stream.voice.kept();
        let line = format!("nothing to change ({kept} kept)");
        stream.voice.say_undrawn(&line);
    }
    pass_the_rest(stream).await;
    stream.control.account_is_answered().await;
    // Stdin can still turn out bad, stdout full, and the account wrong, while the rest passes.
    if let Some(late) = stream.control.stop_reason() {
        let late = unless_told_upstream(stream, late).await;
        tell(stream, &late).await;
        return exit_code(stream, &late);
    }
    if stream.upstream_failed() {
        skipped(stream)
    } else if would_change(stream) {
        WOULD_CHANGE
    } else {
        0
    }
}

/// Draws what stays, where this tool draws, once the others have said all; and has heard what it said
/// itself. Answers the exit code.
pub(crate) async fn end_speech(stream: &Stream, code: u8) -> u8 {
    stream.voice.end();
    let Some(screen) = stream.voice.screen() else {
        return code;
    };
    let asked = || stream.control.interrupted();
    while screen.is_told_more() && asked().is_none_or(|asked| asked.elapsed() < LAST_WORDS) {
        tokio::time::sleep(LISTEN).await;
    }
    match screen.end(asked().is_some()) {
        Err(_) if code == 0 => Kind::Output.exit_code(),
        _ => code,
    }
}

/// The error, or that stdout is closed, where it is that something was lacking or bad in the input:
/// whoever read stdout has ended and said why. The writer finds that out a moment after the reader read.
async fn unless_closed(stream: &Stream, error: Error) -> Error {
    if !matches!(error.kind, Kind::Input | Kind::Skipped) {
        return error;
    }
    let _ = tokio::time::timeout(WRITTEN, stream.send(Line::End)).await;
    if stream.control.stdout_is_closed() {
        return Error::new(Kind::Output, "");
    }
    error
}

/// The error, or that a tool upstream told it, where it is one that every tool of the pipe meets.
async fn unless_told_upstream(stream: &Stream, error: Error) -> Error {
    if error.pipe_wide && upstream_fails(stream).await {
        return Error::new(Kind::Skipped, "a tool upstream told it");
    }
    error
}

/// Whether a tool upstream says that it failed, before the input ends or time is up.
async fn upstream_fails(stream: &Stream) -> bool {
    let begun = Instant::now();
    let mut changed = stream.control.changes();
    loop {
        {
            let input = stream.input();
            let over = input.ended || !input.begun || begun.elapsed() > LAST_WORDS;
            if input.upstream_failed || over {
                return input.upstream_failed;
            }
        }
        let _ = tokio::time::timeout(LOOK, changed.changed()).await;
    }
}

/// Says for the tools downstream that this one's arguments were refused, and answers the exit code. The
/// input is not read: so a tool upstream sees a closed stdout before it makes anything.
pub(crate) async fn end_refused(stream: &Stream, message: String) -> u8 {
    let code = Kind::Usage.exit_code();
    let failed = Failed {
        name: stream.tool().into(),
        message,
        code,
        ..Failed::default()
    };
    let _ = stream.write(Record::of(&failed)).await;
    code
}

/// Passes the rest of the input on, without a limit, since the tools upstream are still doing their
/// work; only who asked to end does not wait longer than [`LAST_WORDS`].
async fn pass_the_rest(stream: &Stream) {
    let mut changed = stream.control.changes();
    loop {
        let control = &stream.control;
        let (ended, input_begun) = {
            let input = stream.input();
            (input.ended, input.begun)
        };
        // With the environment from flags, a stdin that never said a word is nobody's.
        let silent = stream.common().env.is_some() && !input_begun;
        let closed = control.stdout_is_closed();
        let interrupted = control.interrupted();
        let late = interrupted.is_some_and(|asked| asked.elapsed() > LAST_WORDS);
        if ended || silent || closed || late {
            break;
        }
        let _ = tokio::time::timeout(LOOK, changed.changed()).await;
    }
    stream.send(Line::End).await;
}

fn exit_code(stream: &Stream, error: &Error) -> u8 {
    match error.kind {
        Kind::Skipped => skipped(stream),
        kind => kind.exit_code(),
    }
}

/// Whether this is a dry run in which a record, of this tool or of one upstream, announces a change:
/// so the last tool of any pipe tells it.
fn would_change(stream: &Stream) -> bool {
    let input = stream.input();
    input.arrived.env().is_some_and(|env: &Env| env.plan)
        && input.arrived.all().iter().any(Record::announces_change)
}

/// The code of a tool that did not do its part since one upstream did not. Where that one is only
/// not finished, neither is this one, and whoever sees the last code of the pipe runs it again; where
/// its arguments were wrong, the command is to be mended.
fn skipped(stream: &Stream) -> u8 {
    let failed = stream.arrived::<Failed>();
    for kind in [Kind::Unfinished, Kind::Usage] {
        let code = kind.exit_code();
        if !failed.is_empty() && failed.iter().all(|failed| failed.code == code) {
            return code;
        }
    }
    Kind::Skipped.exit_code()
}

/// Tells an error once: on stderr and, for the tools downstream, as a record.
async fn tell(stream: &Stream, error: &Error) {
    let voice = &stream.voice;
    match error.kind {
        Kind::Skipped | Kind::Stopped => {}
        Kind::Interrupted => {
            let changes = voice.changed();
            if changes > 0 {
                let line = format!("interrupted after {changes} changes");
                let again = Error::new(
                    Kind::Interrupted,
                    format!("{line}; run the pipeline again to finish"),
                );
                voice.error(&again);
            }
        }
        Kind::Output if error.message.is_empty() => {}
        Kind::Output => voice.error(error),
        _ => {
            voice.error(error);
            let failed = Failed {
                name: stream.tool().into(),
                message: error.message.clone(),
                code: error.kind.exit_code(),
                ..Failed::default()
            };
            let _ = stream.write(Record::of(&failed)).await;
        }
    }
}
