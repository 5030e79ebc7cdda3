//! What no app wants any more of a target that is ours; or all of it, where its app has no range. Pure.

use plumbing::{App, Env, Surplus};

use super::{Have, is_ours, want};

/// Something that no app wants any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    /// Of which target.
    pub resource: String,
    /// The app that it was for.
    pub app: String,
    /// What of it.
    pub part: Part,
}

/// A part of a target that goes by a call of its own.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// All of it, with its policies and scheduled actions.
    Target,
    /// A policy of this name.
    Policy(String),
    /// A scheduled action of this name.
    Action(String),
}

impl Leftover {
    /// Its record, for `prune-env`.
    pub fn surplus(&self) -> Surplus {
        let app = &self.app;
        let (name, what) = match &self.part {
            Part::Target => (format!("target/{app}"), "scalable target".to_string()),
            Part::Policy(name) => (format!("policy/{name}"), format!("policy {name}")),
            Part::Action(name) => (format!("action/{name}"), format!("scheduled action {name}")),
        };
        Surplus {
            name: format!("scaling/{name}"),
            owner: "mk-scaling".into(),
            what: format!("{what} of app {app}"),
            ..Surplus::default()
        }
    }
}

/// What the apps of the stream want no more of the targets of theirs. An app that is not in the stream
/// was dropped or renamed: its target is no part of anything that stays.
pub fn leftovers(env: &Env, apps: &[App], targets: &[Have]) -> Vec<Leftover> {
    let mut leftovers = Vec::new();
    for have in targets.iter().filter(|have| env.owns(&have.tags)) {
        let name = have.app(env);
        let Some(app) = apps.iter().find(|app| app.name == name) else {
            continue;
        };
        let mut add = |part| {
            leftovers.push(Leftover {
                resource: have.resource.clone(),
                app: name.clone(),
                part,
            });
        };
        let Some(range) = app.scale.range() else {
            add(Part::Target);
            continue;
        };
        let want = want(env, app, range, "");
        for policy in &have.policies {
            let is_wanted = want.policies.iter().any(|one| one.name == policy.name);
            if is_ours(env, &policy.name) && !is_wanted {
                add(Part::Policy(policy.name.clone()));
            }
        }
        for action in &have.actions {
            let is_wanted = want.actions.iter().any(|one| one.name == action.name);
            if is_ours(env, &action.name) && !is_wanted {
                add(Part::Action(action.name.clone()));
            }
        }
    }
    leftovers
}
