"""ECR as AWS does it: a lifecycle policy must make sense as a whole.

The priorities of its rules differ, and a rule for images with any tag comes last. (That a
repository with images in it stays unless forced, moto knows itself.)
"""

import json
from typing import Any

from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.policy_validation import EcrLifecyclePolicyValidator

from .override import override


@override(EcrLifecyclePolicyValidator)
def validate(moto: Any, self: Any) -> None:
    moto(self)
    rules = json.loads(self._policy_text)["rules"]
    priorities = [rule["rulePriority"] for rule in rules]
    if len(set(priorities)) < len(priorities):
        raise invalid("rulePriority must be unique")
    for rule in rules:
        any_tag = rule["selection"]["tagStatus"] == "any"
        if any_tag and rule["rulePriority"] < max(priorities):
            raise invalid("a rule with tagStatus=any must have the highest rulePriority")


def invalid(problem: str) -> InvalidParameterException:
    return InvalidParameterException(
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: "
        f"'Lifecycle policy validation failure: {problem}'"
    )
