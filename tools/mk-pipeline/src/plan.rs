//! What a pipeline should be, what exists, and what follows. Pure.

mod first_run;
mod gates;
mod structure;
mod wanted;

use std::collections::BTreeMap;

use plumbing::name::{IDENTITY, SOURCE};
use plumbing::step::in_part;
use plumbing::{Difference, Differences, Env, Pipeline, Record, Result, Source};
use serde_json::{Map, Value};

pub use first_run::may_lack_a_right_for_a_moment;
pub use gates::with_gates;
pub use structure::{Action, BEFORE_ENTRY, ON_FAILURE, ON_SUCCESS, Stage, Structure};
pub use wanted::Needs;

/// A pipeline as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Want {
    /// Its name in CodePipeline.
    pub name: String,
    /// What it does.
    pub structure: Structure,
    /// Its tags.
    pub tags: Vec<(String, String)>,
}

/// What is wanted of a source's pipeline.
pub fn want(env: &Env, source: &Source, needs: &Needs, connection: &str) -> Want {
    let name = env.pipeline_name(&source.name);
    Want {
        structure: wanted::structure(env, source, needs, connection),
        tags: env.tags_of_source(&name, &source.name),
        name,
    }
}

/// A pipeline that exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// What it does.
    pub structure: Structure,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A part of a pipeline that one call brings into line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// All of its structure.
    Structure,
    /// Its tags.
    Tags,
}

/// In what a pipeline differs from what is wanted; what makes it stricter stays.
///
/// Errors: it is not the environment's.
pub fn compare(env: &Env, want: &Want, have: &Have) -> Result<Differences<Part>> {
    env.check_ours(format!("pipeline {}", want.name), &have.tags)?;
    let mut differences = Differences::new();
    let wanted = with_gates(&want.structure, &have.structure);
    let structure = structure::differences(&wanted, &have.structure);
    differences.extend(in_part(Part::Structure, structure));
    let tags = Difference::of_tags(&have.tags, &want.tags);
    differences.extend(in_part(Part::Tags, tags));
    Ok(differences)
}

/// What is said of a pipeline that somebody made stricter.
pub fn warning_of_gates(want: &Want, have: &Have) -> Option<String> {
    gates::warning(&want.name, &want.structure, &have.structure)
}

/// What follows from a pipeline: the records of its environment, of its source and of itself.
/// Without the tag that says which source that is, the pipeline's record has the pipeline's own
/// name, since no two records may have one name.
pub fn records(env: &Env, pipeline: &str, have: &Have) -> Vec<Record> {
    let mut records = vec![env_record(env, have)];
    match have.tags.get(SOURCE) {
        Some(source) => {
            records.push(source_record(source, &have.structure));
            records.push(record(env, source, pipeline));
        }
        None => records.push(record(env, pipeline, pipeline)),
    }
    records
}

/// The environment, whose tags are those of the pipeline but for its name and whose it is.
fn env_record(env: &Env, have: &Have) -> Record {
    let mut tags = Map::new();
    for (key, value) in &have.tags {
        if ![IDENTITY, SOURCE, "Name"].contains(&key.as_str()) {
            tags.insert(key.clone(), Value::from(value.as_str()));
        }
    }
    Record::new("env", &env.name).with("tags", tags)
}

/// The source as the pipeline's actions tell it.
fn source_record(name: &str, structure: &Structure) -> Record {
    let mut source = Record::new("source", name).with("found", true);
    for action in structure.actions() {
        source = match action.provider.as_str() {
            "CodeStarSourceConnection" => {
                let trigger = if action.setting("DetectChanges") == "false" {
                    "events"
                } else {
                    "connection"
                };
                source
                    .with("repository", action.setting("FullRepositoryId"))
                    .with("branch", action.setting("BranchName"))
                    .with("trigger", trigger)
            }
            "ECS" => source.with("deploy", true),
            _ => source,
        };
    }
    source
}

/// A pipeline's record.
pub fn record(env: &Env, source: &str, pipeline: &str) -> Record {
    Record::of(&Pipeline {
        name: source.into(),
        arn: env.arn("codepipeline", pipeline),
        pipeline: pipeline.into(),
        ..Pipeline::default()
    })
}

#[cfg(test)]
mod tests {
    use plumbing::step::parts;
    use serde_json::json;

    use super::*;

    const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";

    fn env() -> Env {
        Env::example()
    }

    fn wanted(more: &str) -> Want {
        let source = serde_json::from_str(&format!(
            r#"{{"name":"web","repository":"owner/web"{more}}}"#
        ))
        .unwrap();
        let needs = Needs {
            bucket: "bucket-x".into(),
            project: "build-x".into(),
            function: "function-x".into(),
            role: "role-x".into(),
        };
        want(&env(), &source, &needs, CONNECTION)
    }

    fn ours() -> Have {
        let want = wanted("");
        Have {
            structure: want.structure,
            tags: want.tags.into_iter().collect(),
        }
    }

    fn differing(want: &Want, have: &Have) -> Vec<String> {
        let differences = compare(&env(), want, have).unwrap();
        let fields = differences
            .into_iter()
            .map(|(_, difference)| difference.field);
        fields.collect()
    }

    fn action<'a>(want: &'a Want, name: &str) -> &'a Action {
        let mut actions = want.structure.actions();
        actions.find(|action| action.name == name).unwrap()
    }

    #[test]
    fn it_has_three_stages_and_runs_one_after_the_other() {
        let want = wanted("");
        let names: Vec<&str> = want
            .structure
            .stages
            .iter()
            .map(|stage| stage.name.as_str())
            .collect();
        assert_eq!(names, ["Source", "Build", "Deploy"]);
        assert_eq!(
            (
                want.structure.pipeline_type.as_str(),
                want.structure.execution_mode.as_str()
            ),
            ("V2", "QUEUED")
        );
        let source = action(&want, "Source");
        assert_eq!(
            (
                source.category.as_str(),
                source.owner.as_str(),
                source.provider.as_str(),
                source.version.as_str()
            ),
            ("Source", "AWS", "CodeStarSourceConnection", "1")
        );
        let invoke = action(&want, "Tag");
        assert_eq!(
            (invoke.category.as_str(), invoke.provider.as_str()),
            ("Invoke", "Lambda")
        );
        assert_eq!(
            invoke.configuration["UserParameters"],
            r##"{"repository":"repo-web-production-pr1","tag":"#{BuildVariables.IMAGE_TAG}","digest":"#{BuildVariables.IMAGE_DIGEST}"}"##
        );
    }

    #[test]
    fn exactly_one_thing_starts_it() {
        assert_eq!(
            action(&wanted(""), "Source").configuration["DetectChanges"],
            "true"
        );
        assert_eq!(
            action(&wanted(r#","trigger":"events""#), "Source").configuration["DetectChanges"],
            "false"
        );
        assert_eq!(wanted("").structure.triggers, 0);
    }

    #[test]
    fn a_source_that_is_deployed_is_deployed_before_it_is_tagged() {
        let want = wanted(r#","deploy":true"#);
        let actions = &want.structure.stages[2].actions;
        let orders: Vec<(&str, i32)> = actions
            .iter()
            .map(|action| (action.name.as_str(), action.run_order))
            .collect();
        assert_eq!(orders, [("Service", 1), ("Tag", 2)]);
        assert_eq!(
            action(&want, "Service").configuration["ServiceName"],
            "service-web-production-pr1"
        );
        assert_eq!(action(&want, "Service").inputs, ["BuildOutput"]);
    }

    #[test]
    fn what_is_as_wanted_does_not_differ() {
        assert_eq!(differing(&wanted(""), &ours()), Vec::<String>::new());
    }

    #[test]
    fn a_difference_is_told_field_by_field() {
        let mut have = ours();
        have.structure.execution_mode = "SUPERSEDED".into();
        have.structure.stages[0].actions[0]
            .configuration
            .insert("BranchName".into(), "old".into());
        have.structure.stages.remove(2);
        have.tags.remove("Team");
        let found = differing(&wanted(""), &have);
        for field in [
            "execution mode",
            "stages",
            "Source/Source BranchName",
            "Deploy/Tag kind",
            "tag Team",
        ] {
            assert!(
                found.iter().any(|found| found == field),
                "{field}: {found:?}"
            );
        }
        let differences = compare(&env(), &wanted(""), &have).unwrap();
        assert_eq!(parts(&differences), [Part::Structure, Part::Tags]);
        assert_eq!(parts(&differences[differences.len() - 1..]), [Part::Tags]);
    }

    #[test]
    fn what_is_not_ours_goes_away_untold() {
        let mut have = ours();
        let mut theirs = action(&wanted(""), "Build").clone();
        theirs.name = "Theirs".into();
        theirs
            .configuration
            .insert("EnvironmentVariables".into(), "hunter2".into());
        have.structure.stages[1].actions[0]
            .configuration
            .insert("BuildspecOverride".into(), "hunter2".into());
        have.structure.stages[1].actions.push(theirs);
        have.structure.other_settings = vec!["variables".into(), "Deploy on failure".into()];
        for (_, difference) in compare(&env(), &wanted(""), &have).unwrap() {
            let values = (difference.old.as_str(), difference.new.as_str());
            assert_eq!(values, ("set", "none"), "{difference}");
        }
        let found = differing(&wanted(""), &have);
        for field in [
            "variables",
            "Deploy on failure",
            "Build/Build BuildspecOverride",
            "Build/Theirs kind",
            "Build/Theirs EnvironmentVariables",
        ] {
            assert!(
                found.iter().any(|found| found == field),
                "{field}: {found:?}"
            );
        }
    }

    #[test]
    fn a_pipeline_without_our_tag_is_refused() {
        let have = Have {
            tags: BTreeMap::new(),
            ..ours()
        };
        let error = compare(&env(), &wanted(""), &have).unwrap_err();
        assert_eq!(
            error.message,
            "pipeline pipeline-web-production-pr1 exists and is not tagged plumbline:env=production-pr1; it is left alone"
        );
    }

    #[test]
    fn it_tells_its_source_again() {
        for more in ["", r#","branch":"next","trigger":"events","deploy":true"#] {
            let want = wanted(more);
            let have = Have {
                structure: want.structure,
                tags: want.tags.into_iter().collect(),
            };
            let records = records(&env(), &want.name, &have);
            let asked: Source = serde_json::from_str(&format!(
                r#"{{"name":"web","repository":"owner/web"{more}}}"#
            ))
            .unwrap();
            let again: Source = records[1].typed().unwrap();
            assert!(again.found);
            assert_eq!(
                Source {
                    found: false,
                    rest: Default::default(),
                    ..again
                },
                asked
            );
            assert_eq!((records[0].kind(), records[2].kind()), ("env", "pipeline"));
            assert_eq!(records[0].0["tags"], json!({"Team": "devops"}));
        }
        let mut without_source = ours();
        without_source.tags.remove(SOURCE);
        let records = records(&env(), "pipeline-web-production-pr1", &without_source);
        assert_eq!(
            records.iter().map(Record::kind).collect::<Vec<_>>(),
            ["env", "pipeline"]
        );
        assert_eq!(records[1].name(), "pipeline-web-production-pr1");
    }

    #[test]
    fn a_record_holds_name_and_arn() {
        assert_eq!(
            serde_json::to_string(&record(&env(), "web", "pipeline-web-production-pr1")).unwrap(),
            r#"{"type":"pipeline","name":"web","arn":"arn:aws:codepipeline:us-east-1:123456789012:pipeline-web-production-pr1","pipeline":"pipeline-web-production-pr1"}"#
        );
    }
}
