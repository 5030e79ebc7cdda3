"""Whether the local AWS serves, and what the kernel gives to a task: tried once, at the start.

`root`: namespaces for root. `user`: the same within a user namespace, for anyone. `plain`: none, so
that a task is a process of this machine, and the tasks of a service share one. "" serves nothing.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

RUNNER = Path(__file__).with_name("runner.py")
#: Set to `user` or `plain`, it has tasks run so where more would work.
FORCED = "LOCAL_AWS_NAMESPACES"
now = ""

PLAIN = (
    "this machine gives no network namespaces without root: each service runs as one process, "
    "whatever its desired count is, with this machine's files beside those of its image"
)


def choose() -> str:
    """Find out what works here, and serve that way from now on."""
    global now  # noqa: PLW0603
    kinds = [] if os.environ.get(FORCED) == "plain" else ["root", "user"]
    if os.geteuid() != 0 or os.environ.get(FORCED) == "user":
        kinds = [kind for kind in kinds if kind != "root"]
    now = next((kind for kind in kinds if works(kind)), "plain")
    return now


def works(kind: str) -> bool:
    """Whether a task gets as far as to look for its command, which is not there."""
    with tempfile.TemporaryDirectory(prefix="local-aws-new-") as folder:
        (Path(folder) / "root").mkdir()
        for name in ("hosts", "resolv.conf", "hostname"):
            (Path(folder) / name).touch()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        null = os.open(os.devnull, os.O_WRONLY)
        container: dict[str, Any] = {"name": "probe", "root": f"{folder}/root", "env": {}}
        container["argv"] = ["/probe"]
        container |= {"user": 1000, "group": 1000, "workdir": "/", "readonly": True, "limits": []}
        container |= {"stop_signal": 15, "stop_timeout": 1, "essential": True, "output": null}
        task: dict[str, Any] = {"folder": folder, "isolated": True, "mapped": kind == "user"}
        task |= {"address": "10.0.0.10", "hostname": "probe", "containers": [container]}
        (Path(folder) / "task.json").write_text(json.dumps(task))
        numbers = [theirs.fileno(), asked.fileno()]
        runner = subprocess.Popen(
            [sys.executable, "-I", "-S", str(RUNNER), *map(str, numbers), folder],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[*numbers, null],
        )
        theirs.close()
        os.close(null)
        heard = json.loads(ours.recv(65536) or b"{}")
        ours.close()
        runner.wait()
        Path(folder).mkdir(exist_ok=True)  # the runner has removed it
        return str(heard.get("why", "")).startswith('exec: "/probe"')
