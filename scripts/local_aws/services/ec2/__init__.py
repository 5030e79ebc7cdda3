"""EC2's networks as AWS does them: each module changes moto for the resources of its name.

What is in use is not deleted: subnets, groups, gateways, addresses and route tables answer
DependencyViolation, AuthFailure and the like. NAT gateways and interface endpoints take a moment
until they are available or deleted. A second create is refused, or gets the first answer if it
has the same client token.

Left as moto has it: DescribeNatGateways ignores tag filters, and a DryRun creates.
"""

from . import (
    addresses,
    client_tokens,
    internet_gateways,
    nat_gateways,
    network_interfaces,
    route_tables,
    security_groups,
    vpc_endpoints,
    vpcs,
    zones,
)

__all__ = [
    "addresses",
    "client_tokens",
    "internet_gateways",
    "nat_gateways",
    "network_interfaces",
    "route_tables",
    "security_groups",
    "vpc_endpoints",
    "vpcs",
    "zones",
]
