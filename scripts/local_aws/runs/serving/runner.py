"""Runs the containers of a task. A program of its own, with nothing but the standard library:

    python -I -S runner.py EVENTS REQUESTS FOLDER

EVENTS and REQUESTS are the numbers of two sockets that lead to the local AWS; FOLDER is the task's,
with `task.json`, which says what to run. By EVENTS it tells, a JSON object each:

    {"started": true}                    all containers run
    {"failed": "web", "why": "exec …"}   a container could not be started, and the task ends
    {"failed": "web", "waits": "…"}      what it waits for will not come
    {"checked": "web", "well": true}     a container's own health check has ended
    {"exited": "web", "code": 143}       as a shell says it: a signal is 128 and its number

and "stop" is what it is told. By REQUESTS it answers with a socket of the task's network: to
{"connect": ["10.0.1.5", 80]} one that connects, to {"listen": ["127.0.1.1", 80]} one that listens.

When EVENTS ends, however the local AWS has ended, everything here is killed, and FOLDER is removed.

Where the kernel lets it ("isolated"), a task has a network, and each container has processes,
mounts, a hostname and a user of its own, and sees nothing of this machine but its image. That needs
no privileges: in a user namespace one is whoever one wants to be ("mapped"). Root does without it.
There, process 1 passes signals on, so that a signal without a handler ends the command, as with
`initProcessEnabled` on ECS. Otherwise the command is a plain process of this machine.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import sys
import time
from typing import Any

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
PDEATHSIG, CAPBSET_DROP, CHILD_SUBREAPER, NO_NEW_PRIVS = 1, 24, 36, 38
#: What root may do in a container, by the numbers of capabilities: as in Docker, but without those
#: that lead out of a changed root.
KEPT = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
#: Parts of /proc by which root could change this machine.
READ_ONLY = ("sys", "sysrq-trigger", "irq", "bus")

libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *args: Any) -> int:
    """A system call of libc.

    Errors: OSError, as Python's own.
    """
    result: int = getattr(libc, name)(*args)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    words = (source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode())
    call("mount", *words)


def remount_read_only(target: str) -> None:
    """Flags that a mount has already stay: a user namespace may not take them away."""
    kept = os.statvfs(target).f_flag & (NOSUID | NODEV | NOEXEC)
    mount("", target, "", REMOUNT | BIND | RDONLY | kept)


def map_ids(user: int, group: int, outer_user: int, outer_group: int) -> None:
    """In a new user namespace: who this process is there."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {outer_user} 1"),
        ("gid_map", f"{group} {outer_group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def enter_network(mapped: bool, address: str) -> None:
    """A new network, with the task's address on its loopback interface."""
    user, group = os.geteuid(), os.getegid()
    call("unshare", NEWNET | (NEWUSER if mapped else 0))
    if mapped:
        map_ids(0, 0, user, group)
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        set_flags, set_address, up = 0x8914, 0x8916, 1
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH22x", b"lo", up))
        own = struct.pack("16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, set_address, own)
    try:  # as in Docker and on Fargate, ports below 1024 are for everyone
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", "w") as file:
            file.write("0")
    except OSError:
        pass


# In a container's own processes


def place(root: str, path: str, folder: bool) -> str:
    """A place in an image on which to mount: made where it lacks, and never through a link."""
    at = root
    parts = path.split("/")
    for number, part in enumerate(parts, 1):
        at = f"{at}/{part}"
        wanted_folder = folder or number < len(parts)
        mode = os.lstat(at).st_mode if os.path.lexists(at) else 0
        if mode and not (stat.S_ISDIR(mode) if wanted_folder else stat.S_ISREG(mode)):
            os.unlink(at)
            mode = 0
        if not mode and wanted_folder:
            os.mkdir(at, 0o755)
        elif not mode:
            os.close(os.open(at, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    return at


def enter_root(folder: str, container: dict[str, Any], hostname: str) -> None:
    """Make the image's files the only ones there are."""
    root = container["root"]
    mount("", "/", "", REC | PRIVATE)
    mount(root, root, "", BIND)
    mount("tmpfs", place(root, "dev", True), "tmpfs", NOSUID, "mode=755,size=64k")
    for name in DEVICES:
        mount(f"/dev/{name}", place(root, f"dev/{name}", False), "", BIND)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{root}/dev/{name}")
    os.symlink("/proc/self/fd", f"{root}/dev/fd")
    mount("tmpfs", place(root, "dev/shm", True), "tmpfs", NOSUID | NODEV, "mode=1777,size=64m")
    for path, size in container.get("tmpfs", ()):
        at = place(root, path.strip("/"), True)
        mount("tmpfs", at, "tmpfs", NOSUID | NODEV | NOEXEC, f"mode=1777,size={size}m")
    for name in ("hosts", "resolv.conf", "hostname"):
        mount(f"{folder}/{name}", place(root, f"etc/{name}", False), "", BIND)
    try:
        mount("proc", place(root, "proc", True), "proc", NOSUID | NODEV | NOEXEC)
        for name in READ_ONLY:
            if os.path.exists(f"{root}/proc/{name}"):
                mount(f"{root}/proc/{name}", f"{root}/proc/{name}", "", BIND | REC)
                remount_read_only(f"{root}/proc/{name}")
    except OSError as fault:  # within another container the kernel may hide what its /proc hides
        if fault.errno != errno.EPERM:
            raise
    os.chroot(root)
    os.chdir("/")
    with contextlib.suppress(FileExistsError):  # no folder, which chdir says
        os.makedirs(container["workdir"], exist_ok=True)
    if container["readonly"]:
        remount_read_only("/")
    call("sethostname", hostname.encode(), len(hostname.encode()))


def drop_capabilities() -> None:
    for number in range(64):
        if number not in KEPT and libc.prctl(CAPBSET_DROP, number, 0, 0, 0) < 0:
            break  # there are no more


def become(container: dict[str, Any], isolated: bool, mapped: bool) -> None:
    """Turn this process into a container's command; answers only by an OSError."""
    os.setsid()
    null = os.open("/dev/null", os.O_RDONLY)
    for number, descriptor in enumerate((null, container["output"], container["output"])):
        os.dup2(descriptor, number)
    for limit in container["limits"]:
        try:
            soft, hard = limit["softLimit"], limit["hardLimit"]
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        except (OSError, ValueError):
            pass  # more than this machine allows
    if isolated and not mapped:
        os.fchown(container["output"], container["user"], container["group"])
        os.setgroups([container["group"]])
        os.setgid(container["group"])
        os.setuid(container["user"])
    if isolated:
        call("prctl", NO_NEW_PRIVS, 1, 0, 0, 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # another user would have lost it before
    os.umask(0o022)
    os.chdir(container["workdir"])
    argv, env = container["argv"], container["env"]
    os.execvpe(container.get("program") or argv[0], argv, env)


def words(fault: OSError, container: dict[str, Any]) -> str:
    """Why a container does not start, in the words of runc."""
    program = container.get("named") or container["argv"][0]
    if fault.errno == errno.ENOENT and "/" not in program:
        return f'exec: "{program}": executable file not found in $PATH'
    return f'exec: "{program}": {os.strerror(fault.errno or 0).lower()}'


def command(container: dict[str, Any], isolated: bool, mapped: bool, told: int) -> None:
    """The command's process, until it is the command."""
    try:
        become(container, isolated, mapped)
    except OSError as fault:
        os.write(told, words(fault, container).encode())
    os._exit(127)


def pass_on_signals(to: int, stop: int) -> None:
    for number in {stop, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
        signal.signal(number, lambda got, _: os.kill(to, got))


def until_it_ends(child: int) -> int:
    """Reaps processes until this one has ended; how, as a shell says it."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def first_process(task: dict[str, Any], container: dict[str, Any], told: int) -> None:
    """Process 1 of a container: it makes the place, starts the command and ends with it."""
    call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        enter_root(task["folder"], container, task["hostname"])
        drop_capabilities()
        for number in (1, 2):  # what is written to those of process 1 is in the log, as on Fargate
            os.dup2(container["output"], number)
        child = os.fork()
    except OSError as fault:
        os.write(told, str(fault).encode())
        os._exit(127)
    if child == 0:
        command(container, True, task["mapped"], told)
    pass_on_signals(child, container["stop_signal"])
    os.close(told)  # from now on it counts as started, and can be stopped
    os._exit(until_it_ends(child))


def outside_process(task: dict[str, Any], container: dict[str, Any], told: int) -> None:
    """Makes the namespaces of a container; only a child of this process is in all of them."""
    call("prctl", PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    try:
        flags = NEWNS | NEWPID | NEWIPC | NEWUTS
        call("unshare", flags | (NEWUSER if task["mapped"] else 0))
        if task["mapped"]:
            map_ids(container["user"], container["group"], 0, 0)
        child = os.fork()
    except OSError as fault:
        os.write(told, str(fault).encode())
        os._exit(127)
    if child == 0:
        first_process(task, container, told)
    pass_on_signals(child, container["stop_signal"])
    os.close(told)  # from now on it counts as started, and can be stopped
    os._exit(until_it_ends(child))


# A container's health check


def enter(process: int, mapped: bool) -> None:
    """Go where a container's process 1 is; only a child of this process is among its processes."""
    names = ["user"] if mapped else []
    names += ["mnt", "pid", "ipc", "uts"]
    root = os.open(f"/proc/{process}/root", os.O_RDONLY | os.O_DIRECTORY)
    for space in [os.open(f"/proc/{process}/ns/{name}", os.O_RDONLY) for name in names]:
        call("setns", space, 0)
    os.fchdir(root)
    os.chroot(".")


def start_check(task: dict[str, Any], container: dict[str, Any]) -> int:
    """Begin a check; the process that ends as it does."""
    child = os.fork()
    if child:
        return child
    try:
        libc.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        checks = container["check"]
        told = {**container, **checks, "output": os.memfd_create("check")}
        if not task["isolated"]:
            become(told, False, False)
        enter(children()[container["pid"]][0], task["mapped"])
        drop_capabilities()
        within = os.fork()
        if within == 0:
            become(told, True, task["mapped"])
        os._exit(until_it_ends(within))
    finally:
        os._exit(127)


# In the runner


def start(task: dict[str, Any], container: dict[str, Any], inherited: list[int]) -> tuple[int, str]:
    """The process to signal, and why the command does not run, or ""."""
    heard, told = os.pipe()
    child = os.fork()
    if child == 0:
        for descriptor in [heard, *inherited]:
            os.close(descriptor)
        try:
            if task["isolated"]:
                outside_process(task, container, told)
            command(container, False, False, told)
        except BaseException as fault:  # nothing of the runner may go on in it
            os.write(told, repr(fault).encode())
        finally:
            os._exit(127)
    os.close(told)
    os.close(container["output"])
    with os.fdopen(heard, "rb") as answer:
        return child, answer.read().decode(errors="replace")


class Runner:
    def __init__(self, events: int, requests: int, folder: str) -> None:
        self.events = socket.socket(fileno=events)
        self.requests = socket.socket(fileno=requests)
        self.folder = folder
        with open(f"{folder}/task.json") as file:
            self.task: dict[str, Any] = json.load(file)
        self.running: dict[int, dict[str, Any]] = {}  # by a pidfd
        self.heard = True  # the local AWS is there
        self.due: list[tuple[float, int]] = []  # when a container, by its pid, is to be checked
        self.checks: dict[int, dict[str, Any]] = {}  # those that run, by a pidfd
        self.inherited = [events, requests]
        self.waiting: list[dict[str, Any]] = list(self.task["containers"])
        #: By name: those that have begun, those that were well, and how those have ended that have.
        self.begun: set[str] = set()
        self.well: set[str] = set()
        self.codes: dict[str, int] = {}

    def tell(self, **event: Any) -> None:
        try:
            self.events.send(json.dumps(event).encode())
        except OSError:
            self.heard = False

    def run(self) -> None:
        libc.prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            if self.task["isolated"]:
                enter_network(self.task["mapped"], self.task["address"])
        except OSError as fault:
            self.tell(failed="", why=str(fault))
            return
        outputs = [container["output"] for container in self.task["containers"]]
        for one in [*self.inherited, *outputs]:
            os.set_inheritable(one, False)
        self.begin_ready()
        while self.running and self.heard:
            self.turn()

    def begin_ready(self) -> None:
        """Start the containers whose dependencies are met, until all have begun or one cannot."""
        if not self.waiting:
            return
        while ready := [one for one in self.waiting if not self.waits_for(one)]:
            for container in ready:
                self.waiting.remove(container)
                if not self.begin(container):
                    self.give_up()
                    return
        if not self.waiting:
            self.tell(started=True)
            return
        for one in self.waiting:
            what = self.waits_for(one)
            if what in self.codes or not self.running:
                why = f"dependency {what} of container {one['name']} has ended otherwise"
                self.tell(failed=one["name"], waits=why)
                self.give_up()
                return

    def waits_for(self, container: dict[str, Any]) -> str:
        """The container that keeps one from beginning, or "". One that is not run keeps nobody."""
        real = {one["name"] for one in self.task["containers"]}
        for name, condition in container.get("after", {}).items():
            met = {
                "START": name in self.begun,
                "HEALTHY": name in self.well,
                "COMPLETE": name in self.codes,
                "SUCCESS": self.codes.get(name) == 0,
            }
            if name in real and not met[condition]:
                return str(name)
        return ""

    def begin(self, container: dict[str, Any]) -> bool:
        child, why = start(self.task, container, self.inherited)
        if why:
            self.tell(failed=container["name"], why=why)
            return False
        self.begun.add(container["name"])
        self.running[os.pidfd_open(child)] = {**container, "pid": child}
        if container.get("check"):
            self.due.append((time.monotonic(), child))
        return True

    def give_up(self) -> None:
        """End with what runs: a task of which one container cannot begin has failed."""
        self.waiting = []
        self.heard = False

    def turn(self) -> None:
        """Wait for what comes next, and do it."""
        poll = select.poll()
        sockets = (self.events.fileno(), self.requests.fileno())
        for descriptor in (*sockets, *self.running, *self.checks):
            poll.register(descriptor, select.POLLIN)
        watched = [*self.running.values(), *self.checks.values()]
        deadlines = [one["deadline"] for one in watched if "deadline" in one]
        deadlines += [at for at, _ in self.due]
        wait = max(0.0, min(deadlines) - time.monotonic()) * 1000 if deadlines else None
        for ready, _ in poll.poll(wait):
            if ready == self.events.fileno():
                if self.events.recv(4096):
                    self.stop()
                else:
                    self.heard = False
            elif ready == self.requests.fileno():
                self.answer()
            elif ready in self.checks:
                self.checked(ready)
            else:
                self.ended(ready)
        self.begin_checks()
        for late in [*self.running.values(), *self.checks.values()]:
            if "deadline" in late and late["deadline"] <= time.monotonic():
                self.kill(late["pid"])
                late["deadline"] = time.monotonic() + 1

    def answer(self) -> None:
        asked = json.loads(self.requests.recv(65536) or b"{}")
        if not asked:
            self.heard = False
            return
        made = socket.socket()
        try:
            if "connect" in asked:
                made.setblocking(False)
                made.connect_ex(tuple(asked["connect"]))
            else:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                made.bind(tuple(asked["listen"]))
                made.listen(128)
            socket.send_fds(self.requests, [b"1"], [made.fileno()])
        except OSError as fault:
            self.requests.send(f"0{fault}".encode())
        finally:
            made.close()

    def stop(self) -> None:
        """Ask all containers to end; who has not in time is killed."""
        self.waiting = []
        for one in self.running.values():
            if "deadline" not in one:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one["pid"], one["stop_signal"])
                one["deadline"] = time.monotonic() + one["stop_timeout"]

    def begin_checks(self) -> None:
        now = time.monotonic()
        ready = {pid for at, pid in self.due if at <= now}
        self.due = [(at, pid) for at, pid in self.due if at > now]
        for container in self.running.values():
            if container["pid"] in ready:
                pid = start_check(self.task, container)
                check = {
                    "pid": pid,
                    "of": container,
                    "deadline": now + container["check"]["timeout"],
                }
                self.checks[os.pidfd_open(pid)] = check

    def checked(self, pidfd: int) -> None:
        check = self.checks.pop(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(check["pid"], 0)
        container = check["of"]
        self.tell(checked=container["name"], well=status == 0)
        if status == 0:
            self.well.add(container["name"])
            self.begin_ready()
        self.due.append((time.monotonic() + container["check"]["interval"], container["pid"]))

    def ended(self, pidfd: int) -> None:
        container = self.running.pop(pidfd)
        os.close(pidfd)
        _, status = os.waitpid(container["pid"], 0)
        code = os.waitstatus_to_exitcode(status)
        code = code if code >= 0 else 128 - code
        self.codes[container["name"]] = code
        self.tell(exited=container["name"], code=code)
        if container["essential"]:
            self.stop()
        else:
            self.begin_ready()

    def kill(self, pid: int) -> None:
        """Kill a container: with its process 1 ends all that is in it."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill all that is left, and remove the folder."""
        while True:
            for pid in descendants(os.getpid()):
                self.kill(pid)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                break
            time.sleep(0.005)
        shutil.rmtree(self.folder, onerror=open_up)


def open_up(remove: Any, path: str, _: Any) -> None:
    """A folder that its owner may not write to is made writable, and then it goes."""
    try:
        for one in (os.path.dirname(path), path):
            if not os.path.islink(one):
                os.chmod(one, 0o700)
        remove(path)
    except OSError:
        pass


def children() -> dict[int, list[int]]:
    """The processes of this machine, by those that have started them."""
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            found.setdefault(parent, []).append(int(name))
    return found


def descendants(of: int) -> list[int]:
    """All processes that this one has started, and those that they have, as far as they live."""
    all_children = children()
    found: list[int] = []
    left = [of]
    while left:
        more = all_children.get(left.pop(), [])
        found += more
        left += more
    return found


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    runner = Runner(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    try:
        runner.run()
    finally:
        runner.end()


if __name__ == "__main__":
    main()
