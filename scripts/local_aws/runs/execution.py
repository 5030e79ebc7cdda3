"""How a pipeline runs: each execution in a thread of its own, stage by stage.

Actions with the same runOrder run side by side. In mode QUEUED the executions of a pipeline run one
after the other, in mode PARALLEL all at once. In mode SUPERSEDED a stage holds one execution at a
time, and of those that wait for a stage only the newest stays. action.py is what an action has,
providers.py is what it does.

Simplified: retries, rollbacks and conditions of stages have no effect; actions of other providers
fail.
"""

import threading
import traceback
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from moto.core.utils import utcnow

from .action import Action, Context, Failed, Over
from .providers import PROVIDERS

#: The statuses of executions that have ended.
ENDED = ("Cancelled", "Failed", "Stopped", "Succeeded", "Superseded")
#: Guards which execution is in which stage; executions that wait for a stage wait for this.
turn = threading.Condition()


class Execution(Context):
    """One run of a pipeline, of the version that it has at the start."""

    def __init__(
        self,
        pipeline: Any,
        trigger: str,
        detail: str,
        variables: dict[str, str],
        revisions: dict[str, str],
    ) -> None:
        super().__init__(pipeline, variables, revisions)
        self.mode = self.declared["executionMode"]
        self.trigger = {"triggerType": trigger, "triggerDetail": detail}
        self.started = self.updated = utcnow()
        self.status = "InProgress"
        self.stop_reason: str | None = None
        self.stages: dict[str, str] = {}

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
        """Wait until it is this execution's turn. If its pipeline is deleted, it does not begin."""
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
            do = PROVIDERS.get((kind["owner"], kind["provider"]))
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
