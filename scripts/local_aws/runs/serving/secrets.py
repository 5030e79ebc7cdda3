"""The variables of a container whose values are elsewhere: its secrets, from Secrets Manager and
the Parameter Store of this account, and its files of variables, from S3."""

import json
from typing import Any

from moto.moto_api._internal import mock_random

from ...ground import roles

RETRIEVAL = (
    "unable to pull secrets or registry auth: execution resource retrieval failed: unable to "
    "retrieve {what}: service call has been retried 1 time(s): {why}"
)


class Unavailable(Exception):
    """A secret that cannot be had; the message is what ECS says."""


def all_of(container: dict[str, Any], definition: Any, account: str, region: str) -> dict[str, str]:
    """The values of a container's secrets, by variable, over those of its files that it lacks.

    Errors: Unavailable.
    """
    said = {one["name"] for one in container.get("environment", [])}
    of_files = {
        name: value
        for one in container.get("environmentFiles", [])
        for name, value in file(one["value"], definition, account).items()
        if name not in said
    }
    return of_files | {
        one["name"]: value(one["valueFrom"], definition, account, region)
        for one in container.get("secrets", [])
    }


def value(source: str, definition: Any, account: str, region: str) -> str:
    if source.startswith("arn:") and ":secretsmanager:" in source:
        return secret(source, definition, account)
    return parameter(source, definition, account, region)


def file(arn: str, definition: Any, account: str) -> dict[str, str]:
    """The variables of a file: a line each, and none of what begins with #.

    Errors: Unavailable.
    """
    from moto.s3.models import s3_backends

    role = definition.execution_role_arn or ""
    partition, (bucket, _, key) = arn.split(":")[1], arn.split(":", 5)[5].partition("/")
    found = None
    if roles.allows(account, partition, role, "s3:GetObject", arn):
        held = s3_backends[account][partition].buckets.get(bucket)
        found = held.keys.get(key) if held else None
    if found is None:
        why = f"failed to download env files: file download command: non empty error stream: {arn}"
        raise Unavailable(why)
    lines = found.value.decode().splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, equals, value in pairs if equals}


def parameter(source: str, definition: Any, account: str, region: str) -> str:
    from moto.ssm.models import ssm_backends

    name = source
    if source.startswith("arn:"):
        _, _, _, region, account, rest = source.split(":", 5)
        name = rest.removeprefix("parameter")
    role = definition.execution_role_arn or ""
    partition = (role or "arn:aws").split(":")[1]
    arn = f"arn:{partition}:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"
    if not roles.allows(account, partition, role, "ssm:GetParameters", arn):
        raise Unavailable(denied(arn, role, account, "ssm:GetParameters"))
    store = ssm_backends[account][region]
    for one in (name, name.removeprefix("/")):
        if found := store.get_parameter(one):
            check_key("ssm", found.keyid, definition, region)
            return str(found.response_object(True, region)["Value"])
    why = f"invalid ssm parameters: {source}"
    raise Unavailable(RETRIEVAL.format(what="secrets from ssm", why=why))


def secret(source: str, definition: Any, account: str) -> str:
    """`arn:…:secret:NAME-RANDOM:JSON-KEY:STAGE:VERSION`, of which what follows NAME may lack."""
    from moto.secretsmanager.exceptions import SecretsManagerClientError
    from moto.secretsmanager.models import secretsmanager_backends

    parts = [*source.split(":"), "", "", ""]
    arn, key, stage, version = ":".join(parts[:7]), parts[7], parts[8], parts[9]
    role = definition.execution_role_arn or ""
    partition = parts[1]
    if not roles.allows(account, partition, role, "secretsmanager:GetSecretValue", arn):
        raise Unavailable(denied(arn, role, account))
    manager: Any = secretsmanager_backends[parts[4]][parts[3]]
    if found := manager.secrets.get(arn):
        check_key("secretsmanager", getattr(found, "kms_key_id", None), definition, parts[3])
    try:
        text = manager.get_secret_value(arn, version, stage)["SecretString"]
        return str(json.loads(text)[key]) if key else str(text)
    except SecretsManagerClientError as fault:
        why = f"failed to fetch secret {arn} from secrets manager: {fault.error_type}: "
        why += fault.message
        raise Unavailable(RETRIEVAL.format(what="secret from asm", why=why)) from None
    except (KeyError, TypeError, ValueError):
        why = f"retrieved secret from Secrets Manager did not contain json key {key}"
        raise Unavailable(RETRIEVAL.format(what="secret from asm", why=why)) from None


def denied(arn: str, role: str, account: str, action: str = "secretsmanager:GetSecretValue") -> str:
    """What ECS says where the execution role may not read a secret."""
    name = (role or "none").rpartition("/")[2]
    user = f"arn:aws:sts::{account}:assumed-role/{name}/{mock_random.get_random_hex(32)}"
    why = (
        f"AccessDeniedException: User: {user} is not authorized to perform: {action} on resource: "
        f"{arn} because no identity-based policy allows the {action} action status code: "
        f"400, request id: {mock_random.uuid4()}"
    )
    if action.startswith("ssm:"):
        return RETRIEVAL.format(what="secrets from ssm", why=why)
    why = f"failed to fetch secret {arn} from secrets manager: {why}"
    return RETRIEVAL.format(what="secret from asm", why=why)


def check_key(service: str, key: str | None, definition: Any, region: str) -> None:
    """Refuse what is encrypted with a key of one's own that the execution role may not use by this
    service. A key that is named by an alias has that alias alone.

    Errors: Unavailable.
    """
    if not key or "alias/aws/" in key:
        return
    role = definition.execution_role_arn or ""
    partition, account = role.split(":")[1], role.split(":")[4]
    name = key.rpartition(":")[2].removeprefix("key/")
    context = {"kms:ViaService": f"{service}.{region}.amazonaws.com"}
    if name.startswith("alias/"):
        context["kms:ResourceAliases"] = name
    arn = f"arn:{partition}:kms:{region}:{account}:key/{name.removeprefix('alias/')}"
    if not roles.allows(account, partition, role, "kms:Decrypt", arn, context):
        raise Unavailable(denied(arn, role, account, "kms:Decrypt"))
