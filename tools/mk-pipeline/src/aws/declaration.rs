//! A pipeline in the words of the SDK, and back in those of the plan.

use aws_sdk_codepipeline::error::BuildError;
use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ActionOwner, ActionTypeId, ArtifactStore, ArtifactStoreType,
    ExecutionMode, InputArtifact, OutputArtifact, PipelineDeclaration, PipelineType,
    StageDeclaration, Tag,
};
use plumbing::{Error, Result};

use crate::plan::{Action, BEFORE_ENTRY, ON_FAILURE, ON_SUCCESS, Stage, Structure, Want};

/// What CreatePipeline and UpdatePipeline take, with what stays of the pipeline that is there.
pub fn declare(
    name: &str,
    structure: &Structure,
    have: Option<&PipelineDeclaration>,
) -> Result<PipelineDeclaration> {
    let key = have
        .and_then(PipelineDeclaration::artifact_store)
        .and_then(ArtifactStore::encryption_key);
    let store = ArtifactStore::builder()
        .r#type(ArtifactStoreType::S3)
        .location(&structure.bucket)
        .set_encryption_key(key.cloned())
        .build()
        .map_err(incomplete)?;
    let mut pipeline = PipelineDeclaration::builder()
        .name(name)
        .role_arn(&structure.role)
        .artifact_store(store)
        .pipeline_type(PipelineType::from(structure.pipeline_type.as_str()))
        .execution_mode(ExecutionMode::from(structure.execution_mode.as_str()));
    for stage in &structure.stages {
        let mut stages = have
            .map(PipelineDeclaration::stages)
            .unwrap_or_default()
            .iter();
        let found = stages.find(|found| found.name == stage.name);
        pipeline = pipeline.stages(declare_stage(structure, stage, found)?);
    }
    pipeline.build().map_err(incomplete)
}

fn declare_stage(
    structure: &Structure,
    stage: &Stage,
    have: Option<&StageDeclaration>,
) -> Result<StageDeclaration> {
    let mut declared = StageDeclaration::builder().name(&stage.name);
    for action in &stage.actions {
        declared = declared.actions(match have.and_then(|have| added(action, have)) {
            Some(added) => added.clone(),
            None => declare_action(action)?,
        });
    }
    let stays = |what: &str| {
        let name = format!("{} {what}", stage.name);
        have.filter(|_| structure.other_settings.contains(&name))
    };
    let before_entry = stays(BEFORE_ENTRY).and_then(|have| have.before_entry.clone());
    let on_success = stays(ON_SUCCESS).and_then(|have| have.on_success.clone());
    let on_failure = stays(ON_FAILURE).and_then(|have| have.on_failure.clone());
    declared
        .set_before_entry(before_entry)
        .set_on_success(on_success)
        .set_on_failure(on_failure)
        .build()
        .map_err(incomplete)
}

/// The action that somebody added, with all that they set.
fn added<'a>(action: &Action, have: &'a StageDeclaration) -> Option<&'a ActionDeclaration> {
    let mut actions = have.actions().iter();
    let found = actions.find(|found| found.name == action.name);
    found.filter(|_| action.by_hand)
}

fn declare_action(action: &Action) -> Result<ActionDeclaration> {
    let kind = ActionTypeId::builder()
        .category(ActionCategory::from(action.category.as_str()))
        .owner(ActionOwner::from(action.owner.as_str()))
        .provider(&action.provider)
        .version(&action.version)
        .build()
        .map_err(incomplete)?;
    let configuration = action.configuration.clone().into_iter().collect();
    let mut declared = ActionDeclaration::builder()
        .name(&action.name)
        .action_type_id(kind)
        .run_order(action.run_order)
        .set_configuration(Some(configuration));
    if !action.namespace.is_empty() {
        declared = declared.namespace(&action.namespace);
    }
    for name in &action.inputs {
        let input = InputArtifact::builder().name(name).build();
        declared = declared.input_artifacts(input.map_err(incomplete)?);
    }
    for name in &action.outputs {
        let output = OutputArtifact::builder().name(name).build();
        declared = declared.output_artifacts(output.map_err(incomplete)?);
    }
    declared.build().map_err(incomplete)
}

/// A pipeline's tags.
pub fn sdk_tags(want: &Want) -> Result<Vec<Tag>> {
    let mut tags = Vec::new();
    for (key, value) in &want.tags {
        let tag = Tag::builder().key(key).value(value).build();
        tags.push(tag.map_err(incomplete)?);
    }
    Ok(tags)
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}

/// What GetPipeline answers. What it leaves out is what AWS takes where nothing is said.
pub fn structure_of(pipeline: PipelineDeclaration, region: &str) -> Structure {
    let other_settings = other_settings(&pipeline, region);
    let store = pipeline.artifact_store.as_ref();
    let key = store.and_then(ArtifactStore::encryption_key);
    let artifact_key = key.map(|key| key.id.clone()).unwrap_or_default();
    let bucket = pipeline.artifact_store.map(|store| store.location);
    let pipeline_type = pipeline.pipeline_type.unwrap_or(PipelineType::V1);
    let execution_mode = pipeline.execution_mode.unwrap_or(ExecutionMode::Superseded);
    Structure {
        role: pipeline.role_arn,
        bucket: bucket.unwrap_or_default(),
        artifact_key,
        pipeline_type: pipeline_type.as_str().into(),
        execution_mode: execution_mode.as_str().into(),
        triggers: pipeline.triggers.unwrap_or_default().len(),
        stages: pipeline.stages.into_iter().map(stage_of).collect(),
        other_settings,
    }
}

fn stage_of(declared: StageDeclaration) -> Stage {
    Stage {
        name: declared.name,
        actions: declared.actions.into_iter().map(action_of).collect(),
    }
}

fn action_of(declared: ActionDeclaration) -> Action {
    let configuration = declared.configuration.unwrap_or_default();
    let inputs = declared.input_artifacts.unwrap_or_default();
    let outputs = declared.output_artifacts.unwrap_or_default();
    let mut action = Action {
        name: declared.name,
        run_order: declared.run_order.unwrap_or(1),
        namespace: declared.namespace.unwrap_or_default(),
        configuration: configuration.into_iter().collect(),
        inputs: inputs.into_iter().map(|artifact| artifact.name).collect(),
        outputs: outputs.into_iter().map(|artifact| artifact.name).collect(),
        ..Action::default()
    };
    if let Some(kind) = declared.action_type_id {
        action.category = kind.category.as_str().into();
        action.owner = kind.owner.as_str().into();
        action.provider = kind.provider;
        action.version = kind.version;
    }
    action
}

/// The names of the settings that a pipeline has and we do not set.
fn other_settings(pipeline: &PipelineDeclaration, region: &str) -> Vec<String> {
    let mut names = Vec::new();
    for name in those_set(settings_of_pipeline(pipeline)) {
        names.push(name.to_string());
    }
    for stage in pipeline.stages() {
        for name in those_set(conditions_of_stage(stage)) {
            names.push(format!("{} {name}", stage.name));
        }
        for action in stage.actions() {
            for name in those_set(settings_of_action(action, region)) {
                names.push(format!("{}/{} {name}", stage.name, action.name));
            }
        }
    }
    names
}

/// Settings by name, and whether each is set.
type Settings<const N: usize> = [(&'static str, bool); N];

fn those_set<const N: usize>(settings: Settings<N>) -> impl Iterator<Item = &'static str> {
    let set = settings.into_iter().filter(|(_, is_set)| *is_set);
    set.map(|(name, _)| name)
}

fn settings_of_pipeline(pipeline: &PipelineDeclaration) -> Settings<2> {
    let stores = pipeline.artifact_stores();
    [
        (
            "artifact buckets of regions",
            stores.is_some_and(|stores| !stores.is_empty()),
        ),
        ("variables", !pipeline.variables().is_empty()),
    ]
}

fn conditions_of_stage(stage: &StageDeclaration) -> Settings<3> {
    [
        (BEFORE_ENTRY, stage.before_entry().is_some()),
        (ON_SUCCESS, stage.on_success().is_some()),
        (ON_FAILURE, stage.on_failure().is_some()),
    ]
}

/// The pipeline's own region is no setting: AWS names it once an action was edited in the console.
fn settings_of_action(action: &ActionDeclaration, region: &str) -> Settings<6> {
    let other_region = action.region().is_some_and(|other| other != region);
    [
        ("role", action.role_arn().is_some()),
        ("region", other_region),
        ("time limit", action.timeout_in_minutes().is_some()),
        ("commands", !action.commands().is_empty()),
        ("variables", !action.environment_variables().is_empty()),
        ("output variables", !action.output_variables().is_empty()),
    ]
}
