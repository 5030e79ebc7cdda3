//! Moving the requests for an app to another target group, while ECS moves the app's tasks.

use std::time::Duration;

use plumbing::{Error, Result};
use tokio::time::{Instant, sleep};

use crate::aws::Elb;
use crate::plan::traffic::{
    Forward, GiveUp, Group, are_alike, forwards, give_up, is_moved, name_of, plain,
};

/// ECS stops old tasks some seconds after new ones are healthy: the shares have to follow before that.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After so long a person is told what is waited for.
const SILENT: Duration = Duration::from_secs(5);

/// An app that moves.
pub struct Moving {
    /// The app.
    pub app: String,
    /// The name of its load balancer.
    pub load_balancer: String,
    /// The ARN of the listener.
    pub listener: String,
    /// The ARN of the target group that it moves to.
    pub target_group: String,
    /// What the listener forwards to.
    pub forwards: Vec<Forward>,
    /// How many tasks it is to have.
    pub count: usize,
}

/// How the wanted target group and the older ones that a listener forwards to are now.
pub async fn look(
    elb: &Elb,
    target_group: &str,
    forwards: &[Forward],
) -> Result<(Group, Vec<Group>)> {
    let groups = elb.groups(forwards).await?;
    let (mut wanted, older): (Vec<Group>, Vec<Group>) = groups
        .into_iter()
        .partition(|group| group.arn == target_group);
    let wanted = wanted.pop().unwrap_or_else(|| Group {
        arn: target_group.into(),
        ..Group::default()
    });
    Ok((wanted, older))
}

/// Follows the targets with the shares, until the app has moved.
///
/// Errors: the wanted target group does not become healthy; then the older ones keep their share.
pub async fn follow(elb: &Elb, moving: &Moving) -> Result<()> {
    let Moving { app, listener, .. } = moving;
    let target_group = &moving.target_group;
    let name = name_of(target_group);
    let voice = &elb.aws.voice;
    let begun = Instant::now();
    let mut last_target = None;
    let mut is_told = false;
    let mut now = moving.forwards.clone();
    loop {
        if let Some(found) = elb.forwards(listener).await? {
            if are_alike(&found, &plain(target_group)) {
                return Ok(()); // prune-env, or another run, was faster
            }
            if found.iter().any(|one| one.target_group == *target_group) {
                now = known_among(moving, found);
            } // else it does not show yet what it was told
        }
        let (wanted, older) = look(elb, target_group, &now).await?;
        let next = forwards(&wanted, &older, moving.count);
        if !are_alike(&now, &next) {
            elb.forward(&moving.load_balancer, listener, &next).await?;
            for Forward {
                target_group,
                weight,
            } in &next
            {
                let group = name_of(target_group);
                voice.detail(|| format!("app {app}: target group {group} has share {weight}"));
            }
            now = next;
        }
        if is_moved(&wanted, &older) {
            return Ok(());
        }
        if wanted.targets.staying > 0 {
            last_target = Some(Instant::now());
        }
        let without_target = last_target.map(|last| last.elapsed());
        if let Some(why) = give_up(begun.elapsed(), without_target) {
            return Err(stays(app, &wanted, &older, why));
        }
        if !is_told && begun.elapsed() > SILENT {
            voice.say(&format!("waiting: app {app} moves to target group {name}"));
            is_told = true;
        }
        elb.aws.control.unless_stopped(sleep(LOOK_AGAIN)).await?;
    }
}

/// The target groups of the app among those that the listener forwards to: others are somebody else's.
fn known_among(moving: &Moving, mut found: Vec<Forward>) -> Vec<Forward> {
    found.retain(|one| {
        let mut known = moving.forwards.iter();
        known.any(|known| known.target_group == one.target_group)
    });
    found
}

/// What is said of an app that did not move.
fn stays(app: &str, wanted: &Group, older: &[Group], why: GiveUp) -> Error {
    let name = name_of(&wanted.arn);
    let older: Vec<&str> = older.iter().map(|group| name_of(&group.arn)).collect();
    let older = older.join(", ");
    let why = match why {
        GiveUp::NeverHadTargets => "no target came".to_string(),
        GiveUp::LostTargets => "its targets went: the deployment was given up".to_string(),
        GiveUp::TookTooLong if wanted.targets.trouble.is_empty() => {
            "the older targets do not go".to_string()
        }
        GiveUp::TookTooLong => wanted.targets.trouble.clone(),
    };
    Error::unfinished(format!(
        "app {app} stays in target group {older}, and has not moved to {name}: {why}"
    ))
    .hint("mend the app and run the pipeline again, or run it as it was before")
}
