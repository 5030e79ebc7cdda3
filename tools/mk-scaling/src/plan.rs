//! What a service's scalable target should be, what is there, and what follows. Pure.

mod action;
mod policy;
mod record;
mod surplus;

use std::collections::BTreeMap;

use plumbing::name::{APP, LONG_LIMIT, could_be};
use plumbing::step::in_part;
use plumbing::{App, Difference, Differences, Env, Range, Result};

pub use action::Action;
pub use policy::{Policy, Query, label};
pub use record::{Scaling, app_record, record};
pub use surplus::{Leftover, Part as LeftoverPart, leftovers};

/// The tag that says within which range a target was registered: a scheduled action sets another one.
const RANGE: &str = "plumbline:scale";

/// What the names of policies and scheduled actions begin with.
const KIND: &str = "scaling";

/// A scalable target as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// `service/CLUSTER/SERVICE`.
    pub resource: String,
    /// The fewest and the most tasks.
    pub range: Range,
    /// What decides between them.
    pub policies: Vec<Policy>,
    /// When the range becomes another.
    pub actions: Vec<Action>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// A scalable target that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Have {
    /// `service/CLUSTER/SERVICE`.
    pub resource: String,
    /// Its ARN.
    pub arn: String,
    /// The fewest and the most tasks, as they are now.
    pub range: Range,
    /// What somebody suspended of it, in words.
    pub suspended: Vec<&'static str>,
    /// Its policies, whoever made them.
    pub policies: Vec<Policy>,
    /// Its scheduled actions, whoever made them.
    pub actions: Vec<Action>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A part of a scalable target that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The fewest and the most tasks.
    Range,
    /// A policy, by its place in [`Want`].
    Policy(usize),
    /// A scheduled action, by its place in [`Want`].
    Action(usize),
    /// Its tags.
    Tags,
}

/// What Application Auto Scaling calls a service.
pub fn resource(env: &Env, app: &str) -> String {
    let (cluster, service) = (env.cluster_name(), env.service_name(app));
    format!("service/{cluster}/{service}")
}

/// What the resources of all services of the environment begin with.
pub fn resources(env: &Env) -> String {
    format!("service/{}/", env.cluster_name())
}

/// What is wanted of an app's target, where the app has a range. `label` says which load balancer and
/// target group its requests come through; "" where nothing is decided by them.
pub fn want(env: &Env, app: &App, range: Range, label: &str) -> Want {
    let mut tags = env.tags_of_app(&name_of(env, &app.name, ""), &app.name);
    tags.push((RANGE.into(), in_words(range)));
    Want {
        resource: resource(env, &app.name),
        range,
        policies: policy::wanted(env, app, label),
        actions: action::wanted(env, app),
        tags,
    }
}

/// The name of a policy or a scheduled action; without a detail, of the target.
fn name_of(env: &Env, app: &str, detail: &str) -> String {
    env.named_with(KIND, app, detail, LONG_LIMIT)
}

/// Whether a policy or a scheduled action of a target that is ours has a name of ours.
fn is_ours(env: &Env, name: &str) -> bool {
    could_be(name, KIND, &env.name, LONG_LIMIT)
}

/// `2..10`.
fn in_words(range: Range) -> String {
    format!("{}..{}", range.least, range.most)
}

impl Have {
    /// The app whose service it scales.
    pub fn app(&self, env: &Env) -> String {
        let service = self.resource.rsplit('/').next().unwrap_or_default();
        let tagged = self.tags.get(APP);
        let name = tagged.filter(|app| env.service_name(app) == service);
        name.cloned().unwrap_or_else(|| service.to_string())
    }

    /// The range that it was registered with, where a scheduled action has set another one since.
    fn registered(&self) -> Range {
        let scheduled = self.actions.iter().any(|one| one.range == self.range);
        let tag = self.tags.get(RANGE).and_then(|text| range(text));
        match tag {
            Some(registered) if scheduled => registered,
            _ => self.range,
        }
    }
}

/// Reads what [`in_words`] says.
fn range(text: &str) -> Option<Range> {
    let (least, most) = text.split_once("..")?;
    Some(Range {
        least: least.parse().ok()?,
        most: most.parse().ok()?,
    })
}

/// In what a target differs from what is wanted. What is there and not wanted is no difference: it is
/// surplus, or somebody else's.
///
/// Errors: it is not the environment's.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("scalable target {}", want.resource), &have.tags)?;
    let mut differences = Differences::new();
    let range = Difference::between("range", in_words(have.registered()), in_words(want.range));
    differences.extend(in_part(Part::Range, range));
    for (place, policy) in want.policies.iter().enumerate() {
        let found = have.policies.iter().find(|one| one.name == policy.name);
        differences.extend(in_part(Part::Policy(place), policy.differences(found)));
    }
    for (place, action) in want.actions.iter().enumerate() {
        let found = have.actions.iter().find(|one| one.name == action.name);
        differences.extend(in_part(Part::Action(place), action.difference(found)));
    }
    let tags = Difference::of_tags(&have.tags, &want.tags);
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// What is said of a target that somebody changed in a way that stays.
pub fn by_hand(env: &Env, app: &str, have: &Have) -> Vec<String> {
    let mut lines = Vec::new();
    if !have.suspended.is_empty() {
        let what = have.suspended.join(" and ");
        lines.push(format!("app {app}: somebody suspended {what}; it stays so"));
    }
    let policies = have.policies.iter().map(|one| ("policy", &one.name));
    let actions = have
        .actions
        .iter()
        .map(|one| ("scheduled action", &one.name));
    for (kind, name) in policies.chain(actions) {
        if !is_ours(env, name) {
            lines.push(format!(
                "app {app} is scaled by {kind} {name} of somebody else's as well; it stays"
            ));
        }
    }
    lines
}

/// Whether an app has no image yet, so that its service has no tasks to scale: `count` is the service's.
pub fn has_no_image(range: Range, count: Option<i64>) -> bool {
    range.least > 0 && count == Some(0)
}

#[cfg(test)]
mod tests;
