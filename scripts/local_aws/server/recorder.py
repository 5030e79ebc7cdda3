"""What has been asked of AWS: every request, whatever its protocol, by service and action."""

import json
import re
import time
from typing import Any
from urllib.parse import parse_qsl

READS = ("Describe", "List", "Get", "BatchGet", "BatchCheck", "Head", "Lookup", "Search", "Select")


class Recorder:
    """The requests to AWS so far; each one waits `latency_ms` before it is handled."""

    def __init__(self, latency_ms: float) -> None:
        self.latency_ms = latency_ms
        self.calls: list[dict[str, Any]] = []
        self.started = time.monotonic()

    def wait(self) -> float:
        """The time at which a request arrived, once it has waited the latency."""
        arrived = time.monotonic()
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)
        return arrived

    def add(self, call: dict[str, Any], arrived: float, status: str, code: str | None) -> None:
        """Remember a request that has been handled."""
        times = {
            "at": round(arrived - self.started, 6),
            "ms": round((time.monotonic() - arrived) * 1000, 3),
        }
        self.calls.append(
            {**call, **times, "status": int(status.split(maxsplit=1)[0]), "code": code}
        )


def describe(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """What an AWS request is: service, action and parameters, whatever its protocol."""
    scope = re.search(r"Credential=[^/]+/\d+/([^/]*)/([^/]+)/", environ["HTTP_AUTHORIZATION"])
    service = scope.group(2) if scope else None
    path = environ.get("PATH_INFO", "")
    target = environ.get("HTTP_X_AMZ_TARGET")
    rpc = re.fullmatch(r"/service/[^/]+/operation/(\w+)", path)
    params: Any = None
    if "x-www-form-urlencoded" in environ.get("CONTENT_TYPE", ""):
        params = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        action = params.pop("Action", None)
        params.pop("Version", None)
    else:
        if target:
            action = target.split(".")[-1]
        elif rpc:
            action = rpc.group(1)
        else:
            query = environ.get("QUERY_STRING", "")
            action = f"{environ['REQUEST_METHOD']} {path}{'?' + query if query else ''}"
            if service == "s3":
                action = s3_action(environ["REQUEST_METHOD"], path, query) or action
            if service == "lambda":
                action = lambda_action(environ) or action
        try:
            params = json.loads(body) if body else None
        except ValueError:
            params = None
    return {**summary(environ, service, action), "params": params}


def summary(environ: dict[str, Any], service: str | None, action: str | None) -> dict[str, Any]:
    """What is recorded of every request."""
    # Whether a request changes anything: in REST its method says so, elsewhere its name.
    reading = service == "sts" or (action or "").startswith((*READS, "GET ", "HEAD "))
    agents = [environ.get(name, "") for name in ("HTTP_USER_AGENT", "HTTP_X_AMZ_USER_AGENT")]
    tool = re.search(r"\bapp/([^\s/#;]+)", " ".join(agents))
    return {
        "service": service,
        "action": action,
        "changing": not reading,
        "tool": tool.group(1) if tool else None,
    }


def lambda_action(environ: dict[str, Any]) -> str | None:
    """The permission that a request to Lambda needs: the operation's name, but for Invoke."""
    from moto.core.request import Request
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    try:
        operation, _ = get_service_router("lambda").match(Request(environ.copy()))
    except NotFound:
        return None
    return "InvokeFunction" if operation.name == "Invoke" else operation.name


def s3_action(method: str, path: str, query: str) -> str | None:
    """The permission that a request to S3 needs, by IAM's name; None where it is not known here."""
    key = path.strip("/").partition("/")[2]
    of_what = {
        "": "Bucket",
        "tagging": "BucketTagging",
        "policy": "BucketPolicy",
        "versioning": "BucketVersioning",
        "ownershipControls": "BucketOwnershipControls",
        "publicAccessBlock": "BucketPublicAccessBlock",
        "encryption": "EncryptionConfiguration",
        "lifecycle": "LifecycleConfiguration",
        "replication": "ReplicationConfiguration",
        "website": "BucketWebsite",
    }
    first = query.split("&", maxsplit=1)[0].split("=", maxsplit=1)[0]
    if key:
        upload = "uploadId=" in query
        delete = "DeleteObjectVersion" if "versionId=" in query else "DeleteObject"
        names = {"DELETE": "AbortMultipartUpload" if upload else delete}
        return names.get(method)
    if method == "GET" and path == "/":
        return "ListAllMyBuckets"
    if method == "GET" and first in ("versions", "uploads"):
        return {"versions": "ListBucketVersions", "uploads": "ListBucketMultipartUploads"}[first]
    if method == "POST" and first == "delete":
        return "DeleteObjectVersion"
    if first not in of_what:
        return None
    verb = {"GET": "Get", "PUT": "Put" if first else "Create", "DELETE": "Delete"}.get(method)
    return f"{verb}{of_what[first]}" if verb else None


def error_code(status: int, headers: list[Any], answer: bytes) -> str | None:
    """The AWS error code of an answer; None when it is not an error, or has none."""
    if status < 400:
        return None
    for name, value in headers:
        if name.lower() == "x-amzn-errortype":
            return value.split(":")[0].split("#")[-1]
    text = answer.decode(errors="replace")
    if code := re.search(r"<Code>([^<]+)</Code>", text):
        return code.group(1)
    if code := re.search(r'"(?:__type|code|Code)"\s*:\s*"([^"]+)"', text):
        return code.group(1).split("#")[-1]
    return None
