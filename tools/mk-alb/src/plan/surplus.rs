//! What an app needs no more: the load balancer and the target groups that it had before a change, and
//! listeners of ours that were left over. Pure.

use plumbing::{Env, Surplus};

use super::Have;
use super::listener::{self, Listener};
use super::load_balancer::left_subnets;
use super::rule::Rule;
use super::want::Want;

/// Whose these are.
const OWNER: &str = "mk-alb";
/// The field of a surplus record that names the resource.
const ARN: &str = "arn";

/// What a surplus record is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A load balancer, with its listeners.
    LoadBalancer,
    /// A listener of a load balancer that stays.
    Listener,
    /// A rule of a listener.
    Rule,
    /// A target group.
    TargetGroup,
    /// The subnets of a load balancer that stays in zones that the network leaves.
    Zones,
}

impl Kind {
    /// The first word of the record's name.
    fn word(self) -> &'static str {
        match self {
            Kind::LoadBalancer => "alb",
            Kind::Listener => "listener",
            Kind::Rule => "rule",
            Kind::TargetGroup => "target_group",
            Kind::Zones => "zones",
        }
    }
}

/// What an app had before a change.
pub fn of_app(env: &Env, want: &Want, have: &Have) -> Vec<Surplus> {
    let mut wanted = want.target_group_names();
    wanted.push(&want.load_balancer_name);
    let mut surplus = of_worker(env, &want.app, have);
    let at_host = format!("{}/{}/", Kind::Rule.word(), want.load_balancer_name);
    surplus.retain(|one| {
        let name = one.name.split_once('/').map(|(_, name)| name);
        let is_wanted_rule = want.rule.is_some() && one.name.starts_with(&at_host);
        !is_wanted_rule && wanted.iter().all(|wanted| name != Some(wanted.as_str()))
    });
    surplus
}

/// Rules of an app beside the one that serves it: two runs made one each.
pub fn rules<'a>(want: &Want, rules: impl Iterator<Item = &'a Rule>) -> Vec<Surplus> {
    let name = &want.load_balancer_name;
    rules.map(|rule| rule_record(name, rule)).collect()
}

fn rule_record(load_balancer: &str, rule: &Rule) -> Surplus {
    let priority = &rule.priority;
    let id = rule.arn.rsplit('/').next().unwrap_or_default();
    let what = format!("rule {priority} of load balancer {load_balancer}");
    record(
        Kind::Rule,
        &format!("{load_balancer}/{id}"),
        &rule.arn,
        what,
    )
}

/// All that an app has: it became one without a load balancer.
pub fn of_worker(env: &Env, app: &str, have: &Have) -> Vec<Surplus> {
    let mut surplus = Vec::new();
    for (load_balancer, rule) in have.rules_of_app(env, app) {
        surplus.push(rule_record(&load_balancer.name, rule));
    }
    let have = have.of_app(env, app);
    for load_balancer in &have.load_balancers {
        let name = &load_balancer.name;
        let what = format!("load balancer {name}");
        surplus.push(record(Kind::LoadBalancer, name, &load_balancer.arn, what));
    }
    for target_group in &have.target_groups {
        let name = &target_group.name;
        let what = format!("target group {name}");
        surplus.push(record(Kind::TargetGroup, name, &target_group.arn, what));
    }
    surplus
}

/// The zones that the network leaves in which an app's load balancer is.
pub fn zones(want: &Want, have: &Have, left: &[String]) -> Option<Surplus> {
    let found = have.load_balancer(&want.load_balancer_name)?;
    let subnets = left_subnets(left, found);
    if subnets.is_empty() {
        return None;
    }
    let name = &found.name;
    let what = format!("{} of load balancer {name}", subnets.join(", "));
    Some(record(Kind::Zones, name, &found.arn, what))
}

/// The listeners of ours that nothing needs, on a load balancer that stays.
pub fn listeners(env: &Env, want: &Want, have: &[Listener]) -> Vec<Surplus> {
    let mut surplus = Vec::new();
    for found in listener::surplus(env, want, have) {
        let load_balancer = &want.load_balancer_name;
        let port = found.port;
        let name = format!("{load_balancer}/{port}");
        let what = format!("listener on port {port} of load balancer {load_balancer}");
        surplus.push(record(Kind::Listener, &name, &found.arn, what));
    }
    surplus
}

fn record(kind: Kind, name: &str, arn: &str, what: String) -> Surplus {
    let word = kind.word();
    let mut surplus = Surplus {
        name: format!("{word}/{name}"),
        owner: OWNER.into(),
        what,
        ..Surplus::default()
    };
    surplus.rest.insert(ARN.into(), arn.into());
    surplus
}

/// What a surplus record of ours is of, and its ARN.
pub fn kind_and_arn(surplus: &Surplus) -> Option<(Kind, &str)> {
    let (word, _) = surplus.name.split_once('/')?;
    let arn = surplus.rest.get(ARN)?.as_str()?;
    let kinds = [
        Kind::LoadBalancer,
        Kind::Listener,
        Kind::Rule,
        Kind::TargetGroup,
        Kind::Zones,
    ];
    let kind = kinds.into_iter().find(|kind| kind.word() == word)?;
    (surplus.owner == OWNER).then_some((kind, arn))
}

#[cfg(test)]
mod tests {
    use super::super::load_balancer::tests::web_load_balancer;
    use super::super::target_group::tests::web_target_group;
    use super::super::want::tests::web;
    use super::*;

    #[test]
    fn what_an_app_had_under_other_names_is_surplus_and_others_are_not() {
        let mut have = Have {
            load_balancers: vec![web_load_balancer()],
            target_groups: vec![web_target_group()],
        };
        let env = Env::example();
        assert_eq!(of_app(&env, &web(), &have), []);
        let mut older = web_target_group();
        older.name = "tg-web-4000-production-pr1".into();
        older.arn = "tg-0".into();
        have.target_groups.push(older.clone());
        older.tags.insert("plumbline:app".into(), "api".into());
        have.target_groups.push(older.clone());
        older.tags.remove("plumbline:env");
        older.tags.insert("plumbline:app".into(), "web".into());
        have.target_groups.push(older);
        let mut internal = web_load_balancer();
        internal.name = "alb-web-int-production-pr1".into();
        have.load_balancers.push(internal);
        let all = of_worker(&env, "web", &have);
        assert_eq!(all.len(), 4, "what the app wants, and what it had: {all:?}");
        let found = of_app(&env, &web(), &have);
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        let expected = [
            "alb/alb-web-int-production-pr1",
            "target_group/tg-web-4000-production-pr1",
        ];
        assert_eq!(names, expected);
        assert_eq!(kind_and_arn(&found[1]), Some((Kind::TargetGroup, "tg-0")));
        assert_eq!(found[1].what, "target group tg-web-4000-production-pr1");
    }

    #[test]
    fn a_load_balancer_is_too_much_in_a_zone_that_is_left() {
        let have = Have {
            load_balancers: vec![web_load_balancer()],
            target_groups: Vec::new(),
        };
        assert_eq!(zones(&web(), &have, &["subnet-7".into()]), None);
        let found = zones(&web(), &have, &["subnet-2".into(), "subnet-7".into()]).unwrap();
        assert_eq!(found.name, "zones/alb-web-production-pr1");
        assert_eq!(
            found.what,
            "subnet-2 of load balancer alb-web-production-pr1"
        );
        let arn = web_load_balancer().arn;
        assert_eq!(kind_and_arn(&found), Some((Kind::Zones, arn.as_str())));
    }

    #[test]
    fn surplus_of_another_tool_is_none_of_ours() {
        let theirs = Surplus {
            owner: "mk-sg".into(),
            ..record(Kind::Listener, "x", "arn", String::new())
        };
        assert_eq!(kind_and_arn(&theirs), None);
    }
}
