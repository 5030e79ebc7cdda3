"""EventBridge as AWS does it: rules and targets are checked, and events start pipelines.

PutRule replaces a rule, keeps its targets, and ignores tags if the rule exists already. The role
of a target must be one that EventBridge can assume. An event that an enabled rule matches starts
the pipelines among its targets if the role allows it; if not, nothing reports it.

Simplified: there are no schedules, the inputs of targets have no effect on pipelines, functions
are not invoked.
"""

import contextlib
import json
import re
from typing import Any

from moto.codepipeline.models import codepipeline_backends
from moto.core.exceptions import JsonRESTError
from moto.events.exceptions import (
    InvalidEventPatternException,
    ResourceNotFoundException,
    ValidationException,
)
from moto.events.models import EventsBackend, Rule
from moto.events.responses import EventsHandler

from ..ground import roles
from ..ground.override import override

MATCHES = (
    "anything-but",
    "cidr",
    "equals-ignore-case",
    "exists",
    "numeric",
    "prefix",
    "suffix",
    "wildcard",
)
# What moto sends events to; others it does not know.
SENT = (":logs:", ":sqs:", ":events:")


def constraint(value: str, name: str, what: str) -> ValidationException:
    return ValidationException(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must {what}"
    )


def check_name(value: str, name: str) -> None:
    if not re.fullmatch(r"[.\-_A-Za-z0-9]+", value):
        raise constraint(value, name, r"satisfy regular expression pattern: [\.\-_A-Za-z0-9]+")
    if len(value) > 64:
        raise constraint(value, name, "have length less than or equal to 64")


def check_pattern(text: str) -> None:
    if len(text) > 4096:
        raise constraint(text, "eventPattern", "have length less than or equal to 4096")
    try:
        pattern = json.loads(text)
    except ValueError:
        raise InvalidEventPatternException("Invalid JSON") from None
    check_node(pattern, "pattern")


def check_node(node: Any, name: str) -> None:
    if not isinstance(node, dict):
        raise InvalidEventPatternException(f"'{name}' must be an object or an array")
    if not node:
        raise InvalidEventPatternException("Empty objects are not allowed")
    for key, value in node.items():
        if not isinstance(value, list):
            check_node(value, key)
        elif not value:
            raise InvalidEventPatternException("Empty arrays are not allowed")
        elif key == "$or":
            for one in value:
                check_node(one, key)
        else:
            for one in value:
                check_match(one)


def check_match(match: Any) -> None:
    if isinstance(match, list):
        raise InvalidEventPatternException("Arrays in arrays are not allowed")
    if not isinstance(match, dict):
        return
    if len(match) != 1:
        raise InvalidEventPatternException("Only one key allowed in match expression")
    if unknown := set(match) - set(MATCHES):
        raise InvalidEventPatternException(f"Unrecognized match type {unknown.pop()}")


def check_role(self: Any, role: str, rule_arn: str) -> None:
    service = "events.amazonaws.com"
    if roles.cannot_assume(self.account_id, self.partition, role, service, rule_arn):
        raise ValidationException(
            f"Provided role '{role}' cannot be assumed by principal 'events.amazonaws.com'."
        )


@override(EventsBackend)
def put_rule(moto: Any, self: Any, name: str, **given: Any) -> Rule:
    check_name(name, "name")
    if given.get("event_pattern"):
        check_pattern(given["event_pattern"])
    if (given.get("state") or "ENABLED") not in (
        "DISABLED",
        "ENABLED",
        "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
    ):
        raise constraint(given["state"], "state", "be ENABLED or DISABLED")
    if len(given.get("description") or "") > 512:
        raise constraint(given["description"], "description", "have at most 512 characters")
    bus = self._get_event_bus(self._normalize_event_bus_arn(given.get("event_bus_arn")))
    if name in bus.rules:
        given["tags"] = None
    if any(tag["Key"].startswith("aws:") for tag in given.get("tags") or []):
        raise ValidationException("Tag keys must not begin with aws:")
    if given.get("role_arn"):
        arn = f"arn:{self.partition}:events:{self.region_name}:{self.account_id}:rule/{name}"
        check_role(self, given["role_arn"], arn)
    return moto(self, name, **given)


@override(EventsBackend)
def describe_rule(moto: Any, self: Any, name: str, event_bus_arn: str | None) -> Rule:
    bus = self._get_event_bus(self._normalize_event_bus_arn(event_bus_arn))
    if name not in bus.rules:
        raise ResourceNotFoundException(f"Rule {name} does not exist on EventBus {bus.name}.")
    return moto(self, name, event_bus_arn)


@override(EventsBackend)
def list_rules(moto: Any, self: Any, *args: Any, **given: Any) -> Any:
    """moto takes the prefix as a regular expression."""
    if given.get("prefix"):
        given["prefix"] = re.escape(given["prefix"])
    return moto(self, *args, **given)


@override(EventsHandler, "list_rules")
def answer_rules(moto: Any, self: Any) -> Any:
    """Who made a rule is told by DescribeRule alone."""
    text, headers = moto(self)
    answer = json.loads(text)
    for rule in answer["Rules"]:
        rule.pop("CreatedBy", None)
    return json.dumps(answer), headers


@override(EventsBackend)
def put_targets(
    moto: Any, self: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]
) -> None:
    rule = self.describe_rule(name, event_bus_arn)
    for target in targets:
        check_name(target["Id"], "targets.member.id")
        if target.get("RoleArn"):
            check_role(self, target["RoleArn"], rule.arn)
        elif ":codepipeline:" in target["Arn"]:
            raise ValidationException(f"RoleArn is required for target {target['Arn']}.")
    ids = {target["Id"] for target in [*rule.targets, *targets]}
    if len(ids) > 5:
        raise JsonRESTError(
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        )
    return moto(self, name, event_bus_arn, targets)


@override(Rule)
def send_to_targets(moto: Any, self: Any, original_event: Any, *args: Any, **more: Any) -> None:
    """moto sends events for disabled rules, and takes one without a pattern to match all."""
    if not self.state.startswith("ENABLED") or not self.event_pattern.get_pattern():
        return
    if not self.event_pattern.matches_event(original_event):
        return
    targets = self.targets
    for target in targets:
        if ":codepipeline:" in target["Arn"]:
            start(self, target)
    self.targets = [one for one in targets if any(part in one["Arn"] for part in SENT)]
    try:
        moto(self, original_event, *args, **more)
    finally:
        self.targets = targets


def start(rule: Rule, target: dict[str, Any]) -> None:
    """Start the pipeline. A failure is silent: in AWS only a metric would show it."""
    _, partition, _, region, account, name = target["Arn"].split(":", 5)
    role, service = target["RoleArn"], "events.amazonaws.com"
    pipeline: Any = codepipeline_backends[account][region].pipelines.get(name)
    if pipeline is None or roles.cannot_assume(account, partition, role, service, rule.arn):
        return
    action = "codepipeline:StartPipelineExecution"
    if roles.allows(account, partition, role, action, target["Arn"]):
        with contextlib.suppress(JsonRESTError):  # too many may be waiting already
            pipeline.start("CloudWatchEvent", rule.arn)
