#!/usr/bin/env python3
"""The steps of scripts/demo, which has built the tools and started an AWS on this machine for them.
Each says in a line what it shows, then shows it. The first that fails ends all, with what failed.
"""

import collections
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
NAME = f"{os.environ['ENVIRONMENT']}-{os.environ['ENVIRONMENT_SUFFIX']}"
ON_TERMINAL = sys.stdout.isatty() and "NO_COLOR" not in os.environ
#: How long, in seconds, the page may take to be another one after a deployment has ended.
PATIENCE = 30
#: What tools say when all is well, and the recipe itself, which just shows.
USUAL = re.compile(
    r"[a-z-]+: (create|update|delete|creat|nothing to change|waiting)|.* \| (wait|prune|rm)-env"
)
#: What a record's type is in full.
WORDS = {
    "alb": "load balancer",
    "elastic_ip": "public IP",
    "repo": "repository",
    "sg": "security group",
    "vpc": "VPC",
}

Records = list[dict[str, Any]]


class Failed(Exception):
    """A step did not show what it should; the message says all that is known of it."""


def say(line: str) -> None:
    print(f"    {line}", flush=True)


def title(number: int, text: str) -> None:
    line = f"{number:2}. {text}"
    print(f"\n\033[1m{line}\033[0m" if ON_TERMINAL else f"\n{line}", flush=True)


# What the recipes tell


class Run:
    """A recipe that has ended: its records, what it said, and how long it took in seconds."""

    def __init__(self, *recipe: str) -> None:
        begun = time.monotonic()
        done = subprocess.run(
            ["just", "--yes", *recipe], cwd=ROOT, capture_output=True, text=True, check=False
        )
        self.name = f"just {' '.join(recipe)}"
        self.seconds = time.monotonic() - begun
        self.code, self.errors = done.returncode, done.stderr
        self.records: Records = [json.loads(line) for line in done.stdout.splitlines()]

    def ended(self, code: int = 0) -> "Run":
        if self.code != code:
            lines = self.errors.splitlines()
            faults = [line for line in lines if not USUAL.match(line)] or lines
            why = "\n".join(faults)
            raise Failed(f"{self.name} ended with {self.code}, not with {code}:\n{why}")
        return self

    def latest(self) -> Records:
        """The last record of each key: it is the one that counts."""
        return list({(one["type"], one["name"]): one for one in self.records}.values())

    def find(self, kind: str, name: str) -> dict[str, Any]:
        for one in self.latest():
            if (one["type"], one["name"]) == (kind, name):
                return one
        raise Failed(f"{self.name} wrote no {kind} record of {name}")

    def changes(self, *words: str) -> Records:
        return [one for one in self.latest() if one.get("change") in words]

    def said(self, tool: str) -> list[str]:
        """What a tool said, with what it advises."""
        found: list[str] = []
        ours = False
        for line in self.errors.splitlines():
            ours = line.startswith(f"{tool}: ") or (ours and line.startswith("  "))
            found += [line] if ours else []
        return found


def counted(records: Records) -> str:
    """`2 subnets, 1 VPC`"""
    kinds = collections.Counter(
        WORDS.get(one["type"], one["type"].replace("_", " ")) for one in records
    )
    return ", ".join(f"{count} {plural(kind, count)}" for kind, count in sorted(kinds.items()))


def plural(kind: str, count: int) -> str:
    if count == 1:
        return kind
    return re.sub("([^aeiou])y$", r"\1ie", kind) + "s"


def wrapped(text: str) -> Iterable[str]:
    line = ""
    for part in text.split(", "):
        if len(line) + len(part) > 90:
            yield f"{line},"
            line = ""
        line = f"{line}, {part}" if line else part
    yield line


def say_changes(run: Run, word: str) -> None:
    found = run.changes(word)
    if not found:
        raise Failed(f"{run.name}: nothing was {word}")
    say(f"{len(found)} {'to create' if word == 'create' else word}, in {run.seconds:.0f} s:")
    for line in wrapped(counted(found)):
        say(f"  {line}")


def short(image: str) -> str:
    """An image without its registry, and as much of its digest as tells it apart."""
    return re.sub(r"^.*/|(?<=@sha256:.{12}).*$", "", image)


# What a browser sees


def get(host: str, path: str) -> str:
    """The body that a host answers. A name below localhost is this machine, as browsers know."""
    where, _, port = host.partition(":")
    if where.endswith(".localhost"):
        where = "127.0.0.1"
    client = http.client.HTTPConnection(where, int(port or 80), timeout=10)
    try:
        client.request("GET", path, headers={"Host": host})
        answer = client.getresponse()
        body = answer.read().decode(errors="replace")
    finally:
        client.close()
    if answer.status != 200:
        raise Failed(f"http://{host}{path} answers {answer.status} {answer.reason}:\n{body}")
    return body


def page_of(host: str, release: str) -> str:
    """The page of web, which says of which release it is and holds what api tells."""
    until = time.monotonic() + PATIENCE
    while True:
        page = get(host, "/")
        if f"Release {release}<" in page and "temperatureC" in page:
            return page
        if time.monotonic() > until:
            raise Failed(f"http://{host}/ is not the page of release {release}:\n{page}")
        time.sleep(0.2)


class Watched:
    """Asks for a page again and again while something goes on, and tells how often it answered."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.answered = 0
        self.refused: list[str] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self) -> None:
        while not self.over.wait(0.05):
            try:
                get(self.host, "/")
                self.answered += 1
            except (Failed, OSError, http.client.HTTPException) as fault:
                self.refused.append(str(fault))

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()
        asked = self.answered + len(self.refused)
        say(f"meanwhile web answered {self.answered} of {asked} requests")
        if self.refused:
            raise Failed("\n".join(self.refused))


# The steps


class Tour:
    def __init__(self) -> None:
        self.web = ""
        self.api = ""
        #: The names of security groups, by their ids.
        self.groups: dict[str, str] = {}

    def plan(self) -> None:
        """just plan: what would be made; nothing is yet"""
        say_changes(Run("plan").ended(10), "create")

    def up(self) -> None:
        """just up: makes it, and ends when both services are healthy"""
        run = Run("up").ended()
        say_changes(run, "created")
        self.web, self.api = (str(run.find("alb", app)["dns"]) for app in ("web", "api"))
        self.groups = {one["id"]: one["name"] for one in run.latest() if one["type"] == "sg"}
        say(f"web is at http://{self.web}/")

    def page(self) -> None:
        """web in a browser: its page shows what it was told by api"""
        say(f"curl http://{self.web}/")
        for line in page_of(self.web, "1").splitlines():
            say(line)

    def closed(self) -> None:
        """api is closed to all but web"""
        say(f"curl http://{self.api}/WeatherForecast")
        try:
            body = get(self.api, "/WeatherForecast")
        except (OSError, http.client.HTTPException) as fault:
            say(f"no answer: {fault or type(fault).__name__}")
        else:
            raise Failed(f"http://{self.api}/WeatherForecast answers this machine:\n{body}")
        for group, name in self.groups.items():
            if name == "alb/api":
                say(f"its load balancer lets in {' and '.join(self.let_in(group))}, nobody else")

    def let_in(self, group: str) -> list[str]:
        """Whom a security group admits, and at which port."""
        params = {"GroupIds": [group]}
        call = {"service": "ec2", "operation": "describe_security_groups", "params": params}
        (found,) = local("call", call)["ok"]["SecurityGroups"]
        return [
            f"{self.groups.get(who, who)} at port {rule['FromPort']}"
            for rule in found["IpPermissions"]
            for who in [
                *(one["GroupId"] for one in rule["UserIdGroupPairs"]),
                *(one["CidrIp"] for one in rule["IpRanges"]),
            ]
        ]

    def picture(self) -> None:
        """just ls | draw-env: the environment as a picture"""
        drawn = subprocess.run(
            "set -o pipefail; just ls | target/debug/draw-env --as svg >target/demo.svg",
            cwd=ROOT,
            shell=True,
            executable="/bin/bash",
            capture_output=True,
            text=True,
            check=False,
        )
        if drawn.returncode:
            raise Failed(drawn.stderr)
        say("target/demo.svg, which a browser shows")

    def again(self) -> None:
        """just up, again: looks at everything, and changes nothing"""
        run = Run("up").ended()
        if changed := run.changes("created", "updated", "deleted"):
            raise Failed(f"{run.name} changed {counted(changed)}:\n{run.errors}")
        say(f"nothing to change, {len(run.changes('kept'))} kept, in {run.seconds:.0f} s")

    def deploy(self) -> None:
        """just deploy web web-2.tar: the next release"""
        with Watched(self.web):
            run = Run("deploy", "web", "target/services/web-2.tar").ended()
        self.say_release(run, "2")

    def rollback(self) -> None:
        """just rollback web: back to the release before"""
        self.say_release(Run("rollback", "web").ended(), "1")

    def say_release(self, run: Run, release: str) -> None:
        say(f"web runs {short(run.find('task_definition', 'web')['image'])}")
        found = re.search("<p>(Release .*)</p>", page_of(self.web, release))
        say(f"its page says: {found[1] if found else ''}")

    def fails(self) -> None:
        """just deploy web api.tar: the wrong image; AWS takes it back, and web goes on"""
        with Watched(self.web):
            run = Run("deploy", "web", "target/services/api.tar")
        if run.code == 0:
            raise Failed(f"{run.name} should have failed, and ended with 0")
        for line in run.said("wait-env") or run.errors.splitlines():
            say(line)
        page_of(self.web, "1")
        say("its page still says: Release 1")

    def pipeline(self) -> None:
        """just pipeline-up: all but the pipeline, which a person has to connect to GitHub first"""
        run = Run("pipeline-up").ended(75)
        say_changes(run, "created")
        for line in run.said("mk-pipeline"):
            say(line)

    def handshake(self) -> None:
        """the person's click in AWS's console, which here is a command; then just pipeline-up"""
        name = f"connection-{NAME}"
        local("handshake", {"connection": name})
        say(f"scripts/local-aws handshake {name}")
        for line in Run("pipeline-up").ended().said("wait-env"):
            say(line)
        self.say_images()

    def push(self) -> None:
        """git push: a commit to main is built, stored, and becomes `production`"""
        files = {"index.html": "<h1>The second</h1>\n"}
        push = {"repository": os.environ["REPOSITORY"], "branch": "main", "files": files}
        pushed = local("push", push | {"message": "The second"})
        commit = pushed["commit"]
        say(f"commit {commit[:12]} on main")
        for run in pushed["executions"]:
            say(f"its run: {self.status_of(run)}")
        self.say_images()
        tagged = [tags for tags in self.images().values() if "production" in tags]
        if not any(commit in tag for tags in tagged for tag in tags):
            raise Failed(f"production is not the image of commit {commit}")

    def status_of(self, run: str) -> str:
        """How a run of the pipeline has ended, once it has."""
        params = {"pipelineName": f"pipeline-web-{NAME}", "pipelineExecutionId": run}
        call = {"service": "codepipeline", "operation": "get_pipeline_execution", "params": params}
        while True:
            status = str(local("call", call)["ok"]["pipelineExecution"]["status"])
            if status != "InProgress":
                return status
            time.sleep(0.2)

    def images(self) -> dict[str, list[str]]:
        """The tags of the images that the pipeline has stored, by digest."""
        params = {"repositoryName": f"repo-web-{NAME}"}
        call = {"service": "ecr", "operation": "describe_images", "params": params}
        found = local("call", call)["ok"]["imageDetails"]
        return {one["imageDigest"]: one.get("imageTags", []) for one in found}

    def say_images(self) -> None:
        for digest, tags in self.images().items():
            if not any(tag.startswith("sha-") for tag in tags):
                say(f"repo-web-{NAME}@{digest[:19]}  {'  '.join(tag[:12] for tag in tags)}")

    def down(self) -> None:
        """just down: takes all of it away, the pipeline too"""
        say_changes(Run("down").ended(), "deleted")
        left = [one for one in Run("ls").ended().records if one["type"] != "env"]
        if left:
            raise Failed(f"this is left: {counted(left)}")
        say("just ls: nothing is left")


def local(what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Asks the AWS on this machine for what happens outside of AWS."""
    request = urllib.request.Request(
        f"{os.environ['AWS_ENDPOINT_URL']}/_local/{what}",
        json.dumps(body).encode(),
        {"X-Local-Token": os.environ["LOCAL_AWS_TOKEN"]},
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            told: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as fault:
        raise Failed(f"{what}: {fault.read().decode(errors='replace')}") from None
    return told


def steps(tour: Tour) -> list[Callable[[], None]]:
    draws = [tour.picture] if (ROOT / "target/debug/draw-env").exists() else []
    first = [tour.plan, tour.up, tour.page, tour.closed, *draws, tour.again]
    then = [tour.deploy, tour.rollback, tour.fails, tour.pipeline, tour.handshake, tour.push]
    return [*first, *then, tour.down]


def fail(step: str, why: object) -> NoReturn:
    print(f"\nscripts/demo: this failed: {step}\n{why}".rstrip(), file=sys.stderr, flush=True)
    sys.exit(1)


def main() -> None:
    begun = time.monotonic()
    tour = Tour()
    for number, step in enumerate(steps(tour), 1):
        text = step.__doc__ or ""
        title(number, text)
        try:
            step()
        except (Failed, OSError, http.client.HTTPException, ValueError) as fault:
            fail(text, fault)
        except KeyboardInterrupt:
            print("\nscripts/demo: interrupted", file=sys.stderr)
            sys.exit(130)
    print(f"\nDone, in {time.monotonic() - begun:.0f} s. All of it was on this machine.")
    print("`just local up` makes the same to stay, until `just local-stop`.")


if __name__ == "__main__":
    main()
