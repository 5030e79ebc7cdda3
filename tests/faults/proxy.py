"""The HTTP side: each request is passed on as it came, unless a rule is for it.

Connections stay open on both sides, and a request is read to its end before it is passed on, so
that a fault is only ever one that a rule asked for. Beside AWS it answers:

    POST   /_faults        a JSON list of rules (rules.py) in place of those before; counting starts
                           anew
    DELETE /_faults        no rules any more
    GET    /_faults        {"calls": N, "changing": N, "done": [{"do": "cut", "when":
                           "after", "call": "ec2:CreateVpc"}, ...], "seen": [{"tool": "mk-vpc",
                           "call": "ec2:CreateVpc", "changing": true, "at": SECONDS}, ...]}
    POST   /_faults/group  {"id": PID}: the process group that a `kill` is for; it waits for this
"""

import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from local_aws.server import http as local_http
from local_aws.server.recorder import describe

from . import words
from .rules import Rules

#: The local AWS closes a connection that was idle for 120 seconds.
IDLE = 60
#: What belongs to one connection, and not to what is passed on.
OF_ONE_HOP = ("connection", "keep-alive", "content-length", "transfer-encoding", "expect")


class Cut(Exception):
    """The connection ends here, without an answer."""


class Handler(local_http.Handler):
    def make_environ(self) -> dict[str, Any]:
        return super().make_environ() | {"faults.headers": self.headers, "faults.path": self.path}

    def run_wsgi(self) -> None:
        try:
            super().run_wsgi()
        except Cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)


class Faults:
    """The WSGI application."""

    def __init__(self, to: str) -> None:
        self.host, self.port = urlsplit(to).hostname or "", urlsplit(to).port
        self.mine = threading.local()  # each connection of a tool has a thread, and one to AWS
        self.rules = Rules([])
        self.group = 0
        self.group_is_known = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        body = local_http.read_body(environ)
        path = environ["PATH_INFO"]
        if path.startswith("/_faults"):
            answer = self.own(environ["REQUEST_METHOD"], path, body)
            return local_http.respond(start_response, "200 OK", json.dumps(answer).encode())
        if "HTTP_AUTHORIZATION" in environ:
            status, headers, answer = self.meet(describe(environ, body), environ, body)
        else:
            status, headers, answer = self.ask(environ, body)
        start_response(status, headers)
        return [answer]

    def own(self, method: str, path: str, body: bytes) -> Any:
        if path == "/_faults/group":
            self.group = json.loads(body)["id"]
            self.group_is_known.set()
        elif method == "GET":
            return self.rules.told()
        else:
            self.group_is_known.clear()
            self.rules = Rules(json.loads(body) if method == "POST" else [])
        return {}

    def meet(self, call: dict[str, Any], environ: dict[str, Any], body: bytes) -> Any:
        """What the rules do with this call, and the call itself."""
        call["path"] = environ["PATH_INFO"]
        after = []
        for rule in self.rules.of(call):
            if rule.get("when") == "after" or rule["do"] == "rewrite":
                after.append(rule)
            elif answer := self.act(rule, call):
                return answer
        answer = self.ask(environ, body)
        if answer[0] < "300":
            self.rules.learn(call, answer[2].decode(errors="replace"))
        for rule in after:
            answer = self.act(rule, call, answer) or answer
        return answer

    def act(self, rule: dict[str, Any], call: dict[str, Any], answer: Any = None) -> Any:
        """The answer that a rule gives in place of AWS's; None where AWS answers itself."""
        self.rules.note(rule, call)
        match rule["do"]:
            case "delay":
                time.sleep(rule["ms"] / 1000)
                return None
            case "cut":
                raise Cut
            case "kill":
                if not self.group_is_known.wait(30):
                    raise AssertionError("nobody said whom to kill")
                named = rule.get("signal", "KILL")
                os.killpg(self.group, signal.Signals[f"SIG{named}"])
                if named != "KILL":
                    return None  # a process that survives the signal gets its answer
                raise Cut
            case "throttle":
                return words.throttled(call)
            case "fail":
                return words.failed(call)
            case "expire":
                return words.expired(call)
            case "refuse":
                return words.error(call, rule.get("status", 400), rule["code"], rule["message"])
            case "lack":
                return words.lacking()
            case "rewrite":
                status, headers, data = answer
                text = re.sub(rule["match"], rule["by"], data.decode(), flags=re.DOTALL)
                headers = [pair for pair in headers if pair[0] != "Content-Length"]
                return (
                    status,
                    [*headers, ("Content-Length", str(len(text.encode())))],
                    text.encode(),
                )
        raise AssertionError(f"no such fault: {rule}")

    def ask(self, environ: dict[str, Any], body: bytes) -> tuple[str, list[Any], bytes]:
        """Pass a request on, and answer what AWS does."""
        asked = getattr(self.mine, "asked", 0.0)
        if time.monotonic() - asked > IDLE:
            self.mine.aws = http.client.HTTPConnection(self.host, self.port, timeout=300)
        aws, self.mine.asked = self.mine.aws, time.monotonic()
        try:
            aws.putrequest(
                environ["REQUEST_METHOD"],
                environ["faults.path"],
                skip_host=True,
                skip_accept_encoding=True,
            )
            for name, value in environ["faults.headers"].items():
                if name.lower() not in OF_ONE_HOP:
                    aws.putheader(name, value)
            aws.putheader("Content-Length", str(len(body)))
            aws.endheaders(body)
            answer = aws.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as fault:
            self.mine.asked = 0.0
            print(f"faults: AWS did not answer: {fault!r}", flush=True)
            raise Cut from fault
        headers = [pair for pair in answer.getheaders() if pair[0].lower() not in OF_ONE_HOP]
        if environ["REQUEST_METHOD"] == "HEAD":
            headers += [("Content-Length", answer.getheader("Content-Length", "0"))]
        elif answer.status not in (204, 304):
            headers += [("Content-Length", str(len(data)))]
        return f"{answer.status} {answer.reason}", headers, data
