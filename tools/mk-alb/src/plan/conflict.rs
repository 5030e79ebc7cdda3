//! What is refused: a resource that is not ours, or that differs in what AWS cannot change. Pure.

use plumbing::name::IDENTITY;
use plumbing::{Difference, Env, Error, Result};

use super::tags::Tags;
use super::want::Want;

/// Refuses a resource that has our name, or listens on our port, and not our tag. `what` is its
/// kind and name.
pub fn check_ours(env: &Env, what: &str, tags: &Tags) -> Result<()> {
    if env.owns(tags) {
        return Ok(());
    }
    let name = &env.name;
    Err(Error::refused(format!(
        "{what} is there, but not this environment's: it lacks the tag {IDENTITY}={name}"
    ))
    .hint("delete it, or name the environment or the app otherwise"))
}

/// Refuses a resource that differs in what AWS cannot change.
pub fn check_unchangeable(
    env: &Env,
    want: &Want,
    what: &str,
    differences: &[Difference],
) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut words = Vec::new();
    for Difference { field, old, new } in differences {
        words.push(format!("{field} {old}, wanted {new}"));
    }
    let words = words.join("; ");
    let (env, app) = (&env.name, &want.app);
    Err(Error::refused(format!("{what} has {words}; AWS cannot change that")).hint(format!(
        r#"ls-env --env {env} | jq -c 'select(.type == "env" or .name == "{app}" and (.type | IN("service", "alb", "target_group", "listener")))' | rm-env --confirm {env}, then run the pipeline again"#
    )))
}
