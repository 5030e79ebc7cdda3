"""Systems Manager as AWS does it: a list of parameters shows no values, and the ARN of each."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.ssm.utils import parameter_arn

from ..ground.override import override


@override(SimpleSystemManagerResponse)
def describe_parameters(moto: Any, self: Any) -> ActionResult:
    answer = moto(self).result
    for one in answer["Parameters"]:
        del one["Value"]
        one["ARN"] = parameter_arn(self.current_account, self.region, one["Name"])
        one["Tier"] = one["Tier"] or "Standard"
    return ActionResult(answer)
