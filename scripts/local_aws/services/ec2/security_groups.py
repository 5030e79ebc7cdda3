"""Security groups: names are taken once, a group in use stays, and the rules of one call are
added or removed all or none.
"""

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError, InvalidSecurityGroupNotFoundError
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups

from ...ground import network_interfaces
from ...ground.override import derive, override
from .errors import error

ASCII_TEXT = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")


def check_text(what: str, text: str) -> None:
    if not ASCII_TEXT.fullmatch(text):
        raise error(
            "InvalidParameterValue",
            f"Invalid {what}. Valid {what}s are strings less than 256 characters from the "
            "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )


@derive(SecurityGroupRule)
def group_owner_id(self: Any) -> str:
    return str(self.owner_id)


@override(SecurityGroupBackend)
def describe_security_groups(
    moto: Any, self: Any, group_ids: Any = None, *args: Any, **more: Any
) -> list[Any]:
    """The error names one that does not exist; moto's names them all, as Python writes a set."""
    known = {id for groups in self.groups.values() for id in groups}
    for id in group_ids or []:
        if id not in known:
            raise InvalidSecurityGroupNotFoundError(id)
    return moto(self, group_ids, *args, **more)


@override(SecurityGroupBackend)
def create_security_group(
    moto: Any,
    self: Any,
    name: str,
    description: str,
    vpc_id: Any = None,
    tags: Any = None,
    force: bool = False,
    is_default: Any = None,
) -> Any:
    if not force and not is_default:
        vpc_id = vpc_id or self.default_vpc.id
        self.get_vpc(vpc_id)
        if name.lower().startswith("sg-"):
            raise error(
                "InvalidParameterValue",
                f"Value ({name}) for parameter GroupName is invalid. "
                "Group names may not be in the format sg-*",
            )
        check_text("security group name", name)
        check_text("security group description", description or "")
        # Two names that differ only in case are the same name.
        if any(one.name.lower() == name.lower() for one in self.groups[vpc_id].values()):
            raise error(
                "InvalidGroup.Duplicate",
                f"The security group '{name}' already exists for VPC '{vpc_id}'",
            )
    return moto(self, name, description, vpc_id, tags, force, is_default)


@override(SecurityGroupBackend)
def delete_security_group(moto: Any, self: Any, name: Any = None, group_id: Any = None) -> None:
    group = self.get_security_group_by_name_or_id(group_id or name)
    if group:
        if group.is_default:
            raise error(
                "CannotDelete",
                f'the specified group: "{group.id}" name: "{group.name}" '
                "cannot be deleted by a user",
            )
        used = any(group in interface.group_set for interface in network_interfaces.of(self))
        referenced = any(
            rule.source_group.get("GroupId") == group.id
            for groups in self.groups.values()
            for other in groups.values()
            if other is not group
            for rule in other.ingress_rules + other.egress_rules
        )
        if used or referenced:
            raise error("DependencyViolation", f"resource {group.id} has a dependent object")
    return moto(self, name, group_id)


@override(SecurityGroupRule)
def description(moto: Any, self: Any) -> str | None:
    return moto(self) or self.source_group.get("Description")


def identity(rule: SecurityGroupRule) -> tuple[Any, ...]:
    """What makes two rules the same rule: everything but the description."""
    ports = (None, None) if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    return (
        rule.ip_protocol,
        *ports,
        rule.cidr_ipv4,
        rule.cidr_ipv6,
        rule.source_group.get("GroupId"),
        rule.prefix_list_id,
    )


@override(SecurityGroupRule, "__eq__")
def is_same_rule(moto: Any, self: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    return identity(self) == identity(other)


@override(SecurityGroupRule, "__hash__")
def hash_of_rule(moto: Any, self: SecurityGroupRule) -> int:
    return hash(identity(self))


def all_or_none(self: Any, direction: str, change: Any) -> list[Any]:
    """Apply every permission of a call to its group, or none if one of them is refused."""
    permissions = list(self._process_rules_from_querystring())
    group = self.ec2_backend.get_security_group_by_name_or_id(permissions[0]["group_name_or_id"])
    rules = f"{direction}_rules"
    before = list(getattr(group, rules)) if group else []
    try:
        return [change(permission) for permission in permissions]
    except EC2ClientError:
        if group:
            setattr(group, rules, before)
        raise


def check_lists(ec2: Any, permission: Any) -> None:
    """moto takes any prefix list for one that is there."""
    for one in permission["prefix_list_ids"]:
        id = one["PrefixListId"]
        if id not in ec2.managed_prefix_lists:
            raise error("InvalidPrefixListID.NotFound", f"The prefix list ID '{id}' does not exist")


def authorize(self: Any, direction: str) -> ActionResult:
    apply = getattr(self.ec2_backend, f"authorize_security_group_{direction}")

    def change(permission: Any) -> list[Any]:
        for one in permission["ip_ranges"] + permission["source_groups"]:
            if isinstance(one, dict):
                check_text("rule description", one.get("Description") or "")
        check_lists(self.ec2_backend, permission)
        return apply(**permission)[0]

    added = [rule for some in all_or_none(self, direction, change) for rule in some]
    return ActionResult({"Return": True, "SecurityGroupRules": added})


def revoke(self: Any, direction: str) -> ActionResult:
    apply = getattr(self.ec2_backend, f"revoke_security_group_{direction}")

    def change(permission: Any) -> None:
        del permission["sgrule_tags"]
        group = self.ec2_backend.get_security_group_by_name_or_id(permission["group_name_or_id"])
        for id in permission["security_rule_ids"] if group else []:
            if group.get_rule(id) is None:
                raise error(
                    "InvalidSecurityGroupRuleId.NotFound",
                    f"The security group rule ID '{id}' does not exist",
                )
        apply(**permission)

    all_or_none(self, direction, change)
    return ActionResult({"Return": True})


@override(SecurityGroups)
def authorize_security_group_ingress(moto: Any, self: Any) -> ActionResult:
    return authorize(self, "ingress")


@override(SecurityGroups)
def authorize_security_group_egress(moto: Any, self: Any) -> ActionResult:
    return authorize(self, "egress")


@override(SecurityGroups)
def revoke_security_group_ingress(moto: Any, self: Any) -> ActionResult:
    return revoke(self, "ingress")


@override(SecurityGroups)
def revoke_security_group_egress(moto: Any, self: Any) -> ActionResult:
    return revoke(self, "egress")
