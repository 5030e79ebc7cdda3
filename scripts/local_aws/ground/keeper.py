"""Waits for the end of a local AWS, and leaves nothing of it. A program of its own:

    python -I -S keeper.py FOLDER

stdin is a pipe that ends with the local AWS. Then all processes that have FOLDER in their
environment are killed, also those that they start meanwhile, and FOLDER is removed. The runners of
tasks end by themselves, and are waited for.
"""

import os
import shutil
import signal
import sys
import time
from typing import Any

#: Seconds in which it must be done: what is left then belongs to the next local AWS.
PATIENCE = 20
#: Seconds in which a runner ends its task by itself.
OF_RUNNERS = 5


def words(pid: str, file: str) -> list[bytes]:
    """The variables or arguments of a process; none where it has ended or is a stranger's."""
    try:
        with open(f"/proc/{pid}/{file}", "rb") as given:
            return given.read().split(b"\0")
    except OSError:
        return []


def look(folder: str) -> tuple[list[int], list[int]]:
    """The processes whose environment names the folder, and the runners of its tasks.

    What a user namespace has made more powerful keeps its environment to itself.
    """
    mark, below = f"LOCAL_AWS_FOLDER={folder}".encode(), f"{folder}/".encode()
    marked, runners = [], []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            if mark in words(name, "environ"):
                marked.append(int(name))
            elif any(word.startswith(below) for word in words(name, "cmdline")):
                runners.append(int(name))
    return marked, runners


def kill(pids: list[int]) -> None:
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def open_up(remove: Any, path: str, _: Any) -> None:
    """A folder that nobody may write to is made writable, and then it goes."""
    try:
        for one in (os.path.dirname(path), path):
            if not os.path.islink(one):
                os.chmod(one, 0o700)
        remove(path)
    except OSError:
        pass


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder = sys.argv[1]
    while os.read(0, 4096):
        pass
    ended = time.monotonic()
    while time.monotonic() < ended + PATIENCE:
        marked, runners = look(folder)
        kill(marked)
        if time.monotonic() > ended + OF_RUNNERS:
            kill(runners)
        if not marked and not runners:
            shutil.rmtree(folder, onerror=open_up)
            if not os.path.exists(folder):
                break
        time.sleep(0.01)


if __name__ == "__main__":
    main()
