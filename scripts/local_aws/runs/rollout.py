"""How an ECS service gets from one task definition to the next.

A deployment starts its tasks at once: each has a network interface in the service's subnets and
is registered with the target groups that the service has then, and stays in these. A moment later
they run. Another moment later the tasks of the deployment before stop, if there is one, and the
deployment is COMPLETED: so for a moment both serve, also where the service moves from one target
group to another.

Tasks that something makes fail (trouble.py) stop instead, and others are started. With a circuit
breaker the deployment ends FAILED after three failed tasks or more; with rollback the service
returns to what it was when it last ran: task definition, network, load balancers, platform. Without
a breaker the deployment stays IN_PROGRESS for ever, as in AWS. One that heeds alarms (alarms.py) is
IN_PROGRESS for a moment more, and ends in the same way where one goes off. Stopped tasks are
listed as long as their cluster exists, and what became of each deployment is kept (deployments.py).

Where the local AWS serves, tasks whose image is in ECR are processes (serving/tasks.py). Such a
service is looked after again and again (`tend`): its tasks run when their processes do, its
deployment is complete when all are healthy, and a task that ends or is unhealthy has failed.
"""

import functools
import math
import sys
import time
from typing import Any

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

from ..ground import clock
from ..ground.clock import later
from . import alarms, deployments, shifting, trouble
from .serving import images, secrets
from .serving import tasks as served
from .task import PLATFORM, Task, target_groups

#: What a rollback brings back beside the task definition; counts and limits stay.
BROUGHT_BACK = ("load_balancers", "network_configuration", "platform_version")
BREAKER = "ECS deployment circuit breaker: tasks failed to start."
#: Seconds between two looks at the processes of a service.
LOOK = 0.1
#: Moments until another task takes the place of one that has failed; most that it becomes.
PAUSE, LONGEST_PAUSE = 1, 20


def note(service: Any, message: str) -> None:
    event = {"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": message}
    service.events.insert(0, {**event, "message": f"(service {service.name}) {message}"})


def count(service: Any) -> None:
    """The numbers of a service are the sums over its deployments."""
    for one in service.deployments:
        tasks = [task for task in service.tasks if task.started_by == one["id"]]
        one["runningCount"] = sum(task.last_status == "RUNNING" for task in tasks)
        one["pendingCount"] = len(tasks) - one["runningCount"]
    service.running_count = sum(one["runningCount"] for one in service.deployments)
    service.pending_count = sum(one["pendingCount"] for one in service.deployments)


def deploy(service: Any, definition: Any, why: str = "in progress.") -> None:
    """Begin a deployment; the one before stays until this one has completed."""
    running = service.deployments[0] if service.deployments else None
    if running and running["rolloutState"] == "IN_PROGRESS":
        shifting.take_back(
            service, running, "ECS deployment stopped: another one follows.", release
        )
    for one in service.deployments:
        one["status"] = "ACTIVE"
    deployment = {
        "id": f"ecs-svc/{mock_random.randint(10**18, 10**19)}",
        "status": "PRIMARY",
        "taskDefinition": definition.arn,
        "desiredCount": service.desired_count,
        "runningCount": 0,
        "pendingCount": 0,
        "failedTasks": 0,
        "createdAt": utcnow(),
        "updatedAt": utcnow(),
        "launchType": service.launch_type,
        "capacityProviderStrategy": service.capacity_provider_strategy,
        "platformVersion": PLATFORM,
        "platformFamily": "Linux",
        "networkConfiguration": service.network_configuration,
        "rolloutState": "IN_PROGRESS",
    }
    id = deployment["id"]
    say_pretended(service, definition)
    deployment["rolloutStateReason"] = (
        f"ECS deployment {id} {why}" if why == "in progress." else why
    )
    service.deployments.insert(0, deployment)
    service.task_definition = definition.arn
    if why == "in progress.":  # a rollback is still the deployment that failed
        deployments.begin(service, definition.arn)
    attempt(service, deployment, definition)


def attempt(service: Any, deployment: Any, definition: Any) -> None:
    """Start the tasks that a deployment lacks, which run or stop in a moment."""
    missing = service.desired_count - len(tasks_of(service, deployment))
    found = trouble.of(service, definition) if missing else None
    if served.is_served(definition, service._backend.account_id) and not found:
        found = start_served(service, deployment, definition, missing)
        if not found:
            return
    tasks = start(service, deployment, definition, missing, found)
    if found:
        later(lambda: fail(service, deployment, definition, tasks, found), at_least=0.05)
    else:
        later(lambda: complete(service, deployment))
    count(service)


def tasks_of(service: Any, deployment: Any) -> list[Task]:
    return [task for task in service.tasks if task.started_by == deployment["id"]]


def start(
    service: Any,
    deployment: Any,
    definition: Any,
    number: int,
    found: trouble.Trouble | None = None,
) -> list[Task]:
    """Start tasks over the subnets in turn, and register each with the target groups."""
    tasks = make(service, deployment, definition, number)
    for task in tasks:
        if found and found.runs:
            task.run()
        groups = target_groups(service, task.load_balancers)
        for group, entry in groups if not found or found.runs else []:
            group.register([{"Id": task.address, "Port": entry["containerPort"]}])
            group.targets[task.address]["unhealthy"] = bool(found and found.unhealthy)
    return tasks


def make(service: Any, deployment: Any, definition: Any, number: int) -> list[Task]:
    tasks = []
    subnets = service.network_configuration.get("awsvpcConfiguration", {}).get("subnets", [])
    for _ in range(number if subnets else 0):
        subnet_id = subnets[len(service.tasks) % len(subnets)]
        task = Task(service, definition, deployment["id"], subnet_id)
        service.tasks.append(task)
        tasks.append(task)
    if number > 0:
        note(service, f"has started {number} tasks.")
    return tasks


def complete(service: Any, deployment: Any) -> None:
    if service.status != "ACTIVE" or deployment not in service.deployments:
        return
    if deployment["status"] != "PRIMARY":
        return
    if len(target_groups(service, service.load_balancers)) < len(service.load_balancers):
        note(service, "is unable to register targets: a target group does not exist.")
        return  # AWS does not fail it either: the deployment just never ends
    for task in service.tasks:
        if task.started_by == deployment["id"]:
            task.run()
    count(service)
    if any(task.started_by != deployment["id"] for task in service.tasks):
        later(lambda: replace(service, deployment))
    else:
        replace(service, deployment)


def replace(service: Any, deployment: Any) -> None:
    """End the deployments before, whose tasks have served until now."""
    if service.status != "ACTIVE" or deployment["status"] != "PRIMARY":
        return
    if alarms.has_gone_off(service, deployment):
        give_up(service, deployment, alarms.FAILED, alarms.rolls_back(service))
        return
    if shifting.shifts(service, deployment):
        shifting.begin(
            service,
            deployment,
            functools.partial(end_older, service, deployment),
            functools.partial(give_up, service, deployment, rolls_back=True),
        )
        count(service)
        return
    left = [task for task in service.tasks if task.started_by != deployment["id"]]
    release(service, left, "Scaling activity initiated by deployment")
    if not alarms.is_heeding(service, deployment):
        settle(service, deployment)
        return
    count(service)
    if service.__dict__.get("bakes") != deployment["id"]:
        service.bakes = deployment["id"]
        later(functools.partial(bake, service, deployment))


def bake(service: Any, deployment: Any) -> None:
    """End a deployment that has heeded its alarms for long enough."""
    if service.status != "ACTIVE" or deployment["status"] != "PRIMARY":
        return
    if alarms.has_gone_off(service, deployment):
        give_up(service, deployment, alarms.FAILED, alarms.rolls_back(service))
    else:
        settle(service, deployment)


def end_older(service: Any, deployment: Any) -> None:
    """End a deployment that has all requests, and the tasks before it."""
    left = [task for task in service.tasks if task.started_by != deployment["id"]]
    release(service, left, "Scaling activity initiated by deployment")
    settle(service, deployment)


def settle(service: Any, deployment: Any) -> None:
    service.deployments = [deployment]
    deployment["rolloutState"] = "COMPLETED"
    deployment["rolloutStateReason"] = f"ECS deployment {deployment['id']} completed."
    deployment["updatedAt"] = utcnow()
    service.completed = {
        "task_definition": deployment["taskDefinition"],
        **{name: getattr(service, name) for name in BROUGHT_BACK},
    }
    deployments.end(service, deployment["taskDefinition"])
    count(service)
    note(service, f"(deployment {deployment['id']}) deployment completed.")
    note(service, "has reached a steady state.")


def release(service: Any, tasks: list[Any], reason: str, *code: str) -> None:
    """Stop tasks; their network interfaces outlive them by a moment."""
    for task in tasks:
        task.stop(reason, *code)
        service.tasks.remove(task)
        if task.last_status == "STOPPED":
            served.leave(task)
            later(task.drop_interface)
        else:  # what it has begun to answer, it may end
            later(functools.partial(wind_up, task))


def fail(
    service: Any, deployment: Any, definition: Any, tasks: list[Task], found: trouble.Trouble
) -> None:
    if service.status != "ACTIVE" or deployment["status"] != "PRIMARY":
        return
    failed = [(task, found) for task in tasks if task in service.tasks]
    lose(service, failed)
    if deployment["rolloutState"] != "IN_PROGRESS":
        return  # it has run before, and is tried again for ever
    if goes_on(service, deployment, len(failed)):
        attempt(service, deployment, definition)


def lose(service: Any, failed: list[tuple[Task, trouble.Trouble]]) -> None:
    """Stop tasks that have failed, and say why. The next ones wait a little, then longer."""
    for task, found in failed:
        task.container_end = found.container
        if found.log:
            trouble.write_log(task, found.log)
        groups = target_groups(service, task.load_balancers)
        for group, entry in groups if found.unhealthy else []:
            note(
                service,
                f"(port {entry['containerPort']}) is unhealthy in (target-group {group.arn}) due "
                f"to (reason {found.unhealthy}).",
            )
        release(service, [task], found.reason, found.code)
    if failed:
        begins = service.deployments[0]["rolloutState"] == "IN_PROGRESS"
        pause = min(service.__dict__.get("pause", PAUSE / 2) * 2, LONGEST_PAUSE)
        service.pause = PAUSE if begins else pause
        service.not_before = time.monotonic() + service.pause * clock.moment
    count(service)


def goes_on(service: Any, deployment: Any, failed: int) -> bool:
    """Whether a deployment of which so many tasks more have failed is tried again."""
    deployment["failedTasks"] += failed
    deployment["updatedAt"] = utcnow()
    note(service, "is unable to consistently start tasks successfully.")
    breaker = service.deployment_configuration.get("deploymentCircuitBreaker", {})
    threshold = min(max(3, math.ceil(service.desired_count / 2)), 200)
    if not breaker.get("enable") or deployment["failedTasks"] < threshold:
        return True
    give_up(service, deployment, BREAKER, bool(breaker.get("rollback")))
    return False


def give_up(service: Any, deployment: Any, why: str, rolls_back: bool) -> None:
    if rolls_back and shifting.take_back(service, deployment, why, release):
        note(service, f"(deployment {deployment['id']}) deployment failed: {why}")
        count(service)
        return
    deployment["rolloutState"] = "FAILED"
    deployment["rolloutStateReason"] = why
    what = why.partition(": ")[2]
    note(service, f"(deployment {deployment['id']}) deployment failed: {what}")
    before = next((one for one in service.deployments if one is not deployment), None)
    if rolls_back and before and service.completed:
        deployment["desiredCount"] = 0
        note(service, f"rolling back to deployment {before['id']}.")
        roll_back(service, before["id"], why.partition(":")[0])
    else:
        deployments.end(service, "")


# Tasks that are really run


def say_pretended(service: Any, definition: Any) -> None:
    """Say once of each image that it is not run."""
    said = service.__dict__.setdefault("said", set())
    for image in served.pretended(definition, service._backend.account_id):
        if image not in said:
            said.add(image)
            say(service, f"only pretends to run {image}: nothing of it was pushed here.")


def say(service: Any, message: str) -> None:
    note(service, message)
    print(f"local-aws: {service.name} {message}", file=sys.stderr)


def start_served(
    service: Any, deployment: Any, definition: Any, number: int
) -> trouble.Trouble | None:
    """Start tasks that are really run, or tell what keeps them from it."""
    try:
        containers = served.containers_of(service, definition) if number > 0 else []
    except secrets.Unavailable as fault:
        return trouble.beginning(str(fault))
    except images.Missing as fault:
        return trouble.missing(str(fault))
    tasks = make(service, deployment, definition, number)
    if served.shares(len(tasks)) and not service.__dict__.get("is_shared"):
        service.is_shared = True
        say(service, "runs as one process: this machine gives no network namespaces.")
    for task in tasks:
        served.launch(task, containers, tasks_of(service, deployment))
    if not service.__dict__.get("is_tended"):
        service.is_tended = True
        later(functools.partial(tend, service), moments=0, at_least=LOOK)
    count(service)
    return None


def tend(service: Any) -> None:
    """Look after the processes of a service, as long as it is there."""
    if service.status != "ACTIVE":
        return
    later(functools.partial(tend, service), moments=0, at_least=LOOK)
    deployment = service.deployments[0]
    failed = []
    for task in service.tasks:
        if task.process and (found := look_at(service, task)):
            failed.append((task, found))
    lose(service, failed)
    number = sum(task.started_by == deployment["id"] for task, _ in failed)
    in_progress = deployment["rolloutState"] == "IN_PROGRESS"
    if number and in_progress and not goes_on(service, deployment, number):
        return
    definition = service._backend.describe_task_definition(deployment["taskDefinition"])
    tasks = tasks_of(service, deployment)
    if not served.is_served(definition, service._backend.account_id):
        pass  # time alone does the rest
    elif len(tasks) < service.desired_count and deployment["rolloutState"] != "FAILED":
        if time.monotonic() >= service.__dict__.get("not_before", 0):
            attempt(service, deployment, definition)
    elif in_progress and all(is_well(service, task) for task in tasks):
        replace(service, deployment)
    count(service)


def look_at(service: Any, task: Task) -> trouble.Trouble | None:
    """Take over how a task's processes are; what has become of it that it fails."""
    groups = target_groups(service, task.load_balancers)
    if task.process.state == "ended":
        return trouble.of_process(task.process)
    if task.process.state == "running" and task.last_status == "PENDING":
        task.run()
        served.register(task, groups)
    task.health_status = served.own_health(task)
    if task.health_status == "UNHEALTHY":
        return trouble.sick()
    if task.last_status == "RUNNING" and (failed := served.failed_check(task, groups)):
        group, why = failed
        return trouble.unhealthy(group.arn, why)
    return None


def is_well(service: Any, task: Task) -> bool:
    groups = target_groups(service, task.load_balancers)
    if len(groups) < len(task.load_balancers):
        return False  # AWS does not fail it either: the deployment just never ends
    return served.is_well(task, groups) if task.process else task.last_status == "RUNNING"


def end(task: Task, reason: str) -> None:
    """Stop a task that somebody wants to end."""
    if task in task.service.tasks:
        release(task.service, [task], reason or "Task stopped by user", "UserInitiated")
        count(task.service)


def wind_up(task: Task) -> None:
    """Ask the processes of a task to end, and see it through."""
    others = [one for one in task.service.tasks if one.process is task.process]
    if task.last_status == "DEACTIVATING":
        task.last_status = "STOPPING"
        served.leave(task)
        if not others:  # those that share them go on
            task.process.stop()
    if others or task.process.state == "ended":
        task.ended()
        later(task.drop_interface)
    else:
        later(functools.partial(wind_up, task), moments=0, at_least=LOOK)


def roll_back(service: Any, id: str, who: str) -> None:
    """Return to the service revision that last ran, load balancers and network included."""
    for name in BROUGHT_BACK:
        setattr(service, name, service.completed[name])
    deploy(
        service,
        service._backend.describe_task_definition(service.completed["task_definition"]),
        f"{who}: rolling back to deploymentId {id}.",
    )
    service.rolls_back = service.deployments[0]["id"]


def scale(service: Any, number: int) -> None:
    """Change the desired count: the current deployment gets more or fewer tasks."""
    service.desired_count = number
    deployment = service.deployments[0]
    deployment["desiredCount"] = number
    tasks = tasks_of(service, deployment)
    definition = service._backend.describe_task_definition(deployment["taskDefinition"])
    if trouble.of(service, definition):
        return
    is_served = served.is_served(definition, service._backend.account_id)
    if is_served and number > len(tasks):
        attempt(service, deployment, definition)
    elif number < len(tasks):
        release(service, tasks[number:], "Scaling activity initiated by service")
    else:
        start(service, deployment, definition, number - len(tasks))

        def run() -> None:
            if deployment["rolloutState"] == "COMPLETED":
                for task in service.tasks:
                    if task.last_status == "PENDING":
                        task.run()
                count(service)

        later(run)
    count(service)


def drain(service: Any) -> None:
    """DRAINING for a moment, then INACTIVE; the network interfaces go a moment after that."""
    service.status = "DRAINING"
    service.desired_count = 0
    for task in service.tasks:
        task.leave_target_groups()

    def inactive() -> None:
        service.status = "INACTIVE"
        release(service, list(service.tasks), "Service deleted")
        service.deployments = []
        service.running_count = service.pending_count = 0

    later(inactive)
