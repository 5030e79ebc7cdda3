//! A listener: what is there, and what follows. Pure.

use plumbing::{Difference, Env, Result};

use super::{Part, Step, Tags, Want, owned, step, tag_changes, tags};

/// The port that every load balancer listens on.
pub const PORT: i32 = 80;

/// A listener.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// Its ARN.
    pub arn: String,
    /// The port it listens on.
    pub port: i32,
    /// `HTTP`.
    pub protocol: String,
    /// The target group, where it forwards to one alone.
    pub target_group: Option<String>,
    /// Its tags, once they were asked for.
    pub tags: Tags,
}

/// What follows for the listener; those on other ports are nobody's concern here.
///
/// Errors: the one on port 80 is not ours.
pub fn listener(env: &Env, want: &Want, have: Option<&Listener>, group: &str) -> Result<Step<Listener>> {
    let Some(have) = have else { return Ok(Step::Create) };
    owned(env, "listener", &format!("on port {PORT} of load balancer {}", want.balancer), &have.tags)?;
    let mut changes = tag_changes(&have.tags, &tags(env, &want.app, &want.listener));
    let target = have.target_group.as_deref().unwrap_or("something else");
    let action =
        [Difference::between("protocol", &have.protocol, "HTTP"), Difference::between("forwards to", target, group)];
    changes.extend(action.into_iter().flatten().map(|difference| (Part::Action, difference)));
    Ok(step(have, changes))
}

/// Whether a listener on our own load balancer does what it is for. Its tags need not be read then,
/// which would be a third call after another: they went into its create call.
pub fn serves(listener: &Listener, group: &str) -> bool {
    listener.protocol == "HTTP" && listener.target_group.as_deref() == Some(group)
}

/// The listener that serves the app.
pub fn on_port(have: &[Listener]) -> Option<&Listener> {
    have.iter().find(|listener| listener.port == PORT)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::tests::{changes_of, env, web};

    pub fn web_listener() -> Listener {
        Listener {
            arn: "listener-1".into(),
            port: 80,
            protocol: "HTTP".into(),
            target_group: Some("tg-1".into()),
            tags: tags(&env(), "web", "listener-web-production-pr1").into_iter().collect(),
        }
    }

    #[test]
    fn a_listener_that_forwards_elsewhere_is_changed() {
        let other = Listener { target_group: None, ..web_listener() };
        let changes = changes_of(listener(&env(), &web(), Some(&other), "tg-1"));
        assert_eq!(changes, [(Part::Action, "forwards to: something else -> tg-1".to_string())]);
    }
}
