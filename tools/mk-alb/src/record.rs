//! What is there, or in a dry run would be, as records. Pure.

use plumbing::{Alb, App, Env, Record, Unwanted};

use crate::plan::Have;
use crate::plan::listener::{Listener, PORT, on_port};
use crate::plan::load_balancer::{LoadBalancer, is_protected};
use crate::plan::tags::{Tags, app_of};
use crate::plan::target_group::TargetGroup;
use crate::plan::want::{PUBLIC, Want, alternate_name, target_group_name, want};

mod told;

/// The field with the ARNs of others that an app has, from before a change: one record is of all.
const OTHERS: &str = "others";
/// The field of a listener with the ARNs of the target groups that an app's tasks are to leave.
pub const MOVES_FROM: &str = "moves_from";

/// The load balancer's record.
pub fn alb(app: &str, load_balancer: &LoadBalancer) -> Record {
    let alb = Alb {
        name: app.into(),
        arn: load_balancer.arn.clone(),
        dns: load_balancer.dns.clone(),
        scheme: load_balancer.scheme.clone(),
        ..Alb::default()
    };
    let record = Record::of(&alb).with("zone", load_balancer.zone.as_str());
    with_protection(record, is_protected(load_balancer))
}

fn with_protection(record: Record, is_protected: bool) -> Record {
    if is_protected {
        return record.with("protected", true);
    }
    record
}

/// The target group's record.
pub fn target_group(app: &str, target_group: &TargetGroup) -> Record {
    Record::new("target_group", app)
        .with("arn", target_group.arn.as_str())
        .with("port", target_group.port)
        .with("health", target_group.health_check.path.as_str())
}

/// The listener's record. It names the target group that the app's service is to be in, also while the
/// listener forwards requests to older ones as well.
pub fn listener(app: &str, arn: &str, target_group: &str) -> Record {
    Record::of(&plumbing::Listener {
        name: app.into(),
        arn: arn.into(),
        target_group: target_group.into(),
        port: PORT as u16,
        ..plumbing::Listener::default()
    })
}

/// The listener's record with the second target group, and the rule by which ECS shifts between both.
pub fn with_pair(listener: Record, alternate: &str, rule: &str) -> Record {
    listener
        .with(plumbing::Listener::ALTERNATE, alternate)
        .with(plumbing::Listener::RULE, rule)
}

/// The listener's record with the ARNs of the target groups that the app's tasks are in still, if any.
pub fn moving(listener: Record, moves_from: Vec<String>) -> Record {
    if moves_from.is_empty() {
        return listener;
    }
    listener.with(MOVES_FROM, moves_from)
}

/// Whether records name a resource of a type by its ARN.
pub fn is_named(records: &[Record], kind: &str, arn: &str) -> bool {
    for record in records {
        if record.kind() == kind && (record.text("arn") == arn || others(record).contains(&arn)) {
            return true;
        }
    }
    false
}

fn others(record: &Record) -> Vec<&str> {
    let Some(others) = record.0.get(OTHERS).and_then(|others| others.as_array()) else {
        return Vec::new();
    };
    others.iter().filter_map(|arn| arn.as_str()).collect()
}

fn with_others(record: Record, others: Vec<String>) -> Record {
    if others.is_empty() {
        return record;
    }
    record.with(OTHERS, others)
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
    records_among(env, have, have)
}

/// The same, where rules of theirs may be of load balancers that are only among `all`.
fn records_among(env: &Env, have: &Have, all: &Have) -> Vec<Record> {
    let ours = have.ours(env);
    let mut apps = Vec::new();
    for load_balancer in &ours.load_balancers {
        apps.push(app_name(&load_balancer.name, app_of(&load_balancer.tags)));
    }
    for target_group in &ours.target_groups {
        apps.push(app_name(&target_group.name, app_of(&target_group.tags)));
    }
    let mut seen = Vec::new();
    let mut records = Vec::new();
    for app in apps {
        if !seen.contains(&app) {
            add_app(env, &mut records, &app, &ours, all);
            seen.push(app);
        }
    }
    records
}

/// The app of a resource; where its tag was taken away, its own name, which tells it from all others.
pub fn app_name(name: &str, app: Option<&str>) -> String {
    app.unwrap_or(name).to_string()
}

/// Adds the records of what one app has.
fn add_app(env: &Env, records: &mut Vec<Record>, app: &str, ours: &Have, all: &Have) {
    let is_of_app = |name: &str, of: Option<&str>| app_name(name, of) == app;
    let mut load_balancers: Vec<&LoadBalancer> = ours.load_balancers.iter().collect();
    load_balancers.retain(|one| is_of_app(&one.name, app_of(&one.tags)));
    load_balancers.sort_by_key(|one| -one.created); // the newest first: it is the one that was moved to
    let mut target_groups: Vec<&TargetGroup> = ours.target_groups.iter().collect();
    target_groups.retain(|one| is_of_app(&one.name, app_of(&one.tags)));
    let mut wish = Record::new("app", app);
    let rules = all.rules_of_app(env, app);
    if let Some((newest, older)) = load_balancers.split_first() {
        let others = older.iter().map(|one| one.arn.clone()).collect();
        let record = with_others(alb(app, newest), others);
        let is_protected = load_balancers.iter().any(|one| is_protected(one));
        records.push(with_protection(record, is_protected));
        if newest.scheme == PUBLIC {
            wish = wish.with("public", true);
        }
        wish = told::of_load_balancer(wish, newest);
        let serving = on_port(&newest.listeners, PORT);
        if let Some(target_group) = serving.and_then(Listener::main_target_group) {
            target_groups.sort_by_key(|one| one.arn != target_group); // the one in use first
            if let Some(found) = serving {
                let pair = pair(env, &wish, &target_groups, found);
                let listener = listener_of(app, found, target_group, pair);
                let rules = rules.iter().map(|(_, rule)| rule.arn.clone());
                records.push(with_others(listener, rules.collect()));
            }
        }
    }
    if let (true, Some(((host, first), others))) = (load_balancers.is_empty(), rules.split_first())
        && let Some(target_group) = first.main_target_group()
    {
        target_groups.sort_by_key(|one| one.arn != target_group);
        let listener = listener(app, &first.arn, target_group);
        let others = others.iter().map(|(_, rule)| rule.arn.clone());
        records.push(with_others(listener, others.collect()));
        wish = told::of_rule(wish, host, first);
    }
    if let Some((in_use, older)) = target_groups.split_first() {
        let others = older.iter().map(|one| one.arn.clone()).collect();
        records.push(with_others(target_group(app, in_use), others));
        wish = told::of_target_group(wish, in_use);
    }
    // Without its tag a resource is called by its own name, which is no app's.
    let mut tags = load_balancers.iter().map(|one| &one.tags);
    let mut tags_too = target_groups.iter().map(|one| &one.tags);
    let is_tagged = |tags: &Tags| app_of(tags) == Some(app);
    if wish.0.len() > 2 && (tags.any(is_tagged) || tags_too.any(is_tagged)) {
        records.push(wish);
    }
}

/// The two target groups of a listener between which ECS shifts the requests, by their ARNs: they are so
/// called, with what the one in use, which comes first, tells of its app.
fn pair<'a>(
    env: &Env,
    wish: &Record,
    groups: &[&'a TargetGroup],
    found: &Listener,
) -> Option<[&'a str; 2]> {
    let told = told::of_target_group(wish.clone(), groups.first()?);
    let app: App = told.typed()?;
    let arn = |name: String| {
        let mut named = groups.iter().filter(|one| one.name == name);
        named.next().map(|one| one.arn.as_str())
    };
    let pair = [
        arn(target_group_name(env, &app))?,
        arn(alternate_name(env, &app))?,
    ];
    let forwards = |arn: &&str| found.forwards.iter().any(|one| one.target_group == **arn);
    (!found.rule.is_empty() && pair.iter().all(forwards)).then_some(pair)
}

fn listener_of(app: &str, found: &Listener, in_use: &str, pair: Option<[&str; 2]>) -> Record {
    match pair {
        Some([first, second]) => with_pair(listener(app, &found.arn, first), second, &found.rule),
        None => listener(app, &found.arn, in_use),
    }
}

/// What is ours and of no app of the stream. What an app wants by its name is its own, whatever its
/// tag says: that is brought into line.
pub fn unwanted(env: &Env, apps: &[App], have: &Have) -> Vec<Unwanted> {
    let mut names = Vec::new();
    for app in apps.iter().filter(|app| !app.worker) {
        let want = want(env, app);
        names.extend(want.target_group_names().into_iter().cloned());
        names.push(want.load_balancer_name);
    }
    let (_, unwanted) = have.ours(env).partition(|name, tags| {
        let mut known = apps.iter().map(|app| Some(app.name.as_str()));
        known.any(|known| known == app_of(tags)) || names.iter().any(|known| known == name)
    });
    let mut records = records_among(env, &unwanted, have);
    records.retain(|record| record.kind() != "app");
    records.into_iter().map(Unwanted::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tags::tags;
    use crate::plan::traffic::plain;

    fn ours() -> Have {
        let tags = tags(&Env::example(), "web", "x");
        let tags: Tags = tags.into_iter().collect();
        let listener = Listener {
            port: 80,
            forwards: plain("tg-1"),
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
            ("target_group", "web"),
            ("app", "web"),
        ];
        assert_eq!(keys, expected);
        let app: App = records[3].typed().unwrap();
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

    #[test]
    fn what_lost_the_tag_of_its_app_is_listed_and_makes_up_no_app() {
        let mut have = ours();
        for tags in [
            &mut have.load_balancers[0].tags,
            &mut have.target_groups[0].tags,
        ] {
            tags.remove("plumbline:app");
        }
        have.load_balancers[0].name = "alb-web-production-pr1".into();
        have.target_groups[0].name = "tg-web-production-pr1".into();
        let records = records(&Env::example(), &have);
        let kinds: Vec<&str> = records.iter().map(Record::kind).collect();
        assert_eq!(kinds, ["alb", "listener", "target_group"]);
    }

    #[test]
    fn one_record_is_of_all_that_an_app_has_and_names_each() {
        let mut have = ours();
        have.load_balancers[0].arn = "new".into();
        have.load_balancers[0].created = 2;
        let mut older = have.load_balancers[0].clone();
        older.arn = "old".into();
        older.created = 1;
        have.load_balancers.insert(0, older);
        have.target_groups[0].arn = "tg-1".into();
        let mut older = have.target_groups[0].clone();
        older.arn = "tg-0".into();
        older.port = 4000;
        have.target_groups.insert(0, older);
        let records = records(&Env::example(), &have);
        let kinds: Vec<&str> = records.iter().map(Record::kind).collect();
        assert_eq!(kinds, ["alb", "listener", "target_group", "app"]);
        assert_eq!(records[0].text("arn"), "new");
        assert_eq!(records[2].text("arn"), "tg-1");
        assert_eq!(records[3].0["port"], 5000);
        for (kind, arn) in [("alb", "new"), ("alb", "old"), ("target_group", "tg-0")] {
            assert!(is_named(&records, kind, arn), "{arn}");
        }
        assert!(!is_named(&records, "alb", "tg-0"));
    }

    #[test]
    fn what_is_of_no_app_of_the_stream_is_unwanted_but_never_anothers() {
        let app = |text: &str| -> App { serde_json::from_str(text).unwrap() };
        let env = Env::example();
        let mut have = ours();
        have.target_groups[0].name = "tg-web-5000-production-pr1".into();
        let names = |apps: &[App], have: &Have| -> Vec<String> {
            let unwanted = unwanted(&env, apps, have);
            unwanted.into_iter().map(|one| one.name).collect()
        };
        let web = app(r#"{"name":"web","public":true}"#);
        let shop = app(r#"{"name":"shop"}"#);
        assert!(names(std::slice::from_ref(&web), &have).is_empty());
        let all = ["alb/web", "listener/web", "target_group/web"];
        assert_eq!(names(std::slice::from_ref(&shop), &have), all);
        // Its tag was changed by hand: web wants it by its name.
        let other = "plumbline:app".to_string();
        have.target_groups[0].tags.insert(other, "x".into());
        assert!(names(&[web], &have).is_empty());
        for tags in [
            &mut have.load_balancers[0].tags,
            &mut have.target_groups[0].tags,
        ] {
            tags.remove("plumbline:env");
        }
        assert!(names(&[shop], &have).is_empty());
    }

    #[test]
    fn a_protected_load_balancer_says_so() {
        let mut have = ours().load_balancers.remove(0);
        assert_eq!(alb("web", &have).0.get("protected"), None);
        let protection = "deletion_protection.enabled".to_string();
        have.attributes.insert(protection, "true".into());
        assert_eq!(alb("web", &have).0["protected"], true);
    }
}
