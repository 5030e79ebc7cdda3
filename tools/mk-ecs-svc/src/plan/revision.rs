//! The names of services, task definitions and their revisions, and the order of revisions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use plumbing::Env;
use plumbing::name::{APP, LONG_LIMIT};

/// The app of a service or a family, by its tag. What a pipeline registered may have none: then by
/// its name, if that is the one that we give an app.
pub fn app_of(
    env: &Env,
    kind: &str,
    name: &str,
    tags: &BTreeMap<String, String>,
) -> Option<String> {
    if let Some(app) = tags.get(APP).filter(|app| !app.is_empty()) {
        return Some(app.clone());
    }
    let words = name.strip_prefix(kind)?.strip_prefix('-')?;
    let mut readings = vec![words];
    if let Some((words, _hash)) = words.rsplit_once('-') {
        readings.push(words);
    }
    for words in readings {
        let app = words.strip_suffix(&env.name).unwrap_or_default();
        let app = app.strip_suffix('-').unwrap_or_default();
        if !app.is_empty() && env.named(kind, app, LONG_LIMIT) == name {
            return Some(app.to_string());
        }
    }
    None
}

/// The family that a revision belongs to: `task-web-production-pr1` of its ARN.
pub fn family_of(arn: &str) -> &str {
    let name = arn.rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

/// A revision as people write it: `task-web-production-pr1:3`.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Revisions of a family as people write them: `task-web-production-pr1:3, :2`.
pub fn in_words(arns: &[String]) -> String {
    let Some((first, others)) = arns.split_first() else {
        return String::new();
    };
    let others = others.iter().map(|arn| format!(", :{}", number(arn)));
    short(first).to_string() + &others.collect::<String>()
}

/// The command by which a person takes revisions of a family away.
pub fn deregistration(region: &str, arns: &[String]) -> String {
    let command = format!("aws ecs deregister-task-definition --region {region} --task-definition");
    if let [only] = arns {
        return format!("{command} {}", short(only));
    }
    let family = arns.first().map_or("", |arn| family_of(arn));
    let numbers: Vec<String> = arns.iter().map(|arn| number(arn).to_string()).collect();
    let numbers = numbers.join(" ");
    format!("for n in {numbers}; do {command} {family}:$n; done")
}

/// Whether one revision of a family came after another.
pub fn is_newer(one: &str, other: &str) -> bool {
    let (Some((family, number)), Some((other_family, other_number))) = (split(one), split(other))
    else {
        return false;
    };
    family == other_family && number > other_number
}

/// Whether no revision was registered between the newest that was found, "" for none, and ours.
pub fn follows(ours: &str, newest: &str) -> bool {
    number(ours) == number(newest) + 1
}

/// The revisions of a family after one, "" for the first, and before another, the newest first.
pub fn between(revisions: Vec<String>, after: &str, before: &str) -> Vec<String> {
    let mut between = Vec::new();
    for arn in revisions {
        if is_newer(before, &arn) && (after.is_empty() || is_newer(&arn, after)) {
            between.push(arn);
        }
    }
    between.sort_by_key(|arn| Reverse(number(arn)));
    between
}

/// The number of a revision's ARN, and 0 of none.
pub fn number(arn: &str) -> u32 {
    match split(arn) {
        Some((_, number)) => number,
        None => 0,
    }
}

/// The family, with what precedes it, and the number of a revision's ARN.
fn split(arn: &str) -> Option<(&str, u32)> {
    let (family, number) = arn.rsplit_once(':')?;
    Some((family, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::examples::env;

    #[test]
    fn the_app_is_read_from_the_tag_or_else_from_the_one_reading_of_the_name() {
        let untagged = BTreeMap::new();
        for app in ["web", "web-2"] {
            let found = app_of(&env(), "task", &env().family_name(app), &untagged);
            assert_eq!(found.as_deref(), Some(app));
        }
        for other in [
            "task-web-2-production-pr1",
            "task-production-pr1",
            "task-web-x",
        ] {
            assert_eq!(app_of(&env(), "task", other, &untagged), None, "{other}");
        }
        let tags = BTreeMap::from([(APP.to_string(), "api".to_string())]);
        let found = app_of(&env(), "task", "task-web-production-pr1", &tags);
        assert_eq!(found.as_deref(), Some("api"));
    }

    #[test]
    fn a_revision_is_of_its_family() {
        assert_eq!(
            family_of("arn:aws:ecs:us-east-1:123456789012:task-definition/task-web:3"),
            "task-web"
        );
    }

    #[test]
    fn revisions_that_are_in_the_way_are_named_with_one_command() {
        let arns = ["arn:x/task-web:12", "arn:x/task-web:7"].map(String::from);
        assert_eq!(in_words(&arns), "task-web:12, :7");
        let command = "aws ecs deregister-task-definition --region r --task-definition task-web:";
        let all = format!("for n in 12 7; do {command}$n; done");
        assert_eq!(deregistration("r", &arns), all);
        assert_eq!(deregistration("r", &arns[1..]), format!("{command}7"));
    }

    #[test]
    fn a_revision_is_newer_than_another_of_its_family() {
        assert!(is_newer("t:10", "t:9"));
        assert!(!is_newer("t:9", "t:10"));
        assert!(!is_newer("u:10", "t:9"));
        assert!(!is_newer("t:1", "t:1"));
        let registered = "arn:aws:ecs:us-east-1:1:task-definition/t:1";
        assert!(!is_newer(registered, "planned:t"));
    }

    #[test]
    fn a_revision_that_does_not_follow_the_one_found_had_a_rival() {
        assert!(follows("t:1", "") && follows("t:10", "t:9"));
        assert!(!follows("t:2", "") && !follows("t:11", "t:9"));
        let all = ["t:1", "t:9", "t:10", "t:11", "t:12", "u:10"].map(String::from);
        assert_eq!(
            between(all.to_vec(), "t:1", "t:12"),
            ["t:11", "t:10", "t:9"]
        );
        assert_eq!(between(all.to_vec(), "", "t:10"), ["t:9", "t:1"]);
    }
}
