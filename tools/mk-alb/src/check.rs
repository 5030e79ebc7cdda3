//! What proves that a record tells of this environment's load balancer, listener or target group: the
//! tool has to find it, of the same app. Pure.

use plumbing::{Env, Proof, Record, proof};

use crate::plan::Have;
use crate::plan::listener::{PORT, on_port};
use crate::plan::tags::app_of;
use crate::record;

/// What changes between two runs: older ones go, a person protects it, and mends a health path.
const MAY_CHANGE: &[&str] = &["others", "protected", "health"];

/// Checks a record that comes in.
pub fn check(env: &Env, record: &Record) -> Result<Proof, String> {
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
    }
    for load_balancer in &ours.load_balancers {
        let app = record::app_name(&load_balancer.name, app_of(&load_balancer.tags));
        found.push(record::alb(&app, load_balancer));
        let Some(listener) = on_port(&load_balancer.listeners, PORT) else {
            continue;
        };
        for group in &ours.target_groups {
            if record::app_name(&group.name, app_of(&group.tags)) == app {
                found.push(record::listener(&app, &listener.arn, &group.arn));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
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
                "{} {} {target_group}",
                record.kind(),
                record.name()
            ));
        }
        assert_eq!(
            told,
            [
                "target_group web ",
                "target_group web ",
                "target_group api ",
                "alb web ",
                "listener web wanted",
                "listener web older"
            ]
        );
    }
}
