"""How a pipeline runs: each execution in a thread of its own, stage by stage.

The actions of one runOrder go side by side. QUEUED runs the executions of a pipeline one after
the other, PARALLEL all at once; with SUPERSEDED each stage has one, and of those that wait for it
only the newest is left. Before an action the pipeline's role must be assumable, and allowed what
CodePipeline does in its name; else the action fails. What is done is real: a commit of the
pretended GitHub (github.py) is put into the bucket, the build runs (build.py), the function is
invoked (invocation.py) and has 20 minutes to answer, the service is deployed (rollout.py).

Simplified: an action has the role of its pipeline; retries, rollbacks and conditions of stages
are kept and mean nothing; other actions than these four fail.
"""

import copy
import json
import os
import re
import secrets
import string
import threading
import time
import traceback
import uuid
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError
from moto.core.utils import utcnow
from moto.ecs.models import ecs_backends
from moto.utilities.utils import get_partition

from . import build, clock, connections, functions, github, iam
from .ground import lock

JOB_SECONDS = 20 * 60  # as long as AWS waits for a function's answer
DEFINITION = ("taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "volumes")
DEFINITION += ("placementConstraints", "requiresCompatibilities", "cpu", "memory", "pidMode")
DEFINITION += ("ipcMode", "proxyConfiguration", "inferenceAccelerators", "ephemeralStorage")
DEFINITION += ("runtimePlatform", "family")

#: The jobs that functions answer, by their ids.
jobs: dict[str, "Job"] = {}
#: Guards who is in which stage; awaited by the executions that are not yet.
turn = threading.Condition()


class Failed(Exception):
    """Why an action failed: its error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Over(Exception):
    """The execution has been stopped, or overtaken; the text is its status."""


class Job:
    """What a function has been asked for, until it answers."""

    def __init__(self, where: tuple[str, str]) -> None:
        self.id = str(uuid.uuid4())
        self.where = where
        self.answer: dict[str, Any] | None = None


class Action:
    """An action of one execution, as ListActionExecutions tells it."""

    def __init__(self, execution: "Execution", stage: str, declared: dict[str, Any]) -> None:
        self.id = str(uuid.uuid4())
        self.execution = execution
        self.stage = stage
        self.declared = declared
        self.name = declared["name"]
        self.given = declared.get("configuration") or {}
        self.configuration = self.given
        self.started = self.updated = utcnow()
        self.status = "InProgress"
        self.result: dict[str, Any] = {}
        self.outputs: dict[str, str] = {}
        self.artifacts: dict[str, tuple[str, str]] = {}
        self.revision: dict[str, Any] | None = None

    def say(self, **result: Any) -> None:
        self.result |= result
        self.updated = utcnow()

    def end(self, status: str, failed: Failed | None = None) -> None:
        if failed:
            self.result["errorDetails"] = {"code": failed.code, "message": failed.message}
        self.status = status
        self.updated = utcnow()

    def told(self) -> dict[str, Any]:
        names = [one["name"] for one in self.declared["inputArtifacts"]]
        artifacts = self.execution.artifacts
        given = {name: artifacts[name] for name in names if name in artifacts}
        return {
            "pipelineExecutionId": self.execution.id,
            "actionExecutionId": self.id,
            "pipelineVersion": self.execution.declared["version"],
            "stageName": self.stage,
            "actionName": self.name,
            "startTime": self.started,
            "lastUpdateTime": self.updated,
            "status": self.status,
            "input": {
                "actionTypeId": self.declared["actionTypeId"],
                "configuration": self.given,
                "resolvedConfiguration": self.configuration,
                "region": self.declared.get("region", self.execution.region),
                "inputArtifacts": places(given),
                "namespace": self.declared.get("namespace"),
            },
            "output": {
                "outputArtifacts": places(self.artifacts if self.status == "Succeeded" else {}),
                "executionResult": self.result,
                "outputVariables": self.outputs,
            },
        }


def places(artifacts: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "s3location": {"bucket": bucket, "key": key}}
        for name, (bucket, key) in artifacts.items()
    ]


class Execution:
    """One run of a pipeline, of the version that it has at the start."""

    def __init__(
        self,
        pipeline: Any,
        trigger: str,
        detail: str,
        variables: dict[str, str],
        revisions: dict[str, str],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.pipeline = pipeline
        self.account, self.region = pipeline.account_id, pipeline.region
        self.partition = get_partition(self.region)
        self.url = f"http://127.0.0.1:{os.environ['MOTO_PORT']}"
        self.declared = copy.deepcopy(pipeline.declared)
        self.mode = self.declared["executionMode"]
        self.trigger = {"triggerType": trigger, "triggerDetail": detail}
        self.variables = variables
        self.revisions = revisions
        self.started = self.updated = utcnow()
        self.status = "InProgress"
        self.stop_reason: str | None = None
        self.abandoned = threading.Event()
        self.stages: dict[str, str] = {}
        self.actions: list[Action] = []
        self.artifacts: dict[str, tuple[str, str]] = {}
        self.namespaces = {
            "variables": variables,
            "codepipeline": {"PipelineExecutionId": self.id},
        }
        self.clients: dict[str, Any] = {}

    def start(self) -> None:
        self.number = len(self.pipeline.executions)
        self.pipeline.executions[self.id] = self
        if self.mode == "QUEUED":
            self.pipeline.queue.append(self)
        threading.Thread(target=self.run, daemon=True).start()

    # From outside

    def stop(self, abandon: bool, reason: str) -> None:
        with turn:
            self.status, self.stop_reason, self.updated = "Stopping", reason, utcnow()
            if abandon:
                self.abandoned.set()
            turn.notify_all()

    def source_revisions(self) -> list[tuple[Action, dict[str, Any]]]:
        return [(one, one.revision) for one in list(self.actions) if one.revision]

    # In the execution's own thread

    def run(self) -> None:
        status = "Succeeded"
        try:
            self.wait(lambda: self.mode != "QUEUED" or self.pipeline.queue[0] is self)
            for index, stage in enumerate(self.declared["stages"]):
                self.enter(stage["name"], index == 0)
                try:
                    ended = self.run_stage(stage)
                finally:
                    with turn:
                        self.pipeline.inside.pop((self.mode, stage["name"]), None)
                        turn.notify_all()
                if ended != "Succeeded":
                    status = ended
                    break
        except Over as over:
            status = str(over)
        except Exception:
            traceback.print_exc()
            status = "Failed"
        with turn:
            self.status, self.updated = status, utcnow()
            if self in self.pipeline.queue:
                self.pipeline.queue.remove(self)
            turn.notify_all()

    def wait(self, ready: Callable[[], bool], first: bool = True) -> None:
        """Until it is this execution's turn. One of a deleted pipeline does not begin."""
        with turn:
            turn.wait_for(lambda: self.over(first) or ready())
            if over := self.over(first):
                raise Over(over)

    def over(self, first: bool) -> str | None:
        if self.status == "Stopping":
            return "Stopped"
        if self.status == "Superseded":
            return self.status
        return "Cancelled" if first and self.pipeline.deleted else None

    def enter(self, stage: str, first: bool) -> None:
        if self.mode != "SUPERSEDED":
            self.stages[stage] = "InProgress"
            return
        inside, waiting, place = self.pipeline.inside, self.pipeline.waiting, (self.mode, stage)
        with turn:
            other = waiting.get(stage)
            if other and other.number > self.number:
                raise Over("Superseded")
            if other:
                other.status = "Superseded"
                turn.notify_all()
            waiting[stage] = self
        try:
            with turn:
                self.wait(lambda: place not in inside, first)
                inside[place] = self
        finally:
            with turn:
                if waiting.get(stage) is self:
                    del waiting[stage]
        self.stages[stage] = "InProgress"

    def run_stage(self, stage: dict[str, Any]) -> str:
        name, ended = stage["name"], "Succeeded"
        for order in sorted({one["runOrder"] for one in stage["actions"]}):
            group = [one for one in stage["actions"] if one["runOrder"] == order]
            actions = [Action(self, name, one) for one in group]
            self.actions += actions
            threads = [threading.Thread(target=self.act, args=(one,)) for one in actions]
            for thread in threads:
                thread.daemon = True
                thread.start()
            for thread in threads:
                thread.join()
            if any(one.status == "Failed" for one in actions):
                ended = "Failed"
            if self.status == "Stopping":
                ended = "Stopped"
            if ended != "Succeeded":
                break
        self.stages[name] = ended
        return ended

    def act(self, action: Action) -> None:
        kind = action.declared["actionTypeId"]
        try:
            action.configuration = {
                key: self.resolved(value) for key, value in action.given.items()
            }
            self.check_role()
            inputs = {one["name"]: b"" for one in action.declared["inputArtifacts"]}
            for name in inputs:
                inputs[name] = self.fetch(name)
            for one in action.declared["outputArtifacts"]:
                bucket, key = self.place(one["name"])
                self.need("s3:PutObject", f"arn:{self.partition}:s3:::{bucket}/{key}")
                action.artifacts[one["name"]] = (bucket, key)
            do = ACTIONS.get((kind["owner"], kind["provider"]))
            if do is None:
                what = f"{kind['category']} by {kind['provider']}"
                raise Failed("ConfigurationError", f"The local AWS does not do this: {what}")
            do(self, action, inputs)
            if namespace := action.declared.get("namespace"):
                self.namespaces[namespace] = action.outputs
            action.end("Succeeded")
        except Over:
            action.end("Abandoned")
        except Failed as failed:
            action.end("Failed", failed)
        except ClientError as fault:
            error = fault.response["Error"]
            action.end("Failed", Failed("ConfigurationError", error.get("Message") or str(fault)))
        except Exception as fault:  # an action never stays InProgress for ever
            traceback.print_exc()
            action.end("Failed", Failed("JobFailed", repr(fault)))

    # What the actions use

    def resolved(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            namespace, _, name = match[1].partition(".")
            if name not in self.namespaces.get(namespace, {}):
                raise Failed(
                    "ConfigurationError", f"The variable {match[0]} could not be resolved: not set"
                )
            return self.namespaces[namespace][name]

        return re.sub(r"#\{([^}]*)\}", value, text)

    def check_role(self) -> None:
        role, service = self.declared["roleArn"], "codepipeline.amazonaws.com"
        with lock:
            refused = iam.cannot_assume(
                self.account, self.partition, role, service, self.pipeline.arn
            )
        if refused:
            raise Failed(
                "PermissionError",
                f"CodePipeline is not authorized to perform AssumeRole on role {role}",
            )

    def need(self, action: str, resource: str, **context: str) -> None:
        """Fail where the role does not allow this; in a key of the context, __ stands for :."""
        keys = {key.replace("__", ":"): value for key, value in context.items()}
        role = self.declared["roleArn"]
        with lock:
            allowed = iam.allows(self.account, self.partition, role, action, resource, keys)
        if not allowed:
            raise Failed(
                "PermissionError",
                f"The provided role does not have sufficient permissions: {role} is not "
                f"authorized to perform {action} on {resource}",
            )

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = build.client(self.url, self.region, service)
        return self.clients[service]

    def pause(self, moments: float) -> None:
        if self.abandoned.wait(moments * clock.moment or 0.01):
            raise Over("Stopped")

    def place(self, name: str) -> tuple[str, str]:
        """Where a new artifact goes; AWS cuts the names as well."""
        stores = self.declared.get("artifactStores") or {}
        store = self.declared.get("artifactStore") or stores[self.region]
        letters = string.ascii_letters + string.digits
        id = "".join(secrets.choice(letters) for _ in range(7))
        return store["location"], f"{self.declared['name'][:20]}/{name[:10]}/{id}"

    def fetch(self, name: str) -> bytes:
        if name not in self.artifacts:
            raise Failed("ConfigurationError", f"There is no artifact {name}")
        bucket, key = self.artifacts[name]
        self.need("s3:GetObject", f"arn:{self.partition}:s3:::{bucket}/{key}")
        return self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def put(self, action: Action, name: str, content: bytes) -> None:
        bucket, key = action.artifacts[name]
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        self.artifacts[name] = (bucket, key)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


# The actions


def source(self: Execution, action: Action, inputs: dict[str, bytes]) -> None:
    given = action.configuration
    arn, repository, branch = (
        given[key] for key in ("ConnectionArn", "FullRepositoryId", "BranchName")
    )
    services = ("codeconnections", "codestar-connections")
    prefix = arn.split(":")[2]
    keys = {f"{service}__FullRepositoryId": repository for service in services}
    self.need(f"{prefix}:UseConnection", arn, **keys)
    self.pause(1)
    with lock:
        status = connections.status(arn)
        commit = github.commit_of(repository, branch, self.revisions.get(action.name, ""))
    if status != "AVAILABLE":
        raise Failed("ConfigurationError", f"Connection {arn} is not available")
    if commit is None:
        raise Failed(
            "ConfigurationError",
            f"[GitHub] No Branch [{branch}] found for FullRepositoryName [{repository}]",
        )
    if given.get("OutputArtifactFormat", "CODE_ZIP") != "CODE_ZIP":
        raise Failed("ConfigurationError", "The local AWS makes artifacts of CODE_ZIP only")
    for name in action.artifacts:
        self.put(action, name, github.packed(commit))
    action.outputs = {
        "AuthorDate": commit.date,
        "BranchName": branch,
        "CommitId": commit.id,
        "CommitMessage": commit.message,
        "ConnectionArn": arn,
        "FullRepositoryName": repository,
    }
    action.revision = {
        "revisionId": commit.id,
        "revisionSummary": json.dumps(
            {"ProviderType": "GitHub", "CommitMessage": commit.message}
        ),
        "revisionUrl": f"https://{self.region}.console.aws.amazon.com/codesuite/settings/"
        f"connections/redirect?connectionArn={arn}&referenceType=COMMIT&"
        f"FullRepositoryId={repository}&Commit={commit.id}",
    }
    action.say(externalExecutionId=commit.id)


def run_build(self: Execution, action: Action, inputs: dict[str, bytes]) -> None:
    given, project = action.configuration, action.configuration["ProjectName"]
    for needed in ("codebuild:StartBuild", "codebuild:BatchGetBuilds"):
        self.need(needed, self.arn("codebuild", f"project/{project}"))
    variables = {}
    for one in json.loads(given.get("EnvironmentVariables") or "[]"):
        if one.get("type", "PLAINTEXT") != "PLAINTEXT":
            raise Failed("ConfigurationError", f"The local AWS knows no {one['type']} variables")
        variables[one["name"]] = one["value"]
    primary = given.get("PrimarySource") or next(iter(inputs))
    commits = {
        name: str(one.revision["revisionId"])
        for one in self.actions
        if one.revision
        for name in one.artifacts
    }
    try:
        id = build.start(
            self.url,
            self.account,
            self.region,
            project,
            inputs[primary],
            variables,
            commits.get(primary, ""),
            f"codepipeline/{self.declared['name']}",
        )
    except ValueError as fault:
        raise Failed("ConfigurationError", f"Error calling startBuild: {fault}") from None
    one = build.builds[id]
    console = f"https://{self.region}.console.aws.amazon.com/codesuite/codebuild/projects"
    action.say(externalExecutionId=id, externalExecutionUrl=f"{console}/{project}/build/{id}")
    while not one.told["buildComplete"]:
        self.pause(0.1)
    if one.told["buildStatus"] != "SUCCEEDED":
        message = f"Build terminated with state: {one.told['buildStatus']}"
        for phase in one.told["phases"]:
            if phase.get("contexts") and phase["contexts"][0]:
                problem = phase["contexts"][0]
                message += f". Phase: {phase['phaseType']}, Code: {problem['statusCode']}"
                message += f", Message: {problem['message']}"
                break
        raise Failed("JobFailed", message)
    exported = one.told["exportedEnvironmentVariables"]
    action.outputs = {variable["name"]: variable["value"] for variable in exported}
    if one.artifact is not None:
        for name in action.artifacts:
            self.put(action, name, one.artifact)


def invoke(self: Execution, action: Action, inputs: dict[str, bytes]) -> None:
    function = action.configuration["FunctionName"]
    self.need("lambda:InvokeFunction", self.arn("lambda", f"function:{function}"))
    job = Job((self.account, self.region))

    def artifact(name: str, place: tuple[str, str]) -> dict[str, Any]:
        location = {"bucketName": place[0], "objectKey": place[1]}
        return {
            "location": {"s3Location": location, "type": "S3"},
            "name": name,
            "revision": None,
        }

    event = {
        "CodePipeline.job": {
            "id": job.id,
            "accountId": self.account,
            "data": {
                "actionConfiguration": {"configuration": action.configuration},
                "inputArtifacts": [artifact(name, self.artifacts[name]) for name in inputs],
                "outputArtifacts": [artifact(*one) for one in action.artifacts.items()],
                "artifactCredentials": {
                    "accessKeyId": "local",
                    "secretAccessKey": "local",
                    "sessionToken": "local",
                    "expirationTime": int((time.time() + 3600) * 1000),
                },
            },
        }
    }
    jobs[job.id] = job
    try:
        with lock:
            functions.invoke(self.url, self.account, self.region, function, event)
    except ValueError as fault:
        raise Failed("ConfigurationError", f"{function} cannot be invoked: {fault}") from None
    action.say(externalExecutionId=job.id)
    end = time.monotonic() + JOB_SECONDS
    while job.answer is None:
        self.pause(0.1)
        if time.monotonic() > end:
            raise Failed(
                "JobFailed",
                "The AWS Lambda function failed to return a result. Check the function to verify "
                "that it has permission to call the PutJobSuccessResult action and that it made "
                "a call to PutJobSuccessResult.",
            )
    if failure := job.answer.get("failureDetails"):
        if "externalExecutionId" in failure:
            action.say(externalExecutionId=failure["externalExecutionId"])
        raise Failed(failure["type"], failure["message"])
    details = job.answer.get("executionDetails") or {}
    if "externalExecutionId" in details:
        action.say(externalExecutionId=details["externalExecutionId"])
    if "summary" in details:
        action.say(externalExecutionSummary=details["summary"])
    action.outputs = job.answer.get("outputVariables") or {}
    for name, place in action.artifacts.items():
        self.artifacts[name] = place  # the function has written it


def deploy(self: Execution, action: Action, inputs: dict[str, bytes]) -> None:
    given = action.configuration
    cluster, name = given["ClusterName"], given["ServiceName"]
    images = image_definitions(inputs, given.get("FileName", "imagedefinitions.json"))
    arn = self.arn("ecs", f"service/{cluster}/{name}")
    self.need("ecs:DescribeServices", arn)
    ecs = self.client("ecs")
    services = ecs.describe_services(cluster=cluster, services=[name])["services"]
    if not services or services[0]["status"] != "ACTIVE":
        raise Failed("ConfigurationError", f"The service {name} is not there, or not active")
    self.need("ecs:DescribeTaskDefinition", "*")
    old = ecs.describe_task_definition(taskDefinition=services[0]["taskDefinition"])
    new = {key: old["taskDefinition"][key] for key in DEFINITION if key in old["taskDefinition"]}
    containers = {one["name"]: one for one in new["containerDefinitions"]}
    for container, image in images.items():
        if container not in containers:
            raise Failed("ConfigurationError", f"The AWS ECS container {container} does not exist")
        containers[container]["image"] = image
    self.need("ecs:RegisterTaskDefinition", self.arn("ecs", f"task-definition/{new['family']}:*"))
    for role in ("executionRoleArn", "taskRoleArn"):
        if new.get(role):
            self.need("iam:PassRole", new[role], iam__PassedToService="ecs-tasks.amazonaws.com")
    definition = ecs.register_task_definition(**new)["taskDefinition"]["taskDefinitionArn"]
    with lock:
        backend = ecs_backends[self.account][self.region]
        role = self.declared["roleArn"].rpartition("/")[2]
        backend.describe_task_definition(definition).registered_by = (
            f"arn:{self.partition}:sts::{self.account}:assumed-role/{role}/{secrets.token_hex(8)}"
        )
    self.need("ecs:UpdateService", arn)
    service = ecs.update_service(cluster=cluster, service=name, taskDefinition=definition)
    id = service["service"]["deployments"][0]["id"]
    action.say(externalExecutionId=id)
    end = time.monotonic() + 60 * int(given.get("DeploymentTimeout", 60))
    while True:
        self.pause(0.2)
        deployments = ecs.describe_services(cluster=cluster, services=[name])["services"][0]
        states = {one["id"]: one for one in deployments["deployments"]}
        if id not in states:
            raise Failed("JobFailed", f"Deployment {id} was replaced by another one")
        if states[id]["rolloutState"] == "COMPLETED":
            action.say(externalExecutionSummary="Deployment completed")
            return
        if states[id]["rolloutState"] == "FAILED":
            raise Failed("JobFailed", states[id]["rolloutStateReason"])
        if time.monotonic() > end:
            raise Failed("JobFailed", "The deployment did not complete in time")


def image_definitions(inputs: dict[str, bytes], file: str) -> dict[str, str]:
    try:
        text = zipfile.ZipFile(BytesIO(next(iter(inputs.values())))).read(file)
        return {one["name"]: one["imageUri"] for one in json.loads(text)}
    except KeyError:
        message = f"Did not find the image definition file {file} in the input artifacts ZIP file"
    except (ValueError, TypeError):
        message = f"The image definition file {file} contains invalid JSON format"
    raise Failed("InvalidArtifact", message)


ACTIONS: dict[tuple[str, str], Callable[[Execution, Action, dict[str, bytes]], None]] = {
    ("AWS", "CodeBuild"): run_build,
    ("AWS", "CodeStarSourceConnection"): source,
    ("AWS", "ECS"): deploy,
    ("AWS", "Lambda"): invoke,
}
