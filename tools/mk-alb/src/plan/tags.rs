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

/// The app that a resource of ours belongs to: by its tag, else by its name, which begins with
/// `prefix`.
pub fn app_of(env: &Env, prefix: &str, name: &str, tags: &Tags) -> String {
    if let Some(app) = tags.get(APP) {
        return app.clone();
    }
    let name = match tags.get("Name") {
        Some(tagged) => tagged,
        None => name,
    };
    let Some(rest) = name.strip_prefix(prefix) else {
        return name.to_string();
    };
    match rest.strip_suffix(&env.name) {
        Some(app) => app.trim_matches('-').to_string(),
        None => name.to_string(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_its_tag_the_app_is_read_from_the_name() {
        let name = "alb-my-web-production-pr1";
        assert_eq!(app_of(&Env::example(), "alb", name, &Tags::new()), "my-web");
    }
}
