"""How a Lambda function runs: its code, in a Python process of its own.

`run` calls the handler once; `try_and_again` repeats a failed call as often as the function's event
invoke config says. stand_ins/function.py is the process; it has a temporary folder, and the
variables that Lambda sets. The output goes to the function's log group where that exists.

Simplified: only Python runs, always as a cold start; memory is not limited, the role's permissions
are not checked; the log is text, and comes at the end.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.utils import get_backend
from moto.core.utils import utcnow

from ..ground import clock
from ..ground.folder import kept, marked
from .client import send_log

RUNTIME = Path(__file__).parent / "stand_ins" / "function.py"


NOT_NOW = "The operation cannot be performed at this time. "


class Conflict(LambdaClientError):
    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceConflictException", NOT_NOW + message)


def check_active(fn: Any) -> None:
    if fn.state == "Pending":
        raise Conflict("The function is currently in the following state: Pending")


def invoke(
    url: str,
    account: str,
    region: str,
    name: str,
    payload: dict[str, Any],
    done: Callable[[Any], None] | None = None,
) -> None:
    """Invoke a function that nobody waits for, from any thread; it may be tried again.

    `done` is called in the end, with None where it went well, else with the payload of the last
    error. ValueError where there is no such function, or it is Pending.
    """
    try:
        functions: Any = get_backend(account, region)
        fn = functions.get_function(name, None)
        check_active(fn)
    except LambdaClientError as fault:
        raise ValueError(fault.message) from None
    given = (url, fn, payload, done)
    threading.Thread(target=try_and_again, args=given, daemon=True).start()


class Outcome(NamedTuple):
    payload: Any
    failed: bool
    log: str


def try_and_again(url: str, fn: Any, event: Any, done: Callable[[Any], None] | None) -> None:
    request_id = str(uuid.uuid4())  # the same for all attempts
    functions: Any = get_backend(fn.account_id, fn.region)
    outcome = run(url, fn.live, event, request_id)
    for attempt in (1, 2):
        config = fn.event_invoke_config[0].config if fn.event_invoke_config else {}
        if not outcome.failed or attempt > config.get("MaximumRetryAttempts", 2):
            break
        time.sleep(clock.moment)
        if functions.get_function_by_arn(fn.function_arn) is not fn:
            break
        outcome = run(url, fn.live, event, request_id)
    if done:
        done(outcome.payload if outcome.failed else None)


def run(url: str, fn: Any, event: Any, request_id: str) -> Outcome:
    """Call the handler once, and send its log."""
    stream = f"{utcnow():%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
    start = f"START RequestId: {request_id} Version: $LATEST"
    began = time.time()
    with tempfile.TemporaryDirectory(dir=kept.part("functions")) as folder:
        answer, output = execute(Path(folder), environment(url, fn, stream), fn, event, request_id)
    ms = (time.time() - began) * 1000
    report = f"REPORT RequestId: {request_id}\tDuration: {ms:.2f} ms\t"
    report += f"Billed Duration: {int(ms) + 1} ms\tMemory Size: {fn.memory_size} MB\t"
    log = [start, *output.splitlines(), f"END RequestId: {request_id}", report]
    lines = [{"timestamp": int(time.time() * 1000), "message": line or " "} for line in log]
    lines[0]["timestamp"] = int(began * 1000)
    send_log(url, fn.region, fn.logging_config["LogGroup"], stream, lines)
    return Outcome(answer.get("result", answer.get("error")), "error" in answer, "\n".join(log))


def execute(
    folder: Path, variables: dict[str, str], fn: Any, event: Any, request_id: str
) -> tuple[dict[str, Any], str]:
    """The answer of stand_ins/function.py, or an error in its place; and the output."""
    code = zipfile.ZipFile(BytesIO(fn.code_bytes))
    for file in code.infolist():
        # In Lambda, the user who runs the code is not the one who unpacked it.
        if file.create_system == 3 and not file.external_attr >> 16 & 0o004:
            message = f"[Errno 13] Permission denied: '/var/task/{file.filename}'"
            return error("PermissionError", message), f"[ERROR] PermissionError: {message}"
    code.extractall(folder / "task")
    context = {
        "aws_request_id": request_id,
        "function_name": fn.function_name,
        "function_version": "$LATEST",
        "invoked_function_arn": fn.function_arn,
        "log_group_name": variables["AWS_LAMBDA_LOG_GROUP_NAME"],
        "log_stream_name": variables["AWS_LAMBDA_LOG_STREAM_NAME"],
        "memory_limit_in_mb": str(fn.memory_size),
    }
    given = {"event": event, "context": context, "handler": fn.handler, "timeout": fn.timeout}
    (folder / "request").write_text(json.dumps(given))
    with open(folder / "output", "wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(RUNTIME), str(folder)],
            cwd=folder / "task",
            env=marked(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:  # it has its own alarm, because the time counts from the call of the handler
        status = process.wait(fn.timeout + 15)
    except subprocess.TimeoutExpired:
        status = -signal.SIGALRM
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # with what it has started
    process.wait()
    text = (folder / "output").read_text(errors="replace")
    if (folder / "answer").exists():
        return json.loads((folder / "answer").read_text()), text
    if status == -signal.SIGALRM:
        kind, why = "Sandbox.Timedout", f"Task timed out after {fn.timeout:.2f} seconds"
    else:
        kind, why = "Runtime.ExitError", f"Runtime exited with error: exit status {status}"
    text += f"{utcnow().isoformat(timespec='milliseconds')}Z {request_id} {why}\n"
    return error(kind, f"RequestId: {request_id} Error: {why}"), text


def error(kind: str, message: str) -> dict[str, Any]:
    return {"error": {"errorType": kind, "errorMessage": message}}


def environment(url: str, fn: Any, stream: str) -> dict[str, str]:
    return fn.environment_vars | {
        "_HANDLER": fn.handler,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": fn.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{fn.run_time}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(fn.memory_size),
        "AWS_LAMBDA_FUNCTION_NAME": fn.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": fn.logging_config["LogGroup"],
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_REGION": fn.region,
        "AWS_SDK_UA_APP_ID": "function",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "TZ": ":UTC",
    }
