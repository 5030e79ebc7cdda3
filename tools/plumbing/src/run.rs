//! The entry of every tool: arguments, stream, exit code; and the only code that prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Command, FromArgMatches, Parser};
use schemars::JsonSchema;

use crate::check;
use crate::ending;
use crate::error::{Error, Kind, Result};
use crate::flags::Common;
use crate::owned::Owned;
use crate::owner::Owner;
use crate::pipe::Stdin;
use crate::record::{Record, RecordType};
use crate::region;
use crate::settings;
use crate::stream::Stream;
use crate::terminal::{drives, printable};
use crate::types::{Env, schema_of};
use crate::voice::Voice;

/// After so long without a word on stdin a person is told what is waited for.
const SILENCE: Duration = Duration::from_secs(5);

/// Runs a tool: reads its arguments, opens the stream, calls `tool`, passes the rest of the
/// input on, and answers the exit code. `policy` is what `--iam-policy` prints.
pub async fn run<A, F, Fut>(policy: &str, tool: F) -> ExitCode
where
    A: Parser,
    F: FnOnce(A, Stream) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    run_as(policy, |_| Owned::default(), |_| Vec::new(), tool).await
}

/// Like [`run()`], for a tool that makes resources: it checks the records of their types that come in.
pub async fn run_owner<A, F, Fut>(owner: &'static Owner, tool: F) -> ExitCode
where
    A: Parser,
    F: FnOnce(A, Stream) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let owned = |_: &A| Owned {
        tool: owner.tool,
        kinds: owner.kinds(),
        check: Some(owner.check),
        ..Owned::default()
    };
    run_as(owner.policy, owned, |_| Vec::new(), tool).await
}

/// Like [`run()`], for the tool that makes the env record: one that comes in waits for it, and must be
/// the same.
pub async fn run_env<A, F, Fut>(policy: &str, tool: F) -> ExitCode
where
    A: Parser,
    F: FnOnce(A, Stream) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let owned = |_: &A| Owned {
        kinds: vec![Env::TYPE],
        check: Some(check::is_environment),
        ..Owned::default()
    };
    run_as(policy, owned, |_| Vec::new(), tool).await
}

/// Like [`run()`], for a tool that writes a wish of a type: one of its name that comes in gives way.
/// `--schema` prints what such a record is.
pub async fn run_wish<T, A, F, Fut>(policy: &str, name: fn(&A) -> &str, tool: F) -> ExitCode
where
    T: RecordType + JsonSchema,
    A: Parser,
    F: FnOnce(A, Stream) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let owned = |args: &A| Owned {
        replaces: Some((T::TYPE, name(args).to_string())),
        ..Owned::default()
    };
    // Whoever asks for the schema says nothing of what is wanted.
    if std::env::args_os().any(|arg| arg == "--schema") {
        return print(&format!("{:#}\n", schema_of::<T>()));
    }
    run_as(policy, owned, |_| Vec::new(), tool).await
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
    run_as(policy, |_| Owned::default(), first, tool).await
}

/// Prints what `--iam-policy` asks for, with the ARNs of the partition of the region.
async fn print_policy(tool: &str, policy: &str, region: Option<String>) -> ExitCode {
    let region = match (region, settings::load(tool, None).await) {
        (Some(region), _) => region,
        (None, Ok(config)) => config.region().map(ToString::to_string).unwrap_or_default(),
        (None, Err(_)) => String::new(), // the settings are not what is asked for
    };
    let arns = format!("\"arn:{}:", region::id_of(&region));
    print(&policy.replace("\"arn:aws:", &arns))
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(Kind::Output.exit_code()),
    }
}

async fn run_as<A, F, Fut>(
    policy: &str,
    owned: impl FnOnce(&A) -> Owned,
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
    // Whoever asks for the policy says nothing of what the tool is to do.
    let asks_for_policy = std::env::args_os().any(|arg| arg == "--iam-policy");
    let command = if asks_for_policy {
        Common::augment_args(Command::new(name))
    } else {
        command
    };
    let matches = match command.try_get_matches() {
        Ok(matches) => matches,
        Err(answer) => return end_with(name, &answer).await,
    };
    if asks_for_policy {
        let region = matches.get_one::<String>("region");
        return print_policy(name, policy, region.cloned()).await;
    }
    let parsed = Common::from_arg_matches(&matches)
        .and_then(|common| Ok((common, A::from_arg_matches(&matches)?)));
    let (common, args) = match parsed {
        Ok(parsed) => parsed,
        Err(answer) => return end_with(name, &answer).await,
    };
    let voice = Voice::new(name, &common);
    let limit = Duration::from_secs(60 * common.timeout);
    let (owned, first) = (owned(&args), first(&args));
    let stream = Stream::open(common, voice, Stdin::of_this_process(), owned, first);
    tokio::spawn(draw_anew_when_continued(stream.clone()));
    tokio::spawn(stop_on_signal(stream.clone()));
    tokio::spawn(tell_of_silence(stream.clone()));
    let deadline = tokio::spawn(stop_after(stream.clone(), limit));
    let result = tokio::select! {
        result = tool(args, stream.clone()) => result,
        // A network that never answers keeps nobody waiting who has asked to end.
        () = stream.control.interrupted_for(ending::LAST_CALLS) => Ok(()),
    };
    deadline.abort(); // what is left is the work of the tools upstream, which have their own
    let code = ending::end(&stream, result).await;
    let code = ending::end_speech(&stream, code).await;
    if stream.control.interrupted().is_some() {
        exit(code); // the runtime would wait for the threads that look up a host's name
    }
    ExitCode::from(code)
}

/// Prints what clap answers, help or what is wrong with the arguments, and gives the exit code.
async fn end_with(tool: &'static str, answer: &clap::Error) -> ExitCode {
    if !answer.use_stderr() {
        return match answer.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(Kind::Output.exit_code()),
        };
    }
    let text = answer.to_string();
    let lines: Vec<String> = text.lines().map(printable).collect();
    if std::io::stdout().is_terminal() {
        let odd = std::env::args_os().any(|argument| argument.to_string_lossy().contains(drives));
        let _ = if odd {
            // A script may have the argument from anywhere, and clap quotes it as it is.
            let text = format!("{}\n", lines.join("\n"));
            std::io::stderr().write_all(text.as_bytes())
        } else {
            answer.print()
        };
        return ExitCode::from(Kind::Usage.exit_code()); // nobody is downstream
    }
    let common = Common::default();
    let voice = Voice::new(tool, &common);
    let owned = Owned::default();
    let stream = Stream::open(common, voice, Stdin::Terminal, owned, Vec::new());
    let why = stream.voice.refuse(&lines);
    let code = ending::end_refused(&stream, why).await;
    ExitCode::from(ending::end_speech(&stream, code).await)
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
    let interrupted = Error::new(Kind::Interrupted, "interrupted");
    stream.control.stop(interrupted);
    tokio::select! { // who asks twice does not want to wait for the calls under way
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    exit(Kind::Interrupted.exit_code());
}

/// Where the shell had the terminal meanwhile, the frame begins below what it wrote.
async fn draw_anew_when_continued(stream: Stream) {
    use tokio::signal::unix::{SignalKind, signal};
    let Some(screen) = stream.voice.screen() else {
        return;
    };
    let continued = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
    let Ok(mut continued) = signal(continued) else {
        return;
    };
    while continued.recv().await.is_some() {
        screen.begin_anew();
    }
}

/// Ends at once, whatever is under way.
fn exit(code: u8) -> ! {
    #[allow(clippy::exit)]
    std::process::exit(code.into())
}

async fn tell_of_silence(stream: Stream) {
    tokio::time::sleep(SILENCE).await;
    let silent = {
        let input = stream.input();
        !input.begun && !input.ended
    };
    if silent {
        let line = "waiting for records on stdin (where none will come: < /dev/null)";
        stream.voice.say(line);
    }
}

async fn stop_after(stream: Stream, limit: Duration) {
    tokio::time::sleep(limit).await;
    let minutes = limit.as_secs() / 60;
    let late = Error::unfinished(format!("not finished after {minutes}m"))
        .hint("run the pipeline again, or give a longer --timeout");
    stream.control.stop(late.pipe_wide());
}
