//! The entry of every tool: arguments, stream, exit code; and the only code that prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, FromArgMatches, Parser};

use crate::error::{Error, Kind, Result};
use crate::flags::Common;
use crate::record::{Change, Env, Failed, Record};
use crate::stream::Stream;
use crate::voice::{Voice, drives, printable};

/// After Ctrl-C, calls under way may end and tools upstream may still write for this long.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The exit code of a dry run that would change something; a fault has its own, and wins.
const WOULD_CHANGE: u8 = 10;

/// Runs a tool: reads its arguments, opens the stream, calls `tool`, passes the rest of the
/// input on, and answers the exit code. `policy` is what `--iam-policy` prints.
pub async fn run<A, F, Fut>(policy: &str, tool: F) -> ExitCode
where
    A: Parser,
    F: FnOnce(A, Stream) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    run_after(policy, |_| Vec::new(), tool).await
}

/// Like [`run()`], for a tool that has something to say before any record of its input passes: marks
/// of what will come, by which a tool downstream knows that it is to wait.
pub async fn run_after<A, F, Fut>(
    policy: &str,
    first: impl FnOnce(&A) -> Vec<Record>,
    tool: F,
) -> ExitCode
where
    A: Parser,
    F: FnOnce(A, Stream) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let command = A::command();
    let about = command.get_about().cloned().unwrap_or_default();
    let command = Common::augment_args(command).about(about).long_about(None); // clap took Common's
    let name: &'static str = command.get_name().to_string().leak();
    let matches = match command.try_get_matches() {
        Ok(matches) => matches,
        Err(answer) => return told_by_clap(&answer),
    };
    if matches.get_flag("iam_policy") {
        use std::io::Write;
        return match std::io::stdout().write_all(policy.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(Kind::Output.exit_code()),
        };
    }
    let parsed = Common::from_arg_matches(&matches)
        .and_then(|common| Ok((common, A::from_arg_matches(&matches)?)));
    let (common, args) = match parsed {
        Ok(parsed) => parsed,
        Err(answer) => return told_by_clap(&answer),
    };
    let voice = Voice {
        tool: name,
        quiet: common.quiet,
        verbose: common.verbose,
        json: common.json_log,
    };
    let limit = Duration::from_secs(60 * common.timeout);
    let stream = Stream::open(
        name,
        common,
        voice.clone(),
        !std::io::stdin().is_terminal(),
        first(&args),
    );
    tokio::spawn(stop_on_signal(stream.clone()));
    tokio::spawn(tell_of_silence(stream.clone()));
    let deadline = tokio::spawn(stop_after(stream.clone(), limit));
    let result = tool(args, stream.clone()).await;
    deadline.abort(); // what is left is the work of the tools upstream, which have their own
    let code = end(&stream, &voice, result).await;
    ExitCode::from(code)
}

/// Tells what clap answers, help or what is wrong with the arguments, and gives the exit code.
fn told_by_clap(answer: &clap::Error) -> ExitCode {
    use std::io::Write;
    let odd = std::env::args_os().any(|argument| argument.to_string_lossy().contains(drives));
    let told = match answer.use_stderr() && odd {
        // A script may have the argument from anywhere, and clap quotes it as it is.
        true => answer.to_string().lines().try_for_each(|line| {
            std::io::stderr().write_all(format!("{}\n", printable(line)).as_bytes())
        }),
        false => answer.print(),
    };
    match (answer.use_stderr(), told) {
        (true, _) => ExitCode::from(Kind::Usage.exit_code()),
        (false, Ok(())) => ExitCode::SUCCESS,
        (false, Err(_)) => ExitCode::from(Kind::Output.exit_code()),
    }
}

async fn end(stream: &Stream, voice: &Voice, result: Result<()>) -> u8 {
    // The first reason to stop is the one to tell; what the tool answered may only follow from it.
    if let Some(error) = stream.stop_reason().or(result.err()) {
        let error = unless_told_upstream(stream, error).await;
        tell(stream, voice, &error).await;
        stream.drain(LAST_WORDS).await;
        return exit_code(stream, &error);
    }
    if let (unchanged @ 1.., 0) = stream.tally() {
        voice.say(&format!("nothing to change ({unchanged} kept)"));
    }
    stream.drain(LAST_WORDS).await;
    stream.account_is_answered().await;
    // Stdin can still turn out bad, stdout full, and the account wrong, while the rest passes.
    if let Some(late) = stream.stop_reason() {
        let late = unless_told_upstream(stream, late).await;
        tell(stream, voice, &late).await;
        return exit_code(stream, &late);
    }
    match stream.upstream_failed() {
        true => skipped(stream),
        false if would_change(stream) => WOULD_CHANGE,
        false => 0,
    }
}

/// The error, or that a tool upstream told it, where it is one that every tool of the pipe meets.
async fn unless_told_upstream(stream: &Stream, error: Error) -> Error {
    match error.everyones && stream.upstream_fails(LAST_WORDS).await {
        true => Error::new(Kind::Skipped, "a tool upstream told it"),
        false => error,
    }
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
    stream.so_far::<Env>().iter().any(|env| env.plan)
        && stream.state().records.iter().any(Change::announced)
}

/// The code of a tool that did not do its part since one upstream did not: where that one is only
/// not finished, neither is this one, and whoever sees the last code of the pipe runs it again.
fn skipped(stream: &Stream) -> u8 {
    let unfinished = Kind::Unfinished.exit_code();
    let failed = stream.so_far::<Failed>();
    let again = !failed.is_empty() && failed.iter().all(|failed| failed.code == unfinished);
    if again {
        unfinished
    } else {
        Kind::Skipped.exit_code()
    }
}

/// Tells an error once: on stderr and, for the tools downstream, as a record.
async fn tell(stream: &Stream, voice: &Voice, error: &Error) {
    match error.kind {
        Kind::Skipped | Kind::Stopped => {}
        Kind::Interrupted => {
            if let (_, changes @ 1..) = stream.tally() {
                voice.error(&format!(
                    "interrupted after {changes} changes; run the pipeline again to finish"
                ));
            }
        }
        Kind::Output if error.message.is_empty() => {}
        Kind::Output => voice.fail(error),
        _ => {
            voice.fail(error);
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

async fn stop_on_signal(stream: Stream) {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else {
        return;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    stream.stop(Error::new(Kind::Interrupted, "interrupted"));
    tokio::select! { // who asks twice does not want to wait for the calls under way
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    #[allow(clippy::exit)]
    std::process::exit(Kind::Interrupted.exit_code().into());
}

async fn tell_of_silence(stream: Stream) {
    tokio::time::sleep(Duration::from_secs(5)).await;
    if stream.silent() {
        stream.say("waiting for records on stdin (where none will come: < /dev/null)");
    }
}

async fn stop_after(stream: Stream, limit: Duration) {
    tokio::time::sleep(limit).await;
    let minutes = limit.as_secs() / 60;
    stream.stop(
        Error::unfinished(format!("not finished after {minutes}m"))
            .hint("run the pipeline again, or give a longer --timeout")
            .everyones(),
    );
}
