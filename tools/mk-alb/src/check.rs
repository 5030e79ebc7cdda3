//! What proves that a record tells of this environment's load balancer, listener or target group: the
//! name inside its ARN. Pure.

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::{Env, Proof, Record, proof};

/// What an ARN says before the name, and what the names of its kind begin with.
const ALB: (&str, &str) = ("loadbalancer/app/", "alb");
const LISTENER: (&str, &str) = ("listener/app/", "alb");
const TARGET_GROUP: (&str, &str) = ("targetgroup/", "tg");

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    proof::refuse_adopted(record)?;
    match record.kind() {
        "listener" => {
            check_arn(env, record, "arn", LISTENER)?;
            check_arn(env, record, "target_group", TARGET_GROUP)?;
        }
        "target_group" => check_arn(env, record, "arn", TARGET_GROUP)?,
        _ => check_arn(env, record, "arn", ALB)?,
    }
    Ok(Proof::Name)
}

fn check_arn(
    env: &Env,
    record: &Record,
    field: &str,
    (resource, kind): (&str, &str),
) -> Result<(), String> {
    let arn = record.text(field);
    if proof::is_planned(env, arn)? {
        return Ok(());
    }
    let name = arn.strip_prefix(&env.arn("elasticloadbalancing", resource));
    let name = name.and_then(|rest| rest.split('/').next());
    match name {
        Some(name) if is_name_of(env, record.name(), kind, name) => Ok(()),
        _ => Err(format!(
            "has {field} {arn}, which is no {kind} of this environment's"
        )),
    }
}

/// Whether something of this name could be of an app; a name that is not cut says which. One whose
/// tags do not tell has a record with its own name.
fn is_name_of(env: &Env, app: &str, kind: &str, name: &str) -> bool {
    let begin = format!("{kind}-{app}");
    let begin = &begin[..begin.len().min(LOAD_BALANCER_LIMIT - 9)];
    let begin = begin.trim_end_matches('-');
    could_be(name, kind, &env.name, LOAD_BALANCER_LIMIT) && (name.starts_with(begin) || name == app)
}
