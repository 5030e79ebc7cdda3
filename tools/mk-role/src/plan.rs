//! What is there of a role, how it differs from what is wanted, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::{Difference, Env, Error, Record, Result, Role, Step};
use serde_json::Value;

use crate::document;
use crate::want::Want;

/// A role that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its path.
    pub path: String,
    /// What people read of it.
    pub description: String,
    /// Who may assume it; nothing where that is no JSON.
    pub trust: Option<Value>,
    /// What its inline policy lets it do.
    pub policy: Option<Value>,
    /// What else lets it do something, in words: policies that others attached or added.
    pub more: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The trust policy.
    Trust,
    /// The inline policy.
    Policy,
    /// The description.
    Description,
    /// The tags.
    Tags,
}

/// Decides what is to be done.
///
/// Errors: a role of that name is there and not the environment's, or has another path.
pub fn step(env: &Env, want: &Want, have: Option<&Have>) -> Result<Step> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    if !env.owns(&have.tags) {
        return Err(foreign(env, &want.role));
    }
    if have.path != path(env) {
        return Err(Error::refused(format!(
            "role {} has path {}, wanted {}; a path cannot be changed",
            want.role,
            have.path,
            path(env)
        ))
        .hint("delete the role and run the pipeline again"));
    }
    let document = |field: &str, have: &Option<Value>, want: &Value| {
        let old = have.as_ref().map_or("none".to_string(), Value::to_string);
        let same = have.as_ref().is_some_and(|have| document::same(have, want));
        (!same).then(|| Difference {
            field: field.into(),
            old,
            new: want.to_string(),
        })
    };
    let documents = [
        document("trust", &have.trust, &want.trust),
        document("policy", &have.policy, &want.policy),
    ];
    let tags = Difference::of_tags(&have.tags, &want.tags);
    let description = Difference::between("description", &have.description, &want.description);
    Ok(Step::Change(
        documents
            .into_iter()
            .flatten()
            .chain(description)
            .chain(tags)
            .collect(),
    ))
}

/// What is said of a role that others gave more rights. They may have had a reason: it is told, and stays.
pub fn more(role: &str, have: &Have) -> Option<String> {
    let line = || {
        format!(
            "role {role} may do more than it is for: others gave it {}",
            have.more.join(", ")
        )
    };
    (!have.more.is_empty()).then(line)
}

/// The calls that bring differences into line, each once.
pub fn fields(differences: &[Difference]) -> Vec<Field> {
    let field = |difference: &Difference| match difference.field.as_str() {
        "trust" => Field::Trust,
        "policy" => Field::Policy,
        "description" => Field::Description,
        _ => Field::Tags,
    };
    let mut fields: Vec<Field> = differences.iter().map(field).collect();
    fields.dedup(); // the tags come last and together
    fields
}

/// What is said of a role that is not the environment's.
pub fn foreign(env: &Env, role: &str) -> Error {
    Error::refused(format!(
        "role {role} exists and is not tagged plumbline:env={}; it is left alone",
        env.name
    ))
    .hint("delete it, or name the environment or the app otherwise")
}

/// The path of all the environment's roles, so that one listing by path finds them and no others.
pub fn path(env: &Env) -> String {
    format!("/plumbline/{}/{}/", env.region, env.name)
}

/// A role's ARN.
pub fn arn(env: &Env, role: &str) -> String {
    format!(
        "arn:{}:iam::{}:role{}{role}",
        env.partition(),
        env.account,
        path(env)
    )
}

/// A role's record; its policy is called by what the role is for.
pub fn record(name: &str, arn: &str) -> Record {
    let policy = name.split('/').next().map(String::from);
    Record::of(&Role {
        name: name.into(),
        arn: arn.into(),
        policy,
        ..Role::default()
    })
}

/// The record of a role that has no policy yet.
pub fn bare(name: &str, arn: &str) -> Record {
    Record::of(&Role {
        name: name.into(),
        arn: arn.into(),
        ..Role::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::want::{ROLE, of_app};
    use serde_json::json;

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn want() -> Want {
        of_app(&env(), "web").unwrap()
    }

    fn ours() -> Have {
        let want = want();
        let tags = want.tags.into_iter().collect();
        Have {
            path: path(&env()),
            description: want.description,
            trust: Some(want.trust),
            policy: Some(want.policy),
            tags,
            ..Have::default()
        }
    }

    fn differing(have: &Have) -> Vec<String> {
        match step(&env(), &want(), Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences
                .into_iter()
                .map(|difference| difference.field)
                .collect(),
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &want(), None).unwrap(), Step::Create);
        assert_eq!(differing(&ours()), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_actions_and_a_list_of_one_are_no_difference() {
        let mut have = ours();
        let policy = have.policy.as_mut().unwrap();
        policy["Statement"][0]["Resource"] = json!(["*"]);
        policy["Statement"][2]["Action"] = json!(["logs:PutLogEvents", "logs:CreateLogStream"]);
        assert_eq!(differing(&have), Vec::<String>::new());
    }

    #[test]
    fn one_more_right_or_a_wider_trust_is_a_difference() {
        let mut have = ours();
        have.policy.as_mut().unwrap()["Statement"][1]["Resource"] = json!("*");
        have.trust.as_mut().unwrap()["Statement"][0]
            .as_object_mut()
            .unwrap()
            .remove("Condition");
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.remove(ROLE);
        assert_eq!(
            differing(&have),
            ["trust", "policy", "tag Team", "tag plumbline:role"]
        );
        assert_eq!(
            differing(&Have {
                policy: None,
                ..ours()
            }),
            ["policy"]
        );
        let Step::Change(differences) = step(&env(), &want(), Some(&have)).unwrap() else {
            panic!()
        };
        assert_eq!(
            fields(&differences),
            [Field::Trust, Field::Policy, Field::Tags]
        );
    }

    #[test]
    fn what_others_let_it_do_is_told_and_no_difference() {
        assert_eq!(more("r", &ours()), None);
        let have = Have {
            more: vec!["inline policy a".into(), "managed policy arn:b".into()],
            ..ours()
        };
        let line = "role r may do more than it is for: others gave it inline policy a, managed policy arn:b";
        assert_eq!(more("r", &have).as_deref(), Some(line));
        assert_eq!(differing(&have), Vec::<String>::new());
    }

    #[test]
    fn a_role_without_our_tag_or_elsewhere_is_refused() {
        let error = step(
            &env(),
            &want(),
            Some(&Have {
                tags: BTreeMap::new(),
                ..ours()
            }),
        )
        .unwrap_err();
        assert_eq!(
            error.message,
            "role role-execution-web-us-east-1-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
        let error = step(
            &env(),
            &want(),
            Some(&Have {
                path: "/".into(),
                ..ours()
            }),
        )
        .unwrap_err();
        assert_eq!(
            error.message,
            "role role-execution-web-us-east-1-production-pr1 has path /, wanted /plumbline/us-east-1/production-pr1/; a path cannot be changed"
        );
    }

    #[test]
    fn a_record_holds_name_and_arn_and_the_policy_once_it_is_there() {
        let arn = arn(&env(), &want().role);
        assert_eq!(
            serde_json::to_string(&record("execution/web", &arn)).unwrap(),
            r#"{"type":"role","name":"execution/web","arn":"arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1","policy":"execution"}"#
        );
        assert!(bare("execution/web", &arn).0.get("policy").is_none());
    }
}
