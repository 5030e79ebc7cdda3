"""IAM as AWS does it: lengths and sizes are limited, and service-linked roles are AWS's own.

A second CreateServiceLinkedRole answers that the name has been taken; such a role is not deleted
like others. (moto itself keeps a role that has policies.) ground/roles.py tells the other services
what a role's documents say.
"""

import re
import time
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import EntityAlreadyExists, IAMException, NotFoundException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, Role
from moto.iam.policy_validation import IAMTrustPolicyDocumentValidator
from moto.iam.responses import IamResponse

from ..ground.override import override

SERVICE_NAME_CONVERSION.update(ecs="ECS", elasticloadbalancing="ElasticLoadBalancing")


def error(code: str, message: str) -> IAMException:
    return IAMException(code, message)


def length(document: str) -> int:
    """White space does not count."""
    return len(re.sub(r"\s", "", document))


@override(IAMBackend)
def get_role(moto: Any, self: Any, role_name: str) -> Role:
    try:
        return moto(self, role_name)
    except NotFoundException:
        message = f"The role with name {role_name} cannot be found."
        raise NotFoundException(message) from None


@override(IAMBackend)
def get_role_policy(moto: Any, self: Any, role_name: str, policy_name: str) -> tuple[str, str]:
    if policy_name not in self.get_role(role_name).policies:
        raise NotFoundException(f"The role policy with name {policy_name} cannot be found.")
    return moto(self, role_name, policy_name)


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
    role.trusted_since = role.permitted_since = time.monotonic()
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
    self.get_role(role_name).permitted_since = time.monotonic()
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


@override(IamResponse)
def list_instance_profiles_for_role(moto: Any, self: Any) -> ActionResult:
    return ActionResult({**moto(self).result, "IsTruncated": False})


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
