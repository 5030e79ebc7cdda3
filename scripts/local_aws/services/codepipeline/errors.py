"""CodePipeline's errors: a code and a message."""

from moto.core.exceptions import JsonRESTError


def error(code: str, message: str) -> JsonRESTError:
    return JsonRESTError(code, message)


def structure(message: str) -> JsonRESTError:
    return error("InvalidStructureException", message)
