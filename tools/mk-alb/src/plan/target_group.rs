//! A target group: what is there, and what follows. Pure.

use plumbing::name::{LOAD_BALANCER_LIMIT, could_be};
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Error, Result, Step};

use super::conflict::{check_ours, check_unchangeable};
use super::tags::{Tags, differences, tags};
use super::want::{HealthCheck, Want};

/// A target group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetGroup {
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
    pub health_check: HealthCheck,
    /// The ARNs of the load balancers that use it: AWS allows one.
    pub load_balancers: Vec<String>,
    /// Its attributes.
    pub attributes: Tags,
    /// Its tags.
    pub tags: Tags,
}

/// A part of a target group that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// The tags that we set.
    Tags,
    /// Its health check.
    HealthCheck,
    /// The attributes that we set.
    Attributes,
}

/// What follows for the target group.
///
/// Errors: one of its name is not ours, another load balancer uses it, or it differs in what AWS
/// cannot change.
pub fn step(
    env: &Env,
    want: &Want,
    vpc: &str,
    have: Option<TargetGroup>,
) -> Result<Step<TargetGroup, Part>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    check(env, want, Some(vpc), &have)?;
    let tags = tags(env, &want.app, &want.target_group_name);
    let tags = Difference::of_tags(&have.tags, &tags);
    let health_check = health_check_differences(&have.health_check, &want.health_check);
    let attributes = differences(&have.attributes, &want.group_attributes);
    let mut all = Differences::new();
    all.extend(in_part(Part::Tags, tags));
    all.extend(in_part(Part::HealthCheck, health_check));
    all.extend(in_part(Part::Attributes, attributes));
    Ok(Step::from_differences(have, all))
}

/// Refuses a target group that is not ours, that another load balancer uses, or that differs in
/// what AWS cannot change. The VPC is checked where it is known.
pub fn check(env: &Env, want: &Want, vpc: Option<&str>, have: &TargetGroup) -> Result<()> {
    let what = format!("target group {}", have.name);
    check_ours(env, &what, &have.tags)?;
    let mut differences = Vec::new();
    differences.extend(Difference::between("target type", &have.kind, "ip"));
    differences.extend(Difference::between("protocol", &have.protocol, "HTTP"));
    differences.extend(Difference::between("port", have.port, want.port));
    if let Some(vpc) = vpc {
        differences.extend(Difference::between("vpc", &have.vpc, vpc));
    }
    check_unchangeable(env, want, &what, &differences)?;
    let ours = std::slice::from_ref(&want.load_balancer_name);
    match used_by_another(have, ours) {
        Some(other) => Err(Error::refused(format!(
            "{what} is used by another load balancer, {other}; AWS lets one use it"
        ))
        .hint("delete that one's listener or rule and run the pipeline again")),
        None => Ok(()),
    }
}

/// The ARN of a load balancer that uses a target group and has none of these names.
pub fn used_by_another<'a>(
    have: &'a TargetGroup,
    load_balancer_names: &[String],
) -> Option<&'a str> {
    let arns = have.load_balancers.iter().map(String::as_str);
    for arn in arns {
        let mut names = load_balancer_names.iter();
        if !names.any(|name| arn.contains(&format!("/app/{name}/"))) {
            return Some(arn);
        }
    }
    None
}

/// Whether a target group of this name could be the environment's. Whether it is, its tags say.
pub fn could_be_ours(env: &Env, name: &str) -> bool {
    could_be(name, "tg", &env.name, LOAD_BALANCER_LIMIT)
}

fn health_check_differences(have: &HealthCheck, want: &HealthCheck) -> Vec<Difference> {
    let differences = [
        Difference::between("health protocol", &have.protocol, &want.protocol),
        Difference::between("health port", &have.port, &want.port),
        Difference::between("health path", &have.path, &want.path),
        Difference::between("health codes", &have.matcher, &want.matcher),
        Difference::between(
            "health interval",
            seconds(have.interval),
            seconds(want.interval),
        ),
        Difference::between(
            "health timeout",
            seconds(have.timeout),
            seconds(want.timeout),
        ),
        Difference::between(
            "healthy after",
            have.healthy_threshold,
            want.healthy_threshold,
        ),
        Difference::between(
            "unhealthy after",
            have.unhealthy_threshold,
            want.unhealthy_threshold,
        ),
    ];
    differences.into_iter().flatten().collect()
}

fn seconds(time: i32) -> String {
    format!("{time}s")
}

#[cfg(test)]
pub(super) mod tests {
    use plumbing::step::parts;

    use super::*;
    use crate::plan::load_balancer::tests::{differences_of, pairs, web_load_balancer};
    use crate::plan::want::tests::web;
    use crate::plan::want::{DRAIN, STICKY};

    const NAME: &str = "tg-web-5000-production-pr1";

    pub fn web_target_group() -> TargetGroup {
        let tags = tags(&Env::example(), "web", NAME);
        TargetGroup {
            arn: "tg-1".into(),
            name: NAME.into(),
            kind: "ip".into(),
            protocol: "HTTP".into(),
            port: 5000,
            vpc: "vpc-1".into(),
            health_check: web().health_check,
            load_balancers: vec![web_load_balancer().arn],
            attributes: pairs(&[(DRAIN, "30")]),
            tags: tags.into_iter().collect(),
        }
    }

    fn step_of_web(have: Option<TargetGroup>) -> Result<Step<TargetGroup, Part>> {
        step(&Env::example(), &web(), "vpc-1", have)
    }

    #[test]
    fn a_missing_target_group_is_created() {
        assert_eq!(step_of_web(None), Ok(Step::Create));
    }

    #[test]
    fn a_target_group_as_wanted_is_kept() {
        let have = web_target_group();
        assert_eq!(step_of_web(Some(have.clone())), Ok(Step::Keep(have)));
    }

    #[test]
    fn each_difference_of_a_target_group_has_its_part() {
        let mut other = web_target_group();
        other.health_check.path = "/old".into();
        other.health_check.interval = 30;
        other.attributes = pairs(&[(DRAIN, "300"), (STICKY, "true")]);
        let expected = [
            (Part::HealthCheck, "health path: /old -> /"),
            (Part::HealthCheck, "health interval: 30s -> 15s"),
            (
                Part::Attributes,
                "deregistration_delay.timeout_seconds: 300 -> 30",
            ),
            (Part::Attributes, "stickiness.enabled: true -> false"),
        ];
        let expected = expected.map(|(part, text)| (part, text.to_string()));
        assert_eq!(differences_of(step_of_web(Some(other))), expected);
    }

    #[test]
    fn a_part_that_differs_twice_is_changed_once() {
        let mut other = web_target_group();
        other.health_check.path = "/old".into();
        other.health_check.interval = 30;
        other.tags.insert("Name".into(), "x".into());
        let Ok(Step::Change(_, differences)) = step_of_web(Some(other)) else {
            panic!("it differs in what AWS can change");
        };
        assert_eq!(differences.len(), 3);
        assert_eq!(parts(&differences), [Part::Tags, Part::HealthCheck]);
    }

    #[test]
    fn a_target_group_without_our_identity_is_refused() {
        let theirs = TargetGroup {
            tags: Tags::new(),
            ..web_target_group()
        };
        assert!(step_of_web(Some(theirs)).is_err());
    }

    #[test]
    fn what_aws_cannot_change_of_a_target_group_is_a_conflict() {
        let of_instances = TargetGroup {
            kind: "instance".into(),
            ..web_target_group()
        };
        let with_https = TargetGroup {
            protocol: "HTTPS".into(),
            ..web_target_group()
        };
        let on_port_80 = TargetGroup {
            port: 80,
            ..web_target_group()
        };
        let in_another_vpc = TargetGroup {
            vpc: "vpc-2".into(),
            ..web_target_group()
        };
        for other in [of_instances, with_https, on_port_80, in_another_vpc] {
            let error = step_of_web(Some(other)).unwrap_err();
            assert!(error.message.ends_with("AWS cannot change that"), "{error}");
        }
    }

    #[test]
    fn a_target_group_of_another_load_balancer_is_a_conflict() {
        let theirs = web_load_balancer()
            .arn
            .replace("alb-web-production-pr1", "theirs");
        let other = TargetGroup {
            load_balancers: vec![theirs],
            ..web_target_group()
        };
        let error = step_of_web(Some(other)).unwrap_err();
        let expected = "is used by another load balancer";
        assert!(error.message.contains(expected), "{error}");
    }
}
