//! What proves that a `log_group` record tells of this environment's group: its name. Pure.

use plumbing::{Env, Proof, Record, proof};

use crate::plan;

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let name = record.name();
    let group = match name.split_once('/') {
        Some(("build", source)) => plan::own_name_or(source, env.build_log_group_name(source)),
        Some(("function", source)) => {
            plan::own_name_or(source, env.function_log_group_name(source))
        }
        _ => env.log_group_name(name),
    };
    if !plan::could_be_ours(env, &group) {
        return Err(format!(
            "has group {group}, and none of this environment's is called so"
        ));
    }
    let expected = plan::record(env, name, &group, None);
    proof::by_name(record, &expected, &["arn", "group"])
}
