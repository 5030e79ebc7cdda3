"""Calls the handler of a Lambda function, as AWS's own runtime does, in a process of its own.

    python function.py FOLDER

runs in the folder of the function's code. FOLDER has the file `request` (the event, and what the
context tells); the file `answer` is made there: {"result": ...} or {"error": ...}. Without it the
process was ended, by its alarm when the time was over.
"""

import importlib
import json
import logging
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

INIT_SECONDS = 10  # what the import of the module may take; the handler's time comes after it


class NotCalled(Exception):
    """An error outside of the handler; the first argument is AWS's name for it."""


def main() -> None:
    folder = Path(sys.argv[1])
    request = json.loads((folder / "request").read_text())
    sys.path[0] = os.getcwd()
    logging.basicConfig(format="[%(levelname)s]\t%(asctime)s\t%(message)s", stream=sys.stdout)
    signal.setitimer(signal.ITIMER_REAL, INIT_SECONDS)
    try:
        handler = find(request["handler"])
        signal.setitimer(signal.ITIMER_REAL, request["timeout"])
        answer = marshal(handler(request["event"], context(request)))
    except Exception as fault:
        answer = json.dumps({"error": told(fault, request["context"]["aws_request_id"])})
    signal.setitimer(signal.ITIMER_REAL, 0)
    (folder / "answer").write_text(answer)


def find(handler: str) -> Any:
    module, _, name = handler.rpartition(".")
    try:
        code = importlib.import_module(module.replace("/", "."))
    except ImportError as fault:
        message = f"Unable to import module '{module}': {fault}"
        raise NotCalled("Runtime.ImportModuleError", message) from None
    except SyntaxError as fault:
        message = f"Syntax error in module '{module}': {fault}"
        raise NotCalled("Runtime.UserCodeSyntaxError", message) from None
    if not hasattr(code, name):
        message = f"Handler '{name}' missing on module '{module}'"
        raise NotCalled("Runtime.HandlerNotFound", message)
    return getattr(code, name)


def context(request: dict[str, Any]) -> SimpleNamespace:
    end = time.monotonic() + request["timeout"]
    return SimpleNamespace(
        **request["context"],
        client_context=None,
        identity=SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None),
        get_remaining_time_in_millis=lambda: max(0, int((end - time.monotonic()) * 1000)),
    )


def marshal(result: Any) -> str:
    try:
        return json.dumps({"result": result})
    except (TypeError, ValueError) as fault:
        raise NotCalled("Runtime.MarshalError", f"Unable to marshal response: {fault}") from None


def told(fault: Exception, request_id: str) -> dict[str, Any]:
    """The payload of an error; the log has it as well."""
    if isinstance(fault, NotCalled):
        kind, message = fault.args
        trace = []
    else:
        kind, message = type(fault).__name__, str(fault)
        trace = traceback.format_tb(fault.__traceback__)[1:]
    print(f"[ERROR] {kind}: {message}")
    if trace:
        print("Traceback (most recent call last):\n" + "".join(trace), end="")
    return {
        "errorMessage": message,
        "errorType": kind,
        "requestId": request_id,
        "stackTrace": trace,
    }


main()
