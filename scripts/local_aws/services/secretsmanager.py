"""Secrets Manager as AWS does it: what is not set is not in an answer."""

from typing import Any

from moto.secretsmanager.models import FakeSecret

from ..ground.override import override


@override(FakeSecret)
def to_dict(moto: Any, self: Any) -> dict[str, Any]:
    answer = moto(self)
    answer.pop("SecretVersionsToStages", None)  # ListSecrets has it, which no tool calls
    return {name: value for name, value in answer.items() if value is not None}
