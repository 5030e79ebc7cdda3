//! Fields of a wish that no tool knows: somebody wrote them by hand, and a word that is misspelt is a
//! wish that is not heard. They still pass through. Pure.

use serde_json::{Map, Value};

use crate::record::RecordType;
use crate::types::{App, Source};

const APP: &[&str] = &[
    "name",
    "port",
    "public",
    "calls",
    "health",
    "set",
    "image",
    "context",
    "cpu",
    "memory",
    "count",
    "grace",
    "check",
    "architecture",
    "worker",
    "reach",
    "reach_from",
    "health_codes",
    "health_interval",
    "health_timeout",
    "healthy_after",
    "unhealthy_after",
    "health_port",
    "live",
    "slow_start",
    "sticky",
    "idle_timeout",
    "drain",
    "command",
    "entrypoint",
    "user",
    "writable",
    "tmp",
    "own_init",
    "stop_timeout",
    "storage",
    "mounts",
    "ulimits",
    "logs",
    "containers",
    "after",
    "secrets",
    "env_files",
    "restart_on_change",
    "allow",
    "allow_any",
    "scale",
    "scale_on",
    "scale_at",
    "scale_zone",
    "spot",
    "dockerfile",
    "target",
    "build_args",
    "found",
];
const SOURCE: &[&str] = &[
    "name",
    "repository",
    "branch",
    "trigger",
    "context",
    "dockerfile",
    "deploy",
    "found",
];
/// What every record has, and what tools write into some.
const ALL: &[&str] = &["type", "change", "changes"];

/// What is said of an app's fields that no tool knows; nothing where all are known.
pub fn of_app(app: &App) -> Option<String> {
    told(App::TYPE, &app.name, &app.rest, APP)
}

/// The same of a source.
pub fn of_source(source: &Source) -> Option<String> {
    told(Source::TYPE, &source.name, &source.rest, SOURCE)
}

fn told(kind: &str, name: &str, rest: &Map<String, Value>, known: &[&str]) -> Option<String> {
    let strange = rest.keys().filter(|field| !ALL.contains(&field.as_str()));
    let words: Vec<String> = strange
        .map(|field| match nearest(field, known) {
            Some(meant) => format!("'{field}' (did you mean '{meant}'?)"),
            None => format!("'{field}'"),
        })
        .collect();
    let does = if words.len() == 1 { "field" } else { "fields" };
    let words = words.join(", ");
    (!words.is_empty()).then(|| format!("{kind} '{name}': no tool knows the {does} {words}"))
}

/// The known word that is most like another one, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let like = |known: &str| strsim::jaro_winkler(&word.to_lowercase(), known);
    let best = known.iter().max_by(|a, b| like(a).total_cmp(&like(b)))?;
    (like(best) > 0.8).then_some(*best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::read;

    fn app(text: &str) -> App {
        read(text.as_bytes()).unwrap().typed().unwrap()
    }

    #[test]
    fn a_misspelt_field_is_told_with_the_one_that_was_meant() {
        for (field, why) in [
            (
                r#""pubilc":true"#,
                "the field 'pubilc' (did you mean 'public'?)",
            ),
            (r#""Port":80"#, "the field 'Port' (did you mean 'port'?)"),
            (
                r#""team":"x","call":[]"#,
                "the fields 'team', 'call' (did you mean 'calls'?)",
            ),
            (
                r#""healthcheck":"/""#,
                "the field 'healthcheck' (did you mean 'health'?)",
            ),
        ] {
            let told = of_app(&app(&format!(r#"{{"type":"app","name":"web",{field}}}"#)));
            assert_eq!(
                told,
                Some(format!("app 'web': no tool knows {why}")),
                "{field}"
            );
        }
        let source = r#"{"type":"source","name":"web","repository":"o/web","brnach":"x"}"#;
        let source: Source = read(source.as_bytes()).unwrap().typed().unwrap();
        assert_eq!(
            of_source(&source).unwrap(),
            "source 'web': no tool knows the field 'brnach' (did you mean 'branch'?)"
        );
    }

    /// An app with each field that it may have. Read without a check: some exclude others.
    const ALL_FIELDS: &str = r#"{"type":"app","name":"web","public":true,"worker":true,"calls":["api"],
        "set":{"A":"b"},"image":"x","context":"x","check":"x","found":true,
        "reach":["x"],"reach_from":["x"],
        "health_codes":"x","health_interval":1,"health_timeout":1,"healthy_after":1,
        "unhealthy_after":1,"health_port":1,"live":"x",
        "slow_start":1,"sticky":1,"idle_timeout":1,"drain":1,
        "command":["x"],"entrypoint":["x"],"user":"x","writable":true,"tmp":1,"own_init":true,
        "stop_timeout":1,"storage":1,"mounts":["x"],"ulimits":{"x":"x"},"logs":"x",
        "containers":[{"name":"x","image":"x"}],"after":{"x":"x"},
        "secrets":{"x":"x"},"env_files":["x"],"restart_on_change":true,
        "allow":[{}],"allow_any":true,
        "scale":"x","scale_on":{"cpu":1},"scale_at":["x"],"scale_zone":"x","spot":1,
        "dockerfile":"x","target":"x","build_args":{"x":"x"}}"#;

    #[test]
    fn every_field_that_a_tool_writes_is_known() {
        let app: App = serde_json::from_str(ALL_FIELDS).unwrap();
        assert_eq!(app.rest.len(), 1); // its type
        let source =
            r#"{"type":"source","name":"web","repository":"o/web","deploy":true,"found":true}"#;
        let source: Source = read(source.as_bytes()).unwrap().typed().unwrap();
        for (value, known) in [
            (serde_json::to_value(&app).unwrap(), APP),
            (serde_json::to_value(&source).unwrap(), SOURCE),
        ] {
            let mut written: Vec<&String> = value.as_object().unwrap().keys().collect();
            written.retain(|field| *field != "type");
            assert_eq!(written.len(), known.len(), "{written:?}");
            assert!(written.iter().all(|field| known.contains(&field.as_str())));
        }
        assert_eq!(of_app(&app), None);
    }
}
