"""Tests of scripts/check-calls: of each kind of fault, a planted one is found.

.venv/bin/python -m unittest tests/check_calls_test.py
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from botocore import serialize
from botocore.awsrequest import create_request_object, prepare_request_dict
from models import answers, authorization, patterns, recordings, rights, shapes, wire

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROLE = "arn:aws:iam::123456789012:role/plumbline/x"


def recorded(service: str, operation: str, params: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line of a recording: the request that botocore makes of these parameters, unchecked."""
    model = wire.model(service)
    protocol = model.protocol if "cbor" not in model.protocol else "json"
    metadata = {**model.metadata}
    model.metadata["protocol"] = protocol
    try:
        serializer = serialize.create_serializer(protocol, include_validation=False)
        request = serializer.serialize_to_request(params, model.operation_model(operation))
    finally:
        model.metadata.update(metadata)
    prepare_request_dict(request, "http://127.0.0.1:1")
    sent = create_request_object(request).prepare()
    body = sent.body or b""
    address = urlsplit(sent.url)
    headers = {name.lower(): text(value) for name, value in sent.headers.items()}
    return {
        "tool": "mk-logs",
        "service": service,
        "action": operation,
        "method": sent.method,
        "uri": address.path + (f"?{address.query}" if address.query else ""),
        "headers": {"content-type": "", **headers},
        "body": base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode(),
        "status": 200,
        "answer_headers": {},
        "answer": base64.b64encode(b"{}").decode(),
        **more,
    }


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def with_body(line: dict[str, Any], body: str) -> dict[str, Any]:
    return {**line, "body": base64.b64encode(body.encode()).decode()}


def body_of(line: dict[str, Any]) -> str:
    return base64.b64decode(line["body"]).decode()


def problems(line: dict[str, Any]) -> list[str]:
    """What is wrong with a request: the member, and what of it."""
    request = wire.read(line)
    shape = request.operation.input_shape
    found = [*request.problems, *shapes.problems(shape, request.params)]
    return [f"{one.member} {one.what}" for one in found]


def example(shape: Any, depth: int = 0) -> Any:
    """A value of a shape with all of its members, down to some depth."""
    simple = {"integer": 7, "long": 7, "float": 1.5, "double": 1.5, "boolean": True, "blob": b"\0x"}
    if shape.type_name == "timestamp":
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    if shape.type_name in simple:
        return simple[shape.type_name]
    if shape.type_name == "string":
        return shape.metadata.get("enum", ['a <b>&"é'])[0]
    if shape.type_name == "list":
        return [example(shape.member, depth + 1)] * (2 if depth < 3 else 1)
    if shape.type_name == "map":
        return {example(shape.key): example(shape.value, depth + 1)}
    members = shape.members
    names = list(members) if depth < 4 and not shape.metadata.get("union") else list(members)[:1]
    return {name: example(members[name], depth + 1) for name in [*names, *shape.required_members]}


class Requests(unittest.TestCase):
    def found(self, what: str, *of: Any) -> None:
        self.assertEqual([what], problems(recorded(*of)))

    def test_what_botocore_sends_is_read_back(self) -> None:
        for name in recordings.known():
            service, _, operation = name.partition(":")
            shape = wire.model(service).operation_model(operation).input_shape
            if shape is None or name == "s3:AbortMultipartUpload":  # it ends in no body
                continue
            params = example(shape)
            with self.subTest(name):
                request = wire.read(recorded(service, operation, params))
                self.assertEqual(operation, request.operation.name)
                self.assertEqual(([], params), (request.problems, request.params))

    def test_a_member_that_is_required(self) -> None:
        self.found("logGroupName is required", "logs", "CreateLogGroup", {})
        self.found("Name is required", "elasticloadbalancing", "CreateLoadBalancer", {})

    def test_lengths_and_sizes(self) -> None:
        name = "x" * 513
        self.found(
            "logGroupName has the length 513, and the most is 512",
            *("logs", "CreateLogGroup", {"logGroupName": name}),
        )
        tags = {f"key{number}": "" for number in range(51)}
        self.found(
            "tags has the size 51, and the most is 50",
            *("logs", "CreateLogGroup", {"logGroupName": "x", "tags": tags}),
        )
        self.found(
            "names has the size 101, and the most is 100",
            *("codebuild", "BatchGetProjects", {"names": ["x"] * 101}),
        )

    def test_ranges(self) -> None:
        params = {"Name": "x", "Port": 70000}
        self.found(
            "Port is 70000, and the most is 65535",
            *("elasticloadbalancing", "CreateTargetGroup", params),
        )

    def test_patterns_and_enumerations(self) -> None:
        fault = "'a b' does not fit"
        found = problems(recorded("logs", "CreateLogGroup", {"logGroupName": "a b"}))
        self.assertIn(fault, found[0])
        params = {"Name": "x", "Protocol": "HTTPX"}
        found = problems(recorded("elasticloadbalancing", "CreateTargetGroup", params))
        self.assertIn("Protocol 'HTTPX' is none of HTTP, HTTPS", found[0])

    def test_types(self) -> None:
        line = recorded("logs", "PutRetentionPolicy", {"logGroupName": "x", "retentionInDays": 7})
        line = with_body(line, body_of(line).replace("7", '"7"'))
        self.assertIn("retentionInDays '7' is no integer", problems(line))
        line = recorded("elasticloadbalancing", "CreateTargetGroup", {"Name": "x", "Port": 80})
        self.assertIn(
            "Port '8O' is no integer", problems(with_body(line, body_of(line).replace("80", "8O")))
        )

    def test_unknown_members(self) -> None:
        line = recorded("logs", "CreateLogGroup", {"logGroupName": "x"})
        line = with_body(line, '{"logGroupName": "x", "LogGroupName": "x"}')
        self.assertEqual(["LogGroupName is unknown"], problems(line))
        line = recorded("ec2", "DescribeVpcs", {"VpcIds": ["vpc-1"]})
        self.assertEqual(
            ["VpcIds is unknown"],
            problems(with_body(line, body_of(line).replace("VpcId", "VpcIds"))),
        )
        line = recorded("iam", "GetRole", {"RoleName": "x"})
        found = problems(with_body(line, body_of(line) + "&Path=x"))
        self.assertEqual(["Path is unknown"], found)
        line = recorded("lambda", "GetFunction", {"FunctionName": "x"})
        line["uri"] += "?Version=1"
        self.assertEqual(["Version is unknown in the querystring"], problems(line))
        line = recorded(
            "s3",
            "PutBucketVersioning",
            {"Bucket": "x", "VersioningConfiguration": {"Status": "Enabled"}},
        )
        line["headers"]["x-amz-what"] = "x"
        found = problems(with_body(line, body_of(line).replace("Status", "State")))
        self.assertEqual(
            ["x-amz-what is unknown in the header", "VersioningConfiguration.State is unknown"],
            found,
        )

    def test_lists_of_forms_count_from_one(self) -> None:
        line = recorded("ec2", "DescribeVpcs", {"VpcIds": ["vpc-1"]})
        found = problems(with_body(line, body_of(line).replace("VpcId.1", "VpcId.2")))
        self.assertEqual(["VpcIds ['2'] is no list that counts from 1"], found)

    def test_a_union_takes_one(self) -> None:
        shape = wire.model("bedrock-runtime").shape_for("SystemContentBlock")
        found = list(shapes.problems(shape, {"text": "x", "cachePoint": {"type": "default"}}))
        self.assertIn("takes exactly one member", found[0].what)

    def test_what_is_no_request_at_all(self) -> None:
        line = recorded("logs", "CreateLogGroup", {"logGroupName": "x"})
        form = recorded("iam", "GetRole", {"RoleName": "x"})
        rest = recorded("lambda", "GetFunction", {"FunctionName": "x"})
        for broken in (
            {**line, "headers": {**line["headers"], "x-amz-target": "Logs_20140328.MakeLogGroup"}},
            {**line, "headers": {**line["headers"], "x-amz-target": "Logs_2014.CreateLogGroup"}},
            with_body(line, '{"logGroupName"'),
            with_body(form, body_of(form).replace("GetRole", "GetRoll")),
            with_body(form, body_of(form).replace("2010", "2011")),
            with_body(form, body_of(form) + "&RoleName=y"),
            {**rest, "method": "PATCH"},
        ):
            with self.subTest(broken["headers"]), self.assertRaises(wire.Unreadable):
                wire.read(broken)

    def test_patterns_of_java(self) -> None:
        self.assertTrue(patterns.fits(r"\p{Print}+", "a-b c"))
        self.assertFalse(patterns.fits(r"\p{Print}+", "\u00fc"))
        self.assertTrue(patterns.fits(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "Größe 1/2"))
        self.assertFalse(patterns.fits(r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", "e\u0301"))
        self.assertTrue(patterns.fits(r"[\w-_]*", "a-_"))
        self.assertTrue(patterns.fits(r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]*", "a\U0001f600"))
        self.assertFalse(patterns.fits(r"[a-z]+", "ab\n"))


class Policies(unittest.TestCase):
    def found(self, *statements: dict[str, Any]) -> list[str]:
        policy = {"Statement": [{"Sid": "S", "Effect": "Allow", **one} for one in statements]}
        return list(authorization.problems(policy))

    def test_an_action_that_does_not_exist(self) -> None:
        found = self.found({"Action": ["ecs:MakeService"], "Resource": "*"})
        self.assertEqual(["S: ecs:MakeService does not exist"], found)

    def test_resources_of_another_kind(self) -> None:
        arn = "arn:aws:ecs:*:*:cluster/x"
        found = self.found({"Action": "ecs:StopTask", "Resource": arn})
        self.assertIn("S: ecs:StopTask is for task, and no resource of the statement is one", found)
        self.assertIn(f"S: none of its actions is for {arn}", found)
        found = self.found({"Action": "ecs:DeregisterTaskDefinition", "Resource": arn})
        self.assertIn('S: ecs:DeregisterTaskDefinition has no resources: only "*" allows it', found)

    def test_a_resource_with_too_few_parts(self) -> None:
        found = self.found({"Action": "ecs:StopTask", "Resource": "arn:aws:ecs:*:*:task/x"})
        self.assertIn("S: ecs:StopTask is for task, and no resource of the statement is one", found)

    def test_a_key_that_is_never_sent(self) -> None:
        condition = {"Null": {"aws:ResourceTag/x": "false"}}
        arn = "arn:aws:iam::*:role/x"
        found = self.found(
            {"Action": "iam:ListRolePolicies", "Resource": arn, "Condition": condition}
        )
        self.assertEqual([], found)  # a role's tags are sent
        condition = {"StringEquals": {"ecs:cluster": "x"}}
        found = self.found({"Action": "iam:DeleteRole", "Resource": arn, "Condition": condition})
        self.assertEqual(["S: iam:DeleteRole never comes with ecs:cluster for a role"], found)

    def test_what_an_action_needs_beside_itself(self) -> None:
        arn = "arn:aws:ec2:*:*:subnet/*"
        found = self.found({"Action": "ec2:CreateSubnet", "Resource": arn})
        self.assertIn(
            "ec2:CreateSubnet needs a vpc as well, and no statement allows it on one", found
        )
        self.assertIn("ec2:CreateSubnet needs ec2:CreateTags as well, which nothing allows", found)
        arn = "arn:aws:iam::*:role/x"
        found = self.found({"Action": "iam:CreateRole", "Resource": arn})
        self.assertEqual(["iam:CreateRole needs iam:TagRole as well, which nothing allows"], found)

    def test_what_a_request_needs_beside_its_action(self) -> None:
        params = {
            "family": "x",
            "containerDefinitions": [],
            "executionRoleArn": ROLE,
            "tags": [{"key": "x", "value": "y"}],
        }
        line = recorded("ecs", "RegisterTaskDefinition", params)
        self.assertEqual(
            {"ecs:RegisterTaskDefinition", "ecs:TagResource", "iam:PassRole"},
            rights.needed(line, wire.read(line)),
        )


class Answers(unittest.TestCase):
    def setUp(self) -> None:
        self.shape = wire.model("ecr").operation_model("DescribeRepositories").output_shape
        repository = {
            "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/x",
            "registryId": "123456789012",
            "repositoryName": "x",
        }
        self.answer: Any = {"repositories": [repository] * 3}
        self.known = recordings.learn({"ecr:DescribeRepositories": self.seen()})

    def seen(self) -> list[answers.Seen]:
        return list(answers.seen(self.shape, self.answer))

    def differences(self, **repository: Any) -> list[str]:
        one = {**self.answer["repositories"][0], **repository}
        self.answer["repositories"] = [
            {key: value for key, value in one.items() if value is not None}
        ]
        return list(recordings.differences({"ecr:DescribeRepositories": self.seen()}, self.known))

    def test_what_is_as_aws_answers(self) -> None:
        self.assertEqual([], self.differences())
        self.assertEqual([], self.differences(createdAt=datetime.now(timezone.utc)))

    def test_what_is_lacking(self) -> None:
        found = self.differences(registryId=None)
        self.assertIn("registryId is always there in AWS's (3 seen), and not in 1 of 1", found[0])

    def test_what_has_another_form(self) -> None:
        found = self.differences(repositoryArn="arn:aws:ecs:us-east-1:123456789012:repository/x")
        self.assertIn("repositoryArn is arn:ecs:#:#:repository, and AWS's are arn:ecr", found[0])

    def test_what_is_empty_where_aws_leaves_it_out(self) -> None:
        found = self.differences(repositoryUri="")
        self.assertIn("repositoryUri is an empty text where AWS leaves it out", found[0])

    def test_the_shapes_hold_no_values(self) -> None:
        for name, members in recordings.known().items():
            for path, told in members.items():
                self.assertRegex(told, r"^\d+/\d+( [\w:#-]+)*$", f"{name} {path}")


class Program(unittest.TestCase):
    def check(self, *lines: dict[str, Any]) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            if lines:
                text = "".join(json.dumps(line) + "\n" for line in lines) + '{"unfinished'
                pathlib.Path(folder, "1.jsonl").write_text(text)
            command = [sys.executable, str(ROOT / "scripts/check-calls"), folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def test_an_empty_recording_fails(self) -> None:
        code, told = self.check()
        self.assertEqual(1, code)
        self.assertIn("0 requests and 0 answers of 0 operations", told)

    def test_each_kind_of_problem_is_told(self) -> None:
        logs = recorded("logs", "CreateLogGroup", {"logGroupName": "a b"})
        answer = base64.b64encode(b'{"what": 1}').decode()
        groups = recorded("logs", "DescribeLogGroups", {}, answer=answer)
        code, told = self.check(
            logs, logs, groups, recorded("iam", "GetRole", {"RoleName": "x"}, status=404)
        )
        self.assertEqual(1, code)
        self.assertIn("logs:CreateLogGroup logGroupName: 'a b' does not fit", told)
        self.assertIn("(1 of mk-logs)", told)  # the second is the same
        self.assertIn("the answer of logs:DescribeLogGroups what: is unknown", told)
        self.assertIn("mk-logs calls iam:GetRole, which its policy does not allow", told)
        self.assertIn("mk-logs's policy allows logs:DeleteLogGroup, which no test sees", told)


if __name__ == "__main__":
    unittest.main()
