//! Whether a tool may go on, and whether it may change anything: one place decides between
//! "interrupted", "stdout is closed", "another part failed" and "these are somebody else's
//! credentials".

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::{Either, join_all, select};
use futures_util::stream::StreamExt;
use tokio::sync::watch;

use crate::error::{Error, Kind, Result};
use crate::voice::Voice;

/// How many things of one kind are read or deleted side by side: AWS takes fewer in a second,
/// and each call under way costs a tenth of a megabyte.
pub(crate) const AT_ONCE: usize = 8;

/// Whether the tool may go on. Cheap to clone; every part of a tool holds the same one.
#[derive(Clone, Debug)]
pub struct Control {
    /// How the tool speaks to people.
    pub(crate) voice: Voice,
    /// Whether this is for what is finished whatever fails.
    finishes: bool,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: Mutex<Stop>,
    /// Whether it was asked whose credentials these are, and whether they are the environment's.
    account_asked: AtomicBool,
    account_checked: AtomicBool,
    /// Whether the environment's record says that nothing is to be changed.
    dry_run: AtomicBool,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Stop {
    reason: Option<Error>,
    /// When somebody asked to end, whatever had stopped the tool before.
    interrupted: Option<Instant>,
    /// Whether stdout can not be written any more, whatever had stopped the tool before.
    closed: bool,
}

impl Control {
    pub(crate) fn new(voice: Voice) -> Self {
        let shared = Shared {
            stop: Mutex::default(),
            account_asked: AtomicBool::new(false),
            account_checked: AtomicBool::new(false),
            dry_run: AtomicBool::new(false),
            changed: watch::channel(0).0,
        };
        Control {
            voice,
            finishes: false,
            shared: Arc::new(shared),
        }
    }

    /// The same for what must be finished once it has begun, whatever else fails: only who asks to end
    /// stops it, the deadline, or what every tool of the pipe meets.
    pub fn finishing(&self) -> Self {
        Control {
            finishes: true,
            ..self.clone()
        }
    }

    /// Ok while the tool may go on; else why not.
    pub fn check_stopped(&self) -> Result<()> {
        let stop = self.stopped();
        match &stop.reason {
            Some(why) if self.finishes && stop.interrupted.is_none() && !why.pipe_wide => Ok(()),
            Some(reason) => Err(as_told_to_the_others(reason)),
            None => Ok(()),
        }
    }

    /// Has the tool make nothing new. The first reason counts.
    pub fn stop(&self, why: Error) {
        let mut stop = self.stopped();
        if why.kind == Kind::Interrupted {
            stop.interrupted = Some(Instant::now());
            self.wake();
        }
        if why.kind == Kind::Output {
            stop.closed = true;
        }
        if why.kind != Kind::Stopped && stop.reason.is_none() {
            stop.reason = Some(why);
            drop(stop);
            self.wake();
        }
    }

    /// Awaits something that may be dropped (a pause, a reading), unless the tool must stop.
    pub async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Result<T> {
        let mut changed = self.changes();
        let mut future = std::pin::pin!(future);
        loop {
            self.check_stopped()?;
            let change = std::pin::pin!(changed.changed());
            match select(future, change).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right((_, again)) => future = again,
            }
        }
    }

    /// Runs futures side by side to their ends and answers all results, or the first error.
    ///
    /// Nothing is dropped halfway, so nothing that was made goes untold; after an error the
    /// others make nothing new.
    pub async fn run_all<T, Fut>(&self, futures: impl IntoIterator<Item = Fut>) -> Result<Vec<T>>
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
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for result in join_all(stopping).await {
            match result {
                Ok(value) => values.push(value),
                Err(error) => errors.push(error),
            }
        }
        // What only followed from another error is not the one to tell.
        let first = errors.iter().position(|error| error.kind != Kind::Stopped);
        match errors.into_iter().nth(first.unwrap_or_default()) {
            Some(error) => Err(error),
            None => Ok(values),
        }
    }

    /// Does `work` for each item, some side by side, to the end whatever fails: for deleting, where
    /// one obstacle keeps nothing else from going. Answers the first error and tells the others.
    pub async fn try_all<T, F>(&self, items: impl IntoIterator<Item = T>, work: F) -> Result<()>
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
            self.voice.error(&other);
        }
        Err(first)
    }

    /// Waits until the account is known to be the environment's, before a first change.
    ///
    /// Errors: it is another, the tool must stop, or this is a dry run.
    pub async fn wait_for_account(&self) -> Result<()> {
        let mut changed = self.changes();
        while !self.account_is_checked() {
            self.check_stopped()?;
            let _ = changed.changed().await;
        }
        self.check_change()
    }

    /// Whether a changing call may go out now.
    pub(crate) fn check_change(&self) -> Result<()> {
        self.check_stopped()?;
        if self.shared.dry_run.load(Ordering::Relaxed) {
            return Err(Error::refused(
                "a dry run changes nothing (this is a defect of the tool)",
            ));
        }
        if !self.account_is_checked() {
            return Err(Error::refused(
                "the account is not checked yet (this is a defect of the tool)",
            ));
        }
        Ok(())
    }

    pub(crate) fn set_dry_run(&self, dry_run: bool) {
        self.shared.dry_run.store(dry_run, Ordering::Relaxed);
    }

    pub(crate) fn account_is_asked(&self) {
        self.shared.account_asked.store(true, Ordering::Relaxed);
    }

    pub(crate) fn account_is_right(&self) {
        self.shared.account_checked.store(true, Ordering::Relaxed);
        self.wake();
    }

    pub(crate) fn account_is_checked(&self) -> bool {
        self.shared.account_checked.load(Ordering::Relaxed)
    }

    /// Waits until the account is known, where it was asked: what was found in another account
    /// says nothing.
    pub(crate) async fn account_is_answered(&self) {
        let mut changed = self.changes();
        while self.shared.account_asked.load(Ordering::Relaxed)
            && !self.account_is_checked()
            && self.check_stopped().is_ok()
        {
            let _ = changed.changed().await;
        }
    }

    /// The first reason to stop: the one that is told.
    pub(crate) fn stop_reason(&self) -> Option<Error> {
        self.stopped().reason.clone()
    }

    /// When somebody asked to end.
    pub(crate) fn interrupted(&self) -> Option<Instant> {
        self.stopped().interrupted
    }

    /// Whether stdout can not be written any more.
    pub(crate) fn stdout_is_closed(&self) -> bool {
        self.stopped().closed
    }

    /// Waits until somebody has asked to end, and so long after that.
    pub(crate) async fn interrupted_for(&self, time: Duration) {
        let mut changed = self.changes();
        let asked = loop {
            match self.interrupted() {
                Some(asked) => break asked,
                None => drop(changed.changed().await),
            }
        };
        tokio::time::sleep_until((asked + time).into()).await;
    }

    /// Wakes when anything here or in the stream has changed.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    pub(crate) fn wake(&self) {
        self.shared.changed.send_modify(|version| *version += 1);
    }

    fn stopped(&self) -> MutexGuard<'_, Stop> {
        self.shared
            .stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the other parts of a tool are told when one part stopped it.
fn as_told_to_the_others(why: &Error) -> Error {
    match why.kind {
        Kind::Interrupted | Kind::Output | Kind::Input => why.clone(),
        _ => Error::new(Kind::Stopped, why.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control() -> Control {
        Control::new(Voice::new("mk-test", &Default::default()))
    }

    #[test]
    fn the_first_reason_to_stop_counts() {
        let control = control();
        assert_eq!(control.check_stopped(), Ok(()));
        control.stop(Error::refused("first"));
        control.stop(Error::input("second"));
        assert_eq!(control.stop_reason(), Some(Error::refused("first")));
        assert_eq!(control.check_stopped().unwrap_err().kind, Kind::Stopped);
    }

    #[test]
    fn what_must_be_finished_goes_on_until_somebody_asks_to_end() {
        let control = control();
        control.account_is_right();
        let finishing = control.finishing();
        control.stop(Error::refused("another part"));
        assert_eq!(finishing.check_change(), Ok(()));
        assert!(control.check_change().is_err());
        control.stop(Error::new(Kind::Interrupted, "Ctrl-C"));
        assert!(finishing.check_change().is_err());
    }

    #[test]
    fn nothing_is_changed_before_the_account_is_checked_nor_in_a_dry_run() {
        let control = control();
        assert!(control.check_change().is_err());
        control.account_is_right();
        assert_eq!(control.check_change(), Ok(()));
        control.set_dry_run(true);
        assert!(control.check_change().is_err());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn all_are_run_to_their_ends_and_the_error_that_came_first_is_answered() {
        let control = control();
        let done = std::cell::Cell::new(0);
        let results = [Ok(1), Err(Error::refused("no")), Ok(3)];
        let futures = results.into_iter().map(|result| async {
            done.set(done.get() + 1);
            control.check_stopped().and(result)
        });
        assert_eq!(control.run_all(futures).await, Err(Error::refused("no")));
        assert_eq!(done.get(), 3);
    }
}
