"""What the stand-ins ask of the local ECR."""

import base64
import os
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.config import Config


def client(region: str) -> Any:
    """A client whose requests are not recorded: a build is a part of AWS, not a tool."""
    return boto3.client(
        "ecr",
        region_name=region,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(user_agent_extra="local-aws-call", proxies={}),
    )


def password(ecr: Any) -> str:
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode().removeprefix("AWS:")


def opens(password: str) -> bool:
    """Whether the password opens the registry."""
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + "/v2/")
    login = base64.b64encode(f"AWS:{password}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
    except urllib.error.HTTPError:
        return False
    return True
