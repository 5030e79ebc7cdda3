"""Application Auto Scaling as AWS does it, for services of ECS.

A target is of a service that is there; its lower bound is not above the upper one, and its tags are
set by the call that makes it and no other. It brings the service's count into its range. What is
of a target, policies and scheduled actions, goes with it; what they say is looked at when they are
set. Nothing here follows a metric or a clock: a count changes where a range does.
"""

import json
import re
from typing import Any
from zoneinfo import available_timezones

from moto.applicationautoscaling.exceptions import AWSValidationException
from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeScalableTarget,
)
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.core.exceptions import JsonRESTError
from moto.elbv2.models import elbv2_backends

from ..ground.override import add, override
from ..runs import rollout

PERCENT = ("ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization")
REQUESTS = "ALBRequestCountPerTarget"
LABEL = re.compile(r"(app/[^/]+/[^/]+)/(targetgroup/[^/]+/[^/]+)")
SCHEDULE = re.compile(
    r"at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)"
    r"|rate\([1-9]\d* (minute|hour|day)s?\)"
    r"|cron\(\S+ \S+ \S+ \S+ \S+ \S+\)"
)
NOTHING_SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}
MOST_TAGS = 50


def missing(message: str) -> JsonRESTError:
    return JsonRESTError("ObjectNotFoundException", message)


def service_of(backend: Any, resource: str) -> Any:
    """The service that is scaled, if it is there and not being deleted."""
    _, cluster, name = resource.split("/")
    service = backend.ecs_backend.services.get(f"{cluster}:{name}")
    return service if service and service.status == "ACTIVE" else None


def check_range(least: int | None, most: int | None) -> None:
    if least is not None and least < 0:
        raise AWSValidationException("Minimum capacity must be 0 or more")
    if least is not None and most is not None and least > most:
        raise AWSValidationException("Maximum capacity cannot be less than minimum capacity")


def bring_into(backend: Any, target: Any) -> None:
    """A service whose count is out of the range of its target is given the nearest one at once."""
    service = service_of(backend, target.resource_id)
    if not service or not hasattr(service, "tasks"):
        return
    count = min(max(service.desired_count, target.min_capacity), target.max_capacity)
    if count != service.desired_count:
        rollout.scale(service, count)


@override(ApplicationAutoscalingBackend)
def register_scalable_target(
    moto: Any, self: Any, namespace: str, r_id: str, dimension: str, **given: Any
) -> FakeScalableTarget:
    if namespace != "ecs":
        target: FakeScalableTarget = moto(self, namespace, r_id, dimension, **given)
        return target
    if r_id.count("/") != 2 or not service_of(self, r_id):
        raise AWSValidationException(f"ECS service doesn't exist: {r_id}")
    known = self.targets.get(dimension, {}).get(r_id)
    least = given["min_capacity"]
    most = given["max_capacity"]
    if not known and (least is None or most is None):
        raise AWSValidationException("A new target needs MinCapacity and MaxCapacity")
    if known:
        least = known.min_capacity if least is None else least
        most = known.max_capacity if most is None else most
    check_range(least, most)
    target = moto(self, namespace, r_id, dimension, **given)
    suspended: Any = target.suspended_state or {}
    vars(target)["suspended_state"] = {**NOTHING_SUSPENDED, **suspended}
    if not target.role_arn:  # one that names no role has AWS's own
        name = "AWSServiceRoleForApplicationAutoScaling_ECSService"
        path = "aws-service-role/ecs.application-autoscaling.amazonaws.com"
        target.role_arn = f"arn:{self.partition}:iam::{self.account_id}:role/{path}/{name}"
    bring_into(self, target)
    return target


@override(ApplicationAutoScalingResponse, "register_scalable_target")
def answer_registered(moto: Any, self: Any) -> str:
    """Tags are set by the call that makes a target."""
    backend = self.applicationautoscaling_backend
    tags = self._get_param("Tags") or {}
    check_tags(tags)
    targets = backend.targets.get(self._get_param("ScalableDimension"), {})
    known = targets.get(self._get_param("ResourceId"))
    if known and tags:
        raise AWSValidationException(
            "Tags can only be set when a scalable target is registered for the first time"
        )
    answer: str = moto(self)
    if not known:
        tags_of(backend)[json.loads(answer)["ScalableTargetARN"]] = dict(tags)
    return answer


# Tags


def tags_of(backend: Any) -> dict[str, dict[str, str]]:
    """The tags of each target, by its ARN."""
    tags: dict[str, dict[str, str]] = backend.__dict__.setdefault("tags_of_targets", {})
    return tags


def check_tags(tags: dict[str, str]) -> None:
    if len(tags) > MOST_TAGS or any(key.lower().startswith("aws:") for key in tags):
        raise AWSValidationException("Tags are not valid")


def tagged(self: Any) -> dict[str, str]:
    """The tags of the target that a request names."""
    arn = self._get_param("ResourceARN")
    tags = tags_of(self.applicationautoscaling_backend)
    if arn not in tags:
        raise JsonRESTError("ResourceNotFoundException", f"No scalable target has ARN {arn}")
    return tags[arn]


@add(ApplicationAutoScalingResponse)
def list_tags_for_resource(self: Any) -> str:
    return json.dumps({"Tags": tagged(self)})


@add(ApplicationAutoScalingResponse)
def tag_resource(self: Any) -> str:
    tags = tagged(self)
    both = {**tags, **self._get_param("Tags")}
    check_tags(both)
    tags.update(both)
    return json.dumps({})


@add(ApplicationAutoScalingResponse)
def untag_resource(self: Any) -> str:
    tags = tagged(self)
    for key in self._get_param("TagKeys"):
        tags.pop(key, None)
    return json.dumps({})


# What is of a target


@override(ApplicationAutoscalingBackend)
def deregister_scalable_target(
    moto: Any, self: Any, namespace: str, r_id: str, dimension: str
) -> None:
    target = self.targets.get(dimension, {}).get(r_id)
    if not target:
        raise missing(f"No scalable target found for service namespace: {namespace}, {r_id}")
    moto(self, namespace, r_id, dimension)
    tags_of(self).pop(target.arn, None)
    for key, policy in list(self.policies.items()):
        if policy.resource_id == r_id:
            policy.delete_alarms(self.account_id, self.region_name)
            del self.policies[key]
    self.scheduled_actions = [one for one in self.scheduled_actions if one.resource_id != r_id]


def check_target(self: Any, namespace: str, resource: str, dimension: str) -> None:
    if resource not in self.targets.get(dimension, {}):
        raise missing(f"No scalable target registered for {namespace}, {resource}")


@override(ApplicationAutoscalingBackend)
def put_scaling_policy(moto: Any, self: Any, **given: Any) -> Any:
    namespace, resource = given["service_namespace"], given["resource_id"]
    check_target(self, namespace, resource, given["scalable_dimension"])
    body = given["policy_body"] or {}
    if given["policy_type"] == "TargetTrackingScaling":
        check_tracking(self, resource, body)
    same = [
        one
        for one in self.policies.values()
        if one.resource_id == resource
        and one.policy_name != given["policy_name"]
        and one.policy_type == "TargetTrackingScaling"
        and metric_of(one.target_tracking_scaling_policy_configuration) == metric_of(body)
    ]
    if same and given["policy_type"] == "TargetTrackingScaling":
        raise AWSValidationException(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )
    old = [one for one in self.policies.values() if one.policy_name == given["policy_name"]]
    for policy in old:
        if policy.resource_id == resource:
            policy.delete_alarms(self.account_id, self.region_name)
    return moto(self, **given)


def metric_of(body: dict[str, Any]) -> str:
    measure = body.get("PredefinedMetricSpecification") or body.get("CustomizedMetricSpecification")
    return json.dumps(measure, sort_keys=True)


def check_tracking(self: Any, resource: str, body: dict[str, Any]) -> None:
    """What a policy follows: one measure, which is there, and a value that it can have."""
    predefined = body.get("PredefinedMetricSpecification")
    customized = body.get("CustomizedMetricSpecification")
    if bool(predefined) == bool(customized):
        raise AWSValidationException("Exactly one metric specification must be specified")
    target = body.get("TargetValue")
    if not target or target <= 0:
        raise AWSValidationException("TargetValue must be more than 0")
    if customized:
        check_queries(customized.get("Metrics"))
        return
    check_predefined(self, resource, predefined or {})


def check_predefined(self: Any, resource: str, predefined: dict[str, Any]) -> None:
    kind, label = predefined["PredefinedMetricType"], predefined.get("ResourceLabel")
    if kind in PERCENT:
        if label:
            raise AWSValidationException(f"ResourceLabel cannot be specified for {kind}")
    elif kind == REQUESTS:
        check_label(self, resource, label or "")
    else:
        raise AWSValidationException(f"{kind} is no metric of an ECS service")


def check_label(self: Any, resource: str, label: str) -> None:
    """A load balancer, and a target group of it that the service is in."""
    parts = LABEL.fullmatch(label)
    if not parts:
        raise AWSValidationException(f"Invalid resource label: {label}")
    elb = elbv2_backends[self.account_id][self.region_name]
    groups = [one for one in elb.target_groups.values() if one.arn.endswith(parts[2])]
    if not groups or not any(arn.endswith(parts[1]) for arn in groups[0].load_balancer_arns):
        raise AWSValidationException(f"The target group of {label} is not of that load balancer")
    service = service_of(self, resource)
    used = [one.get("targetGroupArn") for one in service.load_balancers] if service else []
    if service and hasattr(service, "tasks") and groups[0].arn not in used:
        raise AWSValidationException(f"The target group of {label} is not of service {resource}")


def check_queries(queries: list[dict[str, Any]] | None) -> None:
    """Each a metric or an expression; exactly one of them is the measure."""
    if queries is None:
        return  # a single metric, in the fields beside it
    ids = [one.get("Id", "") for one in queries]
    if len(set(ids)) != len(ids) or not all(re.fullmatch(r"[a-z]\w*", one) for one in ids):
        raise AWSValidationException("The Ids of metrics are not unique words")
    if any(bool(one.get("Expression")) == bool(one.get("MetricStat")) for one in queries):
        raise AWSValidationException("A metric is an Expression or a MetricStat")
    if sum(one.get("ReturnData", True) for one in queries) != 1:
        raise AWSValidationException("Exactly one metric must return data")
    for one in queries:
        words = set(re.findall(r"\b[a-z]\w*", one.get("Expression", "")))
        if words - set(ids):
            raise AWSValidationException(f"An expression has unknown Ids: {one['Expression']}")


@override(ApplicationAutoscalingBackend)
def delete_scaling_policy(moto: Any, self: Any, **given: Any) -> None:
    try:
        moto(self, **given)
    except AWSValidationException:
        raise missing(f"No scaling policy found: {given['policy_name']}") from None


@override(ApplicationAutoscalingBackend)
def put_scheduled_action(moto: Any, self: Any, **given: Any) -> None:
    namespace, resource = given["service_namespace"], given["resource_id"]
    check_target(self, namespace, resource, given["scalable_dimension"])
    schedule, zone = given["schedule"], given["timezone"]
    if schedule and not SCHEDULE.fullmatch(schedule):
        raise AWSValidationException(f"Schedule expression {schedule} is not valid")
    if zone and zone not in available_timezones():
        raise AWSValidationException(f"Timezone {zone} is not valid")
    range_ = given["scalable_target_action"] or {}
    check_range(range_.get("MinCapacity"), range_.get("MaxCapacity"))
    moto(self, **given)


@override(ApplicationAutoscalingBackend)
def delete_scheduled_action(moto: Any, self: Any, **given: Any) -> None:
    before = len(self.scheduled_actions)
    moto(self, **given)
    if len(self.scheduled_actions) == before:
        raise missing(f"No scheduled action found: {given['scheduled_action_name']}")


@override(ApplicationAutoScalingResponse, "describe_scheduled_actions")
def answer_scheduled_actions(moto: Any, self: Any) -> str:
    """AWS leaves out what an action does not have."""
    answer = json.loads(moto(self))
    actions = [
        {key: value for key, value in one.items() if value is not None}
        for one in answer["ScheduledActions"]
    ]
    return json.dumps({"ScheduledActions": actions})
