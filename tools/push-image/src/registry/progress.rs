//! How far an upload is, said to a person while it lasts.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plumbing::Voice;
use tokio::time::{Instant, interval};

use crate::plan::megabytes;

/// How often it is said: at a terminal, and in a log.
const AT_TERMINAL: Duration = Duration::from_secs(2);
const IN_LOG: Duration = Duration::from_secs(30);

/// Does the work of an app's upload, and says how much of it is sent.
pub(super) async fn say_while<T>(
    voice: &Voice,
    app: &str,
    total: u64,
    sent: &AtomicU64,
    work: impl Future<Output = T>,
) -> T {
    let is_terminal = std::io::stderr().is_terminal();
    let all = megabytes(total);
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(if is_terminal { AT_TERMINAL } else { IN_LOG });
    ticks.tick().await; // the first comes at once
    let begun = Instant::now();
    let _waiting = voice.wait(&format!("pushing {app}: {all}"));
    loop {
        tokio::select! {
            done = &mut work => {
                let seconds = begun.elapsed().as_secs_f64();
                voice.detail(|| format!("{app}: {all} in {seconds:.1} s"));
                return done;
            }
            _ = ticks.tick() => {
                let now = megabytes(sent.load(Ordering::Relaxed).min(total));
                voice.say_undrawn(&format!("pushing {app}: {now} of {all}"));
            }
        }
    }
}
