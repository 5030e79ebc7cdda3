"""Tests of the local AWS that serves: apps are processes, and answer through their load balancers.

    .venv/bin/python -m unittest tests/local_aws_serves_test.py

Each is made for every way in which a task can run (runs/serving/kind.py): with namespaces, as root
and as somebody without rights, and without any.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import socket
import sys
import unittest
from typing import Any

from local_aws.runs.serving import kind
from local_aws_serving import Serving, get, layer, of_nobody, probe, until

TIMED_OUT = "Request timed out"


def cookie_of(dns: str, cookie: str = "") -> str:
    """What an answer sets as a cookie, if anything."""
    port = int(dns.rpartition(":")[2])
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as link:
        link.request("GET", "/", headers={"Host": dns, "Cookie": cookie} if cookie else {})
        return link.getresponse().getheader("Set-Cookie") or ""


class Modes:
    """The tests; a class below runs them in each way."""

    class Test(unittest.TestCase):
        serving: Serving
        environment: dict[str, str] = {}
        is_nobody = False
        isolated = True

        @classmethod
        def setUpClass(cls) -> None:
            python, environment = of_nobody() if cls.is_nobody else ((sys.executable,), {})
            cls.serving = Serving({**environment, **cls.environment}, python)
            cls.addClassCleanup(cls.serving.end)
            cls.serving.network()

        def test_web_shows_what_api_tells_and_nobody_else_reaches_api(self) -> None:
            serving = self.serving
            api = serving.run("api")
            url = {"ApiAddress": f"http://{api.dns}/env/NAME"}
            web = serving.run("web", True, variables=url)
            stranger = serving.run("stranger", True, count=1, variables=url)
            address = get(web.dns, "/env/ApiAddress")[1]

            # Nobody is admitted yet, not even this machine.
            self.assertEqual(get(web.dns, f"/get/{address}")[0], 500)
            serving.admit(api.balancer_group, 80, web.task_group)
            until("web reaches api", lambda: get(web.dns, f"/get/{address}") == (200, "api"))
            self.assertEqual(get(stranger.dns, f"/get/{address}")[0], 500)
            self.closed_to_this_machine(api)

            # What is taken back is refused again.
            ec2 = serving.aws("ec2")
            rules = ec2.describe_security_groups(GroupIds=[api.balancer_group])["SecurityGroups"][0]
            ec2.revoke_security_group_ingress(
                GroupId=api.balancer_group, IpPermissions=rules["IpPermissions"]
            )
            until("web is refused", lambda: get(web.dns, f"/get/{address}")[0] == 500)

        def closed_to_this_machine(self, api: Any) -> None:
            """Nothing that listens on this machine but the public doors answers a request."""
            if self.isolated:
                with self.assertRaises(OSError):
                    socket.create_connection((api.dns, 80), 5)
            known = {int(self.serving.url.rpartition(":")[2])}
            balancers = self.serving.aws("elbv2").describe_load_balancers()["LoadBalancers"]
            names = [one["DNSName"] for one in balancers if one["Scheme"] == "internet-facing"]
            known |= {int(name.rpartition(":")[2]) for name in names}
            others = listening(self.serving.process.pid) - known
            self.assertEqual(bool(others), not self.isolated)
            for port in others:
                with socket.create_connection(("127.0.0.1", port), 5) as link:
                    link.sendall(f"GET / HTTP/1.1\r\nHost: {api.dns}\r\n\r\n".encode())
                    with contextlib.suppress(ConnectionResetError):
                        self.assertEqual(link.recv(100), b"")

        def test_two_tasks_take_turns_and_one_that_ends_is_replaced(self) -> None:
            app = self.serving.run("turns", True)
            before = {one["taskArn"] for one in self.serving.tasks("turns")}
            self.assertEqual(len(before), 2)
            self.assertIn(get(app.dns, "/end/3")[0], (502, 504))

            def stopped() -> list[Any]:
                ended = self.serving.tasks("turns", "STOPPED")
                return [one for one in ended if one["lastStatus"] == "STOPPED"]

            ended = until("a task has stopped", stopped)[0]
            self.assertEqual(ended["stoppedReason"], "Essential container in task exited")
            self.assertEqual(ended["stopCode"], "EssentialContainerExited")
            self.assertEqual(ended["containers"][0]["exitCode"], 3)

            def replaced() -> bool:
                now = {one["taskArn"] for one in self.serving.tasks("turns")}
                return len(now) == 2 and now != before

            until("another has taken its place", replaced)
            self.serving.steady("turns")
            until("it answers", lambda: get(app.dns) == (200, "turns"))
            self.assertEqual(self.serving.described("turns")["deployments"][0]["failedTasks"], 0)

        def test_a_version_that_fails_is_told_as_on_aws_and_the_one_before_serves(self) -> None:
            serving = self.serving
            app = serving.run("versions", True)
            image = serving.push("repo-versions")
            serving.aws("elbv2").modify_target_group(
                TargetGroupArn=app.targets, HealthCheckPath="/health"
            )
            sick = serving.deploy(
                "versions", serving.definition("versions", image, {"HEALTH": "503"})
            )
            stopped = serving.given_up("versions", sick)
            reason = f"Task failed ELB health checks in (target-group {app.targets})"
            self.assertEqual({one["stoppedReason"] for one in stopped}, {reason})
            said = serving.events("versions")
            self.assertIn("due to (reason Health checks failed with these codes: [503])", said)
            self.assertIn("rolling back to deployment ecs-svc/", said)

            ends = serving.definition("versions", image, command=["exit", "7"])
            ended = serving.deploy("versions", ends)
            stopped = serving.given_up("versions", ended)
            self.assertEqual({one["containers"][0]["exitCode"] for one in stopped}, {7})
            self.assertIn("about to end", serving.lines("versions"))

            lost = image.partition("@")[0] + f"@sha256:{'0' * 64}"
            missing = serving.deploy("versions", serving.definition("versions", lost))
            stopped = serving.given_up("versions", missing)
            for one in stopped:
                self.assertRegex(one["stoppedReason"], "^CannotPullContainerError: .*: not found$")

            nothing = serving.definition("versions", image, entryPoint=["/no/such"])
            unable = serving.deploy("versions", nothing)
            stopped = serving.given_up("versions", unable)
            for one in stopped:
                self.assertRegex(
                    one["stoppedReason"],
                    "^CannotStartContainerError: .*no such file or directory",
                )
            self.assertEqual(get(app.dns), (200, "versions"))

        def test_what_the_task_definition_says_holds_in_the_container(self) -> None:
            serving = self.serving
            variables = {"Env": ["A=image", "B=image"], "WorkingDir": "/work/here"}
            image = serving.push("repo-says", {**variables, "User": "app:team"}, says())
            app = serving.balancer("says", True)
            definition = serving.definition("says", image, {"B": "task", "C": ""})
            serving.service(app, definition)
            serving.steady("says")
            told = {name: get(app.dns, f"/env/{name}")[1] for name in ("A", "B", "C", "AWS_REGION")}
            self.assertEqual(told, {"A": "image", "B": "task", "C": "", "AWS_REGION": "us-east-1"})
            self.assertRegex(get(app.dns, "/in")[1], "/work/here$")
            if not self.isolated:
                return
            self.assertEqual(get(app.dns, "/user"), (200, "1234:4321"))
            self.assertEqual(get(app.dns, "/list/work"), (200, "here"))
            self.assertEqual(get(app.dns, "/list/"), (200, "dev etc probe proc work"))
            self.assertEqual(get(app.dns, "/list/tmp")[0], 500)
            self.assertEqual(get(app.dns, "/pid")[1], "2")

        def test_a_root_that_is_read_only_and_another_user(self) -> None:
            if not self.isolated:
                return  # it has neither
            app = self.serving.run("sealed", True, count=1, readonlyRootFilesystem=True, user="0:0")
            self.assertEqual(get(app.dns, "/user"), (200, "0:0"))
            self.assertIn("Read-only file system", get(app.dns, "/write/new")[1])
            self.assertEqual(get(app.dns, "/write/proc/sys/kernel/hostname")[0], 500)

        def test_a_root_that_is_read_only_has_a_tmp_for_everyone(self) -> None:
            if not self.isolated:
                return  # /tmp is this machine's
            tmp = {"tmpfs": [{"containerPath": "/tmp", "size": 1}]}
            app = self.serving.run(
                "tmp",
                True,
                count=1,
                readonlyRootFilesystem=True,
                user="1234:1234",
                linuxParameters=tmp,
            )
            self.assertEqual(get(app.dns, "/user"), (200, "1234:1234"))
            self.assertEqual(get(app.dns, "/write/tmp/new"), (200, "written"))
            self.assertEqual(get(app.dns, "/list/tmp"), (200, "new"))
            self.assertIn("Read-only file system", get(app.dns, "/write/new")[1])

        def test_containers_begin_in_their_order(self) -> None:
            """One waits until another has ended well; and for ever where that has failed."""
            init = {"name": "init", "essential": False, "command": ["exit", "0"]}
            after = [{"containerName": "init", "condition": "SUCCESS"}]
            app = self.serving.run("order", True, count=1, beside=[init], dependsOn=after)
            self.assertEqual(get(app.dns), (200, "order"))
            until("both have said something", lambda: len(self.serving.lines("order")) == 2)
            self.assertIn("about to end", self.serving.lines("order"))
            image = self.serving.push("repo-order")
            init["command"] = ["exit", "3"]
            fails = self.serving.definition("order", image, beside=[init], dependsOn=after)
            stopped = self.serving.given_up("order", self.serving.deploy("order", fails))
            self.assertIn("dependency init", stopped[0]["stoppedReason"])
            codes = {one["name"]: one.get("exitCode") for one in stopped[0]["containers"]}
            self.assertEqual(codes, {"init": 3, "order": None})
            self.assertEqual(get(app.dns), (200, "order"))

        def test_a_container_waits_until_another_is_healthy(self) -> None:
            if not self.isolated:
                return  # both would be at one port
            proxy = {
                "name": "proxy",
                "environment": [{"name": "PORT", "value": "6000"}],
                "healthCheck": check("/"),
            }
            after = [{"containerName": "proxy", "condition": "HEALTHY"}]
            app = self.serving.run("waits", True, count=1, beside=[proxy], dependsOn=after)
            self.assertEqual(get(app.dns), (200, "waits"))
            lines = self.serving.lines("waits")
            self.assertLess(lines.index("listens on 6000"), lines.index("listens on 5000"))

        def test_variables_of_a_file_are_under_those_of_the_task(self) -> None:
            serving = self.serving
            serving.aws("s3").create_bucket(Bucket="variables")
            serving.aws("s3").put_object(
                Bucket="variables", Key="a.env", Body=b"# x\nA=file\nB=b=c\n"
            )
            arn = "arn:aws:s3:::variables/a.env"
            serving.allow("s3:GetObject", "files")
            files = [{"type": "s3", "value": arn}]
            app = serving.run("files", True, 1, variables={"A": "task"}, environmentFiles=files)
            told = [get(app.dns, f"/env/{name}")[1] for name in "AB"]
            self.assertEqual(told, ["task", "b=c"])

        def test_lines_arrive_in_the_log_group(self) -> None:
            app = self.serving.run("logs", True, count=1)
            get(app.dns, "/log/here")
            until("the lines", lambda: {"out here", "err here"} <= set(self.serving.lines("logs")))
            streams = self.serving.aws("logs").describe_log_streams(logGroupName="/ecs/logs")
            id = self.serving.tasks("logs")[0]["taskArn"].rpartition("/")[2]
            self.assertEqual(
                [one["logStreamName"] for one in streams["logStreams"]], [f"app/logs/{id}"]
            )

        def test_secrets_are_those_of_this_account_or_the_task_says_why_not(self) -> None:
            serving = self.serving
            made = serving.aws("secretsmanager").create_secret(
                Name="password", SecretString=json.dumps({"key": "of the manager"})
            )
            serving.allow(["secretsmanager:GetSecretValue", "ssm:GetParameters"], "secrets")
            serving.aws("ssm").put_parameter(Name="/a/b", Value="of the store", Type="SecureString")
            arns = {"A": f"{made['ARN']}:key::", "B": "/a/b"}
            secrets = [{"name": name, "valueFrom": arn} for name, arn in arns.items()]
            app = serving.run("secrets", True, count=1, secrets=secrets)
            told = [get(app.dns, f"/env/{name}")[1] for name in arns]
            self.assertEqual(told, ["of the manager", "of the store"])

            secrets[0]["valueFrom"] = made["ARN"].replace("password", "passport")
            lacking = serving.definition("secrets", serving.push("repo-secrets"), secrets=secrets)
            stopped = serving.given_up("secrets", serving.deploy("secrets", lacking))
            for one in stopped:
                self.assertRegex(
                    one["stoppedReason"],
                    "^ResourceInitializationError: unable to pull secrets or registry auth: .*"
                    "ResourceNotFoundException: Secrets Manager can't find the specified secret",
                )
            self.assertEqual(get(app.dns, "/env/A"), (200, "of the manager"))

        def test_a_task_is_asked_to_end_and_what_does_not_is_killed(self) -> None:
            polite = self.serving.run("polite", count=1)
            stubborn = self.serving.run("stubborn", count=1, command=["stubborn"], stopTimeout=2)
            for app, code in ((polite, 143), (stubborn, 137)):
                self.serving.delete(app)
                ended = self.serving.tasks(app.name, "STOPPED")
                codes = [one["containers"][0].get("exitCode") for one in ended]
                self.assertEqual(codes, [code], ended)

        def test_what_listens_elsewhere_is_unhealthy(self) -> None:
            """On another port; and with a network of its own, on its loopback interface alone."""
            app = self.serving.run("elsewhere", True, count=1)
            image = self.serving.push("repo-elsewhere")
            places = {"PORT": "5999"} | ({"HOST": "127.0.0.1"} if self.isolated else {})
            for name, value in places.items():
                definition = self.serving.definition("elsewhere", image, {name: value})
                deployment = self.serving.deploy("elsewhere", definition)
                stopped = self.serving.given_up("elsewhere", deployment)
                self.assertIn("Task failed ELB health checks", stopped[0]["stoppedReason"])
            self.assertIn("(reason Health checks failed)", self.serving.events("elsewhere"))
            self.assertEqual(get(app.dns), (200, "elsewhere"))

        def test_a_containers_own_health_check_is_asked(self) -> None:
            """`probe ask PATH` is a check that asks the service beside it."""
            app = self.serving.run("checked", True, count=1, healthCheck=check("/"))
            self.assertEqual(self.serving.tasks("checked")[0]["healthStatus"], "HEALTHY")
            image = self.serving.push("repo-checked")
            sick = self.serving.definition("checked", image, healthCheck=check("/status/500"))
            stopped = self.serving.given_up("checked", self.serving.deploy("checked", sick))
            reasons = {one["stoppedReason"] for one in stopped}
            self.assertEqual(reasons, {"Task failed container health checks"})
            self.assertEqual(get(app.dns), (200, "checked"))

        def test_a_listener_answers_as_its_rules_say(self) -> None:
            app = self.serving.run("rules", True, count=1)
            elb = self.serving.aws("elbv2")
            fixed = {"StatusCode": "418", "MessageBody": "tea", "ContentType": "text/plain"}
            actions: dict[str, Any] = {
                "/fixed*": {"Type": "fixed-response", "FixedResponseConfig": fixed},
                "/away": {
                    "Type": "redirect",
                    "RedirectConfig": {
                        "StatusCode": "HTTP_301",
                        "Path": "/to",
                        "Query": "#{query}",
                    },
                },
            }
            for number, (path, action) in enumerate(actions.items(), 1):
                elb.create_rule(
                    ListenerArn=app.listener,
                    Priority=number,
                    Conditions=[{"Field": "path-pattern", "Values": [path]}],
                    Actions=[action],
                )
            self.assertEqual(get(app.dns, "/fixed/x"), (418, "tea"))
            self.assertEqual(get(app.dns, "/away?a=b")[0], 301)
            self.assertEqual(get(app.dns), (200, "rules"))
            self.assertEqual(get(app.dns, "/status/204"), (204, ""))
            head = get(app.dns, "/head", **{"X-Forwarded-For": "1.2.3.4"})[1]
            self.assertIn("X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\n", head)
            self.assertIn(f"Host: {app.dns}\r\n", head)

            elb.modify_listener(ListenerArn=app.listener, DefaultActions=[actions["/fixed*"]])
            self.assertEqual(get(app.dns), (418, "tea"))

        def test_a_visitor_stays_with_a_task_by_a_cookie_where_the_target_group_says_so(
            self,
        ) -> None:
            app = self.serving.run("sticky", True)
            elb = self.serving.aws("elbv2")
            self.assertEqual(cookie_of(app.dns), "")
            attributes = [
                {"Key": "stickiness.enabled", "Value": "true"},
                {"Key": "stickiness.lb_cookie.duration_seconds", "Value": "60"},
            ]
            elb.modify_target_group_attributes(TargetGroupArn=app.targets, Attributes=attributes)
            cookie = cookie_of(app.dns)
            self.assertRegex(cookie, "^AWSALB=[0-9a-f]+; Expires=.*GMT; Path=/$")
            name = cookie.partition(";")[0]
            again = {cookie_of(app.dns, name).partition(";")[0] for _ in range(4)}
            self.assertEqual(again, {name})
            others = {cookie_of(app.dns).partition(";")[0] for _ in range(4)}
            self.assertEqual(len(others), 2)  # of each target its own

        def test_codes_and_port_of_a_health_check_are_those_of_the_target_group(self) -> None:
            app = self.serving.run("codes", True, count=1)
            elb = self.serving.aws("elbv2")

            def health() -> tuple[str, str]:
                told = elb.describe_target_health(TargetGroupArn=app.targets)
                every = [one["TargetHealth"] for one in told["TargetHealthDescriptions"]]
                found = every[0] if every else {}  # ECS replaces what is unhealthy
                return found.get("State", ""), found.get("Description", "")

            def check(**more: Any) -> None:
                elb.modify_target_group(TargetGroupArn=app.targets, **more)

            elsewhere = {"HealthCheckPath": "/status/302", "Matcher": {"HttpCode": "200,302"}}
            check(**elsewhere)
            until("302 is well", lambda: health()[0] == "healthy")
            check(Matcher={"HttpCode": "200"})
            codes = ("unhealthy", "Health checks failed with these codes: [302]")
            until("302 is not", lambda: health() == codes)
            check(HealthCheckPath="/")
            until("200 is", lambda: health()[0] == "healthy")
            check(HealthCheckPort="9000")
            until("nothing reaches port 9000", lambda: health() == ("unhealthy", TIMED_OUT))

        def test_other_images_are_pretended_and_that_is_said_once(self) -> None:
            serving = self.serving
            app = serving.balancer("pretended", True)
            image = "registry.example/web:1"
            serving.service(app, serving.definition("pretended", image))
            serving.steady("pretended")
            serving.deploy("pretended", serving.definition("pretended", image))
            serving.steady("pretended")
            self.assertEqual(serving.events("pretended").count(f"only pretends to run {image}"), 1)
            status, body = get(app.dns)
            self.assertEqual(status, 503)
            self.assertIn("only pretended", body)


def check(path: str) -> dict[str, Any]:
    return {"command": ["CMD", "/probe", "ask", path], "retries": 2, "interval": 5, "timeout": 30}


def says() -> list[bytes]:
    """Layers of an image: what lies below is hidden, and a link leads within the image."""
    passwd = b"app:x:1234:99::/home:/bin/sh\n"
    group = b"team:x:4321:\n"
    below = {"etc": None, "etc/passwd": passwd, "etc/group": group, "tmp": None, "old/file": b"x"}
    above = {".wh.tmp": b"", ".wh.old": b"", "probe": probe(), "work": None, "etc/hosts": "/proc/x"}
    return [layer(below), layer(above)]


def listening(pid: int) -> set[int]:
    """The TCP ports of this machine's network at which a process listens."""
    folder = pathlib.Path(f"/proc/{pid}/fd")
    own = {os.readlink(one) for one in folder.iterdir() if os.path.lexists(one)}
    inodes = {found[1] for one in own if (found := re.match(r"socket:\[(\d+)\]", one))}
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(words[1].split(":")[1], 16)
        for words in lines
        if words[3] == "0A" and words[9] in inodes
    }


@unittest.skipUnless(os.geteuid() == 0 and kind.works("root"), "only root has these namespaces")
class WithNamespacesOfRoot(Modes.Test):
    pass


@unittest.skipUnless(kind.works("user"), "this machine gives no namespaces without root")
class WithNamespacesForAnyone(Modes.Test):
    is_nobody = True


class WithoutNamespaces(Modes.Test):
    environment = {kind.FORCED: "plain"}
    is_nobody = True
    isolated = False


if __name__ == "__main__":
    unittest.main()
