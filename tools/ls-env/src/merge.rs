//! Puts together what the tools' crates found. Pure.

use std::collections::{BTreeMap, HashMap};

use plumbing::{App, Env, Record, RecordType, Source, tags};
use serde_json::Value;

/// What is written of an environment, and what is said of it.
#[derive(Debug, Default)]
pub struct Listing {
    /// The records, in the order in which the tools make them.
    pub records: Vec<Record>,
    /// What is listed without a part of it, and what cannot be known yet, in words.
    pub notes: Vec<String>,
    /// What has no record at all, in words.
    pub left_out: Vec<String>,
}

/// Puts together what was found.
///
/// An app leaves traces in several services, so its record comes in fragments of one key; these
/// become one. A fragment alone (no port is known) is no app: its service does not exist yet, and
/// the rest of what was asked for is nowhere in AWS. So it is with a source and its pipeline.
pub fn list(env: &Env, new: bool, found: Vec<Record>) -> Listing {
    let mut listing = Listing::default();
    for record in merge_fragments(env, found) {
        listing.add(record);
    }
    listing.check_calls();
    if !new {
        listing.records.retain(|record| record.kind() != Env::TYPE);
    }
    listing.records.sort_by_key(|record| match record.kind() {
        Env::TYPE => 0,
        App::TYPE | Source::TYPE => 1,
        _ => 2,
    });
    listing
}

/// One record for each key, with the fields of all its fragments; the environment's own first.
fn merge_fragments(env: &Env, found: Vec<Record>) -> Vec<Record> {
    let mut merged: Vec<Record> = vec![Record::of(env)];
    let mut index_of = HashMap::from([(merged[0].key(), 0)]);
    for record in found {
        match index_of.get(&record.key()) {
            Some(&index) => merged[index].0.extend(record.0),
            None => {
                index_of.insert(record.key(), merged.len());
                merged.push(record);
            }
        }
    }
    merged
}

impl Listing {
    /// Adds a record; of what is none says why.
    fn add(&mut self, record: Record) {
        let (kind, name) = record.key();
        match kind.as_str() {
            Record::LEFT_OUT if record.0.contains_key("part") => {
                let why = record.text("why");
                self.notes.push(format!("not listed {name}: {why}"));
            }
            Record::LEFT_OUT => {
                let why = record.text("why");
                self.left_out.push(format!("{name} is not listed: {why}"));
            }
            Env::TYPE => self.add_env(record),
            App::TYPE if !record.0.contains_key("port") && !record.0.contains_key("image") => {
                self.notes.push(format!(
                    "app '{name}' is not listed: it has no service yet, and what it is to be is nowhere else; mk-app says it"
                ));
            }
            Source::TYPE if !record.0.contains_key("repository") => {
                self.notes.push(format!(
                    "source '{name}' is not listed: no pipeline says of which repository it is; mk-source says it"
                ));
            }
            App::TYPE => self.add_checked(without_what_goes(record)),
            Source::TYPE => self.add_checked(record),
            _ => self.records.push(record),
        }
    }

    fn add_checked(&mut self, record: Record) {
        let (kind, name) = record.key();
        match check(&record) {
            Ok(()) => self.records.push(record),
            Err(why) => self
                .left_out
                .push(format!("{kind} '{name}' is not listed: {why}")),
        }
    }

    /// Adds the environment without the tags that no tool would take: others gave them to its resources.
    fn add_env(&mut self, mut record: Record) {
        let tags: BTreeMap<String, String> = match record.0.get("tags") {
            Some(tags) => serde_json::from_value(tags.clone()).unwrap_or_default(),
            None => BTreeMap::new(),
        };
        let (own, others) = tags::split(tags);
        if !others.is_empty() {
            let others = others.join("', '");
            self.notes.push(format!(
                "tags '{others}' are somebody else's: no tool gives an environment such a tag"
            ));
            record = record.with("tags", serde_json::json!(own));
        }
        self.records.push(record);
    }

    /// Takes away the calls that no tool would take: of an app that is not listed, of a public one, or of
    /// the app itself. Somebody opened the way by hand.
    fn check_calls(&mut self) {
        let apps: Vec<App> = self.records.iter().filter_map(Record::typed).collect();
        let apps: HashMap<&str, &App> = apps.iter().map(|app| (app.name.as_str(), app)).collect();
        for record in &mut self.records {
            let Some(mut app) = record.typed::<App>() else {
                continue;
            };
            let name = app.name.clone();
            // A rule of a security group tells of the load balancer alone, and who reaches that reaches all
            // that answer there.
            let reached = app.calls.clone();
            let behind = |other: &&&App| {
                let host = other.sharing.behind.as_ref();
                other.name != name && host.is_some_and(|host| reached.contains(host))
            };
            let behind: Vec<&&App> = apps.values().filter(behind).collect();
            if !behind.is_empty() {
                app.calls.retain(|called| *called != name);
                app.calls.extend(behind.iter().map(|app| app.name.clone()));
                app.calls.sort();
            }
            app.calls.retain(|called| {
                let why = match apps.get(called.as_str()) {
                    _ if *called == name => "itself",
                    None => "which is not listed",
                    Some(called) if called.public => "which is public",
                    Some(called) if called.worker => "which is a worker",
                    Some(_) => return true,
                };
                let line =
                    format!("app '{name}' may reach '{called}', {why}: listed without this call");
                self.notes.push(line);
                false
            });
            if record.0.contains_key("calls") {
                record.0.insert("calls".into(), app.calls.into());
            }
        }
    }
}

/// What is about a load balancer.
const OF_LOAD_BALANCER: [&str; 15] = [
    "public",
    "behind",
    "path",
    "host",
    "health",
    "health_codes",
    "health_port",
    "health_interval",
    "health_timeout",
    "healthy_after",
    "unhealthy_after",
    "slow_start",
    "sticky",
    "drain",
    "idle_timeout",
];

/// An app without what it had before a change, which is there until it is pruned: a worker's load
/// balancer, and who reached it there.
fn without_what_goes(mut record: Record) -> Record {
    let says = |field: &str| record.0.get(field).is_some_and(|value| value == true);
    let (worker, public) = (says("worker"), says("public"));
    let has_balancer = !worker && !record.0.contains_key("behind");
    if worker {
        for field in OF_LOAD_BALANCER {
            record.0.remove(field);
        }
    }
    if !public || !has_balancer {
        record.0.remove("from");
    }
    if !has_balancer && !worker {
        record.0.remove("reach_from");
    }
    if let Some(Value::Array(from)) = record.0.get_mut("reach_from") {
        from.retain(|peer| {
            let names_port = peer.as_str().is_some_and(|peer| peer.contains('='));
            names_port == worker && (worker || !public)
        });
    }
    record
}

/// Whether a tool would take a record: a person may have made something else of it by hand. Calls are
/// looked at when all apps are known.
fn check(record: &Record) -> Result<(), String> {
    const ODD: &str = "what AWS tells of it is not what a record can say";
    if record.kind() == Source::TYPE {
        return record.typed::<Source>().ok_or(ODD)?.check();
    }
    let mut app: App = record.typed().ok_or(ODD)?;
    app.calls.retain(|called| *called != app.name);
    app.check()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn env() -> Env {
        Env::example()
    }

    fn records(new: bool, found: Vec<Record>) -> Vec<Record> {
        let listing = list(&env(), new, found);
        assert_eq!(listing.left_out, Vec::<String>::new());
        listing.records
    }

    #[test]
    fn the_fragments_of_an_app_become_one_record() {
        let found = vec![
            Record::new("app", "web").with("calls", vec!["api"]),
            Record::new("sg", "task/web").with("id", "sg-1"),
            Record::new("app", "web").with("public", true),
            Record::new("app", "web").with("port", 5000),
            Record::new("app", "api").with("port", 5000),
        ];
        let records = records(false, found);
        assert_eq!(records.len(), 3);
        let app: App = records[0].typed().unwrap();
        assert_eq!(
            (app.public, app.calls, app.port),
            (true, vec!["api".to_string()], 5000)
        );
    }

    #[test]
    fn what_an_app_had_before_a_change_is_not_what_it_is() {
        let app = |name| Record::new("app", name).with("port", 5000);
        let from = json!(["sg-0a1b2c3d", "tcp:9000=sg-0a1b2c3d"]);
        let found = vec![
            app("jobs")
                .with("worker", true)
                .with("public", true)
                .with("health", "/well")
                .with("health_codes", "200,302")
                .with("idle_timeout", 5)
                .with("reach_from", from.clone()),
            app("web")
                .with("public", true)
                .with("reach_from", from.clone()),
            app("api").with("reach_from", from),
        ];
        let listed: Vec<String> = records(false, found)
            .iter()
            .map(|record| serde_json::to_string(&record.0).unwrap())
            .collect();
        assert_eq!(
            listed,
            [
                r#"{"type":"app","name":"jobs","port":5000,"worker":true,"reach_from":["tcp:9000=sg-0a1b2c3d"]}"#,
                r#"{"type":"app","name":"web","port":5000,"public":true,"reach_from":[]}"#,
                r#"{"type":"app","name":"api","port":5000,"reach_from":["sg-0a1b2c3d"]}"#,
            ]
        );
    }

    #[test]
    fn who_alone_may_come_is_said_of_a_public_app_with_a_load_balancer() {
        let from = ["203.0.113.0/24"];
        let app = |name: &str| {
            let app = Record::new("app", name).with("port", 5000);
            app.with("from", from).with("reach_from", from)
        };
        let found = vec![
            app("web").with("public", true),
            app("api"),
            app("docs")
                .with("public", true)
                .with("behind", "web")
                .with("path", ["/docs"]),
        ];
        let listed = records(false, found);
        let said = |field: &str| -> Vec<bool> {
            let says = |record: &Record| record.0.get(field) == Some(&serde_json::json!(from));
            listed.iter().map(says).collect()
        };
        assert_eq!(said("from"), [true, false, false]);
        assert_eq!(said("reach_from"), [false, true, false]);
    }

    #[test]
    fn a_call_leads_to_all_that_answer_at_that_load_balancer() {
        let app = |name: &str| Record::new("app", name).with("port", 5000);
        let found = vec![
            app("web").with("calls", ["api"]),
            app("api").with("calls", ["api"]), // what is behind it, which it calls
            app("more").with("behind", "api").with("path", ["/more"]),
        ];
        let listing = list(&env(), false, found);
        let calls = |n: usize| listing.records[n].0["calls"].clone();
        assert_eq!(calls(0), serde_json::json!(["api", "more"]));
        assert_eq!(calls(1), serde_json::json!(["more"]));
        assert!(listing.notes.is_empty(), "{:?}", listing.notes);
    }

    #[test]
    fn what_is_left_of_a_workers_load_balancer_says_nothing() {
        let fragments = vec![
            Record::new("app", "web").with("public", true),
            Record::new("app", "web").with("health", "/well"),
            Record::new("app", "web")
                .with("image", "x:1")
                .with("worker", true),
            Record::new("app", "api")
                .with("port", 5000)
                .with("calls", vec!["web"]),
        ];
        let listing = list(&env(), false, fragments);
        let app: App = listing.records[0].typed().unwrap();
        assert!(app.worker && !app.public && app.health == "/");
        let told = "app 'api' may reach 'web', which is a worker: listed without this call";
        assert_eq!(listing.notes, [told]);
    }

    #[test]
    fn an_app_without_a_service_is_left_to_mk_app_with_a_line() {
        let found = vec![Record::new("app", "web").with("public", true)];
        let listing = list(&env(), false, found);
        assert!(listing.records.is_empty() && listing.left_out.is_empty());
        assert!(
            listing.notes[0].starts_with("app 'web' is not listed: it has no service yet"),
            "{listing:?}"
        );
    }

    #[test]
    fn a_call_that_no_tool_would_take_is_left_out_and_not_the_app() {
        let app = |name, calls: &[&str]| {
            Record::new("app", name)
                .with("port", 5000)
                .with("calls", calls)
        };
        let found = vec![
            app("web", &["api", "jobs", "web", "shop"]),
            app("jobs", &[]),
            app("shop", &["web"]).with("public", true),
        ];
        let listing = list(&env(), false, found);
        let calls: Vec<_> = listing
            .records
            .iter()
            .map(|app| app.0["calls"].clone())
            .collect();
        assert_eq!(calls, [json!(["jobs"]), json!([]), json!(["web"])]);
        assert_eq!(
            listing.notes,
            [
                "app 'web' may reach 'api', which is not listed: listed without this call",
                "app 'web' may reach 'web', itself: listed without this call",
                "app 'web' may reach 'shop', which is public: listed without this call",
            ]
        );
    }

    #[test]
    fn what_no_record_can_say_is_told_and_the_rest_is_listed() {
        let app = |name| {
            Record::new("app", name)
                .with("image", "x")
                .with("found", true)
        };
        let found = vec![
            app("web").with("cpu", 333).with("set", json!({"a.b": "1"})),
            app("Web"),
            app("api").with("port", json!(null)),
            Record::left_out("service x", "why"),
            Record::partly_left_out("of app 'web'", "secrets"),
            Record::new("source", "jobs").with("repository", ""),
        ];
        let listing = list(&env(), false, found);
        let names: Vec<_> = listing.records.iter().map(Record::name).collect();
        assert_eq!(names, ["web"]);
        let [web, api, service, source] = &listing.left_out[..] else {
            panic!("{listing:?}");
        };
        assert!(
            web.starts_with("app 'Web' is not listed: app 'Web' must be"),
            "{web}"
        );
        assert!(
            api.starts_with("app 'api' is not listed: what AWS tells"),
            "{api}"
        );
        assert_eq!(service, "service x is not listed: why");
        assert!(
            source.starts_with("source 'jobs' is not listed: repository ''"),
            "{source}"
        );
        assert_eq!(listing.notes, ["not listed of app 'web': secrets"]);
    }

    #[test]
    fn the_environment_gets_back_the_tags_it_was_made_with() {
        let tags = json!({"Team": "web", "team": "x", "owner (ops)": "me"});
        let found = vec![Record::new("env", "production-pr1").with("tags", tags)];
        let listing = list(&env(), true, found);
        let env: Env = listing.records[0].typed().unwrap();
        assert_eq!(env.tags, BTreeMap::from([("Team".into(), "web".into())]));
        assert_eq!(listing.notes.len(), 1);
        assert!(
            listing.notes[0].starts_with("tags 'owner (ops)', 'team' are somebody else's"),
            "{listing:?}"
        );
    }

    #[test]
    fn a_source_is_whole_once_its_repository_is_known() {
        let build = Record::new("source", "web").with("context", "web");
        let alone = list(&env(), false, vec![build.clone()]);
        assert!(
            alone.records.is_empty() && alone.notes.len() == 1,
            "{alone:?}"
        );
        let pipeline = Record::new("source", "web")
            .with("repository", "owner/web")
            .with("branch", "main");
        let source: Source = records(false, vec![build, pipeline])[0].typed().unwrap();
        assert_eq!(
            (source.repository.as_str(), source.context.as_str()),
            ("owner/web", "web")
        );
    }
}
