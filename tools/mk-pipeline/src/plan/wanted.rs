//! The structure that the pipeline of a source is to have. Pure.

use plumbing::{Env, Source};
use serde_json::json;

use super::structure::{Action, Stage, Structure};

/// The names of what a pipeline needs, without the connection.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The artifact bucket's name.
    pub bucket: String,
    /// The build project's name.
    pub project: String,
    /// The function's name.
    pub function: String,
    /// The ARN of the role that it runs with.
    pub role: String,
}

/// What the pipeline of a source is to do.
pub fn structure(env: &Env, source: &Source, needs: &Needs, connection: &str) -> Structure {
    let deploy_actions = if source.deploy {
        vec![deploy(env, source), tag(env, source, needs, 2)]
    } else {
        vec![tag(env, source, needs, 1)]
    };
    Structure {
        role: needs.role.clone(),
        bucket: needs.bucket.clone(),
        artifact_key: String::new(),
        pipeline_type: "V2".into(),
        // One run after the other, so that the tag never goes back to an older image.
        execution_mode: "QUEUED".into(),
        triggers: 0,
        stages: vec![
            stage("Source", vec![read(source, connection)]),
            stage("Build", vec![build(needs)]),
            stage("Deploy", deploy_actions),
        ],
        other_settings: Vec::new(),
    }
}

/// Exactly one thing starts a run on a push: the connection, or the rule of mk-rule.
fn read(source: &Source, connection: &str) -> Action {
    let detects_changes = source.trigger == "connection";
    let configuration = [
        ("ConnectionArn", connection),
        ("FullRepositoryId", &source.repository),
        ("BranchName", &source.branch),
        ("OutputArtifactFormat", "CODE_ZIP"),
        ("DetectChanges", &detects_changes.to_string()),
    ];
    Action {
        namespace: "SourceVariables".into(),
        outputs: vec!["SourceOutput".into()],
        ..action(
            "Source",
            "Source",
            "CodeStarSourceConnection",
            &configuration,
        )
    }
}

fn build(needs: &Needs) -> Action {
    let configuration = [("ProjectName", needs.project.as_str())];
    Action {
        namespace: "BuildVariables".into(),
        inputs: vec!["SourceOutput".into()],
        outputs: vec!["BuildOutput".into()],
        ..action("Build", "Build", "CodeBuild", &configuration)
    }
}

/// Deploys what imagedefinitions.json names, by digest, to the app's service.
fn deploy(env: &Env, source: &Source) -> Action {
    let configuration = [
        ("ClusterName", env.cluster_name()),
        ("ServiceName", env.service_name(&source.name)),
        ("FileName", "imagedefinitions.json".into()),
    ];
    let configuration = configuration
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    Action {
        inputs: vec!["BuildOutput".into()],
        ..action("Service", "Deploy", "ECS", &configuration)
    }
}

/// Hands the function the image that this run built: it never looks for the newest one.
fn tag(env: &Env, source: &Source, needs: &Needs, run_order: i32) -> Action {
    let image = json!({
        "repository": env.repository_name(&source.name),
        "tag": "#{BuildVariables.IMAGE_TAG}",
        "digest": "#{BuildVariables.IMAGE_DIGEST}",
    });
    let configuration = [
        ("FunctionName", needs.function.as_str()),
        ("UserParameters", &image.to_string()),
    ];
    Action {
        run_order,
        ..action("Tag", "Invoke", "Lambda", &configuration)
    }
}

fn stage(name: &str, actions: Vec<Action>) -> Stage {
    Stage {
        name: name.into(),
        actions,
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
