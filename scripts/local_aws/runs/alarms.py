"""The CloudWatch alarms that a deployment heeds.

ECS looks at them from the time on that tasks of the deployment run until some time after those of
the one before have ended. One that is in the state ALARM then has the deployment fail. A rollback
heeds none.
"""

from typing import Any

from moto.cloudwatch.models import cloudwatch_backends

FAILED = "ECS deployment alarms: an alarm is in the state ALARM."


def states(backend: Any) -> dict[str, str]:
    """Of each alarm of an ECS backend's account and region, by its name."""
    alarms = cloudwatch_backends[backend.account_id][backend.region_name].alarms
    return {name: alarm.state_value for name, alarm in alarms.items()}


def heeded(service: Any) -> dict[str, Any]:
    configuration: dict[str, Any] = service.deployment_configuration.get("alarms", {})
    return configuration if configuration.get("enable") else {}


def is_heeding(service: Any, deployment: dict[str, Any]) -> bool:
    is_rollback = service.__dict__.get("rolls_back") == deployment["id"]
    return bool(heeded(service)) and not is_rollback


def has_gone_off(service: Any, deployment: dict[str, Any]) -> bool:
    if not is_heeding(service, deployment):
        return False
    now = states(service._backend)
    return any(now.get(name) == "ALARM" for name in heeded(service)["alarmNames"])


def rolls_back(service: Any) -> bool:
    return bool(heeded(service).get("rollback"))
