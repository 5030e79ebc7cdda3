//! Puts together what the tools' crates found. Pure.

use std::collections::{HashMap, HashSet};

use plumbing::{App, Env, Record, RecordType, Source};

/// The records to write, in the order in which the tools make them.
///
/// An app leaves traces in several services, so its record comes in fragments of one key; these
/// become one. A fragment alone (no port is known) is no app: its service does not exist yet, and
/// the rest of what was asked for is nowhere in AWS. Nor is one that calls such an app: no tool would
/// take it. So it is with a source and its pipeline.
pub fn records(env: &Env, new: bool, found: Vec<Record>) -> Vec<Record> {
    let mut merged = merge_fragments(env, found);
    merged.retain(is_complete);
    if !new {
        merged.retain(|record| record.kind() != Env::TYPE);
    }
    while let Some(index) = first_caller_of_none(&merged) {
        merged.remove(index);
    }
    merged.sort_by_key(|record| match record.kind() {
        Env::TYPE => 0,
        App::TYPE | Source::TYPE => 1,
        _ => 2,
    });
    merged
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

/// Whether a tool would take a record: a person may have made something else of it by hand.
fn is_complete(record: &Record) -> bool {
    match record.kind() {
        App::TYPE => {
            let app: Option<App> = record.typed();
            record.0.contains_key("port") && app.is_some_and(|app| app.check().is_ok())
        }
        Source::TYPE => {
            let source: Option<Source> = record.typed();
            source.is_some_and(|source| source.check().is_ok())
        }
        _ => true,
    }
}

/// The index of an app that calls one which is not there.
fn first_caller_of_none(records: &[Record]) -> Option<usize> {
    let apps: Vec<App> = records.iter().filter_map(Record::typed).collect();
    let names: HashSet<&String> = apps.iter().map(|app| &app.name).collect();
    let caller = apps
        .iter()
        .find(|app| app.calls.iter().any(|called| !names.contains(called)))?;
    records
        .iter()
        .position(|record| record.kind() == App::TYPE && record.name() == caller.name)
}

/// Whether a refusal is an emulator's word that it has no such service: what HTTP says of unknown things,
/// without a code of AWS's, or what LocalStack and its kin say under one. Any other trouble may pass, and
/// what is there stays hidden until then.
pub fn is_lacking(message: &str) -> bool {
    let unknown =
        |status| message.contains(&format!("answered {status} without an AWS error code"));
    let not_there = ["not yet been ", "not yet implemented"];
    [400, 404, 405, 501].into_iter().any(unknown)
        || not_there.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        Env::example()
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
        let records = records(&env(), false, found);
        assert_eq!(records.len(), 3);
        let app: App = records[0].typed().unwrap();
        assert_eq!(
            (app.public, app.calls, app.port),
            (true, vec!["api".to_string()], 5000)
        );
    }

    #[test]
    fn an_app_without_a_service_is_left_out() {
        assert!(
            records(
                &env(),
                false,
                vec![Record::new("app", "web").with("public", true)]
            )
            .is_empty()
        );
    }

    #[test]
    fn an_app_that_calls_one_without_a_service_is_left_out() {
        let app = |name, calls: &[&str]| {
            Record::new("app", name)
                .with("port", 5000)
                .with("calls", calls)
        };
        let found = vec![
            app("web", &["api"]),
            app("admin", &["web"]),
            app("jobs", &[]),
        ];
        let records = records(&env(), false, found);
        assert_eq!(
            records.iter().map(Record::name).collect::<Vec<_>>(),
            ["jobs"]
        );
    }

    #[test]
    fn an_app_that_no_tool_would_take_is_left_out() {
        let found = vec![
            Record::new("app", "web")
                .with("port", 5000)
                .with("cpu", 333),
        ];
        assert!(records(&env(), false, found).is_empty());
    }

    #[test]
    fn the_environment_gets_back_the_tags_it_was_made_with() {
        let tags: serde_json::Map<_, _> =
            [("Team".to_string(), "web".into())].into_iter().collect();
        let records = records(
            &env(),
            true,
            vec![Record::new("env", "production-pr1").with("tags", tags)],
        );
        assert_eq!(records[0].typed::<Env>().unwrap().tags["Team"], "web");
    }

    #[test]
    fn a_source_is_whole_once_its_repository_is_known() {
        let build = Record::new("source", "web").with("context", "web");
        assert!(records(&env(), false, vec![build.clone()]).is_empty());
        let pipeline = Record::new("source", "web")
            .with("repository", "owner/web")
            .with("branch", "main");
        let source: Source = records(&env(), false, vec![build, pipeline])[0]
            .typed()
            .unwrap();
        assert_eq!(
            (source.repository.as_str(), source.context.as_str()),
            ("owner/web", "web")
        );
    }

    #[test]
    fn what_an_emulator_lacks_is_told_from_what_it_refuses() {
        for (message, lacking) in [
            (
                "cannot list the pipelines: the endpoint answered 400 without an AWS error code; it may",
                true,
            ),
            (
                "cannot list the pipelines: the endpoint answered 501 without an AWS error code; it may",
                true,
            ),
            (
                "API for operation 'X' has not yet been implemented in Y (ecs:DescribeClusters, InternalFailure)",
                true,
            ),
            (
                "API for service 'ecs' not yet implemented or pro feature (ecs:DescribeClusters, InternalFailure)",
                true,
            ),
            (
                "cannot list the repositories: the endpoint answered 200 without an AWS error code",
                false,
            ),
            (
                "cannot list the services: the endpoint answered 500 without an AWS error code; it may",
                false,
            ),
            (
                "cannot list the services: the endpoint answered 503 without an AWS error code; it may",
                false,
            ),
            (
                "cannot list the pipelines: An internal failure (codepipeline:ListPipelines, InternalFailure)",
                false,
            ),
            (
                "cannot list the pipelines: connection closed before message completed",
                false,
            ),
        ] {
            assert_eq!(is_lacking(message), lacking, "{message}");
        }
    }
}
