//! Every CodePipeline call about pipelines and their runs.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_codepipeline::Client;
use aws_sdk_codepipeline::config::Builder;
use aws_sdk_codepipeline::error::BuildError;
use aws_sdk_codepipeline::types::{
    ActionCategory, ActionDeclaration, ActionExecutionFilter, ActionExecutionStatus, ActionOwner,
    ActionTypeId, ArtifactStore, ArtifactStoreType, ExecutionMode, InputArtifact, OutputArtifact,
    PipelineDeclaration, PipelineExecutionSummary, PipelineType, StageDeclaration, Tag,
    TriggerType,
};
use plumbing::name::{PIPELINE_LIMIT, could_be};
use plumbing::{Aws, Env, Error, Kind, Result, Stream, aws_error, code, wait};
use tokio::try_join;

use crate::plan::{Action, Have, Structure, Want};

/// Another change of the same pipeline is under way.
const BUSY: &[(&str, &str)] = &[("ConcurrentModificationException", "")];
/// The role was made moments ago and has not spread. A wrong trust says the same, so not for long.
const ROLE_SPREADS: &[(&str, &str)] = &[
    (
        "InvalidStructureException",
        "is not authorized to perform AssumeRole on role",
    ),
    BUSY[0],
];
const ROLE_BUDGET: Duration = Duration::from_secs(120);
/// One that exists by CreatePipeline's word shows within seconds.
const SHOWS: Duration = Duration::from_secs(60);
/// A first run shows within seconds of the pipeline that starts it.
const RUN_SHOWS: Duration = Duration::from_secs(15);
/// A run may wait for the one before, and build for as long as its project lets it.
const RUN_DEADLINE: Duration = Duration::from_secs(55 * 60);
/// A run that is stopped ends with its actions abandoned, within seconds.
const STOPS: Duration = Duration::from_secs(5 * 60);
/// Runs that have ended or are ending cannot be stopped.
const ENDING: [&str; 3] = [
    "PipelineExecutionNotStoppableException",
    "DuplicatedStopRequestException",
    "PipelineExecutionNotFoundException",
];

/// CodePipeline, and for whom.
pub struct Pipelines {
    client: Client,
    /// The environment, and whether the tool may go on.
    pub(crate) aws: Aws,
}

/// One run of a pipeline.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its ID.
    pub id: String,
    /// `InProgress`, `Succeeded`, `Failed` and so on.
    pub status: String,
    /// Whether the making of the pipeline started it.
    pub first: bool,
}

impl Run {
    /// Whether it has not ended.
    pub fn goes_on(&self) -> bool {
        matches!(self.status.as_str(), "InProgress" | "Stopping" | "")
    }
}

/// Makes the client of a tool.
pub fn client(aws: &Aws) -> Pipelines {
    let config = Builder::from(&aws.config).interceptor(aws.guard()).build();
    Pipelines {
        client: Client::from_conf(config),
        aws: aws.clone(),
    }
}

impl Pipelines {
    /// The pipeline of a name, whosesoever; one call deep, but for one just made that one of the two
    /// calls does not see yet: without its tags it would be taken for somebody else's.
    pub async fn look(&self, name: &str) -> Result<Option<Have>> {
        let what = format!("pipeline {name} exists, but CodePipeline does not show its tags");
        wait::until(&self.aws.control, &what, SHOWS, || async {
            Ok(match try_join!(self.structure(name), self.tags(name))? {
                (Some(structure), Some(tags)) => Some(Some(Have { structure, tags })),
                (Some(_), None) => None,
                (None, _) => Some(None),
            })
        })
        .await
    }

    /// Waits for a pipeline that someone else just made.
    pub async fn there(&self, name: &str) -> Result<Have> {
        let what = format!("pipeline {name} exists, but CodePipeline does not show it");
        wait::until(&self.aws.control, &what, SHOWS, || self.look(name)).await
    }

    async fn structure(&self, name: &str) -> Result<Option<Structure>> {
        match self.client.get_pipeline().name(name).send().await {
            Ok(answer) => Ok(answer
                .pipeline
                .map(|pipeline| structure(pipeline, &self.aws.env.region))),
            Err(error) if code(&error) == "PipelineNotFoundException" => Ok(None),
            Err(error) => Err(aws_error(
                "codepipeline:GetPipeline",
                format!("find pipeline {name}"),
                error,
            )),
        }
    }

    /// A pipeline's tags; nothing where it is not there.
    pub async fn tags(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let arn = self.aws.env.arn("codepipeline", name);
        let pages = self
            .client
            .list_tags_for_resource()
            .resource_arn(arn)
            .into_paginator()
            .items()
            .send();
        match pages.collect::<Result<Vec<Tag>, _>>().await {
            Ok(tags) => Ok(Some(
                tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
            )),
            Err(error)
                if matches!(
                    code(&error),
                    "ResourceNotFoundException" | "PipelineNotFoundException"
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(aws_error(
                "codepipeline:ListTagsForResource",
                format!("read the tags of pipeline {name}"),
                error,
            )),
        }
    }

    /// The names of all pipelines that could be the environment's.
    pub async fn names(&self) -> Result<Vec<String>> {
        let pages = self.client.list_pipelines().into_paginator().items().send();
        let found: Vec<_> = pages
            .collect::<Result<_, _>>()
            .await
            .map_err(|e| aws_error("codepipeline:ListPipelines", "list the pipelines", e))?;
        let names = found.into_iter().filter_map(|pipeline| pipeline.name);
        Ok(names
            .filter(|name| could_be(name, "pipeline", &self.aws.env.name, PIPELINE_LIMIT))
            .collect())
    }

    /// Makes a pipeline with its tags, which starts its first run; answers false where it is there
    /// already.
    pub async fn create(&self, want: &Want) -> Result<bool> {
        let request = self
            .client
            .create_pipeline()
            .pipeline(declaration(want)?)
            .set_tags(Some(tags(want)?));
        match wait::retry(&self.aws.control, ROLE_BUDGET, ROLE_SPREADS, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "PipelineNameInUseException" => Ok(false),
            Err(error) => {
                let what = format!(
                    "create pipeline {} with role {}",
                    want.name, want.structure.role
                );
                Err(aws_error("codepipeline:CreatePipeline", what, error))
            }
        }
    }

    /// Replaces the whole structure of a pipeline; starts nothing.
    pub async fn update(&self, want: &Want) -> Result<()> {
        let request = self.client.update_pipeline().pipeline(declaration(want)?);
        let answer = wait::retry(&self.aws.control, ROLE_BUDGET, ROLE_SPREADS, || {
            request.clone().send()
        })
        .await;
        let what = || {
            format!(
                "update pipeline {} with role {}",
                want.name, want.structure.role
            )
        };
        answer
            .map(drop)
            .map_err(|e| aws_error("codepipeline:UpdatePipeline", what(), e))
    }

    /// Sets a pipeline's tags to ours; others' tags stay.
    pub async fn retag(&self, want: &Want) -> Result<()> {
        let arn = self.aws.env.arn("codepipeline", &want.name);
        let request = self
            .client
            .tag_resource()
            .resource_arn(arn)
            .set_tags(Some(tags(want)?));
        let answer = wait::retry(&self.aws.control, ROLE_BUDGET, BUSY, || {
            request.clone().send()
        })
        .await;
        answer.map(drop).map_err(|e| {
            aws_error(
                "codepipeline:TagResource",
                format!("tag pipeline {}", want.name),
                e,
            )
        })
    }

    /// The newest runs of a pipeline, the newest first; nothing where it is not there.
    async fn runs(&self, name: &str) -> Result<Vec<Run>> {
        let answer = match self
            .client
            .list_pipeline_executions()
            .pipeline_name(name)
            .max_results(100)
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(error) if code(&error) == "PipelineNotFoundException" => return Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the runs of pipeline {name}");
                return Err(aws_error(
                    "codepipeline:ListPipelineExecutions",
                    what,
                    error,
                ));
            }
        };
        let runs = answer
            .pipeline_execution_summaries
            .unwrap_or_default()
            .into_iter();
        let run = |summary: PipelineExecutionSummary| Run {
            first: summary.trigger().and_then(|trigger| trigger.trigger_type())
                == Some(&TriggerType::CreatePipeline),
            id: summary.pipeline_execution_id.unwrap_or_default(),
            status: summary
                .status
                .map(|status| status.as_str().to_string())
                .unwrap_or_default(),
        };
        Ok(runs.map(run).collect())
    }

    /// The newest run of a pipeline just made, whose making starts one; nothing where none shows: an
    /// emulator may run nothing.
    pub async fn newest(&self, name: &str) -> Result<Option<Run>> {
        let what = format!("pipeline {name} has not started a run");
        let look = || async { Ok(self.runs(name).await?.into_iter().next()) };
        match wait::until(&self.aws.control, &what, RUN_SHOWS, look).await {
            Ok(run) => Ok(Some(run)),
            Err(late)
                if late.kind == Kind::Unfinished && self.aws.control.check_stopped().is_ok() =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The run that the making of a pipeline started, while there is no other.
    pub async fn only(&self, name: &str) -> Result<Option<Run>> {
        let mut runs = self.runs(name).await?;
        let only = runs.pop().filter(|run| run.first);
        Ok(only.filter(|_| runs.is_empty()))
    }

    /// A run when it has ended, or the one that took its place.
    pub async fn followed(&self, name: &str, run: Run) -> Result<Run> {
        let newest = std::cell::RefCell::new(run);
        let what = format!("the run of pipeline {name} is still in progress");
        wait::until(&self.aws.control, &what, RUN_DEADLINE, || async {
            let id = newest.borrow().id.clone();
            let status = self.status(name, &id).await?;
            if status == "Superseded" || status == "Cancelled" {
                let later = self
                    .runs(name)
                    .await?
                    .into_iter()
                    .next()
                    .filter(|run| run.id != id);
                if let Some(later) = later {
                    newest.replace(later);
                    return Ok(None);
                }
            }
            let run = Run {
                id,
                status,
                first: true,
            };
            Ok((!run.goes_on()).then_some(run))
        })
        .await
    }

    async fn status(&self, name: &str, id: &str) -> Result<String> {
        let answer = self
            .client
            .get_pipeline_execution()
            .pipeline_name(name)
            .pipeline_execution_id(id)
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if code(&error) == "PipelineNotFoundException" => {
                return Err(Error::refused(format!(
                    "pipeline {name} was deleted while it ran"
                )));
            }
            Err(error) => {
                let what = format!("look at a run of pipeline {name}");
                return Err(aws_error("codepipeline:GetPipelineExecution", what, error));
            }
        };
        let status = answer
            .pipeline_execution
            .and_then(|execution| execution.status);
        Ok(status
            .map(|status| status.as_str().to_string())
            .unwrap_or_default())
    }

    /// Why a run failed, in the words of its first failed action.
    pub async fn why(&self, name: &str, id: &str) -> Result<Option<String>> {
        let filter = ActionExecutionFilter::builder()
            .pipeline_execution_id(id)
            .build();
        let answer = self
            .client
            .list_action_executions()
            .pipeline_name(name)
            .filter(filter)
            .send()
            .await;
        let answer = answer.map_err(|e| {
            aws_error(
                "codepipeline:ListActionExecutions",
                format!("look at a run of pipeline {name}"),
                e,
            )
        })?;
        let mut actions = answer
            .action_execution_details
            .unwrap_or_default()
            .into_iter();
        let failed = actions.find(|action| action.status == Some(ActionExecutionStatus::Failed));
        Ok(failed.map(|action| {
            let result = action.output.and_then(|output| output.execution_result);
            let why = result.and_then(|result| {
                result
                    .error_details
                    .and_then(|error| error.message)
                    .or(result.external_execution_summary)
            });
            let stage = action.stage_name.unwrap_or_default();
            let why = why.unwrap_or_else(|| "no reason is given".into());
            format!(
                "{stage}/{}: {}",
                action.action_name.unwrap_or_default(),
                why.trim().replace('\n', " ")
            )
        }))
    }

    /// Stops all runs of a pipeline, their actions abandoned, and waits until they have; also those that
    /// a push starts meanwhile.
    pub async fn stop(&self, name: &str) -> Result<()> {
        let what = format!("a run of pipeline {name} is still stopping");
        wait::until(&self.aws.control, &what, STOPS, || async {
            let going: Vec<Run> = self
                .runs(name)
                .await?
                .into_iter()
                .filter(Run::goes_on)
                .collect();
            for run in going.iter().filter(|run| run.status == "InProgress") {
                self.stop_one(name, &run.id).await?;
            }
            Ok(going.is_empty().then_some(()))
        })
        .await
    }

    async fn stop_one(&self, name: &str, id: &str) -> Result<()> {
        let request = self
            .client
            .stop_pipeline_execution()
            .pipeline_name(name)
            .pipeline_execution_id(id);
        match request
            .abandon(true)
            .reason("the pipeline is being deleted")
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if ENDING.contains(&code(&error)) => Ok(()),
            Err(error) => Err(aws_error(
                "codepipeline:StopPipelineExecution",
                format!("stop a run of pipeline {name}"),
                error,
            )),
        }
    }

    /// Deletes a pipeline; one that is not there is deleted as well.
    pub async fn delete(&self, name: &str) -> Result<()> {
        let request = self.client.delete_pipeline().name(name);
        match wait::retry(&self.aws.control, ROLE_BUDGET, BUSY, || {
            request.clone().send()
        })
        .await
        {
            Ok(_) => Ok(()),
            Err(error) if code(&error) == "PipelineNotFoundException" => Ok(()),
            Err(error) => Err(aws_error(
                "codepipeline:DeletePipeline",
                format!("delete pipeline {name}"),
                error,
            )),
        }
    }
}

fn declaration(want: &Want) -> Result<PipelineDeclaration> {
    let structure = &want.structure;
    let store = ArtifactStore::builder()
        .r#type(ArtifactStoreType::S3)
        .location(&structure.bucket);
    let mut pipeline = PipelineDeclaration::builder()
        .name(&want.name)
        .role_arn(&structure.role)
        .artifact_store(store.build().map_err(incomplete)?)
        .pipeline_type(PipelineType::from(structure.kind.as_str()))
        .execution_mode(ExecutionMode::from(structure.mode.as_str()));
    for (name, actions) in &structure.stages {
        let actions = actions.iter().map(sdk_action).collect::<Result<Vec<_>>>()?;
        let stage = StageDeclaration::builder()
            .name(name)
            .set_actions(Some(actions))
            .build();
        pipeline = pipeline.stages(stage.map_err(incomplete)?);
    }
    pipeline.build().map_err(incomplete)
}

fn sdk_action(action: &Action) -> Result<ActionDeclaration> {
    let kind = ActionTypeId::builder()
        .category(ActionCategory::from(action.category.as_str()))
        .owner(ActionOwner::from(action.owner.as_str()))
        .provider(&action.provider)
        .version(&action.version);
    let mut declared = ActionDeclaration::builder()
        .name(&action.name)
        .action_type_id(kind.build().map_err(incomplete)?)
        .run_order(action.run_order)
        .set_configuration(Some(action.configuration.clone().into_iter().collect()));
    if !action.namespace.is_empty() {
        declared = declared.namespace(&action.namespace);
    }
    for name in &action.inputs {
        declared = declared.input_artifacts(
            InputArtifact::builder()
                .name(name)
                .build()
                .map_err(incomplete)?,
        );
    }
    for name in &action.outputs {
        declared = declared.output_artifacts(
            OutputArtifact::builder()
                .name(name)
                .build()
                .map_err(incomplete)?,
        );
    }
    declared.build().map_err(incomplete)
}

fn structure(pipeline: PipelineDeclaration, region: &str) -> Structure {
    let others = others(&pipeline, region);
    Structure {
        role: pipeline.role_arn,
        bucket: pipeline
            .artifact_store
            .map(|store| store.location)
            .unwrap_or_default(),
        kind: pipeline
            .pipeline_type
            .map_or("V1".into(), |kind| kind.as_str().into()),
        mode: pipeline
            .execution_mode
            .map_or("SUPERSEDED".into(), |mode| mode.as_str().into()),
        triggers: pipeline.triggers.map_or(0, |triggers| triggers.len()),
        stages: pipeline
            .stages
            .into_iter()
            .map(|stage| (stage.name, stage.actions.into_iter().map(action).collect()))
            .collect(),
        others,
    }
}

/// What a pipeline says beside what we set, by name; its own region is no difference.
fn others(pipeline: &PipelineDeclaration, region: &str) -> Vec<String> {
    let key = pipeline
        .artifact_store()
        .is_some_and(|store| store.encryption_key().is_some());
    let of_pipeline = [
        ("artifact key".to_string(), key),
        (
            "artifact buckets of regions".to_string(),
            pipeline
                .artifact_stores()
                .is_some_and(|stores| !stores.is_empty()),
        ),
        ("variables".to_string(), !pipeline.variables().is_empty()),
    ];
    let of_stages = pipeline.stages().iter().flat_map(|stage| {
        let conditions = [
            ("before entry", stage.before_entry().is_some()),
            ("on success", stage.on_success().is_some()),
            ("on failure", stage.on_failure().is_some()),
        ];
        conditions.map(|(what, set)| (format!("{} {what}", stage.name), set))
    });
    let actions = pipeline
        .stages()
        .iter()
        .flat_map(|stage| stage.actions().iter().map(|action| (&stage.name, action)));
    let of_actions = actions.flat_map(|(stage, action)| {
        let settings = [
            ("role", action.role_arn().is_some()),
            (
                "region",
                action.region().is_some_and(|other| other != region),
            ),
            ("time limit", action.timeout_in_minutes().is_some()),
            ("commands", !action.commands().is_empty()),
            ("variables", !action.environment_variables().is_empty()),
            ("output variables", !action.output_variables().is_empty()),
        ];
        settings.map(|(what, set)| (format!("{stage}/{} {what}", action.name), set))
    });
    let all = of_pipeline.into_iter().chain(of_stages).chain(of_actions);
    all.filter(|(_, set)| *set).map(|(name, _)| name).collect()
}

fn action(declared: ActionDeclaration) -> Action {
    let kind = declared.action_type_id;
    Action {
        name: declared.name,
        category: kind
            .as_ref()
            .map(|kind| kind.category.as_str().into())
            .unwrap_or_default(),
        owner: kind
            .as_ref()
            .map(|kind| kind.owner.as_str().into())
            .unwrap_or_default(),
        provider: kind
            .as_ref()
            .map(|kind| kind.provider.clone())
            .unwrap_or_default(),
        version: kind.map(|kind| kind.version).unwrap_or_default(),
        run_order: declared.run_order.unwrap_or(1),
        namespace: declared.namespace.unwrap_or_default(),
        configuration: declared
            .configuration
            .unwrap_or_default()
            .into_iter()
            .collect(),
        inputs: declared
            .input_artifacts
            .unwrap_or_default()
            .into_iter()
            .map(|artifact| artifact.name)
            .collect(),
        outputs: declared
            .output_artifacts
            .unwrap_or_default()
            .into_iter()
            .map(|artifact| artifact.name)
            .collect(),
    }
}

fn tags(want: &Want) -> Result<Vec<Tag>> {
    let tags = want
        .tags
        .iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build());
    tags.collect::<Result<_, _>>().map_err(incomplete)
}

/// The SDK's builders want fields, and get them.
fn incomplete(why: BuildError) -> Error {
    Error::refused(why.to_string())
}
