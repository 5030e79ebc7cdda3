"""Targets of load balancers, as AWS has them.

They are initial for a moment, then healthy; they are draining for as long as their target group
says when they leave, and unused in a zone in which their load balancer is not. Where the local AWS
serves, they are as healthy as their answers to health checks (runs/serving/health.py).
"""

from typing import Any

from moto.elbv2.exceptions import TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends

from ..ground import network_interfaces
from ..ground.clock import later
from ..ground.override import derive, override
from ..runs.serving import kind

#: The deregistration delay, in seconds, that lasts a moment here.
USUAL_DELAY = 30


@derive(FakeHealthStatus)
def health_check_port(self: Any) -> str:
    """The port that is asked, which a target group may call `traffic-port`."""
    return str(self.port)


@override(FakeTargetGroup)
def register(moto: Any, self: Any, targets: list[dict[str, Any]]) -> None:
    new = [target["Id"] for target in targets if target["Id"] not in self.targets]
    moto(self, targets)
    registered = [self.targets[id] for id in new]
    for target in registered:
        target["starting"] = True

    def settle() -> None:
        for target in registered:
            target.pop("starting", None)

    later(settle)


@override(FakeTargetGroup)
def deregister(moto: Any, self: Any, targets: list[dict[str, Any]]) -> None:
    moto(self, targets)
    leaving = [target["Id"] for target in targets]
    draining = self.__dict__.setdefault("draining", {})
    draining.update({id: self.deregistered_targets[id] for id in leaving})

    def settle() -> None:
        for id in leaving:
            draining.pop(id, None)

    delay = int(self.attributes["deregistration_delay.timeout_seconds"])
    if delay:
        later(settle, moments=max(1, delay / USUAL_DELAY) if kind.now else 1)
    else:
        settle()


def is_in_zone(group: Any, address: str) -> bool:
    """Whether a load balancer of a target group is in the zone of an address of their VPC."""
    elb = elbv2_backends[group.account_id][group.region_name]
    balancers = [elb.load_balancers[arn] for arn in group.load_balancer_arns]
    zones = {subnet.availability_zone for one in balancers for subnet in one.subnets}
    hosts = (
        one.subnet
        for one in network_interfaces.of(elb.ec2_backend)
        if (one.subnet.vpc_id, one.private_ip_address) == (group.vpc_id, address)
    )
    host = next(hosts, None)
    return host is None or host.availability_zone in zones


@override(FakeTargetGroup)
def health_for(moto: Any, self: Any, target: dict[str, Any], ec2_backend: Any) -> FakeHealthStatus:
    health = moto(self, target, ec2_backend)
    if target["Id"] in self.targets:
        if not self.load_balancer_arns:
            health.status, health.reason = "unused", "Target.NotInUse"
            health.description = (
                "Target group is not configured to receive traffic from the load balancer"
            )
        elif not is_in_zone(self, target["Id"]):
            health.status, health.reason = "unused", "Target.NotInUse"
            health.description = (
                "Target is in an Availability Zone that is not enabled for the load balancer"
            )
        elif checked := self.targets[target["Id"]].get("health"):
            health.status = checked.status
            health.reason, health.description = checked.why or (None, None)
        elif self.targets[target["Id"]].get("starting"):
            health.status, health.reason = "initial", "Elb.RegistrationInProgress"
            health.description = "Target registration is in progress"
        elif self.targets[target["Id"]].get("unhealthy"):
            health.status, health.reason = "unhealthy", "Target.ResponseCodeMismatch"
            health.description = "Health checks failed with these codes: [502]"
    elif target["Id"] in self.__dict__.get("draining", {}):
        health.status, health.reason = "draining", "Target.DeregistrationInProgress"
        health.description = "Target deregistration is in progress"
    return health


@override(ELBv2Backend)
def describe_target_health(
    moto: Any, self: Any, target_group_arn: str, targets: list[dict[str, Any]]
) -> list[FakeHealthStatus]:
    group = self.target_groups.get(target_group_arn)
    if group is None:
        raise TargetGroupNotFoundError()
    if not targets:
        targets = [*group.targets.values(), *group.__dict__.get("draining", {}).values()]
    return moto(self, target_group_arn, targets) if targets else []
