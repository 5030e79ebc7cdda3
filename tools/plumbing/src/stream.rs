//! The record stream: records in as they arrive, records out at once.
//!
//! A tool holds a [`Stream`] and asks it for what it needs. Whatever arrives is checked, passed
//! on and remembered, by threads of their own, so a slow reader downstream or a silent writer
//! upstream never holds up a call to AWS. The stream also knows whether the tool may go on:
//! one place decides between "interrupted", "stdout is closed" and "another part failed".

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Debug;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use futures_util::future::{Either, join_all, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::{oneshot, watch};

use crate::error::{Error, Kind, Result};
use crate::flags::Common;
use crate::record::{Change, Env, Record, Typed};
use crate::voice::Voice;

/// Input counts as settled when none came for this long; then the first AWS call may go out.
/// The records of a pipe's head arrive within a few milliseconds of each other.
const QUIET: Duration = Duration::from_millis(40);

/// How many things of one kind are looked at or deleted side by side: AWS takes fewer in a second,
/// and each call under way costs a tenth of a megabyte.
pub(crate) const AT_ONCE: usize = 8;

/// One tool's view of the pipe that it stands in. Cheap to clone.
#[derive(Clone)]
pub struct Stream(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) tool: &'static str,
    pub(crate) common: Common,
    pub(crate) voice: Voice,
    pub(crate) state: Mutex<State>,
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) out: mpsc::Sender<Line>,
    /// Whether it was asked whose credentials these are, and whether they are the environment's.
    pub(crate) account_asked: AtomicBool,
    pub(crate) account_checked: AtomicBool,
    pub(crate) unchanged: AtomicUsize,
    pub(crate) changes: AtomicUsize,
    /// Whether this tool writes app records, so that its input may name apps that come after it.
    /// The reader may be at the end of the input before the tool has begun: it cannot say so itself.
    pub(crate) makes_apps: bool,
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
}

#[derive(Default)]
pub(crate) struct State {
    /// In the order of their first arrival; the last of a key is in its place.
    pub(crate) records: Vec<Record>,
    pub(crate) places: HashMap<(String, String), usize>,
    /// Where the first record of each type is.
    pub(crate) firsts: HashMap<String, usize>,
    /// The env record among them, which each record that arrives is compared with.
    pub(crate) env: Option<Env>,
    pub(crate) heard: bool,
    pub(crate) ended: bool,
    pub(crate) upstream_failed: bool,
    pub(crate) last_input: Option<Instant>,
    /// Whether input is being looked at, or an object has begun and not ended.
    pub(crate) midway: bool,
    pub(crate) stop: Option<Error>,
    /// When somebody asked to end, whatever had stopped the tool before.
    pub(crate) interrupted: Option<Instant>,
    /// The keys of this tool's own records that a person was told of, and whether only as kept.
    pub(crate) told: HashMap<(String, String), bool>,
}

impl Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.tool)
    }
}

impl Stream {
    /// The tool's name.
    pub fn tool(&self) -> &'static str {
        self.0.tool
    }

    /// The flags that every tool has.
    pub fn common(&self) -> &Common {
        &self.0.common
    }

    /// Waits for a record of a type; `name` "" takes the first of that type.
    ///
    /// Errors: the input ended without it.
    pub async fn need<T: Typed>(&self, name: &str) -> Result<T> {
        self.need_where(name, |_| true).await
    }

    /// Waits for a record of a type and name that fulfils a condition: records may come again
    /// with more in them.
    pub async fn need_where<T: Typed>(&self, name: &str, enough: impl Fn(&T) -> bool) -> Result<T> {
        let mut changed = self.0.changed.subscribe();
        loop {
            let ended = self.state().ended; // before the look: what came last came before the end
            if let Some(found) = self.get::<T>(name).filter(&enough) {
                return Ok(found);
            }
            {
                let state = self.state();
                if let Some(stop) = &state.stop {
                    return Err(stopped(stop));
                }
                if ended {
                    return Err(self.lacks(&state, T::TYPE, name));
                }
            }
            let _ = changed.changed().await;
        }
    }

    /// Waits for any record by type and name, also of a type that no tool knows: for references
    /// like `{alb.api.dns}`.
    pub async fn need_record(&self, kind: &str, name: &str) -> Result<Record> {
        let mut changed = self.0.changed.subscribe();
        loop {
            {
                let state = self.state();
                if let Some(&at) = state.places.get(&(kind.to_string(), name.to_string())) {
                    return Ok(state.records[at].clone());
                }
                if let Some(stop) = &state.stop {
                    return Err(stopped(stop));
                }
                if state.ended {
                    return Err(self.lacks(&state, kind, name));
                }
            }
            let _ = changed.changed().await;
        }
    }

    /// The record of a type and name, if it has arrived; `name` "" takes the first.
    pub fn get<T: Typed>(&self, name: &str) -> Option<T> {
        let state = self.state();
        let place = match name {
            "" => state.firsts.get(T::TYPE),
            _ => state.places.get(&(T::TYPE.into(), name.into())),
        };
        place.and_then(|&at| state.records[at].typed())
    }

    /// Does `work` for every record of a type, each as it arrives, all side by side, and ends
    /// when the input has ended and all work is done.
    pub async fn for_each<T: Typed, F, Fut>(&self, mut work: F) -> Result<()>
    where
        F: FnMut(T) -> Fut,
        Fut: Future<Output = Result<()>>,
    {
        self.settled().await?; // a record that comes twice at once is worked on once, as its last
        let mut seen = 0;
        let mut changed = self.0.changed.subscribe();
        let mut working = FuturesUnordered::new();
        let mut first_error = None;
        loop {
            let (fresh, ended) = {
                let state = self.state();
                let fresh: Vec<T> = state.records[seen..]
                    .iter()
                    .filter_map(Record::typed)
                    .collect();
                seen = state.records.len();
                (fresh, state.ended || state.stop.is_some())
            };
            working.extend(fresh.into_iter().map(&mut work));
            let done = match (working.is_empty(), ended) {
                (true, true) => break,
                (true, false) => {
                    let _ = changed.changed().await;
                    continue;
                }
                (false, true) => working.next().await,
                (false, false) => match select(working.next(), Box::pin(changed.changed())).await {
                    Either::Left((done, _)) => done,
                    Either::Right(_) => None,
                },
            };
            if let Some(Err(error)) = done {
                self.stop(error.clone());
                first_error.get_or_insert(error);
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => self.go_on(),
        }
    }

    /// Waits for the end of the input and answers all records, each key once.
    pub async fn all(&self) -> Result<Vec<Record>> {
        let mut changed = self.0.changed.subscribe();
        loop {
            {
                let state = self.state();
                if let Some(stop) = &state.stop {
                    return Err(stopped(stop));
                }
                if state.ended {
                    return Ok(state.records.clone());
                }
            }
            let _ = changed.changed().await;
        }
    }

    /// Whether a tool upstream said that it failed.
    pub fn upstream_failed(&self) -> bool {
        self.state().upstream_failed
    }

    /// Writes a record of ours, flushed, and tells a person what was done.
    ///
    /// Errors: stdout is closed or full; the record is then told on stderr, so that no ID is lost.
    pub async fn write(&self, record: Record) -> Result<()> {
        self.tell(&record);
        let mut line = serde_json::to_vec(&record.0)
            .map_err(|why| Error::new(Kind::Output, why.to_string()))?;
        line.push(b'\n');
        self.remember(record);
        let (written, wait) = oneshot::channel();
        let _ = self.0.out.send(Line::Ours(line, written));
        let _ = wait.await;
        match &self.state().stop {
            Some(stop) if stop.kind == Kind::Output => Err(stop.clone()),
            _ => Ok(()),
        }
    }

    /// Runs futures side by side to their ends and answers all results, or the first error.
    ///
    /// Nothing is dropped halfway, so nothing that was made goes untold; after an error the
    /// others make nothing new.
    pub async fn join<T, Fut>(&self, futures: impl IntoIterator<Item = Fut>) -> Result<Vec<T>>
    where
        Fut: Future<Output = Result<T>>,
    {
        let stopping = futures.into_iter().map(|future| async {
            let result = future.await;
            if let Err(error) = &result {
                self.stop(error.clone());
            }
            result
        });
        let results = join_all(stopping).await;
        let told = |result: &Result<T>| matches!(result, Err(error) if error.kind != Kind::Stopped);
        match results.iter().position(told) {
            Some(at) => results
                .into_iter()
                .nth(at)
                .map_or(Ok(Vec::new()), |error| error.map(|one| vec![one])),
            None => results.into_iter().collect(),
        }
    }

    /// Does `work` for each item, some side by side, to the end whatever fails: for deleting, where
    /// one obstacle keeps nothing else from going. Answers the first error and tells the others.
    pub async fn each<T, F>(&self, items: impl IntoIterator<Item = T>, work: F) -> Result<()>
    where
        F: AsyncFn(T) -> Result<()>,
    {
        let work = &work;
        let items = items
            .into_iter()
            .map(|item| async move { work(item).await });
        let results: Vec<_> = futures_util::stream::iter(items)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut errors = results.into_iter().filter_map(Result::err);
        let Some(first) = errors.next() else {
            return Ok(());
        };
        for other in errors.filter(|error| error.kind != Kind::Stopped && *error != first) {
            self.0.voice.fail(&other);
        }
        Err(first)
    }

    /// The records of a type that have arrived.
    pub fn so_far<T: Typed>(&self) -> Vec<T> {
        self.state()
            .records
            .iter()
            .filter_map(Record::typed)
            .collect()
    }

    /// Waits until the account is known to be the environment's, before a first change.
    ///
    /// Errors: it is another, the tool must stop, or this is a dry run.
    pub async fn may_change(&self) -> Result<()> {
        let mut changed = self.0.changed.subscribe();
        while !self.0.account_checked.load(Ordering::Relaxed) {
            self.go_on()?;
            let _ = changed.changed().await;
        }
        self.check_change()
    }

    /// Whether a changing call may go out now.
    pub(crate) fn check_change(&self) -> Result<()> {
        self.go_on()?;
        if self.get::<Env>("").is_some_and(|env| env.plan) {
            return Err(Error::refused(
                "a dry run changes nothing (this is a defect of the tool)",
            ));
        }
        if !self.0.account_checked.load(Ordering::Relaxed) {
            return Err(Error::refused(
                "the account is not checked yet (this is a defect of the tool)",
            ));
        }
        Ok(())
    }

    pub(crate) fn account_is_asked(&self) {
        self.0.account_asked.store(true, Ordering::Relaxed);
    }

    /// Waits for the answer, where it was asked: what was found in another account says nothing.
    pub(crate) async fn account_is_answered(&self) {
        let mut changed = self.0.changed.subscribe();
        while self.0.account_asked.load(Ordering::Relaxed)
            && !self.account_is_checked()
            && self.go_on().is_ok()
        {
            let _ = changed.changed().await;
        }
    }

    pub(crate) fn account_is_right(&self) {
        self.0.account_checked.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Ok while the tool may go on; else why not.
    pub fn go_on(&self) -> Result<()> {
        self.state()
            .stop
            .as_ref()
            .map_or(Ok(()), |stop| Err(stopped(stop)))
    }

    /// Has the tool make nothing new: the first reason counts.
    pub fn stop(&self, why: Error) {
        let mut state = self.state();
        if why.kind == Kind::Interrupted {
            state.interrupted = Some(Instant::now());
        }
        if why.kind != Kind::Stopped && state.stop.is_none() {
            state.stop = Some(why);
            drop(state);
            self.wake();
        }
    }

    /// Awaits something that may be dropped (a pause, a reading), unless the tool must stop.
    pub async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut changed = self.0.changed.subscribe();
        let mut future = std::pin::pin!(future);
        loop {
            self.go_on()?;
            let change = std::pin::pin!(changed.changed());
            match select(future, change).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right((_, again)) => future = again,
            }
        }
    }

    /// Waits until the input has ended or is quiet, and is all right so far.
    ///
    /// Errors: an upstream tool has failed already, so that nothing here needs to begin.
    pub async fn settled(&self) -> Result<()> {
        self.quiet(self.0.common.env.is_some()).await?;
        match self.upstream_failed() {
            true => Err(Error::new(Kind::Skipped, "a tool upstream failed")),
            false => Ok(()),
        }
    }

    /// Waits until stdin said something and is quiet, or ended: for `mk-app`, whose record comes
    /// after those of the same key.
    pub async fn heard(&self) -> Result<()> {
        self.quiet(false).await
    }

    /// Waits until stdin ended, or was quiet after it said something; where silence is enough,
    /// after the start.
    async fn quiet(&self, silence_is_enough: bool) -> Result<()> {
        let mut changed = self.0.changed.subscribe();
        loop {
            let wait = {
                let state = self.state();
                if let Some(stop) = &state.stop {
                    return Err(stopped(stop));
                }
                let quiet = state.last_input.unwrap_or(self.0.opened).elapsed();
                let begun = state.heard || silence_is_enough;
                if state.ended || quiet >= QUIET && begun && !state.midway {
                    return Ok(());
                }
                // A stdin that says nothing says so when it speaks; a quiet one, when it ends.
                QUIET.saturating_sub(quiet).max(Duration::from_millis(1))
            };
            let _ = tokio::time::timeout(wait, changed.changed()).await;
        }
    }

    /// A line for a person, unless `--quiet`.
    pub fn say(&self, line: &str) {
        self.0.voice.say(line);
    }

    /// Tells an error beside the one that the tool ends with.
    pub fn fail(&self, error: &Error) {
        self.0.voice.fail(error);
    }

    /// A line for a person who asked for more with `-v`.
    pub fn detail(&self, line: impl FnOnce() -> String) {
        self.0.voice.detail(line);
    }

    fn tell(&self, record: &Record) {
        let id = ["id", "arn", "group", "image"]
            .iter()
            .map(|field| record.text(field))
            .find(|id| !id.is_empty())
            .unwrap_or_default();
        let change = record.text("change");
        let line = || {
            format!(
                "{change} {} {} {id}",
                record.kind().replace('_', " "),
                record.name()
            )
            .trim_end()
            .to_string()
        };
        if change.is_empty() {
            return;
        }
        let key = (record.kind().to_string(), record.name().to_string());
        let kept = change == Change::Kept.word();
        match self.state().told.entry(key) {
            Entry::Occupied(told) if kept || !told.get() => return, // it comes again with more in it
            Entry::Occupied(mut told) => {
                told.insert(false); // it was not as it was found, after all
                self.0.unchanged.fetch_sub(1, Ordering::Relaxed);
            }
            Entry::Vacant(place) => drop(place.insert(kept)),
        }
        if kept {
            self.0.unchanged.fetch_add(1, Ordering::Relaxed);
            return self.detail(line);
        }
        self.0.changes.fetch_add(1, Ordering::Relaxed);
        let differences: Vec<String> = record
            .0
            .get("changes")
            .and_then(|c| c.as_array())
            .into_iter()
            .flatten()
            .map(|d| {
                let part = |field: &str| {
                    d.get(field)
                        .and_then(|v| v.as_str())
                        .unwrap_or_default()
                        .to_string()
                };
                format!("{}: {} -> {}", part("field"), part("old"), part("new"))
            })
            .collect();
        match differences.is_empty() {
            true => self.say(&line()),
            false => self.say(&format!("{} ({})", line(), differences.join("; "))),
        }
    }

    /// How many resources this run found as wanted, and how many it changed.
    pub(crate) fn tally(&self) -> (usize, usize) {
        (
            self.0.unchanged.load(Ordering::Relaxed),
            self.0.changes.load(Ordering::Relaxed),
        )
    }

    /// Whether stdin is open and has not said a word.
    pub(crate) fn silent(&self) -> bool {
        let state = self.state();
        !state.heard && !state.ended
    }

    pub(crate) fn account_is_checked(&self) -> bool {
        self.0.account_checked.load(Ordering::Relaxed)
    }

    pub(crate) fn stop_reason(&self) -> Option<Error> {
        self.state().stop.clone()
    }

    /// Whether a tool upstream says that it failed, before the input ends or time is up.
    pub(crate) async fn upstream_fails(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        let mut changed = self.0.changed.subscribe();
        loop {
            {
                let state = self.state();
                if state.upstream_failed || state.ended || !state.heard || begun.elapsed() > limit {
                    return state.upstream_failed;
                }
            }
            let _ = tokio::time::timeout(Duration::from_millis(100), changed.changed()).await;
        }
    }

    /// Passes the rest of the input on, without a limit, since the tools upstream are still doing their
    /// work; only who asked to end does not wait longer than `last_words`.
    pub(crate) async fn drain(&self, last_words: Duration) {
        let begun = Instant::now();
        let mut changed = self.0.changed.subscribe();
        loop {
            {
                let state = self.state();
                // With the environment from flags, a stdin that never said a word is nobody's.
                let silent = self.0.common.env.is_some() && !state.heard;
                let closed = matches!(&state.stop, Some(stop) if stop.kind == Kind::Output);
                let late = state
                    .interrupted
                    .is_some_and(|asked| asked.max(begun).elapsed() > last_words);
                if state.ended || silent || closed || late {
                    break;
                }
            }
            let _ = tokio::time::timeout(Duration::from_millis(100), changed.changed()).await;
        }
        let (written, wait) = oneshot::channel();
        let _ = self.0.out.send(Line::End(written));
        let _ = wait.await;
    }

    fn lacks(&self, state: &State, kind: &str, name: &str) -> Error {
        if state.upstream_failed {
            return Error::new(Kind::Skipped, "a tool upstream failed");
        }
        let tool = self.0.tool;
        let (missing, hint) = match kind {
            "env" => (
                "no env record on stdin, and no --env".to_string(),
                format!("mk-env production pr123 | {tool}, or {tool} --env production-pr123"),
            ),
            "vpc" => (
                format!("no {kind} record on stdin"),
                format!("mk-vpc | {tool}"),
            ),
            _ => (
                format!("no {kind} record '{name}' on stdin"),
                "man plumbline.7 shows the tools' order".to_string(),
            ),
        };
        Error::input(missing).hint(hint)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wake(&self) {
        self.0.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn remember(&self, record: Record) {
        let key = (record.kind().to_string(), record.name().to_string());
        let mut state = self.state();
        if record.kind() == Env::TYPE {
            state.env = record.typed();
        }
        match state.places.get(&key) {
            Some(&at) => state.records[at] = record,
            None => {
                let at = state.records.len();
                state.firsts.entry(key.0.clone()).or_insert(at);
                state.places.insert(key, at);
                state.records.push(record);
            }
        }
        drop(state);
        self.wake();
    }
}

/// What others of the same tool are told when one part of it stopped it.
fn stopped(why: &Error) -> Error {
    match why.kind {
        Kind::Interrupted | Kind::Output | Kind::Input => why.clone(),
        _ => Error::new(Kind::Stopped, why.message.clone()),
    }
}
