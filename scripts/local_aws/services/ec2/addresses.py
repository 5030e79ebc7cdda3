"""Elastic IP addresses: AuthFailure until the NAT gateway that has one is deleted for good."""

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_ip_addresses import ElasticAddress, ElasticAddressBackend
from moto.ec2.models.tags import TagBackend

from ...ground.override import override
from .errors import error


@override(ElasticAddress)
def instance_id(moto: Any, self: Any) -> str | None:
    """Left out where there is none, as the next."""
    return moto(self) or None


@override(ElasticAddress)
def network_interface_id(moto: Any, self: Any) -> str | None:
    return moto(self) or None


@override(TagBackend)
def describe_tags(moto: Any, self: Any, filters: Any = None) -> list[dict[str, str]]:
    """moto calls them vpc-elastic-ip here."""
    given = dict(filters or {})
    if "elastic-ip" in given.get("resource-type", []):
        given["resource-type"] = [*given["resource-type"], "vpc-elastic-ip"]
    tags: list[dict[str, str]] = moto(self, given)
    for tag in tags:
        if tag["resource_type"] == "vpc-elastic-ip":
            tag["resource_type"] = "elastic-ip"
    return tags


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
