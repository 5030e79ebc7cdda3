"""Tests of where the rules of a load balancer that apps share send requests in the local AWS
(runs/serving/rules.py)."""

import types
import unittest
from typing import Any

from local_aws.runs.serving import rules
from local_aws_rules_test import forward, host, path
from local_aws_serving import Serving, get, until


class Deciding(unittest.TestCase):
    """Which rule a request fits."""

    def fits(self, condition: dict[str, Any], host: str, target: str) -> bool:
        return rules.fits(condition, rules.Request("GET", host, target))

    def test_a_path_counts_with_its_case_and_without_its_query(self) -> None:
        for pattern, target, expected in (
            ("/api/*", "/api/", True),
            ("/api/*", "/api/a/b?c=d", True),
            ("/api/*", "/api", False),
            ("/api/*", "/API/a", False),
            ("/api/*", "/x?/api/a", False),
            ("/a?", "/ab", True),
            ("/a?", "/a", False),
            ("/a?", "/abc", False),
            ("/*.js", "/a/b.js?v=1", True),
            ("/[a]", "/a", False),
        ):
            self.assertEqual(self.fits(path(pattern), "a.com", target), expected, pattern)

    def test_a_host_counts_without_case_and_port(self) -> None:
        for pattern, name, expected in (
            ("api.Example.com", "API.example.com:8080", True),
            ("*.example.com", "a.b.example.com", True),
            ("*.example.com", "example.com", False),
            ("a?.example.com", "ab.example.com", True),
            ("a?.example.com", "a.example.com", False),
            ("api.example.com", "", False),
        ):
            self.assertEqual(self.fits(host(pattern), name, "/"), expected, pattern)

    def test_the_first_rule_whose_conditions_all_fit_decides(self) -> None:
        def rule(priority: Any, *conditions: dict[str, Any]) -> Any:
            action = types.SimpleNamespace(data={"Type": str(priority)})
            kept = list(conditions)
            return types.SimpleNamespace(priority=priority, conditions=kept, actions=[action])

        found = [
            rule("default"),
            rule(100, path("/a/*", "/b/*")),
            rule(20, path("/a/*"), host("a.com", "b.com")),
            rule(9, host("c.com")),
        ]
        for name, target, expected in (
            ("a.com", "/a/1", "20"),
            ("b.com", "/a/1", "20"),
            ("b.com", "/b/1", "100"),
            ("c.com", "/a/1", "9"),
            ("d.com", "/c", "default"),
        ):
            request = rules.Request("GET", name, target)
            self.assertEqual(rules.action_for(found, request)["Type"], expected)


class Serves(unittest.TestCase):
    """Apps that share a load balancer answer through it."""

    serving: Serving
    web: types.SimpleNamespace
    elb: Any

    @classmethod
    def setUpClass(cls) -> None:
        cls.serving = Serving()
        cls.addClassCleanup(cls.serving.end)
        cls.serving.network()
        cls.web = cls.serving.run("web", True, count=1)
        cls.elb = cls.serving.aws("elbv2")

    def behind(self, name: str, *conditions: dict[str, Any], priority: int) -> Any:
        """An app behind a rule of web's load balancer alone, once it is steady."""
        serving = self.serving
        app = types.SimpleNamespace(name=name, task_group=serving.group(f"task-{name}"))
        serving.admit(app.task_group, 5000, self.web.balancer_group)
        app.targets = self.elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=5000,
            VpcId=serving.vpc,
            TargetType="ip",
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=15,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
        )["TargetGroups"][0]["TargetGroupArn"]
        made = self.elb.create_rule(
            ListenerArn=self.web.listener,
            Priority=priority,
            Conditions=list(conditions),
            Actions=[forward(app.targets)],
        )
        app.rule = made["Rules"][0]["RuleArn"]
        self.addCleanup(self.end, app)
        image = serving.push(f"repo-{name}")
        serving.service(app, serving.definition(name, image), 1)
        serving.steady(name)
        return app

    def end(self, app: Any) -> None:
        self.serving.delete(app)
        self.elb.delete_rule(RuleArn=app.rule)

    def state(self, app: Any) -> dict[str, Any]:
        found = self.elb.describe_target_health(TargetGroupArn=app.targets)
        health: dict[str, Any] = found["TargetHealthDescriptions"][0]["TargetHealth"]
        return health

    def get(self, target: str, name: str = "") -> tuple[int, str]:
        return get(self.web.dns, target, **({"Host": name} if name else {}))

    def test_requests_go_where_the_first_rule_that_fits_sends_them(self) -> None:
        api = self.behind("api", path("/env/*"), priority=20)
        shop = self.behind("shop", host("shop.*.com"), path("/env/*", "/pid"), priority=10)
        self.assertEqual(self.get("/env/NAME"), (200, "api"))
        self.assertEqual(self.get("/ENV/NAME")[1].count("api"), 0)
        self.assertEqual(self.get("/env/NAME", "SHOP.example.com:80"), (200, "shop"))
        self.assertEqual(self.get("/", "shop.example.com"), (200, "web"))
        self.assertEqual(self.get("/env/NAME", "shop.example.org"), (200, "api"))

        pairs = ((api, 5), (shop, 30))
        priorities = [{"RuleArn": app.rule, "Priority": number} for app, number in pairs]
        self.elb.set_rule_priorities(RulePriorities=priorities)
        self.assertEqual(self.get("/env/NAME", "shop.example.com"), (200, "api"))

        weights = [forward(api.targets, shop.targets, weights=(1, 1))]
        self.elb.modify_rule(RuleArn=api.rule, Actions=weights)
        told = {self.get("/env/NAME") for _ in range(40)}
        self.assertEqual(told, {(200, "api"), (200, "shop")})
        weights = [forward(api.targets, shop.targets, weights=(0, 7))]
        self.elb.modify_rule(RuleArn=api.rule, Actions=weights)
        self.assertEqual({self.get("/env/NAME") for _ in range(9)}, {(200, "shop")})

    def test_a_target_behind_a_rule_is_asked_for_its_health(self) -> None:
        app = self.behind("asked", path("/env/*"), priority=40)
        self.assertEqual(self.state(app)["State"], "healthy")
        self.elb.modify_target_group(TargetGroupArn=app.targets, HealthCheckPath="/status/500")
        until("it is unhealthy", lambda: self.state(app)["State"] == "unhealthy")
        self.assertEqual(self.state(app)["Reason"], "Target.ResponseCodeMismatch")

    def test_a_task_that_does_not_admit_the_load_balancer_gets_nothing(self) -> None:
        app = self.behind("closed", path("/env/*"), priority=50)
        self.assertEqual(self.get("/env/NAME"), (200, "closed"))
        ec2 = self.serving.aws("ec2")
        group = ec2.describe_security_groups(GroupIds=[app.task_group])["SecurityGroups"][0]
        ec2.revoke_security_group_ingress(
            GroupId=app.task_group, IpPermissions=group["IpPermissions"]
        )
        self.assertEqual(self.get("/env/NAME")[0], 504)
        until("it is unhealthy", lambda: self.state(app)["State"] == "unhealthy")
        self.assertEqual(self.get("/"), (200, "web"))


if __name__ == "__main__":
    unittest.main()
