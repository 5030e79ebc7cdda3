//! A load balancer: where it is to stand, what is there, and what follows. Pure.

use std::collections::BTreeSet;

use plumbing::{Difference, Env, Error, Result, Vpc};

use super::{
    Listener, Named, Part, Step, Tags, Want, attribute_changes, owned, step, tag_changes, tags,
    unchangeable,
};

/// Headers that are not as HTTP wants them are dropped, and doubtful requests go on connections of
/// their own: what request smuggling needs. Deletion protection is left as it is.
pub const ATTRIBUTES: &[(&str, &str)] = &[
    ("routing.http.drop_invalid_header_fields.enabled", "true"),
    ("routing.http.desync_mitigation_mode", "defensive"),
];

/// The attribute that keeps a load balancer from being deleted.
pub const PROTECTION: &str = "deletion_protection.enabled";

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

impl Named for Balancer {
    fn name(&self) -> &str {
        &self.name
    }
    fn tags(&self) -> &Tags {
        &self.tags
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
    Ok(Place {
        vpc: vpc.id.clone(),
        subnets: subnets.clone(),
        security_group: security_group.into(),
    })
}

/// What follows for the load balancer.
///
/// Errors: one of its name is not ours, failed, or differs in what AWS cannot change.
pub fn balancer(
    env: &Env,
    want: &Want,
    place: &Place,
    have: Option<&Balancer>,
) -> Result<Step<Balancer>> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    fits(env, want, have, Some(place))?;
    let differs = |field, have: &[String], want: &[String]| {
        Difference::between(field, list(have), list(want))
    };
    let mut changes = tag_changes(&have.tags, &tags(env, &want.app, &want.balancer));
    let groups = differs(
        "security groups",
        &have.security_groups,
        std::slice::from_ref(&place.security_group),
    );
    changes.extend(groups.map(|difference| (Part::SecurityGroups, difference)));
    changes.extend(
        differs("subnets", &have.subnets, &place.subnets)
            .map(|difference| (Part::Subnets, difference)),
    );
    changes.extend(attribute_changes(&have.attributes, ATTRIBUTES));
    Ok(step(have, changes))
}

/// A load balancer that AWS could not make, in words.
pub fn failed(name: &str, reason: &str) -> Error {
    Error::refused(format!(
        "load balancer {name} is failed: {reason} (elasticloadbalancing:CreateLoadBalancer)"
    ))
    .hint("delete it and run the pipeline again")
}

pub(super) fn fits(env: &Env, want: &Want, have: &Balancer, place: Option<&Place>) -> Result<()> {
    owned(env, "load balancer", &have.name, &have.tags)?;
    // A subnet of ours says more than the VPC's ID, which an emulator may make up.
    let elsewhere = place.filter(|place| {
        !have
            .subnets
            .iter()
            .any(|subnet| place.subnets.contains(subnet))
    });
    let fixed = [
        Difference::between("type", &have.kind, "application"),
        Difference::between("scheme", &have.scheme, want.scheme),
        elsewhere.and_then(|place| Difference::between("vpc", &have.vpc, &place.vpc)),
    ];
    unchangeable(env, want, "load balancer", &have.name, fixed)?;
    if have.state == "failed" {
        return Err(failed(&have.name, &have.reason));
    }
    Ok(())
}

/// IDs in an order of their own: AWS answers them in any.
fn list(ids: &[String]) -> String {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    ids.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::plan::tests::{app, changes_of, env, web, web_balancer};
    use crate::plan::want;

    pub fn web_place() -> Place {
        Place {
            vpc: "vpc-1".into(),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            security_group: "sg-1".into(),
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
        assert_eq!(
            (api.scheme, place(&api, &vpc, "sg-1").unwrap().subnets),
            ("internal", vpc.private_subnets.clone())
        );
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
                (
                    Part::Tags,
                    "tag Name: x -> alb-web-production-pr1".to_string()
                ),
                (
                    Part::SecurityGroups,
                    "security groups: sg-1,sg-2 -> sg-1".to_string()
                ),
                (
                    Part::Subnets,
                    "subnets: subnet-1,subnet-3 -> subnet-1,subnet-2".to_string()
                ),
                (
                    Part::Attributes,
                    "routing.http.desync_mitigation_mode:  -> defensive".to_string()
                ),
            ]
        );
    }

    #[test]
    fn a_failed_load_balancer_is_told_with_its_reason() {
        let failed = Balancer {
            state: "failed".into(),
            reason: "no capacity".into(),
            ..web_balancer()
        };
        let error = balancer(&env(), &web(), &web_place(), Some(&failed)).unwrap_err();
        assert!(
            error
                .message
                .contains("alb-web-production-pr1 is failed: no capacity"),
            "{error}"
        );
    }
}
