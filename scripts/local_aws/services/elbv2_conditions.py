"""What Elastic Load Balancing refuses of a rule's conditions: decisions without effects.

The bounds are those of its API reference (RuleCondition, HostHeaderConditionConfig) and of its user
guide ("Quotas for your Application Load Balancers"). Regular expressions, which AWS takes, are
refused: nothing here would match them.
"""

import re
from typing import Any

from moto.elbv2.exceptions import ELBClientError

from ..runs.serving.rules import CONFIGS

#: Values of all conditions of a rule, and wildcards in them.
VALUES, WILDCARDS = 5, 5
LONGEST = 128
#: Those of which a rule has one at the most.
ONCE = ("host-header", "http-request-method", "path-pattern", "source-ip")
#: Those that may have their values without a configuration of their own.
PLAIN = ("host-header", "path-pattern")
PATH = re.compile(r"""[A-Za-z0-9_\-.$/~"'@:+&*?]+""")
HOST = re.compile(r"[A-Za-z0-9\-.*?]+")


def error(message: str) -> ELBClientError:
    return ELBClientError("ValidationError", message)


def check_conditions(conditions: list[dict[str, Any]]) -> None:
    if not conditions:
        raise error("A condition must be specified")
    for condition in conditions:
        check_condition(condition)
    fields = [one["Field"] for one in conditions]
    for field in ONCE:
        if fields.count(field) > 1:
            raise error(f"A rule can only have one '{field}' condition")
    values = [one for condition in conditions for one in values_of(condition)]
    if len(values) > VALUES:
        raise error(f"A rule can only have '{VALUES}' condition values")
    if len(re.findall(r"[*?]", "".join(texts(values)))) > WILDCARDS:
        raise error(f"A rule can only have '{WILDCARDS}' condition wildcards")


def check_condition(condition: dict[str, Any]) -> None:
    """What holds for each kind; the rest of what holds for one alone, moto checks."""
    field = condition.get("Field")
    if not field:
        raise error("A condition field must be specified")
    config = CONFIGS.get(field, "")
    if "RegexValues" in condition or "RegexValues" in condition.get(config, {}):
        raise error(f"The local AWS knows no regular expressions in a '{field}' condition")
    if condition.get("Values") and config in condition:
        raise error(
            f"You cannot provide both Values and '{config}' for a condition of type '{field}'"
        )
    if (field in PLAIN or config in condition) and not values_of(condition):
        raise error("A condition value must be specified")
    for value in values_of(condition) if field in PLAIN else []:
        check_value(field, value)


def check_value(field: str, value: str) -> None:
    if not value:
        raise error("A condition value cannot be empty")
    if len(value) > LONGEST:
        raise error(f"The '{field}' value is too long; the limit is '{LONGEST}'")
    if not (PATH if field == "path-pattern" else HOST).fullmatch(value):
        raise error(f"Condition value '{value}' contains a character that is not valid")
    if field == "host-header" and not re.search(r"\.[A-Za-z]+$", value):
        raise error(
            f"Condition value '{value}' must contain at least one '.' character, and only "
            "alphabetical characters after the final one"
        )


def values_of(condition: dict[str, Any]) -> list[Any]:
    """The values of a condition, in whichever of the two ways they are given."""
    config = condition.get(CONFIGS.get(condition["Field"], ""), {})
    return config.get("Values") or condition.get("Values") or []


def texts(values: list[Any]) -> list[str]:
    """What of values can have wildcards; those of a query string are a key and a value."""
    return ["".join(one.values()) if isinstance(one, dict) else one for one in values]


def whole(condition: dict[str, Any]) -> dict[str, Any]:
    """A condition as AWS tells it: values in both ways, whichever was given."""
    field = condition["Field"]
    if field not in PLAIN:
        return condition
    values = values_of(condition)
    return {"Field": field, "Values": values, CONFIGS[field]: {"Values": values}}
