//! What proves that a `pipeline` record tells of this environment's pipeline: its name. Pure.

use plumbing::name::PIPELINE_LIMIT;
use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let from_name = env.pipeline_name(record.name());
    let pipeline = proof::called(env, record, "pipeline", PIPELINE_LIMIT, from_name);
    let expected = plan::record(env, record.name(), &pipeline);
    proof::by_name(record, &expected, &["arn", "pipeline"])
}
