//! The tags that every resource of an environment carries: what the narrowest of the services takes. Pure.
//!
//! From the services' models: ELB, ECS, IAM, Lambda, CloudWatch Logs and CodeBuild take letters
//! (`\p{L}`), numbers (`\p{N}`), blanks and some marks, and so no combining marks (`\p{M}`). CodeBuild
//! takes 127 characters in a key and 255 in a value, ECR 127 in a key. IAM folds the case of keys.

use std::collections::BTreeMap;

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use crate::name::IDENTITY;

/// How long a key and a value may be.
const LONGEST_KEY: usize = 127;
const LONGEST_VALUE: usize = 255;
/// AWS takes 50 tags of a resource; the most that we set ourselves are those of a revision of a task
/// definition: its name, its environment, its app, whose image it has, and that it was rolled back.
pub const MOST: usize = 50 - 5;
/// What the keys of our own tags begin with, and the one that has another.
const OURS: &str = "plumbline:";
const NAME: &str = "Name";
/// What AWS keeps for itself.
const OF_AWS: &str = "aws:";
/// The keys that every environment has, whatever its flags say.
pub(crate) const DEFAULTS: [&str; 5] = ["Environment", "ManagedBy", "Project", "Suffix", "Team"];
/// What is taken beside letters and digits.
const MARKS: &str = " +-=._:/@";

/// Checks the tags of an environment, each by itself and all together.
pub fn check(tags: &BTreeMap<String, String>) -> Result<(), String> {
    if tags.len() > MOST {
        return Err(format!(
            "{} tags are too many: AWS takes 50, ours included",
            tags.len()
        ));
    }
    let mut folded = BTreeMap::new();
    for (key, value) in tags {
        check_one(key, value)?;
        // The defaults come first: of `Environment` and `environment` the second is the odd one.
        if let Some(other) = folded.insert(key.to_lowercase(), key) {
            return Err(format!("tag key '{key}' is the same as '{other}' to IAM"));
        }
    }
    Ok(())
}

/// Checks one tag.
pub fn check_one(key: &str, value: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("a tag's key is empty".into());
    }
    if key.chars().count() > LONGEST_KEY {
        return Err(format!(
            "tag key '{key}' is longer than the {LONGEST_KEY} characters that CodeBuild and ECR take"
        ));
    }
    if value.chars().count() > LONGEST_VALUE {
        return Err(format!(
            "the value of tag '{key}' is longer than the {LONGEST_VALUE} characters that CodeBuild takes"
        ));
    }
    for (what, text) in [("tag key", key), ("tag value", value)] {
        if let Some(odd) = text.chars().find(|c| !is_taken(*c)) {
            return Err(format!(
                "{what} '{text}' holds '{}', which ELB, ECS, IAM and others do not take: letters, digits, spaces and + - = . _ : / @",
                odd.escape_default()
            ));
        }
        if text.to_lowercase().starts_with(OF_AWS) {
            return Err(format!(
                "{what} '{text}' is reserved: {OF_AWS} is AWS's own"
            ));
        }
    }
    if key == NAME || key.starts_with(OURS) {
        return Err(format!("tag key '{key}' is reserved"));
    }
    let folded = key.to_lowercase();
    let same = [NAME, IDENTITY].into_iter().find(|ours| {
        let ours = ours.to_lowercase();
        folded == ours || ours.starts_with(OURS) && folded.starts_with(OURS)
    });
    match same {
        Some(ours) => Err(format!("tag key '{key}' is the same as '{ours}' to IAM")),
        None => Ok(()),
    }
}

fn is_taken(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || MARKS.contains(c);
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    GeneralCategoryGroup::Letter.contains(category)
        || GeneralCategoryGroup::Number.contains(category)
}

/// The tags of a resource that an environment can have had from its making, and the keys of those that it
/// cannot: somebody else gave them to it, by hand or by a rule of the organisation.
pub fn split(
    tags: impl IntoIterator<Item = (String, String)>,
) -> (BTreeMap<String, String>, Vec<String>) {
    let mut tags: Vec<(String, String)> = tags.into_iter().collect();
    tags.sort_by_key(|(key, _)| !DEFAULTS.contains(&key.as_str())); // of two that IAM folds, that one stays
    let (mut own, mut others) = (BTreeMap::new(), Vec::new());
    for (key, value) in tags {
        own.insert(key.clone(), value);
        if check(&own).is_err() {
            own.remove(&key);
            others.push(key);
        }
    }
    (own, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(keys: &[&str]) -> BTreeMap<String, String> {
        keys.iter()
            .map(|key| (key.to_string(), String::new()))
            .collect()
    }

    #[test]
    fn reserved_and_odd_tags_are_refused_by_the_service_that_does_not_take_them() {
        for (key, value, why) in [
            ("aws:x", "y", "is reserved: aws: is AWS's own"),
            ("AWS:x", "y", "is reserved: aws: is AWS's own"),
            ("x", "aws:y", "tag value 'aws:y' is reserved"),
            ("plumbline:env", "y", "is reserved"),
            (
                "Plumbline:Env",
                "y",
                "is the same as 'plumbline:env' to IAM",
            ),
            ("PLUMBLINE:x", "y", "to IAM"),
            ("Name", "y", "is reserved"),
            ("name", "y", "tag key 'name' is the same as 'Name' to IAM"),
            ("NAME", "y", "tag key 'NAME' is the same as 'Name' to IAM"),
            ("", "y", "a tag's key is empty"),
            ("a", "b;c", "tag value 'b;c' holds ';', which ELB"),
            ("a\n", "b", "holds '\\n', which ELB"),
            ("e\u{301}", "b", "holds '\\u{301}', which ELB"),
            ("a", "\u{915}\u{93e}", "holds '\\u{93e}', which ELB"),
            ("a", "\u{24b6}", "holds '\\u{24b6}', which ELB"),
            ("a", "x\u{a0}y", "holds '\\u{a0}', which ELB"),
        ] {
            let refused = check_one(key, value).unwrap_err();
            assert!(refused.contains(why), "{key}: {refused}");
        }
        for (key, value) in [
            ("Cost Center", "a@b.c/1"),
            ("Équipe", "Zürich 工具 ½"),
            ("names", "="),
            ("plumb", ""),
        ] {
            assert_eq!(check_one(key, value), Ok(()), "{key}");
        }
        let (key, value) = ("ü".repeat(127), "ü".repeat(255));
        assert_eq!(check_one(&key, &value), Ok(()));
        let long = check_one(&(key + "x"), "").unwrap_err();
        assert!(long.contains("127 characters that CodeBuild and ECR"));
        let long = check_one("x", &(value + "x")).unwrap_err();
        assert!(long.contains("255 characters that CodeBuild"));
    }

    #[test]
    fn keys_that_iam_folds_are_one() {
        for (keys, why) in [
            (
                ["Environment", "environment"],
                "tag key 'environment' is the same as 'Environment' to IAM",
            ),
            (
                ["Team", "TEAM"],
                "tag key 'Team' is the same as 'TEAM' to IAM",
            ),
            (
                ["Ärzte", "ärzte"],
                "tag key 'ärzte' is the same as 'Ärzte' to IAM",
            ),
        ] {
            assert_eq!(check(&all(&keys)), Err(why.to_string()));
        }
        assert_eq!(check(&all(&["Team", "Teams"])), Ok(()));
    }

    #[test]
    fn what_an_environment_cannot_have_is_somebody_elses() {
        let tags = [
            "ENVIRONMENT",
            "Environment",
            "Team",
            "environment",
            "owner (ops)",
            "aws:x",
        ];
        let tags = tags.map(|key| (key.to_string(), "x".to_string()));
        let (own, others) = split(tags);
        assert_eq!(own.into_keys().collect::<Vec<_>>(), ["Environment", "Team"]);
        assert_eq!(
            others,
            ["ENVIRONMENT", "environment", "owner (ops)", "aws:x"]
        );
        let many = (0..50).map(|n| (format!("k{n}"), String::new()));
        let (own, others) = split(many);
        assert_eq!((own.len(), others.len()), (MOST, 50 - MOST));
    }
}
