"""What became of the deployments of a service, as ECS keeps it for 90 days.

A service deployment is what somebody asked for; it ends SUCCESSFUL, or ROLLBACK_SUCCESSFUL where
the circuit breaker brought back what ran before, or STOPPED where it failed without that or another
one took its place. What was asked for is a service revision, which names the task definition.
"""

from typing import Any

from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random


def begin(service: Any, task_definition: str) -> None:
    """Note what is asked for; what was asked for before and has not ended never will."""
    end(service, "")
    number = str(mock_random.randint(10**18, 10**19))
    service.asked = [
        {
            "serviceDeploymentArn": arn_of(service, "service-deployment", number),
            "serviceArn": service.arn,
            "clusterArn": service.cluster_arn,
            "createdAt": utcnow(),
            "startedAt": utcnow(),
            "targetServiceRevisionArn": arn_of(service, "service-revision", number),
            "status": "IN_PROGRESS",
            "task_definition": task_definition,
        },
        *asked(service),
    ]


def end(service: Any, task_definition: str) -> None:
    """Note how the newest has ended: the service runs this task definition now, or ("") nothing."""
    newest = next(iter(asked(service)), None)
    if newest is None or newest["status"] != "IN_PROGRESS":
        return
    if newest["task_definition"] == task_definition:
        newest["status"] = "SUCCESSFUL"
    else:
        newest["status"] = "ROLLBACK_SUCCESSFUL" if task_definition else "STOPPED"
    newest["finishedAt"] = utcnow()


def asked(service: Any) -> list[dict[str, Any]]:
    """All of a service, the newest first."""
    found: list[dict[str, Any]] = service.__dict__.get("asked", [])
    return found


def arn_of(service: Any, kind: str, number: str) -> str:
    return f"{service.arn.replace(':service/', f':{kind}/')}/{number}"
