//! What the roles are called in IAM. Pure.

use plumbing::Env;
use plumbing::name::ROLE_LIMIT;

use crate::purpose::Purpose;

/// The name of the role of an app or source. Roles are the account's, not the region's: two
/// environments of one name differ in the region.
pub fn role_name(env: &Env, purpose: Purpose, name: &str) -> String {
    let kind = format!("role-{}", purpose.word());
    env.named_with(&kind, name, &env.region, ROLE_LIMIT)
}

/// The path of all the environment's roles, so that one listing by path finds them and no others.
pub fn path(env: &Env) -> String {
    format!("/plumbline/{}/{}/", env.region, env.name)
}

/// A role's ARN.
pub fn arn(env: &Env, role: &str) -> String {
    let partition = env.partition();
    let account = &env.account;
    let path = path(env);
    format!("arn:{partition}:iam::{account}:role{path}{role}")
}
