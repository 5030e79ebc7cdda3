//! Every CodePipeline call about the runs of a pipeline, which AWS calls its executions.

use std::cell::RefCell;
use std::time::Duration;

use aws_sdk_codepipeline::types::{
    ActionExecutionDetail, ActionExecutionFilter, ActionExecutionStatus, PipelineExecutionSummary,
    TriggerType,
};
use plumbing::{Error, Kind, Result, aws_error, code, wait};

use super::Pipelines;

/// A first run shows within seconds of the pipeline that starts it.
const STARTED_DEADLINE: Duration = Duration::from_secs(15);
/// A run may wait for the one before, and build for as long as its project lets it.
const ENDED_DEADLINE: Duration = Duration::from_secs(55 * 60);
/// A run that is stopped ends with its actions abandoned, within seconds.
const STOPPED_DEADLINE: Duration = Duration::from_secs(5 * 60);
/// Runs that have ended or are ending cannot be stopped.
const NOT_STOPPABLE: [&str; 3] = [
    "PipelineExecutionNotStoppableException",
    "DuplicatedStopRequestException",
    "PipelineExecutionNotFoundException",
];

/// One run of a pipeline.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its ID.
    pub id: String,
    /// `InProgress`, `Succeeded`, `Failed` and so on.
    pub status: String,
    /// Whether the making of the pipeline started it.
    started_by_creation: bool,
}

impl Run {
    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        has_ended(&self.status)
    }
}

impl Pipelines {
    /// The newest run of a pipeline just made, whose making starts one; nothing where none shows:
    /// an emulator may run nothing.
    pub async fn wait_started(&self, name: &str) -> Result<Option<Run>> {
        let control = &self.aws.control;
        let what = format!("pipeline {name} has not started a run");
        let get = async || Ok(self.runs(name).await?.into_iter().next());
        match wait::until(control, &what, STARTED_DEADLINE, get).await {
            Ok(run) => Ok(Some(run)),
            Err(error) if error.kind == Kind::Unfinished && control.check_stopped().is_ok() => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The run that the making of a pipeline started, while there is no other.
    pub async fn only_run(&self, name: &str) -> Result<Option<Run>> {
        match &self.runs(name).await?[..] {
            [run] if run.started_by_creation => Ok(Some(run.clone())),
            _ => Ok(None),
        }
    }

    /// Waits for the end of a run, or of the newer one that replaced it.
    pub async fn wait_ended(&self, name: &str, run: Run) -> Result<Run> {
        let current = RefCell::new(run);
        let what = format!("the run of pipeline {name} is still in progress");
        let get_ended = async || {
            let run = current.borrow().clone();
            let status = self.status(name, &run.id).await?;
            if status == "Superseded" || status == "Cancelled" {
                let newest = self.runs(name).await?.into_iter().next();
                if let Some(newest) = newest.filter(|newest| newest.id != run.id) {
                    current.replace(newest);
                    return Ok(None);
                }
            }
            if has_ended(&status) {
                return Ok(Some(Run { status, ..run }));
            }
            Ok(None)
        };
        wait::until(&self.aws.control, &what, ENDED_DEADLINE, get_ended).await
    }

    /// Starts a run in place of one that has failed, and answers it; two who do so start one.
    pub async fn start_again(&self, name: &str, failed: &Run) -> Result<Run> {
        let request = self
            .client
            .start_pipeline_execution()
            .name(name)
            .client_request_token(format!("again-{}", failed.id));
        let operation = "codepipeline:StartPipelineExecution";
        let send = || request.clone().send();
        match wait::retry(&self.aws.control, operation, send).await {
            Ok(answer) => Ok(Run {
                id: answer.pipeline_execution_id.unwrap_or_default(),
                status: String::new(),
                started_by_creation: false,
            }),
            Err(error) => {
                let what = format!("start pipeline {name} again");
                Err(aws_error(operation, what, error))
            }
        }
    }

    /// Why a run failed, in the words of its first failed action.
    pub async fn why_failed(&self, name: &str, id: &str) -> Result<Option<String>> {
        let filter = ActionExecutionFilter::builder()
            .pipeline_execution_id(id)
            .build();
        let request = self
            .client
            .list_action_executions()
            .pipeline_name(name)
            .filter(filter);
        let answer = request.send().await.map_err(|error| {
            let what = format!("look at a run of pipeline {name}");
            aws_error("codepipeline:ListActionExecutions", what, error)
        })?;
        let mut actions = answer.action_execution_details.into_iter().flatten();
        let failed = actions.find(|action| action.status == Some(ActionExecutionStatus::Failed));
        Ok(failed.map(why_of))
    }

    /// Stops all runs of a pipeline, their actions abandoned, and waits until they have ended; also
    /// those that a push starts meanwhile.
    pub async fn stop_runs(&self, name: &str) -> Result<()> {
        let what = format!("a run of pipeline {name} is still stopping");
        let stop = async || {
            let mut all_ended = true;
            for run in self.runs(name).await? {
                if run.status == "InProgress" {
                    self.stop_run(name, &run.id).await?;
                }
                all_ended &= run.has_ended();
            }
            Ok(all_ended.then_some(()))
        };
        wait::until(&self.aws.control, &what, STOPPED_DEADLINE, stop).await
    }

    async fn stop_run(&self, name: &str, id: &str) -> Result<()> {
        let request = self
            .client
            .stop_pipeline_execution()
            .pipeline_name(name)
            .pipeline_execution_id(id)
            .abandon(true)
            .reason("the pipeline is being deleted");
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if NOT_STOPPABLE.contains(&code(&error)) => Ok(()),
            Err(error) => {
                let what = format!("stop a run of pipeline {name}");
                Err(aws_error("codepipeline:StopPipelineExecution", what, error))
            }
        }
    }

    /// The newest runs of a pipeline, the newest first; none where the pipeline does not exist.
    async fn runs(&self, name: &str) -> Result<Vec<Run>> {
        let request = self
            .client
            .list_pipeline_executions()
            .pipeline_name(name)
            .max_results(100);
        match request.send().await {
            Ok(answer) => {
                let summaries = answer.pipeline_execution_summaries;
                Ok(summaries.into_iter().flatten().map(run_of).collect())
            }
            Err(error) if code(&error) == "PipelineNotFoundException" => Ok(Vec::new()),
            Err(error) => {
                let what = format!("list the runs of pipeline {name}");
                let operation = "codepipeline:ListPipelineExecutions";
                Err(aws_error(operation, what, error))
            }
        }
    }

    async fn status(&self, name: &str, id: &str) -> Result<String> {
        let request = self
            .client
            .get_pipeline_execution()
            .pipeline_name(name)
            .pipeline_execution_id(id);
        match request.send().await {
            Ok(answer) => {
                let execution = answer.pipeline_execution;
                let status = execution.and_then(|execution| execution.status);
                Ok(status.map_or(String::new(), |status| status.as_str().into()))
            }
            Err(error) if code(&error) == "PipelineNotFoundException" => {
                let message = format!("pipeline {name} was deleted while it ran");
                Err(Error::refused(message))
            }
            Err(error) => {
                let what = format!("look at a run of pipeline {name}");
                Err(aws_error("codepipeline:GetPipelineExecution", what, error))
            }
        }
    }
}

/// Whether a run of this status has ended. One without a status has just begun.
fn has_ended(status: &str) -> bool {
    !["InProgress", "Stopping", ""].contains(&status)
}

fn run_of(summary: PipelineExecutionSummary) -> Run {
    let trigger = summary.trigger.and_then(|trigger| trigger.trigger_type);
    let status = summary.status;
    Run {
        id: summary.pipeline_execution_id.unwrap_or_default(),
        status: status.map_or(String::new(), |status| status.as_str().into()),
        started_by_creation: trigger == Some(TriggerType::CreatePipeline),
    }
}

/// Where an action failed and why: `Build/Build: the words of AWS`.
fn why_of(action: ActionExecutionDetail) -> String {
    let result = action.output.and_then(|output| output.execution_result);
    let mut why = None;
    if let Some(result) = result {
        let message = result.error_details.and_then(|error| error.message);
        why = message.or(result.external_execution_summary);
    }
    let stage = action.stage_name.unwrap_or_default();
    let name = action.action_name.unwrap_or_default();
    let why = why.unwrap_or_else(|| "no reason is given".into());
    format!("{stage}/{name}: {}", why.trim().replace('\n', " "))
}
