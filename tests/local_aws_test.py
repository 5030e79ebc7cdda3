"""Tests of the local AWS itself: its rooms, its clock, its changes to moto, and what it answers.

    .venv/bin/python -m unittest tests/local_aws_test.py

What the tools see of it, the tests in Rust cover.
"""

import ast
import base64
import graphlib
import json
import pathlib
import tempfile
import unittest
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import requests
from local_aws.ground import clock, override, roles
from local_aws.runs import github
from local_aws_served import FakeTime, Served

PACKAGE = pathlib.Path(__file__).parent.parent / "scripts" / "local_aws"
#: Each imports only itself and those before it.
ROOMS = ("ground", "runs", "services", "server", "__main__")
#: The signature of a request, which names its service.
SIGNED = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{}/aws4_request, Signature=0"


def sources() -> dict[str, ast.Module]:
    """The modules of the package; stand_ins are programs of their own."""
    files = [file for file in PACKAGE.rglob("*.py") if "stand_ins" not in file.parts]
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]
    return {
        name.removesuffix(".__init__"): ast.parse(file.read_text())
        for name, file in zip(names, files, strict=True)
    }


def imported(name: str, module: ast.Module, known: set[str]) -> Iterator[str]:
    """The modules of the package that one imports anywhere, also within a function."""
    is_package = (PACKAGE.parent / name.replace(".", "/")).is_dir()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        if not isinstance(node, ast.ImportFrom):
            continue
        parts = name.split(".") if node.level else []
        up = node.level - is_package
        base = ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])
        for alias in node.names:
            within = f"{base}.{alias.name}"
            yield from [within] if within in known else [base] if base in known else []


class Rooms(unittest.TestCase):
    def setUp(self) -> None:
        self.modules = sources()
        known = set(self.modules)
        self.graph = {
            name: set(imported(name, module, known)) for name, module in self.modules.items()
        }

    def test_the_graph_is_that_of_the_files(self) -> None:
        self.assertIn("local_aws.ground.clock", self.graph["local_aws.runs.rollout"])
        self.assertIn("local_aws.services.ec2.vpcs", self.graph["local_aws.services.ec2"])
        within_a_function = self.graph["local_aws.server.endpoints"]
        self.assertIn("local_aws.services.codepipeline.pushes", within_a_function)

    def test_no_module_imports_itself_by_way_of_others(self) -> None:
        graphlib.TopologicalSorter(self.graph).prepare()  # a CycleError names the circle

    def test_a_room_imports_only_those_below_it(self) -> None:
        for name, others in self.graph.items():
            for other in others - {"local_aws"}:
                room, below = name.split(".")[1], other.split(".")[1]
                self.assertLessEqual(ROOMS.index(below), ROOMS.index(room), f"{name}: {other}")

    def test_every_service_that_is_loaded_by_name_is_there(self) -> None:
        from local_aws.server.application import STRICT

        loaded = {f"local_aws.services.{name}" for names in STRICT.values() for name in names}
        self.assertLessEqual(loaded, set(self.modules))

    def test_functions_and_files_are_of_a_readable_length(self) -> None:
        for name, module in self.modules.items():
            for node in ast.walk(module):
                if isinstance(node, ast.FunctionDef) and node.end_lineno:
                    lines = node.end_lineno - node.lineno + 1
                    self.assertLessEqual(lines, 60, f"{name}.{node.name}")
            if module.body:
                self.assertLessEqual(module.body[-1].end_lineno or 0, 600, name)


class Clock(unittest.TestCase):
    def setUp(self) -> None:
        self.time = FakeTime()
        self.done: list[str] = []
        for name, value in (("time", self.time), ("moment", 2.0)):
            patch = mock.patch.object(clock, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.addCleanup(clock.clear)

    def later(self, name: str, **when: float) -> None:
        clock.later(lambda: self.done.append(name), **when)

    def after(self, seconds: float) -> list[str]:
        self.time.now += seconds
        clock.run_due()
        return self.done

    def test_a_change_comes_when_its_moment_is_over(self) -> None:
        self.later("available")
        self.assertEqual(self.after(1.9), [])
        self.assertEqual(self.after(0.1), ["available"])
        self.assertEqual(self.after(9), ["available"])

    def test_changes_come_in_the_order_of_their_times(self) -> None:
        self.later("third", moments=2)
        self.later("first")
        self.later("second")
        self.assertEqual(self.after(4), ["first", "second", "third"])

    def test_with_a_moment_of_zero_a_change_comes_at_the_next_request(self) -> None:
        with mock.patch.object(clock, "moment", 0.0):
            self.later("at once")
            self.later("again and again", at_least=1)
        self.assertEqual(self.after(0), ["at once"])
        self.assertEqual(self.after(1), ["at once", "again and again"])

    def test_a_change_may_ask_for_another(self) -> None:
        clock.later(lambda: self.later("deleted"))
        self.assertEqual(self.after(2), [])
        self.assertEqual(self.after(2), ["deleted"])

    def test_what_is_cleared_never_comes(self) -> None:
        self.later("available")
        clock.clear()
        self.assertEqual(self.after(9), [])


class Overrides(unittest.TestCase):
    def setUp(self) -> None:
        class Backend:
            count = 0

            @property
            def state(self) -> str:
                return "available"

            def delete(self, name: str) -> str:
                return f"moto deleted {name}"

        self.cls = Backend
        self.backend: Any = Backend()

    def test_a_method_may_refuse_or_leave_it_to_moto(self) -> None:
        @override.override(self.cls)
        def delete(moto: Any, self: Any, name: str) -> Any:
            if name == "in-use":
                raise ValueError("DependencyViolation")
            return moto(self, name)

        self.assertEqual(self.backend.delete("free"), "moto deleted free")
        with self.assertRaisesRegex(ValueError, "DependencyViolation"):
            self.backend.delete("in-use")

    def test_a_property_is_overridden_as_well(self) -> None:
        @override.override(self.cls)
        def state(moto: Any, self: Any) -> str:
            return f"not {moto(self)}"

        self.assertEqual(self.backend.state, "not available")

    def test_a_function_may_have_another_name(self) -> None:
        @override.override(self.cls, "delete")
        def answer_delete(moto: Any, self: Any, name: str) -> str:
            return "refused"

        self.assertEqual(self.backend.delete("free"), "refused")

    def test_what_moto_has_renamed_is_not_overridden_in_silence(self) -> None:
        with self.assertRaises(AttributeError):
            override.override(self.cls, "remove")(lambda moto, self: None)

    def test_what_moto_has_is_not_added(self) -> None:
        override.add(self.cls, "stop")(lambda self: "stopped")
        self.assertEqual(self.backend.stop(), "stopped")
        with self.assertRaisesRegex(AttributeError, "Backend.delete"):
            override.add(self.cls, "delete")(lambda self: None)

    def test_what_is_derived_ignores_what_moto_assigns(self) -> None:
        override.derive(self.cls, "count")(lambda self: 7)
        self.backend.count = 3
        self.assertEqual(self.backend.count, 7)


class Conditions(unittest.TestCase):
    """The conditions of a role's trust, with what a service tells and without."""

    def test_one_that_may_be_missing_holds_where_it_is_and_is_met_where_it_is_not(self) -> None:
        account = {"aws:SourceAccount": "1"}
        for operator, context, holds in [
            ("StringEqualsIfExists", {}, True),
            ("StringEqualsIfExists", {"aws:SourceAccount": "1"}, True),
            ("StringEqualsIfExists", {"aws:SourceAccount": "2"}, False),
            ("StringEquals", {}, False),
            ("StringEquals", {"aws:SourceAccount": "1"}, True),
            ("StrangeIfExists", {}, False),
        ]:
            with self.subTest(operator=operator, context=context):
                self.assertEqual(roles.holds({operator: account}, context), holds)


class Boundaries(unittest.TestCase):
    """What a role may do: what its policy allows, and its permissions boundary too."""

    def test_a_role_may_do_what_both_allow(self) -> None:
        def policy(*actions: str) -> str:
            statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            return json.dumps({"Version": "2012-10-17", "Statement": statement})

        version = SimpleNamespace(version_id="v1", document=policy("s3:GetObject", "sqs:*"))
        bound = SimpleNamespace(versions=[version], default_version_id="v1")
        backends = {"1": {"aws": SimpleNamespace(managed_policies={"bound": bound})}}
        may = policy("s3:GetObject", "s3:PutObject")
        for boundary, action, allowed in [
            (None, "s3:GetObject", True),
            (None, "s3:PutObject", True),
            ("bound", "s3:GetObject", True),
            ("bound", "s3:PutObject", False),
            ("bound", "sqs:SendMessage", False),
            ("gone", "s3:GetObject", False),
        ]:
            role = SimpleNamespace(
                permitted_since=0.0,
                policies={"own": may},
                managed_policies={},
                permissions_boundary_arn=boundary,
            )
            with (
                self.subTest(boundary=boundary, action=action),
                mock.patch.object(roles, "role_of", return_value=role),
                mock.patch.object(roles, "iam_backends", backends),
            ):
                self.assertEqual(roles.allows("1", "aws", "arn", action, "x"), allowed)


class Requests(unittest.TestCase):
    """How a request is recorded: by service and action, whatever its protocol."""

    def described(self, service: str, body: bytes = b"", **environ: str) -> dict[str, Any]:
        from local_aws.server.recorder import describe

        return describe({"HTTP_AUTHORIZATION": SIGNED.format(service), **environ}, body)

    def test_the_query_protocol_has_the_action_in_its_form(self) -> None:
        form = "application/x-www-form-urlencoded"
        body = b"Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16"
        call = self.described("ec2", body, CONTENT_TYPE=form, HTTP_USER_AGENT="sdk app/mk-vpc")
        expected = {"service": "ec2", "action": "CreateVpc", "changing": True, "tool": "mk-vpc"}
        self.assertEqual(call, expected | {"params": {"CidrBlock": "10.0.0.0/16"}})

    def test_json_has_it_in_its_target(self) -> None:
        target = "AmazonEC2ContainerServiceV20141113.DescribeServices"
        call = self.described("ecs", b'{"services": ["web"]}', HTTP_X_AMZ_TARGET=target)
        self.assertEqual((call["action"], call["changing"]), ("DescribeServices", False))
        self.assertEqual(call["params"], {"services": ["web"]})

    def test_s3_is_told_by_method_and_path(self) -> None:
        for method, path, query, action in (
            ("PUT", "/bucket-1", "", "CreateBucket"),
            ("GET", "/bucket-1", "tagging", "GetBucketTagging"),
            ("GET", "/bucket-1", "versions&prefix=a", "ListBucketVersions"),
            ("GET", "/", "prefix=a", "ListAllMyBuckets"),
            ("DELETE", "/bucket-1/key", "versionId=1", "DeleteObjectVersion"),
            ("DELETE", "/bucket-1/key", "", "DeleteObject"),
            ("GET", "/bucket-1/key", "", "GET /bucket-1/key"),
        ):
            call = self.described("s3", REQUEST_METHOD=method, PATH_INFO=path, QUERY_STRING=query)
            self.assertEqual(call["action"], action)
            self.assertEqual(call["changing"], method != "GET")


class Recorded(Served):
    """What is written down for scripts/check-calls, and answers that recordings have shown."""

    def test_the_tools_calls_are_written_down_once(self) -> None:
        from local_aws.server.call_log import CallLog

        with tempfile.TemporaryDirectory() as folder:
            log = CallLog(f"{folder}/calls")
            self.addCleanup(lambda: log.file and log.file.close())
            with mock.patch.object(self.app, "call_log", log):
                tool = self.client("ec2", user_agent="aws-sdk-rust/1 app/mk-vpc")
                for client in (tool, tool, self.ec2):
                    client.describe_vpcs(VpcIds=[])
            (file,) = pathlib.Path(folder, "calls").iterdir()
            (line,) = map(json.loads, file.read_text().splitlines())
        told = [line[name] for name in ("tool", "service", "action", "method", "uri", "status")]
        self.assertEqual(["mk-vpc", "ec2", "DescribeVpcs", "POST", "/", 200], told)
        self.assertNotIn("authorization", line["headers"])
        self.assertIn(b"<vpcSet>", base64.b64decode(line["answer"]))

    def test_a_vpc_is_pending_at_first(self) -> None:
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]
        self.assertEqual("pending", vpc["State"])
        self.assertRegex(vpc["DhcpOptionsId"], "^dopt-[0-9a-f]{17}$")
        found = self.ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"]
        self.assertEqual("available", found[0]["State"])

    def test_an_address_without_a_user_names_none(self) -> None:
        id = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        address = self.ec2.describe_addresses(AllocationIds=[id])["Addresses"][0]
        self.assertNotIn("NetworkInterfaceId", address)
        self.assertNotIn("InstanceId", address)

    def test_a_user_is_one_of_iam(self) -> None:
        self.assertIn(":iam::", self.client("sts").get_caller_identity()["Arn"])


class Guard(Served):
    """Programs of this machine are answered, and no page that is open in a browser."""

    def ask(self, path: str, method: str = "POST", **headers: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.server.port}{path}"
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, url, data="{}", headers=named, timeout=60)
        self.assertEqual(answer.status_code == 403, '"Forbidden"' in answer.text)
        return answer.status_code

    def test_what_is_its_own_needs_the_token(self) -> None:
        token = self.app.endpoints.token
        for method, what in (("GET", "calls"), ("POST", "config"), ("DELETE", "edges")):
            path = f"/_local/{what}"
            self.assertEqual(self.ask(path, method), 403)
            self.assertEqual(self.ask(path, method, X_Local_Token="wrong"), 403)
            self.assertEqual(self.ask(path, method, X_Local_Token=f"{token}x"), 403)
            self.assertEqual(self.ask(path, method, X_Local_Token=token), 200)
        self.assertEqual(self.ask("/_local/nothing"), 403)
        self.assertEqual(self.ask("/_local/nothing", X_Local_Token=token), 404)

    def test_a_page_is_refused_whatever_it_knows(self) -> None:
        signed = {"Authorization": SIGNED.format("ec2"), "X_Local_Token": self.app.endpoints.token}
        asked = ("/_local/config", "/?Action=DescribeVpcs&Version=2016-11-15", "/v2/", "/moto-api/")
        for path in asked:
            for named in (
                {"Origin": "https://evil.example"},
                {"Origin": "null"},
                {"Origin": "http://127.0.0.1:8000"},
                {"Sec_Fetch_Site": "cross-site"},
                {"Sec_Fetch_Site": "same-site"},
                {"Host": "evil.example"},
                {"Host": "evil.example:80"},
                {"Host": "127.0.0.1.evil.example"},
                {"Host": "localhost.evil.example"},
                {"Host": "evillocalhost"},
                {"Host": "[::1].evil.example"},
            ):
                self.assertEqual(self.ask(path, **signed, **named), 403, (path, named))

    def test_a_program_of_this_machine_is_answered_by_each_of_its_names(self) -> None:
        token = self.app.endpoints.token
        for host in ("127.0.0.1", "localhost:9", "LOCALHOST", "[::1]:80", "[::1]", "b.localhost:1"):
            self.assertEqual(self.ask("/_local/config", X_Local_Token=token, Host=host), 200, host)


class Descriptions(Served):
    """What AWS's describe calls answer."""

    def test_a_nat_gateway_is_pending_available_deleting_deleted(self) -> None:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.network().subnets[0], AllocationId=address)[
            "NatGateway"
        ]["NatGatewayId"]

        def state() -> str:
            answer = self.ec2.describe_nat_gateways(NatGatewayIds=[nat])
            return str(answer["NatGateways"][0]["State"])

        self.assertEqual(state(), "pending")
        self.time.now += clock.moment
        self.assertEqual(state(), "available")
        with self.assertRaisesRegex(self.ec2.exceptions.ClientError, "AuthFailure"):
            self.ec2.release_address(AllocationId=address)
        self.ec2.delete_nat_gateway(NatGatewayId=nat)
        self.assertEqual(state(), "deleting")
        self.time.now += clock.moment
        self.assertEqual(state(), "deleted")
        self.ec2.release_address(AllocationId=address)

    def test_a_load_balancer_is_provisioning_then_active_and_holds_interfaces(self) -> None:
        elb, network = self.client("elbv2"), self.network()
        arn = elb.create_load_balancer(Name="alb-web", Subnets=network.subnets)["LoadBalancers"][0][
            "LoadBalancerArn"
        ]

        def state() -> str:
            answer = elb.describe_load_balancers(LoadBalancerArns=[arn])
            return str(answer["LoadBalancers"][0]["State"]["Code"])

        def owners() -> list[str]:
            of_vpc = [{"Name": "vpc-id", "Values": [network.vpc]}]
            answer = self.ec2.describe_network_interfaces(Filters=of_vpc)
            return [one["RequesterId"] for one in answer["NetworkInterfaces"]]

        self.assertEqual((state(), owners()), ("provisioning", ["amazon-elb"] * 2))
        self.time.now += clock.moment
        self.assertEqual(state(), "active")
        elb.delete_load_balancer(LoadBalancerArn=arn)
        self.assertEqual(owners(), ["amazon-elb"] * 2)
        self.time.now += clock.moment
        self.assertEqual(owners(), [])

    def test_local_zones_are_told_to_who_asks_for_all_or_opted_in(self) -> None:
        def names(**params: Any) -> list[str]:
            zones = self.ec2.describe_availability_zones(**params)["AvailabilityZones"]
            return [zone["ZoneName"].removeprefix("us-east-1") for zone in zones]

        usual = [{"Name": "opt-in-status", "Values": ["opt-in-not-required"]}]
        self.assertEqual(names(Filters=usual), list("abcdef"))
        self.assertEqual(names()[6:], ["-atl-2a"])
        everything = names(AllAvailabilityZones=True)[6:]
        self.assertEqual(everything, ["-bos-1a", "-atl-2a", "-wl1-bos-wlz-1"])

    def test_a_cluster_counts_what_is_in_it(self) -> None:
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName="production-pr1")
        (cluster,) = ecs.describe_clusters(clusters=["production-pr1"])["clusters"]
        counts = ("activeServicesCount", "runningTasksCount", "pendingTasksCount")
        self.assertEqual([cluster[count] for count in counts], [0, 0, 0])

    def test_no_repository_ends_in_git(self) -> None:
        self.assertIsNone(github.commit_of("owner/web.git", "main"))
        self.assertIsNotNone(github.commit_of("owner/web", "main"))
        with self.assertRaises(ValueError):
            github.push("owner/web.git", "main")

    def test_a_connection_is_found_under_both_names_of_the_service(self) -> None:
        made = self.client("codeconnections").create_connection(
            ConnectionName="github", ProviderType="GitHub"
        )["ConnectionArn"]
        old = self.client("codestar-connections").get_connection(ConnectionArn=made)
        self.assertEqual(old["Connection"]["ConnectionStatus"], "PENDING")


if __name__ == "__main__":
    unittest.main()
