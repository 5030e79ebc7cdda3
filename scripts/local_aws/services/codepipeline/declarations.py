"""What a pipeline may look like: it is checked as a whole whenever it is created or updated.

Simplified: action types are not looked up, and only the configuration of four is checked.
"""

import copy
import json
import re
from typing import Any

from moto.core.exceptions import JsonRESTError

from ...ground import roles
from .errors import error, structure
from .pipeline import arn_of

NAME = r"[A-Za-z0-9.@_-]{1,100}"


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


# How many input and output artifacts each has: at least, at most.
ARTIFACTS = {
    "CodeBuild": ((1, 5), (0, 5)),
    "CodeStarSourceConnection": ((0, 0), (1, 1)),
    "ECS": ((1, 1), (0, 0)),
    "Lambda": ((0, 5), (0, 5)),
}


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
    if roles.cannot_assume(
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
    for number, (least, most), what in zip(
        counts, ARTIFACTS[kind["provider"]], ("in", "out"), strict=True
    ):
        if not least <= number <= most:
            raise refused(f"it has {number} {what}put artifacts, not {least} to {most}")
    if counts[0] > 1 and kind["provider"] == "CodeBuild" and "PrimarySource" not in given:
        raise refused("PrimarySource is required where there is more than one input artifact")


def is_variables(text: str) -> bool:
    try:
        return all(one["name"] and isinstance(one["value"], str) for one in json.loads(text))
    except (ValueError, KeyError, TypeError):
        return False


def check_name(value: Any, what: str) -> None:
    if not re.fullmatch(NAME, str(value)):
        raise error(
            "ValidationException",
            f"1 validation error detected: Value '{value}' at '{what}' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+, and "
            "have length less than or equal to 100",
        )
