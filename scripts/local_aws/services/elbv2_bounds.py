"""What Elastic Load Balancing refuses of health checks and attributes: decisions without effects.

The bounds are those of its API reference (CreateTargetGroup) and of its user guide ("Target group
attributes", "Load balancer attributes").
"""

import re
from typing import Any

from moto.elbv2.exceptions import ELBClientError

TRAFFIC_PORT = "traffic-port"


def error(message: str) -> ELBClientError:
    return ELBClientError("ValidationError", message)


def check_health(group: Any) -> None:
    """Refuse a target group whose health check ELB would not take."""
    interval = int(group.health_check_interval_seconds)
    timeout = int(group.health_check_timeout_seconds)
    check_within("Health check interval", interval, 5, 300)
    check_within("Health check timeout", timeout, 2, 120)
    if timeout >= interval:
        raise error("Health check interval must be greater than the timeout.")
    check_within("Healthy threshold count", group.healthy_threshold_count, 2, 10)
    check_within("Unhealthy threshold count", group.unhealthy_threshold_count, 2, 10)
    port = group.health_check_port
    if port not in (None, TRAFFIC_PORT):
        check_within("Health check port", port, 1, 65535)
    check_codes((getattr(group, "matcher", None) or {}).get("HttpCode", "200"))
    path = group.health_check_path or "/"
    if not path.startswith("/") or len(path) > 1024:
        raise error(f"Health check path '{path}' must begin with '/' and have 1024 characters")


def check_within(what: str, text: Any, least: int, most: int) -> None:
    if not str(text).isdecimal() or not least <= int(text) <= most:
        raise error(f"{what} '{text}' must be between {least} and {most} inclusive")


def check_codes(codes: str) -> None:
    for part in codes.split(","):
        first, _, last = part.partition("-")
        if not re.fullmatch(r"\d{3}(-\d{3})?", part) or not (
            200 <= int(first) <= int(last or first) <= 499
        ):
            raise error(
                f"Health check matcher HTTP code '{part}' must be within '200-499' inclusive"
            )


#: The attributes of a target group that are numbers of seconds, with their bounds.
SECONDS = {
    "deregistration_delay.timeout_seconds": (0, 3600),
    "stickiness.lb_cookie.duration_seconds": (1, 604800),
    "stickiness.app_cookie.duration_seconds": (1, 604800),
}
GROUP_KEYS = {
    *SECONDS,
    "load_balancing.algorithm.anomaly_mitigation",
    "load_balancing.algorithm.type",
    "load_balancing.cross_zone.enabled",
    "slow_start.duration_seconds",
    "stickiness.app_cookie.cookie_name",
    "stickiness.enabled",
    "stickiness.type",
    "target_group_health.dns_failover.minimum_healthy_targets.count",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
}


def check_group_attributes(before: dict[str, Any], attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        if key not in GROUP_KEYS:
            raise error(f"Target group attribute key '{key}' is not recognized")
        if key in SECONDS:
            check_within(f"'{key}' value", value, *SECONDS[key])
    wanted = {**before, **attributes}
    slow_start = str(wanted.get("slow_start.duration_seconds", "0"))
    if slow_start != "0":
        check_within("'slow_start.duration_seconds' value", slow_start, 30, 900)
        if wanted.get("load_balancing.algorithm.type") == "least_outstanding_requests":
            raise ELBClientError(
                "InvalidConfigurationRequest",
                "Slow start mode is not supported with the least outstanding requests algorithm",
            )
    if str(wanted.get("stickiness.enabled")) not in ("true", "false"):
        raise error("'stickiness.enabled' must be one of [true, false]")


def check_balancer_attributes(attributes: dict[str, Any]) -> None:
    if "idle_timeout.timeout_seconds" in attributes:
        seconds = attributes["idle_timeout.timeout_seconds"]
        check_within("'idle_timeout.timeout_seconds' value", seconds, 1, 4000)
