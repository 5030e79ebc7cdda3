"""Debian's docker-registry, which keeps the layers and manifests of the local ECR.

It starts when it is first asked, on a socket in a temporary folder. `end` ends it and removes the
folder; where this process is killed, the kernel ends it (setpriv).
"""

import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

PROGRAM = "docker-registry"

_starting = threading.Lock()
_folder: Path | None = None
_process: subprocess.Popen[bytes] | None = None
_ended = False


class Unavailable(Exception):
    """It is not there, or does not start; the message says what to do."""


class Connection(http.client.HTTPConnection):
    """HTTP to its socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=120)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(method: str, path: str, headers: dict[str, str], body: Any) -> http.client.HTTPResponse:
    """One request; a body that is an iterator is sent on piece by piece."""
    connection = Connection(start())
    headers = {**headers, "Connection": "close"}
    try:
        chunked = "Transfer-Encoding" in headers
        connection.request(method, path, body=body, headers=headers, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has answered before it had read all
    return connection.getresponse()


def start() -> Path:
    """Its socket, once it listens there."""
    global _folder
    with _starting:
        if _folder and _process and _process.poll() is None:
            return _folder / "socket"
        if _ended:
            raise Unavailable(f"{PROGRAM} has ended with the local AWS")
        if not shutil.which(PROGRAM):
            raise Unavailable(
                f"the local AWS keeps no images without {PROGRAM}; install it (Debian, Ubuntu: "
                f"apt-get install {PROGRAM})"
            )
        _folder = _folder or Path(tempfile.mkdtemp(prefix="local-aws-registry-"))
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(_folder / "images")}},
            "http": {"net": "unix", "addr": str(_folder / "socket"), "relativeurls": True},
        }
        (_folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        begun = threading.Event()
        threading.Thread(target=_run, args=(_folder, begun), daemon=True).start()
        begun.wait()
        while not listens(_folder / "socket"):
            if _process is None or _process.poll() is not None:
                said = (_folder / "log").read_text(errors="replace").strip().splitlines()
                raise Unavailable(f"{PROGRAM} does not start: {said[-1] if said else 'no word'}")
            time.sleep(0.02)
        return _folder / "socket"


def _run(folder: Path, begun: threading.Event) -> None:
    """In a thread that lives as long: what setpriv asks for is done when the thread ends."""
    global _process
    command = [PROGRAM, "serve", str(folder / "config.yml")]
    if shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig", "KILL", *command]
    (folder / "socket").unlink(missing_ok=True)
    try:
        with open(folder / "log", "wb") as log:
            _process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
    finally:
        begun.set()
    _process.wait()


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def end() -> None:
    """May be called in a signal handler: it waits for no lock."""
    global _ended
    _ended = True
    if _process:
        _process.kill()
        _process.wait()
    if _folder:
        shutil.rmtree(_folder, ignore_errors=True)
