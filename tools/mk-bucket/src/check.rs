//! What proves that a `bucket` record tells of this environment's bucket: its name; and since others
//! believe it that the bucket is private and encrypted, the tool has to find it. Pure.

use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let expected = plan::record(env, None);
    proof::by_name(record, &expected, &["name", "arn", "bucket"])?;
    proof::by_look_up(env, record, &["encryption"])
}
