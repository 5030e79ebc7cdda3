//! What an app's load balancer should be, what is there, and what follows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::name::{IDENTITY, LOAD_BALANCER_LIMIT, LONG_LIMIT};
use plumbing::{App, Difference, Env, Error, Result, Vpc};

/// The tag that tells whose app a load balancer and a target group are: their names are cut at 32.
pub const APP: &str = "plumbline:app";
/// The port that every load balancer listens on.
pub const PORT: i32 = 80;
/// Headers that are not as HTTP wants them are dropped, and doubtful requests go on connections of
/// their own: what request smuggling needs. Deletion protection is left as it is.
pub const ATTRIBUTES: &[(&str, &str)] = &[
    ("routing.http.drop_invalid_header_fields.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
];
/// AWS's 300 s would hold up each deployment and each `rm-env`; requests here take seconds.
pub const GROUP_ATTRIBUTES: &[(&str, &str)] = &[("deregistration_delay.timeout_seconds", "30")];
/// The attribute that keeps a load balancer from being deleted.
pub const PROTECTION: &str = "deletion_protection.enabled";

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

/// Where a load balancer is to stand, from the records of the tools upstream.
#[derive(Clone, Debug)]
pub struct Place {
    /// `vpc-…`.
    pub vpc: String,
    /// One subnet in each zone.
    pub subnets: Vec<String>,
    /// `sg-…`.
    pub security_group: String,
}

/// The settings of a target group's health check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// `HTTP`.
    pub protocol: String,
    /// `traffic-port`.
    pub port: String,
    /// What is asked for.
    pub path: String,
    /// The status codes that count as well.
    pub matcher: String,
    /// Seconds between two checks.
    pub interval: i32,
    /// Seconds until a check has failed.
    pub timeout: i32,
    /// Good checks in a row until a target is healthy.
    pub healthy: i32,
    /// Bad checks in a row until it is not.
    pub unhealthy: i32,
}

/// What could be ours by its name; the tags tell whether it is.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// Load balancers.
    pub balancers: Vec<Balancer>,
    /// Target groups.
    pub groups: Vec<Group>,
}

/// A load balancer.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The name under which it is reached.
    pub dns: String,
    /// The hosted zone of that name, for alias records.
    pub zone: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// `application`, `network` or `gateway`.
    pub kind: String,
    /// `vpc-…`.
    pub vpc: String,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its security groups.
    pub security_groups: Vec<String>,
    /// `provisioning`, `active`, `active_impaired` or `failed`.
    pub state: String,
    /// Why it failed.
    pub reason: String,
    /// Its attributes.
    pub attributes: Tags,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// Its tags.
    pub tags: Tags,
}

/// A target group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// `ip`, `instance`, `lambda` or `alb`.
    pub kind: String,
    /// `HTTP`.
    pub protocol: String,
    /// The port of its targets.
    pub port: i32,
    /// `vpc-…`.
    pub vpc: String,
    /// Its health check.
    pub health: Health,
    /// The ARNs of the load balancers that use it: AWS allows one.
    pub balancers: Vec<String>,
    /// Its attributes.
    pub attributes: Tags,
    /// Its tags.
    pub tags: Tags,
}

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

/// What has a name and tags.
pub trait Named {
    /// Its name in AWS.
    fn name(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> &Tags;
}

impl Named for Balancer {
    fn name(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Named for Group {
    fn name(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
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
    /// Where a listener forwards to.
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
        balancer: env.named("alb", &app.name, LOAD_BALANCER_LIMIT),
        group: env.named("tg", &app.name, LOAD_BALANCER_LIMIT),
        listener: env.named("listener", &app.name, LONG_LIMIT),
        scheme: if app.public { "internet-facing" } else { "internal" },
        port: app.port.into(),
        health,
    }
}

/// Where the load balancer stands: in the public subnets if the internet is to reach it.
///
/// Errors: too few subnets, which AWS would refuse later.
pub fn place(want: &Want, vpc: &Vpc, security_group: &str) -> Result<Place> {
    let (side, subnets) = match want.scheme {
        "internet-facing" => ("public", &vpc.public_subnets),
        _ => ("private", &vpc.private_subnets),
    };
    if subnets.len() < 2 {
        return Err(Error::input(format!(
            "vpc '{}' has {} of the two {side} subnets that a load balancer needs, in different zones",
            vpc.name,
            subnets.len()
        )));
    }
    Ok(Place { vpc: vpc.id.clone(), subnets: subnets.clone(), security_group: security_group.into() })
}

/// The tags of an app's resource.
pub fn tags(env: &Env, app: &str, name: &str) -> Vec<(String, String)> {
    let mut tags = env.tags_of(name);
    tags.push((APP.into(), app.into()));
    tags
}

/// What an app's resource is called by AWS's names.
pub fn named<'a, T: Named>(have: &'a [T], name: &str) -> Option<&'a T> {
    have.iter().find(|one| one.name() == name)
}

/// Refuses what no record from upstream can mend, before anything is made.
pub fn check(env: &Env, want: &Want, have: &Have) -> Result<()> {
    let balancer = named(&have.balancers, &want.balancer);
    let group = named(&have.groups, &want.group);
    balancer.map_or(Ok(()), |balancer| balancer_fits(env, want, balancer, None))?;
    group.map_or(Ok(()), |group| group_fits(env, want, group, None))
}

/// What follows for the load balancer.
///
/// Errors: one of its name is not ours, failed, or differs in what AWS cannot change.
pub fn balancer(env: &Env, want: &Want, place: &Place, have: Option<&Balancer>) -> Result<Step<Balancer>> {
    let Some(have) = have else { return Ok(Step::Create) };
    balancer_fits(env, want, have, Some(&place.vpc))?;
    let differs = |field, have: &[String], want: &[String]| Difference::between(field, list(have), list(want));
    let mut changes = tag_changes(&have.tags, &tags(env, &want.app, &want.balancer));
    let groups = differs("security groups", &have.security_groups, std::slice::from_ref(&place.security_group));
    changes.extend(groups.map(|difference| (Part::SecurityGroups, difference)));
    changes.extend(differs("subnets", &have.subnets, &place.subnets).map(|difference| (Part::Subnets, difference)));
    changes.extend(attribute_changes(&have.attributes, ATTRIBUTES));
    Ok(step(have, changes))
}

/// What follows for the target group.
///
/// Errors: one of its name is not ours, another load balancer's, or differs in what AWS cannot
/// change.
pub fn group(env: &Env, want: &Want, vpc: &str, have: Option<&Group>) -> Result<Step<Group>> {
    let Some(have) = have else { return Ok(Step::Create) };
    group_fits(env, want, have, Some(vpc))?;
    let mut changes = tag_changes(&have.tags, &tags(env, &want.app, &want.group));
    changes.extend(have.health.differences(&want.health).into_iter().map(|difference| (Part::Health, difference)));
    changes.extend(attribute_changes(&have.attributes, GROUP_ATTRIBUTES));
    Ok(step(have, changes))
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

/// What differs in the attributes that we set.
pub fn attribute_changes(have: &Tags, want: &[(&str, &str)]) -> Changes {
    let old = |key: &str| have.get(key).map(String::as_str).unwrap_or_default();
    let differences = want.iter().filter_map(|(key, new)| Difference::between(key, old(key), new));
    differences.map(|difference| (Part::Attributes, difference)).collect()
}

/// The parts to change, each once.
pub fn parts(changes: &Changes) -> BTreeSet<Part> {
    changes.iter().map(|(part, _)| *part).collect()
}

/// What differs, without its part: for the record.
pub fn differences(changes: &Changes) -> Vec<Difference> {
    changes.iter().map(|(_, difference)| difference.clone()).collect()
}

/// A load balancer that AWS could not make, in words.
pub fn failed(name: &str, reason: &str) -> Error {
    Error::refused(format!("load balancer {name} is failed: {reason} (elasticloadbalancing:CreateLoadBalancer)"))
        .hint("delete it and run the pipeline again")
}

fn balancer_fits(env: &Env, want: &Want, have: &Balancer, vpc: Option<&str>) -> Result<()> {
    owned(env, "load balancer", &have.name, &have.tags)?;
    let fixed = [
        Difference::between("type", &have.kind, "application"),
        Difference::between("scheme", &have.scheme, want.scheme),
        vpc.and_then(|vpc| Difference::between("vpc", &have.vpc, vpc)),
    ];
    unchangeable(env, want, "load balancer", &have.name, fixed)?;
    if have.state == "failed" {
        return Err(failed(&have.name, &have.reason));
    }
    Ok(())
}

fn group_fits(env: &Env, want: &Want, have: &Group, vpc: Option<&str>) -> Result<()> {
    owned(env, "target group", &have.name, &have.tags)?;
    let fixed = [
        Difference::between("target type", &have.kind, "ip"),
        Difference::between("protocol", &have.protocol, "HTTP"),
        Difference::between("port", have.port, want.port),
        vpc.and_then(|vpc| Difference::between("vpc", &have.vpc, vpc)),
    ];
    unchangeable(env, want, "target group", &have.name, fixed)?;
    let ours = format!("/app/{}/", want.balancer);
    match have.balancers.iter().find(|arn| !arn.contains(&ours)) {
        Some(other) => Err(Error::refused(format!(
            "target group {} is used by another load balancer, {other}; AWS lets one use it",
            have.name
        ))
        .hint("delete that one's listener or rule and run the pipeline again")),
        None => Ok(()),
    }
}

fn owned(env: &Env, kind: &str, name: &str, tags: &Tags) -> Result<()> {
    if env.owns(tags) {
        return Ok(());
    }
    Err(Error::refused(format!(
        "{kind} {name} is there, but not this environment's: it lacks the tag {IDENTITY}={}",
        env.name
    ))
    .hint("delete it, or make an environment of another name"))
}

fn unchangeable<const N: usize>(
    env: &Env,
    want: &Want,
    kind: &str,
    name: &str,
    differences: [Option<Difference>; N],
) -> Result<()> {
    let words: Vec<String> =
        differences.into_iter().flatten().map(|d| format!("{} {}, wanted {}", d.field, d.old, d.new)).collect();
    if words.is_empty() {
        return Ok(());
    }
    let (env, app) = (&env.name, &want.app);
    Err(Error::refused(format!("{kind} {name} has {}; AWS cannot change that", words.join("; "))).hint(format!(
        r#"ls-env --env {env} | jq -c 'select(.type == "env" or .name == "{app}" and (.type | IN("service", "alb", "target_group", "listener")))' | rm-env --confirm {env}, then run the pipeline again"#
    )))
}

fn tag_changes(have: &Tags, want: &[(String, String)]) -> Changes {
    Difference::of_tags(have, want).into_iter().map(|difference| (Part::Tags, difference)).collect()
}

fn step<T: Clone>(have: &T, changes: Changes) -> Step<T> {
    match changes.is_empty() {
        true => Step::Keep(have.clone()),
        false => Step::Change(have.clone(), changes),
    }
}

/// IDs in an order of their own: AWS answers them in any.
fn list(ids: &[String]) -> String {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    ids.into_iter().collect::<Vec<_>>().join(",")
}

impl Health {
    fn differences(&self, want: &Health) -> Vec<Difference> {
        let seconds = |time: i32| format!("{time}s");
        let all = [
            Difference::between("health protocol", &self.protocol, &want.protocol),
            Difference::between("health port", &self.port, &want.port),
            Difference::between("health path", &self.path, &want.path),
            Difference::between("health codes", &self.matcher, &want.matcher),
            Difference::between("health interval", seconds(self.interval), seconds(want.interval)),
            Difference::between("health timeout", seconds(self.timeout), seconds(want.timeout)),
            Difference::between("healthy after", self.healthy, want.healthy),
            Difference::between("unhealthy after", self.unhealthy, want.unhealthy),
        ];
        all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record;

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    fn app(text: &str) -> App {
        serde_json::from_str(text).unwrap()
    }

    fn web() -> Want {
        want(&env(), &app(r#"{"name":"web","public":true}"#))
    }

    fn web_place() -> Place {
        Place {
            vpc: "vpc-1".into(),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            security_group: "sg-1".into(),
        }
    }

    fn pairs(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn web_balancer() -> Balancer {
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

    fn web_group() -> Group {
        Group {
            arn: "tg-1".into(),
            name: "tg-web-production-pr1".into(),
            kind: "ip".into(),
            protocol: "HTTP".into(),
            port: 5000,
            vpc: "vpc-1".into(),
            health: web().health,
            balancers: vec![web_balancer().arn],
            attributes: pairs(GROUP_ATTRIBUTES),
            tags: tags(&env(), "web", "tg-web-production-pr1").into_iter().collect(),
        }
    }

    fn web_listener() -> Listener {
        Listener {
            arn: "listener-1".into(),
            port: 80,
            protocol: "HTTP".into(),
            target_group: Some("tg-1".into()),
            tags: tags(&env(), "web", "listener-web-production-pr1").into_iter().collect(),
        }
    }

    fn changes_of<T: std::fmt::Debug>(step: Result<Step<T>>) -> Vec<(Part, String)> {
        match step.unwrap() {
            Step::Change(_, changes) => {
                changes.into_iter().map(|(part, d)| (part, format!("{}: {} -> {}", d.field, d.old, d.new))).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_public_app_stands_in_public_subnets_and_any_other_in_private_ones() {
        let vpc = Vpc {
            id: "vpc-1".into(),
            public_subnets: vec!["a".into(), "b".into()],
            private_subnets: vec!["c".into(), "d".into()],
            ..Vpc::default()
        };
        let api = want(&env(), &app(r#"{"name":"api"}"#));
        assert_eq!(
            (web().scheme, place(&web(), &vpc, "sg-1").unwrap().subnets),
            ("internet-facing", vpc.public_subnets.clone())
        );
        assert_eq!((api.scheme, place(&api, &vpc, "sg-1").unwrap().subnets), ("internal", vpc.private_subnets.clone()));
    }

    #[test]
    fn names_fit_the_limit_and_the_tags_keep_the_app() {
        let long = want(&env(), &app(r#"{"name":"recommendations-of-the-day"}"#));
        assert!(long.balancer.len() <= 32 && long.group.len() <= 32 && long.balancer != long.group);
        let tags: Tags = tags(&env(), &long.app, &long.balancer).into_iter().collect();
        let balancer = Balancer { name: long.balancer, tags, ..Balancer::default() };
        assert_eq!(record::app_of(&env(), "alb", &balancer), "recommendations-of-the-day");
    }

    #[test]
    fn what_is_missing_is_created() {
        assert_eq!(balancer(&env(), &web(), &web_place(), None).map(|step| matches!(step, Step::Create)), Ok(true));
        assert_eq!(group(&env(), &web(), "vpc-1", None).map(|step| matches!(step, Step::Create)), Ok(true));
        assert_eq!(listener(&env(), &web(), None, "tg-1").map(|step| matches!(step, Step::Create)), Ok(true));
    }

    #[test]
    fn what_is_as_wanted_is_kept_in_whatever_order_aws_answers() {
        let (env, want) = (env(), web());
        assert!(matches!(balancer(&env, &want, &web_place(), Some(&web_balancer())), Ok(Step::Keep(_))));
        assert!(matches!(group(&env, &want, "vpc-1", Some(&web_group())), Ok(Step::Keep(_))));
        assert!(matches!(listener(&env, &want, Some(&web_listener()), "tg-1"), Ok(Step::Keep(_))));
    }

    #[test]
    fn each_difference_of_a_load_balancer_has_its_part() {
        let mut other = web_balancer();
        other.security_groups = vec!["sg-1".into(), "sg-2".into()];
        other.subnets = vec!["subnet-1".into(), "subnet-3".into()];
        other.attributes.remove(ATTRIBUTES[1].0);
        other.tags.insert("Name".into(), "x".into());
        let changes = changes_of(balancer(&env(), &web(), &web_place(), Some(&other)));
        assert_eq!(
            changes,
            [
                (Part::Tags, "tag Name: x -> alb-web-production-pr1".to_string()),
                (Part::SecurityGroups, "security groups: sg-1,sg-2 -> sg-1".to_string()),
                (Part::Subnets, "subnets: subnet-1,subnet-3 -> subnet-1,subnet-2".to_string()),
                (Part::Attributes, "routing.http.desync_mitigation_mode:  -> defensive".to_string()),
            ]
        );
    }

    #[test]
    fn each_difference_of_a_target_group_has_its_part() {
        let mut other = web_group();
        other.health.path = "/old".into();
        other.health.interval = 30;
        other.attributes.insert(GROUP_ATTRIBUTES[0].0.into(), "300".into());
        let changes = changes_of(group(&env(), &web(), "vpc-1", Some(&other)));
        assert_eq!(
            changes,
            [
                (Part::Health, "health path: /old -> /".to_string()),
                (Part::Health, "health interval: 30s -> 15s".to_string()),
                (Part::Attributes, "deregistration_delay.timeout_seconds: 300 -> 30".to_string()),
            ]
        );
    }

    #[test]
    fn a_part_that_differs_twice_is_changed_once() {
        let difference = || Difference { field: "x".into(), old: "a".into(), new: "b".into() };
        let changes = vec![(Part::Health, difference()), (Part::Tags, difference()), (Part::Health, difference())];
        assert_eq!(parts(&changes).into_iter().collect::<Vec<_>>(), [Part::Tags, Part::Health]);
    }

    #[test]
    fn a_listener_that_forwards_elsewhere_is_changed() {
        let other = Listener { target_group: None, ..web_listener() };
        let changes = changes_of(listener(&env(), &web(), Some(&other), "tg-1"));
        assert_eq!(changes, [(Part::Action, "forwards to: something else -> tg-1".to_string())]);
    }

    #[test]
    fn what_lacks_the_identity_is_refused_by_name() {
        let theirs = Balancer { tags: pairs(&[(IDENTITY, "production-pr2")]), ..web_balancer() };
        let error = balancer(&env(), &web(), &web_place(), Some(&theirs)).unwrap_err();
        assert_eq!(
            error.message,
            "load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1"
        );
        let theirs = Group { tags: Tags::new(), ..web_group() };
        assert!(group(&env(), &web(), "vpc-1", Some(&theirs)).is_err());
        let theirs = Listener { tags: Tags::new(), ..web_listener() };
        assert!(listener(&env(), &web(), Some(&theirs), "tg-1").is_err());
    }

    #[test]
    fn what_aws_cannot_change_is_a_conflict() {
        let other = Balancer { scheme: "internal".into(), vpc: "vpc-2".into(), ..web_balancer() };
        let error = balancer(&env(), &web(), &web_place(), Some(&other)).unwrap_err();
        assert_eq!(
            error.message,
            "load balancer alb-web-production-pr1 has scheme internal, wanted internet-facing; vpc vpc-2, wanted vpc-1; AWS cannot change that"
        );
        for other in [
            Group { kind: "instance".into(), ..web_group() },
            Group { protocol: "HTTPS".into(), ..web_group() },
            Group { port: 80, ..web_group() },
            Group { vpc: "vpc-2".into(), ..web_group() },
        ] {
            let error = group(&env(), &web(), "vpc-1", Some(&other)).unwrap_err();
            assert!(error.message.ends_with("AWS cannot change that"), "{error}");
        }
    }

    #[test]
    fn a_conflict_that_needs_no_record_is_found_before_anything_is_made() {
        let other = Balancer { scheme: "internal".into(), ..web_balancer() };
        let have = Have { balancers: vec![other], groups: Vec::new() };
        assert!(check(&env(), &web(), &have).is_err());
        assert_eq!(check(&env(), &web(), &Have::default()), Ok(()));
    }

    #[test]
    fn a_target_group_of_another_load_balancer_is_a_conflict() {
        let theirs = web_balancer().arn.replace("alb-web-production-pr1", "theirs");
        let other = Group { balancers: vec![theirs], ..web_group() };
        let error = group(&env(), &web(), "vpc-1", Some(&other)).unwrap_err();
        assert!(error.message.contains("is used by another load balancer"), "{error}");
    }

    #[test]
    fn a_failed_load_balancer_is_told_with_its_reason() {
        let failed = Balancer { state: "failed".into(), reason: "no capacity".into(), ..web_balancer() };
        let error = balancer(&env(), &web(), &web_place(), Some(&failed)).unwrap_err();
        assert!(error.message.contains("alb-web-production-pr1 is failed: no capacity"), "{error}");
    }
}
