"""A local AWS that serves, as a process of its own, and what its tests do with it: push an image
that is made on the spot, put an app behind a load balancer, and ask it by HTTP.

The image holds one static program, tests/services/probe.rs, which rustc builds once.
"""

import contextlib
import gzip
import hashlib
import http.client
import io
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import time
import types
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).parent.parent
ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]
ALL = {"IpProtocol": "-1", "IpRanges": ANYWHERE}
#: Seconds after which something that should come has not: never the time that a test expects.
PATIENCE = int(os.environ.get("PATIENCE", "120"))


def of_nobody() -> tuple[tuple[str, ...], dict[str, str]]:
    """How to run Python as somebody without rights, and with which environment.

    Where root's Python is for root alone, the system's is taken; where that is no good either, root
    plays the part.
    """
    if os.geteuid() != 0:
        return (sys.executable,), {}
    packages = ":".join(
        [str(ROOT / "scripts"), *(one for one in sys.path if "site-packages" in one)]
    )
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    tries = "import os, sys, moto; os.execv(sys.executable, [sys.executable, '-c', ''])"
    for python in (sys.executable, "/usr/bin/python3"):
        words, env = (*nobody, "env", f"PYTHONPATH={packages}", python), {"HOME": "/"}
        with contextlib.suppress(OSError):
            run = subprocess.run([*words, "-c", tries], stderr=subprocess.DEVNULL, check=False)
            if run.returncode == 0:
                return words, env
    return (sys.executable,), {"LOCAL_AWS_NAMESPACES": "user"}


def probe() -> bytes:
    """The program, built where it is not there or older than its source."""
    source, program = ROOT / "tests/services/probe.rs", ROOT / "target/probe/probe"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        new = program.with_name(f"new-{os.getpid()}")
        flags = [
            "--edition",
            "2024",
            "-O",
            "-C",
            "target-feature=+crt-static",
            "-C",
            "strip=symbols",
        ]
        subprocess.run(["rustc", *flags, "-o", str(new), str(source)], check=True)
        new.replace(program)
    return program.read_bytes()


def layer(files: Mapping[str, bytes | str | None], owner: int = 0) -> bytes:
    """A layer: a file is its bytes, a link is where it leads, a folder is None."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mode, member.uid, member.gid = 0o755, owner, owner
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return gzip.compress(packed.getvalue(), mtime=0)


def is_complete(deployment: Any) -> bool:
    counts = deployment["runningCount"] == deployment["desiredCount"]
    return bool(deployment["rolloutState"] == "COMPLETED" and counts)


def until(what: str, look: Callable[[], Any]) -> Any:
    """What a look finds, as soon as it finds something."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not in {PATIENCE} s: {what}")


class Serving:
    """A local AWS that serves; `environment` adds to that of the tests."""

    def __init__(
        self, environment: dict[str, str] | None = None, python: tuple[str, ...] = (sys.executable,)
    ) -> None:
        env = {**os.environ, "PYTHONPATH": str(ROOT / "scripts"), **(environment or {})}
        self.process = subprocess.Popen(
            [*python, "-m", "local_aws", "--serve", "--until-stdin-closes"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            umask=0o077,  # as scripts/local-aws start has it
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().decode().split()[1]
        self.token = self.process.stdout.readline().decode().split()[1]
        self.clients: dict[str, Any] = {}
        self.apps: dict[str, types.SimpleNamespace] = {}

    def end(self) -> str:
        """End it; what it has said."""
        _, said = self.process.communicate()
        return said.decode()

    def aws(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                region_name="us-east-1",
                endpoint_url=self.url,
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )
        return self.clients[service]

    # Images

    def put(self, path: str, body: bytes, kind: str = "application/octet-stream") -> None:
        token = self.aws("ecr").get_authorization_token()["authorizationData"][0]
        headers = {"Authorization": f"Basic {token['authorizationToken']}", "Content-Type": kind}
        method = "PUT"
        if path.endswith("/uploads/"):
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            begun = urllib.request.Request(f"{self.url}{path}", b"", headers, method="POST")
            with urllib.request.urlopen(begun) as answer:
                where = answer.headers["Location"]
            where = where if where.startswith("http") else f"{self.url}{where}"
            url = f"{where}{'&' if '?' in where else '?'}digest={digest}"
        else:
            url = f"{self.url}{path}"
        urllib.request.urlopen(urllib.request.Request(url, body, headers, method=method)).close()

    def push(
        self,
        repository: str,
        config: dict[str, Any] | None = None,
        layers: list[bytes] | None = None,
    ) -> str:
        """Push an image of the probe, or of these layers; its reference, by digest."""
        with contextlib.suppress(self.aws("ecr").exceptions.RepositoryAlreadyExistsException):
            self.aws("ecr").create_repository(repositoryName=repository)
        layers = layers or [layer({"probe": probe()})]
        own = {"Entrypoint": ["/probe"], "User": "5678", **(config or {})}
        described = json.dumps({"architecture": "amd64", "os": "linux", "config": own}).encode()
        for blob in [*layers, described]:
            self.put(f"/v2/{repository}/blobs/uploads/", blob)

        def entry(blob: bytes, kind: str) -> dict[str, Any]:
            digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
            return {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(blob)} | {
                "digest": digest
            }

        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": entry(described, "config.v1+json"),
                "layers": [entry(one, "layer.v1.tar+gzip") for one in layers],
            }
        ).encode()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        self.put(f"/v2/{repository}/manifests/{digest}", manifest, kind)
        return f"{REGISTRY}/{repository}@{digest}"

    # Apps

    def network(self) -> None:
        ec2 = self.aws("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in enumerate("ab")
        ]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(VpcId=self.vpc, InternetGatewayId=gateway)
        self.aws("ecs").create_cluster(clusterName="cluster")
        role = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        trust = json.dumps(
            {"Version": "2012-10-17", "Statement": [{**role, "Action": "sts:AssumeRole"}]}
        )
        made = self.aws("iam").create_role(RoleName="execution", AssumeRolePolicyDocument=trust)
        self.role = made["Role"]["Arn"]

    def allow(self, action: str | list[str], name: str) -> None:
        """Let the execution role do something."""
        allowed = {"Effect": "Allow", "Action": action, "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.aws("iam").put_role_policy(
            RoleName="execution", PolicyName=name, PolicyDocument=policy
        )

    def group(self, name: str) -> str:
        """A security group that lets everything out."""
        ec2 = self.aws("ec2")
        made: str = ec2.create_security_group(VpcId=self.vpc, GroupName=name, Description=name)[
            "GroupId"
        ]
        return made

    def admit(self, group: str, port: int, source: str) -> None:
        """Let in: from a security group, or "" from everywhere."""
        rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        rule |= {"UserIdGroupPairs": [{"GroupId": source}]} if source else {"IpRanges": ANYWHERE}
        self.aws("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    def balancer(self, name: str, public: bool, path: str = "/") -> types.SimpleNamespace:
        """A load balancer with its groups, a target group and a listener on port 80."""
        elb = self.aws("elbv2")
        app = types.SimpleNamespace(name=name)
        app.balancer_group, app.task_group = self.group(f"alb-{name}"), self.group(f"task-{name}")
        self.admit(app.task_group, 5000, app.balancer_group)
        if public:
            self.admit(app.balancer_group, 80, "")
        made = elb.create_load_balancer(
            Name=name,
            Subnets=self.subnets,
            SecurityGroups=[app.balancer_group],
            Scheme="internet-facing" if public else "internal",
        )["LoadBalancers"][0]
        app.balancer, app.dns = made["LoadBalancerArn"], made["DNSName"]
        app.targets = elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=5000,
            VpcId=self.vpc,
            TargetType="ip",
            HealthCheckPath=path,
            HealthCheckIntervalSeconds=15,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
        )["TargetGroups"][0]["TargetGroupArn"]
        app.listener = elb.create_listener(
            LoadBalancerArn=app.balancer,
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": app.targets}],
        )["Listeners"][0]["ListenerArn"]
        self.apps[name] = app
        return app

    def definition(
        self,
        name: str,
        image: str,
        variables: dict[str, str] | None = None,
        beside: Iterable[dict[str, Any]] = (),
        **more: Any,
    ) -> str:
        """A task definition of one container, of whose definition `more` is, and of others beside,
        which have its image and its log."""
        told = {"NAME": name, "PORT": "5000", **(variables or {})}
        group = f"/ecs/{name}"
        with contextlib.suppress(self.aws("logs").exceptions.ResourceAlreadyExistsException):
            self.aws("logs").create_log_group(logGroupName=group)
        options = {"awslogs-group": group, "awslogs-region": "us-east-1"}
        container = {
            "name": name,
            "image": image,
            "essential": True,
            "portMappings": [{"containerPort": 5000}],
            "environment": [{"name": key, "value": value} for key, value in told.items()],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {**options, "awslogs-stream-prefix": "app"},
            },
            **more,
        }
        made = self.aws("ecs").register_task_definition(
            family=name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            containerDefinitions=[
                container,
                *(
                    {"image": image, "logConfiguration": container["logConfiguration"], **one}
                    for one in beside
                ),
            ],
        )
        arn: str = made["taskDefinition"]["taskDefinitionArn"]
        return arn

    def service(self, app: types.SimpleNamespace, definition: str, count: int = 2) -> None:
        breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
        network = {"subnets": self.subnets, "securityGroups": [app.task_group]}
        entry = {"targetGroupArn": app.targets, "containerName": app.name, "containerPort": 5000}
        self.aws("ecs").create_service(
            cluster="cluster",
            serviceName=app.name,
            taskDefinition=definition,
            desiredCount=count,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": network},
            loadBalancers=[entry],
            deploymentConfiguration=breaker,
        )

    def described(self, name: str) -> Any:
        services = self.aws("ecs").describe_services(cluster="cluster", services=[name])
        return services["services"][0]

    def events(self, name: str) -> str:
        """What ECS has said of a service, the oldest first."""
        return "\n".join(one["message"] for one in reversed(self.described(name)["events"]))

    def steady(self, name: str) -> None:
        """Wait until a service has completed its deployment."""

        def look() -> bool:
            service = self.described(name)
            newest = service["deployments"][0]
            assert newest["rolloutState"] != "FAILED", self.events(name)
            return len(service["deployments"]) == 1 and is_complete(newest)

        until(f"{name} is steady", look)

    def tasks(self, name: str, status: str = "RUNNING") -> list[Any]:
        """The tasks of a service, by their desired status."""
        arns = self.aws("ecs").list_tasks(
            cluster="cluster", serviceName=name, desiredStatus=status
        )["taskArns"]
        if not arns:
            return []
        tasks = self.aws("ecs").describe_tasks(cluster="cluster", tasks=arns)["tasks"]
        return list(tasks)

    def run(self, name: str, public: bool = False, count: int = 2, **more: Any) -> Any:
        """An app of the probe with all that belongs to it, once it is steady."""
        app = self.balancer(name, public)
        self.service(app, self.definition(name, self.push(f"repo-{name}"), **more), count)
        self.steady(name)
        return app

    def deploy(self, name: str, definition: str) -> str:
        """Have a service run another task definition; the ID of the deployment."""
        made = self.aws("ecs").update_service(
            cluster="cluster", service=name, taskDefinition=definition
        )
        deployment: str = made["service"]["deployments"][0]["id"]
        return deployment

    def given_up(self, name: str, deployment: str) -> list[Any]:
        """Wait until a deployment is rolled back; the tasks that have stopped in it."""

        def look() -> bool:
            now = self.described(name)["deployments"]
            return len(now) == 1 and now[0]["id"] != deployment and is_complete(now[0])

        until(f"{name} is rolled back", look)
        return [one for one in self.tasks(name, "STOPPED") if one["startedBy"] == deployment]

    def delete(self, app: Any) -> None:
        """Delete a service, and wait for the end of its tasks."""
        self.aws("ecs").delete_service(cluster="cluster", service=app.name, force=True)

        def look() -> bool:
            if self.tasks(app.name):
                return False
            ended = self.tasks(app.name, "STOPPED")
            return all(one["lastStatus"] == "STOPPED" for one in ended)

        until(f"the tasks of {app.name} have ended", look)

    def lines(self, name: str) -> list[str]:
        """The log of an app, by time."""
        group = f"/ecs/{name}"
        # CloudWatch Logs puts the lines of all streams in one order; Moto does so only when asked.
        answer = self.aws("logs").filter_log_events(logGroupName=group, interleaved=True)
        return [one["message"] for one in answer["events"]]


def get(dns: str, path: str = "/", **headers: str) -> tuple[int, str]:
    """Status and body of a GET through a load balancer, as a browser sends it."""
    port = int(dns.rpartition(":")[2])
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as link:
        link.request("GET", path, headers={"Host": dns, **headers})
        answer = link.getresponse()
        return answer.status, answer.read().decode()
