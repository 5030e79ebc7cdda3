//! What a repository should be, what is there, and what follows. Pure.

use std::collections::BTreeMap;

use plumbing::name::{REPOSITORY_LIMIT, SOURCE, could_be};
use plumbing::{Difference, Env, Error, Record, Repo, Result, Step};
use serde_json::{Value, json};

/// How images are encrypted: with S3's own keys.
pub const ENCRYPTION: &str = "AES256";
/// How many images a repository keeps.
const KEPT: u32 = 10;
/// The tag that a pipeline moves to what it deployed.
const PRODUCTION: &str = "production";
/// The tag that says that an app pulls from it.
const APP: &str = "plumbline:app";
/// The priority of the rule for any image, which must be the highest number.
const LAST: u32 = 100;

/// A repository that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its name in ECR.
    pub name: String,
    /// Whether an image is scanned when it is pushed.
    pub scans: bool,
    /// Whether a tag can be moved to another image: `MUTABLE`, `IMMUTABLE` and so on.
    pub mutability: String,
    /// How its images are encrypted: `AES256`, `KMS` and so on; empty where AWS does not say.
    pub encryption: String,
    /// Its lifecycle policy, where it has one.
    pub lifecycle: Option<Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The lifecycle policy.
    Lifecycle,
    /// Scan on push.
    Scan,
    /// Whether tags can be moved.
    Mutability,
    /// The tags.
    Tags,
}

/// Decides what is to be done.
///
/// Errors: a repository of that name is there and not the environment's.
pub fn step(env: &Env, name: &str, tags: &[(String, String)], have: Option<&Have>) -> Result<Step> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    if !env.owns(&have.tags) {
        return Err(foreign(env, name));
    }
    let old = have
        .lifecycle
        .as_ref()
        .map_or("none".to_string(), Value::to_string);
    let lifecycle = (have.lifecycle.as_ref() != Some(&lifecycle())).then(|| Difference {
        field: "lifecycle policy".into(),
        old,
        new: lifecycle().to_string(),
    });
    let mut differences: Vec<Difference> = [
        lifecycle,
        Difference::between("scan on push", have.scans, true),
        Difference::between("tag mutability", &have.mutability, "MUTABLE"),
    ]
    .into_iter()
    .flatten()
    .collect();
    differences.extend(Difference::of_tags(&have.tags, tags));
    Ok(Step::Change(differences))
}

/// What is said of a repository that is encrypted otherwise than it is asked for here. AWS cannot change
/// that, its images would go with it, and it serves: it stays.
pub fn encrypted_otherwise(have: &Have) -> Option<String> {
    (!matches!(have.encryption.as_str(), "" | ENCRYPTION)).then(|| {
        format!(
            "repository {} has encryption {}, wanted {ENCRYPTION}; AWS cannot change that, and it stays: delete it with its images to have it made anew",
            have.name, have.encryption
        )
    })
}

/// What is said where the registry decides what is scanned, and scan on push of a repository counts
/// no more (ECR API, PutRegistryScanningConfiguration): with enhanced scanning, or rules of its own.
pub fn overrides(scan_type: &str, rules: usize) -> Option<String> {
    (scan_type == "ENHANCED" || rules > 0).then(|| {
        let scan_type = scan_type.to_lowercase();
        format!(
            "the registry decides what is scanned ({scan_type}, {rules} rules), not scan on push of its repositories"
        )
    })
}

/// The tags of a repository, which say what needs it: an app that pulls from it, a source that is
/// built into it, or both. It goes with the last of them.
pub fn tags(env: &Env, name: &str, app: bool, source: bool) -> Vec<(String, String)> {
    let needs = [(APP, app), (SOURCE, source)]
        .into_iter()
        .filter(|(_, needed)| *needed);
    let part = self::app(env, name).unwrap_or_default();
    env.tags_of(name)
        .into_iter()
        .chain(needs.map(|(key, _)| (key.to_string(), part.to_string())))
        .collect()
}

/// What needs a repository, by its tags: `app`, `source`, or both.
pub fn needed_by(tags: &BTreeMap<String, String>) -> Vec<&'static str> {
    let words = [(APP, "app"), (SOURCE, "source")];
    words
        .into_iter()
        .filter(|(key, _)| tags.contains_key(*key))
        .map(|(_, word)| word)
        .collect()
}

/// The calls that bring differences into line, each once.
pub fn fields(differences: &[Difference]) -> Vec<Field> {
    let mut fields: Vec<Field> = differences
        .iter()
        .map(|difference| match difference.field.as_str() {
            "lifecycle policy" => Field::Lifecycle,
            "scan on push" => Field::Scan,
            "tag mutability" => Field::Mutability,
            _ => Field::Tags,
        })
        .collect();
    fields.dedup(); // the tags come last and together
    fields
}

/// What is said of a repository that is not the environment's.
pub fn foreign(env: &Env, name: &str) -> Error {
    Error::refused(format!(
        "repository {name} exists and is not tagged plumbline:env={}; it is left alone",
        env.name
    ))
    .hint("delete it, or name the environment or the app otherwise")
}

/// The lifecycle policy: what is older than the last ten images expires, within a day, but for the
/// one tagged production. An image that a rule matches is exempt from those of a higher number (ECR
/// user guide, "Considerations when using lifecycle policies"), and of one tag there is one image,
/// so the first rule expires nothing.
pub fn lifecycle() -> Value {
    json!({"rules": [{
        "rulePriority": 1,
        "description": "keep what is in production",
        "selection": {
            "tagStatus": "tagged",
            "tagPatternList": [PRODUCTION],
            "countType": "imageCountMoreThan",
            "countNumber": 1,
        },
        "action": {"type": "expire"},
    }, {
        "rulePriority": LAST,
        "description": format!("keep the last {KEPT} images"),
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT},
        "action": {"type": "expire"},
    }]})
}

/// The app of a repository that could be the environment's; whether it is, its tags say.
pub fn app<'a>(env: &Env, name: &'a str) -> Option<&'a str> {
    // No name reaches ECR's limit, so none is cut, and the app can be read from it.
    let ours = could_be(name, "repo", &env.name, REPOSITORY_LIMIT);
    name.strip_prefix("repo-")?
        .strip_suffix(&env.name)?
        .strip_suffix('-')
        .filter(|_| ours)
}

/// A repository's ARN.
pub fn arn(env: &Env, name: &str) -> String {
    env.arn("ecr", &format!("repository/{name}"))
}

/// A repository's record: ARN and URI follow from the name.
pub fn record(env: &Env, app: &str, needed_by: &[&str]) -> Record {
    let name = env.repository_name(app);
    let uri = env.repository_uri(app);
    let repo = Repo {
        name: app.into(),
        arn: arn(env, &name),
        uri,
        ..Repo::default()
    };
    Record::of(&repo).with("needed_by", needed_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "repo-web-production-pr1";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn ours() -> Have {
        let tags = env().tags_of(NAME).into_iter().collect();
        Have {
            name: NAME.into(),
            scans: true,
            mutability: "MUTABLE".into(),
            encryption: "AES256".into(),
            lifecycle: Some(lifecycle()),
            tags,
        }
    }

    fn differences(have: &Have) -> Vec<Difference> {
        match step(&env(), NAME, &env().tags_of(NAME), Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences,
        }
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), NAME, &[], None).unwrap(), Step::Create);
        assert_eq!(differences(&ours()), []);
    }

    #[test]
    fn ten_images_are_kept_whatever_their_tags_and_the_one_in_production() {
        let rules = lifecycle()["rules"].as_array().unwrap().clone();
        assert_eq!(rules.len(), 2);
        assert_eq!(
            rules[0]["selection"],
            json!({"tagStatus": "tagged", "tagPatternList": ["production"], "countType": "imageCountMoreThan", "countNumber": 1})
        );
        assert_eq!(
            rules[1]["selection"],
            json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10})
        );
        assert!(rules[0]["rulePriority"].as_u64() < rules[1]["rulePriority"].as_u64());
        assert!(
            (100..=30720).contains(&lifecycle().to_string().len()),
            "what PutLifecyclePolicy takes"
        );
    }

    #[test]
    fn the_order_of_a_policys_fields_is_no_difference() {
        let mut other = lifecycle();
        let rule = other["rules"][1].as_object_mut().unwrap();
        let (key, action) = rule.remove_entry("action").unwrap();
        rule.shift_insert(0, key, action);
        assert_ne!(other.to_string(), lifecycle().to_string());
        assert_eq!(
            differences(&Have {
                lifecycle: Some(other),
                ..ours()
            }),
            []
        );
    }

    #[test]
    fn each_kind_of_difference_is_mended_by_one_call() {
        let mut have = Have {
            scans: false,
            mutability: "IMMUTABLE".into(),
            lifecycle: None,
            ..ours()
        };
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("Name".into(), "other".into());
        let differences = differences(&have);
        let words: Vec<_> = differences
            .iter()
            .map(|d| (d.field.as_str(), d.old.as_str()))
            .collect();
        assert_eq!(
            words,
            [
                ("lifecycle policy", "none"),
                ("scan on push", "false"),
                ("tag mutability", "IMMUTABLE"),
                ("tag Name", "other"),
                ("tag Team", "nobody")
            ]
        );
        assert_eq!(
            fields(&differences),
            [
                Field::Lifecycle,
                Field::Scan,
                Field::Mutability,
                Field::Tags
            ]
        );
    }

    #[test]
    fn another_encryption_is_told_and_no_difference() {
        let have = |encryption: &str| Have {
            encryption: encryption.into(),
            ..ours()
        };
        assert_eq!(
            (
                encrypted_otherwise(&have("AES256")),
                encrypted_otherwise(&have(""))
            ),
            (None, None)
        );
        let line = encrypted_otherwise(&have("KMS")).unwrap();
        assert!(line.starts_with(
            "repository repo-web-production-pr1 has encryption KMS, wanted AES256; AWS cannot"
        ));
        assert_eq!(differences(&have("KMS")), []);
    }

    #[test]
    fn a_repository_without_our_tag_is_refused() {
        let error = step(
            &env(),
            NAME,
            &[],
            Some(&Have {
                tags: BTreeMap::new(),
                ..ours()
            }),
        )
        .unwrap_err();
        assert_eq!(
            error.message,
            "repository repo-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_registry_that_scans_by_itself_is_told() {
        assert_eq!(overrides("BASIC", 0), None);
        assert_eq!(overrides("", 0), None);
        assert!(overrides("ENHANCED", 0).is_some() && overrides("BASIC", 1).is_some());
    }

    #[test]
    fn the_tags_say_what_needs_it() {
        for (app, source, words) in [
            (true, false, &["app"][..]),
            (false, true, &["source"]),
            (true, true, &["app", "source"]),
        ] {
            let tags = tags(&env(), NAME, app, source);
            assert_eq!(tags.last().unwrap().1, "web");
            assert_eq!(needed_by(&tags.into_iter().collect()), words);
        }
    }

    #[test]
    fn the_app_is_read_from_the_name() {
        assert_eq!(app(&env(), NAME), Some("web"));
        assert_eq!(app(&env(), &env().repository_name("a-b")), Some("a-b"));
        assert_eq!(
            (
                app(&env(), "repo-web-production-pr2"),
                app(&env(), "web-production-pr1")
            ),
            (None, None)
        );
    }

    #[test]
    fn no_name_is_cut() {
        let env = Env {
            name: format!("{}-{}", "e".repeat(32), "s".repeat(32)),
            ..env()
        };
        assert!(env.repository_name(&"a".repeat(32)).len() < REPOSITORY_LIMIT);
    }

    #[test]
    fn a_record_holds_arn_and_uri() {
        assert_eq!(
            serde_json::to_string(&record(&env(), "web", &["app"])).unwrap(),
            r#"{"type":"repo","name":"web","arn":"arn:aws:ecr:us-east-1:123456789012:repository/repo-web-production-pr1","uri":"123456789012.dkr.ecr.us-east-1.amazonaws.com/repo-web-production-pr1","needed_by":["app"]}"#
        );
    }
}
