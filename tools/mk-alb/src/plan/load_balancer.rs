//! A load balancer: in which network it is to be, what is there, and what follows. Pure.

use std::collections::BTreeSet;

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Error, Result, Step, Vpc};

use super::conflict::{check_ours, check_unchangeable};
use super::listener::Listener;
use super::tags::{Tags, attribute_differences, differences, differing, tags};
use super::want::{PUBLIC, Want};

/// Headers that are not valid HTTP are dropped, and a doubtful request gets a connection of its
/// own: request smuggling needs both. Deletion protection is left as it is.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("routing.http.drop_invalid_header_fields.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
];

/// Values that are stricter than ours: somebody hardened it, and they stay.
const STRICTER: &[(&str, &str)] = &[("routing.http.desync_mitigation_mode", "strictest")];

/// The attribute that keeps a load balancer from being deleted.
pub const PROTECTION: &str = "deletion_protection.enabled";

/// Where a load balancer is to be, from the records of the tools upstream.
#[derive(Clone, Debug)]
pub struct Network {
    /// `vpc-…`.
    pub vpc: String,
    /// One subnet in each zone.
    pub subnets: Vec<String>,
    /// The names of these zones, as far as the VPC's record tells.
    pub zones: Vec<String>,
    /// Subnets of zones that the network leaves: one that it is in it keeps to the end, since tasks in
    /// a zone where their load balancer is not are reached by nobody.
    pub left: Vec<String>,
    /// `sg-…`.
    pub security_group: String,
}

/// A load balancer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoadBalancer {
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
    /// When it was made, in milliseconds since 1970.
    pub created: i64,
    /// Its attributes.
    pub attributes: Tags,
    /// Its listeners.
    pub listeners: Vec<Listener>,
    /// Its tags.
    pub tags: Tags,
}

/// A part of a load balancer that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The tags that we set.
    Tags,
    /// Its security groups.
    SecurityGroups,
    /// Its subnets.
    Subnets,
    /// The attributes that we set.
    Attributes,
}

/// The network of a load balancer: the public subnets if the internet is to reach it.
///
/// Errors: too few subnets, which AWS would refuse later.
pub fn network(want: &Want, vpc: &Vpc, security_group: &str) -> Result<Network> {
    let (side, subnets) = match want.scheme {
        PUBLIC => ("public", &vpc.public_subnets),
        _ => ("private", &vpc.private_subnets),
    };
    if subnets.len() < 2 {
        return Err(Error::input(format!(
            "vpc '{}' has {} of the two {side} subnets that a load balancer needs, in different zones",
            vpc.name,
            subnets.len()
        )));
    }
    Ok(Network {
        vpc: vpc.id.clone(),
        subnets: subnets.clone(),
        zones: vpc.zones.clone(),
        left: vpc.left_subnets.clone(),
        security_group: security_group.into(),
    })
}

/// What follows for the load balancer.
///
/// Errors: one of its name is not ours, failed, or differs in what AWS cannot change.
pub fn step(
    env: &Env,
    want: &Want,
    network: &Network,
    have: Option<LoadBalancer>,
) -> Result<Step<LoadBalancer, Part>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    check(env, want, Some(network), &have)?;
    let security_groups = Difference::between(
        "security groups",
        sorted(&have.security_groups),
        &network.security_group,
    );
    let wanted = subnets(network, &have);
    let subnets = Difference::between("subnets", sorted(&have.subnets), sorted(&wanted));
    let attributes = attribute_differences(&have.attributes, &attributes(&have));
    let of_app = differences(&have.attributes, &want.balancer_attributes);
    let mut all = Differences::new();
    all.extend(in_part(Part::Tags, tag_differences(env, want, &have)));
    all.extend(in_part(Part::SecurityGroups, security_groups));
    all.extend(in_part(Part::Subnets, subnets));
    all.extend(in_part(Part::Attributes, attributes));
    all.extend(in_part(Part::Attributes, of_app));
    Ok(Step::from_differences(have, all))
}

/// The subnets that a load balancer should be in: the wanted ones, and those that it is in and that the
/// network leaves.
pub fn subnets(network: &Network, have: &LoadBalancer) -> Vec<String> {
    let mut subnets = network.subnets.clone();
    subnets.extend(left_subnets(&network.left, have));
    subnets
}

/// The subnets of zones that the network leaves in which a load balancer is.
pub fn left_subnets(left: &[String], have: &LoadBalancer) -> Vec<String> {
    let mut subnets = have.subnets.clone();
    subnets.retain(|subnet| left.contains(subnet));
    subnets
}

/// The attributes that a load balancer should have: ours, and those that are stricter.
fn attributes(have: &LoadBalancer) -> Vec<(&'static str, &'static str)> {
    let mut attributes = ATTRIBUTES.to_vec();
    for attribute in &mut attributes {
        if let Some(stricter) = stricter(have, attribute.0) {
            *attribute = stricter;
        }
    }
    attributes
}

/// The attributes that a load balancer is to be given: ours, and those that its app decides and that
/// differ.
pub fn attributes_to_set<'a>(want: &'a Want, have: &LoadBalancer) -> Vec<(&'static str, &'a str)> {
    let mut attributes: Vec<(&str, &str)> = attributes(have);
    let of_app = differing(&have.attributes, &want.balancer_attributes);
    attributes.extend(of_app.into_iter().map(|one| (one.key, one.value.as_str())));
    attributes
}

/// What a person is told of values that are stricter than ours.
pub fn told_of_stricter(have: &LoadBalancer) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, _) in ATTRIBUTES {
        if let Some((key, value)) = stricter(have, key) {
            let name = &have.name;
            lines.push(format!(
                "load balancer {name} keeps {key} {value}, which is stricter than ours"
            ));
        }
    }
    if is_protected(have) {
        let name = &have.name;
        lines.push(format!(
            "load balancer {name} keeps its deletion protection"
        ));
    }
    lines
}

fn stricter(have: &LoadBalancer, key: &str) -> Option<(&'static str, &'static str)> {
    let value = have.attributes.get(key)?;
    let mut stricter = STRICTER.iter().copied();
    stricter.find(|known| *known == (key, value.as_str()))
}

/// In what a load balancer differs that was just made: AWS sets the attributes of its own.
pub fn differences_of_new(want: &Want) -> Differences<Part> {
    let mut attributes = attribute_differences(&Tags::new(), ATTRIBUTES);
    attributes.extend(differences(&Tags::new(), &want.balancer_attributes));
    in_part(Part::Attributes, attributes).collect()
}

/// Whether what differs is brought into line only after the listener is.
///
/// Where a run before this one was cut off while the load balancer was provisioning, its attributes
/// wait until it is active. Where its tags differ, they tell that the listener's tags have to be
/// read as well: they go last, so that a run that is cut off between leaves them for the next one.
pub fn is_changed_last(have: &LoadBalancer, differences: &Differences<Part>) -> bool {
    let tags_differ = differences.iter().any(|(part, _)| *part == Part::Tags);
    have.state == "provisioning" || tags_differ
}

/// What of that cannot wait so long: the tasks follow the listener's record into new zones.
pub fn changed_first(have: &LoadBalancer, parts: &[Part]) -> Vec<Part> {
    let mut first = parts.to_vec();
    first.retain(|part| *part == Part::Subnets && have.state != "provisioning");
    first
}

/// Whether a load balancer has all its tags.
pub fn is_tagged(env: &Env, want: &Want, have: &LoadBalancer) -> bool {
    tag_differences(env, want, have).is_empty()
}

/// Whether a load balancer of this name could be the environment's. Whether it is, its tags say.
pub fn could_be_ours(env: &Env, name: &str) -> bool {
    could_be(name, "alb", &env.name, LOAD_BALANCER_LIMIT)
}

/// Whether AWS refuses to delete a load balancer.
pub fn is_protected(have: &LoadBalancer) -> bool {
    have.attributes
        .get(PROTECTION)
        .is_some_and(|on| on == "true")
}

/// What is said of a load balancer that somebody protects from being deleted.
pub fn protected(name: &str) -> Error {
    Error::refused(format!(
        "load balancer {name} has deletion protection; it stays"
    ))
    .hint("rm-env --lift-protection, if it is to go all the same")
}

/// What is said of a load balancer that AWS could not make.
pub fn failed(name: &str, reason: &str) -> Error {
    Error::refused(format!(
        "load balancer {name} is failed: {reason} (elasticloadbalancing:CreateLoadBalancer)"
    ))
    .hint("delete it and run the pipeline again")
}

/// Refuses a load balancer that is not ours, failed, or differs in what AWS cannot change. Whether
/// it is in the right VPC is checked where the network is known.
pub fn check(env: &Env, want: &Want, network: Option<&Network>, have: &LoadBalancer) -> Result<()> {
    let what = format!("load balancer {}", have.name);
    check_ours(env, &what, &have.tags)?;
    let mut differences = Vec::new();
    differences.extend(Difference::between("type", &have.kind, "application"));
    differences.extend(Difference::between("scheme", &have.scheme, want.scheme));
    if let Some(network) = network {
        differences.extend(vpc_difference(network, have));
    }
    check_unchangeable(env, want, &what, &differences)?;
    if have.state == "failed" {
        return Err(failed(&have.name, &have.reason));
    }
    Ok(())
}

fn vpc_difference(network: &Network, have: &LoadBalancer) -> Option<Difference> {
    for subnet in &have.subnets {
        // A subnet of ours says more than the VPC's ID, which an emulator may make up.
        if network.subnets.contains(subnet) || network.left.contains(subnet) {
            return None;
        }
    }
    Difference::between("vpc", &have.vpc, &network.vpc)
}

fn tag_differences(env: &Env, want: &Want, have: &LoadBalancer) -> Vec<Difference> {
    let tags = tags(env, &want.app, &want.load_balancer_name);
    Difference::of_tags(&have.tags, &tags)
}

/// IDs in an order of their own: AWS answers them in any.
fn sorted(ids: &[String]) -> String {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    ids.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::want::tests::{app, web};
    use crate::plan::want::want;

    const NAME: &str = "alb-web-production-pr1";

    pub fn web_network() -> Network {
        Network {
            vpc: "vpc-1".into(),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            zones: vec!["us-east-1a".into(), "us-east-1b".into()],
            left: Vec::new(),
            security_group: "sg-1".into(),
        }
    }

    pub fn web_load_balancer() -> LoadBalancer {
        let env = Env::example();
        LoadBalancer {
            arn: env.arn(
                "elasticloadbalancing",
                &format!("loadbalancer/app/{NAME}/1"),
            ),
            name: NAME.into(),
            scheme: "internet-facing".into(),
            kind: "application".into(),
            vpc: "vpc-1".into(),
            subnets: vec!["subnet-2".into(), "subnet-1".into()],
            security_groups: vec!["sg-1".into()],
            state: "active".into(),
            attributes: pairs(ATTRIBUTES),
            tags: tags(&env, "web", NAME).into_iter().collect(),
            ..LoadBalancer::default()
        }
    }

    pub fn pairs(pairs: &[(&str, &str)]) -> Tags {
        let mut tags = Tags::new();
        for (key, value) in pairs {
            tags.insert(key.to_string(), value.to_string());
        }
        tags
    }

    /// In what parts a resource differs, and how.
    pub fn differences_of<H, P>(step: Result<Step<H, P>>) -> Vec<(P, String)> {
        let Ok(Step::Change(_, differences)) = step else {
            panic!("it does not differ in what AWS can change");
        };
        let mut texts = Vec::new();
        for (part, difference) in differences {
            texts.push((part, difference.to_string()));
        }
        texts
    }

    fn step_of_web(have: Option<LoadBalancer>) -> Result<Step<LoadBalancer, Part>> {
        step(&Env::example(), &web(), &web_network(), have)
    }

    #[test]
    fn a_public_app_stands_in_public_subnets_and_any_other_in_private_ones() {
        let vpc = Vpc {
            id: "vpc-1".into(),
            public_subnets: vec!["a".into(), "b".into()],
            private_subnets: vec!["c".into(), "d".into()],
            ..Vpc::default()
        };
        let of_web = network(&web(), &vpc, "sg-1").unwrap();
        assert_eq!(web().scheme, "internet-facing");
        assert_eq!(of_web.subnets, vpc.public_subnets);
        let api = want(&Env::example(), &app(r#"{"name":"api"}"#));
        let of_api = network(&api, &vpc, "sg-1").unwrap();
        assert_eq!(api.scheme, "internal");
        assert_eq!(of_api.subnets, vpc.private_subnets);
    }

    #[test]
    fn a_missing_load_balancer_is_created() {
        assert_eq!(step_of_web(None), Ok(Step::Create));
    }

    #[test]
    fn a_load_balancer_as_wanted_is_kept_in_whatever_order_aws_answers() {
        let have = web_load_balancer();
        assert_eq!(step_of_web(Some(have.clone())), Ok(Step::Keep(have)));
    }

    #[test]
    fn each_difference_of_a_load_balancer_has_its_part() {
        let mut other = web_load_balancer();
        other.security_groups = vec!["sg-1".into(), "sg-2".into()];
        other.subnets = vec!["subnet-1".into(), "subnet-3".into()];
        other.attributes.remove(ATTRIBUTES[1].0);
        other.tags.insert("Name".into(), "x".into());
        let expected = [
            (Part::Tags, "tag Name: x -> alb-web-production-pr1"),
            (Part::SecurityGroups, "security groups: sg-1,sg-2 -> sg-1"),
            (
                Part::Subnets,
                "subnets: subnet-1,subnet-3 -> subnet-1,subnet-2",
            ),
            (
                Part::Attributes,
                "routing.http.desync_mitigation_mode:  -> defensive",
            ),
        ];
        let expected = expected.map(|(part, text)| (part, text.to_string()));
        assert_eq!(differences_of(step_of_web(Some(other))), expected);
    }

    #[test]
    fn a_zone_that_is_left_is_kept_to_the_end_and_one_of_somebody_elses_is_not() {
        let have = |subnets: &[&str]| LoadBalancer {
            subnets: subnets.iter().map(|subnet| subnet.to_string()).collect(),
            ..web_load_balancer()
        };
        let network = Network {
            left: vec!["subnet-0".into(), "subnet-9".into()],
            ..web_network()
        };
        let step_of = |subnets: &[&str]| {
            let step = step(&Env::example(), &web(), &network, Some(have(subnets)));
            match step {
                Ok(Step::Keep(_)) => String::new(),
                step => differences_of(step)[0].1.clone(),
            }
        };
        assert_eq!(
            step_of(&["subnet-0", "subnet-1"]),
            "subnets: subnet-0,subnet-1 -> subnet-0,subnet-1,subnet-2"
        );
        assert_eq!(
            step_of(&["subnet-0", "subnet-9"]),
            "subnets: subnet-0,subnet-9 -> subnet-0,subnet-1,subnet-2,subnet-9"
        );
        assert_eq!(
            step_of(&["subnet-1", "subnet-3"]),
            "subnets: subnet-1,subnet-3 -> subnet-1,subnet-2"
        );
        assert_eq!(step_of(&["subnet-0", "subnet-1", "subnet-2"]), "");
        assert_eq!(step_of(&["subnet-1", "subnet-2"]), "");
    }

    #[test]
    fn new_zones_do_not_wait_for_what_is_changed_last() {
        let parts = [Part::Tags, Part::Subnets, Part::Attributes];
        assert_eq!(changed_first(&web_load_balancer(), &parts), [Part::Subnets]);
        let provisioning = LoadBalancer {
            state: "provisioning".into(),
            ..web_load_balancer()
        };
        assert_eq!(changed_first(&provisioning, &parts), []);
    }

    #[test]
    fn what_is_stricter_stays_and_is_told_and_what_is_laxer_does_not() {
        let mut have = web_load_balancer();
        let mode = ATTRIBUTES[1].0.to_string();
        have.attributes.insert(mode.clone(), "strictest".into());
        have.attributes
            .insert(ATTRIBUTES[0].0.into(), "false".into());
        let expected = (
            Part::Attributes,
            format!("{}: false -> true", ATTRIBUTES[0].0),
        );
        assert_eq!(differences_of(step_of_web(Some(have.clone()))), [expected]);
        let set = [ATTRIBUTES[0], (ATTRIBUTES[1].0, "strictest")];
        assert_eq!(attributes(&have), set);
        let line = "load balancer alb-web-production-pr1 keeps routing.http.desync_mitigation_mode strictest, which is stricter than ours";
        assert_eq!(told_of_stricter(&have), [line]);
        have.attributes.insert(mode, "monitor".into());
        assert_eq!(differences_of(step_of_web(Some(have.clone()))).len(), 2);
        assert!(told_of_stricter(&have).is_empty());
        have.attributes.insert(PROTECTION.into(), "true".into());
        let line = "load balancer alb-web-production-pr1 keeps its deletion protection";
        assert_eq!(told_of_stricter(&have), [line]);
    }

    #[test]
    fn a_load_balancer_without_our_identity_is_refused_by_name() {
        let theirs = LoadBalancer {
            tags: pairs(&[("plumbline:env", "production-pr2")]),
            ..web_load_balancer()
        };
        assert_eq!(
            step_of_web(Some(theirs)).unwrap_err().message,
            "load balancer alb-web-production-pr1 is there, but not this environment's: it lacks the tag plumbline:env=production-pr1"
        );
    }

    #[test]
    fn what_aws_cannot_change_of_a_load_balancer_is_a_conflict() {
        let other = LoadBalancer {
            scheme: "internal".into(),
            vpc: "vpc-2".into(),
            subnets: vec!["subnet-9".into()],
            ..web_load_balancer()
        };
        assert_eq!(
            step_of_web(Some(other)).unwrap_err().message,
            "load balancer alb-web-production-pr1 has scheme internal, wanted internet-facing; vpc vpc-2, wanted vpc-1; AWS cannot change that"
        );
    }

    #[test]
    fn a_failed_load_balancer_is_told_with_its_reason() {
        let failed = LoadBalancer {
            state: "failed".into(),
            reason: "no capacity".into(),
            ..web_load_balancer()
        };
        let error = step_of_web(Some(failed)).unwrap_err();
        let expected = "alb-web-production-pr1 is failed: no capacity";
        assert!(error.message.contains(expected), "{error}");
    }

    #[test]
    fn what_has_to_wait_is_changed_after_the_listener() {
        let provisioning = LoadBalancer {
            state: "provisioning".into(),
            ..web_load_balancer()
        };
        assert!(is_changed_last(&provisioning, &differences_of_new(&web())));
        assert!(!is_changed_last(
            &web_load_balancer(),
            &differences_of_new(&web())
        ));
        let tag = Difference::between("tag Name", "x", NAME).unwrap();
        assert!(is_changed_last(
            &web_load_balancer(),
            &vec![(Part::Tags, tag)]
        ));
    }
}
