"""The rules of listeners as AWS has them.

A rule has a priority of its own, conditions, and actions that forward to target groups of its load
balancer alone. Making one is never repeated: its priority is taken. The default rule goes with its
listener, and is modified by way of that. Left as moto has it: transforms are ignored.
"""

from typing import Any

from moto.elbv2.exceptions import DuplicatePriorityError, DuplicateTagKeysError, ELBClientError
from moto.elbv2.models import ELBv2Backend, FakeAction
from moto.elbv2.responses import ELBV2Response

from ..ground.override import override
from ..runs.shifting import find_rule
from .elbv2 import check_association, check_target_groups, error, forwarded, target_groups_of
from .elbv2_conditions import check_conditions, whole

#: Rules of a load balancer, without the default ones, and target groups of all its rules.
RULES, GROUPS = 100, 100
TAGS = 50
LAST_PRIORITY = 50000
MOST_OF_A_PAGE = 400
#: A rule has one action of these, the last one.
ENDING = ("forward", "redirect", "fixed-response")


def not_permitted(message: str) -> ELBClientError:
    return error("OperationNotPermitted", message)


def rule_of(self: Any, arn: str) -> tuple[Any, Any]:
    """A listener and its rule of this ARN."""
    listener, rule = find_rule(self, arn)
    if rule is None:
        raise error("RuleNotFound", "One or more rules not found")
    return listener, rule


def listener_of(self: Any, arn: str) -> Any:
    for balancer in self.load_balancers.values():
        if arn in balancer.listeners:
            return balancer.listeners[arn]
    raise error("ListenerNotFound", "One or more listeners not found")


# What is refused


def check_priority(priority: int) -> None:
    bound = (
        "greater than or equal to 1" if priority < 1 else f"less than or equal to {LAST_PRIORITY}"
    )
    if not 1 <= priority <= LAST_PRIORITY:
        raise error(
            "ValidationError",
            f"1 validation error detected: Value '{priority}' at 'priority' failed to satisfy "
            f"constraint: Member must have value {bound}",
        )


def check_free(listener: Any, priority: int, moving: tuple[Any, ...] = ()) -> None:
    """A priority is one rule's, but for rules that are about to have another one."""
    taken = [rule.priority for rule in listener.rules.values() if rule not in moving]
    if priority in taken:
        raise error("PriorityInUse", f"Priority '{priority}' is currently in use")


def check_number(self: Any, load_balancer_arn: str) -> None:
    listeners = self.load_balancers[load_balancer_arn].listeners.values()
    if sum(len(one.rules) - 1 for one in listeners) >= RULES:
        raise error(
            "TooManyRules",
            f"The maximum number of rules on load balancer '{load_balancer_arn}' has been reached",
        )


def check_actions(
    self: Any, actions: list[dict[str, Any]], load_balancer_arn: str, before: Any = None
) -> None:
    """What a rule is to do, in place of what it did before."""
    if sum(one.get("Type") in ENDING for one in actions) != 1:
        raise error(
            "ValidationError",
            "A rule must have exactly one action of type forward, redirect or fixed-response",
        )
    check_target_groups(self, actions)
    wanted = [FakeAction(one) for one in actions]
    check_association(self, wanted, load_balancer_arn)
    listeners = self.load_balancers[load_balancer_arn].listeners.values()
    others = [rule for one in listeners for rule in one.rules.values() if rule is not before]
    used = {arn for one in others for arn in target_groups_of(self, one.actions)}
    if len(used | set(target_groups_of(self, wanted))) > GROUPS:
        raise error(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            f"The load balancer '{load_balancer_arn}' can have '{GROUPS}' unique target groups",
        )


def check_tags(tags: list[dict[str, str]]) -> None:
    keys = [one["Key"] for one in tags]
    for key in keys:
        if keys.count(key) > 1:
            raise DuplicateTagKeysError(key)
    if len(keys) > TAGS:
        raise error("TooManyTags", f"A resource can have '{TAGS}' tags")


# Making and changing


def keep_whole(rule: Any) -> None:
    """A rule is told with all that AWS adds to what was given."""
    rule.conditions = [whole(one) for one in rule.conditions]
    rule.actions = [
        FakeAction(whole_action({"Order": number, **one.data}))
        for number, one in enumerate(rule.actions, 1)
    ]


def whole_action(action: dict[str, Any]) -> dict[str, Any]:
    """An action that forwards to one target group, in both ways in which that can be said."""
    groups = forwarded(action)
    if "TargetGroupArn" in action and not groups:
        groups = [{"TargetGroupArn": action["TargetGroupArn"]}]
        return {
            **action,
            "ForwardConfig": {**action.get("ForwardConfig", {}), "TargetGroups": groups},
        }
    return {**action, "TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else action


@override(ELBv2Backend)
def create_rule(
    moto: Any,
    self: Any,
    listener_arn: str,
    conditions: list[dict[str, Any]],
    priority: int,
    actions: list[dict[str, Any]],
    tags: list[dict[str, str]] | None = None,
) -> Any:
    check_priority(int(priority))
    listener = listener_of(self, listener_arn)
    check_conditions(conditions)
    check_tags(tags or [])
    check_free(listener, int(priority))
    check_actions(self, actions, listener.load_balancer_arn)
    check_number(self, listener.load_balancer_arn)
    rule = moto(self, listener_arn, conditions, int(priority), actions, tags)
    keep_whole(rule)
    return rule


@override(ELBv2Backend)
def modify_rule(
    moto: Any,
    self: Any,
    rule_arn: str,
    conditions: list[dict[str, Any]],
    actions: list[dict[str, Any]],
) -> Any:
    """What is not given stays; what is given is taken as a whole or not at all."""
    listener, rule = rule_of(self, rule_arn)
    if rule.is_default:
        raise not_permitted(f"Default rule '{rule_arn}' cannot be modified")
    if conditions:
        check_conditions(conditions)
    if actions:
        check_actions(self, actions, listener.load_balancer_arn, rule)
    moto(self, rule_arn, conditions, actions)
    keep_whole(rule)
    return rule


@override(ELBv2Backend)
def set_rule_priorities(moto: Any, self: Any, rule_priorities: list[dict[str, Any]]) -> list[Any]:
    """moto lets no two rules change places."""
    found = [rule_of(self, pair["RuleArn"]) for pair in rule_priorities]
    priorities = [int(pair["Priority"]) for pair in rule_priorities]
    moving = tuple(rule for _, rule in found)
    for (listener, rule), priority in zip(found, priorities, strict=True):
        if rule.is_default:
            raise not_permitted(f"Default rule '{rule.arn}' cannot be modified")
        check_priority(priority)
        if priorities.count(priority) > 1:
            raise DuplicatePriorityError(str(priority))
        check_free(listener, priority, moving)
    for rule, priority in zip(moving, priorities, strict=True):
        rule.priority = priority
    return list(moving)


@override(ELBv2Backend)
def delete_rule(moto: Any, self: Any, arn: str) -> None:
    _, rule = rule_of(self, arn)
    if rule.is_default:
        raise not_permitted(f"Default rule '{arn}' cannot be deleted")
    moto(self, arn)
    self.tagging_service.delete_all_tags_for_resource(arn)


# Telling


@override(ELBv2Backend)
def describe_rules(
    moto: Any, self: Any, listener_arn: str | None, rule_arns: list[str] | None
) -> list[Any]:
    """A listener's rules in their order, or those of the ARNs."""
    if listener_arn and not rule_arns:
        rules = listener_of(self, listener_arn).rules.values()
        return sorted(rules, key=lambda one: LAST_PRIORITY + 1 if one.is_default else one.priority)
    if rule_arns and not listener_arn:
        return [rule_of(self, arn)[1] for arn in dict.fromkeys(rule_arns)]
    return moto(self, listener_arn, rule_arns)  # which refuses both and neither


@override(ELBV2Response, "describe_rules")
def answer_rules(moto: Any, self: Any) -> Any:
    if not 1 <= self._get_int_param("PageSize", 1) <= MOST_OF_A_PAGE:
        raise error("ValidationError", f"PageSize must be between 1 and {MOST_OF_A_PAGE}")
    try:
        return moto(self)
    except ValueError:  # a marker that no page has ended with
        raise error("ValidationError", "The marker is not valid") from None


@override(ELBv2Backend)
def describe_tags(moto: Any, self: Any, resource_arns: list[str]) -> Any:
    """moto tells that what is not there has no tags."""
    for arn in resource_arns:
        if ":listener-rule/" in arn:
            rule_of(self, arn)
    return moto(self, resource_arns)


@override(ELBv2Backend)
def _get_resource_by_arn(moto: Any, self: Any, arn: str) -> Any:
    """What is tagged: moto does not find a default rule."""
    return rule_of(self, arn)[1] if ":listener-rule/" in arn else moto(self, arn)
