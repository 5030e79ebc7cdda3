//! A listener: what is there, and what follows. Pure.

use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Result, Step};

use super::Have;
use super::conflict::check_ours;
use super::rule::Rule;
use super::tags::{Tags, tags};
use super::traffic::{Forward, are_alike, are_pair, describe, main_of, plain};
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
    /// The target groups that it forwards to; none where it does something else.
    pub forwards: Vec<Forward>,
    /// The ARN of its default rule, where it forwards to several and that was asked for.
    pub rule: String,
    /// Its other rules with their tags, where an app without a load balancer of its own answers here.
    pub rules: Vec<Rule>,
    /// Its tags, once they were asked for.
    pub tags: Tags,
}

impl Listener {
    /// The target group that most requests are forwarded to.
    pub fn main_target_group(&self) -> Option<&str> {
        main_of(&self.forwards)
    }
}

/// A part of a listener that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The tags that we set.
    Tags,
    /// Its port, its protocol and what it forwards to.
    Settings,
}

/// What follows for the listener, which is to forward to `forwards`, the wanted one first. Those of others on other ports
/// stay as they are.
///
/// Errors: the one on port 80 is not ours.
pub fn step(
    env: &Env,
    want: &Want,
    forwards: &[Forward],
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
    let mut settings = vec![
        Difference::between("port", have.port, PORT),
        Difference::between("protocol", &have.protocol, "HTTP"),
    ];
    if !are_alike(&have.forwards, forwards) {
        let old = describe(&have.forwards);
        // The shares of the others are on their way to nothing.
        let wanted = match want.alternate_name {
            Some(_) => describe(forwards),
            None => describe(&forwards[..1]),
        };
        settings.push(Difference::between("forwards to", old, wanted));
    }
    let mut differences = Differences::new();
    differences.extend(in_part(Part::Tags, tags));
    differences.extend(in_part(Part::Settings, settings.into_iter().flatten()));
    Ok(Step::from_differences(have, differences))
}

/// Whether a listener forwards to a target group as it should, whatever its tags say.
pub fn serves(have: &Listener, target_group: &str) -> bool {
    have.port == PORT && have.protocol == "HTTP" && are_alike(&have.forwards, &plain(target_group))
}

/// Whether a listener forwards to two target groups alone, whichever of them has which share: ECS moves
/// that.
pub fn serves_pair(have: &Listener, pair: [&str; 2]) -> bool {
    have.port == PORT && have.protocol == "HTTP" && are_pair(&have.forwards, pair)
}

/// Whether one of some listeners forwards to a target group, and is not among those that were there.
pub fn is_used_since(all: &Have, listeners: &[Listener], target_group: &str) -> bool {
    listeners.iter().any(|listener| {
        let mut before = all.load_balancers.iter().flat_map(|one| &one.listeners);
        let mut forwards = listener.forwards.iter();
        forwards.any(|one| one.target_group == target_group)
            && !before.any(|one| one.arn == listener.arn)
    })
}

/// The listener that is to serve the app: the one on port 80, ours or not; else one of ours that
/// somebody moved to another port.
pub fn of_app<'a>(env: &Env, want: &Want, have: &'a [Listener]) -> Option<&'a Listener> {
    match on_port(have, PORT) {
        Some(listener) => Some(listener),
        None => ours_on_other_ports(env, want, have).first().copied(),
    }
}

/// The listeners of ours beside the one that serves the app: one that was moved to another port, and
/// another one made, for example. Nothing needs them.
pub fn surplus<'a>(env: &Env, want: &Want, have: &'a [Listener]) -> Vec<&'a Listener> {
    let serving = of_app(env, want, have);
    let mut ours = ours_on_other_ports(env, want, have);
    ours.retain(|listener| serving != Some(*listener));
    ours
}

/// What a person is told of listeners that are not ours: they stay.
pub fn told_of_others(env: &Env, want: &Want, have: &[Listener]) -> Vec<String> {
    let ours = ours_on_other_ports(env, want, have);
    let mut lines = Vec::new();
    for listener in have {
        if listener.port != PORT && !ours.contains(&listener) {
            let name = &want.load_balancer_name;
            let port = listener.port;
            lines.push(format!(
                "load balancer {name} also listens on port {port}, which is none of ours; it stays: delete that listener if nobody wants it"
            ));
        }
    }
    lines
}

/// The ARN of the default rule among those of a listener.
pub fn default_of(rules: Vec<Rule>) -> Option<String> {
    let mut rules = rules.into_iter();
    rules.find(Rule::is_default).map(|rule| rule.arn)
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
    use crate::plan::load_balancer::tests::{differences_of, web_load_balancer};
    use crate::plan::want::tests::web;

    fn web_listener() -> Listener {
        let tags = tags(&Env::example(), "web", "listener-web-production-pr1");
        Listener {
            arn: "listener-1".into(),
            port: 80,
            protocol: "HTTP".into(),
            forwards: plain("tg-1"),
            tags: tags.into_iter().collect(),
            ..Listener::default()
        }
    }

    fn step_of_web(have: Option<Listener>) -> Result<Step<Listener, Part>> {
        step(&Env::example(), &web(), &plain("tg-1"), have)
    }

    #[test]
    fn a_target_group_is_used_again_by_a_listener_that_was_not_there() {
        let mut all = Have::default();
        let found = [web_listener()];
        assert!(is_used_since(&all, &found, "tg-1"));
        assert!(!is_used_since(&all, &found, "tg-2"));
        let mut before = web_load_balancer();
        before.listeners = found.to_vec();
        all.load_balancers.push(before);
        assert!(!is_used_since(&all, &found, "tg-1"), "not yet gone");
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
            forwards: Vec::new(),
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
        let surplus = |have| super::surplus(&env, &web(), have).len();
        assert_eq!(surplus(&all), 1);
        assert_eq!(super::surplus(&env, &web(), &all)[0].port, 8080);
        assert_eq!(surplus(&all[1..]), 0);
        let line = "load balancer alb-web-production-pr1 also listens on port 443, which is none of ours; it stays: delete that listener if nobody wants it";
        assert_eq!(told_of_others(&env, &web(), &all), [line]);
    }

    #[test]
    fn one_of_ours_that_is_moved_back_is_no_surplus() {
        let moved = Listener {
            port: 8080,
            ..web_listener()
        };
        let all = [moved];
        assert_eq!(surplus(&Env::example(), &web(), &all), [&all[0]; 0]);
        assert!(told_of_others(&Env::example(), &web(), &all).is_empty());
    }

    #[test]
    fn a_listener_forwards_mainly_to_the_largest_share() {
        let mut have = web_listener();
        assert_eq!(have.main_target_group(), Some("tg-1"));
        have.forwards[0].weight = 0;
        have.forwards.extend(plain("tg-2"));
        assert_eq!(have.main_target_group(), Some("tg-2"));
        assert!(!serves(&have, "tg-2"));
        have.forwards.clear();
        assert_eq!(have.main_target_group(), None);
    }

    #[test]
    fn the_default_rule_is_told_from_others() {
        let rule = |arn: &str, priority: &str| Rule {
            arn: arn.into(),
            priority: priority.into(),
            ..Rule::default()
        };
        let both = [rule("rule-7", "7"), rule("rule-0", "default")];
        assert_eq!(default_of(both.to_vec()).as_deref(), Some("rule-0"));
        assert_eq!(default_of(both[..1].to_vec()), None);
    }
}
