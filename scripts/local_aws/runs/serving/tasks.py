"""The processes of an ECS task: what is given to them, and what of them an ECS task tells.

`rollout` starts and stops tasks, and asks here; everything but `begin` is called under the lock.
"""

import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from ...ground import clock
from ...ground.lock import lock
from .. import trouble
from . import balancing, images, kind, secrets
from .doors import Doors
from .health import Checks, Health
from .process import Process, Wanted

#: Moments that an ECS grace period's second lasts.
GRACE = 0.2
#: Seconds between two looks at what time has done.
LOOK = 0.05

doors = Doors(balancing.serve)
checks = Checks()


def begin() -> None:
    """Serve from now on: look after doors and health, and let time pass without requests too."""
    doors.begin()
    threading.Thread(target=go_on, daemon=True).start()


def go_on() -> None:
    while True:
        time.sleep(LOOK)
        with lock:
            try:
                clock.run_due()
                doors.settle()
                checks.look()
            except Exception as fault:  # nobody else looks after them
                print(f"local-aws: {fault!r}", file=sys.stderr)


def is_served(definition: Any, account: str) -> bool:
    """Whether tasks of a task definition are real: one of their containers is."""
    return bool(kind.now) and any(real(definition, account))


def real(definition: Any, account: str) -> Iterable[dict[str, Any]]:
    for one in definition.container_definitions:
        if images.is_own(one["image"], account):
            yield one


def pretended(definition: Any, account: str) -> list[str]:
    """The images that are only pretended to run, of those of a task definition."""
    named = [one["image"] for one in definition.container_definitions]
    return [one for one in named if not images.is_own(one, account)] if kind.now else []


Containers = list[tuple[dict[str, Any], tuple[Any, dict[str, Any]], dict[str, str]]]


def containers_of(service: Any, definition: Any) -> Containers:
    """The containers that are really run, each with its manifest and its secrets.

    Errors: secrets.Unavailable, images.Missing.
    """
    account, region = service._backend.account_id, service._backend.region_name
    return [
        (one, images.manifest(one["image"]), secrets.all_of(one, definition, account, region))
        for one in real(definition, account)
    ]


def launch(task: Any, containers: Containers, siblings: list[Any]) -> None:
    """Begin the processes of a task. Where tasks have no network of their own, they share one."""
    processes = [one.process for one in siblings if one.process]
    living = [one for one in processes if not one.stopped and one.state != "ended"]
    if kind.now == "plain" and living:
        task.process = living[0]
        return
    ports = [
        one["containerPort"] for entry in containers for one in entry[0].get("portMappings", [])
    ]
    platform = getattr(task.definition, "runtime_platform", None) or {}
    wanted = Wanted(
        task.task_arn.rpartition("/")[2],
        task.address,
        task.service._backend.region_name,
        platform.get("cpuArchitecture") or "X86_64",
        containers,
        addresses() if kind.now == "plain" else {},
        ports[0] if ports else 0,
    )

    def write(name: str, lines: list[tuple[int, str]]) -> None:
        with lock:
            trouble.write_lines(task, name, lines)

    task.process = Process(wanted, write)
    task.process.begin()


def addresses() -> dict[str, str]:
    """Where the load balancers are on this machine, by their names."""
    return {
        door.balancer.dns_name.partition(":")[0]: f"127.0.0.1:{door.number}"
        for door in doors.here.values()
        if door.port == 80
    }


def register(task: Any, groups: list[tuple[Any, dict[str, Any]]]) -> None:
    """Put a task that has just begun to run where it is asked for its health."""
    doors.tasks[task.task_arn] = task
    for group, entry in groups:
        group.register([{"Id": task.address, "Port": entry["containerPort"]}])
        target = group.targets[task.address]
        target["task"], target["health"] = task, Health(time.monotonic())


def is_well(task: Any, groups: list[tuple[Any, dict[str, Any]]]) -> bool:
    """Whether a task runs, and is healthy in all its target groups."""
    if task.last_status != "RUNNING" or own_health(task) == "UNKNOWN" and task.process.health:
        return False
    return all(
        group.load_balancer_arns and health_in(task, group).status == "healthy"
        for group, _ in groups
    )


def own_health(task: Any) -> str:
    """What the health checks of a task's own containers come to, as ECS says it."""
    statuses = set(task.process.health.values())
    order = ("UNHEALTHY", "UNKNOWN", "HEALTHY")
    return next((one for one in order if one in statuses), "UNKNOWN")


def health_in(task: Any, group: Any) -> Health:
    target = group.targets.get(task.address) or {}
    health: Health = target.get("health") or Health(0)
    return health


def failed_check(task: Any, groups: list[tuple[Any, dict[str, Any]]]) -> tuple[Any, str] | None:
    """The target group in which a task is unhealthy after its grace period, and why."""
    grace = task.service.health_check_grace_period_seconds or 0
    if time.monotonic() - task.running_since < grace * GRACE * clock.moment:
        return None
    for group, _ in groups:
        health = health_in(task, group)
        if health.status == "unhealthy" and health.why:
            return group, health.why[1]
    return None


def shares(number: int) -> bool:
    """Whether so many tasks of a service would be one process."""
    return kind.now == "plain" and number > 1


def leave(task: Any) -> None:
    """No request is a task's any more, and it reaches nobody."""
    doors.tasks.pop(task.task_arn, None)
