"""CodeBuild as AWS does it: projects whose role CodeBuild can assume, and builds that run.

A description of a project shows what AWS adds to it; an update without tags removes them.
Builds outlive their project; runs/build.py runs their buildspec. StartBuild starts only projects
without a source: those of type CODEPIPELINE are started by their pipeline.

Simplified: no source comes from a bucket or repository; VPC settings and batch builds are kept
and have no effect.
"""

import json
import os
import re
from typing import Any

from moto.codebuild.exceptions import (
    InvalidInputException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
)
from moto.codebuild.models import CodeBuild, CodeBuildBackend
from moto.codebuild.responses import CodeBuildResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from ..ground import roles
from ..ground.override import add, override
from ..runs import build

KEPT = (
    "description",
    "sourceVersion",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "vpcConfig",
    "encryptionKey",
    "secondarySources",
    "secondaryArtifacts",
    "secondarySourceVersions",
    "serviceRole",
    "fileSystemLocations",
    "buildBatchConfig",
    "concurrentBuildLimit",
)

SOURCES = (
    "BITBUCKET",
    "CODECOMMIT",
    "CODEPIPELINE",
    "GITHUB",
    "GITHUB_ENTERPRISE",
    "GITLAB",
    "GITLAB_SELF_MANAGED",
    "NO_SOURCE",
    "S3",
)
ENVIRONMENTS = (
    "LINUX_CONTAINER",
    "LINUX_GPU_CONTAINER",
    "ARM_CONTAINER",
    "LINUX_EC2",
    "ARM_EC2",
    "LINUX_LAMBDA_CONTAINER",
    "ARM_LAMBDA_CONTAINER",
    "WINDOWS_SERVER_2019_CONTAINER",
    "WINDOWS_SERVER_2022_CONTAINER",
    "MAC_ARM",
)
COMPUTE = (
    r"BUILD_(GENERAL1_(SMALL|MEDIUM|LARGE|XLARGE|2XLARGE)|LAMBDA_\d+GB)|ATTRIBUTE_BASED_COMPUTE"
)


def arn_of(self: Any, name: str) -> str:
    return f"arn:{self.partition}:codebuild:{self.region}:{self.current_account}:project/{name}"


def check_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}", name):
        raise InvalidInputException(
            "Only alphanumeric characters, dash, and underscore are supported"
        )


# Projects


def check(self: Any, name: str, wanted: dict[str, Any]) -> None:
    """What AWS refuses of a whole project, new or updated."""
    source, artifacts, environment = wanted["source"], wanted["artifacts"], wanted["environment"]
    if source["type"] not in SOURCES:
        raise InvalidInputException("Invalid type provided: Project source type")
    if source["type"] not in ("CODEPIPELINE", "NO_SOURCE") and not source.get("location"):
        raise InvalidInputException("Project source location is required")
    if source["type"] == "NO_SOURCE" and not source.get("buildspec"):
        raise InvalidInputException("Project source type NO_SOURCE requires a buildspec")
    if artifacts["type"] not in ("CODEPIPELINE", "S3", "NO_ARTIFACTS"):
        raise InvalidInputException("Invalid type provided: Artifact type")
    if (source["type"] == "CODEPIPELINE") != (artifacts["type"] == "CODEPIPELINE"):
        raise InvalidInputException(
            "Invalid artifacts: source and artifacts must both be of type CODEPIPELINE, or neither"
        )
    if artifacts["type"] == "S3" and not artifacts.get("location"):
        raise InvalidInputException("Project artifacts location is required")
    if artifacts["type"] == "NO_ARTIFACTS" and ("location" in artifacts):
        raise InvalidInputException(
            "Invalid artifacts: artifact type NO_ARTIFACTS should have null location"
        )
    if artifacts["type"] == "NO_ARTIFACTS" and ("encryptionDisabled" in artifacts):
        raise InvalidInputException(
            "Invalid artifacts: artifact type NO_ARTIFACTS should have null encryptionDisabled"
        )
    if environment["type"] not in ENVIRONMENTS:
        raise InvalidInputException(f"Invalid type provided: {environment['type']}")
    if not re.fullmatch(COMPUTE, environment["computeType"]):
        raise InvalidInputException(f"Invalid compute type provided: {environment['computeType']}")
    if not environment.get("image"):
        raise InvalidInputException("Project environment image is required")
    if not 5 <= wanted.get("timeoutInMinutes", 60) <= 2160:
        raise InvalidInputException("Invalid timeout: it must be between 5 and 2160 minutes")
    if not 5 <= wanted.get("queuedTimeoutInMinutes", 480) <= 480:
        raise InvalidInputException("Invalid queued timeout: it must be between 5 and 480 minutes")
    tags = [tag.get("key", "") for tag in wanted.get("tags") or []]
    if len(tags) > 50 or len(set(tags)) < len(tags) or any(key[:4] == "aws:" for key in tags):
        raise InvalidInputException("Invalid tags: keys are unique, without aws:, at most 50")
    check_role(self, name, wanted["serviceRole"])


def check_role(self: Any, name: str, role: str) -> None:
    if not role.startswith(f"arn:{self.partition}:iam::{self.current_account}:role/"):
        raise InvalidInputException(
            "Invalid service role: Service role account ID does not match caller's account"
        )
    if roles.cannot_assume(
        self.current_account, self.partition, role, "codebuild.amazonaws.com", arn_of(self, name)
    ):
        raise InvalidInputException(
            f"CodeBuild is not authorized to perform: sts:AssumeRole on {role}"
        )


def told_back(self: Any, name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """A project with the defaults that AWS shows."""
    source = {"insecureSsl": False, **wanted["source"]}
    artifacts = dict(wanted["artifacts"])
    if source["type"] in ("CODEPIPELINE", "NO_SOURCE"):
        source.pop("location", None)  # AWS does not keep it
    if artifacts["type"] == "CODEPIPELINE":
        artifacts.pop("location", None)
    if artifacts["type"] != "NO_ARTIFACTS":
        artifacts = {"encryptionDisabled": False, "packaging": "NONE", "name": name, **artifacts}
    variables = wanted["environment"].get("environmentVariables") or []
    environment = {
        "privilegedMode": False,
        "imagePullCredentialsType": "CODEBUILD",
        **wanted["environment"],
        "environmentVariables": [{"type": "PLAINTEXT", **one} for one in variables],
    }
    told = {key: wanted[key] for key in KEPT if wanted.get(key) is not None}
    told |= {
        "name": name,
        "arn": arn_of(self, name),
        "source": source,
        "artifacts": artifacts,
        "environment": environment,
        "cache": wanted.get("cache") or {"type": "NO_CACHE"},
        "timeoutInMinutes": wanted.get("timeoutInMinutes", 60),
        "queuedTimeoutInMinutes": wanted.get("queuedTimeoutInMinutes", 480),
        "tags": wanted.get("tags") or [],
        "badge": {"badgeEnabled": bool(wanted.get("badgeEnabled"))},
        "projectVisibility": "PRIVATE",
        "encryptionKey": wanted.get("encryptionKey")
        or f"arn:{self.partition}:kms:{self.region}:{self.current_account}:alias/aws/s3",
    }
    if logs := wanted.get("logsConfig"):
        off = {"status": "DISABLED", "encryptionDisabled": False}
        on = {"status": "ENABLED"}
        told["logsConfig"] = {
            "cloudWatchLogs": logs.get("cloudWatchLogs") or on,
            "s3Logs": off | (logs.get("s3Logs") or {}),
        }
    return told


@override(CodeBuildResponse)
def create_project(moto: Any, self: Any) -> ActionResult:
    wanted = json.loads(self.body)
    name = wanted["name"]
    check_name(name)
    projects = self.codebuild_backend.codebuild_projects
    if name in projects:
        raise ResourceAlreadyExistsException(f"Project already exists: {arn_of(self, name)}")
    check(self, name, wanted)
    project: Any = CodeBuild(
        self.current_account,
        self.region,
        name,
        None,
        wanted["source"],
        wanted["artifacts"],
        wanted["environment"],
        wanted["serviceRole"],
    )
    now = utcnow()
    project.wanted = wanted
    project.tags = wanted.get("tags")
    project.project_metadata = told_back(self, name, wanted)
    project.project_metadata |= {"created": now, "lastModified": now}
    projects[name] = project
    return ActionResult({"project": project.project_metadata})


@add(CodeBuildResponse)
def update_project(self: Any) -> ActionResult:
    """What the request leaves out stays as it is, except tags: those are removed."""
    given = json.loads(self.body)
    name = given["name"]
    project = existing(self, name)
    wanted = {**project.wanted, "tags": [], **given}
    check(self, name, wanted)
    before = project.project_metadata
    project.wanted = wanted
    project.tags = wanted["tags"]
    project.project_metadata = told_back(self, name, wanted)
    project.project_metadata |= {"created": before["created"], "lastModified": utcnow()}
    return ActionResult({"project": project.project_metadata})


def existing(self: Any, name: str) -> Any:
    projects = self.codebuild_backend.codebuild_projects
    if name not in projects:
        raise ResourceNotFoundException(f"Project cannot be found: {arn_of(self, name)}")
    return projects[name]


@override(CodeBuildResponse)
def batch_get_projects(moto: Any, self: Any) -> ActionResult:
    names = self._get_param("names")
    check_number(names)
    projects = self.codebuild_backend.codebuild_projects
    plain = [name.split(":project/")[-1] for name in names]
    return ActionResult(
        {
            "projects": [projects[name].project_metadata for name in plain if name in projects],
            "projectsNotFound": [
                name for name, key in zip(names, plain, strict=True) if key not in projects
            ],
        }
    )


def check_number(items: list[str]) -> None:
    if not 0 < len(items) <= 100:
        raise InvalidInputException("Between 1 and 100 names or ids can be given")


@override(CodeBuildResponse)
def list_projects(moto: Any, self: Any) -> ActionResult:
    return page(self, "projects", sorted(self.codebuild_backend.codebuild_projects), "ASCENDING")


def page(self: Any, key: str, items: list[str], order: str) -> ActionResult:
    """A page has 100 items."""
    if self._get_param("sortOrder", order) != order:
        items = items[::-1]
    first = int(self._get_param("nextToken") or 0)
    answer: dict[str, Any] = {key: items[first : first + 100]}
    if first + 100 < len(items):
        answer["nextToken"] = str(first + 100)
    return ActionResult(answer)


@override(CodeBuildResponse)
def delete_project(moto: Any, self: Any) -> EmptyResult:
    """Deleting a project that is not there succeeds. Its builds stay."""
    self.codebuild_backend.codebuild_projects.pop(self._get_param("name"), None)
    return EmptyResult()


# Builds


@override(CodeBuildResponse)
def start_build(moto: Any, self: Any) -> ActionResult:
    project = existing(self, self._get_param("projectName")).project_metadata
    if project["source"]["type"] != "NO_SOURCE":
        raise InvalidInputException(
            f"The local AWS does not start builds of source type {project['source']['type']}"
        )
    given = self._get_param("environmentVariablesOverride") or []
    one = build.launch(
        f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
        self.current_account,
        self.region,
        project,
        b"",
        {variable["name"]: variable["value"] for variable in given},
        commit=self._get_param("sourceVersion") or "",
        initiator="local",
    )
    return ActionResult({"build": one.told})


def of(self: Any) -> list[build.Build]:
    """The builds of the account and region, the newest first."""
    where = (self.current_account, self.region)
    return [one for one in reversed(build.builds.values()) if one.where == where]


def found(self: Any, id: str) -> build.Build | None:
    """A build by its id or ARN."""
    one = build.builds.get(id.rsplit(":build/", maxsplit=1)[-1])
    return one if one and one.where == (self.current_account, self.region) else None


@override(CodeBuildResponse)
def list_builds(moto: Any, self: Any) -> ActionResult:
    return page(self, "ids", [one.id for one in of(self)], "DESCENDING")


@override(CodeBuildResponse)
def list_builds_for_project(moto: Any, self: Any) -> ActionResult:
    name = self._get_param("projectName")
    if name not in self.codebuild_backend.codebuild_projects:
        raise ResourceNotFoundException(f"The provided project {arn_of(self, name)} does not exist")
    return page(self, "ids", [one.id for one in of(self) if one.project == name], "DESCENDING")


@override(CodeBuildResponse)
def batch_get_builds(moto: Any, self: Any) -> ActionResult:
    ids = self._get_param("ids")
    check_number(ids)
    check_ids(ids)
    ones = [found(self, id) for id in ids]
    return ActionResult(
        {
            "builds": [one.told for one in ones if one],
            "buildsNotFound": [id for id, one in zip(ids, ones, strict=True) if not one],
        }
    )


def check_ids(ids: list[str]) -> None:
    for id in ids:
        if ":" not in id:
            raise InvalidInputException("Invalid build ID provided")


@override(CodeBuildResponse)
def stop_build(moto: Any, self: Any) -> ActionResult:
    id = self._get_param("id")
    check_ids([id])
    one = found(self, id)
    if one is None:
        raise ResourceNotFoundException(f"Build {id} does not exist")
    one.stop()
    return ActionResult({"build": one.told})


@add(CodeBuildResponse)
def batch_delete_builds(self: Any) -> ActionResult:
    """Delete builds, except those that still run."""
    ids = self._get_param("ids")
    check_number(ids)
    check_ids(ids)
    deleted, running = [], []
    for id in ids:
        one = found(self, id)
        if one and not one.told["buildComplete"]:
            running.append({"id": id, "statusCode": "BUILD_IN_PROGRESS"})
            continue
        if one:
            del build.builds[one.id]
        deleted.append(id)
    return ActionResult({"buildsDeleted": deleted, "buildsNotDeleted": running})


@override(CodeBuildBackend)
def reset(moto: Any, self: Any) -> None:
    build.forget((self.account_id, self.region_name))
    return moto(self)
