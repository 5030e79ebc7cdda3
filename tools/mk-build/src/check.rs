//! What proves that a `build` record tells of this environment's project: its name. Pure.

use plumbing::name::PROJECT_LIMIT;
use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let from_name = env.project_name(record.name());
    let project = proof::called(env, record, "build", PROJECT_LIMIT, from_name);
    let expected = plan::record(env, record.name(), &project);
    proof::by_name(record, &expected, &["arn", "project"])
}
