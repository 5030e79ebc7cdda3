"""What ECS refuses of services, and in which words: decisions without effects."""

from typing import Any

from moto.ecs.exceptions import ECSException
from moto.ecs.models import Cluster

from ..ground import roles
from ..runs import shifting


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


STRATEGIES = ("ROLLING", "BLUE_GREEN", "LINEAR", "CANARY")
#: Of each strategy that has one: its configuration, and least and most of its percentage.
SHIFTS = {"LINEAR": ("linear", "step", 3.0, 100.0), "CANARY": ("canary", "canary", 0.1, 100.0)}


def check_deploying(
    self: Any, given: dict[str, Any], balancers: list[dict[str, Any]] | None, service: Any
) -> None:
    """What a strategy other than rolling needs, and when a service can change to another one."""
    before = service.deployment_configuration if service else {}
    wanted = given.get("deploymentConfiguration", before)
    strategy = wanted.get("strategy", before.get("strategy", "ROLLING"))
    if strategy not in STRATEGIES:
        raise invalid(f"The deployment strategy {strategy} is not valid.")
    is_deploying = service and service.deployments[0]["rolloutState"] == "IN_PROGRESS"
    if service and strategy != before.get("strategy", "ROLLING") and is_deploying:
        raise invalid(
            "The deployment strategy cannot be changed while a deployment is in progress."
        )
    for name, (word, what, least, most) in SHIFTS.items():
        said = wanted.get(f"{word}Configuration")
        if said and name != strategy:
            raise invalid(f"{word}Configuration is only valid with the strategy {name}.")
        percent = (said or {}).get(f"{what}Percent", most)
        minutes = (said or {}).get(f"{what}BakeTimeInMinutes", 0)
        if not least <= percent <= most or round(percent * 10) != percent * 10:
            raise invalid(f"{what}Percent {percent} is not a multiple of 0.1 in its bounds.")
        if not 0 <= minutes <= 1440:
            raise invalid(f"{what}BakeTimeInMinutes must be from 0 to 1440.")
    if not 0 <= wanted.get("bakeTimeInMinutes", 0) <= 1440:
        raise invalid("bakeTimeInMinutes must be from 0 to 1440.")
    if strategy == "ROLLING":
        return
    if "bakeTimeInMinutes" not in wanted:
        raise invalid("bakeTimeInMinutes is required with this deployment strategy.")
    pairs = [one for one in balancers or [] if one.get("advancedConfiguration")]
    if not pairs:
        raise invalid("The deployment strategy needs a load balancer with advancedConfiguration.")


def check_pair(self: Any, elb: Any, entry: dict[str, Any]) -> None:
    """The two target groups, the rule that forwards to both, and the role that shifts requests."""
    said = entry["advancedConfiguration"]
    for field in ("alternateTargetGroupArn", "productionListenerRule", "roleArn"):
        if not said.get(field):
            raise invalid(f"advancedConfiguration.{field} is required.")
    other = elb.target_groups.get(said["alternateTargetGroupArn"])
    if other is None or other.arn == entry["targetGroupArn"]:
        raise invalid("The alternate target group does not exist, or is the target group itself.")
    _, rule = shifting.find_rule(elb, said["productionListenerRule"])
    if rule is None:
        raise invalid("The specified listener rule does not exist.")
    if not {entry["targetGroupArn"], other.arn} <= shifting.shares_of(rule).keys():
        raise invalid(
            f"The target group with targetGroupArn {other.arn} does not have an associated load "
            "balancer."
        )
    arn = f"arn:{self.partition}:ecs:{self.region_name}:{self.account_id}:service/*"
    if roles.cannot_assume(
        self.account_id, self.partition, said["roleArn"], "ecs.amazonaws.com", arn
    ):
        raise invalid(
            "Unable to assume role and validate the specified targetGroupArn. Please verify that "
            "the ECS service role being passed has the proper permissions."
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
