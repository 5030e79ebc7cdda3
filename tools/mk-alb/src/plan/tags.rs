//! Tags and attributes: pairs of a key and a value, of which we set some and leave the others as
//! they are. Pure.

use std::collections::BTreeMap;

use plumbing::name::APP;
use plumbing::{Difference, Env};

use super::want::Attribute;

/// The tags of a resource, or its attributes.
pub type Tags = BTreeMap<String, String>;

/// The tags of an app's resource.
pub fn tags(env: &Env, app: &str, name: &str) -> Vec<(String, String)> {
    env.tags_of_app(name, app)
}

/// The app that a resource of ours belongs to, by its tag; nothing where somebody took that away.
pub fn app_of(tags: &Tags) -> Option<&str> {
    tags.get(APP).map(String::as_str)
}

/// In what the attributes that we set differ.
pub fn attribute_differences(have: &Tags, want: &[(&str, &str)]) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (key, new) in want {
        let old = have.get(*key).map(String::as_str).unwrap_or_default();
        differences.extend(Difference::between(key, old, new));
    }
    differences
}

/// Those of the attributes that an app decides in which what is there differs; what it does not tell has
/// the value that AWS gives.
pub fn differing<'a>(have: &Tags, want: &'a [Attribute]) -> Vec<&'a Attribute> {
    let is_other = |one: &&Attribute| found(have, one) != one.value;
    want.iter().filter(is_other).collect()
}

/// The same, told.
pub fn differences(have: &Tags, want: &[Attribute]) -> Vec<Difference> {
    let differing = differing(have, want).into_iter();
    let told = differing.map(|one| Difference::between(one.key, found(have, one), &one.value));
    told.flatten().collect()
}

fn found<'a>(have: &'a Tags, attribute: &Attribute) -> &'a str {
    have.get(attribute.key)
        .map_or(attribute.default, String::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::want::tests::web;
    use super::*;

    #[test]
    fn what_is_not_told_of_an_attribute_is_its_default_and_what_differs_is_told() {
        let want = web().group_attributes;
        let told = |have: &[(&str, &str)]| -> Vec<String> {
            let have = have.iter();
            let have = have.map(|(key, value)| (key.to_string(), value.to_string()));
            let differences = differences(&have.collect(), &want);
            differences.iter().map(Difference::to_string).collect()
        };
        let drain = "deregistration_delay.timeout_seconds";
        assert_eq!(told(&[]), [format!("{drain}: 300 -> 30")]);
        assert!(told(&[(drain, "30"), ("slow_start.duration_seconds", "0")]).is_empty());
        assert_eq!(
            told(&[(drain, "30"), ("stickiness.enabled", "true")]),
            ["stickiness.enabled: true -> false"]
        );
    }
}
