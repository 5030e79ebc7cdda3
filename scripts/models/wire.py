"""A recorded request, read back into the members of its operation: the reverse of what an SDK does.

What cannot be read, or is not of the model, is a problem: an operation that does not exist, a
member that nobody knows, a value of another type. Each protocol of AWS has its own spelling: query
and ec2 (forms), json, rest-json and rest-xml (the parts of a request over HTTP).
"""

import base64
import binascii
import functools
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import botocore.session

from .shapes import Problem, joined

#: What AWS calls the services in signatures, where its models have other names.
MODELS = {"elasticloadbalancing": "elbv2"}
#: Headers of S3 and Lambda that belong to the transport, and to no operation.
OF_THE_TRANSPORT = re.compile(
    r"x-amz-(date|security-token|content-sha256|decoded-content-length|trailer|checksum-.*"
    r"|sdk-checksum-algorithm)"
)


class Unreadable(Exception):
    """A request that is none of its service's."""


class Request(NamedTuple):
    service: str
    operation: Any
    params: dict[str, Any]
    problems: list[Problem]


@functools.cache
def model(service: str) -> Any:
    """The model of a service by the name that it is signed for."""
    return botocore.session.get_session().get_service_model(MODELS.get(service, service))


def read(line: dict[str, Any]) -> Request:
    """A line of a recording as a request. Raises Unreadable."""
    service = model(line["service"])
    body = base64.b64decode(line["body"])
    problems: list[Problem] = []
    if "x-www-form-urlencoded" in line["headers"]["content-type"]:
        name, fields = form(service, body)
        operation = operation_of(service, name)
        reader: Any = Ec2(problems) if service.protocol == "ec2" else Query(problems)
        params = reader.read(operation.input_shape, tree(fields), "") if fields else {}
    elif target := line["headers"].get("x-amz-target"):
        operation = operation_of(service, name_in_target(service, target))
        params = Json(problems).read(operation.input_shape, parsed_json(body or b"{}"), "")
    else:
        operation, params = rest(service, line, body, problems)
    return Request(line["service"], operation, params, problems)


def operation_of(service: Any, name: str) -> Any:
    if name not in service.operation_names:
        raise Unreadable(f"{service.service_name} has no operation {name}")
    return service.operation_model(name)


def form(service: Any, body: bytes) -> tuple[str, dict[str, str]]:
    """The operation and the fields of a form."""
    pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("a field comes twice")
    name, version = fields.pop("Action", ""), fields.pop("Version", "")
    if version != service.api_version:
        raise Unreadable(f"{name}: Version is {version}, and the model's {service.api_version}")
    return name, fields


def name_in_target(service: Any, target: str) -> str:
    prefix, _, name = target.rpartition(".")
    # codeconnections has a namespace before it, which the SDK for Rust leaves out; AWS takes both.
    if prefix not in (known := service.metadata.get("targetPrefix", ""), known.rpartition(".")[2]):
        raise Unreadable(f"X-Amz-Target {target} is none of {service.service_name}")
    return name


def parsed_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as why:
        raise Unreadable(f"the body is no JSON: {why}") from why


def parsed_xml(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)
    except ET.ParseError as why:
        raise Unreadable(f"the body is no XML: {why}") from why


def tree(fields: dict[str, str]) -> dict[str, Any]:
    """Fields like Tags.1.Key as a tree; the value of a field itself is under an empty name."""
    root: dict[str, Any] = {}
    for name, value in fields.items():
        node = root
        for part in name.split("."):
            node = node.setdefault(part, {})
        node[""] = value
    return root


class Reader:
    """What the protocols have in common. Problems are added to the list that it is given."""

    timestamps = "iso8601"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def wrong(self, path: str, what: str) -> None:
        self.problems.append(Problem(path, what))

    def read(self, shape: Any, node: Any, path: str) -> Any:
        """The value of a shape; None, and a problem, where it has another type."""
        if shape is None:  # an operation without parameters
            return {}
        readers = {"structure": self.structure, "list": self.list, "map": self.map}
        return readers.get(shape.type_name, self.scalar)(shape, node, path)

    def structure(self, shape: Any, node: Any, path: str) -> Any:
        raise NotImplementedError

    def list(self, shape: Any, node: Any, path: str) -> Any:
        raise NotImplementedError

    def map(self, shape: Any, node: Any, path: str) -> Any:
        raise NotImplementedError

    def scalar(self, shape: Any, node: Any, path: str) -> Any:
        """A value that is text on the wire."""
        return self.from_text(shape, node, path)

    def members(self, shape: Any, given: dict[str, Any], names: dict[str, str], path: str) -> Any:
        """The members that are given under their names on the wire."""
        value = {}
        for name, node in given.items():
            if name not in names:
                self.wrong(joined(path, name), "is unknown")
                continue
            member = names[name]
            one = self.read(shape.members[member], node, joined(path, member))
            if one is not None:
                value[member] = one
        return value

    def from_text(self, shape: Any, text: str, path: str, timestamps: str = "") -> Any:
        kind = shape.type_name
        try:
            if kind in ("integer", "long"):
                return int(text) if re.fullmatch(r"-?\d+", text) else self.not_of(kind, text, path)
            if kind in ("float", "double"):
                return float(text)
            if kind == "boolean":
                return {"true": True, "false": False}[text]
            if kind == "timestamp":
                form = shape.serialization.get("timestampFormat", timestamps or self.timestamps)
                return moment(text, form)
            if kind == "blob":
                return base64.b64decode(text, validate=True)
        except (ValueError, KeyError, TypeError, binascii.Error):
            return self.not_of(kind, text, path)
        return text

    def not_of(self, kind: str, value: Any, path: str) -> None:
        self.wrong(path, f"{value!r} is no {kind}")


def moment(text: str, form: str) -> datetime:
    if form == "rfc822":
        return parsedate_to_datetime(text)
    if form == "unixTimestamp":
        return datetime.fromtimestamp(float(text), timezone.utc)
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Query(Reader):
    """Forms, as IAM, STS and Elastic Load Balancing take them."""

    def name(self, member: str, shape: Any) -> str:
        serialization = shape.serialization
        if shape.type_name == "list" and serialization.get("flattened"):
            return shape.member.serialization.get("name", serialization.get("name", member))
        return serialization.get("name", member)

    def structure(self, shape: Any, node: Any, path: str) -> Any:
        names = {self.name(member, inner): member for member, inner in shape.members.items()}
        if "" in node:
            return self.not_of("structure", node[""], path)
        return self.members(shape, node, names, path)

    def list(self, shape: Any, node: Any, path: str) -> Any:
        if node == {"": ""}:
            return []
        if not shape.serialization.get("flattened"):
            name = shape.member.serialization.get("name", "member")
            if set(node) != {name}:
                return self.not_of(f"list of {name}", sorted(node), path)
            node = node[name]
        return self.numbered(shape, node, path)

    def numbered(self, shape: Any, node: Any, path: str) -> Any:
        if sorted(node, key=lambda one: (len(one), one)) != [str(n + 1) for n in range(len(node))]:
            return self.not_of("list that counts from 1", sorted(node), path)
        each = [self.read(shape.member, node[str(n + 1)], f"{path}[]") for n in range(len(node))]
        return [one for one in each if one is not None]

    def map(self, shape: Any, node: Any, path: str) -> Any:
        if not shape.serialization.get("flattened"):
            node = node.get("entry", {})
        key, value = (one.serialization.get("name", name) for name, one in pair_of(shape))
        return {
            one[key][""]: self.read(shape.value, one[value], f"{path}{{}}") for one in node.values()
        }

    def scalar(self, shape: Any, node: Any, path: str) -> Any:
        if set(node) != {""}:
            return self.not_of(shape.type_name, sorted(node), path)
        return self.from_text(shape, node[""], path)


def pair_of(shape: Any) -> Iterator[tuple[str, Any]]:
    yield "key", shape.key
    yield "value", shape.value


class Ec2(Query):
    """Forms of EC2: every list is flat, and names are in capitals."""

    def name(self, member: str, shape: Any) -> str:
        serialization = shape.serialization
        if "queryName" in serialization:
            return serialization["queryName"]
        name: str = serialization.get("name", member)
        return name[0].upper() + name[1:]

    def list(self, shape: Any, node: Any, path: str) -> Any:
        return [] if node == {"": ""} else self.numbered(shape, node, path)


class Json(Reader):
    """Bodies of the json protocols."""

    timestamps = "unixTimestamp"

    def structure(self, shape: Any, node: Any, path: str) -> Any:
        if not isinstance(node, dict):
            return self.not_of("structure", node, path)
        names = {one.serialization.get("name", member): member for member, one in of_body(shape)}
        given = {name: one for name, one in node.items() if one is not None}
        return self.members(shape, given, names, path)

    def list(self, shape: Any, node: Any, path: str) -> Any:
        if not isinstance(node, list):
            return self.not_of("list", node, path)
        each = [self.read(shape.member, one, f"{path}[]") for one in node]
        return [one for one in each if one is not None]

    def map(self, shape: Any, node: Any, path: str) -> Any:
        if not isinstance(node, dict):
            return self.not_of("map", node, path)
        return {key: self.read(shape.value, one, f"{path}{{}}") for key, one in node.items()}

    def scalar(self, shape: Any, node: Any, path: str) -> Any:
        kind = shape.type_name
        types: dict[str, Any] = {"integer": int, "long": int, "boolean": bool}
        types |= {"float": (int, float), "double": (int, float), "timestamp": (int, float, str)}
        wanted = types.get(kind, str)
        if not isinstance(node, wanted) or (isinstance(node, bool) and kind != "boolean"):
            return self.not_of(kind, node, path)
        if kind in ("blob", "timestamp"):
            return self.from_text(shape, str(node), path)
        return node


def of_body(shape: Any) -> Iterator[tuple[str, Any]]:
    """The members that go into a body, and not elsewhere in a request."""
    for member, one in shape.members.items():
        if not one.serialization.get("location"):
            yield member, one


class Xml(Reader):
    """Bodies of rest-xml."""

    def structure(self, shape: Any, node: Any, path: str) -> Any:
        names = {}
        grouped: dict[str, Any] = {local(name): text for name, text in node.attrib.items()}
        for member, one in of_body(shape):
            flat = one.type_name == "list" and one.serialization.get("flattened")
            inner = one.member.serialization.get("name") if flat else None
            names[one.serialization.get("name") or inner or member] = member
        names = {name.rpartition(":")[2]: member for name, member in names.items()}
        for child in node:
            name = local(child.tag)
            shape_of = shape.members.get(names.get(name, ""))
            if shape_of is not None and shape_of.serialization.get("flattened"):
                grouped.setdefault(name, []).append(child)
            elif name in grouped:
                self.wrong(joined(path, name), "comes twice")
            else:
                grouped[name] = child
        return self.members(shape, grouped, names, path)

    def list(self, shape: Any, node: Any, path: str) -> Any:
        name = shape.member.serialization.get("name", "member")
        if not isinstance(node, list):
            for child in node:
                if local(child.tag) != name:
                    self.wrong(joined(path, local(child.tag)), "is unknown")
        each = [self.read(shape.member, one, f"{path}[]") for one in node]
        return [one for one in each if one is not None]

    def scalar(self, shape: Any, node: Any, path: str) -> Any:
        if isinstance(node, str):  # an attribute
            return self.from_text(shape, node, path)
        if len(node):
            return self.not_of(shape.type_name, [local(one.tag) for one in node], path)
        return self.from_text(shape, node.text or "", path)


def local(tag: str) -> str:
    """A name of XML without its namespace."""
    return tag.rpartition("}")[2]


def rest(
    service: Any, line: dict[str, Any], body: bytes, problems: list[Problem]
) -> tuple[Any, dict[str, Any]]:
    """The operation that a request to a REST service is for, and its members."""
    address = urlsplit(line["uri"])
    query = parse_qs(address.query, keep_blank_values=True)
    query.pop("x-id", None)  # the SDK's own
    operation, labels = matched(service, line["method"], address.path, query)
    shape = operation.input_shape
    if shape is None:
        return operation, {}
    reader = Json(problems) if service.protocol == "rest-json" else Xml(problems)
    params = located(shape, "uri", {name: [text] for name, text in labels.items()}, reader)
    given = {name: texts for name, texts in query.items() if name not in template(operation)[1]}
    params |= located(shape, "querystring", given, reader)
    params |= located(shape, "header", headers_of(shape, line["headers"]), reader)
    return operation, params | from_body(service, shape, body, reader)


def headers_of(shape: Any, headers: dict[str, str], of_amz: bool = True) -> dict[str, list[str]]:
    """The headers that are for an operation: those of its members, and x-amz-* of no known use."""
    prefixes = tuple(
        one.serialization["name"].lower()
        for one in shape.members.values()
        if one.serialization.get("location") == "headers"  # a map, such as x-amz-meta-*
    )
    known = {one.serialization.get("name", "").lower() for one in shape.members.values()}
    return {
        name: [text]
        for name, text in headers.items()
        if name in known
        or (of_amz and name.startswith("x-amz-") and not OF_THE_TRANSPORT.fullmatch(name))
        and not (prefixes and name.startswith(prefixes))
    }


def located(
    shape: Any, location: str, given: dict[str, list[str]], reader: Reader
) -> dict[str, Any]:
    """The members that a request has elsewhere than in its body."""
    names = {
        one.serialization.get("name", member).lower(): member
        for member, one in shape.members.items()
        if one.serialization.get("location") == location
    }
    params: dict[str, Any] = {}
    for name, texts in given.items():
        if name.lower() not in names:
            reader.wrong(name, f"is unknown in the {location}")
            continue
        member = names[name.lower()]
        inner = shape.members[member]
        if inner.type_name == "list":
            each = texts[0].split(",") if location == "header" else texts
            params[member] = [reader.from_text(inner.member, one, member) for one in each]
        elif len(texts) == 1:
            form = "rfc822" if location == "header" else "iso8601"
            params[member] = reader.from_text(inner, texts[0], member, form)
        else:
            reader.wrong(member, "comes twice")
    return {member: one for member, one in params.items() if one is not None}


def from_body(service: Any, shape: Any, body: bytes, reader: Reader) -> dict[str, Any]:
    payload = shape.serialization.get("payload")
    inner = shape.members[payload] if payload else shape
    if payload and inner.type_name in ("blob", "string"):
        text: Any = body if inner.type_name == "blob" else body.decode()
        return {payload: text} if body else {}
    if not body:
        return {}
    node = parsed_json(body) if service.protocol == "rest-json" else parsed_xml(body)
    if payload and isinstance(node, ET.Element):
        root = inner.serialization.get("name", payload)
        if local(node.tag) != root:
            reader.wrong(payload, f"the body is a {local(node.tag)}, not a {root}")
    value = reader.read(inner, node, payload or "")
    return {payload: value} if payload else value


@functools.cache
def templates(service: str) -> list[Any]:
    return [model(service).operation_model(name) for name in model(service).operation_names]


def template(operation: Any) -> tuple[str, dict[str, list[str]]]:
    """The path of an operation, and what its query always holds."""
    path, _, query = operation.http["requestUri"].partition("?")
    return path, parse_qs(query, keep_blank_values=True)


def matched(
    service: Any, method: str, path: str, query: dict[str, list[str]]
) -> tuple[Any, dict[str, Any]]:
    """The operation whose path, method and query fit best, and the labels of its path."""
    found = []
    for operation in templates(service.service_name):
        pattern, literals = template(operation)
        if operation.http["method"] != method or not literals.items() <= query.items():
            continue
        needed = needed_query(operation)
        labels = labels_of(pattern, path)
        if labels is not None and needed <= query.keys():
            fit = (len(literals) + len(needed), len(pattern), not operation.deprecated)
            found.append((fit, operation, labels))
    if not found:
        raise Unreadable(f"{service.service_name} has no operation for {method} {path} {query}")
    _, operation, labels = max(found, key=lambda one: one[0])
    return operation, labels


def needed_query(operation: Any) -> set[str]:
    """The fields of the query that an operation requires."""
    shape = operation.input_shape
    required = [shape.members[name] for name in shape.required_members] if shape else []
    return {
        one.serialization["name"]
        for one in required
        if one.serialization.get("location") == "querystring"
    }


def labels_of(pattern: str, path: str) -> dict[str, Any] | None:
    """The labels of a path such as /{Bucket}/{Key+}; None where it does not fit."""
    text = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", pattern.rstrip("/") or "/")
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
    found = re.fullmatch(text, path.rstrip("/") or "/")
    return {name: unquote(one) for name, one in found.groupdict().items()} if found else None
