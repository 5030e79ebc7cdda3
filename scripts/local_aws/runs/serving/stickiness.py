"""Which target a visitor stays with, by the cookie of a load balancer.

As on AWS the cookie says nothing to anyone else; it is AWSALB, which lasts as long as the target
group's attribute says, from the last answer on.
"""

import hashlib
import time
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from typing import Any

from .rules import Request

COOKIE = "AWSALB"


def is_sticky(group: Any) -> bool:
    found = group.attributes
    by_cookie = found.get("stickiness.type", "lb_cookie") == "lb_cookie"
    return by_cookie and str(found.get("stickiness.enabled")) == "true"


def chosen(group: Any, request: Request) -> Any:
    """The healthy target that a visitor had before; None where there is none."""
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return None
    value = cookies[COOKIE].value if COOKIE in cookies else ""
    for target in group.targets.values():
        health = target.get("health")
        if value == value_of(group, target) and (health is None or health.status == "healthy"):
            return target
    return None


def cookie(group: Any, target: Any) -> str:
    """What an answer of a target says of it: the value of Set-Cookie."""
    lasts = int(group.attributes.get("stickiness.lb_cookie.duration_seconds", 86400))
    ends = formatdate(time.time() + lasts, usegmt=True)
    return f"{COOKIE}={value_of(group, target)}; Expires={ends}; Path=/"


def value_of(group: Any, target: Any) -> str:
    named = f"{group.arn} {target['Id']} {target['Port']}"
    return hashlib.sha256(named.encode()).hexdigest()
