"""Tests of who can reach whom in the local AWS (scripts/local_aws/server/reach.py)."""

import types
import unittest
from typing import Any

import requests
from local_aws_served import Served


class Edges(Served):
    """Who can reach whom, and after which change."""

    def setUp(self) -> None:
        super().setUp()
        reset = f"http://127.0.0.1:{self.server.port}/moto-api/reset"
        requests.post(reset, timeout=9)
        self.addCleanup(requests.post, reset, timeout=9)
        self.elb, self.ecs = self.client("elbv2"), self.client("ecs")
        self.addCleanup(self.app.edges.watch, False)
        self.app.edges.watch(True)

    def web(self) -> None:
        """A public app with one task, and nothing that it does not need."""
        network = self.network()
        self.vpc, self.table = network.vpc, network.table
        alb, self.task = self.group("alb"), self.group("task")
        self.from_alb = [{**tcp(5000), "UserIdGroupPairs": [{"GroupId": alb}]}]
        anybody = [{**tcp(80), "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.ec2.authorize_security_group_ingress(GroupId=alb, IpPermissions=anybody)
        self.ec2.authorize_security_group_ingress(GroupId=self.task, IpPermissions=self.from_alb)
        balancer = self.elb.create_load_balancer(
            Name="alb-web",
            Subnets=network.subnets,
            SecurityGroups=[alb],
            Tags=[{"Key": "plumbline:app", "Value": "web"}],
        )["LoadBalancers"][0]
        self.name, self.balancer = balancer["DNSName"], balancer["LoadBalancerArn"]
        self.first, self.second = self.target_group("first"), self.target_group("second")
        self.listener = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": self.first}],
        )["Listeners"][0]["ListenerArn"]
        self.serve(network)

    def group(self, name: str) -> str:
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        return str(made["GroupId"])

    def target_group(self, name: str) -> str:
        made = self.elb.create_target_group(
            Name=name,
            VpcId=self.vpc,
            Protocol="HTTP",
            Port=5000,
            TargetType="ip",
            HealthCheckPath="/",
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def serve(self, network: types.SimpleNamespace) -> None:
        self.ecs.create_cluster(clusterName="main")
        self.subnets = network.subnets
        self.behind("web", self.first)

    def behind(self, app: str, group: str) -> None:
        """A task of an app in a target group, which is told where web and the app's path are."""
        addresses = {"WEB": f"http://{self.name}/", "OWN": f"http://{self.name}/{app}"}
        self.ecs.register_task_definition(
            family=app,
            networkMode="awsvpc",
            containerDefinitions=[
                {
                    "name": app,
                    "image": f"{app}:1",
                    "memory": 512,
                    "portMappings": [{"containerPort": 5000}],
                    "environment": [
                        {"name": name, "value": value} for name, value in addresses.items()
                    ],
                }
            ],
        )
        vpc = {"subnets": self.subnets, "securityGroups": [self.task]}
        self.ecs.create_service(
            cluster="main",
            serviceName=app,
            taskDefinition=app,
            desiredCount=1,
            networkConfiguration={"awsvpcConfiguration": vpc},
            loadBalancers=[{"targetGroupArn": group, "containerName": app, "containerPort": 5000}],
            tags=[{"key": "plumbline:app", "value": app}],
        )
        self.time.now += 9
        self.ec2.describe_vpcs()

    def share(self, first: int, second: int) -> None:
        groups = [
            {"TargetGroupArn": self.first, "Weight": first},
            {"TargetGroupArn": self.second, "Weight": second},
        ]
        forward = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[forward])

    def now(self) -> dict[str, Any]:
        last: dict[str, Any] = self.app.edges.log[-1]
        return last

    def test_nobody_reaches_a_task_that_does_not_admit_its_load_balancer(self) -> None:
        self.web()
        self.assertEqual(self.now()["edges"], ["internet -> web"])
        self.assertEqual(self.now()["after"].partition(":")[0], "time")
        self.ec2.revoke_security_group_ingress(GroupId=self.task, IpPermissions=self.from_alb)
        self.assertEqual(self.now()["edges"], [])
        self.assertEqual(self.now()["after"], "ec2:RevokeSecurityGroupIngress")
        self.assertRegex(self.now()["broken"][0], "internet -> web: .* may not send to .* on 5000")
        self.assertRegex(self.now()["unreachable_tasks"][0], "task .* of web: .* its port 5000")
        self.ec2.authorize_security_group_ingress(GroupId=self.task, IpPermissions=self.from_alb)
        self.assertEqual(self.now()["edges"], ["internet -> web"])
        self.assertEqual(self.now()["unreachable_tasks"], [])

    def test_a_share_for_an_empty_target_group_breaks_an_edge(self) -> None:
        self.web()
        self.share(1, 1)
        self.assertEqual(self.now()["edges"], [])
        self.assertRegex(self.now()["broken"][0], "second has share 1 and no healthy target")
        self.share(1, 0)
        self.assertEqual(self.now()["edges"], ["internet -> web"])
        self.share(0, 1)
        self.assertEqual((self.now()["edges"], len(self.now()["idle_tasks"])), ([], 1))

    def test_a_task_that_runs_on_has_lost_what_it_called(self) -> None:
        self.web()
        self.assertEqual(self.now()["lost_calls"], [])
        self.share(0, 1)
        self.assertRegex(self.now()["lost_calls"][0], "task .* of web -> web")
        self.ecs.delete_service(cluster="main", service="web", force=True)
        self.assertEqual(self.now()["lost_calls"], [])

    def test_each_app_behind_a_load_balancer_has_an_edge_of_its_own(self) -> None:
        self.web()
        rule = self.elb.create_rule(
            ListenerArn=self.listener,
            Priority=1,
            Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
            Actions=[{"Type": "forward", "TargetGroupArn": self.second}],
            Tags=[{"Key": "plumbline:app", "Value": "api"}],
        )["Rules"][0]["RuleArn"]
        self.assertEqual(self.now()["edges"], ["internet -> web"])
        self.assertRegex(self.now()["broken"][0], "internet -> api: second has .* no healthy")
        self.behind("api", self.second)
        self.assertEqual(self.now()["edges"], ["internet -> api", "internet -> web"])
        for what in ("broken", "unreachable_tasks", "idle_tasks", "lost_calls"):
            self.assertEqual(self.now()[what], [], what)

        # Only api calls itself by the path of the rule.
        self.elb.delete_rule(RuleArn=rule)
        self.assertEqual(self.now()["edges"], ["internet -> web"])
        self.assertRegex(self.now()["unreachable_tasks"][0], "task .* of api: it is in no target")
        self.assertEqual(len(self.now()["lost_calls"]), 1)
        self.assertRegex(self.now()["lost_calls"][0], "task .* of api -> api")

    def test_a_rule_is_for_the_app_of_its_target_group_if_no_tag_of_its_own_says_another(
        self,
    ) -> None:
        self.web()
        tag = {"Key": "plumbline:app", "Value": "api"}
        self.elb.add_tags(ResourceArns=[self.second], Tags=[tag])
        closed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        forward = {"Type": "forward", "TargetGroupArn": self.second}
        for priority, action in enumerate((closed, forward), 1):
            self.elb.create_rule(
                ListenerArn=self.listener,
                Priority=priority,
                Conditions=[{"Field": "path-pattern", "Values": ["/api/*"]}],
                Actions=[action],
            )
        self.assertEqual(self.now()["edges"], ["internet -> web"])
        self.assertEqual(len(self.now()["broken"]), 1)
        self.assertIn("internet -> api: ", self.now()["broken"][0])

    def test_a_task_does_not_answer_the_health_path_of_another_version(self) -> None:
        self.web()
        self.elb.modify_target_group(TargetGroupArn=self.first, HealthCheckPath="/health")
        self.assertEqual(self.now()["edges"], [])

    def test_a_task_whose_subnet_leads_nowhere_is_unreachable(self) -> None:
        self.web()
        self.ec2.delete_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0")
        self.assertRegex(self.now()["unreachable_tasks"][0], "its subnet .* leads nowhere")

    def test_a_load_balancer_reaches_nobody_in_a_zone_that_it_has_left(self) -> None:
        self.web()
        others = [
            self.ec2.create_subnet(
                VpcId=self.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
            )["Subnet"]["SubnetId"]
            for number, zone in ((8, "c"), (9, "d"))
        ]
        self.elb.set_subnets(LoadBalancerArn=self.balancer, Subnets=others)
        self.assertEqual(self.now()["edges"], [])
        health = self.elb.describe_target_health(TargetGroupArn=self.first)
        health = health["TargetHealthDescriptions"][0]["TargetHealth"]
        self.assertEqual((health["State"], health["Reason"]), ("unused", "Target.NotInUse"))

    def test_what_does_not_change_is_told_once(self) -> None:
        self.web()
        self.app.edges.forget()
        self.ec2.create_vpc(CidrBlock="10.1.0.0/16")
        self.assertEqual([entry["after"] for entry in self.app.edges.log], ["the start"])


def tcp(port: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}


if __name__ == "__main__":
    unittest.main()
