"""What of a request's parameters the model of its operation does not take.

botocore looks at required members, types and the lower bounds of lengths before it sends; AWS looks
at all of them: upper bounds, patterns, enumerations and unions too.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import patterns


class Problem(NamedTuple):
    """What is wrong with a member; in the path of one, [] stands for each of a list."""

    member: str
    what: str


def problems(shape: Any, value: Any, path: str = "") -> Iterator[Problem]:
    """All that a shape does not take of a value that has the shape's type."""
    kind = shape.type_name
    yield from scalar_problems(shape, value, path)
    if kind == "structure":
        yield from structure_problems(shape, value, path)
    elif kind == "list":
        for one in value:
            yield from problems(shape.member, one, f"{path}[]")
    elif kind == "map":
        for key, one in value.items():
            yield from problems(shape.key, key, f"{path}{{key}}")
            yield from problems(shape.value, one, f"{path}{{}}")


def structure_problems(shape: Any, value: dict[str, Any], path: str) -> Iterator[Problem]:
    for name in shape.required_members:
        if name not in value:
            yield Problem(joined(path, name), "is required")
    if shape.metadata.get("union") and len(value) != 1:
        yield Problem(path, f"takes exactly one member, not {sorted(value)}")
    for name, one in value.items():
        yield from problems(shape.members[name], one, joined(path, name))


def scalar_problems(shape: Any, value: Any, path: str) -> Iterator[Problem]:
    """Lengths, sizes, ranges, patterns and enumerations."""
    limits = shape.metadata
    size, of_what = measured(shape.type_name, value)
    if size is not None and size < limits.get("min", size):
        yield Problem(path, f"{of_what} {size}, and the least is {limits['min']}")
    if size is not None and size > limits.get("max", size):
        yield Problem(path, f"{of_what} {size}, and the most is {limits['max']}")
    if shape.type_name != "string":
        return
    if "enum" in limits and value not in limits["enum"]:
        yield Problem(path, f"{value!r} is none of {', '.join(limits['enum'])}")
    if "pattern" in limits:
        try:
            if not patterns.fits(limits["pattern"], value):
                yield Problem(path, f"{value!r} does not fit {limits['pattern']}")
        except re.error as why:
            yield Problem(path, f"has a pattern that cannot be read: {limits['pattern']}: {why}")


def measured(kind: str, value: Any) -> tuple[float | None, str]:
    """What the bounds of a shape are for."""
    if kind in ("string", "blob"):
        return len(value), "has the length"
    if kind in ("list", "map"):
        return len(value), "has the size"
    if kind in ("integer", "long", "float", "double"):
        return value, "is"
    return None, ""


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
