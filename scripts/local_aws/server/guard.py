"""Who may ask. Any web page that is open in a browser can send requests to this machine, and what
is made here runs commands; so nothing that a browser sends for a page is answered.

A page's request says where it comes from (`Origin`; `Sec-Fetch-Site` where it has none), and a
stranger's name that leads to 127.0.0.1 is in `Host`. What is under /_local/ needs the token as
well, which the server prints when it is ready.
"""

import hmac
from typing import Any

#: The header that has the token.
TOKEN = "HTTP_X_LOCAL_TOKEN"
HOSTS = ("127.0.0.1", "localhost", "[::1]")


def refusal(environ: dict[str, Any]) -> str | None:
    """Why a request is refused, or None."""
    if origin := environ.get("HTTP_ORIGIN"):
        return f"this is for the programs of this machine, not for pages of {origin}"
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return "this is for the programs of this machine, not for other sites' pages"
    host = environ.get("HTTP_HOST", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if name and name not in HOSTS and not name.endswith(".localhost"):
        return f"this is 127.0.0.1, not {name}"
    return None


def knows(environ: dict[str, Any], token: str) -> bool:
    """Whether a request has the token."""
    return hmac.compare_digest(environ.get(TOKEN, "").encode(), token.encode())
