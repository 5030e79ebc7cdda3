"""Answers of AWS: read back into the members of their operation, and which shape they have.

A shape tells, for each member of an answer, in how many of the structures that could have it it is
there, and what its values look like: the form of an ID, of an ARN, of a word. It holds no value of
anybody's; only words that the models themselves enumerate are kept.
"""

import base64
import collections
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from . import wire
from .shapes import Problem, joined

#: Forms of text that a client may rely on, the first that fits; what fits none is "text".
FORMS = {
    "empty": r"",
    "account": r"\d{12}",
    "number": r"-?\d+(\.\d+)?",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "digest": r"sha256:[0-9a-f]{64}",
    "hex": r"[0-9a-f]{16,}",
    "address": r"\d+\.\d+\.\d+\.\d+",
    "range": r"\d+\.\d+\.\d+\.\d+/\d+",
    "url": r"(https?|s3)://\S*",
    "json": r"\{[\s\S]*\}|%7B[\s\S]*",
    "WORD": r"[A-Z][A-Z0-9_]*",
}
NEWER_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)-(?:[0-9a-f]{8}|[0-9a-f]{17})")
#: What snapshots have in place of a value.
MASKED = re.compile(r"<[\w ./-]+(:\d+)?>")
ARN = re.compile(r"arn:[\w-]+:([\w-]+):([\w-]*):(\d*|aws):(?:([a-z][\w-]*)[/:])?.*")


class Seen(NamedTuple):
    """A member of one structure within an answer; the form is None where it is not there."""

    path: str
    form: str | None


def read(line: dict[str, Any], operation: Any) -> tuple[dict[str, Any], list[Problem]]:
    """The members of a recorded answer, and what of it the model does not know."""
    service = wire.model(line["service"])
    shape = operation.output_shape
    body = base64.b64decode(line["answer"])
    problems: list[Problem] = []
    if shape is None:
        return {}, problems
    if service.protocol in ("query", "ec2"):
        node = result(service, operation, wire.parsed_xml(body), problems)
        return wire.Xml(problems).read(shape, node, ""), problems
    if not service.protocol.startswith("rest"):
        return wire.Json(problems).read(shape, wire.parsed_json(body or b"{}"), ""), problems
    reader = wire.Json(problems) if service.protocol == "rest-json" else wire.Xml(problems)
    headers = wire.headers_of(shape, line["answer_headers"], of_amz=False)
    members = wire.located(shape, "header", headers, reader)
    return members | wire.from_body(service, shape, body, reader), problems


def result(service: Any, operation: Any, root: ET.Element, problems: list[Problem]) -> ET.Element:
    """The part of an answer in XML that holds the members."""
    parts = {wire.local(part.tag): part for part in root}
    if service.protocol == "ec2":
        if "requestId" in parts:
            root.remove(parts["requestId"])
        return root
    parts.pop("ResponseMetadata", None)
    found = parts.pop(f"{operation.name}Result", ET.Element("nothing"))
    problems += [Problem(name, "is unknown") for name in parts]
    return found


def seen(shape: Any, value: Any, path: str = "") -> Iterator[Seen]:
    """Every member that an answer has or could have, with its form."""
    if shape is None:
        return
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, inner in shape.members.items():
            yield Seen(joined(path, name), form(inner, value[name]) if name in value else None)
            if name in value and name not in ("Tags", "tags"):  # anybody's
                yield from seen(inner, value[name], joined(path, name))
    elif shape.type_name == "list" and isinstance(value, list):
        for one in value:
            if shape.member.type_name not in ("structure", "list", "map"):
                yield Seen(f"{path}[]", form(shape.member, one))
            yield from seen(shape.member, one, f"{path}[]")


def form(shape: Any, value: Any) -> str:
    """What a value looks like."""
    kind: str = shape.type_name
    if kind in ("list", "map"):
        return kind if value else f"empty {kind}"
    if kind != "string" or not isinstance(value, str):
        return kind
    if "enum" in shape.metadata:
        return f"={value}"
    return form_of_text(value)


def form_of_text(text: str) -> str:
    if MASKED.search(text):
        return "=masked"
    if found := NEWER_ID.fullmatch(text):
        return f"{found[1]}-#"
    if found := ARN.fullmatch(text):
        region, account = ("#" if part else "" for part in found.group(2, 3))
        return f"arn:{found[1]}:{region}:{account}:{found[4] or ''}"
    return next((name for name, pattern in FORMS.items() if re.fullmatch(pattern, text)), "text")


class Member:
    """How often a member is there, and in which forms."""

    def __init__(self) -> None:
        self.there = self.lacking = 0
        self.forms: set[str] = set()

    def add(self, form: str | None) -> None:
        if form is None:
            self.lacking += 1
        else:
            self.there += 1
            self.forms.add(form)


def gathered(all_seen: Iterable[Seen]) -> dict[str, Member]:
    """What was seen of each member."""
    members: dict[str, Member] = collections.defaultdict(Member)
    for one in all_seen:
        members[one.path].add(one.form)
    return members
