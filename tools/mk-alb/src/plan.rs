//! What an app's load balancer should be, what is there, and what follows. Pure. Each kind of resource
//! stands for itself in `plan/`; here is what they have in common.

mod balancer;
mod group;
mod listener;

use std::collections::{BTreeMap, BTreeSet};

use plumbing::name::{IDENTITY, LOAD_BALANCER_LIMIT, LONG_LIMIT};
use plumbing::{App, Difference, Env, Error, Result};

pub use balancer::{ATTRIBUTES, Balancer, PROTECTION, Place, balancer, failed, place};
pub use group::{GROUP_ATTRIBUTES, Group, Health, anothers, group};
pub use listener::{Listener, PORT, beside, listener, on_port, serves, serving};

/// The tag that tells whose app a load balancer and a target group are: their names are cut at 32.
pub const APP: &str = "plumbline:app";

/// The tags of a resource, or its attributes.
pub type Tags = BTreeMap<String, String>;

/// What an app asks for.
#[derive(Clone, Debug)]
pub struct Want {
    /// The app.
    pub app: String,
    /// The load balancer's name.
    pub balancer: String,
    /// The target group's name.
    pub group: String,
    /// The listener's name, a tag: AWS has none for it.
    pub listener: String,
    /// `internet-facing` or `internal`.
    pub scheme: &'static str,
    /// The port of the app's tasks.
    pub port: i32,
    /// How it is asked whether it is well.
    pub health: Health,
}

/// What could be ours by its name; the tags tell whether it is.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// Load balancers.
    pub balancers: Vec<Balancer>,
    /// Target groups.
    pub groups: Vec<Group>,
}

/// What has a name and tags.
pub trait Named {
    /// Its name in AWS.
    fn name(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> &Tags;
}

/// A part that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The tags that we set.
    Tags,
    /// A load balancer's security groups.
    SecurityGroups,
    /// A load balancer's subnets.
    Subnets,
    /// A target group's health check.
    Health,
    /// The attributes that we set.
    Attributes,
    /// Where a listener listens and forwards to.
    Action,
}

/// What differs, and in which part.
pub type Changes = Vec<(Part, Difference)>;

/// What follows for one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<T> {
    /// It is missing.
    Create,
    /// It is as wanted.
    Keep(T),
    /// It is there, and differs in what AWS can change.
    Change(T, Changes),
}

/// What an app asks for, in AWS's words.
pub fn want(env: &Env, app: &App) -> Want {
    let health = Health {
        protocol: "HTTP".into(),
        port: "traffic-port".into(),
        path: app.health.clone(),
        matcher: "200".into(),
        interval: 15,
        timeout: 5,
        healthy: 2,
        unhealthy: 3,
    };
    Want {
        app: app.name.clone(),
        balancer: balancer_name(env, &app.name),
        group: env.named("tg", &app.name, LOAD_BALANCER_LIMIT),
        listener: env.named("listener", &app.name, LONG_LIMIT),
        scheme: if app.public {
            "internet-facing"
        } else {
            "internal"
        },
        port: app.port.into(),
        health,
    }
}

/// The name of an app's load balancer.
pub fn balancer_name(env: &Env, app: &str) -> String {
    env.named("alb", app, LOAD_BALANCER_LIMIT)
}

/// The tags of an app's resource.
pub fn tags(env: &Env, app: &str, name: &str) -> Vec<(String, String)> {
    let mut tags = env.tags_of(name);
    tags.push((APP.into(), app.into()));
    tags
}

/// Whether a load balancer has all its tags.
pub fn is_tagged(env: &Env, want: &Want, have: &Balancer) -> bool {
    tag_changes(&have.tags, &tags(env, &want.app, &want.balancer)).is_empty()
}

/// Whether some of the changes are of tags.
pub fn retags(changes: &Changes) -> bool {
    changes.iter().any(|(part, _)| *part == Part::Tags)
}

/// What an app's resource is called by AWS's names.
pub fn named<'a, T: Named>(have: &'a [T], name: &str) -> Option<&'a T> {
    have.iter().find(|one| one.name() == name)
}

/// Refuses what no record from upstream can mend, before anything is made.
pub fn check(env: &Env, want: &Want, have: &Have) -> Result<()> {
    let balancer = named(&have.balancers, &want.balancer);
    let group = named(&have.groups, &want.group);
    balancer.map_or(Ok(()), |balancer| balancer::fits(env, want, balancer, None))?;
    group.map_or(Ok(()), |group| group::fits(env, want, group, None))
}

/// What differs in the attributes that we set.
pub fn attribute_changes(have: &Tags, want: &[(&str, &str)]) -> Changes {
    let old = |key: &str| have.get(key).map(String::as_str).unwrap_or_default();
    let differences = want
        .iter()
        .filter_map(|(key, new)| Difference::between(key, old(key), new));
    differences
        .map(|difference| (Part::Attributes, difference))
        .collect()
}

/// The parts to change, each once.
pub fn parts(changes: &Changes) -> BTreeSet<Part> {
    changes.iter().map(|(part, _)| *part).collect()
}

/// What differs, without its part: for the record.
pub fn differences(changes: &Changes) -> Vec<Difference> {
    changes
        .iter()
        .map(|(_, difference)| difference.clone())
        .collect()
}

fn owned(env: &Env, kind: &str, name: &str, tags: &Tags) -> Result<()> {
    if env.owns(tags) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{kind} {name} is there, but not this environment's: it lacks the tag {IDENTITY}={}",
        env.name
    ))
    .hint("delete it, or name the environment or the app otherwise"))
}

fn unchangeable<const N: usize>(
    env: &Env,
    want: &Want,
    kind: &str,
    name: &str,
    differences: [Option<Difference>; N],
) -> Result<()> {
    let words: Vec<String> = differences
        .into_iter()
        .flatten()
        .map(|d| format!("{} {}, wanted {}", d.field, d.old, d.new))
        .collect();
    if words.is_empty() {
        return Ok(());
    }
    let (env, app) = (&env.name, &want.app);
    Err(Error::refused(format!("{kind} {name} has {}; AWS cannot change that", words.join("; "))).hint(format!(
        r#"ls-env --env {env} | jq -c 'select(.type == "env" or .name == "{app}" and (.type | IN("service", "alb", "target_group", "listener")))' | rm-env --confirm {env}, then run the pipeline again"#
    )))
}

fn tag_changes(have: &Tags, want: &[(String, String)]) -> Changes {
    Difference::of_tags(have, want)
        .into_iter()
        .map(|difference| (Part::Tags, difference))
        .collect()
}

fn step<T: Clone>(have: &T, changes: Changes) -> Step<T> {
    match changes.is_empty() {
        true => Step::Keep(have.clone()),
        false => Step::Change(have.clone(), changes),
    }
}

#[cfg(test)]
mod tests {
    use super::balancer::tests::web_place;
    use super::group::tests::web_group;
    use super::listener::tests::web_listener;
    use super::*;
    use crate::record;

    pub(super) fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    pub(super) fn app(text: &str) -> App {
        serde_json::from_str(text).unwrap()
    }

    pub(super) fn web() -> Want {
        want(&env(), &app(r#"{"name":"web","public":true}"#))
    }

    pub(super) fn pairs(pairs: &[(&str, &str)]) -> Tags {
        pairs
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect()
    }

    pub(super) fn web_balancer() -> Balancer {
        Balancer {
            arn: "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/alb-web-production-pr1/1".into(),
            name: "alb-web-production-pr1".into(),
            scheme: "internet-facing".into(),
            kind: "application".into(),
            vpc: "vpc-1".into(),
            subnets: vec!["subnet-2".into(), "subnet-1".into()],
            security_groups: vec!["sg-1".into()],
            state: "active".into(),
            attributes: pairs(ATTRIBUTES),
            tags: tags(&env(), "web", "alb-web-production-pr1").into_iter().collect(),
            ..Balancer::default()
        }
    }

    pub(super) fn changes_of<T: std::fmt::Debug>(step: Result<Step<T>>) -> Vec<(Part, String)> {
        match step.unwrap() {
            Step::Change(_, changes) => changes
                .into_iter()
                .map(|(part, d)| (part, format!("{}: {} -> {}", d.field, d.old, d.new)))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names_fit_the_limit_and_the_tags_keep_the_app() {
        let long = want(&env(), &app(r#"{"name":"recommendations-of-the-day"}"#));
        assert!(long.balancer.len() <= 32 && long.group.len() <= 32 && long.balancer != long.group);
        let tags: Tags = tags(&env(), &long.app, &long.balancer)
            .into_iter()
            .collect();
        let balancer = Balancer {
            name: long.balancer,
            tags,
            ..Balancer::default()
        };
        assert_eq!(
            record::app_of(&env(), "alb", &balancer),
            "recommendations-of-the-day"
        );
    }

    #[test]
    fn what_is_missing_is_created() {
        assert_eq!(
            balancer(&env(), &web(), &web_place(), None).map(|step| matches!(step, Step::Create)),
            Ok(true)
        );
        assert_eq!(
            group(&env(), &web(), "vpc-1", None).map(|step| matches!(step, Step::Create)),
            Ok(true)
        );
        assert_eq!(
            listener(&env(), &web(), None, "tg-1").map(|step| matches!(step, Step::Create)),
            Ok(true)
        );
    }

    #[test]
    fn what_is_as_wanted_is_kept_in_whatever_order_aws_answers() {
        let (env, want) = (env(), web());
        assert!(matches!(
            balancer(&env, &want, &web_place(), Some(&web_balancer())),
            Ok(Step::Keep(_))
        ));
        assert!(matches!(
            group(&env, &want, "vpc-1", Some(&web_group())),
            Ok(Step::Keep(_))
        ));
        assert!(matches!(
            listener(&env, &want, Some(&web_listener()), "tg-1"),
            Ok(Step::Keep(_))
        ));
    }

    #[test]
    fn a_part_that_differs_twice_is_changed_once() {
        let difference = || Difference {
            field: "x".into(),
            old: "a".into(),
            new: "b".into(),
        };
        let changes = vec![
            (Part::Health, difference()),
            (Part::Tags, difference()),
            (Part::Health, difference()),
        ];
        assert_eq!(
            parts(&changes).into_iter().collect::<Vec<_>>(),
            [Part::Tags, Part::Health]
        );
    }

    #[test]
    fn what_lacks_the_identity_is_refused_by_name() {
        let theirs = Balancer {
            tags: pairs(&[(IDENTITY, "production-pr2")]),
            ..web_balancer()
        };
        let error = balancer(&env(), &web(), &web_place(), Some(&theirs)).unwrap_err();
        assert_eq!(
            error.message,
            "load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1"
        );
        let theirs = Group {
            tags: Tags::new(),
            ..web_group()
        };
        assert!(group(&env(), &web(), "vpc-1", Some(&theirs)).is_err());
        let theirs = Listener {
            tags: Tags::new(),
            ..web_listener()
        };
        assert!(listener(&env(), &web(), Some(&theirs), "tg-1").is_err());
    }

    #[test]
    fn what_aws_cannot_change_is_a_conflict() {
        let other = Balancer {
            scheme: "internal".into(),
            vpc: "vpc-2".into(),
            subnets: vec!["subnet-9".into()],
            ..web_balancer()
        };
        let error = balancer(&env(), &web(), &web_place(), Some(&other)).unwrap_err();
        assert_eq!(
            error.message,
            "load balancer alb-web-production-pr1 has scheme internal, wanted internet-facing; vpc vpc-2, wanted vpc-1; AWS cannot change that"
        );
        for other in [
            Group {
                kind: "instance".into(),
                ..web_group()
            },
            Group {
                protocol: "HTTPS".into(),
                ..web_group()
            },
            Group {
                port: 80,
                ..web_group()
            },
            Group {
                vpc: "vpc-2".into(),
                ..web_group()
            },
        ] {
            let error = group(&env(), &web(), "vpc-1", Some(&other)).unwrap_err();
            assert!(error.message.ends_with("AWS cannot change that"), "{error}");
        }
    }

    #[test]
    fn a_conflict_that_needs_no_record_is_found_before_anything_is_made() {
        let other = Balancer {
            scheme: "internal".into(),
            ..web_balancer()
        };
        let have = Have {
            balancers: vec![other],
            groups: Vec::new(),
        };
        assert!(check(&env(), &web(), &have).is_err());
        assert_eq!(check(&env(), &web(), &Have::default()), Ok(()));
    }
}
