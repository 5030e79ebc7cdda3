"""The processes of a task: made by a runner (runner.py), in a thread that waits for no lock.

`begin` answers at once; `state` is then "starting", "running" and "ended" in turn, and `trouble`
says what ECS would say of a start that failed.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...ground import clock
from ...ground.folder import kept, marked
from . import containers, images, kind, peers, plain, unpack
from .rules import SECOND

RUNNER = Path(__file__).with_name("runner.py")
RUNC = (
    "ResourceInitializationError: failed to create new container runtime task: failed to create "
    "shim task: OCI runtime create failed: runc create failed: unable to start container process: "
)
#: Seconds that a container has until its failed checks count.
BEGINNING = 5
#: Seconds that a runner may take to answer.
PATIENCE = 3
Lines = Callable[[str, list[tuple[int, str]]], None]


@dataclass
class Wanted:
    """What a task is to run, as it was when the task began."""

    id: str
    address: str
    region: str
    cpu: str
    #: The definitions of the containers that are run, each with its manifest and its secrets.
    containers: list[tuple[dict[str, Any], tuple[Any, dict[str, Any]], dict[str, str]]]
    #: The load balancers whose names are to become addresses of this machine (plain processes).
    names: dict[str, str] = field(default_factory=dict)
    #: The port of the task.
    port: int = 0


class Process:
    def __init__(self, wanted: Wanted, lines: Lines) -> None:
        self.wanted = wanted
        self.lines = lines
        self.state = "starting"
        self.trouble = ""
        self.codes: dict[str, int] = {}
        #: By container that has a health check of its own: as ECS says it, and failures in a row.
        self.health = {
            one["name"]: "UNKNOWN" for one, _, _ in wanted.containers if containers.check(one, 0)
        }
        self.failures: dict[str, int] = {}
        self.since = 0.0
        #: Where it is reached, where it has no network of its own.
        self.port = 0
        self.asking = threading.Lock()
        self.events: socket.socket | None = None
        self.requests: socket.socket | None = None
        self.runner: subprocess.Popen[bytes] | None = None
        self.stopped = False
        self.folder = kept.part("tasks") / wanted.id

    def begin(self) -> None:
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        outputs: list[int] = []
        try:
            self.folder.mkdir()
            told = [self.prepare(number) for number in range(len(self.wanted.containers))]
            outputs = [self.read_output(one["name"]) for one in told]
            self.spawn(told, outputs)
            self.follow()
        except images.Missing as fault:
            self.trouble = (
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {fault}"
            )
        except unpack.Broken as fault:
            self.trouble = f"CannotPullContainerError: {fault}"
        except containers.Refused as fault:
            self.trouble = f"CannotStartContainerError: {RUNC}{fault}: unknown"
        except Exception as fault:  # a task never stays as it is for ever
            self.trouble = f"TaskFailedToStart: {fault!r}"
        finally:
            self.state = "ended"
            for one in (self.events, self.requests):
                if one:
                    one.close()
            if self.runner:
                self.runner.wait()
            shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self, number: int) -> dict[str, Any]:
        """Unpack the image of a container; what runner.py needs to know of it."""
        definition, found, secrets = self.wanted.containers[number]
        with contextlib.ExitStack() as stack:
            layers = kept.part("pulls") / f"{self.wanted.id}-{number}"
            layers.mkdir()
            stack.callback(shutil.rmtree, layers, ignore_errors=True)
            image = images.of(definition["image"], found, self.wanted.cpu, layers)
            root = self.folder / f"root-{number}"
            files = (images.fetch(image.repository, one, layers) for one in image.layers)
            unpack.unpack(files, root)
        config = image.config.get("config") or {}
        told = containers.container(definition, config, root, self.wanted.region, secrets)
        told["check"] = containers.check(definition, SECOND * clock.moment)
        return {**told, **(self.moved(told, root) if kind.now == "plain" else {})}

    def moved(self, told: dict[str, Any], root: Path) -> dict[str, Any]:
        """What is otherwise without a network and a root of its own."""
        self.port = self.port or free_port()
        env = {name: self.elsewhere(value) for name, value in told["env"].items()}
        workdir = plain.inside(root, told["workdir"])
        if workdir is None:
            workdir = root / told["workdir"].strip("/")
            workdir.mkdir(parents=True)
        argv = plain.command(root, told["argv"], env["PATH"], told["workdir"])
        check = told["check"]
        if check:
            words = [self.elsewhere(word) for word in check["argv"]]
            check["argv"] = plain.command(root, words, env["PATH"], told["workdir"])
        return {
            "env": marked(env),
            "argv": argv,
            "named": told["argv"][0],
            "workdir": str(workdir),
        }

    def elsewhere(self, text: str) -> str:
        return containers.elsewhere(text, self.wanted.port, self.port, self.wanted.names)

    def read_output(self, name: str) -> int:
        """The end of a pipe into which a container writes its log."""
        output, end = os.pipe()
        threading.Thread(target=self.follow_output, args=(output, name), daemon=True).start()
        return end

    def follow_output(self, output: int, name: str) -> None:
        """Hand on whole lines as they come, those of a tenth of a second at once."""
        rest = b""
        ended = False
        while not ended:
            lines: list[tuple[int, str]] = []
            until = time.monotonic() + 0.1
            while (left := until - time.monotonic()) > 0 and not ended:
                if not select.select([output], [], [], None if not lines else left)[0]:
                    break
                piece = os.read(output, 65536)
                ended = not piece
                *whole, rest = (rest + (piece or b"\n" * bool(rest))).split(b"\n")
                if len(rest) > LINE:
                    whole.append(rest)
                    rest = b""
                now = int(time.time() * 1000)
                lines += [(now, part) for line in whole for part in cut(line)]
            if lines:
                self.lines(name, lines)
        os.close(output)

    def spawn(self, told: list[dict[str, Any]], outputs: list[int]) -> None:
        self.events, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.requests, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.requests.settimeout(PATIENCE)
        task = {
            "folder": str(self.folder),
            "isolated": kind.now != "plain",
            "mapped": kind.now == "user",
            "address": self.wanted.address,
            "hostname": f"ip-{self.wanted.address.replace('.', '-')}.ec2.internal",
            "containers": [
                {**one, "output": output} for one, output in zip(told, outputs, strict=True)
            ],
        }
        (self.folder / "task.json").write_text(json.dumps(task))
        (self.folder / "task.json").chmod(0o600)
        self.write("hostname", f"{task['hostname']}\n")
        self.write("resolv.conf", "# names stand in /etc/hosts\n")
        self.set_hosts({})
        descriptors = [theirs.fileno(), asked.fileno()]
        self.runner = subprocess.Popen(
            [sys.executable, "-I", "-S", str(RUNNER), *map(str, descriptors), str(self.folder)],
            stdin=subprocess.DEVNULL,
            pass_fds=[*descriptors, *outputs],
            env={},  # not marked: it ends by itself
            start_new_session=True,
        )
        for one in (theirs, asked):
            one.close()
        for output in outputs:
            os.close(output)

    def set_hosts(self, names: dict[str, str]) -> None:
        """Write the task's /etc/hosts, in place: it is mounted into its containers."""
        if self.state == "ended":
            return
        own = f"{self.wanted.address} ip-{self.wanted.address.replace('.', '-')}.ec2.internal"
        lines = ["127.0.0.1 localhost", own, *(f"{at} {name}" for name, at in names.items())]
        with contextlib.suppress(OSError):
            self.write("hosts", "\n".join(lines) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a file that anybody in the task may read."""
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o644)

    def hear(self) -> bytes:
        """The next event; none where the runner has ended."""
        assert self.events
        try:
            return self.events.recv(65536)
        except ConnectionResetError:  # it has not heard all, and what it has said comes now
            return self.events.recv(65536)

    def follow(self) -> None:
        while heard := self.hear():
            event = json.loads(heard)
            if "started" in event:
                self.state, self.since = "running", time.monotonic()
                if self.stopped:
                    self.stop()
            elif "waits" in event:
                self.trouble = f"TaskFailedToStart: {event['waits']}"
            elif "failed" in event:
                self.trouble = f"CannotStartContainerError: {RUNC}{event['why']}: unknown"
            elif "checked" in event:
                self.count(event["checked"], event["well"])
            else:
                self.codes[event["exited"]] = event["code"]

    def count(self, name: str, well: bool) -> None:
        """Count a container's own health check, which fails for good after some failures."""
        definition = next(one for one, _, _ in self.wanted.containers if one["name"] == name)
        given = definition["healthCheck"]
        self.failures[name] = 0 if well else self.failures.get(name, 0) + 1
        if well:
            self.health[name] = "HEALTHY"
        elif self.failures[name] >= (given.get("retries") or 3):
            begins = self.health[name] == "UNKNOWN"
            patience = max(BEGINNING, (given.get("startPeriod") or 0) * SECOND * clock.moment)
            since = self.since or time.monotonic()  # others of the task may still have to begin
            if not begins or time.monotonic() - since >= patience:
                self.health[name] = "UNHEALTHY"

    def stop(self) -> None:
        """Ask it to end, which takes as long as its containers like, or `stopTimeout`."""
        self.stopped = True
        if self.events:
            with contextlib.suppress(OSError):
                self.events.send(b"stop")

    def is_parent_of(self, pids: list[int]) -> bool:
        """Whether one of these processes is of this task."""
        runner = self.runner
        return runner is not None and any(runner.pid in peers.parents(pid) for pid in pids)

    def ask(self, what: dict[str, Any]) -> socket.socket:
        """A socket of the task's network.

        Errors: OSError.
        """
        with self.asking:
            if self.requests is None or self.state != "running":
                raise ConnectionRefusedError("the task does not run")
            self.requests.send(json.dumps(what).encode())
            told, descriptors, _, _ = socket.recv_fds(self.requests, 4096, 1)
        if not descriptors:
            raise ConnectionRefusedError(told[1:].decode(errors="replace"))
        return socket.socket(fileno=descriptors[0])

    def connect(self, port: int, timeout: float) -> socket.socket:
        """A connection to a port of the task.

        Errors: OSError; TimeoutError where it takes longer than `timeout` seconds.
        """
        if kind.now == "plain":
            if port != self.wanted.port or self.state != "running":
                raise ConnectionRefusedError("nothing listens there")
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout)
            except ConnectionRefusedError:
                # One that knows only its own port has that one, if nobody else does.
                own = peers.descendants(self.runner.pid) if self.runner else []
                if not peers.listens(own, port):
                    raise
                return socket.create_connection(("127.0.0.1", port), timeout)
        made = self.ask({"connect": [self.wanted.address, port]})
        made.settimeout(timeout)
        if not select.select([], [made], [], timeout)[1]:
            made.close()
            raise TimeoutError("timed out")
        if number := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            made.close()
            raise OSError(number, os.strerror(number))
        return made


#: A line of a log has no more bytes than an event of CloudWatch Logs.
LINE = 256 * 1024 - 26


def cut(line: bytes) -> list[str]:
    """A line as events: none of an empty one, several of a long one."""
    text = line.rstrip(b"\r")
    pieces = range(0, len(text), LINE)
    return [text[first : first + LINE].decode(errors="replace") for first in pieces]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
