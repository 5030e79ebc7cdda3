"""Pushes to the pretended GitHub, and the pipelines that they start."""

from fnmatch import fnmatchcase
from typing import Any

from moto.codepipeline.models import codepipeline_backends

from ...ground import connections
from ...runs import github


def push(wanted: dict[str, Any]) -> dict[str, Any]:
    """A commit to the pretended GitHub, and what it starts."""
    repository, branch = wanted["repository"], wanted.get("branch", "main")
    rest = {key: wanted[key] for key in ("files", "message", "commit") if key in wanted}
    commit = github.push(repository, branch, **rest)
    started = []
    backend: Any
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
    """Whether a push to the branch starts the pipeline: its trigger, or DetectChanges, says so."""
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
