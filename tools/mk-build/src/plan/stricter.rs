//! What somebody made stricter about a project's builds, which stays. Pure.

use super::{Project, QUEUED_TIMEOUT, TIMEOUT};

/// After how many minutes a build is to be given up: somebody's own lower number stays. What we have set
/// ourselves may be raised, and the tag says that.
pub(super) fn timeout(want: &Project, have: &Project) -> i32 {
    let is_by_hand = have.tags.get(TIMEOUT) != Some(&have.timeout.to_string());
    if is_by_hand && (1..want.timeout).contains(&have.timeout) {
        return have.timeout;
    }
    want.timeout
}

/// For how many minutes a build may wait: we never set fewer than these, so fewer are somebody's own.
pub(super) fn queued_timeout(have: &Project) -> i32 {
    if (1..QUEUED_TIMEOUT).contains(&have.queued_timeout) {
        return have.queued_timeout;
    }
    QUEUED_TIMEOUT
}

/// What is said of a project that somebody made stricter.
pub fn warning_of_stricter(want: &Project, have: &Project) -> Option<String> {
    let mut stricter = have.stricter.clone();
    let (timeout, queued_timeout) = (timeout(want, have), queued_timeout(have));
    if timeout != want.timeout {
        stricter.push(format!("timeout {timeout}"));
    }
    if queued_timeout != QUEUED_TIMEOUT {
        stricter.push(format!("queued timeout {queued_timeout}"));
    }
    if stricter.is_empty() {
        return None;
    }
    let (name, stricter) = (&have.name, stricter.join(", "));
    Some(format!(
        "build project {name} has by somebody's hand: {stricter}; it stays so"
    ))
}
