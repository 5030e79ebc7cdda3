"""STS as AWS does it: a user is IAM's, and so is the ARN of one."""

from typing import Any

from moto.sts.models import STSBackend

from ..ground.override import override


@override(STSBackend)
def get_caller_identity(moto: Any, self: Any, *args: Any, **more: Any) -> tuple[str, str, str]:
    user_id, arn, account_id = moto(self, *args, **more)
    return user_id, arn.replace(":sts::", ":iam::") if ":user/" in arn else arn, account_id
