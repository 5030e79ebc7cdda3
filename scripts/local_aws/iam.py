"""IAM as AWS does it: lengths and sizes are limited, and service-linked roles are AWS's own.

A second CreateServiceLinkedRole says that the name has been taken; such a role is not deleted
like others. (That a role with policies stays, moto knows itself.) `cannot_assume` and `allows`
tell the other services what a role's documents say.

Simplified: a statement with NotAction, NotResource or NotPrincipal fits nothing, and
permissions boundaries are kept and mean nothing.
"""

import json
import re
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.exceptions import EntityAlreadyExists, IAMException, NotFoundException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, Role, iam_backends
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator

from . import clock
from .override import override

SERVICE_NAME_CONVERSION.update(ecs="ECS", elasticloadbalancing="ElasticLoadBalancing")


def error(code: str, message: str) -> IAMException:
    return IAMException(code, message)


def length(document: str) -> int:
    """White space does not count."""
    return len(re.sub(r"\s", "", document))


@override(IAMBackend)
def create_role(
    moto: Any, self: Any, role_name: str, assume_role_policy_document: str, *args: Any, **more: Any
) -> Role:
    if len(role_name) > 64:
        constraint = "Member must have length less than or equal to 64"
    elif not re.fullmatch(r"[\w+=,.@-]+", role_name, re.ASCII):
        constraint = r"Member must satisfy regular expression pattern: [\w+=,.@-]+"
    else:
        constraint = None
    if constraint:
        raise error(
            "ValidationError",
            f"1 validation error detected: Value '{role_name}' at 'roleName' failed to satisfy "
            f"constraint: {constraint}",
        )
    if length(assume_role_policy_document) > 2048:
        raise error("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    IAMTrustPolicyDocumentValidator(assume_role_policy_document).validate()
    role = moto(self, role_name, assume_role_policy_document, *args, **more)
    role.trusted_since = time.monotonic()
    return role


@override(IAMBackend)
def update_assume_role_policy(moto: Any, self: Any, role_name: str, policy_document: str) -> None:
    moto(self, role_name, policy_document)
    self.get_role(role_name).trusted_since = time.monotonic()


@override(IAMBackend)
def put_role_policy(
    moto: Any, self: Any, role_name: str, policy_name: str, policy_json: str
) -> None:
    others = {**self.get_role(role_name).policies}
    others.pop(policy_name, None)
    if length(policy_json) + sum(length(one) for one in others.values()) > 10240:
        raise error(
            "LimitExceeded", f"Maximum policy size of 10240 bytes exceeded for role {role_name}"
        )
    return moto(self, role_name, policy_name, policy_json)


@override(IAMBackend)
def delete_role(moto: Any, self: Any, role_name: str) -> None:
    if self.get_role(role_name).path.startswith("/aws-service-role/"):
        raise error(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role_name}' - "
            "this role is only modifiable by AWS",
        )
    return moto(self, role_name)


@override(IAMBackend)
def create_service_linked_role(moto: Any, self: Any, *args: Any, **more: Any) -> Role:
    try:
        return moto(self, *args, **more)
    except EntityAlreadyExists as fault:
        name = fault.message.split()[3]
        raise error(
            "InvalidInput",
            f"Service role name {name} has been taken in this account, "
            "please try a different suffix.",
        ) from None


# What the other services ask


def cannot_assume(
    account: str, partition: str, role_arn: str, service: str, source_arn: str
) -> bool:
    """Whether AWS refuses this role to a service that acts for a resource.

    It does for a moment after the trust was written as well: AWS spreads it slowly.
    """
    role = role_of(account, partition, role_arn)
    if role is None or time.monotonic() - role.trusted_since < clock.moment:
        return True
    context = {"aws:SourceAccount": account, "aws:SourceArn": source_arn}

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
    """Whether the role's policies allow the action on the resource, under these condition keys."""
    role = role_of(account, partition, role_arn)
    if role is None:
        return False
    attached = [
        version.document
        for policy in role.managed_policies.values()
        for version in policy.versions
        if version.version_id == policy.default_version_id
    ]

    def names_resource(statement: dict[str, Any]) -> bool:
        return any(like(one, resource) for one in listed(statement.get("Resource")))

    return permits([*role.policies.values(), *attached], action, names_resource, context or {})


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
    """Whether a statement allows the action and none denies it; `names` says what it is about."""
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
    """An operator or a key that is not known here does not hold."""
    known = {key.lower(): value for key, value in context.items()}
    for operator, keys in condition.items():
        fits = OPERATORS.get(operator)
        for key, wanted in keys.items():
            value = known.get(key.lower())
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
}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
