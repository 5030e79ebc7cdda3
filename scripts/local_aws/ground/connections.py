"""The connections to GitHub of every account and region, a model that moto does not have.

services/codeconnections.py is the API; pipelines ask for the status of theirs.
"""

from typing import Any

from moto.core.base_backend import BackendDict, BaseBackend


class ConnectionsBackend(BaseBackend):
    """The connections of an account in a region, by ARN, each as GetConnection tells it."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.connections: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}


# boto3 does not list the regions of CodeConnections; those of CodePipeline have it.
backends = BackendDict(ConnectionsBackend, "codepipeline")


def status(arn: str) -> str | None:
    """The status of a connection of any account and region; None where there is none."""
    _, _, _, region, account, _ = (arn.split(":", 5) + [""] * 6)[:6]
    if account not in backends or region not in backends[account]:
        return None
    connection = backends[account][region].connections.get(arn)
    return connection["ConnectionStatus"] if connection else None


def handshake(wanted: dict[str, Any]) -> dict[str, Any]:
    """Do what a person does in the console: make connections of this ARN or name AVAILABLE."""
    done = []
    backend: Any
    for _, _, backend in backends.iter_backends():
        for arn, one in backend.connections.items():
            if wanted["connection"] in (arn, one["ConnectionName"]):
                one["ConnectionStatus"] = "AVAILABLE"
                done.append(arn)
    if not done:
        raise LookupError(f"no connection {wanted['connection']}")
    return {"connections": done}
