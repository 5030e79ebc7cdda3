"""What a listener does with a request: decisions from its rules, without any effect."""

import ipaddress
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

#: How many moments a second of AWS's intervals lasts: the 150 that a load balancer needs by default
#: last two moments.
SECOND = 2 / 150


@dataclass
class Request:
    """What the conditions of rules look at."""

    method: str
    host: str
    #: As in the request: path and query.
    target: str
    client: str = "127.0.0.1"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


def action_for(rules: Iterable[Any], request: Request) -> dict[str, Any]:
    """The last action of the rule that fits: only that one answers or forwards."""
    if rule := rule_for(rules, request):
        data: dict[str, Any] = rule.actions[-1].data
        return data
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}


def rule_for(rules: Iterable[Any], request: Request) -> Any:
    """The first rule in order of priority all of whose conditions fit; None where none does."""
    fitting = (
        rule
        for rule in sorted(rules, key=priority)
        if all(fits(one, request) for one in rule.conditions)
    )
    return next(fitting, None)


def priority(rule: Any) -> int:
    return 10**6 if rule.priority == "default" else int(rule.priority)


def fits(condition: dict[str, Any], request: Request) -> bool:
    """Whether a request fulfils a condition; one that is not known here, nothing does."""
    kind = condition.get("Field", "")
    config = condition.get(CONFIGS.get(kind, ""), {})
    values = config.get("Values") or condition.get("Values") or []
    if kind == "host-header":
        host = re.sub(r":\d+$", "", request.host.lower())
        return any(fnmatchcase(host, plain(one.lower())) for one in values)
    if kind == "path-pattern":
        return any(fnmatchcase(request.path, plain(one)) for one in values)
    if kind == "http-request-method":
        return request.method in values
    if kind == "http-header":
        value = request.headers.get(config.get("HttpHeaderName", "").lower())
        return value is not None and any(
            fnmatchcase(value.lower(), plain(one.lower())) for one in values
        )
    if kind == "query-string":
        pairs = parse_qsl(request.query, keep_blank_values=True)
        return any(
            fnmatchcase(value.lower(), plain(one["Value"].lower()))
            and one.get("Key", key).lower() == key.lower()
            for one in values
            for key, value in pairs
        )
    if kind == "source-ip":
        client = ipaddress.ip_address(request.client)
        return any(client in ipaddress.ip_network(one, strict=False) for one in values)
    return False


CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "http-header": "HttpHeaderConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


def plain(pattern: str) -> str:
    """ELB knows * and ?, but not the brackets of fnmatch."""
    return pattern.replace("[", "[[]")


def groups_of(action: dict[str, Any]) -> dict[str, int]:
    """The target groups that an action forwards to, each with its share."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    if len(groups) > 1:
        return {one["TargetGroupArn"]: int(one.get("Weight", 1)) for one in groups}
    if groups:
        return {groups[0]["TargetGroupArn"]: 1}  # alone, any share is all
    return {action["TargetGroupArn"]: 1} if "TargetGroupArn" in action else {}


def pick(shares: dict[str, int]) -> str | None:
    """One of the target groups, as their shares say; None where none has a share."""
    if not any(shares.values()):
        return None
    return random.choices(list(shares), list(shares.values()))[0]


def location(config: dict[str, Any], request: Request, protocol: str, port: int) -> str:
    """Where a redirect leads; what it does not say stays as in the request."""
    host = re.sub(r":\d+$", "", request.host)
    own = {"protocol": protocol, "host": host, "port": str(port)}
    own |= {"path": request.path.lstrip("/"), "query": request.query}

    def filled(text: str) -> str:
        return re.sub(r"#\{(\w+)\}", lambda name: own.get(name[1], ""), text)

    to_protocol = filled(config.get("Protocol", "#{protocol}")).lower()
    to_port = filled(config.get("Port", "#{port}"))
    usual = {"http": "80", "https": "443"}.get(to_protocol)
    where = filled(config.get("Host", "#{host}")) + ("" if to_port == usual else f":{to_port}")
    query = filled(config.get("Query", "#{query}"))
    path = filled(config.get("Path", "/#{path}"))
    return f"{to_protocol}://{where}{path}{'?' + query if query else ''}"


def matches(code: int, matcher: str) -> bool:
    """Whether a status is one of a matcher such as `200,204` or `200-399`."""
    for part in matcher.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit() and int(first) <= code <= int(last or first):
            return True
    return False
