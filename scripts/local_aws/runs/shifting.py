"""Blue/green, linear and canary deployments: how ECS shifts requests to another target group.

A service has a target group and an alternate one, and a listener's rule that forwards to both. Its
tasks are in one of them, which has all the weight; a deployment's are in the other. When these run
and are healthy, ECS sets the rule's weights by the strategy's steps, as the role that the service
names; then both bake, and the older tasks end. A deployment that fails, or that somebody stops,
gives the older tasks all requests back. A minute of AWS's is a moment here.
"""

import functools
from collections.abc import Callable
from typing import Any

from moto.core.utils import utcnow
from moto.elbv2.models import elbv2_backends

from ..ground import roles
from ..ground.clock import later
from . import alarms, deployments

#: Moments that a minute of AWS's lasts.
MINUTE = 1
STOPPED = "ECS deployment stopped: somebody asked for it."
#: Percent of the requests, the minutes until the next step, and what ECS calls that time.
Step = tuple[float, float, str]


def steps(configuration: dict[str, Any]) -> list[Step]:
    """What a deployment does with the requests, the last step first."""
    last: Step = (100, configuration.get("bakeTimeInMinutes", 0), "BAKE_TIME")
    strategy, shift = configuration.get("strategy"), "PRODUCTION_TRAFFIC_SHIFT"
    if strategy == "CANARY":
        canary = configuration.get("canaryConfiguration", {})
        wait = canary.get("canaryBakeTimeInMinutes", 10)
        return [last, (canary.get("canaryPercent", 5.0), wait, shift)]
    if strategy != "LINEAR":
        return [last]
    linear = configuration.get("linearConfiguration", {})
    size, wait = linear.get("stepPercent", 10.0), linear.get("stepBakeTimeInMinutes", 6)
    parts: list[Step] = []
    while (done := size * (len(parts) + 1)) < 100:
        parts.append((done, wait, shift))
    return [last, *reversed(parts)]


def advanced(service: Any) -> dict[str, Any]:
    """What the service's load balancer says of such deployments."""
    for entry in service.load_balancers or []:
        if found := entry.get("advancedConfiguration"):
            return {"targetGroupArn": entry["targetGroupArn"], **found}
    return {}


def strategy(service: Any) -> str:
    return str(service.deployment_configuration.get("strategy", "ROLLING"))


def rule_of(service: Any) -> tuple[Any, Any]:
    """The listener and the rule that forward to both; nothing where there are none."""
    elb = elbv2_backends[service._account_id][service.region_name]
    return find_rule(elb, advanced(service).get("productionListenerRule"))


def find_rule(elb: Any, arn: str | None) -> tuple[Any, Any]:
    """A rule and its listener, by the rule's ARN; nothing where there is none."""
    for balancer in elb.load_balancers.values():
        for listener in balancer.listeners.values():
            for rule in listener.rules.values():
                if rule.arn == arn:
                    return listener, rule
    return None, None


def shares_of(rule: Any) -> dict[str, int]:
    """The weights of the target groups that a rule forwards to."""
    return {
        one["TargetGroupArn"]: int(one.get("Weight", 1))
        for action in rule.actions
        for one in action.data.get("ForwardConfig", {}).get("TargetGroups", [])
    }


def serving(service: Any) -> str:
    """The target group that has most of the weight."""
    said = advanced(service)
    _, rule = rule_of(service)
    shares = shares_of(rule) if rule else {}
    first, other = said["targetGroupArn"], said["alternateTargetGroupArn"]
    return other if shares.get(other, 0) > shares.get(first, 0) else first


def load_balancers(service: Any, deployment_id: str) -> list[dict[str, Any]]:
    """Where tasks of a deployment are: in the group that serves, or in the other one."""
    if not advanced(service):
        return list(service.load_balancers or [])
    groups = service.__dict__.setdefault("groups", {})
    if deployment_id not in groups:
        said, group = advanced(service), serving(service)
        pair = [said["targetGroupArn"], said["alternateTargetGroupArn"]]
        is_first = not service.tasks
        if strategy(service) != "ROLLING" and not is_first:
            group = pair[1 - pair.index(group)]
        groups[deployment_id] = group
    return [{**one, "targetGroupArn": groups[deployment_id]} for one in service.load_balancers]


def shifts(service: Any, deployment: dict[str, Any]) -> bool:
    """Whether a deployment is one of these, and not a rollback."""
    is_rollback = service.__dict__.get("rolls_back") == deployment["id"]
    return bool(advanced(service)) and strategy(service) != "ROLLING" and not is_rollback


def begin(
    service: Any,
    deployment: dict[str, Any],
    settle: Callable[[], None],
    fail: Callable[[str], None],
) -> None:
    """Shift the requests to a deployment whose tasks are well; a second call does nothing."""
    if service.__dict__.get("shifting") == deployment["id"]:
        return
    service.shifting = deployment["id"]
    left = steps(service.deployment_configuration)
    if all(task.started_by == deployment["id"] for task in service.tasks):
        left = left[:1]  # no older tasks could have the rest
    go_on(service, deployment, left, settle, fail)


def go_on(
    service: Any,
    deployment: dict[str, Any],
    left: list[Step],
    settle: Callable[[], None],
    fail: Callable[[str], None],
) -> None:
    if service.status != "ACTIVE" or deployment is not service.deployments[0]:
        return
    if deployment["rolloutState"] != "IN_PROGRESS":
        return
    if alarms.has_gone_off(service, deployment):
        fail(alarms.FAILED)
        return
    if not left:
        service.stage = ""
        settle()
        return
    percent, minutes, service.stage = left[-1]
    if why := set_share(service, deployment["id"], percent):
        fail(f"ECS deployment failed: {why}")
        return
    deployment["updatedAt"] = utcnow()
    following = functools.partial(go_on, service, deployment, left[:-1], settle, fail)
    later(following, moments=minutes * MINUTE)


def set_share(service: Any, deployment_id: str, percent: float) -> str:
    """Give the group of a deployment so much of the requests; tell why that cannot be."""
    listener, rule = rule_of(service)
    if rule is None:
        return "the listener rule does not exist."
    backend, said = service._backend, advanced(service)
    arn, action = (listener.arn, "ModifyListener") if rule.is_default else (rule.arn, "ModifyRule")
    allowed = roles.allows(
        backend.account_id,
        backend.partition,
        said["roleArn"],
        f"elasticloadbalancing:{action}",
        arn,
        tags_of(service, arn),
    )
    if not allowed:
        return f"the role {said['roleArn']} may not call elasticloadbalancing:{action}."
    group = service.groups[deployment_id]
    pair = [said["targetGroupArn"], said["alternateTargetGroupArn"]]
    shares = {one: (percent if one == group else 100 - percent) for one in pair}
    tuples = [{"TargetGroupArn": one, "Weight": round(shares[one])} for one in pair]
    if 0 < percent < 1:
        tuples = [{**one, "Weight": max(1, int(one["Weight"]))} for one in tuples]
    actions = [{"Type": "forward", "ForwardConfig": {"TargetGroups": tuples}}]
    elb = elbv2_backends[service._account_id][service.region_name]
    if rule.is_default:
        elb.modify_listener(listener.arn, actions=actions)
    else:
        elb.modify_rule(rule.arn, [], actions)
    return ""


def tags_of(service: Any, arn: str) -> dict[str, str]:
    """What the conditions of a policy may ask of a listener or a rule."""
    elb = elbv2_backends[service._account_id][service.region_name]
    tags = elb.tagging_service.get_tag_dict_for_resource(arn)
    return {f"aws:ResourceTag/{key}": value for key, value in tags.items()}


def take_back(
    service: Any,
    deployment: dict[str, Any],
    why: str,
    release: Callable[[Any, list[Any], str], None],
) -> bool:
    """Return to the tasks that still run beside those of a deployment; false if there are none."""
    before = next((one for one in service.deployments if one is not deployment), None)
    older = [task for task in service.tasks if task.started_by != deployment["id"]]
    if not before or not older or not service.completed or not shifts(service, deployment):
        return False
    set_share(service, older[0].started_by, 100)
    for name, value in service.completed.items():
        setattr(service, name, value)
    green = [task for task in service.tasks if task.started_by == deployment["id"]]
    release(service, green, "Task stopped by a rollback")
    deployment.update(status="INACTIVE", rolloutState="FAILED", rolloutStateReason=why)
    before.update(status="PRIMARY", rolloutState="COMPLETED", updatedAt=utcnow())
    before["rolloutStateReason"] = f"ECS deployment {before['id']} completed: it came back. {why}"
    service.deployments = [before, deployment]
    service.stage = ""
    deployments.end(service, before["taskDefinition"])

    def forget() -> None:
        service.deployments = [one for one in service.deployments if one is not deployment]

    later(forget)
    return True
