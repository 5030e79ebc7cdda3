//! What proves that a `repo` record tells of this environment's repository: its name. Pure.

use plumbing::name::REPOSITORY_LIMIT;
use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let from_name = env.repository_name(record.name());
    let repository = proof::called(env, record, "repo", REPOSITORY_LIMIT, from_name);
    let expected = plan::record_of(env, record.name(), &repository, &[]);
    proof::by_name(record, &expected, &["arn", "uri"])
}
