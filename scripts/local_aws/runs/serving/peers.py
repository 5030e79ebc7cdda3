"""Who is at the other end of a connection on this machine, as the kernel tells it under /proc."""

import os
import socket
import struct
from typing import Any

from .runner import descendants

__all__ = ["descendants", "listens", "parents", "process_of"]
#: The state of a listening socket in /proc/net/tcp.
LISTENS = "0A"


def process_of(client: Any, server: Any) -> list[int]:
    """The processes that hold the client's end of a connection; none where it cannot be seen."""
    inode = inode_of(f"{hexadecimal(client)} {hexadecimal(server)}")
    if not inode:
        return []
    wanted = f"socket:[{inode}]"
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and holds(name, wanted)]


def hexadecimal(address: Any) -> str:
    """An address as /proc/net/tcp writes it."""
    (number,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{number:08X}:{address[1]:04X}"


def inode_of(ends: str) -> str:
    with open("/proc/net/tcp") as table:
        for line in table:
            words = line.split()
            if len(words) > 9 and f"{words[1]} {words[2]}" == ends and words[9] != "0":
                return words[9]
    return ""


def listens(pids: list[int], port: int) -> bool:
    """Whether one of these processes listens on a port of this machine."""
    wanted = f":{port:04X}"
    with open("/proc/net/tcp") as table:
        lines = [line.split() for line in table]
    inodes = [words[9] for words in lines if words[1].endswith(wanted) and words[3] == LISTENS]
    return any(holds(str(pid), f"socket:[{inode}]") for pid in pids for inode in inodes)


def holds(pid: str, wanted: str) -> bool:
    try:
        return any(
            os.readlink(f"/proc/{pid}/fd/{one}") == wanted for one in os.listdir(f"/proc/{pid}/fd")
        )
    except OSError:
        return False  # somebody else's, or ended


def parents(pid: int) -> list[int]:
    """A process, its parent, and so on."""
    found: list[int] = []
    while pid > 1 and pid not in found:
        found.append(pid)
        try:
            with open(f"/proc/{pid}/stat") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found
