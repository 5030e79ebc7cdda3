//! What each role is to be. Pure.

use plumbing::{Env, Result, Source, Wishes};
use serde_json::Value;

use crate::name::arn;
use crate::policy::{self, Policies};
use crate::purpose::Purpose;

pub use crate::name::role_name;

/// The tag that says which role it is, `execution/web`: a name may be cut.
pub const ROLE: &str = "plumbline:role";

/// A role as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its record's name: `execution/web`.
    pub name: String,
    /// Its name in IAM.
    pub role: String,
    /// Its ARN.
    pub arn: String,
    /// What it is for, in ASCII.
    pub description: String,
    /// Who may assume it, and when.
    pub trust: Value,
    /// The name of its inline policy.
    pub policy_name: &'static str,
    /// What it may do.
    pub policy: Value,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The execution role of an app.
pub fn of_app(env: &Env, app: &str) -> Result<Want> {
    let policies = policy::of_app(env, app)?;
    Ok(want(env, Purpose::Execution, app, policies))
}

/// A role of a source. The ARN of the connection counts for a pipeline's alone.
pub fn of_source(env: &Env, purpose: Purpose, source: &Source, connection: &str) -> Result<Want> {
    let policies = policy::of_source(env, purpose, source, connection)?;
    Ok(want(env, purpose, &source.name, policies))
}

/// The names of all roles that apps and sources want.
pub fn role_names(env: &Env, wishes: &Wishes) -> Vec<String> {
    let mut names = Vec::new();
    for app in &wishes.apps {
        names.push(role_name(env, Purpose::Execution, app));
    }
    for source in &wishes.sources {
        names.extend(Purpose::OF_A_SOURCE.map(|purpose| role_name(env, purpose, source)));
    }
    names
}

fn want(env: &Env, purpose: Purpose, of: &str, policies: Policies) -> Want {
    let role = role_name(env, purpose, of);
    let name = format!("{}/{of}", purpose.word());
    let mut tags = env.tags_of(&role);
    tags.push((ROLE.into(), name.clone()));
    Want {
        arn: arn(env, &role),
        description: purpose.description(of, &env.name),
        trust: policies.trust,
        policy_name: purpose.word(),
        policy: policies.permissions,
        name,
        role,
        tags,
    }
}

#[cfg(test)]
mod tests {
    use plumbing::name::ROLE_LIMIT;
    use serde_json::json;

    use super::*;
    use crate::name::path;

    const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";

    #[test]
    fn other_partitions_have_their_own_arns() {
        let env = Env {
            region: "cn-north-1".into(),
            ..Env::example()
        };
        let want = of_app(&env, "web").unwrap();
        let text = format!("{} {} {}", want.trust, want.policy, want.arn);
        assert!(!text.contains("arn:aws:"));
    }

    #[test]
    fn the_policies_fit_what_iam_takes_also_with_the_longest_names() {
        let suffix = "s".repeat(32);
        let env = Env {
            name: format!("{}-{suffix}", "e".repeat(32)),
            environment: "e".repeat(32),
            suffix,
            region: "ap-southeast-1".into(),
            ..Env::example()
        };
        let repository = format!("{}/{}", "o".repeat(100), "r".repeat(100));
        let name = "a".repeat(32);
        let source = json!({"name": name, "repository": repository, "deploy": true});
        let source: Source = serde_json::from_value(source).unwrap();
        let mut wants = vec![of_app(&env, &name).unwrap()];
        for purpose in Purpose::OF_A_SOURCE {
            wants.push(of_source(&env, purpose, &source, CONNECTION).unwrap());
        }
        for want in &wants {
            assert_eq!(want.role.len(), ROLE_LIMIT);
            assert!(want.trust.to_string().len() <= 2048);
            assert!(want.policy.to_string().len() <= 10240);
            assert!(want.description.is_ascii() && want.description.len() <= 1000);
        }
        assert!(path(&env).len() <= 512);
    }
}
