//! What a repository should be, what is there, and what follows. Pure.

mod policy;

use std::collections::BTreeMap;

use plumbing::name::{APP, REPOSITORY_LIMIT, SOURCE, could_be};
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Half, Record, Repo, Result};
use serde_json::{Value, json};

pub use policy::warning_of_policy;

/// How images are encrypted: with S3's own keys.
pub const ENCRYPTION: &str = "AES256";
/// How many images a repository keeps.
const KEPT: u64 = 10;
/// The tag that a pipeline moves to what it deployed.
const PRODUCTION: &str = "production";
/// The priority of the rule for any image, which must be the highest number.
const LAST_PRIORITY: u32 = 100;
/// What ECR says of tags that can be moved to another image.
const MUTABLE: &str = "MUTABLE";
/// What a difference of lifecycle policies is called.
const LIFECYCLE: &str = "lifecycle policy";

/// A repository as it is to be.
#[derive(Clone, Debug)]
pub struct Want {
    /// Its name in ECR.
    pub name: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// The repository of an app, of the source that is built into it, or of both. Its tags say what
/// needs it, since it is deleted with the last of them.
pub fn want(env: &Env, app: &str, has_app: bool, has_source: bool) -> Want {
    let name = env.repository_name(app);
    let mut tags = env.tags_of(&name);
    if has_app {
        tags.push((APP.to_string(), app.to_string()));
    }
    if has_source {
        tags.push((SOURCE.to_string(), app.to_string()));
    }
    Want { name, tags }
}

/// A repository that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// Its name in ECR.
    pub name: String,
    /// Whether an image is scanned when it is pushed.
    pub scan_on_push: bool,
    /// Whether a tag can be moved to another image: `MUTABLE`, `IMMUTABLE` and so on.
    pub mutability: String,
    /// How its images are encrypted: `AES256`, `KMS` and so on; empty where AWS does not say.
    pub encryption: String,
    /// Its lifecycle policy, where it has one.
    pub lifecycle: Option<Value>,
    /// Who may do what with its images beside the account itself, where somebody said so.
    pub policy: Option<Value>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A part of a repository that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The lifecycle policy.
    Lifecycle,
    /// Scan on push.
    Scan,
    /// Its tags.
    Tags,
}

/// In what a repository differs from what is wanted.
///
/// Errors: it is not the environment's.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("repository {}", want.name), &have.tags)?;
    let scan = Difference::between("scan on push", have.scan_on_push, true);
    let tags = Difference::of_tags(&have.tags, &want.tags);
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Lifecycle, difference_of_lifecycle(have)));
    differences.extend(in_part(Part::Scan, scan));
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// How many images a repository is to keep: somebody's own higher number stays.
pub fn kept(lifecycle: Option<&Value>) -> u64 {
    let rules = lifecycle.and_then(|policy| policy["rules"].as_array());
    let selections = rules.into_iter().flatten().map(|rule| &rule["selection"]);
    let of_any = selections.filter(|selection| {
        selection["tagStatus"] == "any" && selection["countType"] == "imageCountMoreThan"
    });
    let counts = of_any.filter_map(|selection| selection["countNumber"].as_u64());
    counts.max().unwrap_or_default().max(KEPT)
}

/// What is said of a repository that keeps more images than asked for here.
pub fn warning_of_lifecycle(have: &Have) -> Option<String> {
    let kept = kept(have.lifecycle.as_ref());
    if kept == KEPT {
        return None;
    }
    Some(format!(
        "repository {} keeps the last {kept} images, more than {KEPT}: it stays so until you change it",
        have.name
    ))
}

/// Compares the policies as values: the order of their fields says nothing.
fn difference_of_lifecycle(have: &Have) -> Option<Difference> {
    let want = lifecycle(kept(have.lifecycle.as_ref()));
    match &have.lifecycle {
        Some(policy) if same(policy, &want) => None,
        Some(policy) => Difference::between(LIFECYCLE, policy, want),
        None => Difference::between(LIFECYCLE, "none", want),
    }
}

/// Whether two policies say the same; a rule's description, which says how many images it keeps, is for
/// people.
fn same(a: &Value, b: &Value) -> bool {
    let without_descriptions = |policy: &Value| {
        let mut policy = policy.clone();
        for rule in policy["rules"].as_array_mut().into_iter().flatten() {
            if let Some(rule) = rule.as_object_mut() {
                rule.remove("description");
            }
        }
        policy
    };
    without_descriptions(a) == without_descriptions(b)
}

/// What is said of a repository whose tags cannot be moved, or not all: that is stricter than asked for
/// here, and stays.
pub fn warning_of_mutability(have: &Have) -> Option<String> {
    if have.mutability.is_empty() || have.mutability == MUTABLE {
        return None;
    }
    Some(format!(
        "repository {} has {} tags: it stays so, and a pipeline cannot move its tag {PRODUCTION} unless that is excluded",
        have.name, have.mutability
    ))
}

/// What is said of a repository that is encrypted in another way than asked for here. AWS cannot
/// change that, its images would be deleted with it, and it works as it is: it stays.
pub fn warning_of_encryption(have: &Have) -> Option<String> {
    if have.encryption.is_empty() || have.encryption == ENCRYPTION {
        return None;
    }
    Some(format!(
        "repository {} has encryption {}, wanted {ENCRYPTION}; AWS cannot change that, and it stays: delete it with its images to have it made anew",
        have.name, have.encryption
    ))
}

/// What the registry itself scans, whatever its repositories ask for.
pub struct RegistryScanning {
    /// `BASIC` or `ENHANCED`.
    pub scan_type: String,
    /// How many rules it has.
    pub rules: usize,
}

/// What is said where the registry decides what is scanned, and scan on push of a repository no
/// longer counts (ECR API, PutRegistryScanningConfiguration): with enhanced scanning, or rules of
/// its own.
pub fn warning_of_registry_scanning(scanning: &RegistryScanning) -> Option<String> {
    let rules = scanning.rules;
    if scanning.scan_type != "ENHANCED" && rules == 0 {
        return None;
    }
    let scan_type = scanning.scan_type.to_lowercase();
    Some(format!(
        "the registry decides what is scanned ({scan_type}, {rules} rules), not scan on push of its repositories"
    ))
}

/// What needs a repository, by its tags: `app`, `source`, or both.
pub fn needed_by(tags: &BTreeMap<String, String>) -> Vec<&'static str> {
    let mut needed_by = Vec::new();
    if tags.contains_key(APP) {
        needed_by.push("app");
    }
    if tags.contains_key(SOURCE) {
        needed_by.push("source");
    }
    needed_by
}

/// A repository that only a source needs goes with the pipelines; one that an app needs as well
/// stays with the services, until neither needs it. One that does not tell may be needed by either.
pub fn half(record: &Record) -> Half {
    match record.0.get("needed_by") {
        Some(needed_by) if *needed_by == json!(["source"]) => Half::Pipelines,
        Some(needed_by) if *needed_by == json!(["app"]) => Half::Services,
        _ => Half::Both,
    }
}

/// The lifecycle policy: what is older than the last images expires, within a day, but for the one
/// tagged production. An image that a rule matches is exempt from those of a higher number (ECR
/// user guide, "Considerations when using lifecycle policies"), and of one tag there is one image,
/// so the first rule expires nothing.
pub fn lifecycle(kept: u64) -> Value {
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
        "rulePriority": LAST_PRIORITY,
        "description": format!("keep the last {kept} images"),
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": kept},
        "action": {"type": "expire"},
    }]})
}

/// Whether a repository of this name could be the environment's. Whether it is, its tags say.
pub fn could_be_ours(env: &Env, name: &str) -> bool {
    could_be(name, "repo", &env.name, REPOSITORY_LIMIT)
}

/// The name of a repository's record: the app or source by its tags, since a name may end in a hash;
/// where somebody took these away, by its name, if that tells.
pub fn record_name<'a>(env: &Env, name: &'a str, tags: &'a BTreeMap<String, String>) -> &'a str {
    if let Some(app) = tags.get(APP).or_else(|| tags.get(SOURCE)) {
        return app;
    }
    let app = name.strip_prefix("repo-");
    let app = app.and_then(|rest| rest.strip_suffix(&format!("-{}", env.name)));
    app.unwrap_or(name)
}

/// A repository's ARN.
pub fn arn(env: &Env, name: &str) -> String {
    env.arn("ecr", &format!("repository/{name}"))
}

/// The record of an app's or a source's repository.
pub fn record(env: &Env, app: &str, needed_by: &[&str]) -> Record {
    record_of(env, app, &env.repository_name(app), needed_by)
}

/// A repository's record: ARN and URI follow from its name in ECR.
pub fn record_of(env: &Env, app: &str, repository: &str, needed_by: &[&str]) -> Record {
    let repo = Repo {
        name: app.into(),
        arn: arn(env, repository),
        uri: format!("{}/{repository}", env.registry()),
        ..Repo::default()
    };
    Record::of(&repo).with("needed_by", needed_by)
}

#[cfg(test)]
mod tests {
    use plumbing::step::parts;

    use super::*;

    const NAME: &str = "repo-web-production-pr1";

    fn env() -> Env {
        Env::example()
    }

    fn ours() -> Have {
        let tags = env().tags_of(NAME).into_iter().collect();
        Have {
            name: NAME.into(),
            scan_on_push: true,
            mutability: "MUTABLE".into(),
            encryption: "AES256".into(),
            lifecycle: Some(lifecycle(KEPT)),
            policy: None,
            tags,
        }
    }

    /// What differs from the repository of neither an app nor a source.
    fn differences(have: &Have) -> Differences<Part> {
        compare(&env(), &want(&env(), "web", false, false), have).unwrap()
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        assert_eq!(differences(&ours()), []);
    }

    #[test]
    fn ten_images_are_kept_whatever_their_tags_and_the_one_in_production() {
        let rules = lifecycle(KEPT)["rules"].as_array().unwrap().clone();
        assert_eq!(rules.len(), 2);
        assert_eq!(
            rules[0]["selection"],
            json!({
                "tagStatus": "tagged",
                "tagPatternList": ["production"],
                "countType": "imageCountMoreThan",
                "countNumber": 1,
            })
        );
        assert_eq!(
            rules[1]["selection"],
            json!({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10})
        );
        assert!(rules[0]["rulePriority"].as_u64() < rules[1]["rulePriority"].as_u64());
        assert!(
            (100..=30720).contains(&lifecycle(KEPT).to_string().len()),
            "what PutLifecyclePolicy takes"
        );
    }

    #[test]
    fn the_order_of_a_policys_fields_is_no_difference() {
        let mut other = lifecycle(KEPT);
        let rule = other["rules"][1].as_object_mut().unwrap();
        let (key, action) = rule.remove_entry("action").unwrap();
        rule.shift_insert(0, key, action);
        assert_ne!(other.to_string(), lifecycle(KEPT).to_string());
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
            scan_on_push: false,
            lifecycle: None,
            ..ours()
        };
        have.tags.insert("Team".into(), "nobody".into());
        have.tags.insert("Name".into(), "other".into());
        let differences = differences(&have);
        let fields: Vec<_> = differences
            .iter()
            .map(|(_, difference)| (difference.field.as_str(), difference.old.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("lifecycle policy", "none"),
                ("scan on push", "false"),
                ("tag Name", "other"),
                ("tag Team", "nobody")
            ]
        );
        assert_eq!(
            parts(&differences),
            [Part::Lifecycle, Part::Scan, Part::Tags]
        );
    }

    #[test]
    fn what_is_stricter_and_what_lets_others_in_is_said_and_is_no_difference() {
        assert_eq!(warning_of_mutability(&ours()), None);
        assert_eq!(warning_of_policy(&ours()), None);
        let have = Have {
            mutability: "IMMUTABLE".into(),
            policy: Some(json!({"Statement": [{"Effect": "Allow", "Principal": "*"}]})),
            ..ours()
        };
        assert_eq!(differences(&have), []);
        let line = warning_of_mutability(&have).unwrap();
        assert!(line.contains("has IMMUTABLE tags: it stays so"), "{line}");
        let line = warning_of_policy(&have).unwrap();
        assert!(line.contains("lets everyone at its images"), "{line}");
        let root = "arn:aws:iam::999999999999:root";
        let of_one = json!({"Effect": "Allow", "Principal": {"AWS": root}});
        let have = Have {
            policy: Some(json!({"Statement": of_one})),
            ..ours()
        };
        let line = warning_of_policy(&have).unwrap();
        assert!(line.contains("lets others at its images"), "{line}");
    }

    #[test]
    fn a_policy_that_only_denies_lets_nobody_in() {
        let said = |statements: Value| {
            warning_of_policy(&Have {
                policy: Some(json!({"Statement": statements})),
                ..ours()
            })
            .unwrap()
        };
        let deny = json!({"Effect": "Deny", "Principal": "*"});
        assert!(said(deny.clone()).contains("that only denies: it stays"));
        let allow = json!({"Effect": "Allow", "Principal": {"AWS": ["1", "*"]}});
        assert!(said(json!([deny, allow])).contains("lets everyone"));
        let all_but = json!({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}});
        assert!(said(all_but).contains("lets everyone"));
    }

    #[test]
    fn a_higher_number_of_images_stays_and_is_said() {
        assert_eq!(warning_of_lifecycle(&ours()), None);
        let mut more = lifecycle(KEPT);
        more["rules"][1]["selection"]["countNumber"] = json!(50);
        let have = Have {
            lifecycle: Some(more),
            ..ours()
        };
        assert_eq!(differences(&have), []);
        assert_eq!(
            warning_of_lifecycle(&have).unwrap(),
            "repository repo-web-production-pr1 keeps the last 50 images, more than 10: it stays so until you change it"
        );
        // The one in production is kept all the same.
        let only = json!({"rules": [{"rulePriority": 1, "action": {"type": "expire"},
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 50}}]});
        let have = Have {
            lifecycle: Some(only),
            ..ours()
        };
        let differences = differences(&have);
        assert_eq!(parts(&differences), [Part::Lifecycle]);
        assert_eq!(differences[0].1.new, lifecycle(50).to_string());
    }

    #[test]
    fn another_encryption_is_said_and_is_no_difference() {
        let have = |encryption: &str| Have {
            encryption: encryption.into(),
            ..ours()
        };
        assert_eq!(
            (
                warning_of_encryption(&have("AES256")),
                warning_of_encryption(&have(""))
            ),
            (None, None)
        );
        let line = warning_of_encryption(&have("KMS")).unwrap();
        assert!(line.starts_with(
            "repository repo-web-production-pr1 has encryption KMS, wanted AES256; AWS cannot"
        ));
        assert_eq!(differences(&have("KMS")), []);
    }

    #[test]
    fn a_repository_without_our_tag_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let want = want(&env(), "web", true, false);
        let error = compare(&env(), &want, &have).unwrap_err();
        assert_eq!(
            error.message,
            "repository repo-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn a_registry_that_scans_by_itself_is_said() {
        for (scan_type, rules, is_said) in [
            ("BASIC", 0, false),
            ("", 0, false),
            ("ENHANCED", 0, true),
            ("BASIC", 1, true),
        ] {
            let scanning = RegistryScanning {
                scan_type: scan_type.into(),
                rules,
            };
            let line = warning_of_registry_scanning(&scanning);
            assert_eq!(line.is_some(), is_said, "{scan_type} {rules}");
        }
    }

    #[test]
    fn the_tags_say_what_needs_it() {
        for (has_app, has_source, words) in [
            (true, false, &["app"][..]),
            (false, true, &["source"]),
            (true, true, &["app", "source"]),
        ] {
            let tags = want(&env(), "web", has_app, has_source).tags;
            assert_eq!(tags.last().unwrap().1, "web");
            assert_eq!(needed_by(&tags.into_iter().collect()), words);
        }
    }

    #[test]
    fn the_app_is_read_from_the_tags_and_else_from_the_name() {
        for app in ["web", "a-b"] {
            let name = env().repository_name(app);
            assert!(could_be_ours(&env(), &name), "{name}");
            for (has_app, has_source) in [(true, false), (false, true), (true, true)] {
                let tags = want(&env(), app, has_app, has_source).tags;
                let tags = tags.into_iter().collect();
                assert_eq!(record_name(&env(), &name, &tags), app);
            }
        }
        let none = BTreeMap::new();
        assert_eq!(record_name(&env(), NAME, &none), "web");
        let hashed = env().repository_name("a-b");
        assert_eq!(record_name(&env(), &hashed, &none), hashed);
        for name in ["repo-web-production-pr2", "web-production-pr1"] {
            assert!(!could_be_ours(&env(), name), "{name}");
        }
    }

    #[test]
    fn no_name_is_cut() {
        let env = Env {
            name: format!("{}-{}", "e".repeat(32), "s".repeat(32)),
            environment: "e".repeat(32),
            suffix: "s".repeat(32),
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

    #[test]
    fn what_an_app_needs_serves_and_what_only_a_source_needs_builds() {
        for (needed_by, serves) in [
            (&["app"][..], true),
            (&["source"], false),
            (&["app", "source"], true),
        ] {
            let record = record(&env(), "web", needed_by);
            assert_eq!(
                Half::ByRecord(half).serves(&record),
                serves,
                "{needed_by:?}"
            );
        }
        assert!(Half::ByRecord(half).serves(&Record::new("repo", "web")));
    }
}
