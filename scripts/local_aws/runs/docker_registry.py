"""Debian's docker-registry, which keeps the layers and manifests of the local ECR.

It starts with the first request, on a socket in the folder of the local AWS. `end` ends it; if the
local AWS is killed, the kernel does (setpriv).
"""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from ..ground.folder import kept

PROGRAM = "docker-registry"


class Unavailable(Exception):
    """It is not installed, or does not start; the message says what to do."""


class Connection(http.client.HTTPConnection):
    """HTTP to its socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Registry:
    """The process and its folder."""

    def __init__(self) -> None:
        self.starting = threading.Lock()
        self.folder: Path | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.ended = False

    def start(self) -> Path:
        """Its socket, once it listens there."""
        with self.starting:
            if self.folder and self.process and self.process.poll() is None:
                return self.folder / "socket"
            if self.ended:
                raise Unavailable(f"{PROGRAM} has ended with the local AWS")
            if not shutil.which(PROGRAM):
                raise Unavailable(
                    f"the local AWS keeps no images without {PROGRAM}; install it (Debian, Ubuntu: "
                    f"apt-get install {PROGRAM})"
                )
            folder = kept.part("registry")
            self.folder = folder
            config = {
                "version": "0.1",
                "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
                "http": {"net": "unix", "addr": str(folder / "socket"), "relativeurls": True},
            }
            (folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
            begun = threading.Event()
            threading.Thread(target=self.run, args=(folder, begun), daemon=True).start()
            begun.wait()
            while not listens(folder / "socket"):
                if self.process is None or self.process.poll() is not None:
                    lines = (folder / "log").read_text(errors="replace").strip().splitlines()
                    why = lines[-1] if lines else "no word"
                    raise Unavailable(f"{PROGRAM} does not start: {why}")
                time.sleep(0.02)
            return folder / "socket"

    def run(self, folder: Path, begun: threading.Event) -> None:
        """Run it in a thread that lives as long as it: setpriv kills it when the thread ends."""
        command = [PROGRAM, "serve", str(folder / "config.yml")]
        if shutil.which("setpriv"):
            command = ["setpriv", "--pdeathsig", "KILL", *command]
        (folder / "socket").unlink(missing_ok=True)
        try:
            with open(folder / "log", "wb") as log:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        finally:
            begun.set()
        self.process.wait()

    def end(self) -> None:
        self.ended = True
        if self.process:
            self.process.kill()
            self.process.wait()


_registry = Registry()


def ask(method: str, path: str, headers: dict[str, str], body: Any) -> http.client.HTTPResponse:
    """One request; a body that is an iterator is sent on piece by piece."""
    connection = Connection(_registry.start())
    headers = {**headers, "Connection": "close"}
    # It may answer, and close, before it has read the whole body.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        chunked = "Transfer-Encoding" in headers
        connection.request(method, path, body=body, headers=headers, encode_chunked=chunked)
    return connection.getresponse()


def end() -> None:
    """May be called in a signal handler: it waits for no lock."""
    _registry.end()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
