"""What a container of a task definition comes to, with its image: command, variables, user.

All of it is decided from what is given, and from the image's own /etc/passwd and /etc/group.
"""

import re
import signal
from pathlib import Path
from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: How a program is told to listen on a port, before the colon: a host of another machine is none.
HERE = r"(?:^|[\s,;=/@])(?:[+*]|0\.0\.0\.0|127\.0\.0\.1|localhost|\[::1?\])?"
#: Seconds until a container that was asked to end is killed.
STOP_TIMEOUT = 30


class Refused(Exception):
    """A container that cannot be started; the message is what ECS says."""


def argv(definition: dict[str, Any], image: dict[str, Any]) -> list[str]:
    """The words to run. Another entry point also does away with the image's own arguments."""
    if definition.get("entryPoint"):
        words = [*definition["entryPoint"], *definition.get("command", [])]
    else:
        arguments = definition.get("command") or image.get("Cmd") or []
        words = [*(image.get("Entrypoint") or []), *arguments]
    if not words:
        raise Refused("no command specified")
    return [str(word) for word in words]


def environment(
    definition: dict[str, Any], image: dict[str, Any], region: str, secrets: dict[str, str]
) -> dict[str, str]:
    """The image's variables, under what ECS sets, under those of the task definition.

    `secrets` are the variables whose values are elsewhere: those of files are under the plain ones.
    """
    own = dict(pair.partition("=")[::2] for pair in image.get("Env") or [])
    given = {one["name"]: one.get("value", "") for one in definition.get("environment", [])}
    ecs = {"AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}
    ecs |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return {"PATH": PATH, **own, **ecs, **given, **secrets}


def entries(root: Path, name: str) -> list[list[str]]:
    """The lines of the image's /etc/passwd or /etc/group."""
    path = root / "etc" / name
    if (root / "etc").is_symlink() or path.is_symlink() or not path.is_file():
        return []
    lines = path.read_text(errors="replace").splitlines()
    return [line.split(":") for line in lines if line.count(":") >= 3]


def user(text: str, root: Path) -> tuple[int, int, str]:
    """User, group and home of `USER`, `USER:GROUP` or their numbers.

    Errors: Refused where the image has no such name.
    """
    name, _, group_name = (text or "0").partition(":")
    people = entries(root, "passwd")
    one = next((line for line in people if name in (line[0], line[2])), None)
    if one and len(one) > 5 and one[3].isdigit():
        uid, gid, home = int(one[2]), int(one[3]), one[5] or "/"
    elif name.isdigit():
        uid, gid, home = int(name), 0, "/"
    else:
        raise Refused(f"unable to find user {name}: no matching entries in passwd file")
    if group_name.isdigit():
        gid = int(group_name)
    elif group_name:
        groups = [line for line in entries(root, "group") if line[0] == group_name]
        if not groups:
            raise Refused(f"unable to find group {group_name}: no matching entries in group file")
        gid = int(groups[0][2])
    return uid, gid, home


def stop_signal(image: dict[str, Any]) -> int:
    """The signal that asks for an end: the image's STOPSIGNAL, by name or number."""
    text = str(image.get("StopSignal") or "SIGTERM").upper()
    if text.isdigit() and int(text) in {one.value for one in signal.Signals}:
        return int(text)
    name = text if text.startswith("SIG") else f"SIG{text}"
    return int(getattr(signal, name, signal.SIGTERM))


def check(definition: dict[str, Any], second: float) -> dict[str, Any] | None:
    """A container's own health check; a second of its interval lasts `second` here."""
    given = definition.get("healthCheck") or {}
    kind, *words = given.get("command") or ["NONE"]
    if kind == "NONE":
        return None
    argv = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
    interval = max((given.get("interval") or 30) * second, 0.1)
    return {"argv": argv, "interval": interval, "timeout": given.get("timeout") or 5}


def container(
    definition: dict[str, Any],
    image: dict[str, Any],
    root: Path,
    region: str,
    secrets: dict[str, str],
) -> dict[str, Any]:
    """What runner.py needs to know of a container, but for its output.

    Errors: Refused.
    """
    uid, gid, home = user(definition.get("user") or image.get("User") or "", root)
    variables = environment(definition, image, region, secrets)
    variables.setdefault("HOME", home)
    limits = [one for one in definition.get("ulimits", []) if one.get("name") == "nofile"]
    return {
        "name": definition["name"],
        "root": str(root),
        "argv": argv(definition, image),
        "env": variables,
        "user": uid,
        "group": gid,
        "workdir": definition.get("workingDirectory") or image.get("WorkingDir") or "/",
        "readonly": bool(definition.get("readonlyRootFilesystem")),
        "tmpfs": [
            [one["containerPath"], one["size"]]
            for one in (definition.get("linuxParameters") or {}).get("tmpfs") or []
        ],
        "after": {
            one["containerName"]: one["condition"] for one in definition.get("dependsOn") or []
        },
        "stop_signal": stop_signal(image),
        "stop_timeout": definition.get("stopTimeout") or STOP_TIMEOUT,
        "essential": definition.get("essential", True),
        "limits": limits,
    }


def elsewhere(text: str, port: int, own: int, names: dict[str, str]) -> str:
    """The value of a variable where a task has no network of its own.

    Its port is another one of this machine, and so are the load balancers' names: `names` says
    which, as `127.0.0.1:PORT`.
    """
    for name, address in names.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?::80)?(?![\w.:-])", address, text)
    if text == str(port):
        return str(own)
    return re.sub(rf"({HERE}):{port}(?!\d)", rf"\g<1>:{own}", text)
