"""Keeps the tools' requests as they came, and their answers, where CALLS_FOLDER names a folder.

scripts/check-calls holds them against the models of AWS afterwards. Each server writes a file of
its own, a line for each request that differs from those before it, or whose answer has another size
than those before it. Other clients are left out: a test's own call by boto3 may be odd on purpose.
"""

import base64
import json
import os
import pathlib
import threading
from typing import Any, TextIO

Answer = tuple[str, list[Any], bytes]

#: In the user agent of a tool's request; how that of a request to a registry begins.
SDK = "aws-sdk-rust/"
PUSHES = "push-image"
#: What the signature and the transport need, and no operation asks for.
NOT_KEPT = ("HTTP_AUTHORIZATION", "HTTP_USER_AGENT", "HTTP_X_AMZ_USER_AGENT")


class CallLog:
    def __init__(self, folder: str | None) -> None:
        self.folder = pathlib.Path(folder) if folder else None
        self.file: TextIO | None = None
        self.seen: set[int] = set()
        self.lock = threading.Lock()

    def keep(self, environ: dict[str, Any], body: bytes, call: dict[str, Any], got: Answer) -> None:
        """Write a request down; `call` is what describe() made of it, `got` its answer."""
        agent = environ.get("HTTP_USER_AGENT", "")
        pushes = agent.startswith(f"{PUSHES}/")
        if self.folder is None or not (pushes or SDK in agent):
            return
        status, headers, answer = got
        what = [PUSHES if pushes else call["tool"], call["service"], call["action"]]
        asked = [environ["REQUEST_METHOD"], environ["RAW_URI"]]
        requested = hash((*what, *asked, body))
        answered = hash((call["service"], call["action"], status, len(answer)))
        with self.lock:
            if {requested, answered} <= self.seen:
                return
            self.seen |= {requested, answered}
            line = dict(zip(("tool", "service", "action"), what, strict=True))
            line |= {"method": asked[0], "uri": asked[1], "headers": kept_headers(environ)}
            line["body"] = base64.b64encode(body).decode()
            line["status"] = int(status.split()[0])
            line["answer_headers"] = {name.lower(): str(value) for name, value in headers}
            line["answer"] = base64.b64encode(answer).decode()
            if self.file is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                self.file = (self.folder / f"{os.getpid()}.jsonl").open("a", buffering=1)
            self.file.write(json.dumps(line) + "\n")


def kept_headers(environ: dict[str, Any]) -> dict[str, str]:
    """The headers that an operation may ask for, by their names in small letters."""
    headers = {
        name.removeprefix("HTTP_").lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and name not in NOT_KEPT
    }
    return headers | {"content-type": environ.get("CONTENT_TYPE") or ""}
