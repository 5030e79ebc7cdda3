"""Lambda as AWS does it: functions take a moment to become Active, and really run.

A new function is Pending and an updated one InProgress for a moment. Meanwhile it is not updated
(nor invoked, while Pending), and what was there before the update runs. runs/invocation.py runs
it; an invocation that nobody waits for is tried again as the event invoke config says.

Simplified: code comes inline; versions, layers, VPC settings, destinations and the age of events
are kept and have no effect.
"""

import base64
import copy
import json
import os
import re
import time
import uuid
import zipfile
from io import BytesIO
from typing import Any
from urllib.parse import unquote

from flask import request
from moto.awslambda.exceptions import (
    CrossAccountNotAllowed,
    InvalidParameterValueException,
    InvalidRoleFormat,
    LambdaClientError,
    PreconditionFailedException,
    ValidationException,
)
from moto.awslambda.models import (
    EventInvokeConfig,
    EventSourceMapping,
    FunctionUrlConfig,
    LambdaBackend,
    LambdaFunction,
)
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.utils import make_function_arn
from moto.core.utils import iso_8601_datetime_with_nanoseconds

from ..ground import clock, roles
from ..ground.marks import AFTER
from ..ground.override import override
from ..runs.invocation import Conflict, check_active, invoke, run

# Those that AWS has not deprecated.
RUNTIMES: tuple[str, ...] = ("dotnet10", "java8.al2", "java11", "java17", "java21", "java25")
RUNTIMES += ("nodejs22.x", "nodejs24.x", "provided.al2023", "python3.11", "python3.12")
RUNTIMES += ("python3.13", "python3.14", "ruby3.3", "ruby3.4")
# Variables that Lambda sets itself.
RESERVED = r"_HANDLER|_X_AMZN_TRACE_ID|LAMBDA_(TASK_ROOT|RUNTIME_DIR)|AWS_(ACCESS_KEY(_ID)?|"
RESERVED += r"SECRET_ACCESS_KEY|SESSION_TOKEN|(DEFAULT_)?REGION|EXECUTION_ENV|LAMBDA_(FUNCTION_"
RESERVED += r"(NAME|VERSION|MEMORY_SIZE)|INITIALIZATION_TYPE|LOG_(GROUP|STREAM)_NAME|RUNTIME_API))"
UNLISTED: tuple[str, ...] = ("State", "StateReason", "StateReasonCode", "LastUpdateStatus")
UNLISTED += ("LastUpdateStatusReason", "LastUpdateStatusReasonCode")


# Functions


@override(LambdaFunction)
def __init__(moto: Any, self: Any, *, spec: dict[str, Any], **more: Any) -> None:
    moto(self, spec=spec, **more)
    self.state = "Pending"
    self.last_update = "Successful"
    self.revision = str(uuid.uuid4())
    default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}"}
    self.logging_config = default | (spec.get("LoggingConfig") or {})
    self.live = None  # a copy of it as it was when it was last ready; the copy runs


def settle(fn: Any) -> None:
    fn.state, fn.last_update = "Active", "Successful"
    live = copy.copy(fn)
    live.live = None
    fn.live = live


@override(LambdaFunction)
def get_configuration(moto: Any, self: Any, on_create: bool = False) -> dict[str, Any]:
    told = moto(self, True) | {"LoggingConfig": self.logging_config, "RevisionId": self.revision}
    reason, code = "The function is being created.", "Creating"  # AWS says so of updates as well
    if self.state == "Pending":
        return told | {"StateReason": reason, "StateReasonCode": code}
    told["LastUpdateStatus"] = self.last_update
    if self.last_update == "InProgress":
        told |= {"LastUpdateStatusReason": reason, "LastUpdateStatusReasonCode": code}
    return told


@override(FunctionUrlConfig)
def to_dict(moto: Any, self: Any) -> dict[str, Any]:
    told: dict[str, Any] = moto(self)
    return told | {"InvokeMode": told["InvokeMode"].upper()}


@override(EventSourceMapping, "get_configuration")
def get_mapping(moto: Any, self: Any) -> dict[str, Any]:
    """Without its tags, which ListTags tells."""
    told: dict[str, Any] = moto(self)
    told.pop("Tags", None)
    return told


@override(LambdaFunction)
def get_code(moto: Any, self: Any) -> dict[str, Any]:
    told: dict[str, Any] = moto(self)
    if self.reserved_concurrency == 0:  # which moto takes for none
        told["Concurrency"] = {"ReservedConcurrentExecutions": 0}
    return told


@override(LambdaBackend)
def create_function(moto: Any, self: Any, spec: dict[str, Any]) -> Any:
    name = spec["FunctionName"]
    if len(name) > 64:
        limit = "Member must have length less than or equal to 64"
        raise ValidationException(name, "functionName", limit)
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", name):
        pattern = "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
        raise ValidationException(name, "functionName", pattern)
    if "ZipFile" in spec["Code"] and not (spec.get("Runtime") and spec.get("Handler")):
        raise InvalidParameterValueException(
            "Runtime and Handler are mandatory parameters for functions created with "
            "deployment packages."
        )
    check(self, name, spec)
    if "ZipFile" in spec["Code"]:
        module = spec["Handler"].rpartition(".")[0].replace(".", "/")
        files = files_of(spec["Code"]["ZipFile"])
        if spec["Runtime"].startswith("python") and f"{module}.py" not in files:
            # AWS finds out only when it runs the function; here the tool learns it at once.
            raise InvalidParameterValueException(f"The zip does not hold {module}.py")
    created = moto(self, spec)
    fn = self.get_function(name, None)
    clock.later(lambda: settle(fn))
    return created


def check(self: Any, name: str, wanted: dict[str, Any]) -> None:
    """What AWS refuses of the settings of a function, new or updated."""
    runtime, role = wanted.get("Runtime"), wanted.get("Role")
    if runtime and runtime not in RUNTIMES:
        raise InvalidParameterValueException(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    within("timeout", wanted.get("Timeout", 3), 1, 900)
    within("memorySize", wanted.get("MemorySize", 128), 128, 10240)
    variables = (wanted.get("Environment") or {}).get("Variables") or {}
    if reserved := [one for one in variables if re.fullmatch(RESERVED, one)]:
        raise InvalidParameterValueException(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(reserved)}"
        )
    if role is None:
        return
    if not re.fullmatch(InvalidRoleFormat.pattern, role):
        raise InvalidRoleFormat(role)
    if role.split(":")[4] != self.account_id:
        raise CrossAccountNotAllowed()
    arn = make_function_arn(self.region_name, self.account_id, name)
    if roles.cannot_assume(self.account_id, self.partition, role, "lambda.amazonaws.com", arn):
        raise InvalidParameterValueException(
            "The role defined for the function cannot be assumed by Lambda."
        )


def within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        side = f"less than or equal to {most}"
        if value < least:
            side = f"greater than or equal to {least}"
        raise ValidationException(str(value), name, f"Member must have value {side}")


def files_of(encoded: str) -> list[str]:
    try:
        archive = zipfile.ZipFile(BytesIO(base64.b64decode(encoded)))
        if archive.testzip() is None:
            return archive.namelist()
    except zipfile.BadZipFile:
        pass
    raise InvalidParameterValueException(
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    )


def may_be_updated(fn: Any, wanted: dict[str, Any]) -> None:
    check_active(fn)
    if fn.last_update == "InProgress":
        raise Conflict(f"An update is in progress for resource: {fn.function_arn}")
    if wanted.get("RevisionId", fn.revision) != fn.revision:
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id"
        )


def updated(fn: Any) -> dict[str, Any]:
    fn.last_update = "InProgress"
    fn.revision = str(uuid.uuid4())
    fn.last_modified = iso_8601_datetime_with_nanoseconds()
    clock.later(lambda: settle(fn))
    return fn.get_configuration()


@override(LambdaBackend)
def update_function_code(
    moto: Any, self: Any, name: str, qualifier: Any, body: dict[str, Any]
) -> Any:
    fn = self.get_function(name, qualifier)
    may_be_updated(fn, body)
    if "ZipFile" in body:
        files_of(body["ZipFile"])
    if body.get("DryRun"):
        return fn.get_configuration()
    moto(self, name, qualifier, body)
    return updated(fn)


@override(LambdaBackend)
def update_function_configuration(
    moto: Any, self: Any, name: str, qualifier: Any, body: dict[str, Any]
) -> Any:
    fn = self.get_function(name, qualifier)
    may_be_updated(fn, body)
    check(self, fn.function_name, body)
    if "Environment" in body:
        body["Environment"].setdefault("Variables", {})
    fn.logging_config = fn.logging_config | (body.get("LoggingConfig") or {})
    moto(self, name, qualifier, body)
    return updated(fn)


@override(LambdaResponse)
def list_functions(moto: Any, self: Any) -> str:
    """A page has at most 50 functions, and does not tell their states."""
    query = {key: values[0] for key, values in self.querystring.items()}
    first = int(query.get("Marker") or 0)
    end = first + min(int(query.get("MaxItems") or 50), 50)
    functions = list(self.backend.list_functions(query.get("FunctionVersion")))
    told = [fn.get_configuration() for fn in functions[first:end]]
    kept = [{key: one[key] for key in one if key not in UNLISTED} for one in told]
    answer: dict[str, Any] = {"Functions": kept}
    if end < len(functions):
        answer["NextMarker"] = str(end)
    return json.dumps(answer)


@override(LambdaBackend)
def put_function_event_invoke_config(
    moto: Any, self: Any, function_name: str, config: dict[str, Any]
) -> Any:
    fn = self.get_function(function_name)
    within("maximumRetryAttempts", config.get("MaximumRetryAttempts", 2), 0, 2)
    within("maximumEventAgeInSeconds", config.get("MaximumEventAgeInSeconds", 21600), 60, 21600)
    config = {"DestinationConfig": {"OnSuccess": {}, "OnFailure": {}}} | config
    now: Any = time.time()  # moto says that it is a string, and answers a number
    put = EventInvokeConfig(f"{fn.function_arn}:$LATEST", now, config)
    fn.event_invoke_config = [put]  # moto keeps the first one
    return put.response()


@override(LambdaBackend)
def update_function_event_invoke_config(
    moto: Any, self: Any, function_name: str, config: dict[str, Any]
) -> Any:
    self.get_function_event_invoke_config(function_name)  # it must be there
    before = self.get_function(function_name).event_invoke_config[0].config
    return self.put_function_event_invoke_config(function_name, before | config)


# Invocations


@override(LambdaResponse, "invoke")
def answer_invoke(moto: Any, self: Any) -> Any:
    fn = self.backend.get_function(
        unquote(self.path.rsplit("/", 2)[-2]), self.querystring.get("Qualifier", [None])[0]
    )
    try:
        event = json.loads(self.body or "{}")
    except ValueError as fault:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {fault}"
        ) from None
    check_active(fn)
    url = f"http://127.0.0.1:{os.environ['MOTO_PORT']}"
    kind = self.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    if kind == "DryRun":
        return 204, {"status": 204}, ""
    if kind == "Event":
        invoke(url, self.current_account, self.region, fn.function_name, event)
        return 202, {"status": 202}, ""

    def wait() -> tuple[list[tuple[str, str]], bytes]:
        outcome = run(url, fn.live, event, str(uuid.uuid4()))
        headers = [("X-Amz-Executed-Version", "$LATEST")]
        if outcome.failed:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if self.headers.get("X-Amz-Log-Type") == "Tail":
            tail = base64.b64encode(outcome.log.encode()[-4096:]).decode()
            headers.append(("X-Amz-Log-Result", tail))
        return headers, json.dumps(outcome.payload).encode()

    request.environ[AFTER] = wait
    return 200, {"Content-Type": "application/json"}, ""
