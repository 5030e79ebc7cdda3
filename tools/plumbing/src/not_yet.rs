//! What AWS refuses for a moment, call by call: what was just made is not known everywhere yet, or
//! somebody else changes the same thing.
//!
//! One table for all tools. [`wait::retry`](crate::wait::retry) asks again while a row fits, and
//! [`aws_error`](crate::aws_error) says of what is still so afterwards that another run continues.
//! The rows are in `not_yet/`, by service, each with where it is known from: `TF` is
//! terraform-provider-aws, `internal/service/…`; `API` is the service's own API reference.

mod ecs;
mod iam;
mod network;
mod pipeline;
mod scaling;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::change::Change;
use crate::hints;
use crate::record::{Record, RecordType};
use crate::types::Role;

/// One thing that passes.
#[derive(Debug, PartialEq)]
pub struct NotYet {
    /// The calls, as in a policy: `ec2:CreateRoute`.
    pub operations: &'static [&'static str],
    /// AWS's codes. One that begins with `*` is the end of several.
    pub codes: &'static [&'static str],
    /// A part of the message; "" for any.
    pub text: &'static str,
    /// For how many seconds it is asked again.
    pub seconds: u64,
    /// When it is taken for something that passes.
    pub when: When,
    /// What to do about it where it is still so after that.
    pub hint: &'static str,
}

/// When an answer is taken for one that passes: some are also those of a right that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At all times.
    Always,
    /// Where a record says that this run made a role.
    RoleIsNew,
    /// Where this run made something.
    MadeSomething,
}

const AGAIN: &str = "run the pipeline again";
const TRUST: &str = "run the pipeline again; if it stays so, the role's trust is not as mk-role sets it (aws iam get-role)";

/// A row without its calls and codes; most rows differ from it in little.
const PASSES: NotYet = NotYet {
    operations: &[],
    codes: &[],
    text: "",
    seconds: 120,
    when: When::Always,
    hint: AGAIN,
};

/// AWS's codes for a missing right.
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
];

/// Whether a record says that this run made a role; whether this run made anything at all. A tool is
/// one process, and works on one environment.
static ROLE_IS_NEW: AtomicBool = AtomicBool::new(false);
static MADE_SOMETHING: AtomicBool = AtomicBool::new(false);

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static NotYet> {
    [
        ecs::ROWS,
        iam::ROWS,
        network::ROWS,
        pipeline::ROWS,
        scaling::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The row that an answer to a call fits, if it passes at this moment.
pub fn find(operation: &str, code: &str, message: &str) -> Option<&'static NotYet> {
    let now = |when| match when {
        When::Always => true,
        When::RoleIsNew => ROLE_IS_NEW.load(Ordering::Relaxed),
        When::MadeSomething => MADE_SOMETHING.load(Ordering::Relaxed),
    };
    rows().find(|row| now(row.when) && row.fits(operation, code, message))
}

/// Whether it is worth a pause and another call, so long after the first one.
pub(crate) fn is_worth_a_pause(
    row: &NotYet,
    limit: Duration,
    since: Duration,
    pause: Duration,
) -> bool {
    since + pause <= limit.min(Duration::from_secs(row.seconds))
}

/// Remembers what a record that comes in says this run has made.
pub(crate) fn note_record(record: &Record) {
    if record.text("change") == Change::Created.word() {
        MADE_SOMETHING.store(true, Ordering::Relaxed);
        ROLE_IS_NEW.fetch_or(record.kind() == Role::TYPE, Ordering::Relaxed);
    }
}

/// Remembers that a call succeeded, if it is one that makes something.
pub(crate) fn note_success(operation: &str) {
    let action = operation.split(':').nth(1).unwrap_or_default();
    let makes = ["Create", "Register", "Put", "Allocate"];
    if makes.iter().any(|verb| action.starts_with(verb)) {
        MADE_SOMETHING.store(true, Ordering::Relaxed);
    }
}

impl NotYet {
    /// Whether an answer to a call is this one.
    pub fn fits(&self, operation: &str, code: &str, message: &str) -> bool {
        let message = message.to_lowercase();
        self.operations.contains(&operation)
            && self.codes.iter().any(|known| is_spelled_like(known, code))
            && message.contains(&self.text.to_lowercase())
            && !(self.when != When::Always && hints::is_denied_for_good(&message))
    }
}

/// Whether a code is a known one. AWS writes one and the same with `ID` and `Id`, and with and without
/// `Exception`.
fn is_spelled_like(known: &str, code: &str) -> bool {
    let plain = |code: &str| code.trim_end_matches("Exception").to_lowercase();
    match known.strip_prefix('*') {
        Some(end) => code.ends_with(end),
        None => plain(known) == plain(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_calls_codes_and_what_to_do_and_never_only_which_right_is_missing() {
        for row in rows() {
            assert!(
                !row.operations.is_empty() && !row.codes.is_empty(),
                "{row:?}"
            );
            assert!((15..=600).contains(&row.seconds), "{row:?}");
            assert!(row.hint.starts_with(AGAIN), "{row:?}");
            let may_be_a_right = row.when != When::Always;
            assert_eq!(row.hint.contains("--iam-policy"), may_be_a_right, "{row:?}");
            for operation in row.operations {
                assert!(operation.split_once(':').is_some(), "{operation}");
            }
        }
    }

    #[test]
    fn no_two_rows_say_the_same() {
        for (number, row) in rows().enumerate() {
            for operation in row.operations {
                for code in row.codes {
                    let first = rows().position(|row| row.fits(operation, code, row.text));
                    let other = rows().nth(first.unwrap()).unwrap();
                    let is_narrower = other.text != row.text || other.when != row.when;
                    assert!(first == Some(number) || is_narrower, "{operation} {code}");
                }
            }
        }
    }

    #[test]
    fn a_code_is_known_under_every_spelling() {
        for code in [
            "InvalidVpcID.NotFound",
            "InvalidVpcId.NotFound",
            "InvalidSubnetId.NotFound",
            "InvalidGatewayID.NotFound",
            "InvalidSecurityGroupID.NotFound",
            "NatGatewayNotFound",
        ] {
            assert!(find("ec2:CreateRoute", code, "").is_some(), "{code}");
        }
        assert!(find("iam:TagRole", "ConcurrentModificationException", "").is_some());
        assert!(find("ec2:CreateRoute", "RouteAlreadyExists", "").is_none());
        assert!(find("ec2:DeleteSubnet", "InvalidSubnetID.NotFound", "").is_none());
    }

    #[test]
    fn a_denial_passes_only_right_after_something_was_made_and_never_where_somebody_denies() {
        let row = |operation| {
            rows()
                .find(move |row| row.operations.contains(&operation) && row.when == When::RoleIsNew)
        };
        let row = row("ecs:CreateService").unwrap();
        let denied = |why: &str| {
            let message =
                format!("User: x is not authorized to perform: iam:PassRole on resource: y {why}");
            row.fits("ecs:CreateService", "AccessDeniedException", &message)
        };
        assert!(denied(
            "because no identity-based policy allows the iam:PassRole action"
        ));
        assert!(denied(""));
        assert!(!denied("with an explicit deny in a service control policy"));
        assert!(!denied(
            "because no permissions boundary allows the iam:PassRole action"
        ));
        assert_eq!(row.when, When::RoleIsNew);
    }
}
