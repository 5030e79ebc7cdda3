"""aws, of which builds need one command: `aws ecr get-login-password [--region REGION]`.

It asks the ECR of AWS_ENDPOINT_URL. Whatever else is asked fails and says so.
"""

import argparse
import os
import sys

from ecr import client, password


def main() -> None:
    parser = argparse.ArgumentParser(prog="aws (stand-in of the local AWS)")
    parser.add_argument("service", choices=["ecr"])
    parser.add_argument("command", choices=["get-login-password"])
    parser.add_argument("--region", default=os.environ.get("AWS_REGION"))
    args = parser.parse_args()
    region = args.region or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        sys.exit(
            "You must specify a region. You can also configure your region by running "
            '"aws configure".'
        )
    print(password(client(region)))


main()
