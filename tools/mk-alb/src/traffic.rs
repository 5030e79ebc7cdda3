//! Moving the requests for an app to another target group, while ECS moves the app's tasks.

use std::time::Duration;

use plumbing::{Error, Result};
use tokio::time::{Instant, sleep};

use crate::aws::Elb;
use crate::plan::traffic::{
    Forward, GiveUp, Group, are_alike, are_only, forwards, give_up, is_moved, known_among,
    may_be_given_up, name_of,
};

/// ECS stops old tasks some seconds after new ones are healthy: the shares have to follow before that.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// An app that moves.
pub struct Moving {
    /// The app.
    pub app: String,
    /// The ARN of the listener.
    pub listener: String,
    /// The ARN of the target group that it moves to.
    pub target_group: String,
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

/// Follows the targets with the shares, until the app has moved. Answers whether the listener forwarded
/// to any other target group.
///
/// Errors: the wanted target group does not become healthy; then the older ones keep their share.
pub async fn follow(
    elb: &Elb,
    moving: &Moving,
    is_given_up: impl AsyncFn() -> Result<bool>,
) -> Result<bool> {
    let Moving { app, listener, .. } = moving;
    let target_group = &moving.target_group;
    let name = name_of(target_group);
    let begun = Instant::now();
    let mut last_target = None;
    let what = format!("app {app} moves to target group {name}");
    let mut waiting = elb.aws.voice.wait(&what);
    let mut now = Vec::new();
    loop {
        match elb.forwards(listener).await? {
            Some(found) if are_only(&found, target_group) => return Ok(!now.is_empty()),
            Some(found) => now = known_among(&now, found, target_group),
            None if now.is_empty() => return Ok(false),
            None => {} // AWS forgets what it knew for a moment
        }
        let (wanted, older) = look(elb, target_group, &now).await?;
        let next = forwards(&wanted, &older, moving.count);
        if !are_alike(&now, &next) {
            set_shares(elb, moving, &next).await?;
            now = next;
        }
        if is_moved(&wanted, &older) {
            return Ok(true);
        }
        if wanted.targets.staying > 0 {
            last_target = Some(Instant::now());
        }
        let without_target = last_target.map(|last| last.elapsed());
        let mut why = give_up(begun.elapsed(), without_target);
        if may_be_given_up(&wanted, begun.elapsed(), without_target) && is_given_up().await? {
            why = Some(GiveUp::Deployment);
        }
        if let Some(why) = why {
            return Err(stays(app, &wanted, &older, why));
        }
        waiting.tell_if_due();
        elb.aws.control.unless_stopped(sleep(LOOK_AGAIN)).await?;
    }
}

/// Whether an app has moved at this moment.
pub async fn has_moved(elb: &Elb, moving: &Moving) -> Result<bool> {
    let found = elb.forwards(&moving.listener).await?;
    let now = known_among(&[], found.unwrap_or_default(), &moving.target_group);
    let (wanted, older) = look(elb, &moving.target_group, &now).await?;
    Ok(is_moved(&wanted, &older))
}

/// Has the listener of an app that moves share the requests.
async fn set_shares(elb: &Elb, moving: &Moving, shares: &[Forward]) -> Result<()> {
    let Moving { app, listener, .. } = moving;
    elb.forward(listener, shares).await?;
    for one in shares {
        let group = name_of(&one.target_group);
        let share = one.weight;
        let voice = &elb.aws.voice;
        voice.detail(|| format!("app {app}: target group {group} has share {share}"));
    }
    Ok(())
}

/// What is said of an app that did not move.
fn stays(app: &str, wanted: &Group, older: &[Group], why: GiveUp) -> Error {
    let name = name_of(&wanted.arn);
    let older: Vec<&str> = older.iter().map(|group| name_of(&group.arn)).collect();
    let older = older.join(", ");
    let why = match why {
        GiveUp::NeverHadTargets => "no target came".to_string(),
        GiveUp::LostTargets => "its targets went, and no others came".to_string(),
        GiveUp::Deployment => "its deployment was given up".to_string(),
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
