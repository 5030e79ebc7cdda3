"""Makes the first requests quick: most tests start a local AWS of their own.

botocore reads its large JSON files once per session and moto opens many sessions; here each file
is read once. moto builds the thousand AWS managed policies five times at the first request; here
they are built when the first one is asked for, and for the `aws` partition alone.
"""

import functools
from typing import Any

from botocore.loaders import JSONFileLoader
from moto.iam.models import IAMBackend

from .override import derive, override

read = functools.cache(functools.partial(JSONFileLoader.load_file, JSONFileLoader()))
build = IAMBackend._init_aws_policies


def apply() -> None:
    """Change botocore and moto; a second time changes nothing."""
    override(JSONFileLoader)(load_file)
    override(IAMBackend, "_init_aws_policies")(initial)
    override(IAMBackend, "_init_managed_policies")(initial)
    derive(IAMBackend)(aws_managed_policies)
    derive(IAMBackend)(managed_policies)


def load_file(botocore: Any, self: Any, path: str) -> Any:
    return read(path)


def initial(moto: Any, self: Any) -> None:
    """Build nothing yet: the properties below build the policies when they are asked for."""


def aws_managed_policies(self: Any) -> list[Any]:
    if self.__dict__.get("_aws_policies") is None:
        self._aws_policies = build(self) if self.partition == "aws" else []
    return self._aws_policies


def managed_policies(self: Any) -> dict[str, Any]:
    if self.__dict__.get("_policies") is None:
        self._policies = {policy.arn: policy for policy in self.aws_managed_policies}
    return self._policies
