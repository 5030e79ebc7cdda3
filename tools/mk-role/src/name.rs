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
