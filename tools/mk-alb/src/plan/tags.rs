//! Tags and attributes: pairs of a key and a value, of which we set some and leave the others as
//! they are. Pure.

use std::collections::BTreeMap;

use plumbing::name::APP;
use plumbing::{Difference, Env};

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
