"""An action of a pipeline's execution, and the context that all actions of one share.

Before an action the pipeline's role must be assumable, and allowed what CodePipeline does in its
name; else the action fails. Simplified: an action has the role of its pipeline.
"""

import copy
import os
import re
import secrets
import string
import threading
import uuid
from typing import Any

from moto.core.utils import utcnow
from moto.utilities.utils import get_partition

from ..ground import clock, roles
from ..ground.lock import lock
from .client import client

#: The jobs that functions answer, by their ids.
jobs: dict[str, "Job"] = {}


class Failed(Exception):
    """Why an action failed: its error code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Over(Exception):
    """The execution was stopped or superseded; the text is its status."""


class Job:
    """A job that a function is to do, and its answer."""

    def __init__(self, where: tuple[str, str]) -> None:
        self.id = str(uuid.uuid4())
        self.where = where
        self.answer: dict[str, Any] | None = None


class Action:
    """An action of one execution, as ListActionExecutions tells it."""

    def __init__(self, execution: "Context", stage: str, declared: dict[str, Any]) -> None:
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


class Context:
    """The role, artifacts, variables and clients of one execution."""

    def __init__(self, pipeline: Any, variables: dict[str, str], revisions: dict[str, str]) -> None:
        self.id = str(uuid.uuid4())
        self.pipeline = pipeline
        self.account, self.region = pipeline.account_id, pipeline.region
        self.partition = get_partition(self.region)
        self.url = f"http://127.0.0.1:{os.environ['MOTO_PORT']}"
        self.declared = copy.deepcopy(pipeline.declared)
        self.variables = variables
        self.revisions = revisions
        self.abandoned = threading.Event()
        self.actions: list[Action] = []
        self.artifacts: dict[str, tuple[str, str]] = {}
        self.namespaces = {
            "variables": variables,
            "codepipeline": {"PipelineExecutionId": self.id},
        }
        self.clients: dict[str, Any] = {}

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
            refused = roles.cannot_assume(
                self.account, self.partition, role, service, self.pipeline.arn
            )
        if refused:
            raise Failed(
                "PermissionError",
                f"CodePipeline is not authorized to perform AssumeRole on role {role}",
            )

    def need(self, action: str, resource: str, **context: str) -> None:
        """Fail if the role does not allow this. In a context key, __ stands for a colon."""
        keys = {key.replace("__", ":"): value for key, value in context.items()}
        role = self.declared["roleArn"]
        with lock:
            allowed = roles.allows(self.account, self.partition, role, action, resource, keys)
        if not allowed:
            raise Failed(
                "PermissionError",
                f"The provided role does not have sufficient permissions: {role} is not "
                f"authorized to perform {action} on {resource}",
            )

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = client(self.url, self.region, service)
        return self.clients[service]

    def pause(self, moments: float) -> None:
        if self.abandoned.wait(moments * clock.moment or 0.01):
            raise Over("Stopped")

    def place(self, name: str) -> tuple[str, str]:
        """The bucket and key of a new artifact; AWS shortens the names as well."""
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
