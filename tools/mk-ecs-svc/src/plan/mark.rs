//! The mark of a service that is scaled, or once was: where no service has it, nobody needs to ask
//! Application Auto Scaling. It goes last, when no target of ours is there any more. Pure.

use std::collections::BTreeMap;

use plumbing::{App, Env, Surplus};
use serde_json::Map;

/// The tag that is the mark.
pub const SCALED: &str = "plumbline:scaled";
/// Whose the surplus is.
const OWNER: &str = "mk-ecs-svc";
/// How the name of a surplus mark begins; the app's follows.
const NAME: &str = "scaled/";

/// The tags of an app's service.
pub fn tags(env: &Env, app: &App) -> Vec<(String, String)> {
    let mut tags = env.tags_of_app(&env.service_name(&app.name), &app.name);
    if app.scale.range().is_some() {
        tags.push((SCALED.into(), "true".into()));
    }
    tags
}

/// Whether the service of an app is to have the mark, or has it by its tags.
pub fn is_scaled(app: &App, tags: &BTreeMap<String, String>) -> bool {
    app.scale.range().is_some() || tags.contains_key(SCALED)
}

/// The mark of a service whose app has no range any more.
pub fn surplus(env: &Env, app: &App, tags: &BTreeMap<String, String>) -> Option<Surplus> {
    let is_left = tags.contains_key(SCALED) && app.scale.range().is_none();
    is_left.then(|| Surplus {
        name: format!("{NAME}{}", app.name),
        owner: OWNER.into(),
        what: format!("tag {SCALED} of service {}", env.service_name(&app.name)),
        rest: Map::new(),
    })
}

/// The app whose service has a mark that is surplus.
pub fn app_of(surplus: &Surplus) -> Option<&str> {
    let name = surplus.name.strip_prefix(NAME);
    name.filter(|_| surplus.owner == OWNER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(text: &str) -> App {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_service_is_marked_while_it_is_scaled_and_until_nothing_scales_it() {
        let env = Env::example();
        let scaled = app(r#"{"name":"web","scale":"2..10"}"#);
        let plain = app(r#"{"name":"web"}"#);
        let marked: BTreeMap<String, String> = tags(&env, &scaled).into_iter().collect();
        let unmarked: BTreeMap<String, String> = tags(&env, &plain).into_iter().collect();
        assert!(marked.contains_key(SCALED) && !unmarked.contains_key(SCALED));
        assert!(is_scaled(&scaled, &unmarked) && is_scaled(&plain, &marked));
        assert!(!is_scaled(&plain, &unmarked));
        assert_eq!(surplus(&env, &scaled, &marked), None);
        assert_eq!(surplus(&env, &plain, &unmarked), None);
        let left = surplus(&env, &plain, &marked).unwrap();
        assert_eq!(app_of(&left), Some("web"));
        assert_eq!(
            left.what,
            "tag plumbline:scaled of service service-web-production-pr1"
        );
        let others = Surplus {
            owner: "mk-scaling".into(),
            ..left
        };
        assert_eq!(app_of(&others), None);
    }
}
