//! The scheduled actions of a target: each gives it another range from a time on. Pure.

use plumbing::{App, Difference, Env, Range, name};

use super::{in_words, name_of};

/// The time zone where nobody says one.
pub(super) const UTC: &str = "UTC";

/// A range from some times on.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// `cron(…)`, `at(…)` or `rate(…)`.
    pub schedule: String,
    /// The time zone of that.
    pub zone: String,
    /// The range.
    pub range: Range,
    /// Whether it has a first or a last day, which only a person gives it.
    pub has_bounds: bool,
}

/// The actions that an app wants.
pub(super) fn wanted(env: &Env, app: &App) -> Vec<Action> {
    let mut actions = Vec::new();
    for scheduled in app.scale.scheduled() {
        actions.push(Action {
            name: name_of(env, &app.name, &detail(&scheduled.schedule)),
            zone: zone(app, &scheduled.schedule).into(),
            schedule: scheduled.schedule,
            range: scheduled.range,
            has_bounds: false,
        });
    }
    actions
}

/// What a schedule is called in a name: its hash, so that another time is another action beside it.
fn detail(schedule: &str) -> String {
    let hashed = name::cut(&format!("schedule {schedule}"), 12);
    hashed.rsplit('-').next().unwrap_or_default().to_string()
}

/// A rate has no time zone (API reference, PutScheduledAction).
fn zone<'a>(app: &'a App, schedule: &str) -> &'a str {
    match &app.scale.zone {
        Some(zone) if !schedule.starts_with("rate(") => zone,
        _ => UTC,
    }
}

impl Action {
    /// What it says, as an app does.
    pub(super) fn words(&self) -> String {
        format!("{}={}", self.schedule, in_words(self.range))
    }

    /// In what one that is there differs from this one.
    pub(super) fn difference(&self, have: Option<&Action>) -> Option<Difference> {
        let all = |action: &Action| {
            let bounds = if action.has_bounds {
                ", for some days"
            } else {
                ""
            };
            format!("{} {}{bounds}", action.words(), action.zone)
        };
        let old = have.map_or("none".into(), all);
        Difference::between("scheduled", old, all(self))
    }
}
