"""What ECS refuses of services, and in which words: decisions without effects."""

from typing import Any

from moto.ecs.exceptions import ECSException
from moto.ecs.models import Cluster


def error(code: str, message: str) -> ECSException:
    return ECSException(code, message)


def invalid(message: str) -> ECSException:
    return error("InvalidParameterException", message)


def refused(message: str) -> ECSException:
    return error("ClientException", message)


def check_grace(given: dict[str, Any], balancers: list[dict[str, Any]] | None) -> None:
    if given.get("healthCheckGracePeriodSeconds") is not None and not balancers:
        raise invalid(
            "Health check grace period is only valid for services configured to use load balancers"
        )


def check_strategy(cluster: Cluster, strategy: list[dict[str, Any]] | None) -> None:
    """A strategy is of the cluster's own providers; one of them at most has a base."""
    for one in strategy or []:
        if one["capacityProvider"] not in (cluster.capacity_providers or []):
            raise invalid(
                f"The specified capacity provider '{one['capacityProvider']}' was not found in the "
                "cluster."
            )
        if not 0 <= one.get("weight", 0) <= 1000 or not 0 <= one.get("base", 0) <= 100000:
            raise invalid("The weight or base of a capacity provider is out of bounds.")
    if sum(one.get("base", 0) > 0 for one in strategy or []) > 1:
        raise invalid("Only one capacity provider can have a base defined.")
    if strategy and not any(one.get("weight", 0) for one in strategy):
        raise invalid("At least one capacity provider must have a weight greater than zero.")


def check_network(given: dict[str, Any]) -> None:
    """Refuse a service whose tasks have interfaces and no network, and say what it leaves out."""
    network = given.get("networkConfiguration")
    if not network:
        raise invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    if given.get("role"):
        raise invalid(
            "You cannot specify an IAM role for services that require a service linked role."
        )
    network["awsvpcConfiguration"].setdefault("securityGroups", [])
    network["awsvpcConfiguration"].setdefault("assignPublicIp", "DISABLED")


def whole(strategy: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """A strategy with what ECS adds where it was left out."""
    return [{"weight": 0, "base": 0, **one} for one in strategy or []]
