"""What security groups admit: plain functions of moto's network interfaces and rules."""

import ipaddress
from typing import Any

ANYWHERE = "0.0.0.0/0"


def reaches(sender: Any, receiver: Any, port: int) -> bool:
    """Whether the security groups of two network interfaces let one send to a port of the other."""
    sends = any(
        admits(rule, receiver, port) for group in sender.group_set for rule in group.egress_rules
    )
    return sends and any(
        admits(rule, sender, port) for group in receiver.group_set for rule in group.ingress_rules
    )


def admits(rule: Any, peer: Any, port: int) -> bool:
    if not covers(rule, port):
        return False
    if rule.cidr_ipv4:
        network = ipaddress.ip_network(rule.cidr_ipv4)
        return ipaddress.ip_address(peer.private_ip_address) in network
    return rule.source_group.get("GroupId") in [group.id for group in peer.group_set]


def covers(rule: Any, port: int) -> bool:
    """Whether a rule is for a TCP port."""
    if rule.ip_protocol == "-1":
        return True
    return bool(rule.ip_protocol == "tcp" and rule.from_port <= port <= rule.to_port)


def admits_everybody(interface: Any, port: int) -> bool:
    """Whether the internet may send to a port of a network interface."""
    return any(
        covers(rule, port) and rule.cidr_ipv4 == ANYWHERE
        for group in interface.group_set
        for rule in group.ingress_rules
    )


def leaves_everywhere(interface: Any, port: int) -> bool:
    """Whether a network interface may send to a port of the internet."""
    return any(
        covers(rule, port) and rule.cidr_ipv4 == ANYWHERE
        for group in interface.group_set
        for rule in group.egress_rules
    )
