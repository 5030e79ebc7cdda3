"""Runs a container's command as a task of ECS does, on this machine: in a network of its own, which
`unshare --net` has made, and with nothing of this machine but the folder of the image's files.

    unshare --net python3 task.py '{"root": FOLDER, "command": ["/web"], "user": 5678,
        "env": {"ASPNETCORE_URLS": "http://+:5000"},
        "serves": {SOCKET: 5000}, "reaches": {"127.0.1.2:80": SOCKET}}'

The sockets are files, and files are seen from every network: whoever connects to one of `serves`
comes to that port of the task, and what the task sends to one of `reaches` goes to that socket.
So they stand for load balancers. At the end of stdin the command gets a SIGTERM, and what
ended it is the exit code.
"""

import fcntl
import json
import shutil
import socket
import struct
import subprocess
import sys
import threading


def loopback_up() -> None:
    """A new network has one interface, which is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        interface, set_flags, up = b"lo", 0x8914, 1
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", interface, up))


def connect(where: str | int) -> socket.socket:
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where))
    to = socket.socket(socket.AF_UNIX)
    to.connect(where)
    return to


def listen(where: str) -> socket.socket:
    host, colon, port = where.rpartition(":")
    if colon:
        return socket.create_server((host, int(port)))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
    listener.listen()
    return listener


def relay(listener: socket.socket, where: str | int) -> None:
    while True:
        client, _ = listener.accept()
        threading.Thread(target=join, args=(client, where), daemon=True).start()


def join(client: socket.socket, where: str | int) -> None:
    try:
        server = connect(where)
    except OSError:
        client.close()  # nobody is there
        return
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    copy(server, client)
    client.close()


def copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def main() -> None:
    task = json.loads(sys.argv[1])
    loopback_up()
    for at, where in {**task["serves"], **task["reaches"]}.items():
        threading.Thread(target=relay, args=(listen(at), where), daemon=True).start()
    user = f"--userspec={task['user']}:{task['user']}"
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"
    words = [chroot, user, task["root"], *task["command"]]
    command = subprocess.Popen(words, env=task["env"], stdin=subprocess.DEVNULL)
    sys.stdin.read()
    command.terminate()
    sys.exit(-command.wait())


main()
