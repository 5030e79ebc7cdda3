//! Puts together what the tools' crates found. Pure.

use std::collections::{HashMap, HashSet};

use plumbing::{App, Env, Record, Source};
use serde_json::Value;

/// The records to write, in the order in which the tools make them.
///
/// An app leaves traces in several services, so its record comes in fragments of one key; these
/// become one. A fragment alone (no port is known) is no app: its service does not exist yet, and
/// the rest of what was asked for is nowhere in AWS. Nor is one that calls such an app: no tool would
/// take it. So it is with a source and its pipeline.
pub fn records(env: &Env, new: bool, found: Vec<Record>) -> Vec<Record> {
    let mut merged: Vec<Record> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    let own = Record::of(env);
    for record in [own].into_iter().chain(found) {
        let key = (record.kind().to_string(), record.name().to_string());
        match places.get(&key) {
            Some(&at) => merged[at].0.extend(record.0),
            None => {
                places.insert(key, merged.len());
                merged.push(record);
            }
        }
    }
    // A person may have made something else of it by hand.
    let whole = |record: &Record| match record.kind() {
        "app" => {
            record.0.contains_key("port")
                && record.typed().is_some_and(|app: App| app.check().is_ok())
        }
        "source" => record
            .typed()
            .is_some_and(|source: Source| source.check().is_ok()),
        _ => true,
    };
    merged.retain(|record| whole(record) && (new || record.kind() != "env"));
    while let Some(at) = caller_of_none(&merged) {
        merged.remove(at);
    }
    let rank = |record: &Record| match record.kind() {
        "env" => 0,
        "app" | "source" => 1,
        _ => 2,
    };
    merged.sort_by_key(rank);
    merged
}

/// Where an app is that calls one which is not there.
fn caller_of_none(records: &[Record]) -> Option<usize> {
    let app = |record: &Record| record.typed::<App>();
    let names: HashSet<String> = records.iter().filter_map(app).map(|app| app.name).collect();
    records.iter().position(|record| {
        app(record).is_some_and(|app| !app.calls.iter().all(|name| names.contains(name)))
    })
}

/// Whether a record is of what serves the apps, and whether of what builds the sources. A
/// repository that both need stays with the services.
pub fn serves_and_builds(record: &Record) -> (bool, bool) {
    let purpose = record.name().split_once('/').map(|(purpose, _)| purpose);
    match (record.kind(), purpose) {
        ("env", _) => (true, true),
        ("source" | "connection" | "bucket" | "build" | "function" | "pipeline" | "rule", _) => {
            (false, true)
        }
        ("role", Some("build" | "function" | "pipeline" | "events")) => (false, true),
        ("log_group", Some("build" | "function")) => (false, true),
        ("repo", _) => {
            let builds = record
                .0
                .get("needed_by")
                .is_some_and(|words| *words == serde_json::json!(["source"]));
            (!builds, builds)
        }
        _ => (true, false),
    }
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

/// The reading statements of several policies as one policy.
pub fn policies(policies: &[&str]) -> String {
    let mut actions: Vec<String> = Vec::new();
    for policy in policies {
        let policy: Value = serde_json::from_str(policy).unwrap_or_default();
        for statement in policy["Statement"].as_array().into_iter().flatten() {
            let listed = match &statement["Action"] {
                Value::Array(listed) => listed.clone(),
                one => vec![one.clone()],
            };
            actions.extend(
                listed
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|action| reads(action))
                    .map(String::from),
            );
        }
    }
    actions.sort();
    actions.dedup();
    let statement =
        serde_json::json!({"Sid": "Look", "Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [statement]});
    format!("{policy:#}\n")
}

fn reads(action: &str) -> bool {
    let operation = action.split(':').nth(1).unwrap_or_default();
    ["BatchGet", "Describe", "Get", "List"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012"}"#;
        serde_json::from_str(text).unwrap()
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
    fn what_serves_is_told_from_what_builds() {
        for (kind, name, halves) in [
            ("env", "production-pr1", (true, true)),
            ("vpc", "main", (true, false)),
            ("role", "execution/web", (true, false)),
            ("role", "events/web", (false, true)),
            ("log_group", "web", (true, false)),
            ("log_group", "build/web", (false, true)),
            ("repo", "web", (true, false)),
            ("bucket", "artifacts", (false, true)),
        ] {
            assert_eq!(
                serves_and_builds(&Record::new(kind, name)),
                halves,
                "{kind} {name}"
            );
        }
        let repo = |words: &[&str]| {
            serves_and_builds(&Record::new("repo", "web").with("needed_by", words))
        };
        assert_eq!(
            (repo(&["source"]), repo(&["app", "source"])),
            ((false, true), (true, false))
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

    #[test]
    fn a_listing_needs_only_to_read() {
        let policy = r#"{"Statement":[{"Action":["ec2:DescribeVpcs","ec2:CreateVpc"]},{"Action":"iam:GetRole"}]}"#;
        let merged: Value = serde_json::from_str(&policies(&[policy])).unwrap();
        assert_eq!(
            merged["Statement"][0]["Action"],
            serde_json::json!(["ec2:DescribeVpcs", "iam:GetRole"])
        );
    }
}
