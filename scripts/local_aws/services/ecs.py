"""ECS as AWS does it: clusters, task definitions, services.

A service is created once, in an existing cluster, for target groups that a listener uses. Its tasks
come over time (runs/rollout.py). When it is deleted it is DRAINING for a moment, then INACTIVE. A
cluster with services or tasks in it is not deleted. Fargate has a list of sizes, and needs an
execution role to pull from ECR or to write logs. A description shows also those settings of the
request that moto forgets.
"""

import functools
import re
from typing import Any

from botocore import xform_name
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ecs.exceptions import (
    ClusterNotFoundException,
    ECSException,
    ServiceNotFoundException,
)
from moto.ecs.models import (
    Cluster,
    EC2ContainerServiceBackend,
    TaskDefinition,
    ecs_backends,
)
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elbv2.models import elbv2_backends

from ..ground import fargate
from ..ground.clock import later
from ..ground.override import add, derive, override
from ..runs import alarms, rollout
from .ecs_checks import (
    check_deploying,
    check_grace,
    check_network,
    check_pair,
    check_strategy,
    error,
    invalid,
    refused,
    whole,
)

# Clusters


def active_cluster(self: Any, name: str) -> Cluster:
    cluster = self._get_cluster(name)
    if cluster.status != "ACTIVE":
        raise ClusterNotFoundException
    return cluster


def living_services(self: Any, cluster: Cluster) -> list[Any]:
    return [
        service
        for service in self.services.values()
        if service.cluster_name == cluster.name and service.status != "INACTIVE"
    ]


@override(EC2ContainerServiceBackend)
def create_cluster(moto: Any, self: Any, cluster_name: str, *args: Any, **kwargs: Any) -> Cluster:
    existing = self.clusters.get(cluster_name)
    if existing and existing.status == "ACTIVE":
        return existing  # AWS ignores other settings and tags of the call
    check_providers(self, kwargs.get("capacity_providers") or (args[3] if len(args) > 3 else []))
    cluster: Cluster = moto(self, cluster_name, *args, **kwargs)
    cluster.capacity_providers = cluster.capacity_providers or []
    cluster.default_capacity_provider_strategy = cluster.default_capacity_provider_strategy or []
    return cluster


@override(EC2ContainerServiceBackend)
def list_clusters(moto: Any, self: Any) -> list[str]:
    return [one.arn for one in self.clusters.values() if one.status == "ACTIVE"]


@override(EC2ContainerServiceBackend)
def delete_cluster(moto: Any, self: Any, cluster_str: str) -> Cluster:
    cluster = active_cluster(self, cluster_str)
    if living_services(self, cluster):
        raise error(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        )
    if any(one.last_status != "STOPPED" for one in self.tasks.get(cluster.name, {}).values()):
        raise error(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        )
    return moto(self, cluster_str)


AWS_PROVIDERS = ("FARGATE", "FARGATE_SPOT")


def check_providers(self: Any, providers: list[str] | None) -> None:
    for name in providers or []:
        if name not in AWS_PROVIDERS and name not in self.capacity_providers:
            raise invalid(f"The specified capacity provider '{name}' was not found.")


@override(EC2ContainerServiceBackend)
def put_cluster_capacity_providers(
    moto: Any, self: Any, cluster_name: str, providers: list[str] | None, strategy: Any
) -> Cluster:
    """The call replaces both; what a service uses stays."""
    cluster = active_cluster(self, cluster_name)
    if providers is None or strategy is None:
        raise refused("capacityProviders and defaultCapacityProviderStrategy are required.")
    check_providers(self, providers)
    for service in living_services(self, cluster):
        used = {one["capacityProvider"] for one in service.capacity_provider_strategy or []}
        if used - set(providers):
            raise error(
                "ResourceInUseException",
                "The specified capacity provider is in use and cannot be removed.",
            )
    changed: Cluster = moto(self, cluster_name, providers, strategy)
    return changed


CLUSTER_SETTINGS = "DescribeClustersResponse.clusters.Cluster.settings"


@override(EC2ContainerServiceResponse)
def describe_clusters(moto: Any, self: Any) -> ActionResult:
    """Settings are told only to who asks for them."""
    if "SETTINGS" in self._get_param("include", []):
        self._include_in_response(CLUSTER_SETTINGS)
    else:
        self._exclude_from_response(CLUSTER_SETTINGS)
    answer: ActionResult = moto(self)
    return answer


@add(EC2ContainerServiceResponse)
def update_cluster_settings(self: Any) -> ActionResult:
    cluster = active_cluster(self.ecs_backend, self._get_param("cluster"))
    wanted = {one["name"]: one["value"] for one in self._get_param("settings", [])}
    settings = {one["name"]: one["value"] for one in cluster.settings} | wanted
    cluster.settings = [{"name": name, "value": value} for name, value in settings.items()]
    return ActionResult({"cluster": cluster})


# The numbers of a cluster follow from what is in it.


def backend_of(cluster: Cluster) -> Any:
    return ecs_backends[cluster.arn.split(":")[4]][cluster.region_name]


def tasks_in(cluster: Cluster, status: str) -> int:
    tasks = backend_of(cluster).tasks.get(cluster.name, {}).values()
    return sum(one.last_status == status for one in tasks)


@derive(Cluster)
def active_services_count(self: Any) -> int:
    return sum(one.status == "ACTIVE" for one in living_services(backend_of(self), self))


@derive(Cluster)
def running_tasks_count(self: Any) -> int:
    return tasks_in(self, "RUNNING")


@derive(Cluster)
def pending_tasks_count(self: Any) -> int:
    return tasks_in(self, "PENDING")


@derive(Cluster)
def statistics(self: Any) -> list[Any]:
    return []  # only with include=STATISTICS, which no tool asks for


# Task definitions


@derive(TaskDefinition)
def requires_attributes(self: Any) -> list[dict[str, str]]:
    """What the agent that runs it must be able to do, as far as the tools make use of it."""
    names = {"com.amazonaws.ecs.capability.docker-remote-api.1.18"}
    if self.network_mode == "awsvpc":
        names.add("ecs.capability.task-eni")
    for one in self.container_definitions:
        if ".dkr.ecr." in one.get("image", ""):
            names.add("com.amazonaws.ecs.capability.ecr-auth")
            names.add("ecs.capability.execution-role-ecr-pull")
        if one.get("logConfiguration", {}).get("logDriver") == "awslogs":
            names.add("com.amazonaws.ecs.capability.logging-driver.awslogs")
            names.add("ecs.capability.execution-role-awslogs")
    return [{"name": name} for name in sorted(names)]


@override(EC2ContainerServiceBackend)
def register_task_definition(
    moto: Any, self: Any, family: str, container_definitions: list[dict[str, Any]], **given: Any
) -> TaskDefinition:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", family or ""):
        raise refused("Family contains invalid characters.")
    if "FARGATE" in (given.get("requires_compatibilities") or []):
        fargate.check(given, container_definitions, refused)
    for container in container_definitions:
        for mapping in container.get("portMappings", []):
            mapping.setdefault("protocol", "tcp")
            if given.get("network_mode") == "awsvpc":
                mapping.setdefault("hostPort", mapping["containerPort"])
    definition = moto(self, family, container_definitions, **given)
    definition.registered_at = utcnow()

    # Revision numbers are never used again, not even after the revisions are deleted.
    last = self.__dict__.setdefault("last_revisions", {})
    revision = last[family] = last.get(family, 0) + 1
    if revision != definition.revision:
        del self.task_definitions[family][definition.revision]
        definition.arn = definition.arn.rpartition(":")[0] + f":{revision}"
        definition.revision = revision
        self.task_definitions[family][revision] = definition
    return definition


@override(EC2ContainerServiceResponse, "register_task_definition")
def answer_registered(moto: Any, self: Any) -> ActionResult:
    answer = moto(self).result
    return ActionResult({**answer, "tags": answer["taskDefinition"].tags})


@override(EC2ContainerServiceBackend)
def describe_task_definition(moto: Any, self: Any, task_definition_str: str) -> TaskDefinition:
    """A family alone stands for its latest ACTIVE revision."""
    family = task_definition_str.rsplit("/", maxsplit=1)[-1]
    if ":" not in family:
        revisions = self.task_definitions.get(family, {}).items()
        active = [number for number, one in revisions if one.status == "ACTIVE"]
        if not active:
            raise refused("Unable to describe task definition.")
        task_definition_str = f"{family}:{max(active)}"
    return moto(self, task_definition_str)


@override(EC2ContainerServiceResponse, "list_task_definition_families")
def answer_families(moto: Any, self: Any) -> ActionResult:
    """Those of a status: a family is ACTIVE while one of its revisions is."""
    wanted = self._get_param("status", "ALL")
    families = []
    for family in moto(self).result["families"]:
        revisions = self.ecs_backend.task_definitions[family].values()
        statuses = {one.status for one in revisions}
        status = "ACTIVE" if "ACTIVE" in statuses else "INACTIVE"
        if statuses and wanted in ("ALL", status):
            families.append(family)
    return ActionResult({"families": families})


@override(EC2ContainerServiceBackend)
def delete_task_definitions(moto: Any, self: Any, task_definitions: list[str]) -> Any:
    """DELETE_IN_PROGRESS lasts a moment, and as long as a service uses the task definition."""
    deleted, failures = moto(self, task_definitions)
    for one in deleted:
        one.delete_requested_at = utcnow()
        self.task_definitions[one.family][one.revision] = one
        later(functools.partial(vanish, self, one))
    return deleted, failures


def vanish(self: Any, definition: TaskDefinition) -> None:
    living = [service for service in self.services.values() if service.status != "INACTIVE"]
    used = [
        deployment["taskDefinition"] for service in living for deployment in service.deployments
    ]
    if definition.arn in used:
        later(lambda: vanish(self, definition), at_least=1)
    else:
        self.task_definitions[definition.family].pop(definition.revision, None)


# Services


DEFAULTS: dict[str, Any] = {
    "availability_zone_rebalancing": "ENABLED",
    "capacity_provider_strategy": None,
    "deployment_configuration": {},
    "enable_ecs_managed_tags": False,
    "enable_execute_command": False,
    "health_check_grace_period_seconds": None,
    "placement_constraints": [],
    "placement_strategy": [],
    "propagate_tags": "NONE",
    "platform_version": "LATEST",
}
DEPLOYMENT_DEFAULTS = {
    "alarms": {"alarmNames": [], "enable": False, "rollback": False},
    "deploymentCircuitBreaker": {"enable": False, "rollback": False},
    "maximumPercent": 200,
    "minimumHealthyPercent": 100,
    "strategy": "ROLLING",
    "bakeTimeInMinutes": 0,
}


def keep(service: Any, given: dict[str, Any]) -> None:
    """Keep what the request says, so that a description can show it."""
    for key, value in given.items():
        if xform_name(key) in DEFAULTS:
            setattr(service, xform_name(key), value)
    service.deployment_configuration = {
        **DEPLOYMENT_DEFAULTS,
        **service.deployment_configuration,
    }
    service.capacity_provider_strategy = whole(service.capacity_provider_strategy) or None
    if not service.load_balancers:
        service.health_check_grace_period_seconds = None
    elif service.health_check_grace_period_seconds is None:
        service.health_check_grace_period_seconds = 0


def usable_definition(self: Any, name: str | None) -> TaskDefinition:
    if not name:
        raise invalid("TaskDefinition can not be blank.")
    try:
        definition = self.describe_task_definition(name)
    except ECSException:
        raise refused("TaskDefinition not found.") from None
    if definition.status != "ACTIVE":
        raise refused("TaskDefinition is inactive")
    return definition


def check_load_balancers(self: Any, entries: list[dict[str, Any]], definition: Any) -> None:
    """The target group must be there, in use by a listener, and fit the container."""
    elb = elbv2_backends[self.account_id][self.region_name]
    for entry in entries or []:
        arn = entry.get("targetGroupArn", "")
        group = elb.target_groups.get(arn)
        if group is None:
            raise invalid(f"The specified target group does not exist: {arn}")
        if not group.load_balancer_arns:
            raise invalid(
                f"The target group with targetGroupArn {arn} does not have an associated load "
                "balancer."
            )
        if definition.network_mode == "awsvpc" and group.target_type != "ip":
            raise invalid(
                f"The provided target group {arn} has target type {group.target_type}, which is "
                "incompatible with the awsvpc network mode specified in the task definition."
            )
        if entry.get("advancedConfiguration"):
            check_pair(self, elb, entry)
        name, port = entry.get("containerName"), entry.get("containerPort")
        containers = {one["name"]: one for one in definition.container_definitions}
        if name not in containers:
            raise invalid(f"The container {name} does not exist in the task definition.")
        ports = [one["containerPort"] for one in containers[name].get("portMappings", [])]
        if port not in ports:
            raise invalid(f"The container {name} did not have a container port {port} defined.")


def check_alarms(self: Any, given: dict[str, Any]) -> None:
    """Those that a deployment is to heed are there."""
    wanted = given.get("deploymentConfiguration", {}).get("alarms", {})
    if wanted.get("enable") and not wanted["alarmNames"]:
        raise invalid("At least one alarm name must be specified when alarms are enabled.")
    there = alarms.states(self)
    missing = [name for name in wanted.get("alarmNames", []) if name not in there]
    if missing:
        raise invalid(f"The specified alarms do not exist: {missing}")


def change_strategy(cluster: Cluster, service: Any, given: dict[str, Any]) -> None:
    """No strategy at all brings a service back to its launch type."""
    strategy = given.get("capacityProviderStrategy")
    if strategy is None or whole(strategy) == (service.capacity_provider_strategy or []):
        return
    check_strategy(cluster, strategy)
    if not given.get("forceNewDeployment"):
        raise invalid(
            "When switching from launch type to capacity provider strategy on an existing service, "
            "or making a change to a capacity provider strategy on a service that is already using "
            "one, you must force a new deployment."
        )
    service.launch_type = None if strategy else "FARGATE"


def linked_role(backend: Any) -> str:
    """The role by which ECS itself works for a service that names none."""
    path = "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    return f"arn:{backend.partition}:iam::{backend.account_id}:role/{path}"


@override(EC2ContainerServiceResponse)
def create_service(moto: Any, self: Any) -> ActionResult:
    given, backend = dict(self._get_params()), self.ecs_backend
    cluster = active_cluster(backend, given.get("cluster", "default"))
    existing = backend.services.get(f"{cluster.name}:{given['serviceName']}")
    if existing and existing.status != "INACTIVE":
        if given.get("clientToken") and existing.given == given:
            return ActionResult({"service": existing})
        raise invalid("Creation of service was not idempotent.")
    if given.get("deploymentController", {}).get("type", "ECS") != "ECS":
        return moto(self)

    definition = usable_definition(backend, given.get("taskDefinition"))
    strategy = given.get("capacityProviderStrategy")
    launch_type = None if strategy else given.get("launchType", "EC2")
    if launch_type == "FARGATE" and "FARGATE" not in definition.compatibilities:
        raise invalid("Task definition does not support launch_type FARGATE.")
    network = given.get("networkConfiguration")
    if definition.network_mode == "awsvpc":
        check_network(given)
    check_load_balancers(backend, given.get("loadBalancers", []), definition)
    check_grace(given, given.get("loadBalancers"))
    if strategy and given.get("launchType"):
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again."
        )
    check_strategy(cluster, strategy)
    check_alarms(backend, given)
    check_deploying(backend, given, given.get("loadBalancers"), None)

    service = backend.create_service(
        cluster.name,
        given["serviceName"],
        given.get("desiredCount", 0),
        definition.arn,
        given.get("loadBalancers"),
        given.get("schedulingStrategy"),
        given.get("tags"),
        None,
        launch_type,
        service_registries=given.get("serviceRegistries"),
        network_configuration=network,
        role_arn=given.get("role") or linked_role(backend),
    )
    for key, value in DEFAULTS.items():
        setattr(service, key, value)
    keep(service, given)
    service.given = given
    service.launch_type = launch_type
    service.platform_family = "Linux"
    service.created_at = utcnow()
    service.created_by = f"arn:{backend.partition}:iam::{backend.account_id}:user/moto"
    service.deployments, service.tasks, service.completed = [], [], None
    service.asked = []
    rollout.deploy(service, definition)
    return ActionResult({"service": service})


@override(EC2ContainerServiceResponse)
def update_service(moto: Any, self: Any) -> ActionResult:
    given, backend = dict(self._get_params()), self.ecs_backend
    cluster = active_cluster(backend, given.get("cluster", "default"))
    service = backend._get_service(cluster.name, given["service"].split("/")[-1])
    if service.status != "ACTIVE":
        raise error("ServiceNotActiveException", "Service was not ACTIVE.")
    if not hasattr(service, "tasks"):
        return moto(self)

    # A service keeps what it has, even what nothing new may use: only what is asked for is checked.
    if "taskDefinition" in given or given.get("forceNewDeployment"):
        definition = usable_definition(
            backend, given.get("taskDefinition", service.task_definition)
        )
    else:
        definition = backend.describe_task_definition(service.task_definition)
    balancers = given.get("loadBalancers", service.load_balancers)
    check_load_balancers(backend, given.get("loadBalancers", []), definition)
    check_grace(given, balancers)
    check_alarms(backend, given)
    check_deploying(backend, given, balancers, service)
    change_strategy(cluster, service, given)
    network = service.network_configuration
    if "networkConfiguration" in given:
        vpc = given["networkConfiguration"]["awsvpcConfiguration"]
        vpc = {"securityGroups": [], "assignPublicIp": "DISABLED", **vpc}
        network = service._validate_network({"awsvpcConfiguration": vpc})
    platform = given.get("platformVersion", service.platform_version)
    before = (
        service.task_definition,
        service.network_configuration,
        service.load_balancers,
        service.platform_version,
    )
    service.network_configuration = network
    service.load_balancers = balancers
    keep(service, given)
    if given.get("forceNewDeployment") or before != (definition.arn, network, balancers, platform):
        service.desired_count = given.get("desiredCount", service.desired_count)
        rollout.deploy(service, definition)
    elif given.get("desiredCount", service.desired_count) != service.desired_count:
        rollout.scale(service, given["desiredCount"])
    return ActionResult({"service": service})


@override(EC2ContainerServiceBackend)
def delete_service(moto: Any, self: Any, cluster_name: str, service_name: str, force: Any) -> Any:
    active_cluster(self, cluster_name)
    service = self._get_service(cluster_name, service_name.rsplit("/", maxsplit=1)[-1])
    if service.status == "INACTIVE":
        raise ServiceNotFoundException
    if service.status == "DRAINING":
        return service
    if not hasattr(service, "tasks"):
        return moto(self, cluster_name, service_name, force)
    if not force:
        if service.desired_count > 0:
            raise invalid("The service cannot be stopped while it is scaled above 0.")
        if service.tasks or service.deployments[0]["rolloutState"] == "IN_PROGRESS":
            raise invalid("The service cannot be stopped while deployments are active.")
    rollout.drain(service)
    return service


@override(EC2ContainerServiceBackend)
def describe_services(moto: Any, self: Any, cluster_str: str, service_names_or_arns: Any) -> Any:
    if not 0 < len(service_names_or_arns) <= 10:
        raise invalid("Services cannot be empty, or more than 10.")
    return moto(self, cluster_str, service_names_or_arns)


@override(EC2ContainerServiceBackend)
def list_services(moto: Any, self: Any, cluster_str: str, *args: Any, **kwargs: Any) -> list[str]:
    """A DRAINING service is not listed any more."""
    cluster = active_cluster(self, cluster_str)
    active = {one.arn for one in living_services(self, cluster) if one.status == "ACTIVE"}
    return [arn for arn in moto(self, cluster_str, *args, **kwargs) if arn in active]


@override(EC2ContainerServiceResponse, "list_services")
def answer_page_of_services(moto: Any, self: Any) -> ActionResult:
    """A page has 10 services unless the request says otherwise."""
    arns = moto(self).result["serviceArns"]
    first = int(self._get_param("nextToken", 0))
    end = first + int(self._get_param("maxResults", 10))
    page = {"serviceArns": arns[first:end]}
    return ActionResult(page | {"nextToken": str(end)} if end < len(arns) else page)


@override(EC2ContainerServiceBackend)
def list_tasks(moto: Any, self: Any, *args: Any, **kwargs: Any) -> list[Any]:
    """Tasks whose desired status is RUNNING, unless the request says otherwise."""
    names = (
        "cluster_str",
        "container_instance",
        "family",
        "started_by",
        "service_name",
        "desiredStatus",
    )
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    given["desiredStatus"] = given.get("desiredStatus") or "RUNNING"
    tasks = moto(self, **given)
    if given.get("service_name"):
        group = f"service:{given['service_name'].split('/')[-1]}"
        tasks = [one for one in tasks if one.group == group]
    return tasks


@override(EC2ContainerServiceBackend)
def stop_task(moto: Any, self: Any, cluster_str: str, task_str: str, reason: str) -> Any:
    """One that is really run ends as if it had failed, and its service starts another."""
    task = moto(self, cluster_str, task_str, reason)
    if getattr(task, "process", None):
        rollout.end(task, reason)
    return task
