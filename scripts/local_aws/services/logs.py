"""CloudWatch Logs as AWS does it: retention is one of a list of numbers of days, and the tags of a
group go with it."""

from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.models import LogsBackend

from ..ground.override import override

DAYS: tuple[int, ...] = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731)
DAYS += (1096, 1827, 2192, 2557, 2922, 3288, 3653)


@override(LogsBackend)
def put_retention_policy(moto: Any, self: Any, log_group_name: str, retention_in_days: Any) -> None:
    if int(retention_in_days) not in DAYS:
        raise InvalidParameterException(f"Invalid retention value. Valid values are: {list(DAYS)}")
    return moto(self, log_group_name, retention_in_days)


@override(LogsBackend)
def delete_log_group(moto: Any, self: Any, log_group_name: str) -> None:
    group = self.groups.get(log_group_name)
    moto(self, log_group_name)
    self.tagger.delete_all_tags_for_resource(group.arn)
