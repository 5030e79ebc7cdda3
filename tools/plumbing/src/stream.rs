//! The record stream: records in as they arrive, records out at once.
//!
//! A tool holds a [`Stream`] and asks it for what it needs. Whatever arrives is checked, passed
//! on and remembered, by threads of their own, so a slow reader downstream or a silent writer
//! upstream never holds up a call to AWS.

use std::fmt::Debug;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::oneshot;

use crate::arrived::Arrived;
use crate::control::Control;
use crate::error::{Error, Kind, Result};
use crate::flags::Common;
use crate::owned::Owned;
use crate::record::{Record, RecordType};
use crate::terminal::in_json;
use crate::types::Env;
use crate::voice::Voice;

/// Input counts as quiet when none came for this long; then the first AWS call may go out.
/// The records of a pipe's head arrive within a few milliseconds of each other.
const QUIET: Duration = Duration::from_millis(40);

/// One tool's view of the pipe that it stands in. Cheap to clone.
#[derive(Clone)]
pub struct Stream {
    /// Whether the tool may go on.
    pub control: Control,
    /// How it speaks to people.
    pub voice: Voice,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) common: Common,
    pub(crate) input: Mutex<Input>,
    /// Whether nothing can come on stdin: it is a terminal or `/dev/null`.
    pub(crate) heads_pipe: bool,
    pub(crate) out: mpsc::Sender<Line>,
    /// Whether an app that calls one that is not there is bad input.
    pub(crate) checks_calls: bool,
    /// Whether records go to stdout; else it is the tool's own.
    pub(crate) passes_records: bool,
    /// Whether stdout is a terminal.
    pub(crate) is_shown: bool,
    pub(crate) opened: Instant,
}

/// What the writer's thread is told.
pub(crate) enum Line {
    /// A record of upstream.
    Passed(Vec<u8>),
    /// A record of this tool, and who waits until it is out.
    Ours(Vec<u8>, oneshot::Sender<()>),
    /// Answer when all before is out.
    End(oneshot::Sender<()>),
    /// The same, and the next tool sees the end of its input.
    Close(oneshot::Sender<()>),
}

/// What came so far, and how far the reader is.
#[derive(Default)]
pub(crate) struct Input {
    pub(crate) arrived: Arrived,
    pub(crate) owned: Owned,
    pub(crate) begun: bool,
    pub(crate) ended: bool,
    pub(crate) upstream_failed: bool,
    pub(crate) last_read: Option<Instant>,
    /// Whether input is being checked, or an object has begun and not ended.
    pub(crate) midway: bool,
}

impl Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.tool())
    }
}

impl Stream {
    /// The tool's name.
    pub fn tool(&self) -> &'static str {
        self.voice.tool()
    }

    /// The flags that every tool has.
    pub fn common(&self) -> &Common {
        &self.shared.common
    }

    /// Waits for the record of a type and name.
    ///
    /// Errors: the input ended without it.
    pub async fn need<T: RecordType>(&self, name: &str) -> Result<T> {
        self.need_where(name, |_| true).await
    }

    /// Waits for the record of a type and name, until it fulfils a condition: a record may come
    /// again with more in it.
    pub async fn need_where<T: RecordType>(
        &self,
        name: &str,
        enough: impl Fn(&T) -> bool,
    ) -> Result<T> {
        let get = || self.get::<T>(name).filter(&enough);
        self.wait_for(get, || lacks(self.tool(), T::TYPE, name))
            .await
    }

    /// Waits for the first record of a type, where there is only one.
    ///
    /// Errors: the input ended without it.
    pub async fn need_first<T: RecordType>(&self) -> Result<T> {
        self.need_first_where(|_| true).await
    }

    /// Waits for the first record of a type, until it fulfils a condition.
    pub async fn need_first_where<T: RecordType>(&self, enough: impl Fn(&T) -> bool) -> Result<T> {
        let get = || self.first::<T>().filter(&enough);
        self.wait_for(get, || lacks(self.tool(), T::TYPE, "")).await
    }

    /// Waits for any record by type and name, also of a type that no tool knows: for references
    /// like `{alb.api.dns}`.
    pub async fn need_record(&self, kind: &str, name: &str) -> Result<Record> {
        let get = || self.input().arrived.get(kind, name).cloned();
        self.wait_for(get, || lacks(self.tool(), kind, name)).await
    }

    /// Waits until `get` answers something.
    async fn wait_for<T>(
        &self,
        get: impl Fn() -> Option<T>,
        lacks: impl Fn() -> Error,
    ) -> Result<T> {
        let mut changed = self.control.changes();
        loop {
            let ended = self.input().ended; // read first: what came last came before the end
            if let Some(found) = get() {
                return Ok(found);
            }
            self.control.check_stopped()?;
            if ended && self.upstream_failed() {
                return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
            }
            if ended {
                return Err(lacks());
            }
            let _ = changed.changed().await;
        }
    }

    /// The record of a type and name, if it has arrived.
    pub fn get<T: RecordType>(&self, name: &str) -> Option<T> {
        self.input().arrived.get(T::TYPE, name)?.typed()
    }

    /// The first record of a type, if one has arrived.
    pub fn first<T: RecordType>(&self) -> Option<T> {
        self.input().arrived.first(T::TYPE)?.typed()
    }

    /// The records of a type that have arrived.
    pub fn arrived<T: RecordType>(&self) -> Vec<T> {
        self.input().arrived.of_type_after(0)
    }

    /// Does `work` for every record of a type, each as it arrives, all side by side, and ends
    /// when the input has ended and all work is done. Of records of one key that arrive together the
    /// last is worked on; a wish that comes again when its work has begun, and says something else, is
    /// bad input.
    pub async fn for_each_record<T: RecordType, F, Fut>(&self, mut work: F) -> Result<()>
    where
        F: FnMut(T) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        self.input_quiet().await?;
        let mut fresh = Fresh::now();
        let mut changed = self.control.changes();
        let mut working = FuturesUnordered::new();
        let mut first_error = None;
        loop {
            let ended = self.input().ended || self.control.check_stopped().is_err();
            let taken = fresh.take::<T>(&mut self.input().arrived, ended);
            working.extend(taken.into_iter().map(&mut work));
            let more_in = fresh.complete_in();
            let more = async {
                match more_in {
                    Some(rest) => drop(tokio::time::timeout(rest, changed.changed()).await),
                    None => drop(changed.changed().await),
                }
            };
            let done = match (working.is_empty(), ended) {
                (true, true) => break,
                (true, false) => {
                    more.await;
                    continue;
                }
                (false, true) => working.next().await,
                (false, false) => match select(working.next(), Box::pin(more)).await {
                    Either::Left((done, _)) => done,
                    Either::Right(_) => None,
                },
            };
            if let Some(Err(error)) = done {
                self.control.stop(error.clone());
                first_error.get_or_insert(error);
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => self.control.check_stopped(),
        }
    }

    /// Waits for the end of the input and answers all records, each key once.
    pub async fn all(&self) -> Result<Vec<Record>> {
        let mut changed = self.control.changes();
        loop {
            let ended = self.input().ended; // read first: bad input stops the tool before it ends
            self.control.check_stopped()?;
            if ended {
                return Ok(self.input().arrived.all().to_vec());
            }
            let _ = changed.changed().await;
        }
    }

    /// Waits until there is something to do: `needed` says so, or a record of a type of the tool's own
    /// has come, which it has to look at. Answers false where the input ended without either.
    pub async fn until_needed(&self, needed: impl Fn() -> bool) -> Result<bool> {
        let mut changed = self.control.changes();
        loop {
            let ended = self.input().ended; // read first: what came last came before the end
            self.control.check_stopped()?;
            if needed() || !self.input().owned.waiting.is_empty() {
                return Ok(true);
            }
            if ended {
                return Ok(false);
            }
            let _ = changed.changed().await;
        }
    }

    /// Whether a tool upstream said that it failed.
    pub fn upstream_failed(&self) -> bool {
        self.input().upstream_failed
    }

    /// Writes a record of ours, flushed, and tells a person what was done.
    ///
    /// Errors: stdout is closed or full; the record is then told on stderr, so that no ID is lost.
    pub async fn write(&self, record: Record) -> Result<()> {
        if !self.shared.passes_records {
            self.remember(record);
            return Ok(());
        }
        self.voice.change(&record);
        let text = serde_json::to_string(&record.0)
            .map_err(|why| Error::new(Kind::Output, why.to_string()))?;
        let line = format!("{}\n", in_json(&text)).into_bytes();
        self.remember(record);
        self.send(|written| Line::Ours(line, written)).await;
        match self.control.stop_reason() {
            Some(stop) if stop.kind == Kind::Output => Err(stop),
            _ => Ok(()),
        }
    }

    /// Writes what is no record, for a tool whose stdout is its own.
    ///
    /// Errors: stdout is closed or full.
    pub async fn print(&self, text: String) -> Result<()> {
        let _ = self.shared.out.send(Line::Passed(text.into_bytes()));
        self.send(Line::End).await;
        match self.control.stop_reason() {
            Some(stop) if stop.kind == Kind::Output => Err(stop),
            _ => Ok(()),
        }
    }

    /// Ends stdout, while this tool works on: tools downstream may wait for the end of their input with
    /// what this tool waits for. To be called when the input has ended and all records are written.
    pub async fn end_output(&self) {
        self.send(Line::Close).await;
    }

    /// Hands the writer's thread a line and waits until that is done.
    pub(crate) async fn send(&self, line: impl FnOnce(oneshot::Sender<()>) -> Line) {
        let (written, wait) = oneshot::channel();
        let _ = self.shared.out.send(line(written));
        let _ = wait.await;
    }

    /// Waits until the input has ended or is quiet, and is all right so far.
    ///
    /// Errors: a tool upstream has failed already, so that nothing here needs to begin.
    pub async fn input_quiet(&self) -> Result<()> {
        self.quiet(self.shared.common.env.is_some()).await?;
        if self.upstream_failed() {
            return Err(Error::new(Kind::Skipped, "a tool upstream failed"));
        }
        Ok(())
    }

    /// Waits until stdin said something and is quiet, or ended: for `mk-app`, whose record comes
    /// after those of the same key.
    pub async fn input_begun(&self) -> Result<()> {
        self.quiet(false).await
    }

    /// Waits until stdin ended, or was quiet after it said something; where silence is enough,
    /// after the start.
    async fn quiet(&self, silence_is_enough: bool) -> Result<()> {
        let mut changed = self.control.changes();
        loop {
            let wait = {
                let input = self.input();
                let quiet = input.last_read.unwrap_or(self.shared.opened).elapsed();
                let begun = input.begun || silence_is_enough;
                let done = input.ended || quiet >= QUIET && begun && !input.midway;
                drop(input);
                self.control.check_stopped()?;
                if done {
                    return Ok(());
                }
                // Before the first byte and in the middle of an object, the next change tells.
                QUIET.saturating_sub(quiet).max(Duration::from_millis(1))
            };
            let _ = tokio::time::timeout(wait, changed.changed()).await;
        }
    }

    pub(crate) fn input(&self) -> MutexGuard<'_, Input> {
        self.shared
            .input
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn remember(&self, record: Record) {
        self.remember_in(self.input(), record);
    }

    pub(crate) fn remember_in(&self, mut input: MutexGuard<'_, Input>, record: Record) {
        let is_env = record.kind() == Env::TYPE;
        input.arrived.insert(record);
        let dry_run = input.arrived.env().is_some_and(|env| env.plan);
        drop(input);
        self.control.set_dry_run(dry_run);
        if is_env {
            self.judge_waiting();
        }
        self.control.wake();
    }

    /// The environment's record, if it has arrived.
    pub(crate) fn known_env(&self) -> Option<Env> {
        self.input().arrived.env().cloned()
    }
}

/// The records of a type that have arrived and are not worked on yet.
struct Fresh {
    /// So many of all records were looked at.
    seen: usize,
    /// Since when there are some.
    since: Option<Instant>,
}

impl Fresh {
    /// Of an input that is quiet: what is there is complete.
    fn now() -> Self {
        Fresh {
            seen: 0,
            since: Instant::now().checked_sub(QUIET),
        }
    }

    /// Takes them, once those that came with the first of them are there as well.
    fn take<T: RecordType>(&mut self, arrived: &mut Arrived, ended: bool) -> Vec<T> {
        let records = arrived.of_type_after::<T>(self.seen);
        if !records.is_empty() {
            let since = *self.since.get_or_insert_with(Instant::now);
            if since.elapsed() < QUIET && !ended {
                return Vec::new();
            }
        }
        self.seen = arrived.all().len();
        self.since = None;
        arrived.act_on::<T>();
        records
    }

    /// When those that came with the first of them are there as well, if there is one.
    fn complete_in(&self) -> Option<Duration> {
        self.since
            .map(|since| QUIET.saturating_sub(since.elapsed()))
    }
}

/// What is said where the input ends without a record.
fn lacks(tool: &str, kind: &str, name: &str) -> Error {
    let (missing, hint) = match kind {
        "env" => (
            "no env record on stdin, and no --env".to_string(),
            format!("mk-env production pr123 | {tool}, or {tool} --env production-pr123"),
        ),
        "vpc" => (
            "no vpc record on stdin".to_string(),
            format!("mk-vpc | {tool}"),
        ),
        _ => {
            let named = if name.is_empty() {
                String::new()
            } else {
                format!(" '{name}'")
            };
            (
                format!("no {kind} record{named} on stdin"),
                "man plumbline.7 shows the tools' order".to_string(),
            )
        }
    };
    Error::input(missing).hint(hint)
}
