"""How each service says that something is wrong: its codes, and the format of its errors.

The codes are those of AWS's own API references and of what clients of the real one have met.
"""

import json
import re
from typing import Any

# Services whose errors are XML, or JSON with the code in a header alone; all others have JSON
# with the code in `__type`.
QUERY = ("elasticloadbalancing", "iam", "sts")
REST = ("lambda",)

THROTTLED = {
    "ec2": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "elasticloadbalancing": (400, "Throttling", "Rate exceeded"),
    "iam": (400, "Throttling", "Rate exceeded"),
    "sts": (400, "Throttling", "Rate exceeded"),
    "s3": (503, "SlowDown", "Please reduce your request rate."),
    "lambda": (429, "TooManyRequestsException", "Rate exceeded"),
    None: (400, "ThrottlingException", "Rate exceeded"),
}
FAILED = {
    "ec2": (500, "InternalError", "An internal error has occurred"),
    "elasticloadbalancing": (500, "InternalFailure", "An internal failure has occurred."),
    "iam": (500, "ServiceFailure", "The request processing has failed because of an unknown error"),
    "sts": (500, "InternalFailure", "An internal failure has occurred."),
    "s3": (500, "InternalError", "We encountered an internal error. Please try again."),
    "lambda": (500, "ServiceException", "An error occurred and the request cannot be processed."),
    "ecs": (500, "ServerException", "Service Unavailable. Please try again later."),
    "ecr": (500, "ServerException", "Server error"),
    "logs": (500, "ServiceUnavailableException", "The service is unavailable"),
    "events": (500, "InternalException", "Internal error"),
    "secretsmanager": (500, "InternalServiceError", "An error occurred on the server side."),
    "ssm": (500, "InternalServerError", "Internal Server Error"),
    None: (500, "InternalFailure", "The request processing has failed because of an unknown error"),
}
EXPIRED = {
    "ec2": (400, "RequestExpired", "Request has expired."),
    "elasticloadbalancing": (
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    ),
    "iam": (403, "ExpiredToken", "The security token included in the request is expired"),
    "sts": (403, "ExpiredToken", "The security token included in the request is expired"),
    "s3": (400, "ExpiredToken", "The provided token has expired."),
    "lambda": (
        403,
        "ExpiredTokenException",
        "The security token included in the request is expired",
    ),
    None: (400, "ExpiredTokenException", "The security token included in the request is expired"),
}

# The code for a call with an ID of EC2 that is too young to be known everywhere.
UNKNOWN_ID = {
    "vpc": "InvalidVpcID.NotFound",
    "subnet": "InvalidSubnetID.NotFound",
    "igw": "InvalidInternetGatewayID.NotFound",
    "rtb": "InvalidRouteTableID.NotFound",
    "eipalloc": "InvalidAllocationID.NotFound",
    "nat": "NatGatewayNotFound",
    "sg": "InvalidGroup.NotFound",
}
# What makes a thing that is called by a name or ARN: the parameter, or the pattern in the answer,
# that tells it, and the status and code of a call about it that comes too early.
NAMED = {
    ("elasticloadbalancing", "CreateLoadBalancer"): (
        "<LoadBalancerArn>([^<]+)<",
        400,
        "LoadBalancerNotFound",
    ),
    ("elasticloadbalancing", "CreateTargetGroup"): (
        "<TargetGroupArn>([^<]+)<",
        400,
        "TargetGroupNotFound",
    ),
    ("elasticloadbalancing", "CreateListener"): ("<ListenerArn>([^<]+)<", 400, "ListenerNotFound"),
    ("ecr", "CreateRepository"): ("repositoryName", 400, "RepositoryNotFoundException"),
    ("ecs", "CreateCluster"): ("clusterName", 400, "ClusterNotFoundException"),
    ("iam", "CreateRole"): ("RoleName", 404, "NoSuchEntity"),
    ("logs", "CreateLogGroup"): ("logGroupName", 400, "ResourceNotFoundException"),
    ("events", "PutRule"): ("Name", 400, "ResourceNotFoundException"),
    ("codepipeline", "CreatePipeline"): ('"name": ?"([^"]+)"', 400, "PipelineNotFoundException"),
    ("lambda", "CreateFunction"): ("FunctionName", 404, "ResourceNotFoundException"),
    ("s3", "CreateBucket"): (None, 404, "NoSuchBucket"),
}


def error(
    call: dict[str, Any], status: int, code: str, message: str
) -> tuple[str, list[Any], bytes]:
    """An answer in the service's own format."""
    service = call["service"]
    headers = [("x-amzn-RequestId", "faulty-request")]
    fault = f"<Code>{code}</Code><Message>{message}</Message>"
    if service == "ec2":
        kind = "text/xml"
        text = f"<Response><Errors><Error>{fault}</Error></Errors>"
        text += "<RequestID>faulty-request</RequestID></Response>"
    elif service in QUERY:
        kind = "text/xml"
        text = f"<ErrorResponse><Error><Type>Sender</Type>{fault}</Error>"
        text += "<RequestId>faulty-request</RequestId></ErrorResponse>"
    elif service == "s3":
        kind = "application/xml"
        text = f"<Error>{fault}<RequestId>faulty-request</RequestId></Error>"
    else:
        kind = "application/json" if service in REST else "application/x-amz-json-1.1"
        headers.append(("x-amzn-errortype", code))
        text = json.dumps(
            {"Type": "User", "Message": message}
            if service in REST
            else {"__type": code, "message": message}
        )
    body = b"" if (call["action"] or "").startswith("HEAD ") else text.encode()
    headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return f"{status} {code}", headers, body


def lacking() -> tuple[str, list[Any], bytes]:
    """How an emulator says that it has no such service."""
    body = b'{"error": "Unsupported service"}'
    return (
        "400 Bad Request",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
        body,
    )


def throttled(call: dict[str, Any]) -> tuple[str, list[Any], bytes]:
    return error(call, *THROTTLED.get(call["service"], THROTTLED[None]))


def failed(call: dict[str, Any]) -> tuple[str, list[Any], bytes]:
    return error(call, *FAILED.get(call["service"], FAILED[None]))


def expired(call: dict[str, Any]) -> tuple[str, list[Any], bytes]:
    return error(call, *EXPIRED.get(call["service"], EXPIRED[None]))


def made(call: dict[str, Any], answer: str) -> str | None:
    """The ID, name or ARN of what a call has made."""
    service, action = call["service"], call["action"] or ""
    if service == "ec2" and re.match("Create|Allocate", action):
        # The answer has the IDs of other things as well; its own ID has the prefix of its kind.
        kinds = {"Vpc": "vpc", "Subnet": "subnet", "InternetGateway": "igw", "RouteTable": "rtb"}
        kinds |= {"Address": "eipalloc", "NatGateway": "nat", "SecurityGroup": "sg"}
        kind = kinds.get(re.sub("^(Create|Allocate)", "", action))
        found = re.search(rf">({kind}-[0-9a-f]+)<", answer)
        return found.group(1) if kind and found else None
    where = NAMED.get((service, action), (None,))[0]
    if (service, action) == ("s3", "CreateBucket"):
        return call["path"].strip("/")
    if where is None:
        return None
    if where in (call["params"] or {}):
        return call["params"][where]
    found = re.search(where, answer)
    return found.group(1) if found else None


def refusal(status: int, code: str, message: str) -> dict[str, Any]:
    return {"do": "refuse", "status": status, "code": code, "message": message}


def not_found(call: dict[str, Any], what: str) -> dict[str, Any] | None:
    """The refusal of a call that names this thing. A list with a filter would just be empty."""
    service, action = call["service"], call["action"] or ""
    params = call["params"] or {}
    if service == "ec2":
        if what not in [value for name, value in params.items() if not name.startswith("Filter.")]:
            return None
        kind = what.split("-", maxsplit=1)[0]
        # The API has two spellings for a gateway.
        code = (
            "InvalidNatGatewayID.NotFound"
            if (kind, action) == ("nat", "CreateRoute")
            else UNKNOWN_ID[kind]
        )
        return refusal(400, code, f"The ID '{what}' does not exist")
    creates = {
        "elasticloadbalancing": {
            "loadbalancer": "CreateLoadBalancer",
            "targetgroup": "CreateTargetGroup",
            "listener": "CreateListener",
        }
    }
    if service in ("s3", "lambda"):
        about = what in call["path"].split("/") and action not in ("CreateBucket", "CreateFunction")
    else:
        about = what in params.values() and (service, action) not in NAMED
    if service in creates:
        kind = what.rsplit(":", maxsplit=1)[-1].split("/", maxsplit=1)[0]
        about = what in params.values()
        action = creates[service][kind]
    if not about:
        return None
    of_service = [
        row
        for (owner, create), row in NAMED.items()
        if owner == service and (service != "elasticloadbalancing" or create == action)
    ]
    return refusal(*of_service[0][1:], f"{what} does not exist")


def not_assumed(call: dict[str, Any], role: str) -> dict[str, Any] | None:
    """How a service says that it cannot assume a role that is too young to be known everywhere."""
    found = re.search(
        rf'"(arn:aws:iam::\d+:role/[^"]*{re.escape(role)})"', json.dumps(call["params"])
    )
    if not found:
        return None
    arn = found.group(1)
    match call["service"], call["action"]:
        case "lambda", "CreateFunction" | "UpdateFunctionConfiguration":
            return refusal(
                400,
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            )
        case "codebuild", "CreateProject" | "UpdateProject":
            return refusal(
                400,
                "InvalidInputException",
                f"CodeBuild is not authorized to perform: sts:AssumeRole on {arn}",
            )
        case "codepipeline", "CreatePipeline" | "UpdatePipeline":
            return refusal(
                400,
                "InvalidStructureException",
                f"CodePipeline is not authorized to perform AssumeRole on role {arn}",
            )
        case "events", "PutRule" | "PutTargets":
            return refusal(
                400,
                "ValidationException",
                f"Provided role '{arn}' cannot be assumed by principal 'events.amazonaws.com'.",
            )
    return None


def no_service_linked_role() -> dict[str, Any]:
    why = "Unable to assume the service linked role. "
    why += "Please verify that the ECS service linked role exists."
    return refusal(400, "InvalidParameterException", why)


def held(call: dict[str, Any]) -> dict[str, Any] | None:
    """How EC2 says that network interfaces are still there."""
    if call["service"] != "ec2":
        return None
    match call["action"]:
        case "DeleteSubnet" | "DeleteSecurityGroup":
            return refusal(
                400, "DependencyViolation", "The resource has dependencies and cannot be deleted."
            )
        case "DetachInternetGateway":
            why = "Network vpc has some mapped public address(es). "
            why += "Please unmap those public address(es) before detaching the gateway."
            return refusal(400, "DependencyViolation", why)
    return None
