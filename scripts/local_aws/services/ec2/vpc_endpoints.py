"""VPC endpoints: one with interfaces is pending, then available; deleting, then gone."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.responses.vpcs import VPCs

from ...ground import network_interfaces
from ...ground.clock import later
from ...ground.override import override
from .errors import error


def living_endpoints(ec2: Any) -> list[Any]:
    return [one for one in ec2.vpc_end_points.values() if one.state != "deleted"]


@override(VPCBackend)
def create_vpc_endpoint(
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
            network_interfaces.adopt(
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
