"""The local AWS on a port, with a time of its own, for the tests of what it answers."""

import os
import threading
import types
import unittest
from typing import Any
from unittest import mock

import boto3
from botocore.config import Config
from local_aws.ground import clock


class FakeTime:
    """Stands for the module `time` in clock.py: passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Served(unittest.TestCase):
    """What it answers over HTTP, as time passes."""

    app: Any
    server: Any

    @classmethod
    def setUpClass(cls) -> None:
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        from local_aws.server.application import LocalAws
        from local_aws.server.http import Handler, Server

        cls.app = LocalAws(0)
        cls.server = Server("127.0.0.1", 0, cls.app, handler=Handler)
        os.environ["MOTO_PORT"] = str(cls.server.port)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.shutdown()
        cls.server.server_close()

    def setUp(self) -> None:
        self.time = FakeTime()
        patch = mock.patch.object(clock, "time", self.time)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(clock.clear)
        self.ec2 = self.client("ec2")

    def client(self, service: str, **settings: Any) -> Any:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{self.server.port}",
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(proxies={}, **settings),
        )

    def network(self) -> types.SimpleNamespace:
        """A VPC with a subnet in each of two zones, and an internet gateway to which they lead."""
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            self.ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
        table = self.ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )
        for subnet in subnets:
            self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return types.SimpleNamespace(vpc=vpc, subnets=subnets, table=table)
