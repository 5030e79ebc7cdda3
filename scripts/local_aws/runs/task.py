"""A task of an ECS service: its network interface, target groups and containers, and its end."""

import time
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends
from moto.moto_api._internal import mock_random

from ..ground import network_interfaces
from . import shifting

PLATFORM = "1.4.0"  # what LATEST stands for
#: What a container is while its task is this.
CONTAINER_STATUS = {"DEACTIVATING": "RUNNING", "STOPPING": "RUNNING"}


class Task:
    """A task of a service."""

    def __init__(self, service: Any, definition: Any, deployment_id: str, subnet_id: str) -> None:
        backend = service._backend
        self.service = service
        self.load_balancers = shifting.load_balancers(service, deployment_id)
        self.definition = definition
        self.started_by = deployment_id
        self.group = f"service:{service.name}"
        self.cluster_name = service.cluster_name
        self.cluster_arn = service.cluster_arn
        self.container_instance_arn = None
        self.task_definition_arn = definition.arn
        self.launch_type = service.launch_type
        self.platform_version = PLATFORM
        self.platform_family = "Linux"
        self.cpu = definition.cpu
        self.memory = definition.memory
        self.connectivity = "CONNECTED"
        self.created_at = utcnow()
        self.desired_status = "RUNNING"
        self.last_status = "PENDING"
        self.health_status = "UNKNOWN"
        self.stopped_reason: str | None = None
        self.container_end: dict[str, Any] = {}
        #: Its processes, where it is really run, and since when they run.
        self.process: Any = None
        self.running_since = 0.0
        containers = [{"name": one["name"]} for one in definition.container_definitions]
        self.overrides = {"containerOverrides": containers, "inferenceAcceleratorOverrides": []}
        self.version = 1
        self.tags = tags_of(service, definition)
        id = mock_random.get_random_hex(32)
        self.task_arn = service.cluster_arn.replace(":cluster/", ":task/") + f"/{id}"

        self.attach(subnet_id)
        backend.tasks.setdefault(self.cluster_name, {})[self.task_arn] = self

    def attach(self, subnet_id: str) -> None:
        """Give it a network interface in a subnet."""
        backend = self.service._backend
        network = self.service.network_configuration["awsvpcConfiguration"]
        attachment = str(mock_random.uuid4())
        self.ec2 = ec2_backends[backend.account_id][backend.region_name]
        self.interface = network_interfaces.create(
            self.ec2,
            subnet_id,
            kind="interface",
            owner="amazon-ecs",
            description=f"arn:aws:ecs:{backend.region_name}:{backend.account_id}"
            f":attachment/{attachment}",
            groups=network.get("securityGroups") or default_group(self.ec2, subnet_id),
            public=network.get("assignPublicIp") == "ENABLED",
            tags={tag["key"]: tag["value"] for tag in self.tags},
        )
        self.address = self.interface.private_ip_address
        details = {
            "subnetId": subnet_id,
            "networkInterfaceId": self.interface.id,
            "macAddress": self.interface.mac_address,
            "privateIPv4Address": self.address,
        }
        self.attachments = [
            {
                "id": attachment,
                "type": "ElasticNetworkInterface",
                "status": "ATTACHED",
                "details": [{"name": key, "value": value} for key, value in details.items()],
            }
        ]

    @property
    def containers(self) -> list[dict[str, Any]]:
        return [
            {
                "containerArn": self.task_arn.replace(":task/", ":container/"),
                "taskArn": self.task_arn,
                "name": one["name"],
                "image": one["image"],
                "lastStatus": CONTAINER_STATUS.get(self.last_status, self.last_status),
                **self.container_end,
                **self.exit_code(one["name"]),
                "networkInterfaces": [
                    {
                        "attachmentId": self.attachments[0]["id"],
                        "privateIpv4Address": self.address,
                    }
                ],
            }
            for one in self.definition.container_definitions
        ]

    def advance(self) -> None:
        """Do nothing: moto moves a task on when it is described, here time does."""

    def exit_code(self, name: str) -> dict[str, int]:
        codes = self.process.codes if self.process and self.last_status == "STOPPED" else {}
        return {"exitCode": codes[name]} if name in codes else {}

    def run(self) -> None:
        self.last_status = "RUNNING"
        self.started_at = utcnow()
        self.running_since = time.monotonic()

    def stop(self, reason: str, code: str = "ServiceSchedulerInitiated") -> None:
        """Deregister the targets at once. The caller ends what runs, and removes the network
        interface later."""
        self.desired_status = "STOPPED"
        self.stopped_reason = reason
        self.stop_code = code
        self.stopping_at = utcnow()
        self.leave_target_groups()
        if self.process and self.process.state != "ended":
            self.last_status = "DEACTIVATING"
        else:
            self.ended()

    def ended(self) -> None:
        self.last_status = "STOPPED"
        self.stopped_at = utcnow()

    def leave_target_groups(self) -> None:
        for group, _ in target_groups(self.service, self.load_balancers):
            if self.address in group.targets:
                group.deregister([{"Id": self.address}])

    def drop_interface(self) -> None:
        network_interfaces.drop(self.ec2, self.interface)


def tags_of(service: Any, definition: Any) -> list[dict[str, str]]:
    tags = []
    if service.enable_ecs_managed_tags:
        tags += [
            {"key": "aws:ecs:clusterName", "value": service.cluster_name},
            {"key": "aws:ecs:serviceName", "value": service.name},
        ]
    if service.propagate_tags == "SERVICE":
        tags += service.tags
    if service.propagate_tags == "TASK_DEFINITION":
        tags += definition.tags
    return tags


def default_group(ec2: Any, subnet_id: str) -> list[str]:
    return [ec2.get_default_security_group(ec2.get_subnet(subnet_id).vpc_id).id]


def target_groups(
    service: Any, load_balancers: list[dict[str, Any]]
) -> list[tuple[Any, dict[str, Any]]]:
    """The target groups of a service or a task that still exist, each with its entry there."""
    elb = elbv2_backends[service._account_id][service.region_name]
    return [
        (elb.target_groups[one["targetGroupArn"]], one)
        for one in load_balancers
        if one.get("targetGroupArn") in elb.target_groups
    ]
