"""What makes the tasks of a service fail, and what ECS says of them then.

Two causes are real: an image that is missing in this account's ECR, and a missing log group. Tests
choose the others by a word in the image's reference. With `broken` the task does not start, and
ECS gives no reason; with `secret` it lacks the permission to read its secret; with `crash` it ends
at once and leaves a log; with `unhealthy` it runs but fails its health checks. Where the local AWS
serves, an image that is in this account's ECR is really run, and these words mean nothing there.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from moto.ecr.models import ecr_backends
from moto.logs.models import logs_backends

from .serving import images, kind, secrets

CRASH = [
    "Unhandled exception. System.InvalidOperationException: the setting ApiAddress is missing",
    "   at Program.Main(String[] args) in /src/Program.cs:line 7",
]


@dataclass
class Trouble:
    """How a task stops. `container` is what DescribeTasks adds to its container."""

    code: str
    reason: str
    container: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    runs: bool = False
    #: What its health checks say, where that is why.
    unhealthy: str = ""


def of(service: Any, definition: Any) -> Trouble | None:
    for container in definition.container_definitions:
        if found := of_container(service, definition, container):
            return found
    return None


def of_container(service: Any, definition: Any, container: dict[str, Any]) -> Trouble | None:
    backend, image = service._backend, container["image"]
    account, region = backend.account_id, backend.region_name
    is_real = bool(kind.now) and images.is_own(image, account)
    if "secret" in image and not is_real:
        return beginning(secret(container, definition, account, region))
    if "broken" in image and not is_real:
        return Trouble("TaskFailedToStart", "Task failed to start")
    if not is_there(image, account):
        return missing(f"failed to resolve ref {image}: {image}: not found")
    options = log_options(container)
    group = options.get("awslogs-group")
    if is_real and group and options.get("awslogs-create-group") == "true":
        logs_backends[account][region].ensure_log_group(group)
    if group and group not in logs_backends[account][region].groups:
        return beginning(
            "failed to validate logger args: create stream has been retried 1 times: failed to "
            "create Cloudwatch log stream: ResourceNotFoundException: The specified log group "
            "does not exist. : exit status 1"
        )
    return None if is_real else pretended(service, image)


def pretended(service: Any, image: str) -> Trouble | None:
    """What a task that runs comes to, by a word in its image's reference."""
    if "crash" in image:
        return exited({"exitCode": 1}, CRASH)
    groups = [one["targetGroupArn"] for one in service.load_balancers if "targetGroupArn" in one]
    if "unhealthy" in image and groups:
        return unhealthy(groups[0], "Health checks failed with these codes: [502]")
    return None


def exited(container: dict[str, Any], log: list[str]) -> Trouble:
    reason = "Essential container in task exited"
    return Trouble("EssentialContainerExited", reason, container, log, runs=True)


def unhealthy(group: str, why: str) -> Trouble:
    reason = f"Task failed ELB health checks in (target-group {group})"
    return Trouble("ServiceSchedulerInitiated", reason, runs=True, unhealthy=why)


def sick() -> Trouble:
    """What a task comes to that fails the health check of its own container."""
    reason = "Task failed container health checks"
    return Trouble("ServiceSchedulerInitiated", reason, runs=True)


def of_process(process: Any) -> Trouble:
    """Why a task has ended that nobody asked to end."""
    if process.trouble:
        return Trouble("TaskFailedToStart", process.trouble, {"reason": process.trouble})
    return exited({}, [])


def missing(why: str) -> Trouble:
    """An image that cannot be pulled."""
    reason = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {why}"
    return Trouble("TaskFailedToStart", reason, container={"reason": reason})


def beginning(why: str) -> Trouble:
    return Trouble("TaskFailedToStart", f"ResourceInitializationError: {why}")


def is_there(image: str, account: str) -> bool:
    """Whether the image is there. Images of other registries are taken to be."""
    parts = images.ECR.fullmatch(image)
    if not parts or parts["account"] != account:
        return True
    repository = ecr_backends[account][parts["region"]].repositories.get(parts["repository"])
    tag = parts["tag"] or "latest"
    return repository is not None and any(
        parts["digest"] == one.get_image_digest() if parts["digest"] else tag in one.image_tags
        for one in repository.images
    )


def secret(container: dict[str, Any], definition: Any, account: str, region: str) -> str:
    made_up = f"arn:aws:secretsmanager:{region}:{account}:secret:{container['name']}-AbCdEf"
    arn = next((one["valueFrom"] for one in container.get("secrets", [])), made_up)
    return secrets.denied(arn, definition.execution_role_arn or "", account)


def log_options(container: dict[str, Any]) -> dict[str, str]:
    config = container.get("logConfiguration") or {}
    return config.get("options", {}) if config.get("logDriver") == "awslogs" else {}


def write_log(task: Any, lines: list[str]) -> None:
    """Write a log into the stream of each container that has one."""
    now = int(time.time() * 1000)
    for container in task.definition.container_definitions:
        write_lines(task, container["name"], [(now, line) for line in lines])


def write_lines(task: Any, name: str, lines: list[tuple[int, str]]) -> None:
    """Write lines, each with its time, into a container's stream. The caller holds the lock."""
    backend = task.service._backend
    logs = logs_backends[backend.account_id][backend.region_name]
    by_name = {one["name"]: one for one in task.definition.container_definitions}
    options = log_options(by_name[name])
    group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
    if group not in logs.groups or not prefix:
        return
    stream = f"{prefix}/{name}/{task.task_arn.rpartition('/')[2]}"
    if stream not in logs.groups[group].streams:
        logs.create_log_stream(group, stream)
    logs.put_log_events(group, stream, [{"timestamp": at, "message": line} for at, line in lines])
