"""A pipeline with its executions, and how a request finds it."""

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from ...runs.execution import Execution
from .errors import error


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
        # In mode QUEUED: the executions that have not ended. In mode SUPERSEDED: by stage, the one
        # that is inside, and the one that waits for it.
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


def page(self: Any, key: str, items: list[Any], size: int) -> ActionResult:
    token = self._get_param("nextToken") or "0"
    if not token.isdigit():
        raise error("InvalidNextTokenException", "The next token is in an invalid format")
    end = int(token) + (self._get_param("maxResults") or size)
    answer: dict[str, Any] = {key: items[int(token) : end]}
    if end < len(items):
        answer["nextToken"] = str(end)
    return ActionResult(answer)
