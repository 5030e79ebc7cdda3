"""Tests of deployments that shift requests in the local AWS (runs/shifting.py)."""

import json
import types
import unittest
from typing import Any
from unittest import mock

import requests
from botocore.exceptions import ClientError
from local_aws.ground import roles
from local_aws.runs import shifting
from local_aws.services import ecs_checks, iam
from local_aws_served import Served

ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "elasticloadbalancing:ModifyListener", "Resource": "*"}
    ],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ecs.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


class Steps(unittest.TestCase):
    """What follows from a configuration alone."""

    def percents(self, configuration: dict[str, Any]) -> list[float]:
        return [percent for percent, _, _ in reversed(shifting.steps(configuration))]

    def test_each_strategy_has_its_steps(self) -> None:
        self.assertEqual(self.percents({"strategy": "BLUE_GREEN"}), [100])
        canary = {"canaryPercent": 0.5, "canaryBakeTimeInMinutes": 3}
        self.assertEqual(
            self.percents({"strategy": "CANARY", "canaryConfiguration": canary}), [0.5, 100]
        )
        linear = {"stepPercent": 30.0, "stepBakeTimeInMinutes": 1}
        self.assertEqual(
            self.percents({"strategy": "LINEAR", "linearConfiguration": linear}), [30, 60, 90, 100]
        )

    def test_what_ecs_refuses_of_a_strategy(self) -> None:
        pair: list[dict[str, Any]] = [{"advancedConfiguration": {"roleArn": "r"}}]
        for said, balancers, why in (
            ({"strategy": "GREEN_BLUE"}, pair, "not valid"),
            ({"strategy": "BLUE_GREEN"}, pair, "bakeTimeInMinutes is required"),
            ({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1441}, pair, "from 0 to 1440"),
            ({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}, [], "needs a load balancer"),
            ({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}}, pair, "bounds"),
            ({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 5.05}}, pair, "0.1"),
            ({"strategy": "CANARY", "linearConfiguration": {"stepPercent": 9}}, pair, "only valid"),
        ):
            with self.assertRaises(Exception) as refused:
                ecs_checks.check_deploying(None, {"deploymentConfiguration": said}, balancers, None)
            self.assertIn(why, str(refused.exception), said)


class Shifting(Served):
    """A service of two target groups, as time passes."""

    def setUp(self) -> None:
        super().setUp()
        for module in (iam, roles):
            patch = mock.patch.object(module, "time", self.time)
            patch.start()
            self.addCleanup(patch.stop)
        reset = f"http://127.0.0.1:{self.server.port}/moto-api/reset"
        requests.post(reset, timeout=9)
        self.addCleanup(requests.post, reset, timeout=9)
        self.elb, self.ecs, self.iam = (self.client(one) for one in ("elbv2", "ecs", "iam"))
        self.place = self.network()
        role = self.iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
        self.role = role["Role"]["Arn"]
        self.let(ALLOWED)
        balancer = self.elb.create_load_balancer(Name="alb-web", Subnets=self.place.subnets)
        self.first, self.second = self.group("first"), self.group("second")
        forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": self.weights(100, 0)}}
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[forward],
        )["Listeners"][0]["ListenerArn"]
        rules = self.elb.describe_rules(ListenerArn=self.listener)["Rules"]
        self.rule = rules[0]["RuleArn"]
        self.ecs.create_cluster(clusterName="main")
        self.register()
        self.passes(9)

    def let(self, policy: dict[str, Any]) -> None:
        self.iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(policy))

    def group(self, name: str) -> str:
        made = self.elb.create_target_group(
            Name=name, VpcId=self.place.vpc, Protocol="HTTP", Port=5000, TargetType="ip"
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def weights(self, first: int, second: int) -> list[dict[str, Any]]:
        return [
            {"TargetGroupArn": self.first, "Weight": first},
            {"TargetGroupArn": self.second, "Weight": second},
        ]

    def register(self) -> None:
        web = {"name": "web", "image": "web:1", "memory": 512}
        container = {**web, "portMappings": [{"containerPort": 5000}]}
        self.ecs.register_task_definition(
            family="web", networkMode="awsvpc", containerDefinitions=[container]
        )

    def passes(self, seconds: float) -> None:
        self.time.now += seconds
        self.ec2.describe_vpcs()

    def create(self, **other: Any) -> dict[str, Any]:
        advanced = {
            "alternateTargetGroupArn": self.second,
            "productionListenerRule": self.rule,
            "roleArn": self.role,
        }
        balancer = {
            "targetGroupArn": self.first,
            "containerName": "web",
            "containerPort": 5000,
            "advancedConfiguration": {**advanced, **other},
        }
        vpc = {"subnets": self.place.subnets}
        made = self.ecs.create_service(
            cluster="main",
            serviceName="web",
            taskDefinition="web",
            desiredCount=1,
            networkConfiguration={"awsvpcConfiguration": vpc},
            loadBalancers=[balancer],
            deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 10},
        )
        service: dict[str, Any] = made["service"]
        return service

    def shares(self) -> list[int]:
        listener = self.elb.describe_listeners(ListenerArns=[self.listener])["Listeners"][0]
        groups = listener["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
        by_arn = {one["TargetGroupArn"]: one["Weight"] for one in groups}
        return [by_arn[self.first], by_arn[self.second]]

    def service(self) -> types.SimpleNamespace:
        found = self.ecs.describe_services(cluster="main", services=["web"])["services"][0]
        return types.SimpleNamespace(**found)

    def test_a_pair_that_is_not_whole_is_refused(self) -> None:
        other = self.group("other")
        for wrong, why in (
            ({"alternateTargetGroupArn": other}, "does not have an associated load balancer"),
            ({"alternateTargetGroupArn": self.first}, "or is the target group itself"),
            ({"productionListenerRule": self.rule + "0"}, "rule does not exist"),
            ({"roleArn": self.role + "0"}, "Unable to assume role"),
        ):
            with self.assertRaises(ClientError) as refused:
                self.create(**wrong)
            self.assertIn(why, str(refused.exception))

    def test_requests_shift_bake_and_are_given_back_when_somebody_stops_it(self) -> None:
        self.create()
        self.passes(99)
        self.passes(99)
        self.assertEqual(self.service().deployments[0]["rolloutState"], "COMPLETED")
        self.register()
        self.ecs.update_service(cluster="main", service="web", taskDefinition="web:2")
        self.passes(1)
        self.passes(1)
        self.assertEqual(self.shares(), [0, 100])
        self.assertEqual(self.service().runningCount, 2)
        listed = self.ecs.list_service_deployments(
            cluster="main", service="web", status=["IN_PROGRESS"]
        )["serviceDeployments"]
        arn = listed[0]["serviceDeploymentArn"]
        described = self.ecs.describe_service_deployments(serviceDeploymentArns=[arn])
        self.assertEqual(described["serviceDeployments"][0]["lifecycleStage"], "BAKE_TIME")
        with self.assertRaises(ClientError) as refused:
            self.ecs.update_service(
                cluster="main", service="web", deploymentConfiguration={"strategy": "ROLLING"}
            )
        self.assertIn("while a deployment is in progress", str(refused.exception))
        self.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
        self.assertEqual(self.shares(), [100, 0])
        self.passes(9)
        self.assertEqual(self.service().taskDefinition.rpartition(":")[2], "1")
        self.assertEqual(self.service().runningCount, 1)
        with self.assertRaises(ClientError):
            self.ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")

    def test_a_role_that_may_not_shift_fails_the_deployment(self) -> None:
        self.create()
        self.passes(99)
        self.passes(99)
        self.iam.delete_role_policy(RoleName="r", PolicyName="p")
        self.register()
        self.ecs.update_service(cluster="main", service="web", taskDefinition="web:2")
        self.passes(1)
        self.passes(1)
        self.assertEqual(self.shares(), [100, 0])
        self.assertEqual(self.service().deployments[-1]["rolloutState"], "FAILED")
        self.assertEqual(self.service().runningCount, 1)

    def test_a_rule_that_is_not_the_default_one_is_shifted_by_its_own_tags(self) -> None:
        forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": self.weights(100, 0)}}
        self.rule = self.elb.create_rule(
            ListenerArn=self.listener,
            Priority=1,
            Conditions=[{"Field": "path-pattern", "Values": ["/web/*"]}],
            Actions=[forward],
            Tags=[{"Key": "app", "Value": "web"}],
        )["Rules"][0]["RuleArn"]
        tagged = {"StringEquals": {"aws:ResourceTag/app": "web"}}
        may = {"Effect": "Allow", "Action": "elasticloadbalancing:ModifyRule", "Resource": "*"}
        self.let({"Version": "2012-10-17", "Statement": [{**may, "Condition": tagged}]})
        self.create()
        self.passes(99)
        self.passes(99)
        self.register()
        self.ecs.update_service(cluster="main", service="web", taskDefinition="web:2")
        self.passes(1)
        self.passes(1)
        rule = self.elb.describe_rules(RuleArns=[self.rule])["Rules"][0]
        groups = rule["Actions"][0]["ForwardConfig"]["TargetGroups"]
        self.assertEqual([one["Weight"] for one in groups], [0, 100])
        self.assertEqual(rule["Conditions"][0]["Values"], ["/web/*"])
        self.assertEqual(self.shares(), [100, 0])  # those of the default rule


if __name__ == "__main__":
    unittest.main()
