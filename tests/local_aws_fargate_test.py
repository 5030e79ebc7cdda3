"""Tests of what the local AWS refuses of a task definition (ground/fargate.py)."""

import unittest
from typing import Any

from local_aws.ground import fargate

FILE = {"type": "s3", "value": "arn:aws:s3:::b/a.env"}


def told(task: dict[str, Any], *beside: dict[str, Any], **container: Any) -> str:
    """What is wrong with a task definition of the container web and of some beside it."""
    given = {"cpu": "256", "memory": "512", "network_mode": "awsvpc", "execution_role_arn": "r"}
    web = {"name": "web", "image": "web:1", **container}
    return "; ".join(fargate.wrong(given | task, [web, *beside]))


class Fargate(unittest.TestCase):
    """What RegisterTaskDefinition refuses."""

    def test_what_is_right_is_taken(self) -> None:
        efs = {"fileSystemId": "fs-0a1b2c3d", "transitEncryption": "ENABLED"}
        efs["authorizationConfig"] = {"iam": "ENABLED", "accessPointId": "fsap-0a1b2c3d"}  # type: ignore[assignment]
        task = {
            "ephemeral_storage": {"sizeInGiB": 21},
            "volumes": [{"name": "data", "efsVolumeConfiguration": efs}],
        }
        proxy = {"name": "proxy", "image": "p", "healthCheck": {"command": ["CMD", "true"]}}
        init = {"name": "init", "image": "i", "essential": False}
        right = told(
            task,
            proxy,
            init,
            stopTimeout=120,
            mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}],
            linuxParameters={"tmpfs": [{"containerPath": "/tmp", "size": 64}]},
            ulimits=[{"name": "nofile", "softLimit": 1, "hardLimit": 2}],
            dependsOn=[
                {"containerName": "proxy", "condition": "HEALTHY"},
                {"containerName": "init", "condition": "SUCCESS"},
            ],
            secrets=[{"name": "A", "valueFrom": "/a"}],
            environmentFiles=[FILE] * 10,
        )
        self.assertEqual(right, "")

    def test_what_is_wrong_with_a_task_is_told(self) -> None:
        volume = {"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-0a1b2c3d"}}
        efs = volume["efsVolumeConfiguration"]
        with_iam = {**efs, "authorizationConfig": {"iam": "ENABLED"}}  # type: ignore[dict-item]
        for task, why in (
            ({"memory": "700"}, "No Fargate configuration"),
            ({"network_mode": "bridge"}, "'awsvpc'"),
            ({"ephemeral_storage": {"sizeInGiB": 20}}, "between 21 and 200"),
            ({"volumes": [{"name": "data", "efsVolumeConfiguration": {}}]}, "file system ID"),
            ({"volumes": [{**volume, "efsVolumeConfiguration": with_iam}]}, "transit encryption"),
        ):
            self.assertIn(why, told(task), str(task))
        self.assertIn("essential", told({}, essential=False))
        self.assertIn("memory of the task", told({}, memory=1024))

    def test_what_is_wrong_with_a_container_is_told(self) -> None:
        proxy = {"name": "proxy", "image": "p"}
        back = {**proxy, "dependsOn": [{"containerName": "web", "condition": "START"}]}

        def after(name: str, condition: str) -> list[dict[str, str]]:
            return [{"containerName": name, "condition": condition}]

        def log(**options: str) -> dict[str, Any]:
            named = {f"awslogs-{one}": "x" for one in ("group", "region", "stream-prefix")}
            return {"logDriver": "awslogs", "options": {**named, **options}}

        cases: tuple[tuple[dict[str, Any], str], ...] = (
            ({"stopTimeout": 121}, "120 seconds"),
            ({"privileged": True}, "privileged"),
            ({"ulimits": [{"name": "core", "softLimit": 0, "hardLimit": 0}]}, "nofile"),
            ({"mountPoints": [{"sourceVolume": "x"}]}, "Unknown volume 'x'"),
            ({"linuxParameters": {"tmpfs": [{"containerPath": "/tmp", "size": 0}]}}, "tmpfs"),
            ({"linuxParameters": {"tmpfs": [{"containerPath": "tmp", "size": 1}]}}, "tmpfs"),
            ({"dependsOn": after("nobody", "START")}, "does not exist"),
            ({"dependsOn": after("proxy", "STARTED")}, "is unknown"),
            ({"dependsOn": after("proxy", "HEALTHY")}, "health check"),
            ({"dependsOn": after("proxy", "COMPLETE")}, "essential container proxy"),
            ({"healthCheck": {"command": ["x"], "startPeriod": 301}}, "startPeriod"),
            ({"logConfiguration": log(mode="sometimes")}, "neither blocking"),
            ({"logConfiguration": log(**{"max-buffer-size": "much"})}, "is no size"),
            ({"environmentFiles": [FILE] * 11}, "at most 10"),
            ({"environmentFiles": [{**FILE, "value": "arn:aws:s3:::b/a.txt"}]}, ".env object"),
            ({"secrets": [{"name": "A", "valueFrom": ""}]}, "valueFrom"),
            ({"secrets": [{"name": "A", "valueFrom": "arn:aws:s3:::b/a"}]}, "valueFrom"),
            (
                {"secrets": [{"name": "A", "valueFrom": "/a"}], "environment": [{"name": "A"}]},
                "must be unique",
            ),
        )
        for container, why in cases:
            self.assertIn(why, told({}, proxy, **container), str(container))
        self.assertIn("cyclic", told({}, back, dependsOn=after("proxy", "START")))
        lacks = told({"execution_role_arn": None}, secrets=[{"name": "A", "valueFrom": "/a"}])
        self.assertIn("to support secrets", lacks)


if __name__ == "__main__":
    unittest.main()
