"""Network interfaces that a service of AWS owns: those of load balancers, tasks, NAT gateways
and VPC endpoints. They are in use as long as the service holds them.
"""

import ipaddress
import itertools
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models.elastic_network_interfaces import (
    NetworkInterface,
)
from moto.ec2.utils import random_public_ip
from moto.moto_api._internal import mock_random


def create(
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
    """Make the interface of a load balancer or task in a subnet, with a free address of it."""
    taken = {one.private_ip_address for one in of(ec2) if one.subnet_id == subnet_id}
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


def adopt(interface: Any, *, kind: str, owner: str, description: str) -> None:
    """Mark an interface as managed by a service."""
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


def drop(ec2: Any, interface: NetworkInterface) -> None:
    """Remove the interface of a service, if it is still there."""
    ec2.enis.pop(interface.id, None)


def of(ec2: Any) -> list[NetworkInterface]:
    return list(ec2.enis.values())
