//! What each role is to be. Pure.

use plumbing::{App, Env, Result, Source, Wishes};
use serde_json::Value;

use crate::placing::Placing;
use crate::policy::{self, Policies};
use crate::purpose::Purpose;
use crate::secrets::{AllFound, versions};

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
    /// Its path.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// The ARN of its permissions boundary; where none is said, it may have any.
    pub boundary: Option<String>,
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
    /// The versions of the secrets that its tasks read, where another is to be deployed.
    pub secrets: Option<String>,
}

/// The execution role of an app, whose secrets are known.
pub fn of_app(env: &Env, placing: &Placing, app: &App, found: &AllFound) -> Result<Want> {
    let policies = policy::of_app(env, app, found)?;
    Ok(Want {
        secrets: versions(app, found),
        ..want(env, placing, Purpose::Execution, &app.name, policies)
    })
}

/// The role of an app's tasks.
pub fn of_tasks(env: &Env, placing: &Placing, app: &App) -> Result<Want> {
    let policies = policy::of_tasks(env, app)?;
    Ok(want(env, placing, Purpose::Task, &app.name, policies))
}

/// The role by which ECS shifts an app's requests.
pub fn of_deployments(env: &Env, placing: &Placing, app: &App) -> Result<Want> {
    let policies = policy::of_deployments(env, app)?;
    Ok(want(env, placing, Purpose::Deploy, &app.name, policies))
}

/// A role of a source. The ARN of the connection counts for a pipeline's alone.
pub fn of_source(
    env: &Env,
    placing: &Placing,
    purpose: Purpose,
    source: &Source,
    connection: &str,
) -> Result<Want> {
    let policies = policy::of_source(env, placing, purpose, source, connection)?;
    Ok(want(env, placing, purpose, &source.name, policies))
}

/// The names of all roles that apps and sources want.
pub fn role_names(env: &Env, wishes: &Wishes) -> Vec<String> {
    let mut names = Vec::new();
    for app in &wishes.apps {
        names.push(role_name(env, Purpose::Execution, app));
    }
    for name in &wishes.own_roles {
        let role = name.split_once('/');
        let role = role.and_then(|(word, app)| Some((Purpose::of_word(word)?, app)));
        names.extend(role.map(|(purpose, app)| role_name(env, purpose, app)));
    }
    for source in &wishes.sources {
        names.extend(Purpose::OF_A_SOURCE.map(|purpose| role_name(env, purpose, source)));
    }
    names
}

fn want(env: &Env, placing: &Placing, purpose: Purpose, of: &str, policies: Policies) -> Want {
    let role = role_name(env, purpose, of);
    let name = format!("{}/{of}", purpose.word());
    let mut tags = env.tags_of(&role);
    tags.push((ROLE.into(), name.clone()));
    Want {
        path: placing.path(env),
        arn: placing.arn(env, &role),
        boundary: placing.boundary.clone(),
        description: purpose.description(of, &env.name),
        trust: policies.trust,
        policy_name: purpose.word(),
        policy: policies.permissions,
        name,
        role,
        tags,
        secrets: None,
    }
}

#[cfg(test)]
mod tests {
    use plumbing::name::ROLE_LIMIT;
    use serde_json::json;

    use super::*;

    const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";

    fn app(name: &str) -> App {
        let app = json!({"name": name, "mounts": ["fs-0a1b2c3d=/data"]});
        serde_json::from_value(app).unwrap()
    }

    fn execution(env: &Env, app: &App) -> Want {
        of_app(env, &Placing::default(), app, &AllFound::new()).unwrap()
    }

    #[test]
    fn other_partitions_have_their_own_arns() {
        let env = Env {
            region: "cn-north-1".into(),
            ..Env::example()
        };
        let tasks = of_tasks(&env, &Placing::default(), &app("web")).unwrap();
        for want in [execution(&env, &app("web")), tasks] {
            let text = format!("{} {} {}", want.trust, want.policy, want.arn);
            assert!(!text.contains("arn:aws:"));
        }
    }

    #[test]
    fn tasks_have_a_role_of_their_own_with_the_same_trust() {
        let env = Env::example();
        let tasks = of_tasks(&env, &Placing::default(), &app("web")).unwrap();
        assert_eq!(tasks.name, "task/web");
        assert_eq!(tasks.role, "role-task-web-us-east-1-production-pr1");
        assert_eq!(tasks.policy_name, "task");
        assert_eq!(tasks.trust, execution(&env, &app("web")).trust);
    }

    #[test]
    fn ecs_shifts_the_requests_of_one_app_alone() {
        let env = Env::example();
        let role = of_deployments(&env, &Placing::default(), &app("web")).unwrap();
        assert_eq!(role.name, "deploy/web");
        assert_eq!(
            role.trust["Statement"][0]["Principal"]["Service"],
            "ecs.amazonaws.com"
        );
        let of_web = json!({"StringEquals": {
            "aws:ResourceTag/plumbline:app": "web",
            "aws:ResourceTag/plumbline:env": "production-pr1",
        }});
        for statement in [1, 2] {
            assert_eq!(role.policy["Statement"][statement]["Condition"], of_web);
        }
    }

    #[test]
    fn more_than_a_policy_holds_is_refused() {
        let env = Env::example();
        let name = |number: usize| {
            format!(
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:{}-{number:06}",
                "s".repeat(60)
            )
        };
        let secrets: serde_json::Map<String, Value> = (0..90)
            .map(|number| (format!("S{number}"), json!(name(number))))
            .collect();
        let many = serde_json::from_value(json!({"name": "web", "secrets": secrets})).unwrap();
        let refused = of_app(&env, &Placing::default(), &many, &AllFound::new()).unwrap_err();
        assert!(refused.message.contains("more than the 10240"), "{refused}");
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
        let placing = Placing::default();
        let tasks = of_tasks(&env, &placing, &app(&name)).unwrap();
        let deployments = of_deployments(&env, &placing, &app(&name)).unwrap();
        let mut wants = vec![execution(&env, &app(&name)), tasks, deployments];
        for purpose in Purpose::OF_A_SOURCE {
            wants.push(of_source(&env, &placing, purpose, &source, CONNECTION).unwrap());
        }
        for want in &wants {
            assert_eq!(want.role.len(), ROLE_LIMIT);
            assert!(want.trust.to_string().len() <= 2048);
            assert!(want.policy.to_string().len() <= 10240);
            assert!(want.description.is_ascii() && want.description.len() <= 1000);
        }
        assert!(placing.check(&env).is_ok());
    }
}
