"""The state of a pipeline: what each stage and action did last."""

from typing import Any

from moto.codepipeline.responses import CodePipelineResponse
from moto.core.responses import ActionResult

from ...ground.override import add
from ...runs.execution import Execution
from .pipeline import found


@add(CodePipelineResponse)
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
