"""The HTTP side of the local AWS: moto's own application, between a recorder and a lock.

Every AWS request waits the wanted latency in its own thread, is handled one at a time (moto is
not made for threads), and is recorded. What must not hold up the others (a function that is
waited for may ask this AWS itself) is left in the request's environ under AFTER, and runs when
the request has been handled: it answers more headers and the body. Requests to /v2/ are ECR's
registry (registry.py): their layers are streamed, beside the lock. Beside AWS it answers:

    GET    /_local/calls    the AWS requests so far, as a JSON list
    DELETE /_local/calls    forget them
    POST   /_local/config   {"latency_ms": 20, "moment": 0.5}: either or both; answers both.
                            {"token_requests": 3}: a token for the registry has expired after as
                            many requests to it; null: after its twelve hours
    POST   /_local/call     {"service": "ec2", "operation": "describe_vpcs", "params": {},
                            "region": "us-east-1"}: that boto3 call, made to this server without
                            latency and unrecorded; {"ok": ...} or {"error": {"code", "message"}}
    POST   /_local/handshake  {"connection": ARN or name}: a person's click in the console, which
                            makes a connection AVAILABLE; answers {"connections": [ARN]}
    POST   /_local/push     {"repository": "owner/web", "branch": "main", "files": {"Dockerfile":
                            "FROM ..."}, "message": "...", "commit": "40 hex digits"}: a commit
                            to the pretended GitHub (github.py), which starts the pipelines
                            that wait for it; answers {"commit": ..., "executions": [id]}
"""

import base64
import importlib
import io
import json
import re
import sys
import threading
import time
import traceback
from typing import Any
from urllib.parse import parse_qsl

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import ThreadedWSGIServer

from . import clock, speed  # noqa: F401 (speed acts by being imported)
from .ground import AFTER, OWN_USER_AGENT, lock

# What moto calls the services that are stricter here, and the file of each. It is imported when
# the service is first used.
STRICT = {
    "awslambda": "functions",
    "codebuild": "codebuild",
    "codepipeline": "codepipeline",
    "ec2": "ec2",
    "ecr": "ecr",
    "ecs": "ecs",
    "elb": "elbv2",
    "elbv2": "elbv2",
    "events": "events",
    "iam": "iam",
    "logs": "logs",
    "s3": "s3",
}
# The services that moto does not have; connections.py answers under both names.
OWN = ("codeconnections", "codestar-connections")

READS = ("Describe", "List", "Get", "BatchGet", "BatchCheck", "Head", "Lookup", "Search", "Select")


class Handler(MotoRequestHandler):
    """Keeps connections open, sends each answer in one piece, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    def handle_expect_100(self) -> bool:
        """What is written is kept back, and boto3 waits a second for this before each object."""
        answered = super().handle_expect_100()
        self.wfile.flush()
        return answered

    def run_wsgi(self) -> None:
        """werkzeug's own closes the connection after every answer.

        It can stay open here because the application reads every request to its end, and
        answers with the whole body at once.
        """

        def start_response(status: str, headers: list[Any], exc_info: Any = None) -> Any:
            code, _, reason = status.partition(" ")
            self.send_response(int(code), reason)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            return self.wfile.write

        self.environ = self.make_environ()
        for part in self.server.app(self.environ, start_response):
            self.wfile.write(part)
        self.wfile.flush()

    def log(self, type: str, message: str, *args: Any) -> None:
        if type == "error" and "timed out" not in message:
            print("local-aws:", message % args if args else message, file=sys.stderr)


class Server(ThreadedWSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256


class LocalAws:
    """The WSGI application."""

    def __init__(self, latency_ms: float) -> None:
        self.latency_ms = latency_ms
        self.url = ""
        self.started = time.monotonic()
        self.calls: list[dict[str, Any]] = []
        self.clients: dict[tuple[str, str], Any] = {}
        self.clients_lock = threading.Lock()
        self.moto = DomainDispatcherApplication(create_strict_app)
        patterns = [(service, re.compile(rf"https?://{service}\.")) for service in OWN]
        self.moto.backend_url_patterns = [*patterns, *self.moto.backend_url_patterns]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        signed = environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-")
        if path.startswith(("/v2/", "/_layers/")) and not signed:
            return self.registry(environ, start_response)
        body = read_body(environ)
        if path.startswith("/_local/"):
            status, answer = self.own(environ["REQUEST_METHOD"], path, body)
            return respond(start_response, status, json.dumps(answer, default=plain).encode())

        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        if "HTTP_AUTHORIZATION" not in environ or OWN_USER_AGENT in environ.get(
            "HTTP_USER_AGENT", ""
        ):
            status, headers, answer = self.ask_moto(environ)
        else:
            status, headers, answer = self.record(environ, body)
        start_response(status, headers)
        return [answer]

    def record(self, environ: dict[str, Any], body: bytes) -> tuple[str, list[Any], bytes]:
        """Handle an AWS request, and remember it."""
        call = describe(environ, body)
        arrived = time.monotonic()
        call["at"] = round(arrived - self.started, 6)
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)
        status, headers, answer = self.ask_moto(environ)
        call["ms"] = round((time.monotonic() - arrived) * 1000, 3)
        call["status"] = int(status.split()[0])
        call["code"] = error_code(call["status"], headers, answer)
        self.calls.append(call)
        return status, headers, answer

    def registry(self, environ: dict[str, Any], start_response: Any) -> Any:
        """A request to ECR's registry, remembered as the action that it needs the permission of."""
        from . import registry

        arrived = time.monotonic()
        if self.latency_ms:
            time.sleep(self.latency_ms / 1000)
        status, headers, parts = registry.answer(environ)
        if action := registry.action(environ):
            self.calls.append(
                {
                    **told(environ, "ecr", action),
                    "params": None,
                    "at": round(arrived - self.started, 6),
                    "ms": round((time.monotonic() - arrived) * 1000, 3),
                    "status": int(status.split()[0]),
                    "code": None,
                }
            )
        start_response(status, list(headers.items()))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else parts

    def ask_moto(self, environ: dict[str, Any]) -> tuple[str, list[Any], bytes]:
        answered: list[Any] = []

        def start_response(status: str, headers: list[Any], exc_info: Any = None) -> Any:
            nonlocal answered
            answered = [status, headers]
            return lambda data: None

        with lock:
            clock.run_due()
            try:
                parts = self.moto(environ, start_response)
                answer = b"".join(parts)
                if hasattr(parts, "close"):
                    parts.close()
            except Exception as fault:  # as moto does: 500, and no AWS error code
                what = f"{type(fault).__name__}: {fault}"
                if isinstance(fault, NotImplementedError):
                    print(f"local-aws: {what}", file=sys.stderr)
                else:
                    traceback.print_exc()
                text = f"<html><title>500</title><p>{what}</p></html>"
                answered = ["500 INTERNAL SERVER ERROR", [("Content-Type", "text/html")]]
                answer = text.encode()
            if environ.get("PATH_INFO") == "/moto-api/reset":
                clock.clear()
        status, headers = answered
        if AFTER in environ:
            more, answer = environ[AFTER]()
            headers += more
        if environ["REQUEST_METHOD"] == "HEAD":
            return status, headers, b""
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        if status.startswith(("204", "304")):
            return status, headers, b""  # moto has one at times, and the connection stays open
        headers.append(("Content-Length", str(len(answer))))
        return status, headers, answer

    def own(self, method: str, path: str, body: bytes) -> tuple[str, Any]:
        """What is asked of the local AWS itself, under /_local/."""
        if (method, path) == ("GET", "/_local/calls"):
            return "200 OK", self.calls
        if (method, path) == ("DELETE", "/_local/calls"):
            self.calls = []
            return "200 OK", {}
        if (method, path) == ("POST", "/_local/config"):
            wanted = json.loads(body or b"{}")
            self.latency_ms = float(wanted.get("latency_ms", self.latency_ms))
            clock.moment = float(wanted.get("moment", clock.moment))
            if "token_requests" in wanted:
                from . import registry

                registry.token_requests = wanted["token_requests"]
            return "200 OK", {"latency_ms": self.latency_ms, "moment": clock.moment}
        if (method, path) == ("POST", "/_local/call"):
            return "200 OK", self.call(json.loads(body))
        if (method, path) in (("POST", "/_local/handshake"), ("POST", "/_local/push")):
            return self.outside(path, body)
        return "404 NOT FOUND", {"error": {"code": "NotFound", "message": f"no {method} {path}"}}

    def outside(self, path: str, body: bytes) -> tuple[str, Any]:
        """What happens outside of AWS, and AWS gets to know of."""
        from . import codepipeline, connections

        act = codepipeline.push if path == "/_local/push" else connections.handshake
        with lock:
            try:
                return "200 OK", act(json.loads(body))
            except (LookupError, TypeError, ValueError) as fault:
                error = {"code": type(fault).__name__, "message": str(fault)}
                return "400 BAD REQUEST", {"error": error}

    def call(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Run one boto3 operation against this very server."""
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client(wanted["service"], wanted.get("region", "us-east-1"))
        try:
            answer = getattr(client, wanted["operation"])(**wanted.get("params", {}))
        except ClientError as fault:
            error = fault.response["Error"]
            return {"error": {"code": error.get("Code"), "message": error.get("Message")}}
        except (BotoCoreError, AttributeError, TypeError) as fault:
            return {"error": {"code": type(fault).__name__, "message": str(fault)}}
        answer.pop("ResponseMetadata", None)
        return {"ok": answer}

    def client(self, service: str, region: str) -> Any:
        import boto3
        from botocore.config import Config

        with self.clients_lock:
            if (service, region) not in self.clients:
                self.clients[service, region] = boto3.session.Session().client(
                    service,
                    region_name=region,
                    endpoint_url=self.url,
                    aws_access_key_id="local",
                    aws_secret_access_key="local",
                    config=Config(
                        user_agent_extra=OWN_USER_AGENT,
                        retries={"total_max_attempts": 1},
                        proxies={},
                        s3={"addressing_style": "path"},
                    ),
                )
            return self.clients[service, region]


def create_strict_app(service: Any) -> Any:
    """moto's application for one service, after our rules for it are in place."""
    if service is None:
        raise NotImplementedError("moto does not have this service")
    if service in OWN:
        return importlib.import_module("local_aws.connections").create_app(service)
    if service in STRICT:
        importlib.import_module(f"local_aws.{STRICT[service]}")
    return create_backend_app(service)


def read_body(environ: dict[str, Any]) -> bytes:
    """The whole request body, also when it comes in chunks."""
    if environ.get("wsgi.input_terminated"):
        return environ["wsgi.input"].read()
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def respond(start_response: Any, status: str, body: bytes) -> list[bytes]:
    start_response(
        status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


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
    return {**told(environ, service, action), "params": params}


def told(environ: dict[str, Any], service: str | None, action: str | None) -> dict[str, Any]:
    """What is recorded of every request."""
    # In REST the method tells whether a request changes anything, elsewhere the name.
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
    """The permission that a request to Lambda needs: but for one, it is called as the operation."""
    from moto.core.request import Request
    from moto.core.routing import NotFound, get_service_router

    try:
        operation, _ = get_service_router("lambda").match(Request(environ.copy()))
    except NotFound:
        return None
    return "InvokeFunction" if operation.name == "Invoke" else operation.name


def s3_action(method: str, path: str, query: str) -> str | None:
    """The permission that a request to S3 needs, named as IAM does; None where it is not known."""
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
    }
    first = query.split("&")[0].split("=")[0]
    if key:
        upload = "uploadId=" in query
        names = {"DELETE": "AbortMultipartUpload" if upload else "DeleteObjectVersion"}
        return names.get(method)
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


def plain(value: Any) -> Any:
    """What JSON has no notation for, in an answer of boto3."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "read"):
        value = value.read()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return str(value)
