"""What RegisterTaskDefinition refuses of a task definition for Fargate; nothing where it is right.

The bounds are those of ECS's API reference (RegisterTaskDefinition) and of the developer guide,
"Task definition differences for Fargate".
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

GB = 1024
SIZES = {
    256: [512, 1 * GB, 2 * GB],
    512: range(1 * GB, 4 * GB + 1, GB),
    1024: range(2 * GB, 8 * GB + 1, GB),
    2048: range(4 * GB, 16 * GB + 1, GB),
    4096: range(8 * GB, 30 * GB + 1, GB),
    8192: range(16 * GB, 60 * GB + 1, 4 * GB),
    16384: range(32 * GB, 120 * GB + 1, 8 * GB),
    32768: [60 * GB, 120 * GB, 244 * GB],
}
CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")
#: By field of a health check: the least and the most that it may be.
CHECK = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}

Container = dict[str, Any]


def size(text: str | None, unit: str) -> int:
    """`512` or `.5 vCPU`, `1024` or `1 GB`; -1 when it is neither."""
    number = re.fullmatch(rf"([\d.]+)\s*({unit})?", text or "", re.IGNORECASE)
    if not number:
        return -1
    return int(float(number.group(1)) * GB) if number.group(2) else int(float(number.group(1)))


def wrong(given: dict[str, Any], containers: list[Container]) -> Iterator[str]:
    """What is wrong with a task definition, in AWS's words as far as they are known."""
    cpu, memory = size(given.get("cpu"), "vCPU"), size(given.get("memory"), "GB")
    if memory not in SIZES.get(cpu, []):
        yield "No Fargate configuration exists for given values."
    if given.get("network_mode") != "awsvpc":
        yield "Fargate only supports network mode 'awsvpc'."
    if not given.get("execution_role_arn"):
        yield from without_execution_role(containers)
    storage = (given.get("ephemeral_storage") or {}).get("sizeInGiB")
    if storage is not None and not 21 <= storage <= 200:
        yield f"Ephemeral storage sizeInGiB {storage} is not between 21 and 200."
    if not any(one.get("essential", True) for one in containers):
        yield "A task definition must have at least one essential container."
    taken = sum(one.get("memory") or 0 for one in containers)
    if taken > memory:
        yield f"The containers' memory, {taken}, is more than the memory of the task, {memory}."
    volumes = {one["name"]: one for one in given.get("volumes") or []}
    for volume in volumes.values():
        yield from of_volume(volume)
    by_name = {one["name"]: one for one in containers}
    for container in containers:
        for told in of_container(container, by_name, volumes):
            yield f"Container {container['name']}: {told}"
    if goes_round(by_name):
        yield "There is a cyclic dependency in the container dependencies."


def without_execution_role(containers: list[Container]) -> Iterator[str]:
    for one in containers:
        if re.match(r"\d{12}\.dkr\.ecr\.", one.get("image", "")):
            need = "support ECR images"
        elif one.get("logConfiguration", {}).get("logDriver") == "awslogs":
            need = "support log driver awslogs"
        elif one.get("secrets") or one.get("environmentFiles"):
            need = "support secrets"
        else:
            continue
        yield f"Fargate requires task definition to have execution role ARN to {need}."


def of_volume(volume: dict[str, Any]) -> Iterator[str]:
    name = volume["name"]
    if volume.get("host", {}).get("sourcePath"):
        yield f"Volume {name}: host.sourcePath is not supported on Fargate."
    efs = volume.get("efsVolumeConfiguration")
    if efs is None:
        return
    if not re.fullmatch(r"fs-([0-9a-f]{8}|[0-9a-f]{17})", efs.get("fileSystemId", "")):
        yield f"Volume {name}: the EFS file system ID is missing or invalid."
    authorization = efs.get("authorizationConfig") or {}
    is_used = authorization.get("iam") == "ENABLED" or authorization.get("accessPointId")
    if is_used and efs.get("transitEncryption") != "ENABLED":
        yield f"Volume {name}: transit encryption must be enabled with IAM or an access point."
    if authorization.get("accessPointId") and efs.get("rootDirectory", "/") != "/":
        yield f"Volume {name}: with an access point the root directory must be omitted or '/'."


def of_container(
    container: Container, by_name: dict[str, Container], volumes: dict[str, Any]
) -> Iterator[str]:
    timeout = container.get("stopTimeout")
    if timeout is not None and not 0 <= timeout <= 120:
        yield f"stopTimeout {timeout} must not be greater than 120 seconds on Fargate."
    if container.get("privileged"):
        yield "privileged is not supported on Fargate."
    for one in container.get("ulimits") or []:
        if one.get("name") != "nofile":
            yield f"ulimit {one.get('name')} is not supported on Fargate, which takes nofile."
        elif one["softLimit"] > one["hardLimit"]:
            yield "a ulimit's soft limit must not be greater than its hard limit."
    for one in container.get("mountPoints") or []:
        if one.get("sourceVolume") not in volumes:
            yield f"Unknown volume '{one.get('sourceVolume')}'."
    for one in (container.get("linuxParameters") or {}).get("tmpfs") or []:
        if not one.get("containerPath", "").startswith("/") or one.get("size", 0) < 1:
            yield "a tmpfs needs an absolute containerPath and a size of at least 1 MiB."
    given = container.get("healthCheck") or {}
    for field, (least, most) in CHECK.items():
        if given.get(field) is not None and not least <= given[field] <= most:
            yield f"healthCheck.{field} must be between {least} and {most}."
    for check in (of_dependencies, of_variables, of_log):
        yield from check(container, by_name)


def of_dependencies(container: Container, by_name: dict[str, Container]) -> Iterator[str]:
    for one in container.get("dependsOn") or []:
        other, condition = by_name.get(one["containerName"]), one["condition"]
        if other is None:
            yield f"dependsOn: container {one['containerName']} does not exist."
        elif condition not in CONDITIONS:
            yield f"dependsOn: condition {condition} is unknown."
        elif condition == "HEALTHY" and not other.get("healthCheck"):
            yield f"dependsOn: HEALTHY needs a health check of container {other['name']}."
        elif condition in ("COMPLETE", "SUCCESS") and other.get("essential", True):
            yield f"dependsOn: {condition} can not be set on essential container {other['name']}."


def of_variables(container: Container, _: Any) -> Iterator[str]:
    files = container.get("environmentFiles") or []
    if len(files) > 10:
        yield "there can be at most 10 environment files."
    for one in files:
        is_object = re.fullmatch(r"arn:[\w-]+:s3:::[^/*]+/[^*]+\.env", one.get("value", ""))
        if one.get("type") != "s3" or not is_object:
            yield f"environment file {one.get('value')} is not the ARN of an .env object in S3."
    plain = {one["name"] for one in container.get("environment") or []}
    for one in container.get("secrets") or []:
        if one["name"] in plain:
            yield (
                "The secret name must be unique and not shared with any new or existing "
                f"environment variables set on the container, such as '{one['name']}'."
            )
        place = one.get("valueFrom", "")
        arn = place.startswith("arn:")
        if not place or (arn and place.split(":")[2] not in ("secretsmanager", "ssm")):
            yield f"the valueFrom of secret {one['name']} is neither a secret nor a parameter."


def of_log(container: Container, _: Any) -> Iterator[str]:
    log = container.get("logConfiguration") or {}
    options = log.get("options") or {}
    if log.get("logDriver") == "awslogs":
        for option in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix"):
            if not options.get(option):
                yield f"Log driver awslogs requires options: {option}"
    mode, buffer = options.get("mode"), options.get("max-buffer-size")
    if mode not in (None, "blocking", "non-blocking"):
        yield f"log option mode {mode} is neither blocking nor non-blocking."
    if buffer is not None and mode == "blocking":
        yield "log option max-buffer-size goes with mode non-blocking."
    if buffer is not None and not re.fullmatch(r"\d+[bkmgBKMG]?", buffer):
        yield f"log option max-buffer-size {buffer} is no size."


def goes_round(by_name: dict[str, Container]) -> bool:
    """Whether a container waits for itself."""

    def after(name: str) -> list[str]:
        waits = by_name.get(name, {}).get("dependsOn") or []
        return [one["containerName"] for one in waits]

    def leads_to(name: str, wanted: str, seen: set[str]) -> bool:
        new = [one for one in after(name) if one not in seen]
        return wanted in after(name) or any(leads_to(one, wanted, seen | set(new)) for one in new)

    return any(leads_to(name, name, {name}) for name in by_name)


def check(
    given: dict[str, Any], containers: list[Container], refused: Callable[[str], Exception]
) -> None:
    """Errors: what `refused` makes of the first thing that is wrong."""
    for told in wrong(given, containers):
        raise refused(told)
