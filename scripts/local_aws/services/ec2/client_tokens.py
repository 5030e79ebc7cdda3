"""Client tokens: a repeat gets the first answer, and an error if its parameters differ."""

from typing import Any

from moto.ec2.responses.nat_gateways import NatGateways
from moto.ec2.responses.route_tables import RouteTables
from moto.ec2.responses.vpcs import VPCs

from ...ground.override import override
from .errors import error


def once(moto: Any, self: Any) -> Any:
    parameters = dict(self._get_params())
    token = parameters.pop("ClientToken", None)
    if not token:
        return moto(self)
    answers = self.ec2_backend.__dict__.setdefault("answers_by_token", {})
    key = (self._get_action(), token)
    if key not in answers:
        answers[key] = (parameters, moto(self))
    first, answer = answers[key]
    if first != parameters:
        raise error(
            "IdempotentParameterMismatch",
            "The client token you have provided is associated with a resource of other parameters.",
        )
    return answer


@override(NatGateways)
def create_nat_gateway(moto: Any, self: Any) -> Any:
    return once(moto, self)


@override(RouteTables)
def create_route_table(moto: Any, self: Any) -> Any:
    return once(moto, self)


@override(VPCs)
def create_vpc_endpoint(moto: Any, self: Any) -> Any:
    return once(moto, self)
