"""Zones, VPCs and subnets: a VPC is pending at first; neither it nor a subnet is deleted with
anything in it.
"""

import copy
import ipaddress
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.availability_zones_and_regions import Zone
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPC, VPCBackend
from moto.ec2.responses.vpcs import VPCs

from ...ground import network_interfaces
from ...ground.override import derive, override
from .errors import dependency, error
from .vpc_endpoints import living_endpoints


@override(SubnetBackend)
def delete_subnet(moto: Any, self: Any, subnet_id: str) -> Any:
    self.get_subnet(subnet_id)
    if any(one.subnet_id == subnet_id for one in network_interfaces.of(self)):
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


@derive(Zone)
def group_name(self: Any) -> str:
    return f"{self.region_name}-zg-1"


@derive(Zone)
def network_border_group(self: Any) -> str:
    return str(self.region_name)


@derive(Zone)
def opt_in_status(self: Any) -> str:
    return "opt-in-not-required"


@override(VPCs, "create_vpc")
def create_pending_vpc(moto: Any, self: Any) -> ActionResult:
    """Pending in this answer; who looks finds it available."""
    vpc = copy.copy(moto(self).result["Vpc"])
    vpc.state = "pending"
    return ActionResult({"Vpc": vpc})


@override(VPC)
def dhcp_options_id(moto: Any, self: Any) -> str:
    """That of the region, which moto calls `default`."""
    return moto(self) if self.dhcp_options else "dopt-0d0c1a5ba5e0f4c7e"


#: What no VPC may be in (VPC user guide, VPC CIDR blocks).
REFUSED = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4"]


@override(VPCBackend)
def create_vpc(moto: Any, self: Any, cidr_block: str, *args: Any, **kwargs: Any) -> Any:
    wanted = ipaddress.ip_network(cidr_block, strict=False)
    if any(wanted.overlaps(ipaddress.ip_network(refused)) for refused in REFUSED):
        raise error("InvalidVpc.Range", f"The CIDR '{cidr_block}' is invalid.")
    return moto(self, cidr_block, *args, **kwargs)


@override(VPCBackend)
def delete_vpc(moto: Any, self: Any, vpc_id: str) -> Any:
    self.get_vpc(vpc_id)
    tables = [one for one in self.route_tables.values() if one.vpc_id == vpc_id]
    acls = [one for one in self.network_acls.values() if one.vpc_id == vpc_id]
    groups = list(self.groups[vpc_id].values())
    if (
        any(one.vpc_id == vpc_id for zone in self.subnets.values() for one in zone.values())
        or any(one.vpc and one.vpc.id == vpc_id for one in self.internet_gateways.values())
        or any(one.vpc_id == vpc_id for one in network_interfaces.of(self))
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
