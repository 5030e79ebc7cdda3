//! A listener: what is there, and what follows. Pure.

use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Result, Step};

use super::conflict::check_ours;
use super::tags::{Tags, tags};
use super::want::Want;

/// The port that every load balancer listens on.
pub const PORT: i32 = 80;

/// A listener.
#[derive(Clone, Debug, Default, PartialEq)]
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

/// A part of a listener that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The tags that we set.
    Tags,
    /// Its port, its protocol and what it forwards to.
    Settings,
}

/// What follows for the listener. Those of others on other ports stay as they are.
///
/// Errors: the one on port 80 is not ours.
pub fn step(
    env: &Env,
    want: &Want,
    target_group: &str,
    have: Option<Listener>,
) -> Result<Step<Listener, Part>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    let load_balancer = &want.load_balancer_name;
    let what = format!(
        "listener on port {} of load balancer {load_balancer}",
        have.port
    );
    check_ours(env, &what, &have.tags)?;
    let tags = Difference::of_tags(&have.tags, &tags(env, &want.app, &want.listener_name));
    let forwards_to = have.target_group.as_deref().unwrap_or("something else");
    let settings = [
        Difference::between("port", have.port, PORT),
        Difference::between("protocol", &have.protocol, "HTTP"),
        Difference::between("forwards to", forwards_to, target_group),
    ];
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Tags, tags));
    differences.extend(in_part(Part::Settings, settings.into_iter().flatten()));
    Ok(Step::from_differences(have, differences))
}

/// Whether a listener forwards to a target group as it should, whatever its tags say.
pub fn serves(have: &Listener, target_group: &str) -> bool {
    have.port == PORT
        && have.protocol == "HTTP"
        && have.target_group.as_deref() == Some(target_group)
}

/// The listener that is to serve the app: the one on port 80, ours or not; else one of ours that
/// somebody moved to another port.
pub fn of_app<'a>(env: &Env, want: &Want, have: &'a [Listener]) -> Option<&'a Listener> {
    match on_port(have, PORT) {
        Some(listener) => Some(listener),
        None => ours_on_other_ports(env, want, have).first().copied(),
    }
}

/// What a person is told where one of ours is on another port and port 80 is taken: it was moved
/// and another one was made, for example. It is of no use here, and no tool but `rm-env` deletes.
pub fn warning(env: &Env, want: &Want, have: &[Listener]) -> Option<String> {
    on_port(have, PORT)?;
    let mut ports = Vec::new();
    for listener in ours_on_other_ports(env, want, have) {
        ports.push(listener.port.to_string());
    }
    if ports.is_empty() {
        return None;
    }
    let name = &want.load_balancer_name;
    let ports = ports.join(", ");
    Some(format!(
        "load balancer {name} also listens on port {ports}; delete that listener"
    ))
}

/// The listener on a port.
pub fn on_port(have: &[Listener], port: i32) -> Option<&Listener> {
    have.iter().find(|listener| listener.port == port)
}

/// Those of ours that are not on port 80, the lowest port first. Somebody may have made one for the
/// same load balancer and given it the load balancer's tags: it has another name.
fn ours_on_other_ports<'a>(env: &Env, want: &Want, have: &'a [Listener]) -> Vec<&'a Listener> {
    let mut ours = Vec::new();
    for listener in have {
        let has_our_name = listener.tags.get("Name") == Some(&want.listener_name);
        if listener.port != PORT && env.owns(&listener.tags) && has_our_name {
            ours.push(listener);
        }
    }
    ours.sort_unstable_by_key(|listener| listener.port);
    ours
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::load_balancer::tests::differences_of;
    use crate::plan::want::tests::web;

    fn web_listener() -> Listener {
        let tags = tags(&Env::example(), "web", "listener-web-production-pr1");
        Listener {
            arn: "listener-1".into(),
            port: 80,
            protocol: "HTTP".into(),
            target_group: Some("tg-1".into()),
            tags: tags.into_iter().collect(),
        }
    }

    fn step_of_web(have: Option<Listener>) -> Result<Step<Listener, Part>> {
        step(&Env::example(), &web(), "tg-1", have)
    }

    #[test]
    fn a_missing_listener_is_created() {
        assert_eq!(step_of_web(None), Ok(Step::Create));
    }

    #[test]
    fn a_listener_as_wanted_is_kept() {
        let have = web_listener();
        assert_eq!(step_of_web(Some(have.clone())), Ok(Step::Keep(have)));
    }

    #[test]
    fn a_listener_that_forwards_elsewhere_is_changed() {
        let other = Listener {
            target_group: None,
            ..web_listener()
        };
        let expected = "forwards to: something else -> tg-1".to_string();
        assert_eq!(
            differences_of(step_of_web(Some(other))),
            [(Part::Settings, expected)]
        );
    }

    #[test]
    fn a_listener_without_our_identity_is_refused() {
        let theirs = Listener {
            tags: Tags::new(),
            ..web_listener()
        };
        assert!(step_of_web(Some(theirs)).is_err());
    }

    #[test]
    fn a_listener_that_serves_and_lost_a_tag_or_its_identity_is_no_other() {
        let mut other = web_listener();
        other.tags.insert("Name".into(), "x".into());
        let expected = "tag Name: x -> listener-web-production-pr1".to_string();
        assert_eq!(
            differences_of(step_of_web(Some(other.clone()))),
            [(Part::Tags, expected)]
        );
        other.tags = Tags::new();
        let error = step_of_web(Some(other)).unwrap_err();
        assert!(error.message.starts_with(
            "listener on port 80 of load balancer alb-web-production-pr1 is there, but"
        ));
    }

    #[test]
    fn a_listener_of_ours_on_another_port_is_moved_back_but_not_over_one_on_port_80() {
        let env = Env::example();
        let moved = Listener {
            port: 8080,
            ..web_listener()
        };
        let mut theirs = Listener {
            port: 443,
            ..web_listener()
        };
        // Given the load balancer's tags.
        let name = "alb-web-production-pr1".to_string();
        theirs.tags.insert("Name".into(), name);
        let found = of_app(&env, &web(), &[theirs.clone(), moved.clone()]).cloned();
        let expected = "port: 8080 -> 80".to_string();
        assert_eq!(
            differences_of(step_of_web(found)),
            [(Part::Settings, expected)]
        );
        assert!(of_app(&env, &web(), std::slice::from_ref(&theirs)).is_none());

        let untagged = Listener {
            port: 80,
            tags: Tags::new(),
            ..web_listener()
        };
        let all = [moved, untagged, theirs];
        let found = of_app(&env, &web(), &all).unwrap();
        assert_eq!(found.port, 80);
        let line =
            "load balancer alb-web-production-pr1 also listens on port 8080; delete that listener";
        assert_eq!(warning(&env, &web(), &all).as_deref(), Some(line));
        assert_eq!(warning(&env, &web(), &all[1..]), None);
    }
}
