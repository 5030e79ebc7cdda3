"""CodeConnections, which moto does not have: connections to GitHub.

The service has two names: `codeconnections`, and the older `codestar-connections`. Both see the
same connections; an ARN has the name of the service that made it. A new connection is PENDING
until a person finishes it in the console, for which POST /_local/handshake stands. Two
connections may have the same name: AWS allows that too, against its documentation.

Simplified: there are no hosts, and no links to repositories.
"""

from typing import Any

from flask import Flask
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, BaseResponse, EmptyResult
from moto.core.utils import convert_to_flask_response
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import BackendRequest

from ..ground.connections import ConnectionsBackend, backends

PROVIDERS = (
    "AzureDevOps",
    "Bitbucket",
    "GitHub",
    "GitHubEnterpriseServer",
    "GitLab",
    "GitLabSelfManaged",
)


def invalid(value: Any, name: str, constraint: str) -> JsonRESTError:
    return JsonRESTError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"Member must {constraint}",
    )


class ConnectionsResponse(BaseResponse):
    def __init__(self) -> None:
        super().__init__(service_name="codeconnections")
        self.automated_parameter_parsing = True

    @property
    def backend(self) -> ConnectionsBackend:
        return backends[self.current_account][self.region]

    def found(self, arn: str) -> str:
        if arn not in self.backend.connections:
            kind = "Connection" if ":connection/" in arn else "Resource"
            raise JsonRESTError("ResourceNotFoundException", f"{kind} {arn} not found")
        return arn

    def create_connection(self) -> ActionResult:
        name, provider = self._get_param("ConnectionName"), self._get_param("ProviderType")
        if not 1 <= len(name) <= 32:
            raise invalid(name, "connectionName", "have length between 1 and 32")
        if provider not in PROVIDERS:
            raise invalid(provider, "providerType", f"be one of {sorted(PROVIDERS)}")
        tags = checked(self._get_param("Tags") or [])
        arn = f"arn:{self.partition}:{self.service_name}:{self.region}:{self.current_account}"
        arn += f":connection/{mock_random.uuid4()}"
        self.backend.connections[arn] = {
            "ConnectionName": name,
            "ConnectionArn": arn,
            "ProviderType": provider,
            "OwnerAccountId": self.current_account,
            "ConnectionStatus": "PENDING",
        }
        self.backend.tags[arn] = tags
        return ActionResult({"ConnectionArn": arn, "Tags": listed(tags)})

    def get_connection(self) -> ActionResult:
        arn = self.found(self._get_param("ConnectionArn"))
        return ActionResult({"Connection": self.backend.connections[arn]})

    def list_connections(self) -> ActionResult:
        wanted = self._get_param("ProviderTypeFilter")
        size = self._get_param("MaxResults") or 100
        if not 0 < size <= 100:
            raise invalid(size, "maxResults", "have value less than or equal to 100")
        token = self._get_param("NextToken") or "0"
        if not token.isdigit():
            raise JsonRESTError("InvalidInputException", "The NextToken is not valid")
        all = self.backend.connections.values()
        fitting = [one for one in all if wanted in (None, one["ProviderType"])]
        end = int(token) + size
        answer: dict[str, Any] = {"Connections": fitting[int(token) : end]}
        if end < len(fitting):
            answer["NextToken"] = str(end)
        return ActionResult(answer)

    def delete_connection(self) -> EmptyResult:
        arn = self.found(self._get_param("ConnectionArn"))
        del self.backend.connections[arn], self.backend.tags[arn]
        return EmptyResult()

    def list_tags_for_resource(self) -> ActionResult:
        arn = self.found(self._get_param("ResourceArn"))
        return ActionResult({"Tags": listed(self.backend.tags[arn])})

    def tag_resource(self) -> EmptyResult:
        arn = self.found(self._get_param("ResourceArn"))
        tags = self.backend.tags[arn] | checked(self._get_param("Tags"))
        if len(tags) > 50:
            raise JsonRESTError("LimitExceededException", "A resource has at most 50 tags")
        self.backend.tags[arn] = tags
        return EmptyResult()

    def untag_resource(self) -> EmptyResult:
        arn = self.found(self._get_param("ResourceArn"))
        for key in self._get_param("TagKeys"):
            self.backend.tags[arn].pop(key, None)
        return EmptyResult()


class StarConnectionsResponse(ConnectionsResponse):
    """The same by the old name."""

    def __init__(self) -> None:
        super().__init__()
        self.service_name = "codestar-connections"


def checked(tags: list[dict[str, str]]) -> dict[str, str]:
    for tag in tags:
        if not 1 <= len(tag["Key"]) <= 128 or tag["Key"].startswith("aws:"):
            raise invalid(tag["Key"], "tags", "have a key of 1 to 128 characters, without aws:")
        if len(tag["Value"]) > 256:
            raise invalid(tag["Value"], "tags", "have length less than or equal to 256")
    if len(tags) > 50:
        raise JsonRESTError("LimitExceededException", "A resource has at most 50 tags")
    return {tag["Key"]: tag["Value"] for tag in tags}


def listed(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def create_app(service: str) -> Flask:
    """The application of one of the two names, like moto's create_backend_app."""
    old = service == "codestar-connections"
    response = StarConnectionsResponse if old else ConnectionsResponse
    app = Flask(service)
    app.request_class = BackendRequest
    view = convert_to_flask_response(response.dispatch)
    app.add_url_rule("/", "dispatch", view, methods=["POST"])
    return app
