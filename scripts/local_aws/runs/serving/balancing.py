"""What a load balancer does with a request that came through one of its doors."""

import functools
import socket
from typing import Any

from moto.elbv2.models import elbv2_backends

from ...ground.groups import reaches
from ...ground.lock import lock
from . import rules, stickiness
from .doors import Door
from .proxy import Answer, Connection, Target, failure

STAND_IN = b"This app is only pretended: nothing of its image was pushed here.\n"
CODES = {"HTTP_301": 301, "HTTP_302": 302}


def serve(client: socket.socket, address: Any, door: Door) -> None:
    """Serve a connection until it ends."""
    Connection(client, address, door.port, functools.partial(decide, door))


def decide(door: Door, request: rules.Request) -> Answer | Target | None:
    """By the state of this moment: a listener's rules, the targets' health, the groups."""
    with lock:
        listeners = door.balancer.listeners.values()
        listener = next((one for one in listeners if int(one.port) == door.port), None)
        if listener is None or door.balancer.state != "active":
            return None
        action = rules.action_for(listener.rules.values(), request)
        if action["Type"] == "redirect":
            config = action["RedirectConfig"]
            where = rules.location(config, request, "http", door.port)
            return Answer(CODES.get(config.get("StatusCode"), 302), {"Location": where})
        if action["Type"] == "fixed-response":
            config = action["FixedResponseConfig"]
            kind = config.get("ContentType") or "text/plain"
            body = config.get("MessageBody", "").encode()
            return Answer(int(config["StatusCode"]), {"Content-Type": kind}, body)
        arn = rules.pick(rules.groups_of(action))
        group = backend_of(door.balancer.arn).target_groups.get(arn)
        sticky = group is not None and stickiness.is_sticky(group)
        target = stickiness.chosen(group, request) if sticky else None
        target = target or (next_target(group) if group else None)
        if target is None:
            return failure(503)
        task, port = target.get("task"), int(target["Port"])
        if task is None:
            return Answer(503, {"Content-Type": "text/plain"}, STAND_IN)
        if not may_send(door.balancer, task.interface, port):
            return failure(504)  # the load balancer's packets are dropped
        cookie = stickiness.cookie(group, target) if sticky else ""
        return Target(functools.partial(task.process.connect, port), cookie)


def backend_of(arn: str) -> Any:
    _, _, _, region, account, _ = arn.split(":", 5)
    return elbv2_backends[account][region]


def may_send(balancer: Any, interface: Any, port: int) -> bool:
    """Whether the groups of a load balancer and of a target let a request pass."""
    return any(reaches(own, interface, port) for own in balancer.interfaces.values())


def next_target(group: Any) -> Any:
    """The targets in turn, the healthy ones; where none is healthy, the unhealthy ones."""
    by_status: dict[str, list[Any]] = {}
    for target in group.targets.values():
        health = target.get("health")
        by_status.setdefault(health.status if health else "healthy", []).append(target)
    targets = by_status.get("healthy") or by_status.get("unhealthy") or []
    if not targets:
        return None
    turn = group.__dict__["turn"] = group.__dict__.get("turn", -1) + 1
    return targets[turn % len(targets)]
