//! What proves that an `sg` record tells of this environment's group: its ID, which the tool has to
//! find. Pure.

use plumbing::{Env, Proof, Record, proof};

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    proof::by_ids(env, record, [record.text("id")])
}
