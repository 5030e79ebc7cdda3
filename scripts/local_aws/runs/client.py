"""boto3 clients with which a run calls this same server, and how a run sends its log."""

from typing import Any

import boto3
from botocore.config import Config

from ..ground.marks import OWN_USER_AGENT


def client(url: str, region: str, service: str) -> Any:
    return boto3.session.Session().client(
        service,
        region_name=region,
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(user_agent_extra=OWN_USER_AGENT, proxies={}),
    )


def send_log(url: str, region: str, group: str, stream: str, lines: list[dict[str, Any]]) -> None:
    """Put a log into a new stream of its group. Where there is no such group, nothing happens."""
    api = client(url, region, "logs")
    place = {"logGroupName": group, "logStreamName": stream}
    try:
        api.create_log_stream(**place)
        for first in range(0, len(lines), 1000):
            api.put_log_events(**place, logEvents=lines[first : first + 1000])
    except api.exceptions.ResourceNotFoundException:
        pass
