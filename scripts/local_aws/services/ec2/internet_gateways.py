"""Internet gateways: one for each VPC, and not detached while the VPC has public addresses."""

from typing import Any

from moto.ec2.models.internet_gateways import InternetGatewayBackend

from ...ground import network_interfaces
from ...ground.override import override
from .errors import dependency, error


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
    attached = gateway.vpc and gateway.vpc.id == vpc_id
    if attached and any(
        one.vpc_id == vpc_id and one.public_ip for one in network_interfaces.of(self)
    ):
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
