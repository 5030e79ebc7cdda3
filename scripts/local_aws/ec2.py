"""EC2 networking as AWS does it.

What is in use is not deleted: subnets, groups, gateways, addresses and route tables answer
DependencyViolation, AuthFailure and the like while anything lives in them. NAT gateways and
interface endpoints take a moment to come and to go, and hold a network interface meanwhile; so
do load balancers and tasks (elbv2.py and ecs.py make theirs with `service_interface`). Creating
a second time is refused, or answered as the first time where a client token says so. The rules
of a call are taken all or none.

Left as moto has it: DescribeNatGateways does not look at tag filters, a DryRun creates.
"""

import ipaddress
import itertools
import re
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend
from moto.ec2.models.route_tables import Route, RouteBackend
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.responses.security_groups import SecurityGroups
from moto.ec2.responses.vpcs import VPCs
from moto.ec2.utils import random_public_ip
from moto.moto_api._internal import mock_random

from .clock import later
from .override import override


def error(code: str, message: str) -> EC2ClientError:
    return EC2ClientError(code, message)


def dependency(what: str, id: str) -> EC2ClientError:
    return error(
        "DependencyViolation", f"The {what} '{id}' has dependencies and cannot be deleted."
    )


# Network interfaces that a service of AWS owns


def service_interface(
    ec2: Any,
    subnet_id: str,
    *,
    kind: str,
    owner: str,
    description: str,
    groups: list[str],
    public: bool = False,
    tags: dict[str, str] | None = None,
) -> NetworkInterface:
    """The interface of a load balancer or a task in a subnet, with an address of its own there."""
    taken = {one.private_ip_address for one in interfaces(ec2) if one.subnet_id == subnet_id}
    hosts = (str(host) for host in ipaddress.ip_network(ec2.get_subnet(subnet_id).cidr_block))
    address = next(host for host in itertools.islice(hosts, 4, None) if host not in taken)
    interface = ec2.create_network_interface(
        ec2.get_subnet(subnet_id), address, group_ids=groups, description=description, tags=tags
    )
    adopt(interface, kind=kind, owner=owner, description=description)
    if not groups:
        interface._group_set = []
    if public:
        interface.public_ip = random_public_ip()
    return interface


def adopt(interface: NetworkInterface, *, kind: str, owner: str, description: str) -> None:
    """Make an interface one that a service manages."""
    interface.description = description
    interface.interface_type = kind
    interface.requester_managed = True
    interface.requester_id = owner
    interface.status = "in-use"
    interface.service_attachment = {
        "AttachmentId": f"ela-attach-{mock_random.get_random_hex(17)}",
        "AttachTime": utcnow(),
        "DeleteOnTermination": False,
        "DeviceIndex": 1,
        "InstanceOwnerId": owner,
        "Status": "attached",
    }


def drop_interface(ec2: Any, interface: NetworkInterface) -> None:
    """The service lets go of its interface; also when it is gone already."""
    ec2.enis.pop(interface.id, None)


def interfaces(ec2: Any) -> list[NetworkInterface]:
    return list(ec2.enis.values())


@override(NetworkInterface)
def attachment(moto: Any, self: Any) -> Any:
    return getattr(self, "service_attachment", None) or moto(self)


@override(NetworkInterface)
def get_filter_value(moto: Any, self: Any, filter_name: str, method_name: Any = None) -> Any:
    if filter_name == "attachment.instance-owner-id":
        attached = getattr(self, "service_attachment", {})
        return attached.get("InstanceOwnerId", self.owner_id)
    if filter_name == "attachment.status":
        return "attached" if self.attachment else "detached"
    if filter_name == "association.public-ip":
        return self.public_ip
    return moto(self, filter_name, method_name)


@override(NetworkInterfaceBackend)
def delete_network_interface(moto: Any, self: Any, eni_id: str) -> None:
    if self.get_network_interface(eni_id).attachment:
        raise error("InvalidParameterValue", f"Network interface '{eni_id}' is currently in use.")
    return moto(self, eni_id)


@override(NetworkInterfaceBackend)
def detach_network_interface(moto: Any, self: Any, attachment_id: str) -> None:
    for interface in interfaces(self):
        attached = getattr(interface, "service_attachment", {})
        if attached.get("AttachmentId") == attachment_id:
            raise error(
                "OperationNotPermitted",
                "You are not allowed to manage 'ela-attach' attachments.",
            )
    return moto(self, attachment_id)


# Client tokens: a repeat gets the first answer, with other parameters an error


def once(moto: Any, self: Any) -> Any:
    parameters = dict(self._get_params())
    token = parameters.pop("ClientToken", None)
    if not token:
        return moto(self)
    answers = self.ec2_backend.__dict__.setdefault("answers_by_token", {})
    key = (self._get_action(), token)
    if key not in answers:
        answers[key] = (parameters, moto(self))
    first, answer = answers[key]
    if first != parameters:
        raise error(
            "IdempotentParameterMismatch",
            "The client token you have provided is associated with a resource of other parameters.",
        )
    return answer


@override(NatGateways)
def create_nat_gateway(moto: Any, self: Any) -> Any:
    return once(moto, self)


@override(RouteTables)
def create_route_table(moto: Any, self: Any) -> Any:
    return once(moto, self)


@override(VPCs)
def create_vpc_endpoint(moto: Any, self: Any) -> Any:
    return once(moto, self)


# NAT gateways: pending, then available or failed; deleting, then deleted and still listed


def nat_fault(
    ec2: Any, vpc_id: str, allocation_id: str | None, kind: str
) -> tuple[str, str] | None:
    """Why a NAT gateway will end as failed: AWS finds out after it has answered the call."""
    if kind == "private":
        return None
    if not any(igw.vpc and igw.vpc.id == vpc_id for igw in ec2.internet_gateways.values()):
        return "Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached"
    address = ec2.address_by_allocation([allocation_id])[0]
    if address.eni or address.instance:
        return (
            "Resource.AlreadyAssociated",
            f"Elastic IP address [{allocation_id}] is already associated",
        )
    return None


@override(NatGatewayBackend)  # type: ignore[no-redef]
def create_nat_gateway(  # noqa: F811
    moto: Any,
    self: Any,
    subnet_id: str,
    allocation_id: str | None,
    tags: Any = None,
    connectivity_type: str | None = None,
) -> NatGateway:
    kind = connectivity_type or "public"
    vpc_id = self.get_subnet(subnet_id).vpc_id
    if kind == "public" and not allocation_id:
        raise error("MissingParameter", "The request must include the AllocationId parameter.")
    fault = nat_fault(self, vpc_id, allocation_id, kind)
    nat = moto(self, subnet_id, None if fault else allocation_id, tags, kind)
    adopt(
        nat._eni,
        kind="nat_gateway",
        owner="amazon-aws",
        description=f"Interface for NAT Gateway {nat.id}",
    )
    nat._eni._group_set = []
    nat.address_set[0]["allocationId"] = allocation_id
    nat.state = "pending"

    def settle() -> None:
        if nat.state != "pending":
            return
        if fault:
            nat.state = "failed"
            nat.failure_code, nat.failure_message = fault
            nat.delete_time = utcnow()
            drop_interface(self, nat._eni)
        else:
            nat.state = "available"

    later(settle)
    return nat


@override(NatGatewayBackend)
def delete_nat_gateway(moto: Any, self: Any, nat_gateway_id: str) -> NatGateway:
    nat = self.nat_gateways.get(nat_gateway_id)
    if nat is None:
        raise error("NatGatewayNotFound", f"The Nat Gateway {nat_gateway_id} was not found")
    if nat.state in ("pending", "available"):
        nat.state = "deleting"
        nat.delete_time = utcnow()

        def settle() -> None:
            nat.state = "deleted"
            if nat._eni.public_ip:
                free_address(self, nat._eni)
            drop_interface(self, nat._eni)

        later(settle)
    return nat


def free_address(ec2: Any, interface: NetworkInterface) -> None:
    for address in ec2.addresses:
        if address.eni is interface:
            address.eni = address.association_id = None
    interface.public_ip = None


@override(NatGatewayBackend)
def describe_nat_gateways(moto: Any, self: Any, filters: Any, nat_gateway_ids: Any) -> Any:
    for id in nat_gateway_ids or []:
        if id not in self.nat_gateways:
            raise error("NatGatewayNotFound", f"The Nat Gateway {id} was not found")
    return moto(self, filters, nat_gateway_ids)


# Elastic IP addresses: AuthFailure until the NAT gateway is gone for good


def held_by_service(address: Any) -> bool:
    return bool(address.eni and getattr(address.eni, "service_attachment", None))


def auth_failure() -> EC2ClientError:
    return error("AuthFailure", "You do not have permission to access the specified resource.")


@override(ElasticAddressBackend)
def release_address(moto: Any, self: Any, address: Any = None, allocation_id: Any = None) -> None:
    if address:
        found = self.address_by_ip([address])[0]
    else:
        found = self.address_by_allocation([allocation_id])[0]
    if held_by_service(found):
        raise auth_failure()
    if found.eni or found.instance:
        raise error("InvalidIPAddress.InUse", f"Address {found.public_ip} is in use.")
    return moto(self, address, allocation_id)


@override(ElasticAddressBackend)
def disassociate_address(
    moto: Any, self: Any, address: Any = None, association_id: Any = None
) -> None:
    if association_id and held_by_service(self.address_by_association([association_id])[0]):
        raise auth_failure()
    return moto(self, address, association_id)


# Internet gateways: one per VPC, and not detached under public addresses


@override(InternetGatewayBackend)
def attach_internet_gateway(moto: Any, self: Any, internet_gateway_id: str, vpc_id: str) -> Any:
    wanted = self.get_internet_gateway(internet_gateway_id)
    self.get_vpc(vpc_id)
    for gateway in self.internet_gateways.values():
        if gateway.vpc and (gateway is wanted or gateway.vpc.id == vpc_id):
            raise error(
                "Resource.AlreadyAssociated",
                f"resource {gateway.id} is already attached to network {gateway.vpc.id}",
            )
    return moto(self, internet_gateway_id, vpc_id)


@override(InternetGatewayBackend)
def detach_internet_gateway(moto: Any, self: Any, internet_gateway_id: str, vpc_id: str) -> None:
    gateway = self.get_internet_gateway(internet_gateway_id)
    if gateway.vpc and gateway.vpc.id == vpc_id:
        if any(one.vpc_id == vpc_id and one.public_ip for one in interfaces(self)):
            raise error(
                "DependencyViolation",
                f"Network {vpc_id} has some mapped public address(es). "
                "Please unmap those public address(es) before detaching the gateway.",
            )
    return moto(self, internet_gateway_id, vpc_id)


@override(InternetGatewayBackend)
def delete_internet_gateway(moto: Any, self: Any, internet_gateway_id: str) -> None:
    if self.get_internet_gateway(internet_gateway_id).vpc:
        raise dependency("internetGateway", internet_gateway_id)
    return moto(self, internet_gateway_id)


# Subnets and VPCs: not deleted with anything in them


@override(SubnetBackend)
def delete_subnet(moto: Any, self: Any, subnet_id: str) -> Any:
    self.get_subnet(subnet_id)
    if any(one.subnet_id == subnet_id for one in interfaces(self)):
        raise dependency("subnet", subnet_id)
    for table in self.route_tables.values():  # its associations go with it
        for id, target in list(table._associations.items()):
            if target == subnet_id:
                del table._associations[id]
    for acl in self.network_acls.values():
        for id, association in list(acl._associations.items()):
            if association.subnet_id == subnet_id:
                del acl._associations[id]
    return moto(self, subnet_id)


@override(VPCBackend)
def delete_vpc(moto: Any, self: Any, vpc_id: str) -> Any:
    self.get_vpc(vpc_id)
    tables = [one for one in self.route_tables.values() if one.vpc_id == vpc_id]
    acls = [one for one in self.network_acls.values() if one.vpc_id == vpc_id]
    groups = list(self.groups[vpc_id].values())
    if (
        any(one.vpc_id == vpc_id for zone in self.subnets.values() for one in zone.values())
        or any(one.vpc and one.vpc.id == vpc_id for one in self.internet_gateways.values())
        or any(one.vpc_id == vpc_id for one in interfaces(self))
        or any(one.vpc_id == vpc_id for one in living_endpoints(self))
        or any(not one.main_association_id for one in tables)
        or any(not one.is_default for one in groups)
        or any(not one.default for one in acls)
    ):
        raise dependency("vpc", vpc_id)
    # The default group, main route table and default network ACL go with the VPC.
    for table in tables:
        table.main_association_id = None
    for group in groups:
        group.is_default = False
    for acl in acls:
        del self.network_acls[acl.id]
    return moto(self, vpc_id)


# Route tables and routes


@override(RouteBackend)
def delete_route_table(moto: Any, self: Any, route_table_id: str) -> None:
    if self.get_route_table(route_table_id).main_association_id:
        raise dependency("routeTable", route_table_id)
    return moto(self, route_table_id)


@override(RouteBackend)
def associate_route_table(
    moto: Any, self: Any, route_table_id: str, gateway_id: Any = None, subnet_id: Any = None
) -> str:
    self.get_route_table(route_table_id)
    for table in self.route_tables.values():
        if (subnet_id or gateway_id) in table._associations.values():
            raise error(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {route_table_id} "
                "conflicts with an existing association",
            )
    return moto(self, route_table_id, gateway_id, subnet_id)


@override(RouteBackend)
def create_route(
    moto: Any,
    self: Any,
    route_table_id: str,
    destination_cidr_block: Any,
    destination_ipv6_cidr_block: Any = None,
    destination_prefix_list_id: Any = None,
    **target: Any,
) -> Route:
    wanted = destination_cidr_block or destination_ipv6_cidr_block or destination_prefix_list_id
    check_nat_target(self, target.get("nat_gateway_id"))
    for route in self.get_route_table(route_table_id).routes:
        if same_destination(route, wanted):
            raise error("RouteAlreadyExists", f"The route identified by {wanted} already exists.")
    return moto(
        self,
        route_table_id,
        destination_cidr_block,
        destination_ipv6_cidr_block,
        destination_prefix_list_id,
        **target,
    )


@override(RouteBackend)
def replace_route(moto: Any, self: Any, *args: Any, **kwargs: Any) -> Route:
    check_nat_target(self, kwargs.get("nat_gateway_id"))
    return moto(self, *args, **kwargs)


@override(RouteBackend)
def delete_route(moto: Any, self: Any, route_table_id: str, *destination: Any) -> Any:
    wanted = next((one for one in destination if one), None)
    for route in self.get_route_table(route_table_id).routes:
        if route.local and same_destination(route, wanted):
            raise error(
                "InvalidParameterValue",
                f"cannot remove local route {wanted} in route table {route_table_id}",
            )
    return moto(self, route_table_id, *destination)


def check_nat_target(ec2: Any, nat_gateway_id: str | None) -> None:
    """A route to a NAT gateway can be made when it is available, not before and not after."""
    if nat_gateway_id:
        nat = ec2.nat_gateways.get(nat_gateway_id)
        if nat is None or nat.state != "available":
            raise error(
                "InvalidNatGatewayID.NotFound",
                f"The natGateway ID '{nat_gateway_id}' does not exist",
            )


def same_destination(route: Route, wanted: str | None) -> bool:
    if wanted is None or wanted.startswith("pl-"):
        return wanted is not None and route.destination_prefix_list_id == wanted
    has = route.destination_cidr_block or route.destination_ipv6_cidr_block
    try:
        return bool(has) and ipaddress.ip_network(has, False) == ipaddress.ip_network(wanted, False)
    except ValueError:
        return False


@override(Route)
def state(moto: Any, self: Any) -> str:
    """A route stays when its target goes, as a black hole."""
    if self.nat_gateway and self.nat_gateway.state not in ("pending", "available"):
        return "blackhole"
    if self.gateway and getattr(self.gateway, "vpc", self) is None:
        return "blackhole"
    return moto(self)


# Security groups


ASCII_TEXT = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")


def check_text(what: str, text: str) -> None:
    if not ASCII_TEXT.fullmatch(text):
        raise error(
            "InvalidParameterValue",
            f"Invalid {what}. Valid {what}s are strings less than 256 characters from the "
            "following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )


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
        # Names that differ in case alone are the same name.
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
        used = any(group in interface.group_set for interface in interfaces(self))
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


SecurityGroupRule.__eq__ = lambda self, other: identity(self) == identity(other)  # type: ignore
SecurityGroupRule.__hash__ = lambda self: hash(identity(self))  # type: ignore


def all_or_none(self: Any, direction: str, change: Any) -> list[Any]:
    """Apply every permission of a call to its group; after an error the group is as before."""
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


def authorize(self: Any, direction: str) -> ActionResult:
    apply = getattr(self.ec2_backend, f"authorize_security_group_{direction}")

    def change(permission: Any) -> list[Any]:
        for one in permission["ip_ranges"] + permission["source_groups"]:
            if isinstance(one, dict):
                check_text("rule description", one.get("Description") or "")
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


# VPC endpoints: an interface endpoint is pending, then available; deleting, then gone


def living_endpoints(ec2: Any) -> list[Any]:
    return [one for one in ec2.vpc_end_points.values() if one.state != "deleted"]


@override(VPCBackend)  # type: ignore[no-redef]
def create_vpc_endpoint(  # noqa: F811
    moto: Any,
    self: Any,
    vpc_id: str,
    service_name: str,
    endpoint_type: Any,
    policy_document: Any,
    route_table_ids: list[str],
    **more: Any,
) -> Any:
    by_interface = (endpoint_type or "").lower() == "interface"
    for other in living_endpoints(self):
        if (other.vpc_id, other.service_name) != (vpc_id, service_name):
            continue
        if (
            by_interface
            and truth(more.get("private_dns_enabled"))
            and truth(other.private_dns_enabled)
        ):
            raise error(
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS "
                f"domain for {service_name} in the VPC {vpc_id}",
            )
        if not by_interface and set(other.route_table_ids) & set(route_table_ids):
            raise error(
                "RouteAlreadyExists",
                f"route table already has a route with destination-prefix-list for {service_name}",
            )
    for id in more.get("security_group_ids") or []:
        if not self.get_security_group_from_id(id):
            raise error("InvalidGroup.NotFound", f"The security group '{id}' does not exist")
    endpoint = moto(
        self, vpc_id, service_name, endpoint_type, policy_document, route_table_ids, **more
    )
    if by_interface:
        groups = [self.get_security_group_from_id(id) for id in endpoint.security_group_ids]
        for id in endpoint.network_interface_ids:
            interface = self.enis[id]
            adopt(
                interface,
                kind="vpc_endpoint",
                owner="amazon-aws",
                description=f"VPC Endpoint Interface {endpoint.id}",
            )
            interface._group_set = groups or interface._group_set
        endpoint.state = "pending"

        def settle() -> None:
            if endpoint.state == "pending":
                endpoint.state = "available"

        later(settle)
    return endpoint


def truth(value: Any) -> bool:
    return str(value).lower() == "true"


@override(VPCs)
def delete_vpc_endpoints(moto: Any, self: Any) -> ActionResult:
    """Answers 200 also when some of the endpoints do not exist: those are in Unsuccessful."""
    ec2 = self.ec2_backend
    unsuccessful = []
    for id in self._get_param("VpcEndpointIds", []):
        endpoint = ec2.vpc_end_points.get(id)
        if endpoint is None:
            fault = {
                "Code": "InvalidVpcEndpointId.NotFound",
                "Message": f"The Vpc Endpoint Id '{id}' does not exist",
            }
            unsuccessful.append({"ResourceId": id, "Error": fault})
        elif endpoint.state in ("pending", "available"):
            delete_endpoint(ec2, endpoint)
    return ActionResult({"Unsuccessful": unsuccessful})


def delete_endpoint(ec2: Any, endpoint: Any) -> None:
    def gone() -> None:
        ec2.delete_vpc_endpoints([endpoint.id])
        ec2.vpc_end_points.pop(endpoint.id, None)

    if (endpoint.vpc_endpoint_type or "").lower() == "interface":
        endpoint.state = "deleting"
    else:
        endpoint.vpc_endpoint_type = endpoint.vpc_endpoint_type or "Gateway"
        ec2.delete_vpc_endpoints([endpoint.id])  # its routes go at once
        endpoint.route_table_ids = []
    later(gone)
