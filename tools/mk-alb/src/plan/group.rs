//! A target group: how it is to ask for health, what is there, and what follows. Pure.

use plumbing::{Difference, Env, Error, Result};

use super::{
    Named, Part, Step, Tags, Want, attribute_changes, owned, step, tag_changes, tags, unchangeable,
};

/// AWS's 300 s would hold up each deployment and each `rm-env`; requests here take seconds.
pub const GROUP_ATTRIBUTES: &[(&str, &str)] = &[("deregistration_delay.timeout_seconds", "30")];

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

impl Named for Group {
    fn name(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// What follows for the target group.
///
/// Errors: one of its name is not ours, another load balancer's, or differs in what AWS cannot
/// change.
pub fn group(env: &Env, want: &Want, vpc: &str, have: Option<&Group>) -> Result<Step<Group>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    fits(env, want, have, Some(vpc))?;
    let mut changes = tag_changes(&have.tags, &tags(env, &want.app, &want.group));
    changes.extend(
        have.health
            .differences(&want.health)
            .into_iter()
            .map(|difference| (Part::Health, difference)),
    );
    changes.extend(attribute_changes(&have.attributes, GROUP_ATTRIBUTES));
    Ok(step(have, changes))
}

pub(super) fn fits(env: &Env, want: &Want, have: &Group, vpc: Option<&str>) -> Result<()> {
    owned(env, "target group", &have.name, &have.tags)?;
    let fixed = [
        Difference::between("target type", &have.kind, "ip"),
        Difference::between("protocol", &have.protocol, "HTTP"),
        Difference::between("port", have.port, want.port),
        vpc.and_then(|vpc| Difference::between("vpc", &have.vpc, vpc)),
    ];
    unchangeable(env, want, "target group", &have.name, fixed)?;
    match anothers(have, &want.balancer) {
        Some(other) => Err(Error::refused(format!(
            "target group {} is used by another load balancer, {other}; AWS lets one use it",
            have.name
        ))
        .hint("delete that one's listener or rule and run the pipeline again")),
        None => Ok(()),
    }
}

/// The ARN of a load balancer that uses a target group and is not called `balancer`.
pub fn anothers<'a>(have: &'a Group, balancer: &str) -> Option<&'a str> {
    let ours = format!("/app/{balancer}/");
    have.balancers
        .iter()
        .find(|arn| !arn.contains(&ours))
        .map(String::as_str)
}

impl Health {
    fn differences(&self, want: &Health) -> Vec<Difference> {
        let seconds = |time: i32| format!("{time}s");
        let all = [
            Difference::between("health protocol", &self.protocol, &want.protocol),
            Difference::between("health port", &self.port, &want.port),
            Difference::between("health path", &self.path, &want.path),
            Difference::between("health codes", &self.matcher, &want.matcher),
            Difference::between(
                "health interval",
                seconds(self.interval),
                seconds(want.interval),
            ),
            Difference::between(
                "health timeout",
                seconds(self.timeout),
                seconds(want.timeout),
            ),
            Difference::between("healthy after", self.healthy, want.healthy),
            Difference::between("unhealthy after", self.unhealthy, want.unhealthy),
        ];
        all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::tests::{changes_of, env, pairs, web, web_balancer};

    pub fn web_group() -> Group {
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
            tags: tags(&env(), "web", "tg-web-production-pr1")
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn each_difference_of_a_target_group_has_its_part() {
        let mut other = web_group();
        other.health.path = "/old".into();
        other.health.interval = 30;
        other
            .attributes
            .insert(GROUP_ATTRIBUTES[0].0.into(), "300".into());
        let changes = changes_of(group(&env(), &web(), "vpc-1", Some(&other)));
        assert_eq!(
            changes,
            [
                (Part::Health, "health path: /old -> /".to_string()),
                (Part::Health, "health interval: 30s -> 15s".to_string()),
                (
                    Part::Attributes,
                    "deregistration_delay.timeout_seconds: 300 -> 30".to_string()
                ),
            ]
        );
    }

    #[test]
    fn a_target_group_of_another_load_balancer_is_a_conflict() {
        let theirs = web_balancer()
            .arn
            .replace("alb-web-production-pr1", "theirs");
        let other = Group {
            balancers: vec![theirs],
            ..web_group()
        };
        let error = group(&env(), &web(), "vpc-1", Some(&other)).unwrap_err();
        assert!(
            error.message.contains("is used by another load balancer"),
            "{error}"
        );
    }
}
