//! Work that takes a while and is no future: on a thread, which ends when nobody waits for it.

use std::sync::{Arc, Weak};

use plumbing::{Control, Error, Result};

/// By which work on a thread knows that nobody waits for it any more.
#[derive(Clone)]
pub(crate) struct CancelToken {
    waiting: Weak<()>,
}

impl CancelToken {
    /// Whether the guard is dropped.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.waiting.strong_count() == 0
    }
}

/// Held by whoever waits for the work; cancels it when it is dropped.
#[derive(Default)]
pub(crate) struct CancelGuard {
    waiting: Arc<()>,
}

impl CancelGuard {
    /// What the work asks.
    pub(crate) fn token(&self) -> CancelToken {
        CancelToken {
            waiting: Arc::downgrade(&self.waiting),
        }
    }
}

/// Does work on a thread of its own. A thread is not dropped as a future is, and an interrupted
/// tool would wait for it: so the work ends at its next read when nobody waits any more.
pub(crate) async fn run<T: Send + 'static>(
    control: &Control,
    work: impl FnOnce(&CancelToken) -> Result<T> + Send + 'static,
) -> Result<T> {
    let guard = CancelGuard::default();
    let token = guard.token();
    let thread = tokio::task::spawn_blocking(move || work(&token));
    match control.unless_stopped(thread).await? {
        Ok(result) => result,
        Err(why) => Err(Error::refused(format!("cannot read an image: {why}"))),
    }
}
