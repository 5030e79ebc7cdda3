"""Route tables and routes: no route is made twice; one whose gateway is gone is a blackhole."""

import ipaddress
from typing import Any

from moto.ec2.models.route_tables import Route, RouteBackend, RouteTable

from ...ground.override import derive, override
from .errors import dependency, error


@derive(RouteTable)
def propagating_vgws(self: Any) -> list[Any]:
    return []


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
    """A route to a NAT gateway can be made only while the gateway is available."""
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
    if not has:
        return False
    try:
        return ipaddress.ip_network(has, False) == ipaddress.ip_network(wanted, False)
    except ValueError:
        return False


@override(Route)
def state(moto: Any, self: Any) -> str:
    """A route whose target is gone stays, as a blackhole."""
    if self.nat_gateway and self.nat_gateway.state not in ("pending", "available"):
        return "blackhole"
    if self.gateway and getattr(self.gateway, "vpc", self) is None:
        return "blackhole"
    return moto(self)
