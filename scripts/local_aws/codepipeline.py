"""CodePipeline as AWS does it: what a pipeline may look like, and executions that run.

A pipeline is checked as a whole whenever it is created or updated, its role is one that
CodePipeline can assume, and it is told back with AWS's defaults. Creating it starts an execution,
updating does not; deleting it lets those that run go on to their end. execution.py runs them.
A push to the pretended GitHub starts the pipelines whose source waits for it.

Simplified: action types are not looked up, and only the configuration of four is checked; job
workers, approvals, retries, rollbacks and disabled transitions are not there. A trigger's filters
only narrow the pushes to the branch that its source action names.
"""

import copy
import json
import re
from fnmatch import fnmatchcase
from typing import Any

from moto.codepipeline.models import CodePipelineBackend, codepipeline_backends
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from . import connections, github, iam
from .execution import Execution, jobs, turn
from .override import override

NAME = r"[A-Za-z0-9.@_-]{1,100}"
ENDED = ("Cancelled", "Failed", "Stopped", "Succeeded", "Superseded")

# The configuration that an action must have, and may have, by its provider.
CONFIGURATION = {
    "CodeBuild": (
        ["ProjectName"],
        ["BatchEnabled", "BuildspecOverride", "CombineArtifacts", "EnvironmentVariables"]
        + ["PrimarySource"],
    ),
    "CodeStarSourceConnection": (
        ["ConnectionArn", "FullRepositoryId", "BranchName"],
        ["DetectChanges", "OutputArtifactFormat"],
    ),
    "ECS": (["ClusterName", "ServiceName"], ["DeploymentTimeout", "FileName"]),
    "Lambda": (["FunctionName"], ["UserParameters"]),
}
# How many artifacts they take, and make: at least and at most.
ARTIFACTS = {
    "CodeBuild": ((1, 5), (0, 5)),
    "CodeStarSourceConnection": ((0, 0), (1, 1)),
    "ECS": ((1, 1), (0, 0)),
    "Lambda": ((0, 5), (0, 5)),
}


class Pipeline:
    def __init__(self, backend: Any, arn: str, declared: dict[str, Any]) -> None:
        self.account_id, self.region = backend.account_id, backend.region_name
        self.arn = arn
        self.declared = {**declared, "version": 1}
        self.tags: dict[str, str] = {}
        self.created = self.updated = utcnow()
        self.deleted = False
        self.tokens: dict[str, str] = {}
        self.executions: dict[str, Execution] = {}
        # Those of QUEUED that have not ended; of SUPERSEDED, who has a stage and who wants it.
        self.queue: list[Execution] = []
        self.inside: dict[tuple[str, str], Execution] = {}
        self.waiting: dict[str, Execution] = {}

    def start(
        self,
        trigger: str,
        detail: str,
        variables: dict[str, str] | None = None,
        revisions: dict[str, str] | None = None,
    ) -> Execution:
        if self.declared["executionMode"] == "QUEUED" and len(self.queue) >= 50:
            raise error(
                "ConcurrentPipelineExecutionsLimitExceededException",
                "The pipeline has reached the limit of 50 executions",
            )
        known = self.declared.get("variables") or []
        values = {one["name"]: one["defaultValue"] for one in known if "defaultValue" in one}
        execution = Execution(self, trigger, detail, values | (variables or {}), revisions or {})
        execution.start()
        return execution


# What AWS refuses


def error(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


def structure(message: str) -> JsonRESTError:
    return error("InvalidStructureException", message)


def check_name(value: Any, what: str) -> None:
    if not re.fullmatch(NAME, str(value)):
        raise error(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{what}' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+, and "
            "have length less than or equal to 100",
        )


def check(self: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """A whole pipeline, with the defaults that AWS fills in."""
    check_name(wanted["name"], "pipeline.name")
    pipeline = copy.deepcopy(wanted)
    v2 = pipeline.setdefault("pipelineType", "V1") == "V2"
    mode = pipeline.setdefault("executionMode", "SUPERSEDED")
    if pipeline["pipelineType"] not in ("V1", "V2"):
        raise error("ValidationException", f"Invalid pipelineType {pipeline['pipelineType']}")
    if mode not in ("QUEUED", "SUPERSEDED", "PARALLEL"):
        raise error("ValidationException", f"Invalid executionMode {mode}")
    if not v2 and (mode != "SUPERSEDED" or pipeline.get("triggers") or pipeline.get("variables")):
        raise structure(
            "Pipelines of type V1 have no triggers, no variables and only the execution mode "
            "SUPERSEDED. Set pipelineType to V2"
        )
    if bool(pipeline.get("artifactStore")) == bool(pipeline.get("artifactStores")):
        raise structure("A pipeline has either an artifactStore or artifactStores")
    if (stores := pipeline.get("artifactStores")) and self.region not in stores:
        raise structure(f"artifactStores must have one for the pipeline's region, {self.region}")
    check_stages(pipeline["stages"], v2)
    sources = [one["name"] for one in pipeline["stages"][0]["actions"]]
    triggers = pipeline.get("triggers") or []
    triggered = [one["gitConfiguration"]["sourceActionName"] for one in triggers]
    if set(triggered) - set(sources) or len(set(triggered)) < len(triggered):
        raise structure("A trigger names a source action of the pipeline, and each only once")
    role = pipeline["roleArn"]
    arn = arn_of(self, pipeline["name"])
    if iam.cannot_assume(
        self.current_account, self.partition, role, "codepipeline.amazonaws.com", arn
    ):
        raise structure(f"CodePipeline is not authorized to perform AssumeRole on role {role}")
    return pipeline


def check_stages(stages: list[dict[str, Any]], v2: bool) -> None:
    if not 2 <= len(stages) <= 50:
        raise structure(
            f"Pipeline has {len(stages)} stage(s). There should be a minimum of 2 stages and a "
            "maximum of 50 stages in a pipeline"
        )
    names = [stage["name"] for stage in stages]
    if len(set(names)) < len(names):
        raise structure("Stage names must be unique within a pipeline")
    made: set[str] = set()
    namespaces: set[str] = set()
    for number, stage in enumerate(stages):
        check_name(stage["name"], "pipeline.stages.member.name")
        actions = stage["actions"]
        if not 1 <= len(actions) <= 50:
            raise error("InvalidStageDeclarationException", f"Stage {stage['name']} has no actions")
        if not v2 and {"onFailure", "onSuccess", "beforeEntry"} & set(stage):
            raise structure("Conditions and onFailure of stages need a pipeline of type V2")
        names = [one["name"] for one in actions]
        if len(set(names)) < len(names):
            raise structure(f"Action names must be unique within a stage: {stage['name']}")
        for action in actions:
            action.setdefault("runOrder", 1)
            for key, empty in (("configuration", {}), ("outputArtifacts", [])):
                action.setdefault(key, empty)
            action.setdefault("inputArtifacts", [])
        for action in sorted(actions, key=lambda one: one["runOrder"]):
            if (action["actionTypeId"]["category"] == "Source") != (number == 0):
                raise structure(
                    f"Action {action['name']} of stage {stage['name']}: the first stage must "
                    "contain only source actions, and the others none"
                )
            check_action(action)
            for one in action["inputArtifacts"]:
                if one["name"] not in made:
                    raise structure(
                        f"Input Artifact Bundle {one['name']} in action {action['name']} is not "
                        "an output artifact of any earlier action"
                    )
            for one in action["outputArtifacts"]:
                if one["name"] in made:
                    raise structure(f"Output Artifact Bundle name {one['name']} must be unique")
                made.add(one["name"])
            if namespace := action.get("namespace"):
                if namespace in namespaces or namespace in ("variables", "codepipeline"):
                    raise structure(f"Namespace {namespace} must be unique within a pipeline")
                namespaces.add(namespace)


def check_action(action: dict[str, Any]) -> None:
    name, kind, given = action["name"], action["actionTypeId"], action["configuration"]
    check_name(name, "pipeline.stages.member.actions.member.name")

    def refused(message: str) -> JsonRESTError:
        return error("InvalidActionDeclarationException", f"Action '{name}': {message}")

    if not 1 <= action["runOrder"] <= 999:
        raise refused("runOrder must be between 1 and 999")
    for key, value in given.items():
        if not isinstance(value, str) or not 1 <= len(value) <= 1000:
            raise error(
                "ValidationException",
                f"1 validation error detected: Value at 'configuration.{key}' of action '{name}' "
                "failed to satisfy constraint: Member must have length between 1 and 1000",
            )
    if kind["owner"] != "AWS" or kind["provider"] not in CONFIGURATION:
        return
    if kind["version"] != "1":
        raise refused(f"{kind['provider']} has no version {kind['version']}")
    needed, optional = CONFIGURATION[kind["provider"]]
    for key in needed:
        if key not in given:
            raise refused(f"Action configuration is missing required configuration '{key}'")
    if unknown := set(given) - set(needed) - set(optional):
        raise refused(f"Action configuration contains unknown configuration {sorted(unknown)}")
    if given.get("DetectChanges", "true") not in ("true", "false"):
        raise refused("DetectChanges must be true or false")
    if "FullRepositoryId" in given and not re.fullmatch(r"[^/]+/.+", given["FullRepositoryId"]):
        raise refused("FullRepositoryId must be OWNER/NAME")
    if "EnvironmentVariables" in given and not is_variables(given["EnvironmentVariables"]):
        raise refused("EnvironmentVariables must be a JSON list of name, value and type")
    counts = (len(action["inputArtifacts"]), len(action["outputArtifacts"]))
    for number, (least, most), what in zip(counts, ARTIFACTS[kind["provider"]], ("in", "out")):
        if not least <= number <= most:
            raise refused(f"it has {number} {what}put artifacts, not {least} to {most}")
    if counts[0] > 1 and kind["provider"] == "CodeBuild" and "PrimarySource" not in given:
        raise refused("PrimarySource is required where there is more than one input artifact")


def is_variables(text: str) -> bool:
    try:
        return all(one["name"] and isinstance(one["value"], str) for one in json.loads(text))
    except (ValueError, KeyError, TypeError):
        return False


def checked_tags(arn: str, before: dict[str, str], tags: list[dict[str, str]]) -> dict[str, str]:
    for tag in tags:
        if tag["key"].startswith("aws:") or not 1 <= len(tag["key"]) <= 128:
            raise error(
                "InvalidTagsException",
                "Not allowed to modify system tags. System tags start with 'aws:'.",
            )
    all = before | {tag["key"]: tag["value"] for tag in tags}
    if len(all) > 50:
        raise error("TooManyTagsException", f"Tag limit exceeded for resource [{arn}].")
    return all


def listed_tags(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": tags[key]} for key in sorted(tags)]


# The API


def arn_of(self: Any, name: str) -> str:
    return f"arn:{self.partition}:codepipeline:{self.region}:{self.current_account}:{name}"


def root(self: Any) -> str:
    return f"arn:{self.partition}:iam::{self.current_account}:root"


def found(self: Any, name: str) -> Pipeline:
    pipelines = self.codepipeline_backend.pipelines
    if name not in pipelines:
        raise error(
            "PipelineNotFoundException",
            f"Account '{self.current_account}' does not have a pipeline with name '{name}'",
        )
    return pipelines[name]


def tagged(self: Any) -> Pipeline:
    arn = self._get_param("resourceArn")
    if not re.fullmatch(r"arn:[\w-]+:codepipeline:[\w-]+:\d{12}:.+", arn):
        raise error("InvalidArnException", f"Invalid ARN: {arn}")
    for pipeline in self.codepipeline_backend.pipelines.values():
        if pipeline.arn == arn:
            return pipeline
    raise error(
        "ResourceNotFoundException",
        f"The account with id '{self.current_account}' does not include a pipeline with the name "
        f"'{arn.split(':')[-1]}'",
    )


def execution_of(self: Any) -> Execution:
    pipeline = found(self, self._get_param("pipelineName"))
    id = self._get_param("pipelineExecutionId")
    if id not in pipeline.executions:
        raise error(
            "PipelineExecutionNotFoundException",
            f"The specified pipeline execution was not found: {id}",
        )
    return pipeline.executions[id]


def page(self: Any, key: str, items: list[Any], size: int) -> ActionResult:
    token = self._get_param("nextToken") or "0"
    if not token.isdigit():
        raise error("InvalidNextTokenException", "The next token is in an invalid format")
    end = int(token) + (self._get_param("maxResults") or size)
    answer: dict[str, Any] = {key: items[int(token) : end]}
    if end < len(items):
        answer["nextToken"] = str(end)
    return ActionResult(answer)


@override(CodePipelineResponse)
def __init__(moto: Any, self: Any) -> None:
    moto(self)
    self.automated_parameter_parsing = True


@override(CodePipelineResponse)
def create_pipeline(moto: Any, self: Any) -> ActionResult:
    wanted = self._get_param("pipeline")
    name, backend = wanted["name"], self.codepipeline_backend
    if name in backend.pipelines:
        raise error(
            "PipelineNameInUseException",
            f"A pipeline with the name '{name}' already exists in account '{self.current_account}'",
        )
    declared, arn = check(self, wanted), arn_of(self, name)
    tags = checked_tags(arn, {}, self._get_param("tags") or [])
    pipeline = Pipeline(backend, arn, declared)
    pipeline.tags = tags
    backend.pipelines[name] = pipeline
    pipeline.start("CreatePipeline", root(self))
    return ActionResult({"pipeline": pipeline.declared, "tags": listed_tags(tags)})


@override(CodePipelineResponse)
def get_pipeline(moto: Any, self: Any) -> ActionResult:
    pipeline, version = found(self, self._get_param("name")), self._get_param("version")
    if version and version != pipeline.declared["version"]:
        raise error("PipelineVersionNotFoundException", f"The local AWS keeps no version {version}")
    metadata = {
        "pipelineArn": pipeline.arn,
        "created": pipeline.created,
        "updated": pipeline.updated,
    }
    return ActionResult({"pipeline": pipeline.declared, "metadata": metadata})


@override(CodePipelineResponse)
def update_pipeline(moto: Any, self: Any) -> ActionResult:
    wanted = self._get_param("pipeline")
    pipeline = found(self, wanted["name"])
    version = pipeline.declared["version"] + 1
    pipeline.declared = {**check(self, wanted), "version": version}
    pipeline.updated = utcnow()
    return ActionResult({"pipeline": pipeline.declared})


@override(CodePipelineResponse)
def delete_pipeline(moto: Any, self: Any) -> EmptyResult:
    """One that is not there is deleted as well."""
    pipeline = self.codepipeline_backend.pipelines.pop(self._get_param("name"), None)
    if pipeline:
        with turn:
            pipeline.deleted = True
            turn.notify_all()
    return EmptyResult()


@override(CodePipelineResponse)
def list_pipelines(moto: Any, self: Any) -> ActionResult:
    pipelines = sorted(self.codepipeline_backend.pipelines.items())
    keys = ("name", "version", "pipelineType", "executionMode")
    told = [
        {key: one.declared[key] for key in keys}
        | {"created": one.created, "updated": one.updated}
        for _, one in pipelines
    ]
    return page(self, "pipelines", told, 100)


@override(CodePipelineResponse)
def list_tags_for_resource(moto: Any, self: Any) -> ActionResult:
    return page(self, "tags", listed_tags(tagged(self).tags), 100)


@override(CodePipelineResponse)
def tag_resource(moto: Any, self: Any) -> EmptyResult:
    one = tagged(self)
    one.tags = checked_tags(one.arn, one.tags, self._get_param("tags"))
    return EmptyResult()


@override(CodePipelineResponse)
def untag_resource(moto: Any, self: Any) -> EmptyResult:
    one = tagged(self)
    for key in self._get_param("tagKeys"):
        one.tags.pop(key, None)
    return EmptyResult()


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


def get_pipeline_state(self: Any) -> ActionResult:
    pipeline = found(self, self._get_param("name"))
    newest = list(reversed(pipeline.executions.values()))
    actions = [action for one in newest for action in reversed(list(one.actions))]
    stages = []
    for stage in pipeline.declared["stages"]:
        name = stage["name"]
        told: dict[str, Any] = {
            "stageName": name,
            "inboundExecutions": [],
            "inboundTransitionState": {"enabled": True},
            "actionStates": [],
        }
        if waiting := pipeline.waiting.get(name):
            told["inboundExecution"] = brief(waiting, "InProgress")
            told["inboundExecutions"] = [told["inboundExecution"]]
        if latest := next((one for one in newest if name in one.stages), None):
            told["latestExecution"] = brief(latest, latest.stages[name])
        for declared in stage["actions"]:
            state: dict[str, Any] = {"actionName": declared["name"]}
            fitting = (one for one in actions if (one.stage, one.name) == (name, declared["name"]))
            if action := next(fitting, None):
                result = dict(action.result)
                if summary := result.pop("externalExecutionSummary", None):
                    result["summary"] = summary
                state["latestExecution"] = result | {
                    "actionExecutionId": action.id,
                    "status": action.status,
                    "lastStatusChange": action.updated,
                }
                if action.revision:
                    id = action.revision["revisionId"]
                    state["currentRevision"] = {
                        "revisionId": id,
                        "revisionChangeId": id,
                        "created": action.updated,
                    }
                    state["revisionUrl"] = action.revision["revisionUrl"]
            told["actionStates"].append(state)
        stages.append(told)
    return ActionResult(
        {
            "pipelineName": pipeline.declared["name"],
            "pipelineVersion": pipeline.declared["version"],
            "stageStates": stages,
            "created": pipeline.created,
            "updated": pipeline.updated,
        }
    )


def brief(execution: Execution, status: str) -> dict[str, str]:
    return {"pipelineExecutionId": execution.id, "status": status, "type": "STANDARD"}


def answer_job(self: Any) -> EmptyResult:
    """PutJobSuccessResult and PutJobFailureResult."""
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


CodePipelineResponse.get_pipeline_state = get_pipeline_state  # moto has none of these
CodePipelineResponse.list_action_executions = list_action_executions
CodePipelineResponse.put_job_failure_result = answer_job
CodePipelineResponse.put_job_success_result = answer_job
CodePipelineResponse.stop_pipeline_execution = stop_pipeline_execution


@override(CodePipelineBackend)
def reset(moto: Any, self: Any) -> None:
    for pipeline in self.pipelines.values():
        pipeline.deleted = True
        for execution in pipeline.executions.values():
            if execution.status not in ENDED:
                execution.stop(True, "")
    github.repositories.clear()
    jobs.clear()
    return moto(self)


# Pushes


def push(wanted: dict[str, Any]) -> dict[str, Any]:
    """A commit to the pretended GitHub, and what it starts."""
    repository, branch = wanted["repository"], wanted.get("branch", "main")
    rest = {key: wanted[key] for key in ("files", "message", "commit") if key in wanted}
    commit = github.push(repository, branch, **rest)
    started = []
    for _, _, backend in list(codepipeline_backends.iter_backends()):
        for pipeline in list(backend.pipelines.values()):
            for action in pipeline.declared["stages"][0]["actions"]:
                given = action["configuration"]
                if given.get("FullRepositoryId") != repository:
                    continue
                if connections.status(given.get("ConnectionArn", "")) != "AVAILABLE":
                    continue
                if waits_for(pipeline.declared, action, branch, list(wanted.get("files") or {})):
                    revisions = {action["name"]: commit.id}
                    arn = given["ConnectionArn"]
                    started.append(pipeline.start("WebhookV2", arn, revisions=revisions).id)
                    break
    return {"commit": commit.id, "executions": started}


def waits_for(
    pipeline: dict[str, Any], action: dict[str, Any], branch: str, files: list[str]
) -> bool:
    """Whether a push to the branch starts it; a declared trigger takes the place of the default."""
    given = action["configuration"]
    triggers = [one["gitConfiguration"] for one in pipeline.get("triggers") or []]
    triggers = [one for one in triggers if one["sourceActionName"] == action["name"]]
    if branch != given.get("BranchName"):
        return False
    if not triggers:
        return given.get("DetectChanges") != "false"
    if "push" not in triggers[0]:
        return "pullRequest" not in triggers[0]
    return any(
        "tags" not in one
        and fits([branch], one.get("branches"))
        and fits(files, one.get("filePaths"))
        for one in triggers[0]["push"]
    )


def fits(names: list[str], patterns: dict[str, list[str]] | None) -> bool:
    """Whether one of the names is included, and not excluded."""
    patterns = patterns or {}
    return not patterns or any(
        any(fnmatchcase(name, one) for one in patterns.get("includes") or ["*"])
        and not any(fnmatchcase(name, one) for one in patterns.get("excludes") or [])
        for name in names
    )
