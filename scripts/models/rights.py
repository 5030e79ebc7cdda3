"""Which permissions a recorded request needs, beyond the one of its own operation."""

import re
from collections.abc import Iterator
from typing import Any

from . import authorization, wire

ROLE = re.compile(r"arn:[\w-]+:iam::\d*:role/")
CONNECTION = re.compile(r"arn:[\w-]+:(codeconnections|codestar-connections):.*:connection/")


def needed(line: dict[str, Any], request: wire.Request | None) -> set[str]:
    """The actions that a policy has to allow for a line of a recording.

    A request to a registry is none to AWS's own API: None.
    """
    own = f"{line['service']}:{line['action']}"
    if request is None:
        return {own}
    params = list(walk(request.params))
    actions = {own}
    tags = [name for name, _ in params if re.fullmatch(r"(?i)tags|tagging|TagSpecifications", name)]
    tagger = authorization.TAGGERS.get(line["service"])
    if tags and tagger and tagger in authorization.companions(own):
        actions.add(tagger)
    values = [value for _, value in params if isinstance(value, str)]
    if authorization.changes(own):
        if line["service"] != "iam" and any(ROLE.match(value) for value in values):
            actions.add("iam:PassRole")
        if any(CONNECTION.match(value) for value in values) and line["service"] == "codepipeline":
            actions |= {
                f"{of}:PassConnection" for of in ("codeconnections", "codestar-connections")
            }
    return actions


def walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value within another, with its name; one of a list has the list's and a number."""
    yield name, value
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from walk(one, inner)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from walk(one, f"{name}[{number}]")
