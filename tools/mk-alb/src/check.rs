//! What proves that a record tells of this environment's load balancer, listener or target group: the
//! tool has to find it, of the same app. Pure.

use plumbing::{Env, Listener, Proof, Record, proof};

use crate::plan::Have;
use crate::plan::listener::{PORT, on_port};
use crate::plan::tags::app_of;
use crate::plan::want::alternate_record;
use crate::record;

/// What changes between two runs: older ones go, a person protects it, and mends a health path.
const MAY_CHANGE: &[&str] = &["others", "protected", "health"];

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
    let rule = record.text(Listener::RULE);
    let of_listener = record
        .text("arn")
        .replacen(":listener/", ":listener-rule/", 1)
        + "/";
    if !rule.is_empty() && !rule.starts_with(&of_listener) && !proof::is_planned(env, rule)? {
        return Err(format!("has rule {rule}, which is of another listener"));
    }
    proof::by_look_up(env, record, MAY_CHANGE)
}

/// The records of all that was found: of an app that moves to another load balancer or target group,
/// those of both, and of its listeners with each of its target groups.
pub fn found(env: &Env, have: &Have) -> Vec<Record> {
    let ours = have.ours(env);
    let mut found = Vec::new();
    for group in &ours.target_groups {
        let app = record::app_name(&group.name, app_of(&group.tags));
        found.push(record::target_group(&app, group));
        found.push(record::target_group(&alternate_record(&app), group));
    }
    let rules = ours.load_balancers.iter().flat_map(|one| &one.listeners);
    for rule in rules
        .flat_map(|one| &one.rules)
        .filter(|rule| env.owns(&rule.tags))
    {
        for group in &ours.target_groups {
            let app = app_of(&rule.tags);
            if app.is_some() && app_of(&group.tags) == app {
                let app = app.unwrap_or_default();
                found.push(record::listener(app, &rule.arn, &group.arn));
            }
        }
    }
    for load_balancer in &ours.load_balancers {
        let app = record::app_name(&load_balancer.name, app_of(&load_balancer.tags));
        found.push(record::alb(&app, load_balancer));
        let Some(listener) = on_port(&load_balancer.listeners, PORT) else {
            continue;
        };
        for group in &ours.target_groups {
            if record::app_name(&group.name, app_of(&group.tags)) != app {
                continue;
            }
            let alone = record::listener(&app, &listener.arn, &group.arn);
            found.push(alone.clone().with(Listener::ALTERNATE, ""));
            for other in ours.target_groups.iter().filter(|one| one.arn != group.arn) {
                if record::app_name(&other.name, app_of(&other.tags)) == app {
                    found.push(alone.clone().with(Listener::ALTERNATE, other.arn.as_str()));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use plumbing::Listener as Listening;

    use super::*;
    use crate::plan::listener::Listener;
    use crate::plan::load_balancer::LoadBalancer;
    use crate::plan::tags::{Tags, tags};
    use crate::plan::target_group::TargetGroup;

    #[test]
    fn a_listener_is_known_with_each_target_group_of_its_app_and_no_other() {
        let tags_of = |app: &str| -> Tags {
            let tags = tags(&Env::example(), app, "x");
            tags.into_iter().collect()
        };
        let group = |arn: &str, tags: Tags| TargetGroup {
            arn: arn.into(),
            tags,
            ..TargetGroup::default()
        };
        let target_groups = vec![
            group("wanted", tags_of("web")),
            group("older", tags_of("web")),
            group("of-another", tags_of("api")),
            group("theirs", Tags::new()),
        ];
        let load_balancer = LoadBalancer {
            tags: tags_of("web"),
            listeners: vec![Listener {
                port: PORT,
                ..Listener::default()
            }],
            ..LoadBalancer::default()
        };
        let have = Have {
            load_balancers: vec![load_balancer],
            target_groups,
        };
        let mut told = Vec::new();
        for record in found(&Env::example(), &have) {
            let target_group = record.text("target_group");
            told.push(format!(
                "{} {} {target_group} {}",
                record.kind(),
                record.name(),
                record.text(Listening::ALTERNATE)
            ));
        }
        assert_eq!(
            told,
            [
                "target_group web  ",
                "target_group alternate/web  ",
                "target_group web  ",
                "target_group alternate/web  ",
                "target_group api  ",
                "target_group alternate/api  ",
                "alb web  ",
                "listener web wanted ",
                "listener web wanted older",
                "listener web older ",
                "listener web older wanted"
            ]
        );
    }

    #[test]
    fn a_rule_is_the_listeners_own() {
        let env = Env::example();
        let arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/alb-web/1/2";
        let checked = |rule: &str| {
            let record = Record::new("listener", "web").with("arn", arn);
            check(&env, &record.with(Listening::RULE, rule))
        };
        let own = arn.replace(":listener/", ":listener-rule/");
        assert!(checked(&format!("{own}/3")).is_ok());
        for rule in [own.replace("/2", "/9/3"), arn.to_string(), own] {
            assert!(checked(&rule).unwrap_err().contains("another listener"));
        }
    }
}
