"""Executions and their actions: start, stop, get, list; and how the functions answer their jobs."""

from typing import Any

from moto.codepipeline.responses import CodePipelineResponse
from moto.core.responses import ActionResult, EmptyResult

from ...ground.override import add, override
from ...runs.action import jobs
from ...runs.execution import ENDED, Execution
from .errors import error
from .pipeline import found, page, root


@override(CodePipelineResponse)
def start_pipeline_execution(moto: Any, self: Any) -> ActionResult:
    pipeline = found(self, self._get_param("name"))
    token = self._get_param("clientRequestToken")
    if token in pipeline.tokens:
        return ActionResult({"pipelineExecutionId": pipeline.tokens[token]})
    variables = {one["name"]: one["value"] for one in self._get_param("variables") or []}
    revisions = {
        one["actionName"]: one["revisionValue"] for one in self._get_param("sourceRevisions") or []
    }
    declared = {one["name"]: one for one in pipeline.declared.get("variables") or []}
    if unknown := set(variables) - set(declared):
        raise error("ValidationException", f"Variables are not declared: {sorted(unknown)}")
    missing = {name for name, one in declared.items() if "defaultValue" not in one}
    if missing := missing - set(variables):
        raise error("ValidationException", f"Variables need a value: {sorted(missing)}")
    execution = pipeline.start("StartPipelineExecution", root(self), variables, revisions)
    if token:
        pipeline.tokens[token] = execution.id
    return ActionResult({"pipelineExecutionId": execution.id})


@add(CodePipelineResponse)
def stop_pipeline_execution(self: Any) -> ActionResult:
    execution = execution_of(self)
    reason, abandon = self._get_param("reason") or "", bool(self._get_param("abandon"))
    if len(reason) > 200:
        raise error("ValidationException", "reason must have at most 200 characters")
    if execution.status in ENDED:
        raise error(
            "PipelineExecutionNotStoppableException",
            "Unable to stop the pipeline execution. The execution might already be in a Stopped "
            "state, or it might no longer be in progress.",
        )
    if execution.status == "Stopping" and (not abandon or execution.abandoned.is_set()):
        raise error(
            "DuplicatedStopRequestException",
            "The pipeline execution is already in a Stopping state. If you already chose to stop "
            "and wait, you cannot make that request again.",
        )
    execution.stop(abandon, reason)
    return ActionResult({"pipelineExecutionId": execution.id})


@override(CodePipelineResponse)
def get_pipeline_execution(moto: Any, self: Any) -> ActionResult:
    one = execution_of(self)
    told = {
        "pipelineName": one.declared["name"],
        "pipelineVersion": one.declared["version"],
        "pipelineExecutionId": one.id,
        "status": one.status,
        "statusSummary": one.stop_reason,
        "artifactRevisions": [
            {"name": name, "created": action.updated, **revision}
            for action, revision in one.source_revisions()
            for name in action.artifacts
        ],
        "variables": [
            {"name": name, "resolvedValue": value} for name, value in one.variables.items()
        ],
        "trigger": one.trigger,
        "executionMode": one.mode,
        "executionType": "STANDARD",
    }
    return ActionResult({"pipelineExecution": told})


@override(CodePipelineResponse)
def list_pipeline_executions(moto: Any, self: Any) -> ActionResult:
    pipeline = found(self, self._get_param("pipelineName"))
    told = [
        {
            "pipelineExecutionId": one.id,
            "status": one.status,
            "statusSummary": one.stop_reason,
            "startTime": one.started,
            "lastUpdateTime": one.updated,
            "sourceRevisions": [
                {"actionName": action.name, **revision}
                for action, revision in one.source_revisions()
            ],
            "trigger": one.trigger,
            "stopTrigger": None if one.stop_reason is None else {"reason": one.stop_reason},
            "executionMode": one.mode,
            "executionType": "STANDARD",
        }
        for one in reversed(pipeline.executions.values())
    ]
    return page(self, "pipelineExecutionSummaries", told, 100)


@add(CodePipelineResponse)
def list_action_executions(self: Any) -> ActionResult:
    """The newest first."""
    pipeline, wanted = found(self, self._get_param("pipelineName")), self._get_param("filter") or {}
    id = wanted.get("pipelineExecutionId")
    id = (wanted.get("latestInPipelineExecution") or {}).get("pipelineExecutionId", id)
    if id and id not in pipeline.executions:
        raise error(
            "PipelineExecutionNotFoundException",
            f"The specified pipeline execution was not found: {id}",
        )
    executions = [one for one in pipeline.executions.values() if id in (None, one.id)]
    actions = [action for one in executions for action in list(one.actions)]
    return page(self, "actionExecutionDetails", [one.told() for one in reversed(actions)], 100)


def execution_of(self: Any) -> Execution:
    pipeline = found(self, self._get_param("pipelineName"))
    id = self._get_param("pipelineExecutionId")
    if id not in pipeline.executions:
        raise error(
            "PipelineExecutionNotFoundException",
            f"The specified pipeline execution was not found: {id}",
        )
    return pipeline.executions[id]


@add(CodePipelineResponse, "put_job_failure_result")
@add(CodePipelineResponse, "put_job_success_result")
def answer_job(self: Any) -> EmptyResult:
    """A function's answer to its job."""
    job = jobs.get(self._get_param("jobId"))
    if job is None or job.where != (self.current_account, self.region):
        raise error(
            "JobNotFoundException",
            "The job was specified in an invalid format or cannot be found.",
        )
    if job.answer is not None:
        raise error("InvalidJobStateException", "The job state is not InProgress")
    if self._get_param("continuationToken"):
        raise error("ValidationException", "The local AWS does not continue jobs")
    job.answer = dict(self._get_params())
    return EmptyResult()
