"""The WSGI application: moto's own, behind a recorder and a lock.

Every AWS request waits the latency in its own thread, is handled alone (moto is not made for
threads), and is recorded. What must not hold up the others (a function that is waited for may
itself send requests here) is left in the request's environ under AFTER, and runs without the lock
when the request has been handled: it answers more headers and the body. Requests to /v2/ are for
ECR's registry (services/ecr/registry.py): their layers are streamed, without the lock.
"""

import importlib
import io
import json
import os
import re
import sys
import traceback
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)

from ..ground import clock, speed
from ..ground.lock import lock
from ..ground.marks import AFTER, OWN_USER_AGENT
from ..runs.layers import layers
from .call_log import CallLog
from .edges import Edges
from .endpoints import FORBIDDEN, PREFIX, Endpoints, failure, plain
from .guard import refusal
from .http import read_body, respond
from .recorder import Recorder, describe, error_code, summary

#: What moto calls the services that are stricter here, and the modules of each. They are imported
#: when the service is first used: its own, and before it those whose changes to moto it needs.
STRICT = {
    "applicationautoscaling": ["ec2", "elbv2", "ecs", "applicationautoscaling"],
    "awslambda": ["lambda_"],
    "codebuild": ["codebuild"],
    "codepipeline": ["codepipeline"],
    "ec2": ["ec2"],
    "ecr": ["ecr"],
    "ecs": ["ec2", "elbv2", "elbv2_targets", "elbv2_rules", "ecs", "ecs_deployments"],
    "elb": ["ec2", "elbv2", "elbv2_targets", "elbv2_rules"],
    "elbv2": ["ec2", "elbv2", "elbv2_targets", "elbv2_rules"],
    "events": ["codepipeline", "events"],
    "iam": ["iam"],
    "logs": ["logs"],
    "s3": ["s3"],
    "secretsmanager": ["secretsmanager"],
    "ssm": ["ssm"],
    "sts": ["sts"],
}
#: The services that moto does not have; codeconnections.py answers under both names.
OWN = ("codeconnections", "codestar-connections")
SERVICES = __package__.replace(".server", ".services")

Answer = tuple[str, list[Any], bytes]


class LocalAws:
    """The WSGI application."""

    def __init__(self, latency_ms: float) -> None:
        speed.apply()
        self.recorder = Recorder(latency_ms)
        self.call_log = CallLog(os.environ.get("CALLS_FOLDER"))
        self.edges = Edges(self.recorder.started)
        clock.watcher = self.edges.note
        self.endpoints = Endpoints(self.recorder, self.edges)
        self.moto = DomainDispatcherApplication(create_strict_app)
        patterns = [(service, re.compile(rf"https?://{service}\.")) for service in OWN]
        self.moto.backend_url_patterns = [*patterns, *self.moto.backend_url_patterns]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if why := refusal(environ):
            read_body(environ)
            refused = json.dumps(failure("Forbidden", why))
            return respond(start_response, FORBIDDEN, refused.encode())
        path = environ.get("PATH_INFO", "")
        signed = environ.get("HTTP_AUTHORIZATION", "").startswith("AWS4-")
        if path.startswith(("/v2/", "/_layers/")) and not signed:
            return self.registry(environ, start_response)
        body = read_body(environ)
        if path.startswith(PREFIX):
            status, answer = self.endpoints.answer(environ, body)
            return respond(start_response, status, json.dumps(answer, default=plain).encode())

        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        call = describe(environ, body) if "HTTP_AUTHORIZATION" in environ else None
        if call and OWN_USER_AGENT not in environ.get("HTTP_USER_AGENT", ""):
            status, headers, answer = self.record(environ, call)
            self.call_log.keep(environ, body, call, (status, headers, answer))
        else:
            status, headers, answer = self.ask_moto(environ, call)
        start_response(status, headers)
        return [answer]

    def record(self, environ: dict[str, Any], call: dict[str, Any]) -> Answer:
        """Handle an AWS request, and remember it."""
        arrived = self.recorder.wait()
        status, headers, answer = self.ask_moto(environ, call)
        code = error_code(int(status.split()[0]), headers, answer)
        self.recorder.add(call, arrived, status, code)
        return status, headers, answer

    def registry(self, environ: dict[str, Any], start_response: Any) -> Any:
        """A request to ECR's registry, recorded under the permission that it needs."""
        from ..services.ecr import registry

        arrived = self.recorder.wait()
        status, headers, parts = registry.answer(environ)
        if action := registry.action(environ):
            call = {**summary(environ, "ecr", action), "params": None}
            self.call_log.keep(environ, b"", call, (status, [], b""))
            self.recorder.add(call, arrived, status, None)
        start_response(status, list(headers.items()))
        if environ["REQUEST_METHOD"] != "HEAD":
            return parts
        if hasattr(parts, "close"):
            parts.close()
        return []

    def ask_moto(self, environ: dict[str, Any], call: dict[str, Any] | None) -> Answer:
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
                layers.clear()
            if call and call["changing"]:
                self.edges.note(f"{call['service']}:{call['action']}")
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


def create_strict_app(service: Any) -> Any:
    """moto's application for one service, after our changes for it are in place."""
    if service is None:
        raise NotImplementedError("moto does not have this service")
    if service in OWN:
        return importlib.import_module(f"{SERVICES}.codeconnections").create_app(service)
    for module in STRICT.get(service, []):
        importlib.import_module(f"{SERVICES}.{module}")
    return create_backend_app(service)
