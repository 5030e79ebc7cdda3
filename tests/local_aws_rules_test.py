"""Tests of listener rules in the local AWS (services/elbv2_rules.py)."""

import unittest
from typing import Any

import requests
from botocore.exceptions import ClientError
from local_aws_served import Served

FIXED = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def host(*values: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def forward(*groups: str, weights: tuple[int, ...] = ()) -> dict[str, Any]:
    """An action for one target group, or for several with their weights."""
    if not weights:
        return {"Type": "forward", "TargetGroupArn": groups[0]}
    tuples = [
        {"TargetGroupArn": group, "Weight": weight}
        for group, weight in zip(groups, weights, strict=True)
    ]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": tuples}}


class Rules(Served):
    """Rules of two load balancers, one of which could serve several apps."""

    def setUp(self) -> None:
        super().setUp()
        reset = f"http://127.0.0.1:{self.server.port}/moto-api/reset"
        requests.post(reset, timeout=9)
        self.addCleanup(requests.post, reset, timeout=9)
        self.elb = self.client("elbv2")
        self.place = self.network()
        self.web, self.api, self.other = (self.group(one) for one in ("web", "api", "other"))
        self.balancer, self.listener = self.serve("shared", self.web)
        _, self.elsewhere = self.serve("elsewhere", self.other)

    def group(self, name: str) -> str:
        made = self.elb.create_target_group(
            Name=name, VpcId=self.place.vpc, Protocol="HTTP", Port=5000, TargetType="ip"
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def serve(self, name: str, group: str) -> tuple[str, str]:
        made = self.elb.create_load_balancer(Name=name, Subnets=self.place.subnets)
        balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
        return balancer, self.listen(balancer, 80, forward(group))

    def listen(self, balancer: str, port: int, action: dict[str, Any]) -> str:
        made = self.elb.create_listener(
            LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=[action]
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def rule(self, priority: int = 10, **given: Any) -> str:
        """A rule for api, if nothing else is given; its ARN."""
        usual = {
            "ListenerArn": self.listener,
            "Conditions": [path("/api/*")],
            "Actions": [forward(self.api)],
        }
        made = self.elb.create_rule(Priority=priority, **{**usual, **given})
        return str(made["Rules"][0]["RuleArn"])

    def told(self, arn: str) -> dict[str, Any]:
        rule: dict[str, Any] = self.elb.describe_rules(RuleArns=[arn])["Rules"][0]
        return rule

    def priorities(self) -> list[str]:
        found = self.elb.describe_rules(ListenerArn=self.listener)["Rules"]
        return [one["Priority"] for one in found]

    def default(self) -> str:
        found = self.elb.describe_rules(ListenerArn=self.listener)["Rules"]
        return str(found[-1]["RuleArn"])

    def uses(self, group: str) -> list[str]:
        found = self.elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"]
        return list(found[0].get("LoadBalancerArns", []))

    def refused(self, code: str, words: str, call: Any, *args: Any, **given: Any) -> None:
        with self.assertRaises(ClientError) as refused:
            call(*args, **given)
        error = refused.exception.response["Error"]
        self.assertEqual((error["Code"], words in error["Message"]), (code, True), error)

    def test_a_rule_is_told_as_aws_tells_it(self) -> None:
        arn = self.rule(Conditions=[path("/api/*", "/api"), host("*.example.com")])
        self.assertRegex(arn, f"^{self.listener.replace(':listener/', ':listener-rule/')}/")
        group = {"TargetGroupArn": self.api, "Weight": 1}
        sticky = {"TargetGroupStickinessConfig": {"Enabled": False}}
        expected = {
            "RuleArn": arn,
            "Priority": "10",
            "IsDefault": False,
            "Conditions": [
                {**path("/api/*", "/api"), "Values": ["/api/*", "/api"]},
                {**host("*.example.com"), "Values": ["*.example.com"]},
            ],
            "Actions": [
                {**forward(self.api), "Order": 1, "ForwardConfig": {"TargetGroups": [group]}}
            ],
        }
        expected["Actions"][0]["ForwardConfig"].update(sticky)  # type: ignore[index]
        told = self.told(arn)
        told.pop("Transforms", None)
        self.assertEqual(told, expected)

    def test_rules_are_told_in_their_order_and_in_pages(self) -> None:
        for number in (30, 10, 20):
            self.rule(number)
        self.assertEqual(self.priorities(), ["10", "20", "30", "default"])
        pages = self.elb.get_paginator("describe_rules").paginate(
            ListenerArn=self.listener, PaginationConfig={"PageSize": 2}
        )
        found = [[one["Priority"] for one in page["Rules"]] for page in pages]
        self.assertEqual(found, [["10", "20"], ["30", "default"]])
        every = [
            one["RuleArn"] for one in self.elb.describe_rules(ListenerArn=self.listener)["Rules"]
        ]
        first = self.elb.describe_rules(RuleArns=every, PageSize=3)
        rest = self.elb.describe_rules(RuleArns=every, PageSize=3, Marker=first["NextMarker"])
        self.assertEqual([one["RuleArn"] for one in first["Rules"] + rest["Rules"]], every)
        self.assertNotIn("NextMarker", rest)
        for given in ({"PageSize": 401}, {"Marker": "nobody"}):
            describe = self.elb.describe_rules
            self.refused("ValidationError", "", describe, ListenerArn=self.listener, **given)

    def test_what_is_not_there_is_not_found(self) -> None:
        gone = self.rule()
        self.elb.delete_rule(RuleArn=gone)
        tag = [{"Key": "a", "Value": "b"}]
        pair = [{"RuleArn": gone, "Priority": 1}]
        for call, given in (
            (self.elb.describe_rules, {"RuleArns": [gone, self.default()]}),
            (self.elb.modify_rule, {"RuleArn": gone, "Actions": [FIXED]}),
            (self.elb.delete_rule, {"RuleArn": gone}),
            (self.elb.set_rule_priorities, {"RulePriorities": pair}),
            (self.elb.describe_tags, {"ResourceArns": [gone]}),
            (self.elb.add_tags, {"ResourceArns": [gone], "Tags": tag}),
            (self.elb.remove_tags, {"ResourceArns": [gone], "TagKeys": ["a"]}),
        ):
            self.refused("RuleNotFound", "", call, **given)
        listener = f"{self.listener}0"
        describe = self.elb.describe_rules
        self.refused("ListenerNotFound", "", self.rule, ListenerArn=listener)
        self.refused("ListenerNotFound", "", describe, ListenerArn=listener)
        missing = [forward(f"{self.api}0")]
        self.refused("TargetGroupNotFound", "", self.rule, Actions=missing)
        self.assertEqual(self.priorities(), ["default"])

    def test_a_priority_is_of_one_rule_and_within_bounds(self) -> None:
        self.rule(50000)
        self.refused("PriorityInUse", "Priority '50000' is currently in use", self.rule, 50000)
        self.refused("ValidationError", "less than or equal to 50000", self.rule, 50001)
        self.rule(50000, ListenerArn=self.listen(self.balancer, 81, FIXED))
        self.assertEqual(self.priorities(), ["50000", "default"])

    def test_priorities_change_places_all_at_once(self) -> None:
        first, second, third = self.rule(1), self.rule(2), self.rule(3)

        def put(*pairs: tuple[str, int]) -> Any:
            priorities = [{"RuleArn": arn, "Priority": number} for arn, number in pairs]
            return self.elb.set_rule_priorities(RulePriorities=priorities)

        answer = put((first, 2), (second, 1))
        self.assertEqual([one["Priority"] for one in answer["Rules"]], ["2", "1"])
        for code, pairs in (
            ("PriorityInUse", ((first, 9), (second, 3))),
            ("ValidationError", ((first, 9), (second, 9))),
            ("ValidationError", ((first, 9), (second, 50001))),
            ("OperationNotPermitted", ((first, 9), (self.default(), 8))),
        ):
            self.refused(code, "", put, *pairs)
        found = [self.told(one)["Priority"] for one in (first, second, third)]
        self.assertEqual(found, ["2", "1", "3"])

    def test_the_default_rule_is_neither_modified_nor_deleted(self) -> None:
        default = self.default()
        delete, modify = self.elb.delete_rule, self.elb.modify_rule
        self.refused("OperationNotPermitted", "cannot be deleted", delete, RuleArn=default)
        given = {"RuleArn": default, "Actions": [FIXED]}
        self.refused("OperationNotPermitted", "cannot be modified", modify, **given)

    def test_what_aws_refuses_of_conditions(self) -> None:
        before = self.rule(9)
        both = {**path("/a"), "Values": ["/a"]}
        for conditions, words in (
            ([path("/1", "/2", "/3", "/4"), host("a.b", "c.d")], "'5' condition values"),
            ([path("/*/*/*", "/*/*/*")], "'5' condition wildcards"),
            ([path("/a"), path("/b")], "only have one 'path-pattern'"),
            ([path("/" + 128 * "a")], "the limit is '128'"),
            ([host(127 * "a" + ".b")], "the limit is '128'"),
            ([path("/a b")], "not valid"),
            ([path("/a#b")], "not valid"),
            ([path("/ä")], "not valid"),
            ([path("")], "empty"),
            ([host("a_b.com")], "not valid"),
            ([host("a.com:80")], "not valid"),
            ([host("localhost")], "at least one '.'"),
            ([host("10.0.0.1")], "alphabetical"),
            ([path()], "must be specified"),
            ([both], "both Values and 'PathPatternConfig'"),
            ([{"Field": "path-pattern", "Values": ["/a", "/b"]}], "too many values"),
            ([{"Field": "path", "Values": ["/a"]}], "must be one of"),
            ([{"Values": ["/a"]}], "field must be specified"),
            ([{"Field": "path-pattern", "RegexValues": ["^/a$"]}], "regular expressions"),
        ):
            self.refused("ValidationError", words, self.rule, Conditions=conditions)
            modify = self.elb.modify_rule
            given = {"RuleArn": before, "Conditions": conditions, "Actions": [FIXED]}
            self.refused("ValidationError", words, modify, **given)
        self.refused("ValidationError", "must be specified", self.rule, Conditions=[])
        self.assertEqual(self.told(before)["Actions"][0]["Type"], "forward")
        self.assertEqual(self.priorities(), ["9", "default"])

    def test_what_is_within_the_bounds_is_taken(self) -> None:
        for number, conditions in enumerate(
            (
                [path("/" + 127 * "a")],
                [host(126 * "a" + ".b")],
                [path("""/aZ09_-.$/~"'@:+&*?"""), host("A-z.9*?.Com")],
                [path("/a/*", "/a", "/b/*"), host("*.a.com", "*.b.com")],
                [path("*")],
            ),
            1,
        ):
            self.rule(number, Conditions=conditions)
        self.assertEqual(len(self.priorities()), 6)

    def test_what_aws_refuses_of_actions(self) -> None:
        for actions in (
            [],
            [FIXED, forward(self.api)],
            [{"Type": "forward"}],
            [forward(self.api, self.web, weights=(1, 1000))],
            [forward(self.api, self.api, weights=(1, 1))],
            [{**forward(self.api), **forward(self.web, weights=(1,))}],
        ):
            self.refused("ValidationError", "", self.rule, Actions=actions)

    def test_a_load_balancer_has_a_hundred_rules_without_the_default_ones(self) -> None:
        second = self.listen(self.balancer, 81, FIXED)
        for number in range(1, 51):
            self.rule(number)
            self.rule(number, ListenerArn=second)
        self.refused("TooManyRules", self.balancer, self.rule, 51)
        found = self.elb.describe_rules(ListenerArn=self.listener)
        self.assertEqual((len(found["Rules"]), "NextMarker" in found), (50, True))
        self.elb.delete_listener(ListenerArn=second)
        self.rule(51)

    def test_the_rules_of_a_load_balancer_have_a_hundred_target_groups(self) -> None:
        groups = [self.group(f"group-{number}") for number in range(100)]
        for first in range(0, 95, 5):
            self.rule(1 + first, Actions=[forward(*groups[first : first + 5], weights=5 * (1,))])
        last = self.rule(99, Actions=[forward(*groups[95:99], weights=4 * (1,))])  # and web
        code = "TooManyUniqueTargetGroupsPerLoadBalancer"
        self.refused(code, "", self.rule, 100, Actions=[forward(groups[99])])
        self.elb.modify_rule(RuleArn=last, Actions=[forward(groups[99])])
        self.rule(100, Actions=[forward(groups[0])])

    def test_tags_of_rules(self) -> None:
        def tag(key: str, value: str) -> dict[str, str]:
            return {"Key": key, "Value": value}

        def tags(arn: str) -> Any:
            return self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]

        arn = self.rule(Tags=[tag("app", "api"), tag("env", "test")])
        self.assertEqual(tags(arn), [tag("app", "api"), tag("env", "test")])
        self.elb.add_tags(ResourceArns=[arn, self.default()], Tags=[tag("app", "web")])
        self.assertEqual(tags(self.default()), [tag("app", "web")])
        self.elb.remove_tags(ResourceArns=[arn], TagKeys=["env"])
        self.assertEqual(tags(arn), [tag("app", "web")])
        twice = [tag("app", "a"), tag("app", "b")]
        self.refused("DuplicateTagKeys", "app", self.rule, 11, Tags=twice)
        many = [tag(str(number), "") for number in range(51)]
        self.refused("TooManyTags", "", self.rule, 11, Tags=many)

    def test_a_target_group_belongs_to_the_load_balancer_of_its_rule(self) -> None:
        self.assertEqual(self.uses(self.api), [])
        arn = self.rule()
        self.assertEqual(self.uses(self.api), [self.balancer])
        found = self.elb.describe_target_groups(LoadBalancerArn=self.balancer)["TargetGroups"]
        self.assertEqual([one["TargetGroupName"] for one in found], ["api", "web"])

        limit, there = "TargetGroupAssociationLimit", [forward(self.api)]
        self.refused(limit, self.api, self.rule, ListenerArn=self.elsewhere)
        modify = self.elb.modify_listener
        self.refused(limit, "", modify, ListenerArn=self.elsewhere, DefaultActions=there)
        self.refused(limit, "", self.rule, 11, Actions=[forward(self.other)])
        weighted = [forward(self.api, self.other, weights=(1, 0))]
        self.refused(limit, "", self.elb.modify_rule, RuleArn=arn, Actions=weighted)
        delete = self.elb.delete_target_group
        self.refused("ResourceInUse", "in use", delete, TargetGroupArn=self.api)

        # Another rule of the same load balancer may have it as well.
        again = self.rule(11, Actions=[forward(self.api, self.web, weights=(1, 1))])
        self.elb.delete_rule(RuleArn=arn)
        self.assertEqual(self.uses(self.api), [self.balancer])
        self.elb.delete_rule(RuleArn=again)
        self.assertEqual(self.uses(self.api), [])
        delete(TargetGroupArn=self.api)

    def test_rules_end_with_their_listener_and_with_their_load_balancer(self) -> None:
        for end in (
            lambda: self.elb.delete_listener(ListenerArn=self.listener),
            lambda: self.elb.delete_load_balancer(LoadBalancerArn=self.balancer),
        ):
            arn, default = self.rule(Tags=[{"Key": "a", "Value": "b"}]), self.default()
            end()
            for gone in (arn, default):
                describe = self.elb.describe_rules
                self.refused("RuleNotFound", "", describe, RuleArns=[gone])
            self.assertEqual(self.uses(self.api), [])
            self.refused("RuleNotFound", "", self.elb.describe_tags, ResourceArns=[arn])
            self.listener = self.listen(self.balancer, 80, FIXED) if self.is_there() else ""

    def is_there(self) -> bool:
        found = self.elb.describe_load_balancers()["LoadBalancers"]
        return self.balancer in [one["LoadBalancerArn"] for one in found]

    def test_what_modify_rule_does_not_name_stays(self) -> None:
        arn = self.rule(Conditions=[path("/api/*"), host("a.com")])
        weights = [forward(self.api, self.web, weights=(90, 10))]
        before = self.told(arn)
        self.elb.modify_rule(RuleArn=arn, Actions=weights)
        after = self.told(arn)
        self.assertEqual(after["Conditions"], before["Conditions"])
        groups = after["Actions"][0]["ForwardConfig"]["TargetGroups"]
        self.assertEqual([one["Weight"] for one in groups], [90, 10])
        self.assertNotIn("TargetGroupArn", after["Actions"][0])

        self.elb.modify_rule(RuleArn=arn, Conditions=[host("b.com")])
        last = self.told(arn)
        self.assertEqual([one["Values"] for one in last["Conditions"]], [["b.com"]])
        self.assertEqual(last["Actions"], after["Actions"])
        self.refused("ValidationError", "must be specified", self.elb.modify_rule, RuleArn=arn)

    def test_a_service_may_be_behind_a_rule_alone(self) -> None:
        ecs = self.client("ecs")
        ecs.create_cluster(clusterName="main")
        container = {"name": "api", "image": "api:1", "memory": 512}
        ecs.register_task_definition(
            family="api",
            networkMode="awsvpc",
            containerDefinitions=[{**container, "portMappings": [{"containerPort": 5000}]}],
        )
        entry = {"targetGroupArn": self.api, "containerName": "api", "containerPort": 5000}
        given = {
            "cluster": "main",
            "serviceName": "api",
            "taskDefinition": "api",
            "desiredCount": 1,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": self.place.subnets}},
            "loadBalancers": [entry],
        }
        words = "does not have an associated load balancer"
        self.refused("InvalidParameterException", words, ecs.create_service, **given)
        self.rule()
        ecs.create_service(**given)
        self.time.now += 9
        self.ec2.describe_vpcs()
        health = self.elb.describe_target_health(TargetGroupArn=self.api)
        states = [one["TargetHealth"]["State"] for one in health["TargetHealthDescriptions"]]
        self.assertEqual(states, ["healthy"])


if __name__ == "__main__":
    unittest.main()
