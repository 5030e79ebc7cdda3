//! What a pipeline should be, what is there, and what follows. Pure.

use std::collections::{BTreeMap, BTreeSet};

use plumbing::name::{IDENTITY, SOURCE};
use plumbing::{Difference, Env, Error, Pipeline, Record, Result, Source, Step};
use serde_json::json;

/// The parts that a pipeline is made of, beside the connection.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The artifact bucket's name.
    pub bucket: String,
    /// The build project's name.
    pub project: String,
    /// The function's name.
    pub function: String,
    /// The ARN of the role that it runs with.
    pub role: String,
}

/// One action of a stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// `Source`, `Build`, `Deploy`, `Invoke`.
    pub category: String,
    /// Whose kind of action it is: `AWS`.
    pub owner: String,
    /// `CodeStarSourceConnection`, `CodeBuild`, `ECS`, `Lambda`.
    pub provider: String,
    /// Of the kind.
    pub version: String,
    /// Those of one number run side by side.
    pub run_order: i32,
    /// What its variables are called by.
    pub namespace: String,
    /// Its settings.
    pub configuration: BTreeMap<String, String>,
    /// The artifacts that it reads.
    pub inputs: Vec<String>,
    /// Those that it writes.
    pub outputs: Vec<String>,
}

/// What a pipeline does, in so far as we set it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    /// The ARN of the role that it runs with.
    pub role: String,
    /// The artifact bucket's name.
    pub bucket: String,
    /// `V1` or `V2`.
    pub kind: String,
    /// `QUEUED`, `SUPERSEDED` or `PARALLEL`.
    pub mode: String,
    /// How many triggers it has of its own, which replace the connection's.
    pub triggers: usize,
    /// The stages, each with its actions.
    pub stages: Vec<(String, Vec<Action>)>,
    /// What else is set, by name: an update replaces all of it.
    pub others: Vec<String>,
}

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

/// A pipeline that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Have {
    /// What it does.
    pub structure: Structure,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What is wanted of a source's pipeline.
pub fn want(env: &Env, source: &Source, parts: &Parts, connection: &str) -> Want {
    let name = env.pipeline_name(&source.name);
    let stages = [
        ("Source", vec![read(source, connection)]),
        ("Build", vec![build(parts)]),
        (
            "Deploy",
            match source.deploy {
                true => vec![deploy(env, source), tag(env, source, parts, 2)],
                false => vec![tag(env, source, parts, 1)],
            },
        ),
    ];
    let structure = Structure {
        role: parts.role.clone(),
        bucket: parts.bucket.clone(),
        kind: "V2".into(),
        // One run after the other, so that the tag never goes back to an older image.
        mode: "QUEUED".into(),
        triggers: 0,
        stages: stages
            .map(|(stage, actions)| (stage.to_string(), actions))
            .into(),
        others: Vec::new(),
    };
    Want {
        tags: env.tags_of_source(&name, &source.name),
        name,
        structure,
    }
}

/// Exactly one thing starts a run on a push: the connection, or the rule of mk-rule.
fn read(source: &Source, connection: &str) -> Action {
    let detects = source.trigger == "connection";
    Action {
        namespace: "SourceVariables".into(),
        outputs: vec!["SourceOutput".into()],
        ..action(
            "Source",
            "Source",
            "CodeStarSourceConnection",
            &[
                ("ConnectionArn", connection),
                ("FullRepositoryId", &source.repository),
                ("BranchName", &source.branch),
                ("OutputArtifactFormat", "CODE_ZIP"),
                ("DetectChanges", &detects.to_string()),
            ],
        )
    }
}

fn build(parts: &Parts) -> Action {
    Action {
        namespace: "BuildVariables".into(),
        inputs: vec!["SourceOutput".into()],
        outputs: vec!["BuildOutput".into()],
        ..action(
            "Build",
            "Build",
            "CodeBuild",
            &[("ProjectName", &parts.project)],
        )
    }
}

/// Deploys what imagedefinitions.json names, by digest, to the app's service.
fn deploy(env: &Env, source: &Source) -> Action {
    Action {
        inputs: vec!["BuildOutput".into()],
        ..action(
            "Service",
            "Deploy",
            "ECS",
            &[
                ("ClusterName", &env.cluster_name()),
                ("ServiceName", &env.service_name(&source.name)),
                ("FileName", "imagedefinitions.json"),
            ],
        )
    }
}

/// Hands the function the image that this run built: it never looks for the newest one.
fn tag(env: &Env, source: &Source, parts: &Parts, run_order: i32) -> Action {
    let image = json!({
        "repository": env.repository_name(&source.name),
        "tag": "#{BuildVariables.IMAGE_TAG}",
        "digest": "#{BuildVariables.IMAGE_DIGEST}",
    });
    let configuration = [
        ("FunctionName", parts.function.as_str()),
        ("UserParameters", &image.to_string()),
    ];
    Action {
        run_order,
        ..action("Tag", "Invoke", "Lambda", &configuration)
    }
}

fn action(name: &str, category: &str, provider: &str, configuration: &[(&str, &str)]) -> Action {
    let configuration = configuration
        .iter()
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect();
    Action {
        name: name.into(),
        category: category.into(),
        owner: "AWS".into(),
        provider: provider.into(),
        version: "1".into(),
        run_order: 1,
        configuration,
        ..Action::default()
    }
}

/// Decides what is to be done.
///
/// Errors: a pipeline of that name is there and not the environment's.
pub fn step(env: &Env, want: &Want, have: Option<&Have>) -> Result<Step> {
    let Some(have) = have else {
        return Ok(Step::Create);
    };
    if !env.owns(&have.tags) {
        return Err(foreign(env, &want.name));
    }
    let (old, new) = (fields(&have.structure), fields(&want.structure));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let difference = |name: &String| {
        let new = new.get(name);
        // What is not ours goes away, and is not told: a setting of someone's action may be a secret.
        let old = old
            .get(name)
            .map(|old| if new.is_some() { old } else { "set" });
        Difference::between(
            name,
            old.unwrap_or("none"),
            new.map_or("none", String::as_str),
        )
    };
    let differences = names.into_iter().filter_map(difference);
    Ok(Step::Change(
        differences
            .chain(Difference::of_tags(&have.tags, &want.tags))
            .collect(),
    ))
}

/// All that a pipeline says, by what a difference of it is called.
fn fields(structure: &Structure) -> BTreeMap<String, String> {
    let stages: Vec<&str> = structure
        .stages
        .iter()
        .map(|(stage, _)| stage.as_str())
        .collect();
    let mut fields = BTreeMap::from([
        ("role".to_string(), structure.role.clone()),
        ("artifact bucket".to_string(), structure.bucket.clone()),
        ("type".to_string(), structure.kind.clone()),
        ("execution mode".to_string(), structure.mode.clone()),
        ("triggers".to_string(), structure.triggers.to_string()),
        ("stages".to_string(), stages.join(", ")),
    ]);
    for (stage, actions) in &structure.stages {
        for action in actions {
            let kind = [
                &action.category,
                &action.owner,
                &action.provider,
                &action.version,
            ]
            .map(String::as_str)
            .join("/");
            let mut say = |what: &str, value: &str| {
                fields.insert(format!("{stage}/{} {what}", action.name), value.to_string())
            };
            say("kind", &kind);
            say("order", &action.run_order.to_string());
            say("namespace", &action.namespace);
            say("input", &action.inputs.join(", "));
            say("output", &action.outputs.join(", "));
            action
                .configuration
                .iter()
                .for_each(|(key, value)| drop(say(key, value)));
        }
    }
    fields.extend(
        structure
            .others
            .iter()
            .map(|name| (name.clone(), String::new())),
    );
    fields
}

/// Whether differences are of the structure, and whether of the tags: UpdatePipeline takes no tags.
pub fn calls(differences: &[Difference]) -> (bool, bool) {
    let of_tags = |difference: &Difference| difference.field.starts_with("tag ");
    (
        !differences.iter().all(of_tags),
        differences.iter().any(of_tags),
    )
}

/// What is said of a pipeline that is not the environment's.
pub fn foreign(env: &Env, name: &str) -> Error {
    Error::refused(format!(
        "pipeline {name} exists and is not tagged plumbline:env={}; it is left alone",
        env.name
    ))
    .hint("delete it, or name the environment or the source otherwise")
}

/// What a pipeline tells: of the environment, of its source, of itself. Without the tag that says
/// which source that is, it is told under all it is called, since no two records may have one name.
pub fn records(env: &Env, pipeline: &str, have: &Have) -> Vec<Record> {
    let ours = |key: &str| key != "Name" && key != SOURCE && key != IDENTITY;
    let tags = have
        .tags
        .iter()
        .filter(|(key, _)| ours(key))
        .map(|(key, value)| (key.clone(), json!(value)));
    let tags: serde_json::Map<_, _> = tags.collect();
    let environment = Record::new("env", &env.name).with("tags", tags);
    let Some(name) = have.tags.get(SOURCE) else {
        return vec![environment, record(env, pipeline, pipeline)];
    };
    let mut source = Record::new("source", name);
    let actions = have
        .structure
        .stages
        .iter()
        .flat_map(|(_, actions)| actions);
    for action in actions {
        let value = |key: &str| {
            action
                .configuration
                .get(key)
                .map(String::as_str)
                .unwrap_or_default()
        };
        source = match action.provider.as_str() {
            "CodeStarSourceConnection" => {
                let trigger = if value("DetectChanges") == "false" {
                    "events"
                } else {
                    "connection"
                };
                let source = source
                    .with("repository", value("FullRepositoryId"))
                    .with("branch", value("BranchName"));
                source.with("trigger", trigger)
            }
            "ECS" => source.with("deploy", true),
            _ => source,
        };
    }
    vec![environment, source, record(env, name, pipeline)]
}

/// A pipeline's record.
pub fn record(env: &Env, source: &str, pipeline: &str) -> Record {
    let arn = env.arn("codepipeline", pipeline);
    Record::of(&Pipeline {
        name: source.into(),
        arn,
        pipeline: pipeline.into(),
        ..Pipeline::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0a1b";

    fn env() -> Env {
        let text = r#"{"name":"production-pr1","environment":"production","suffix":"pr1","region":"us-east-1","account":"123456789012","tags":{"Team":"devops"}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn wanted(more: &str) -> Want {
        let source = serde_json::from_str(&format!(
            r#"{{"name":"web","repository":"owner/web"{more}}}"#
        ))
        .unwrap();
        let parts = Parts {
            bucket: "bucket-x".into(),
            project: "build-x".into(),
            function: "function-x".into(),
            role: "role-x".into(),
        };
        want(&env(), &source, &parts, CONNECTION)
    }

    fn ours() -> Have {
        let want = wanted("");
        Have {
            structure: want.structure,
            tags: want.tags.into_iter().collect(),
        }
    }

    fn differing(want: &Want, have: &Have) -> Vec<String> {
        match step(&env(), want, Some(have)).unwrap() {
            Step::Create => panic!("create"),
            Step::Change(differences) => differences
                .into_iter()
                .map(|difference| difference.field)
                .collect(),
        }
    }

    fn action<'a>(want: &'a Want, name: &str) -> &'a Action {
        let mut all = want
            .structure
            .stages
            .iter()
            .flat_map(|(_, actions)| actions);
        all.find(|action| action.name == name).unwrap()
    }

    #[test]
    fn it_has_three_stages_and_runs_one_after_the_other() {
        let want = wanted("");
        let names: Vec<&str> = want
            .structure
            .stages
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["Source", "Build", "Deploy"]);
        assert_eq!(
            (want.structure.kind.as_str(), want.structure.mode.as_str()),
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
        let (_, actions) = &want.structure.stages[2];
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
    fn what_is_missing_is_made_and_what_is_as_wanted_is_kept() {
        assert_eq!(step(&env(), &wanted(""), None).unwrap(), Step::Create);
        assert_eq!(differing(&wanted(""), &ours()), Vec::<String>::new());
    }

    #[test]
    fn a_difference_is_told_field_by_field() {
        let mut have = ours();
        have.structure.mode = "SUPERSEDED".into();
        have.structure.stages[0].1[0]
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
        let Step::Change(differences) = step(&env(), &wanted(""), Some(&have)).unwrap() else {
            panic!()
        };
        assert_eq!(calls(&differences), (true, true));
        assert_eq!(calls(&differences[differences.len() - 1..]), (false, true));
    }

    #[test]
    fn what_is_not_ours_goes_away_untold() {
        let mut have = ours();
        let mut theirs = action(&wanted(""), "Build").clone();
        theirs.name = "Theirs".into();
        theirs
            .configuration
            .insert("EnvironmentVariables".into(), "hunter2".into());
        have.structure.stages[1].1[0]
            .configuration
            .insert("BuildspecOverride".into(), "hunter2".into());
        have.structure.stages[1].1.push(theirs);
        have.structure.others = vec!["variables".into(), "Deploy on failure".into()];
        let Step::Change(differences) = step(&env(), &wanted(""), Some(&have)).unwrap() else {
            panic!()
        };
        assert!(
            differences
                .iter()
                .all(|d| (d.old.as_str(), d.new.as_str()) == ("set", "none")),
            "{differences:?}"
        );
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
        let error = step(
            &env(),
            &wanted(""),
            Some(&Have {
                tags: BTreeMap::new(),
                ..ours()
            }),
        )
        .unwrap_err();
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
            let told: Source = records[1].typed().unwrap();
            assert_eq!(
                Source {
                    rest: Default::default(),
                    ..told
                },
                asked
            );
            assert_eq!((records[0].kind(), records[2].kind()), ("env", "pipeline"));
            assert_eq!(records[0].0["tags"], json!({"Team": "devops"}));
        }
        let mut untold = ours();
        untold.tags.remove(SOURCE);
        let records = records(&env(), "pipeline-web-production-pr1", &untold);
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
