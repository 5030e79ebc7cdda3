"""The ports on which load balancers can be reached, and who comes through them.

A public load balancer has a port of 127.0.0.1 for this machine, which its DNS name carries, since
`NAME.….elb.localhost` leads there in browsers and curl. In the network of each task there is a
listening socket for each listener of the load balancers that it may reach, at an address that the
task's /etc/hosts gives their names; who comes through that is known to be that task. Internal ones
have no port on this machine, unless tasks have no networks of their own; then they have one, and
who comes is found out by the kernel's list of connections (peers.py).

Security groups are asked again for each connection. What they do not admit is closed, or refused;
on AWS it hangs until a timeout.
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.elbv2.models import elbv2_backends

from ...ground.groups import admits_everybody, leaves_everywhere, reaches
from ...ground.lock import lock
from . import kind, peers

#: A connection through a door: the client's socket, its address, and the door.
Serve = Callable[[socket.socket, Any, "Door"], None]


@dataclass
class Door:
    """A listening socket that leads to a listener of a load balancer."""

    balancer: Any
    port: int  # the listener's
    #: Whose network it is in; None: this machine's.
    task: Any
    socket: socket.socket
    is_open: bool = False

    @property
    def number(self) -> int:
        """The port at which it is."""
        number: int = self.socket.getsockname()[1]
        return number


@dataclass
class Doors:
    """All of them, and the thread that takes the connections."""

    serve: Serve
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    #: By load balancer (ARN) and listener: those of this machine.
    here: dict[tuple[str, int], Door] = field(default_factory=dict)
    #: By task (ARN), load balancer (ARN) and port: those in the networks of tasks.
    there: dict[tuple[str, str, int], Door] = field(default_factory=dict)
    #: The tasks that run, by ARN.
    tasks: dict[str, Any] = field(default_factory=dict)

    def begin(self) -> None:
        ours, self.wake = socket.socketpair()
        self.selector.register(ours, selectors.EVENT_READ, None)
        threading.Thread(target=self.take, daemon=True).start()

    def take(self) -> None:
        while True:
            for key, _ in self.selector.select():
                if key.data is None:
                    with contextlib.suppress(OSError):
                        key.fileobj.recv(4096)  # type: ignore[union-attr]
                    continue
                try:
                    client, address = key.data.socket.accept()
                except OSError:
                    continue  # closed meanwhile
                given = (client, address, key.data)
                threading.Thread(target=self.welcome, args=given, daemon=True).start()

    def welcome(self, client: socket.socket, address: Any, door: Door) -> None:
        with client:
            client.settimeout(60)
            if self.admits(door, address):
                with contextlib.suppress(OSError):
                    self.serve(client, address, door)

    # The caller of these holds the lock.

    def name(self, balancer: Any) -> None:
        """Give a new load balancer the DNS name under which it can be reached."""
        if kind.now and has_port_here(balancer):
            port = self.make(balancer, 80)
            if is_public(balancer):
                name = balancer.dns_name.removesuffix(".amazonaws.com")
                balancer.dns_name = f"{name}.localhost:{port}"

    def make(self, balancer: Any, port: int) -> int:
        key = (balancer.arn, port)
        if key not in self.here:
            made = socket.socket()
            made.bind(("127.0.0.1", 0))
            self.here[key] = Door(balancer, port, None, made)
        return self.here[key].number

    def settle(self) -> None:
        """Open and close doors, so that they are those of the listeners that there are now.

        A port of this machine stays until its load balancer goes: that is in the DNS name.
        """
        balancers = [
            one
            for _, backends in list(elbv2_backends.items())
            for region in list(backends)
            for one in backends[region].load_balancers.values()
        ]
        wanted = {(one.arn, port): one for one in balancers for port in ports_of(one)}
        known = {one.arn for one in balancers}
        for key, balancer in wanted.items():
            if has_port_here(balancer):
                self.make(balancer, key[1])
                self.open(self.here[key])
        for gone in [key for key in self.here if key[0] not in known]:
            self.close(self.here.pop(gone))
        if kind.now != "plain":
            for task in self.tasks.values():
                self.settle_task(task, balancers)
        for left in [key for key in self.there if key[0] not in self.tasks]:
            self.close(self.there.pop(left))

    def settle_task(self, task: Any, balancers: list[Any]) -> None:
        addresses: dict[str, str] = task.__dict__.setdefault("balancer_addresses", {})
        names, wanted = {}, {}
        for balancer in balancers:
            if balancer.vpc_id != task.interface.subnet.vpc_id and not is_public(balancer):
                continue
            number = len(addresses)
            at = addresses.setdefault(balancer.arn, f"127.1.{number // 250}.{number % 250 + 1}")
            names[balancer.dns_name.partition(":")[0]] = at
            for port in ports_of(balancer) if may_reach_some(task, balancer) else []:
                wanted[task.task_arn, balancer.arn, port] = (balancer, port, port, at)
                here = self.here.get((balancer.arn, port))
                if here and is_public(balancer):
                    wanted[task.task_arn, balancer.arn, here.number] = (
                        balancer,
                        port,
                        here.number,
                        at,
                    )
        if names != task.__dict__.get("known_names"):
            task.process.set_hosts(names)
            task.known_names = names
        for key, (balancer, port, at_port, at) in wanted.items():
            if key not in self.there:
                with contextlib.suppress(OSError):  # it may be about to end
                    made = task.process.ask({"listen": [at, at_port]})
                    self.there[key] = Door(balancer, port, task, made)
                    self.open(self.there[key])
        own = [key for key in self.there if key[0] == task.task_arn and key not in wanted]
        for key in own:
            self.close(self.there.pop(key))

    def open(self, door: Door) -> None:
        if not door.is_open and door.balancer.state == "active":
            door.socket.listen(128)
            door.socket.setblocking(False)
            self.selector.register(door.socket, selectors.EVENT_READ, door)
            self.wake.send(b".")
            door.is_open = True

    def close(self, door: Door) -> None:
        if door.is_open:
            self.selector.unregister(door.socket)
        door.is_open = False
        door.socket.close()

    # Without the lock

    def admits(self, door: Door, address: Any) -> bool:
        """Whether the security groups let this client in, as they are now."""
        task = door.task
        own = door.socket.getsockname()
        if kind.now == "plain" and not is_public(door.balancer):
            asking = peers.process_of(address, own)
            with lock:
                task = next(
                    (one for one in self.tasks.values() if one.process.is_parent_of(asking)), None
                )
            if task is None:
                return False
        with lock:
            if is_public(door.balancer):
                leaves = task is None or leaves_everywhere(task.interface, door.port)
                return leaves and all(
                    admits_everybody(one, door.port) for one in door.balancer.interfaces.values()
                )
            return may_reach(task, door.balancer, door.port)


def is_public(balancer: Any) -> bool:
    return bool(balancer.scheme == "internet-facing")


def has_port_here(balancer: Any) -> bool:
    return is_public(balancer) or kind.now == "plain"


def ports_of(balancer: Any) -> list[int]:
    """The ports of the listeners that are served: HTTP alone."""
    return [int(one.port) for one in balancer.listeners.values() if one.protocol == "HTTP"]


def may_reach_some(task: Any, balancer: Any) -> bool:
    return is_public(balancer) or any(
        may_reach(task, balancer, port) for port in ports_of(balancer)
    )


def may_reach(task: Any, balancer: Any, port: int) -> bool:
    return any(
        reaches(task.interface, interface, port) for interface in balancer.interfaces.values()
    )
