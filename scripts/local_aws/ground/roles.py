"""What the documents of an IAM role say: who may assume it, and what it allows.

Simplified: a statement with NotAction, NotResource or NotPrincipal fits nothing.
"""

import json
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from . import clock


def cannot_assume(
    account: str, partition: str, role_arn: str, service: str, source_arn: str
) -> bool:
    """Whether AWS refuses this role to a service that acts for a resource.

    It does for a moment after the trust was written as well: AWS spreads it slowly.
    """
    role = role_of(account, partition, role_arn)
    if role is None or time.monotonic() - role.trusted_since < clock.moment:
        return True
    # The guides of the other two do not say that they tell for whom they act: they tell nothing.
    tells = service not in ("codepipeline.amazonaws.com", "lambda.amazonaws.com")
    context = {"aws:SourceAccount": account, "aws:SourceArn": source_arn} if tells else {}

    def names_service(statement: dict[str, Any]) -> bool:
        principal = statement.get("Principal")
        return isinstance(principal, dict) and service in listed(principal.get("Service"))

    trust = [role.assume_role_policy_document]
    return not permits(trust, "sts:AssumeRole", names_service, context)


def allows(
    account: str,
    partition: str,
    role_arn: str,
    action: str,
    resource: str,
    context: dict[str, str] | None = None,
) -> bool:
    """Whether the role's policies allow the action on the resource, under these condition keys,
    and so does its permissions boundary, if it has one.

    AWS spreads them slowly: with --spread, they count for nothing for so long.
    """
    role = role_of(account, partition, role_arn)
    if role is None or time.monotonic() - role.permitted_since < clock.spread:
        return False
    attached = [document(policy) for policy in role.managed_policies.values()]

    def names_resource(statement: dict[str, Any]) -> bool:
        return any(like(one, resource) for one in listed(statement.get("Resource")))

    policies = [*role.policies.values(), *attached]
    if arn := role.permissions_boundary_arn:
        bound = iam_backends[account][partition].managed_policies.get(arn)
        within = [document(bound)] if bound else []
        if not permits(within, action, names_resource, context or {}):
            return False
    return permits(policies, action, names_resource, context or {})


def document(policy: Any) -> str:
    """What a managed policy says now."""
    versions = {version.version_id: version.document for version in policy.versions}
    return str(versions[policy.default_version_id])


def role_of(account: str, partition: str, arn: str) -> Any:
    try:
        return iam_backends[account][partition].get_role_by_arn(arn)
    except NotFoundException:
        return None


def permits(
    documents: Iterable[str],
    action: str,
    names: Callable[[dict[str, Any]], bool],
    context: dict[str, str],
) -> bool:
    """Whether a statement allows the action and none denies it; `names` picks the statements."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in listed(json.loads(document)["Statement"])
        if any(like(one.lower(), action.lower()) for one in listed(statement.get("Action")))
        and names(statement)
        and holds(statement.get("Condition") or {}, context)
    }
    return effects == {"Allow"}


def holds(condition: dict[str, dict[str, Any]], context: dict[str, str]) -> bool:
    """Whether a condition is fulfilled. One with an unknown operator or key is not."""
    known = {key.lower(): value for key, value in context.items()}
    for operator, keys in condition.items():
        fits = OPERATORS.get(operator.removesuffix("IfExists"))
        for key, wanted in keys.items():
            value = known.get(key.lower())
            if fits and value is None and operator.endswith("IfExists"):
                continue
            if fits is None or value is None:
                return False
            if not any(fits(str(one), value) for one in listed(wanted)):
                return False
    return True


def like(pattern: str, text: str) -> bool:
    """IAM knows * and ?, but not the brackets of fnmatch."""
    return fnmatchcase(text, pattern.replace("[", "[[]"))


def like_arn(pattern: str, arn: str) -> bool:
    """A wildcard stays in its part of the ARN."""
    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) and all(map(like, patterns, parts))


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": str.__eq__,
    "StringLike": like,
    "ArnEquals": like_arn,
    "ArnLike": like_arn,
    # No key has more than one value here.
    "ForAnyValue:StringEquals": str.__eq__,
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
