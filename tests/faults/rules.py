"""What a call meets. A rule is a JSON object that says which calls, which of those, and what:

which calls    "of": "ec2:Create*"   by service and action, as in a policy; without, all of them
               "changing": true      only calls that change something; so for cut and kill
which of them  "nth": 3              the third of these, and no other
               "from": 3             the third and all later ones
               "times": 3            the first three of each action
               "share": 0.3          that share of them, drawn by "seed": which ones depends on how
                                     often a tool makes a call, not on what happens beside it
               "rate": 5, "burst": 10   all for which no token is left: a bucket for each service
                                     and verb, which holds `burst` and gets `rate` a second
               none of these         all
what           "do": "cut"           the connection ends without an answer
                     "kill"          SIGKILL for the process group told at /_faults/group, then a
                                     cut; another "signal", INT or HUP, and the call goes on
                     "throttle"      the service's own "too fast"
                     "fail"          the service's own fault of the server, with 500
                     "expire"        the service's own "credentials have expired"
                     "refuse"        "code", "message" and "status" (400), in the service's format
                     "delay"         "ms" longer
                     "lack"          the answer of an emulator that has no such service: no code
                     "rewrite"       AWS's answer, with what fits the regular expression "match"
                                     replaced "by" this
               "when": "after"       when the call has been done; else before, and it is not

Three more choose their calls themselves: they refuse, for "seconds" only, what AWS refuses until a
change has spread:

    "do": "not_found"         what was made, by its ID or name
    "do": "refuse_roles"      a role that was made, wherever a service is to assume it; and the
                              first cluster, until the role of ECS itself is there
    "do": "keep_interfaces"   to delete what holds network interfaces of what was deleted, from
                              the first such call on
"""

import fnmatch
import random
import re
import threading
import time
from typing import Any

from . import words

DECIDE = ("nth", "from", "times", "share", "rate")


class Rules:
    """The rules of a test, the calls it made, and what was done to them."""

    def __init__(self, rules: list[dict[str, Any]]) -> None:
        self.rules = rules
        self.begun = time.monotonic()
        self.lock = threading.Lock()
        self.counts: dict[Any, int] = {}
        self.buckets: dict[Any, tuple[float, float]] = {}
        self.made: dict[tuple[str, str], float] = {}  # (service, ID or name): when
        self.has_deleted = False
        self.first_held = 0.0
        self.first_cluster = 0.0
        self.done: list[dict[str, Any]] = []
        self.seen: list[dict[str, Any]] = []

    def told(self) -> dict[str, Any]:
        with self.lock:
            changing = sum(call["changing"] for call in self.seen)
            return {
                "calls": len(self.seen),
                "changing": changing,
                "done": self.done,
                "seen": self.seen,
            }

    def of(self, call: dict[str, Any]) -> list[dict[str, Any]]:
        """What is to be done with this call, in the order of the rules."""
        name = f"{call['service']}:{call['action']}"
        with self.lock:
            seen = {"tool": call["tool"], "call": name, "changing": call["changing"]}
            self.seen.append(seen | {"at": round(time.monotonic() - self.begun, 3)})
            met = [self.meets(number, rule, call, name) for number, rule in enumerate(self.rules)]
        return [rule for rule in met if rule]

    def note(self, rule: dict[str, Any], call: dict[str, Any]) -> None:
        """Remembers what was done."""
        with self.lock:
            self.done.append(
                {
                    "do": rule["do"],
                    "when": rule.get("when", "before"),
                    "call": f"{call['service']}:{call['action']}",
                }
            )

    def meets(
        self, number: int, rule: dict[str, Any], call: dict[str, Any], name: str
    ) -> dict[str, Any] | None:
        """The rule if it applies to the call, or the refusal that it makes of it."""
        if rule["do"] in ("not_found", "refuse_roles", "keep_interfaces"):
            return self.unheard_of(rule, call)
        changing = rule.get("changing", rule["do"] in ("cut", "kill"))
        if (changing and not call["changing"]) or not fnmatch.fnmatchcase(
            name, rule.get("of", "*")
        ):
            return None
        nth = self.count(number)
        of_its_kind = self.count((number, call["tool"], name))
        if "nth" in rule:
            acts = nth == rule["nth"]
        elif "from" in rule:
            acts = nth >= rule["from"]
        elif "times" in rule:
            acts = self.count((number, name)) <= rule["times"]
        elif "share" in rule:
            drawn = random.Random(
                f"{rule.get('seed', 1)} {number} {call['tool']} {name} {of_its_kind}"
            )
            acts = drawn.random() < rule["share"]
        elif "rate" in rule:
            acts = not self.token(rule, (number, call["service"], verb(call["action"])))
        else:
            acts = True
        return rule if acts else None

    def count(self, what: Any) -> int:
        self.counts[what] = self.counts.get(what, 0) + 1
        return self.counts[what]

    def token(self, rule: dict[str, Any], bucket: Any) -> bool:
        """Takes a token out of a bucket, where there is one."""
        now = time.monotonic()
        left, then = self.buckets.get(bucket, (rule["burst"], now))
        left = min(rule["burst"], left + rule["rate"] * (now - then))
        self.buckets[bucket] = (left - 1 if left >= 1 else left, now)
        return left >= 1

    def learn(self, call: dict[str, Any], answer: str) -> None:
        """Remembers what a call has made or deleted."""
        now = time.monotonic()
        with self.lock:
            if made := words.made(call, answer):
                self.made[call["service"], made] = now
            if call["action"] in (
                "DeleteLoadBalancer",
                "DeleteService",
                "DeleteNatGateway",
                "DeleteFunction",
            ):
                self.has_deleted = True

    def unheard_of(self, rule: dict[str, Any], call: dict[str, Any]) -> dict[str, Any] | None:
        """The refusal of a call about a thing that was made, or deleted, too recently."""
        now = time.monotonic()
        if rule["do"] == "keep_interfaces":
            held = words.held(call) if self.has_deleted else None
            if held:  # from then on: on a busy machine a second may be over before
                self.first_held = self.first_held or now
            return held if now - self.first_held < rule["seconds"] else None
        if rule["do"] == "refuse_roles" and call["action"] == "CreateCluster":
            self.first_cluster = self.first_cluster or now
            young = now - self.first_cluster < rule["seconds"]
            return words.no_service_linked_role() if young else None
        for (service, what), when in self.made.items():
            if now - when >= rule["seconds"]:
                continue
            refusal = None
            if rule["do"] == "refuse_roles" and service == "iam":
                refusal = words.not_assumed(call, what)
            elif rule["do"] == "not_found" and service == call["service"]:
                refusal = words.not_found(call, what)
            if refusal:
                return refusal
        return None


def verb(action: str | None) -> str:
    """Create of CreateVpc: AWS throttles by such families."""
    family = re.match(r"[A-Z][a-z]*", action or "")
    return family[0] if family else action or ""
