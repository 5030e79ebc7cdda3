//! What is there, or in a dry run would be, as records. Pure.

use plumbing::{Alb, Env, Listener as ListenerRecord, Record};

use crate::plan::{APP, Balancer, Group, Have, Named, PORT, Want, on_port};

/// The load balancer's record.
pub fn alb(app: &str, balancer: &Balancer) -> Record {
    let alb = Alb {
        name: app.into(),
        arn: balancer.arn.clone(),
        dns: balancer.dns.clone(),
        scheme: balancer.scheme.clone(),
        ..Alb::default()
    };
    Record::of(&alb).with("zone", balancer.zone.as_str())
}

/// The target group's record.
pub fn group(app: &str, group: &Group) -> Record {
    Record::new("target_group", app)
        .with("arn", group.arn.as_str())
        .with("port", group.port)
        .with("health", group.health.path.as_str())
}

/// The listener's record.
pub fn listener(app: &str, arn: &str, group: &str) -> Record {
    Record::of(&ListenerRecord {
        name: app.into(),
        arn: arn.into(),
        target_group: group.into(),
        port: PORT as u16,
        ..ListenerRecord::default()
    })
}

/// What a dry run writes for a load balancer that is missing.
pub fn planned_balancer(env: &Env, want: &Want) -> Balancer {
    let planned = env.planned(&want.balancer);
    Balancer {
        arn: planned.clone(),
        dns: planned.clone(),
        zone: planned,
        scheme: want.scheme.into(),
        ..Balancer::default()
    }
}

/// What a dry run writes for a target group that is missing.
pub fn planned_group(env: &Env, want: &Want) -> Group {
    Group {
        arn: env.planned(&want.group),
        port: want.port,
        health: want.health.clone(),
        ..Group::default()
    }
}

/// The app that a resource of ours belongs to: by its tag, else from its name.
pub fn app_of(env: &Env, kind: &str, resource: &impl Named) -> String {
    if let Some(app) = resource.tags().get(APP) {
        return app.clone();
    }
    let name = resource
        .tags()
        .get("Name")
        .map_or(resource.name(), String::as_str);
    let middle = name
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_suffix(&env.name));
    middle
        .map_or(name, |middle| middle.trim_matches('-'))
        .to_string()
}

/// What is there and ours, as records, and for each app what its load balancer tells of it.
pub fn records(env: &Env, have: &Have) -> Vec<Record> {
    let mut records = Vec::new();
    for balancer in have
        .balancers
        .iter()
        .filter(|balancer| env.owns(&balancer.tags))
    {
        let app = app_of(env, "alb", balancer);
        records.push(alb(&app, balancer));
        let one = on_port(&balancer.listeners)
            .and_then(|one| Some((&one.arn, one.target_group.as_ref()?)));
        records.extend(one.map(|(arn, group)| listener(&app, arn, group)));
        if balancer.scheme == "internet-facing" {
            records.push(Record::new("app", &app).with("public", true));
        }
    }
    for one in have.groups.iter().filter(|group| env.owns(&group.tags)) {
        let app = app_of(env, "tg", one);
        records.push(group(&app, one));
        let known = records
            .iter_mut()
            .find(|record| record.kind() == "app" && record.name() == app);
        let health = |record: Record| {
            record
                .with("port", one.port)
                .with("health", one.health.path.as_str())
        };
        match known {
            Some(fragment) => *fragment = health(fragment.clone()),
            None => records.push(health(Record::new("app", &app))),
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use plumbing::App;

    use super::*;
    use crate::plan::{self, Listener, Tags};

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn without_its_tag_the_app_is_read_from_the_name() {
        let balancer = Balancer {
            name: "alb-my-web-production-pr1".into(),
            ..Balancer::default()
        };
        assert_eq!(app_of(&env(), "alb", &balancer), "my-web");
    }

    #[test]
    fn what_is_there_tells_of_its_app_and_others_are_left_out() {
        let tags: Tags = plan::tags(&env(), "web", "x").into_iter().collect();
        let listener = Listener {
            port: 80,
            target_group: Some("tg-1".into()),
            ..Listener::default()
        };
        let scheme = "internet-facing".to_string();
        let ours = Balancer {
            scheme,
            listeners: vec![listener],
            tags: tags.clone(),
            ..Balancer::default()
        };
        let theirs = Balancer {
            tags: Tags::new(),
            ..ours.clone()
        };
        let mut group = Group {
            port: 5000,
            tags,
            ..Group::default()
        };
        group.health.path = "/well".into();
        let records = records(
            &env(),
            &Have {
                balancers: vec![ours, theirs],
                groups: vec![group],
            },
        );
        let keys: Vec<_> = records
            .iter()
            .map(|record| (record.kind(), record.name()))
            .collect();
        assert_eq!(
            keys,
            [
                ("alb", "web"),
                ("listener", "web"),
                ("app", "web"),
                ("target_group", "web")
            ]
        );
        let app: App = records[2].typed().unwrap();
        assert_eq!(
            (app.public, app.port, app.health.as_str()),
            (true, 5000, "/well")
        );
    }
}
