//! What proves that a `repo` record tells of this environment's repository: its name. Pure.

use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let expected = plan::record(env, record.name(), &[]);
    proof::by_name(record, &expected, &["arn", "uri"])
}
