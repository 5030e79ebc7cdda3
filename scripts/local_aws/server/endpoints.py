"""The local AWS's own endpoints, beside those of AWS. Each needs the header `X-Local-Token`, with
the token that the server prints when it is ready.

GET    /_local/calls    the AWS requests so far, as a JSON list
DELETE /_local/calls    forget them
POST   /_local/config   {"latency_ms": 20, "moment": 0.5}: either or both; answers both.
                        {"token_requests": 3}: a token for the registry has expired after
                        that many requests to it; null: after its twelve hours.
                        {"edges": true}: from now on, look who can reach whom (reach.py)
GET    /_local/edges    what was seen, and whenever that changed: a JSON list of {"at": SECONDS,
                        "after": "ec2:RevokeSecurityGroupIngress", "edges": ["web -> api"],
                        "broken": [...], "unreachable_tasks": [...], "idle_tasks": [...],
                        "lost_calls": [...]}
DELETE /_local/edges    forget it, and begin with how it is now
POST   /_local/call     {"service": "ec2", "operation": "describe_vpcs", "params": {},
                        "region": "us-east-1"}: that boto3 call, made to this server without
                        latency and unrecorded; {"ok": ...} or {"error": {"code", "message"}}
POST   /_local/handshake  {"connection": ARN or name}: what a person does in the console to
                        make a connection AVAILABLE; answers {"connections": [ARN]}
POST   /_local/push     {"repository": "owner/web", "branch": "main", "files": {"Dockerfile":
                        "FROM ..."}, "message": "...", "commit": "40 hex digits"}: a commit
                        to the pretended GitHub (runs/github.py), which starts the pipelines
                        that wait for it; answers {"commit": ..., "executions": [id]}
"""

import base64
import json
import secrets
import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ..ground import clock, connections
from ..ground.lock import lock
from ..ground.marks import OWN_USER_AGENT
from .edges import Edges
from .guard import knows
from .recorder import Recorder

PREFIX = "/_local/"
BAD_REQUEST = "400 BAD REQUEST"
FORBIDDEN = "403 FORBIDDEN"

Answer = tuple[str, Any]


class Endpoints:
    """The endpoints under /_local/. Each answers a status, and the value that is sent as JSON."""

    def __init__(self, recorder: Recorder, edges: Edges) -> None:
        self.recorder = recorder
        self.edges = edges
        self.url = ""  # of this server, as soon as it listens
        self.token = secrets.token_urlsafe(24)
        self.clients: dict[tuple[str, str], Any] = {}
        self.clients_lock = threading.Lock()

    def answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        """Every request to an endpoint comes through here."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if not knows(environ, self.token):
            why = f"{path} needs the token of this local AWS in X-Local-Token"
            return FORBIDDEN, failure("Forbidden", why)
        known = {
            ("GET", "calls"): self.calls,
            ("DELETE", "calls"): self.forget,
            ("GET", "edges"): self.seen,
            ("DELETE", "edges"): self.forget_seen,
            ("POST", "config"): self.config,
            ("POST", "call"): self.call,
            ("POST", "handshake"): self.handshake,
            ("POST", "push"): self.push,
        }
        endpoint = known.get((method, path.removeprefix(PREFIX)))
        if endpoint is None:
            return "404 NOT FOUND", failure("NotFound", f"no {method} {path}")
        try:
            wanted = json.loads(body or b"{}")
        except ValueError as fault:
            return BAD_REQUEST, failure("ValueError", str(fault))
        return endpoint(wanted)

    def calls(self, _: dict[str, Any]) -> Answer:
        return "200 OK", self.recorder.calls

    def forget(self, _: dict[str, Any]) -> Answer:
        self.recorder.calls = []
        return "200 OK", {}

    def seen(self, _: dict[str, Any]) -> Answer:
        with lock:
            clock.run_due()
            return "200 OK", list(self.edges.log)

    def forget_seen(self, _: dict[str, Any]) -> Answer:
        with lock:
            self.edges.forget()
        return "200 OK", {}

    def config(self, wanted: dict[str, Any]) -> Answer:
        recorder = self.recorder
        recorder.latency_ms = float(wanted.get("latency_ms", recorder.latency_ms))
        clock.moment = float(wanted.get("moment", clock.moment))
        clock.spread = float(wanted.get("spread", clock.spread))
        if "token_requests" in wanted:
            from ..services.ecr import registry

            registry.token_requests = wanted["token_requests"]
        if "edges" in wanted:
            with lock:
                self.edges.watch(bool(wanted["edges"]))
        times = {"moment": clock.moment, "spread": clock.spread}
        return "200 OK", {"latency_ms": recorder.latency_ms, **times}

    def handshake(self, wanted: dict[str, Any]) -> Answer:
        return outside(connections.handshake, wanted)

    def push(self, wanted: dict[str, Any]) -> Answer:
        from ..services.codepipeline import pushes

        return outside(pushes.push, wanted)

    def call(self, wanted: dict[str, Any]) -> Answer:
        """Run one boto3 operation against this very server."""
        client = self.client(wanted["service"], wanted.get("region", "us-east-1"))
        try:
            answer = getattr(client, wanted["operation"])(**wanted.get("params", {}))
        except ClientError as fault:
            error = fault.response["Error"]
            return "200 OK", {"error": {"code": error.get("Code"), "message": error.get("Message")}}
        except (BotoCoreError, AttributeError, TypeError) as fault:
            return "200 OK", {"error": {"code": type(fault).__name__, "message": str(fault)}}
        answer.pop("ResponseMetadata", None)
        return "200 OK", {"ok": answer}

    def client(self, service: str, region: str) -> Any:
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


def outside(act: Callable[[dict[str, Any]], dict[str, Any]], wanted: dict[str, Any]) -> Answer:
    """Do something that happens outside of AWS, and that AWS learns of."""
    with lock:
        try:
            return "200 OK", act(wanted)
        except (LookupError, TypeError, ValueError) as fault:
            return BAD_REQUEST, failure(type(fault).__name__, str(fault))


def failure(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def plain(value: Any) -> Any:
    """A value of boto3's answers that JSON cannot hold, as text."""
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
