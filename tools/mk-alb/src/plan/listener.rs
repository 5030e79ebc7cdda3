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

/// What follows for the listener; those of others on other ports are nobody's concern here.
///
/// Errors: the one on port 80 is not ours.
pub fn listener(
    env: &Env,
    want: &Want,
    have: Option<&Listener>,
    group: &str,
) -> Result<Step<Listener>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    owned(
        env,
        "listener",
        &format!("on port {} of load balancer {}", have.port, want.balancer),
        &have.tags,
    )?;
    let mut changes = tag_changes(&have.tags, &tags(env, &want.app, &want.listener));
    let target = have.target_group.as_deref().unwrap_or("something else");
    let action = [
        Difference::between("port", have.port, PORT),
        Difference::between("protocol", &have.protocol, "HTTP"),
        Difference::between("forwards to", target, group),
    ];
    changes.extend(
        action
            .into_iter()
            .flatten()
            .map(|difference| (Part::Action, difference)),
    );
    Ok(step(have, changes))
}

/// Whether a listener does what it is for, whatever its tags say.
pub fn serves(listener: &Listener, group: &str) -> bool {
    (listener.port, listener.protocol.as_str()) == (PORT, "HTTP")
        && listener.target_group.as_deref() == Some(group)
}

/// The listener that is to serve the app: the one on port 80, whosesoever; without it, one of ours that
/// somebody moved to another port.
pub fn serving<'a>(env: &Env, want: &Want, have: &'a [Listener]) -> Option<&'a Listener> {
    on_port(have).or_else(|| moved(env, want, have).first().copied())
}

/// What is said where one of ours is on another port beside the one on port 80: two runs ago it was moved,
/// say, and made again. Nothing that is wanted could be made of it, and `up` deletes nothing.
pub fn beside(env: &Env, want: &Want, have: &[Listener]) -> Option<String> {
    let ports: Vec<String> = moved(env, want, have)
        .iter()
        .map(|listener| listener.port.to_string())
        .collect();
    (on_port(have).is_some() && !ports.is_empty()).then(|| {
        format!(
            "load balancer {} also listens on port {}; delete that listener",
            want.balancer,
            ports.join(", ")
        )
    })
}

/// Those of ours on another port, the lowest first. The name keeps one out that somebody made for the
/// same load balancer and gave its tags.
fn moved<'a>(env: &Env, want: &Want, have: &'a [Listener]) -> Vec<&'a Listener> {
    let ours = |tags: &Tags| env.owns(tags) && tags.get("Name") == Some(&want.listener);
    let mut moved: Vec<&Listener> = have
        .iter()
        .filter(|one| one.port != PORT && ours(&one.tags))
        .collect();
    moved.sort_unstable_by_key(|listener| listener.port);
    moved
}

/// The listener on port 80.
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
            tags: tags(&env(), "web", "listener-web-production-pr1")
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn a_listener_that_forwards_elsewhere_is_changed() {
        let other = Listener {
            target_group: None,
            ..web_listener()
        };
        let changes = changes_of(listener(&env(), &web(), Some(&other), "tg-1"));
        assert_eq!(
            changes,
            [(
                Part::Action,
                "forwards to: something else -> tg-1".to_string()
            )]
        );
    }

    #[test]
    fn a_listener_that_serves_and_lost_a_tag_or_its_identity_is_no_other() {
        let mut other = web_listener();
        other.tags.insert("Name".into(), "x".into());
        let changes = changes_of(listener(&env(), &web(), Some(&other), "tg-1"));
        assert_eq!(
            changes,
            [(
                Part::Tags,
                "tag Name: x -> listener-web-production-pr1".to_string()
            )]
        );
        let error = listener(
            &env(),
            &web(),
            Some(&Listener {
                tags: Tags::new(),
                ..other
            }),
            "tg-1",
        )
        .unwrap_err();
        assert!(error.message.starts_with(
            "listener on port 80 of load balancer alb-web-production-pr1 is there, but"
        ));
    }

    #[test]
    fn a_listener_of_ours_on_another_port_is_moved_back_but_not_over_one_on_port_80() {
        let (env, web) = (env(), web());
        let moved = Listener {
            port: 8080,
            ..web_listener()
        };
        let mut theirs = Listener {
            port: 443,
            ..web_listener()
        };
        theirs
            .tags
            .insert("Name".into(), "alb-web-production-pr1".into()); // given the load balancer's tags
        let found = serving(&env, &web, &[theirs.clone(), moved.clone()]).cloned();
        let changes = changes_of(listener(&env, &web, found.as_ref(), "tg-1"));
        assert_eq!(changes, [(Part::Action, "port: 8080 -> 80".to_string())]);
        assert!(serving(&env, &web, std::slice::from_ref(&theirs)).is_none());

        let untagged = Listener {
            port: 80,
            tags: Tags::new(),
            ..web_listener()
        };
        let both = [moved, untagged, theirs];
        assert_eq!(
            serving(&env, &web, &both).map(|listener| listener.port),
            Some(80)
        );
        let line =
            "load balancer alb-web-production-pr1 also listens on port 8080; delete that listener";
        assert_eq!(beside(&env, &web, &both).as_deref(), Some(line));
        assert_eq!(beside(&env, &web, &both[1..]), None);
    }
}
