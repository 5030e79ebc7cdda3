//! What proves that an `sg` record tells of this environment's group: the tool has to find one of its
//! ID that is for the same. Pure.

use plumbing::{Env, Proof, Record, proof};

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    proof::by_look_up(env, record, &[])
}
