//! Waiting until something is true, failed or too late, for what the SDK has no good waiter for,
//! and retrying what AWS's eventual consistency refuses for a moment.

use std::future::Future;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures_util::stream::{StreamExt, TryStreamExt};
use tokio::time::{Instant, sleep, timeout};

use crate::control::{AT_ONCE, Control};
use crate::error::{self, Error, Result};
use crate::not_yet;
use crate::voice::Voice;

/// The first pause between two looks, what it grows by, and the longest: a NAT gateway's two
/// minutes cost about twenty looks, and an emulator's half second costs three.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const GROWTH: f64 = 1.5;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Awaits readings, some side by side, and answers all in their order, or the first error.
pub async fn all<T, Fut>(readings: impl IntoIterator<Item = Fut>) -> Result<Vec<T>>
where
    Fut: Future<Output = Result<T>>,
{
    futures_util::stream::iter(readings)
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Does what takes its time, and tells people so.
///
/// `what` words the wait: `nat gateway nat-1 is still pending`.
pub async fn telling<T>(voice: &Voice, what: &str, work: impl Future<Output = T>) -> T {
    let mut waiting = voice.wait(what);
    let mut work = std::pin::pin!(work);
    loop {
        match timeout(waiting.due_in(), work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => waiting.tell_if_due(),
        }
    }
}

/// Looks again and again until `look` answers something.
///
/// `what` words the wait, as in [`telling`]. Errors: whatever `look` answers;
/// after `deadline`, [`Kind::Unfinished`](crate::Kind::Unfinished); at once where the tool stops.
pub async fn until<T, F, Fut>(
    control: &Control,
    what: &str,
    deadline: Duration,
    mut look: F,
) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    if let Some(found) = look().await? {
        return Ok(found);
    }
    let look_again = async {
        loop {
            if begun.elapsed() + pause > deadline {
                let late = Error::unfinished(format!("{what} after {}", words(deadline)));
                return Err(late.hint("run the pipeline again"));
            }
            control.unless_stopped(sleep(pause)).await?;
            pause = longer(pause);
            if let Some(found) = look().await? {
                return Ok(found);
            }
        }
    };
    telling(&control.voice, what, look_again).await
}

/// Makes a call of `operation` (as in a policy, `ec2:CreateRoute`), again and again while AWS refuses
/// it for what passes: the table in [`not_yet`](crate::not_yet) says what that is, and for how long.
/// Any other answer is returned as it is.
pub async fn retry<T, E, F, Fut>(
    control: &Control,
    operation: &str,
    call: F,
) -> std::result::Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata,
    F: FnMut() -> Fut,
    Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
{
    retry_for(control, Duration::MAX, operation, call).await
}

/// Like [`retry`], for so long at the most.
pub async fn retry_for<T, E, F, Fut>(
    control: &Control,
    limit: Duration,
    operation: &str,
    mut call: F,
) -> std::result::Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata,
    F: FnMut() -> Fut,
    Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut waiting = None;
    loop {
        let error = match call().await {
            Ok(answer) => {
                not_yet::note_success(operation);
                return Ok(answer);
            }
            Err(error) => error,
        };
        let (code, message) = (error::code(&error), error::message(&error));
        let Some(passes) = not_yet::find(operation, code, message) else {
            return Err(error);
        };
        if !not_yet::is_worth_a_pause(passes, limit, begun.elapsed(), pause) {
            return Err(error);
        }
        let wait = || control.voice.wait(&format!("{message} ({code})"));
        waiting.get_or_insert_with(wait).tell_if_due();
        if control.unless_stopped(sleep(pause)).await.is_err() {
            return Err(error);
        }
        pause = longer(pause);
    }
}

fn longer(pause: Duration) -> Duration {
    pause.mul_f64(GROWTH).min(LONGEST_PAUSE)
}

fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 60 && seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_asked_again_some_times_and_not_for_ever() {
        for row in not_yet::rows() {
            let (mut since, mut pause, mut calls) = (Duration::ZERO, FIRST_PAUSE, 1);
            while not_yet::is_worth_a_pause(row, Duration::MAX, since, pause) {
                since += pause;
                pause = longer(pause);
                calls += 1;
            }
            assert!((9..=80).contains(&calls), "{calls} calls: {row:?}");
            assert!(since <= Duration::from_secs(row.seconds), "{row:?}");
            let limit = Duration::from_millis(100);
            assert!(!not_yet::is_worth_a_pause(
                row,
                limit,
                Duration::ZERO,
                FIRST_PAUSE
            ));
        }
    }

    #[test]
    fn time_is_told_in_minutes_where_it_can_be() {
        assert_eq!(
            (
                words(Duration::from_secs(600)),
                words(Duration::from_secs(90))
            ),
            ("10m".into(), "90s".into())
        );
    }
}
