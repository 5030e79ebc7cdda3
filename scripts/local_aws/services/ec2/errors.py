"""EC2's errors: a code and a message."""

from moto.ec2.exceptions import EC2ClientError


def error(code: str, message: str) -> EC2ClientError:
    return EC2ClientError(code, message)


def dependency(what: str, id: str) -> EC2ClientError:
    return error(
        "DependencyViolation", f"The {what} '{id}' has dependencies and cannot be deleted."
    )
