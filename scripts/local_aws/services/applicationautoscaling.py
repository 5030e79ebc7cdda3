"""Application Auto Scaling as AWS does it: a target that names no role has AWS's own."""

from typing import Any

from moto.applicationautoscaling.models import (
    ApplicationAutoscalingBackend,
    FakeScalableTarget,
)

from ..ground.override import override


@override(ApplicationAutoscalingBackend)
def register_scalable_target(moto: Any, self: Any, *args: Any, **given: Any) -> FakeScalableTarget:
    target: FakeScalableTarget = moto(self, *args, **given)
    if not target.role_arn:
        name = "AWSServiceRoleForApplicationAutoScaling_ECSService"
        path = "aws-service-role/ecs.application-autoscaling.amazonaws.com"
        target.role_arn = f"arn:{self.partition}:iam::{self.account_id}:role/{path}/{name}"
    return target
