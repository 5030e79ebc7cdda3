"""Load balancers as AWS makes them.

Creating a second one of a name answers the existing one if its settings are the same, and is
refused if not. A load balancer is provisioning for a moment, in which it cannot be configured. It
holds one network interface in each subnet, which stays a moment longer than the load balancer.
With deletion protection it is not deleted; a target group in use is not deleted either. Deleting
what is not there succeeds.
"""

import re
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.elbv2.exceptions import (
    ELBClientError,
    LoadBalancerNotFoundError,
    SubnetNotFoundError,
)
from moto.elbv2.models import (
    ELBv2Backend,
    FakeAction,
    FakeListener,
    FakeLoadBalancer,
    FakeTargetGroup,
    elbv2_backends,
)
from moto.elbv2.responses import ELBV2Response

from ..ground import network_interfaces
from ..ground.clock import later
from ..ground.override import derive, override
from ..runs.serving.tasks import doors
from .elbv2_bounds import check_balancer_attributes, check_group_attributes, check_health


def error(code: str, message: str) -> ELBClientError:
    return ELBClientError(code, message)


# Load balancers


DEFAULT_ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}


def check_name(name: str) -> None:
    if len(name) > 32:
        problem = "cannot be longer than '32' characters"
    elif not re.fullmatch(r"[A-Za-z0-9-]+", name):
        problem = "can only contain characters that are alphanumeric characters or hyphens(-)"
    elif name.startswith("-") or name.endswith("-"):
        problem = "cannot begin or end with '-'"
    elif name.startswith("internal-"):
        problem = "cannot begin with 'internal-'"
    else:
        return
    raise error("ValidationError", f"The load balancer name '{name}' {problem}")


def check_subnets(self: Any, subnet_ids: list[str], scheme: str) -> None:
    """Refuse fewer than two zones, two subnets in one, small ones, and those without internet."""
    try:
        subnets = [self.ec2_backend.get_subnet(id) for id in subnet_ids]
    except EC2ClientError as fault:
        raise error("SubnetNotFound", fault.message) from None
    zones = [subnet.availability_zone for subnet in subnets]
    if len(set(zones)) < 2:
        raise error(
            "InvalidSubnet",
            "At least two subnets in two different Availability Zones must be specified",
        )
    if len(set(zones)) < len(zones):
        raise error(
            "InvalidSubnet",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    for subnet in subnets:
        if int(subnet.cidr_block.split("/")[1]) > 27:
            raise error(
                "InvalidSubnet",
                f"Not enough IP space available in {subnet.id}. "
                "ELB requires at least 8 free IP addresses in each subnet.",
            )
    vpc_id = subnets[0].vpc_id
    gateways = self.ec2_backend.internet_gateways.values()
    if scheme == "internet-facing" and not any(
        gateway.vpc and gateway.vpc.id == vpc_id for gateway in gateways
    ):
        raise error("InvalidSubnet", f"VPC {vpc_id} has no internet gateway")


def check_groups(self: Any, group_ids: list[str]) -> None:
    for id in group_ids:
        if self.ec2_backend.get_security_group_from_id(id) is None:
            raise error("InvalidSecurityGroup", f"Security group '{id}' does not exist")


@override(ELBv2Backend)
def create_load_balancer(
    moto: Any,
    self: Any,
    name: str,
    security_groups: list[str],
    subnet_ids: list[str],
    subnet_mappings: Any = None,
    scheme: str | None = None,
    loadbalancer_type: str | None = None,
    ip_address_type: str | None = None,
    tags: Any = None,
) -> FakeLoadBalancer:
    check_name(name)
    scheme = scheme or "internet-facing"
    kind = loadbalancer_type or "application"
    ip_address_type = ip_address_type or "ipv4"
    subnet_ids = subnet_ids + [one["SubnetId"] for one in subnet_mappings or []]
    if not subnet_ids:
        raise SubnetNotFoundError()
    check_subnets(self, subnet_ids, scheme)
    check_groups(self, security_groups)
    if not security_groups and kind == "application":
        vpc_id = self.ec2_backend.get_subnet(subnet_ids[0]).vpc_id
        security_groups = [self.ec2_backend.get_default_security_group(vpc_id).id]

    for one in self.load_balancers.values():
        if one.name != name:
            continue
        has = (one.scheme, one.type, one.ip_address_type)
        if (
            has == (scheme, kind, ip_address_type)
            and {subnet.id for subnet in one.subnets} == set(subnet_ids)
            and set(one.security_groups) == set(security_groups)
        ):
            return one
        raise error(
            "DuplicateLoadBalancerName",
            f"A load balancer with the same name '{name}' exists, but with different settings",
        )

    balancer = moto(
        self, name, security_groups, subnet_ids, None, scheme, kind, ip_address_type, tags
    )
    if kind == "application":
        balancer.attrs.update(DEFAULT_ATTRIBUTES)
    balancer.interfaces = {}
    for subnet_id in subnet_ids:
        add_interface(self, balancer, subnet_id)
    doors.name(balancer)

    def settle() -> None:
        balancer.state = "active"

    later(settle)
    return balancer


@override(FakeLoadBalancer)
def activate(moto: Any, self: Any) -> None:
    """Do nothing: moto makes it active when it is described, here time does."""


def add_interface(self: Any, balancer: Any, subnet_id: str) -> None:
    balancer.interfaces[subnet_id] = network_interfaces.create(
        self.ec2_backend,
        subnet_id,
        kind="interface",
        owner="amazon-elb",
        description=f"ELB {balancer.arn.split(':loadbalancer/')[1]}",
        groups=balancer.security_groups,
        public=balancer.scheme == "internet-facing",
    )


def drop_interfaces(self: Any, interfaces: list[Any]) -> None:
    """Remove interfaces, a moment after the load balancer was deleted or has left their subnet."""

    def gone() -> None:
        for interface in interfaces:
            network_interfaces.drop(self.ec2_backend, interface)

    later(gone)


def check_number(asked: list[str]) -> None:
    if len(asked) > 20:
        raise error("ValidationError", "Up to 20 resources can be described in a single call")


@override(ELBV2Response)
def describe_tags(moto: Any, self: Any) -> Any:
    check_number(self._get_param("ResourceArns", []))
    return moto(self)


@override(ELBv2Backend)
def describe_load_balancers(moto: Any, self: Any, arns: Any, names: Any) -> list[Any]:
    check_number(arns or names or [])
    found = list(self.load_balancers.values())
    if not arns and not names:
        return found
    by_arn = {one.arn: one for one in found}
    by_name = {one.name: one for one in found}
    try:
        return [by_arn[arn] for arn in arns or []] + [by_name[name] for name in names or []]
    except KeyError:
        raise error("LoadBalancerNotFound", "One or more load balancers not found") from None


@override(ELBv2Backend)
def delete_load_balancer(moto: Any, self: Any, arn: str) -> None:
    balancer = self.load_balancers.get(arn)
    if balancer is None:
        return
    if balancer.attrs.get("deletion_protection.enabled") == "true":
        raise error(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    moto(self, arn)
    forget_tags(self, arn, *balancer.listeners.values())
    drop_interfaces(self, list(balancer.interfaces.values()))


@override(ELBv2Backend)
def set_security_groups(moto: Any, self: Any, arn: str, sec_groups: list[str]) -> None:
    moto(self, arn, sec_groups)
    groups = [self.ec2_backend.get_security_group_from_id(id) for id in sec_groups]
    for interface in self.load_balancers[arn].interfaces.values():
        interface._group_set = groups


@override(ELBv2Backend)
def set_subnets(moto: Any, self: Any, arn: str, subnets: list[str], subnet_mappings: Any) -> Any:
    balancer = self.load_balancers.get(arn)
    if balancer is None:
        raise LoadBalancerNotFoundError()
    wanted = subnets + [one["SubnetId"] for one in subnet_mappings or []]
    check_subnets(self, wanted, balancer.scheme)
    answer = moto(self, arn, wanted, [])
    for id in wanted:
        if id not in balancer.interfaces:
            add_interface(self, balancer, id)
    left = [id for id in balancer.interfaces if id not in wanted]
    drop_interfaces(self, [balancer.interfaces.pop(id) for id in left])
    return answer


@override(ELBv2Backend)
def modify_load_balancer_attributes(moto: Any, self: Any, arn: str, attrs: dict[str, Any]) -> Any:
    balancer = self.load_balancers.get(arn)
    if balancer is None:
        raise LoadBalancerNotFoundError()
    if balancer.state == "provisioning":
        raise error(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be modified while it is being provisioned",
        )
    for key in attrs:
        if key not in FakeLoadBalancer.VALID_ATTRS:
            raise error("ValidationError", f"Load balancer attribute key '{key}' is not recognized")
    check_balancer_attributes(attrs)
    wanted = {**balancer.attrs, **attrs}
    if wanted.get("access_logs.s3.enabled") == "true":
        check_log_bucket(self, wanted["access_logs.s3.bucket"], wanted["access_logs.s3.prefix"])
    return moto(self, arn, attrs)


def check_log_bucket(self: Any, name: str, prefix: str) -> None:
    """AWS tries the bucket when access logs are switched on, and leaves a test file in it."""
    from moto.s3.models import s3_backends

    s3 = s3_backends[self.account_id][self.partition]
    bucket = s3.buckets.get(name)
    policy = (bucket.policy or b"") if bucket else b""
    text = policy.decode() if isinstance(policy, bytes) else str(policy)
    encryption = str(getattr(bucket, "encryption", None) or "")
    if "PutObject" not in text and '"s3:*"' not in text or "aws:kms" in encryption:
        raise error(
            "InvalidConfigurationRequest",
            f"Access Denied for bucket: {name}. Please check S3bucket permission",
        )
    folder = f"{prefix}/" if prefix else ""
    s3.put_object(name, f"{folder}AWSLogs/{self.account_id}/ELBAccessLogTestFile", b"test")


# Listeners


def target_groups_of(self: Any, actions: list[Any]) -> list[str]:
    return [arn for one in actions for arn in self._get_target_group_arns_from(one.data)]


def forwarded(action: dict[str, Any]) -> list[dict[str, Any]]:
    """The target groups of an action with weights."""
    return list(action.get("ForwardConfig", {}).get("TargetGroups", []))


def check_target_groups(self: Any, actions: list[dict[str, Any]]) -> None:
    """They are there, five at the most, with shares that AWS takes, and said in one way."""
    for action in actions:
        arns = self._get_target_group_arns_from(action)
        said = [one["TargetGroupArn"] for one in forwarded(action)]
        if "TargetGroupArn" in action and said not in ([], arns):
            raise error(
                "ValidationError", "TargetGroupArn and ForwardConfig must name one target group"
            )
        for arn in arns:
            if arn not in self.target_groups:
                raise error("TargetGroupNotFound", f"Target groups '{arn}' not found")
        is_empty = action.get("Type") == "forward" and not arns
        if is_empty or len(set(arns)) < len(arns) or len(arns) > 5:
            raise error("ValidationError", "A forward action takes 1 to 5 target groups, each once")
        for group in forwarded(action):
            if not 0 <= int(group.get("Weight", 1)) <= 999:
                raise error("ValidationError", "Weight must be between 0 and 999")


def check_association(self: Any, actions: list[Any], load_balancer_arn: str) -> None:
    """A target group serves one load balancer."""
    for arn in target_groups_of(self, actions):
        group = self.target_groups.get(arn)
        if group and set(group.load_balancer_arns) - {load_balancer_arn}:
            raise error(
                "TargetGroupAssociationLimit",
                "The following target groups cannot be associated with more than one load "
                f"balancer: {arn}",
            )


@override(ELBv2Backend)
def create_listener(
    moto: Any,
    self: Any,
    load_balancer_arn: str,
    protocol: str,
    port: Any,
    ssl_policy: Any,
    certificate: Any,
    actions: list[dict[str, Any]],
    alpn_policy: Any = None,
    tags: Any = None,
) -> FakeListener:
    balancer = self.load_balancers.get(load_balancer_arn)
    if balancer is None:
        raise LoadBalancerNotFoundError()
    secure = protocol in ("HTTPS", "TLS")
    if not secure:
        ssl_policy = None
    for one in balancer.listeners.values():
        if str(one.port) != str(port):
            continue
        has = (one.protocol, one.ssl_policy, one.certificate)
        if (
            has == (protocol, ssl_policy, certificate)
            and [action.data for action in one.default_actions] == actions
        ):
            return one
        raise error(
            "DuplicateListener", "A listener already exists on this port for this load balancer"
        )
    if secure and not certificate:
        raise error("ValidationError", "A certificate must be specified for HTTPS listeners")
    if secure and not self._certificate_exists(certificate):
        raise error("CertificateNotFound", f"Certificate '{certificate}' not found")
    check_target_groups(self, actions)
    check_association(self, [FakeAction(action) for action in actions], load_balancer_arn)
    return moto(
        self,
        load_balancer_arn,
        protocol,
        port,
        ssl_policy,
        certificate,
        actions,
        alpn_policy,
        tags,
    )


@override(ELBv2Backend)
def modify_listener(
    moto: Any,
    self: Any,
    arn: str,
    port: Any = None,
    protocol: str | None = None,
    ssl_policy: str | None = None,
    certificates: list[dict[str, Any]] | None = None,
    actions: list[dict[str, Any]] | None = None,
) -> FakeListener:
    """moto lets a listener forward to what does not exist, or is another load balancer's."""
    check_target_groups(self, actions or [])
    load_balancer_arn = arn.replace(":listener/", ":loadbalancer/").rsplit("/", 1)[0]
    check_association(self, [FakeAction(action) for action in actions or []], load_balancer_arn)
    return moto(self, arn, port, protocol, ssl_policy, certificates, actions)


@override(ELBv2Backend)
def delete_listener(moto: Any, self: Any, listener_arn: str) -> FakeListener:
    listener = moto(self, listener_arn)
    forget_tags(self, listener_arn, listener)
    return listener


def forget_tags(self: Any, arn: str, *listeners: Any) -> None:
    """What is deleted takes the tags of its listeners and of their rules with it."""
    rules = [rule.arn for one in listeners for rule in one.rules.values()]
    for gone in [arn, *(one.arn for one in listeners), *rules]:
        self.tagging_service.delete_all_tags_for_resource(gone)


# Target groups


@derive(FakeTargetGroup)
def load_balancer_arns(self: Any) -> list[str]:
    """The load balancers with a listener or rule that forwards to the target group.

    moto appends to a list of its own and never takes anything out of it.
    """
    elb = elbv2_backends[self.account_id][self.region_name]
    return [
        balancer.arn
        for balancer in elb.load_balancers.values()
        if any(
            self.arn in target_groups_of(elb, rule.actions)
            for listener in balancer.listeners.values()
            for rule in listener.rules.values()
        )
    ]


SETTINGS = (
    "vpc_id",
    "protocol",
    "protocol_version",
    "port",
    "health_check_protocol",
    "health_check_port",
    "health_check_path",
    "health_check_interval_seconds",
    "health_check_timeout_seconds",
    "health_check_enabled",
    "healthy_threshold_count",
    "unhealthy_threshold_count",
    "matcher",
    "target_type",
    "ip_address_type",
)


@override(ELBv2Backend)
def create_target_group(moto: Any, self: Any, name: str, **kwargs: Any) -> FakeTargetGroup:
    existing = next((one for one in self.target_groups.values() if one.name == name), None)
    if existing is None:
        made = moto(self, name, **kwargs)
        try:
            check_health(made)
        except ELBClientError:
            del self.target_groups[made.arn]
            raise
        if made.protocol in ("HTTP", "HTTPS"):
            made.attributes["stickiness.lb_cookie.duration_seconds"] = 86400
        return made
    # Make what the call asks for, compare its settings with the existing one, and forget it.
    del self.target_groups[existing.arn]
    try:
        wanted = moto(self, name, **{**kwargs, "tags": None})
        del self.target_groups[wanted.arn]
    finally:
        self.target_groups[existing.arn] = existing
    for setting in SETTINGS:
        if str(getattr(existing, setting, None)) != str(getattr(wanted, setting, None)):
            raise error(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{name}' exists, but with different settings",
            )
    return existing


@override(ELBv2Backend)
def modify_target_group(moto: Any, self: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
    """A change is made as a whole or not at all."""
    group = self.target_groups.get(arn)
    before = {**vars(group), "matcher": dict(getattr(group, "matcher", {}))} if group else {}
    changed = moto(self, arn, *args, **kwargs)
    try:
        check_health(changed)
    except ELBClientError:
        vars(changed).update(before)
        raise
    return changed


@override(ELBv2Backend)
def modify_target_group_attributes(
    moto: Any, self: Any, target_group_arn: str, attributes: dict[str, Any]
) -> None:
    group = self.target_groups.get(target_group_arn)
    if group:
        check_group_attributes(group.attributes, attributes)
    # moto takes no 3600, which AWS does.
    delay = "deregistration_delay.timeout_seconds"
    most = {delay: "3600"} if str(attributes.get(delay)) == "3600" else {}
    moto(self, target_group_arn, {k: v for k, v in attributes.items() if k not in most})
    if group:
        group.attributes.update(most)


@override(ELBv2Backend)
def delete_target_group(moto: Any, self: Any, target_group_arn: str) -> Any:
    if target_group_arn not in self.target_groups:
        return None
    group = moto(self, target_group_arn)
    self.tagging_service.delete_all_tags_for_resource(target_group_arn)
    return group
