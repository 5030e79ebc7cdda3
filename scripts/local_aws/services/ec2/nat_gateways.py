"""NAT gateways: pending, then available or failed; deleting, then deleted and still listed."""

from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.nat_gateways import NatGateway, NatGatewayBackend

from ...ground import network_interfaces
from ...ground.clock import later
from ...ground.override import override
from .errors import error


def nat_fault(
    ec2: Any, vpc_id: str, allocation_id: str | None, kind: str
) -> tuple[str, str] | None:
    """Why a NAT gateway will fail; AWS finds out after it has answered the call."""
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


@override(NatGatewayBackend)
def create_nat_gateway(
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
    network_interfaces.adopt(
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
            network_interfaces.drop(self, nat._eni)
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
            network_interfaces.drop(self, nat._eni)

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
