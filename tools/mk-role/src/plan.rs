//! What is there of a role, and how it differs from what is wanted. Pure.

use std::collections::BTreeMap;

use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Error, Half, Record, Result, Role};
use serde_json::Value;

use crate::document;
use crate::leftover::grown;
use crate::placing::Placing;
use crate::want::Want;

/// A role that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its ARN.
    pub arn: String,
    /// Its path.
    pub path: String,
    /// What people read of it.
    pub description: String,
    /// Who may assume it; nothing where that is no JSON.
    pub trust: Option<Value>,
    /// What its inline policy lets it do.
    pub policy: Option<Value>,
    /// The policies that others attached or added, as a person reads them.
    pub other_policies: Vec<String>,
    /// The instance profiles that it is in, where its trust lets EC2 use it.
    pub profiles: Vec<String>,
    /// The inline policies that others added and that only deny.
    pub denials: Vec<String>,
    /// The ARN of its permissions boundary, beyond which no policy lets it go.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A part of a role that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The trust policy.
    Trust,
    /// The inline policy.
    Policy,
    /// The permissions boundary.
    Boundary,
    /// The description.
    Description,
    /// Its tags.
    Tags,
}

/// In what a role differs from what is wanted; a trust or a policy that is only stricter stays.
///
/// Errors: it is not the environment's, or has another path.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("role {}", want.role), &have.tags)?;
    if have.path != want.path {
        let message = format!(
            "role {} has path {}, wanted {}; a path cannot be changed",
            want.role, have.path, want.path
        );
        return Err(Error::refused(message).hint(hint_of_path(env, have)));
    }
    let trust = difference_of_documents("trust", have.trust.as_ref(), &want.trust);
    let grown = grown(want, have.policy.as_ref());
    let policy = difference_of_documents("policy", have.policy.as_ref(), &grown);
    let boundary = want.boundary.as_ref().and_then(|boundary| {
        let none = || "none".to_string();
        let have = have.boundary.clone().unwrap_or_else(none);
        Difference::between("boundary", &have, boundary)
    });
    let description = Difference::between("description", &have.description, &want.description);
    let tags = Difference::of_tags(&have.tags, &want.tags);
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Trust, trust));
    differences.extend(in_part(Part::Policy, policy));
    differences.extend(in_part(Part::Boundary, boundary));
    differences.extend(in_part(Part::Description, description));
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// What helps where a role is on another path: to go on with that one, or to make the roles anew.
fn hint_of_path(env: &Env, have: &Have) -> String {
    let end = Placing::default().path(env);
    match have.path.strip_suffix(&end) {
        Some(before) => format!(
            "mk-role --path {before}/ goes on with the roles as they are; for another path take the environment down first"
        ),
        None => "delete the role and run the pipeline again".into(),
    }
}

fn difference_of_documents(field: &str, have: Option<&Value>, want: &Value) -> Option<Difference> {
    match have {
        Some(have) if document::same(have, want) || document::is_stricter(have, want) => None,
        Some(have) => Difference::between(field, have, document::with_denials(want, Some(have))),
        None => Difference::between(field, "none", want),
    }
}

/// What is said of a role that somebody made stricter.
pub fn warning_of_stricter(want: &Want, have: &Have) -> Option<String> {
    let mut stricter = Vec::new();
    for (field, have, want) in [
        ("trust", &have.trust, &want.trust),
        ("policy", &have.policy, &grown(want, have.policy.as_ref())),
    ] {
        let Some(have) = have else { continue };
        let denies = !document::same(&document::with_denials(want, Some(have)), want);
        if denies || document::is_stricter(have, want) {
            stricter.push(format!("a stricter {field}"));
        }
    }
    for name in &have.denials {
        stricter.push(format!("inline policy {name}, which only denies"));
    }
    // Without it the role could do more: whoever left the flag out has to say so in IAM.
    if let Some(boundary) = have.boundary.as_ref().filter(|_| want.boundary.is_none()) {
        stricter.push(format!("permissions boundary {boundary}"));
    }
    if stricter.is_empty() {
        return None;
    }
    let (role, stricter) = (&want.role, stricter.join(", "));
    Some(format!(
        "role {role} has by somebody's hand: {stricter}; it stays so"
    ))
}

/// What is said of a role that others gave more rights. They may have had a reason: the rights
/// stay.
pub fn warning_of_other_policies(role: &str, have: &Have) -> Option<String> {
    if have.other_policies.is_empty() {
        return None;
    }
    let policies = have.other_policies.join(", ");
    Some(format!(
        "role {role} may do more than it is for: others gave it {policies}"
    ))
}

/// What is said of a role that somebody put into an instance profile, and let EC2 assume.
pub fn warning_of_profiles(role: &str, have: &Have) -> Option<String> {
    if have.profiles.is_empty() {
        return None;
    }
    let profiles = have.profiles.join(", ");
    Some(format!(
        "role {role} is in instance profile {profiles}, whose instances its trust let use it: it stays there until you take it out"
    ))
}

/// Whether a role is of an app, or of the pipeline that builds a source.
pub fn half(record: &Record) -> Half {
    match record.name().split_once('/') {
        Some(("build" | "function" | "pipeline" | "events", _)) => Half::Pipelines,
        _ => Half::Services,
    }
}

/// A role's record; its policy is called by what the role is for.
pub fn record(name: &str, arn: &str) -> Record {
    let purpose = name.split('/').next();
    Record::of(&Role {
        name: name.into(),
        arn: arn.into(),
        policy: purpose.map(String::from),
        ..Role::default()
    })
}

/// The record of a role that this run looks after: before it has its policy, and then.
pub fn record_of(want: &Want, arn: &str, has_policy: bool) -> Record {
    let record = Record::of(&Role {
        name: want.name.clone(),
        arn: arn.into(),
        policy: has_policy.then(|| want.policy_name.into()),
        ..Role::default()
    });
    match &want.secrets {
        Some(versions) => record.with("secrets", versions.as_str()),
        None => record,
    }
}

#[cfg(test)]
mod tests {
    use plumbing::step::parts;
    use serde_json::json;

    use super::*;
    use crate::secrets::AllFound;
    use crate::want::{ROLE, of_app};

    fn env() -> Env {
        Env::example()
    }

    fn want() -> Want {
        let web = serde_json::from_value(json!({"name": "web"})).unwrap();
        of_app(&env(), &Placing::default(), &web, &AllFound::new()).unwrap()
    }

    fn ours() -> Have {
        let want = want();
        let tags = want.tags.into_iter().collect();
        Have {
            path: want.path,
            description: want.description,
            trust: Some(want.trust),
            policy: Some(want.policy),
            tags,
            ..Have::default()
        }
    }

    fn fields_that_differ(have: &Have) -> Vec<String> {
        let differences = compare(&env(), &want(), have).unwrap();
        differences
            .into_iter()
            .map(|(_, difference)| difference.field)
            .collect()
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        assert_eq!(fields_that_differ(&ours()), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_actions_and_a_list_of_one_are_no_difference() {
        let mut have = ours();
        let policy = have.policy.as_mut().unwrap();
        policy["Statement"][0]["Resource"] = json!(["*"]);
        policy["Statement"][2]["Action"] = json!(["logs:PutLogEvents", "logs:CreateLogStream"]);
        assert_eq!(fields_that_differ(&have), Vec::<String>::new());
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
            fields_that_differ(&have),
            ["trust", "policy", "tag Team", "tag plumbline:role"]
        );
        assert_eq!(
            fields_that_differ(&Have {
                policy: None,
                ..ours()
            }),
            ["policy"]
        );
        let differences = compare(&env(), &want(), &have).unwrap();
        assert_eq!(parts(&differences), [Part::Trust, Part::Policy, Part::Tags]);
    }

    #[test]
    fn what_others_let_it_do_is_said_and_is_no_difference() {
        assert_eq!(warning_of_other_policies("r", &ours()), None);
        let have = Have {
            other_policies: vec!["inline policy a".into(), "managed policy arn:b".into()],
            ..ours()
        };
        let line = "role r may do more than it is for: others gave it inline policy a, managed policy arn:b";
        assert_eq!(warning_of_other_policies("r", &have).as_deref(), Some(line));
        assert_eq!(fields_that_differ(&have), Vec::<String>::new());
    }

    #[test]
    fn the_instance_profiles_that_it_is_in_are_said() {
        assert_eq!(warning_of_profiles("r", &ours()), None);
        let have = Have {
            profiles: vec!["theirs".into()],
            ..ours()
        };
        let line = warning_of_profiles("r", &have).unwrap();
        assert!(
            line.starts_with("role r is in instance profile theirs, "),
            "{line}"
        );
    }

    #[test]
    fn what_is_stricter_is_said_and_is_no_difference() {
        assert_eq!(warning_of_stricter(&want(), &ours()), None);
        let mut have = Have {
            denials: vec!["no-s3".into()],
            boundary: Some("arn:b".into()),
            ..ours()
        };
        have.trust.as_mut().unwrap()["Statement"][0]["Condition"]["StringEquals"]["aws:SourceOrgID"] =
            json!("o-1");
        assert_eq!(fields_that_differ(&have), Vec::<String>::new());
        assert_eq!(
            warning_of_stricter(&want(), &have).unwrap(),
            "role role-execution-web-us-east-1-production-pr1 has by somebody's hand: a stricter trust, inline policy no-s3, which only denies, permissions boundary arn:b; it stays so"
        );
        // What is wider is brought into line all the same, and what denies stays.
        let trust = have.trust.as_mut().unwrap();
        trust["Statement"][0]["Principal"] = json!("*");
        let denial = json!({"Effect": "Deny", "Principal": "*", "Action": "sts:TagSession"});
        trust["Statement"]
            .as_array_mut()
            .unwrap()
            .push(denial.clone());
        let differences = compare(&env(), &want(), &have).unwrap();
        assert_eq!(parts(&differences), [Part::Trust]);
        let new: Value = serde_json::from_str(&differences[0].1.new).unwrap();
        let mut expected = want().trust;
        expected["Statement"].as_array_mut().unwrap().push(denial);
        assert_eq!(new, expected);
        assert!(
            warning_of_stricter(&want(), &have)
                .unwrap()
                .contains("a stricter trust")
        );
    }

    #[test]
    fn a_boundary_that_is_said_is_set_and_one_that_is_not_stays() {
        let bound = Want {
            boundary: Some("arn:b".into()),
            ..want()
        };
        let with = |boundary: Option<&str>| Have {
            boundary: boundary.map(String::from),
            ..ours()
        };
        for have in [None, Some("arn:other")] {
            let differences = compare(&env(), &bound, &with(have)).unwrap();
            assert_eq!(parts(&differences), [Part::Boundary]);
            let old = differences[0].1.old.as_str();
            assert_eq!(old, have.unwrap_or("none"));
        }
        assert_eq!(compare(&env(), &bound, &with(Some("arn:b"))).unwrap(), []);
        assert_eq!(warning_of_stricter(&bound, &with(Some("arn:b"))), None);
        assert_eq!(
            fields_that_differ(&with(Some("arn:b"))),
            Vec::<String>::new()
        );
        assert!(warning_of_stricter(&want(), &with(Some("arn:b"))).is_some());
    }

    #[test]
    fn a_role_without_our_tag_or_elsewhere_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let error = compare(&env(), &want(), &have).unwrap_err();
        assert_eq!(
            error.message,
            "role role-execution-web-us-east-1-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
        let have = Have {
            path: "/".into(),
            ..ours()
        };
        let error = compare(&env(), &want(), &have).unwrap_err();
        assert_eq!(
            error.message,
            "role role-execution-web-us-east-1-production-pr1 has path /, wanted /plumbline/us-east-1/production-pr1/; a path cannot be changed"
        );
        let of_team = Have {
            path: format!("/team{}", want().path),
            ..ours()
        };
        let error = compare(&env(), &want(), &of_team).unwrap_err();
        assert!(error.hint.unwrap().starts_with("mk-role --path /team/ "));
    }

    #[test]
    fn a_record_holds_name_and_arn_and_the_policy_once_it_is_there() {
        let arn = want().arn;
        assert_eq!(
            serde_json::to_string(&record("execution/web", &arn)).unwrap(),
            r#"{"type":"role","name":"execution/web","arn":"arn:aws:iam::123456789012:role/plumbline/us-east-1/production-pr1/role-execution-web-us-east-1-production-pr1","policy":"execution"}"#
        );
        assert_eq!(
            record_of(&want(), &arn, true),
            record("execution/web", &arn)
        );
        let of_secrets = Want {
            secrets: Some("0a".into()),
            ..want()
        };
        let record = record_of(&of_secrets, &arn, false);
        assert_eq!((record.text("secrets"), record.text("policy")), ("0a", ""));
    }

    #[test]
    fn the_roles_of_apps_serve_and_those_of_sources_build() {
        for (name, serves) in [
            ("execution/web", true),
            ("build/web", false),
            ("function/web", false),
            ("pipeline/web", false),
            ("events/web", false),
            ("task/web", true),
            ("web", true),
        ] {
            let record = record(name, "arn");
            assert_eq!(Half::ByRecord(half).serves(&record), serves, "{name}");
        }
    }
}
