"""What the stand-ins ask of the local ECR."""

import base64
import os
from typing import Any

import boto3
from botocore.config import Config


def client(region: str) -> Any:
    """Its requests are not recorded: a build stands for what AWS does, not for a tool."""
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
