//! What is there, or in a dry run would be, as records. Pure.

use plumbing::{Alb, Env, Record};

use crate::plan::Have;
use crate::plan::listener::{PORT, on_port};
use crate::plan::load_balancer::LoadBalancer;
use crate::plan::tags::app_of;
use crate::plan::target_group::TargetGroup;
use crate::plan::want::Want;

/// The load balancer's record.
pub fn alb(app: &str, load_balancer: &LoadBalancer) -> Record {
    let alb = Alb {
        name: app.into(),
        arn: load_balancer.arn.clone(),
        dns: load_balancer.dns.clone(),
        scheme: load_balancer.scheme.clone(),
        ..Alb::default()
    };
    Record::of(&alb).with("zone", load_balancer.zone.as_str())
}

/// The target group's record.
pub fn target_group(app: &str, target_group: &TargetGroup) -> Record {
    Record::new("target_group", app)
        .with("arn", target_group.arn.as_str())
        .with("port", target_group.port)
        .with("health", target_group.health_check.path.as_str())
}

/// The listener's record.
pub fn listener(app: &str, arn: &str, target_group: &str) -> Record {
    Record::of(&plumbing::Listener {
        name: app.into(),
        arn: arn.into(),
        target_group: target_group.into(),
        port: PORT as u16,
        ..plumbing::Listener::default()
    })
}

/// What a dry run writes for a load balancer that is missing.
pub fn planned_load_balancer(env: &Env, want: &Want) -> LoadBalancer {
    let planned = env.planned(&want.load_balancer_name);
    LoadBalancer {
        arn: planned.clone(),
        dns: planned.clone(),
        zone: planned,
        scheme: want.scheme.into(),
        ..LoadBalancer::default()
    }
}

/// What a dry run writes for a target group that is missing.
pub fn planned_target_group(env: &Env, want: &Want) -> TargetGroup {
    TargetGroup {
        arn: env.planned(&want.target_group_name),
        port: want.port,
        health_check: want.health_check.clone(),
        ..TargetGroup::default()
    }
}

/// What is there and ours, as records, and what it tells of each app, as an app's record.
pub fn records(env: &Env, have: &Have) -> Vec<Record> {
    let mut records = Vec::new();
    for load_balancer in &have.load_balancers {
        if env.owns(&load_balancer.tags) {
            add_load_balancer(&mut records, env, load_balancer);
        }
    }
    for target_group in &have.target_groups {
        if env.owns(&target_group.tags) {
            add_target_group(&mut records, env, target_group);
        }
    }
    records
}

fn add_load_balancer(records: &mut Vec<Record>, env: &Env, have: &LoadBalancer) {
    let app = app_of(env, "alb", &have.name, &have.tags);
    records.push(alb(&app, have));
    if let Some(found) = on_port(&have.listeners, PORT)
        && let Some(target_group) = &found.target_group
    {
        records.push(listener(&app, &found.arn, target_group));
    }
    if have.scheme == "internet-facing" {
        records.push(Record::new("app", &app).with("public", true));
    }
}

fn add_target_group(records: &mut Vec<Record>, env: &Env, have: &TargetGroup) {
    let app = app_of(env, "tg", &have.name, &have.tags);
    records.push(target_group(&app, have));
    let of_load_balancer = records
        .iter()
        .position(|record| record.kind() == "app" && record.name() == app);
    let index = match of_load_balancer {
        Some(index) => index,
        None => {
            records.push(Record::new("app", &app));
            records.len() - 1
        }
    };
    let record = records[index].clone();
    records[index] = record
        .with("port", have.port)
        .with("health", have.health_check.path.as_str());
}

#[cfg(test)]
mod tests {
    use plumbing::App;

    use super::*;
    use crate::plan::listener::Listener;
    use crate::plan::tags::{Tags, tags};

    fn ours() -> Have {
        let tags = tags(&Env::example(), "web", "x");
        let tags: Tags = tags.into_iter().collect();
        let listener = Listener {
            port: 80,
            target_group: Some("tg-1".into()),
            ..Listener::default()
        };
        let load_balancer = LoadBalancer {
            scheme: "internet-facing".into(),
            listeners: vec![listener],
            tags: tags.clone(),
            ..LoadBalancer::default()
        };
        let mut target_group = TargetGroup {
            port: 5000,
            tags,
            ..TargetGroup::default()
        };
        target_group.health_check.path = "/well".into();
        Have {
            load_balancers: vec![load_balancer],
            target_groups: vec![target_group],
        }
    }

    #[test]
    fn what_is_there_tells_of_its_app_and_others_are_left_out() {
        let mut have = ours();
        have.load_balancers.push(LoadBalancer {
            tags: Tags::new(),
            ..have.load_balancers[0].clone()
        });
        let records = records(&Env::example(), &have);
        let mut keys = Vec::new();
        for record in &records {
            keys.push((record.kind(), record.name()));
        }
        let expected = [
            ("alb", "web"),
            ("listener", "web"),
            ("app", "web"),
            ("target_group", "web"),
        ];
        assert_eq!(keys, expected);
        let app: App = records[2].typed().unwrap();
        assert!(app.public);
        assert_eq!((app.port, app.health.as_str()), (5000, "/well"));
    }

    #[test]
    fn a_target_group_alone_tells_of_its_app_as_well() {
        let have = Have {
            load_balancers: Vec::new(),
            ..ours()
        };
        let records = records(&Env::example(), &have);
        let kinds: Vec<&str> = records.iter().map(Record::kind).collect();
        assert_eq!(kinds, ["target_group", "app"]);
        assert_eq!(records[1].text("health"), "/well");
    }
}
