"""Network interfaces: one that a service of AWS holds is neither deleted nor detached."""

from typing import Any

from moto.ec2.models.elastic_network_interfaces import (
    NetworkInterface,
    NetworkInterfaceBackend,
)

from ...ground import network_interfaces
from ...ground.override import override
from .errors import error


@override(NetworkInterface)
def attachment(moto: Any, self: Any) -> Any:
    return getattr(self, "service_attachment", None) or moto(self)


@override(NetworkInterface)
def get_filter_value(moto: Any, self: Any, filter_name: str, method_name: Any = None) -> Any:
    if filter_name == "attachment.instance-owner-id":
        attached = getattr(self, "service_attachment", {})
        return attached.get("InstanceOwnerId", self.owner_id)
    if filter_name == "attachment.status":
        return "attached" if self.attachment else "detached"
    if filter_name == "association.public-ip":
        return self.public_ip
    return moto(self, filter_name, method_name)


@override(NetworkInterfaceBackend)
def delete_network_interface(moto: Any, self: Any, eni_id: str) -> None:
    if self.get_network_interface(eni_id).attachment:
        raise error("InvalidParameterValue", f"Network interface '{eni_id}' is currently in use.")
    return moto(self, eni_id)


@override(NetworkInterfaceBackend)
def detach_network_interface(moto: Any, self: Any, attachment_id: str) -> None:
    for interface in network_interfaces.of(self):
        attached = getattr(interface, "service_attachment", {})
        if attached.get("AttachmentId") == attachment_id:
            raise error(
                "OperationNotPermitted",
                "You are not allowed to manage 'ela-attach' attachments.",
            )
    return moto(self, attachment_id)
