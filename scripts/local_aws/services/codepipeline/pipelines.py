"""Pipelines and their tags: create, get, update, delete, list."""

from typing import Any

from moto.codepipeline.models import CodePipelineBackend
from moto.codepipeline.responses import CodePipelineResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from ...ground.override import override
from ...runs import github
from ...runs.action import jobs
from ...runs.execution import ENDED, turn
from .declarations import check
from .errors import error
from .pipeline import Pipeline, arn_of, found, page, root, tagged


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
    """Deleting a pipeline that is not there succeeds."""
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
        {key: one.declared[key] for key in keys} | {"created": one.created, "updated": one.updated}
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
