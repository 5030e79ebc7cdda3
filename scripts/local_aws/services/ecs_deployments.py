"""Deployments of ECS services as AWS tells and stops them."""

from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.ecs.responses import EC2ContainerServiceResponse

from ..ground.override import add
from ..runs import deployments, rollout, shifting
from .ecs_checks import error, invalid


@add(EC2ContainerServiceResponse)
def list_service_deployments(self: Any) -> ActionResult:
    backend = self.ecs_backend
    cluster = backend._get_cluster(self._get_param("cluster", "default"))
    name = self._get_param("service").rsplit("/", maxsplit=1)[-1]
    statuses = self._get_param("status", [])
    listed = []
    for one in deployments.asked(backend._get_service(cluster.name, name)):
        if not statuses or one["status"] in statuses:
            listed.append({key: value for key, value in one.items() if key != "task_definition"})
    return ActionResult({"serviceDeployments": listed})


def all_deployments(self: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    for service in self.services.values():
        for one in deployments.asked(service):
            yield service, one


def deployment_of(self: Any, arn: str) -> tuple[Any, dict[str, Any]]:
    for service, one in all_deployments(self):
        if one["serviceDeploymentArn"] == arn:
            return service, one
    raise error("ServiceDeploymentNotFoundException", f"There is no service deployment {arn}.")


@add(EC2ContainerServiceResponse)
def describe_service_deployments(self: Any) -> ActionResult:
    wanted = self._get_param("serviceDeploymentArns")
    if not 0 < len(wanted) <= 20:
        raise invalid("Service deployments cannot be empty, or more than 20.")
    described = []
    for arn in wanted:
        service, found = deployment_of(self.ecs_backend, arn)
        is_last = found["status"] == "IN_PROGRESS"
        shown = {key: value for key, value in found.items() if key != "task_definition"}
        shown["targetServiceRevision"] = {"arn": shown.pop("targetServiceRevisionArn")}
        shown["deploymentConfiguration"] = service.deployment_configuration
        if is_last and (stage := service.__dict__.get("stage")):
            shown["lifecycleStage"] = stage
        described.append(shown)
    return ActionResult({"serviceDeployments": described, "failures": []})


@add(EC2ContainerServiceResponse)
def stop_service_deployment(self: Any) -> ActionResult:
    """What ran before has all requests again."""
    arn, how = self._get_param("serviceDeploymentArn"), self._get_param("stopType", "ROLLBACK")
    service, found = deployment_of(self.ecs_backend, arn)
    if how != "ROLLBACK":
        raise invalid(f"The stop type {how} is not valid.")
    if found["status"] != "IN_PROGRESS":
        raise error("ConflictException", f"The service deployment is {found['status']}.")
    rollout.give_up(service, service.deployments[0], shifting.STOPPED, rolls_back=True)
    return ActionResult({"serviceDeploymentArn": arn})


@add(EC2ContainerServiceResponse)
def describe_service_revisions(self: Any) -> ActionResult:
    wanted = self._get_param("serviceRevisionArns")
    if not 0 < len(wanted) <= 20:
        raise invalid("Service revisions cannot be empty, or more than 20.")
    revisions = []
    for _, one in all_deployments(self.ecs_backend):
        if one["targetServiceRevisionArn"] in wanted:
            revision = {
                "serviceRevisionArn": one["targetServiceRevisionArn"],
                "serviceArn": one["serviceArn"],
                "clusterArn": one["clusterArn"],
                "taskDefinition": one["task_definition"],
                "createdAt": one["createdAt"],
            }
            revisions.append(revision)
    return ActionResult({"serviceRevisions": revisions, "failures": []})
