"""What the actions of a pipeline do, by their provider.

Everything is real: CodeStarSourceConnection puts a commit of the pretended GitHub (github.py) into
the bucket, CodeBuild runs the build (build.py), Lambda invokes the function (invocation.py), which
has 20 minutes to answer, and ECS deploys the service (rollout.py).
"""

import json
import secrets
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

from moto.ecs.models import ecs_backends

from ..ground import connections
from ..ground.lock import lock
from . import build, github, invocation
from .action import Action, Context, Failed, Job, jobs

JOB_SECONDS = 20 * 60  # as long as AWS waits for a function's answer


DEFINITION = (
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "family",
)


def source(self: Context, action: Action, inputs: dict[str, bytes]) -> None:
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
        "revisionSummary": json.dumps({"ProviderType": "GitHub", "CommitMessage": commit.message}),
        "revisionUrl": f"https://{self.region}.console.aws.amazon.com/codesuite/settings/"
        f"connections/redirect?connectionArn={arn}&referenceType=COMMIT&"
        f"FullRepositoryId={repository}&Commit={commit.id}",
    }
    action.say(externalExecutionId=commit.id)


def run_build(self: Context, action: Action, inputs: dict[str, bytes]) -> None:
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


def invoke(self: Context, action: Action, inputs: dict[str, bytes]) -> None:
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
            invocation.invoke(self.url, self.account, self.region, function, event)
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


def deploy(self: Context, action: Action, inputs: dict[str, bytes]) -> None:
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
        registered: Any = backend.describe_task_definition(definition)
        registered.registered_by = (
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


PROVIDERS: dict[tuple[str, str], Callable[[Context, Action, dict[str, bytes]], None]] = {
    ("AWS", "CodeBuild"): run_build,
    ("AWS", "CodeStarSourceConnection"): source,
    ("AWS", "ECS"): deploy,
    ("AWS", "Lambda"): invoke,
}
