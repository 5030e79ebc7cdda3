//! What proves that a `scaling` record tells of this environment's: the look-up, since AWS chooses what
//! a scalable target's ARN is. Pure.

use plumbing::{Env, Proof, Record, proof};

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    proof::by_look_up(env, record, &["least", "most", "on"])
}
