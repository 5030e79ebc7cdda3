"""What makes the tasks of a service fail, and what ECS says of them then.

Two causes are real: an image that is missing in this account's ECR, and a missing log group. Tests
choose the others by a word in the image's reference. With `broken` the task does not start, and
ECS gives no reason; with `secret` it lacks the permission to read its secret; with `crash` it ends
at once and leaves a log; with `unhealthy` it runs but fails its health checks.
"""

import re
import time
from dataclasses import dataclass, field
from typing import Any

from moto.ecr.models import ecr_backends
from moto.logs.models import logs_backends
from moto.moto_api._internal import mock_random

ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>.+))?"
)
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
    unhealthy: bool = False


def of(service: Any, definition: Any) -> Trouble | None:
    for container in definition.container_definitions:
        if found := of_container(service, definition, container):
            return found
    return None


def of_container(service: Any, definition: Any, container: dict[str, Any]) -> Trouble | None:
    backend, image = service._backend, container["image"]
    account, region = backend.account_id, backend.region_name
    if "secret" in image:
        return beginning(secret(container, definition, account, region))
    if "broken" in image:
        return Trouble("TaskFailedToStart", "Task failed to start")
    if not is_there(image, account):
        reason = (
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to "
            f"resolve ref {image}: {image}: not found"
        )
        return Trouble("TaskFailedToStart", reason, container={"reason": reason})
    group = log_options(container).get("awslogs-group")
    if group and group not in logs_backends[account][region].groups:
        return beginning(
            "failed to validate logger args: create stream has been retried 1 times: failed to "
            "create Cloudwatch log stream: ResourceNotFoundException: The specified log group "
            "does not exist. : exit status 1"
        )
    if "crash" in image:
        reason = "Essential container in task exited"
        return Trouble("EssentialContainerExited", reason, {"exitCode": 1}, CRASH, runs=True)
    groups = [one["targetGroupArn"] for one in service.load_balancers if "targetGroupArn" in one]
    if "unhealthy" in image and groups:
        reason = f"Task failed ELB health checks in (target-group {groups[0]})"
        return Trouble("ServiceSchedulerInitiated", reason, runs=True, unhealthy=True)
    return None


def beginning(why: str) -> Trouble:
    return Trouble("TaskFailedToStart", f"ResourceInitializationError: {why}")


def is_there(image: str, account: str) -> bool:
    """Whether the image is there. Images of other registries are taken to be."""
    parts = ECR.fullmatch(image)
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
    role = (definition.execution_role_arn or "none").rpartition("/")[2]
    user = f"arn:aws:sts::{account}:assumed-role/{role}/{mock_random.get_random_hex(32)}"
    return (
        "unable to pull secrets or registry auth: execution resource retrieval failed: unable to "
        "retrieve secret from asm: service call has been retried 1 time(s): failed to fetch "
        f"secret {arn} from secrets manager: AccessDeniedException: User: {user} is not "
        f"authorized to perform: secretsmanager:GetSecretValue on resource: {arn} because no "
        "identity-based policy allows the secretsmanager:GetSecretValue action status code: 400, "
        f"request id: {mock_random.uuid4()}"
    )


def log_options(container: dict[str, Any]) -> dict[str, str]:
    config = container.get("logConfiguration") or {}
    return config.get("options", {}) if config.get("logDriver") == "awslogs" else {}


def write_log(task: Any, lines: list[str]) -> None:
    """Write a log into the stream of each container that has one."""
    backend = task.service._backend
    logs = logs_backends[backend.account_id][backend.region_name]
    for container in task.definition.container_definitions:
        options = log_options(container)
        group, prefix = options.get("awslogs-group"), options.get("awslogs-stream-prefix")
        if group not in logs.groups or not prefix:
            continue
        stream = f"{prefix}/{container['name']}/{task.task_arn.rpartition('/')[2]}"
        now = int(time.time() * 1000)
        logs.create_log_stream(group, stream)
        logs.put_log_events(group, stream, [{"timestamp": now, "message": one} for one in lines])
