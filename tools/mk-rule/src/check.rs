//! What proves that a `rule` record tells of this environment's rule: its name. Pure.

use plumbing::name::RULE_LIMIT;
use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let from_name = env.rule_name(record.name());
    let rule = proof::called(env, record, "rule", RULE_LIMIT, from_name);
    let expected = plan::record(env, record.name(), &rule, false);
    proof::by_name(record, &expected, &["arn", "rule"])
}
