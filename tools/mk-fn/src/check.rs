//! What proves that a `function` record tells of this environment's function: its name. Pure.

use plumbing::name::FUNCTION_LIMIT;
use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let from_name = env.function_name(record.name());
    let function = proof::called(env, record, "function", FUNCTION_LIMIT, from_name);
    let expected = plan::record(env, record.name(), &function);
    proof::by_name(record, &expected, &["arn", "function"])
}
