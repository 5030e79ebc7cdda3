"""A load balancer's health checks of targets that are real, and what ELB says of their health.

Intervals are shorter than on AWS, as all states are here: 150 seconds, which the defaults take,
last two moments. A check itself has its whole timeout. A target that has just begun gets some time
to listen before it counts as unhealthy: programs start here no quicker than elsewhere.
"""

import functools
import http.client
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from moto.elbv2.models import elbv2_backends

from ...ground import clock
from ...ground.lock import lock
from .balancing import backend_of, may_send
from .rules import SECOND, matches

#: Seconds that a target has until failed checks count.
BEGINNING = 5
#: Seconds between two looks whether a check is due.
LOOK = 0.05
INITIAL = ("Elb.InitialHealthChecking", "Initial health checks in progress")
TIMED_OUT = ("Target.Timeout", "Request timed out")
FAILED = ("Target.FailedHealthChecks", "Health checks failed")

Why = tuple[str, str]


@dataclass
class Health:
    """The health of a target; `why` is a reason and a description, as DescribeTargetHealth has."""

    since: float
    status: str = "initial"
    why: Why | None = INITIAL
    good: int = 0
    bad: int = 0
    due: float = 0
    is_asked: bool = False

    def after(self, why: Why | None, healthy: int, unhealthy: int, now: float) -> None:
        """Count a check, which has failed for a reason, or has not (None)."""
        self.good, self.bad = (0, self.bad + 1) if why else (self.good + 1, 0)
        begins = self.status == "initial"
        if why is None and (begins or self.good >= healthy):
            self.status, self.why = "healthy", None
        begins = begins and now - self.since < BEGINNING
        if why and self.bad >= unhealthy and not begins:
            self.status, self.why = "unhealthy", why


class Checks:
    """The health checks of all load balancers."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(16, thread_name_prefix="health")

    def look(self) -> None:
        """Begin the checks that are due. The caller holds the lock."""
        now = time.monotonic()
        for _, backends in list(elbv2_backends.items()):
            for region in list(backends):
                for group in backends[region].target_groups.values():
                    for target in group.targets.values():
                        health = target.get("health")
                        if health and not health.is_asked and health.due <= now:
                            self.begin(group, target, health, now)

    def begin(self, group: Any, target: Any, health: Health, now: float) -> None:
        task = target["task"]
        arns = group.load_balancer_arns
        balancer = backend_of(arns[0]).load_balancers[arns[0]] if arns else None
        if balancer is None or balancer.state != "active" or task.process.state == "starting":
            return
        health.is_asked = True
        interval = float(group.health_check_interval_seconds) * SECOND * clock.moment
        health.due = now + max(interval, LOOK)
        own = group.health_check_port
        port = int(target["Port"] if own in (None, "traffic-port") else own)
        if not may_send(balancer, task.interface, port):
            self.count(group, health, TIMED_OUT)
            return
        matcher = (getattr(group, "matcher", None) or {}).get("HttpCode", "200")
        timeout = float(group.health_check_timeout_seconds)
        path = group.health_check_path or "/"
        asking = functools.partial(check, task, port, path, matcher, timeout)
        self.pool.submit(self.ask, group, health, asking)

    def ask(self, group: Any, health: Health, asking: Callable[[], Why | None]) -> None:
        why = asking()
        with lock:
            self.count(group, health, why)

    def count(self, group: Any, health: Health, why: Why | None) -> None:
        health.is_asked = False
        thresholds = int(group.healthy_threshold_count), int(group.unhealthy_threshold_count)
        health.after(why, *thresholds, time.monotonic())


def check(task: Any, port: int, path: str, matcher: str, timeout: float) -> Why | None:
    """Ask a target once; why that failed, or None."""
    asked = http.client.HTTPConnection(task.address, port)
    headers = {"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"}
    try:
        with task.process.connect(port, timeout) as link:
            watch = threading.Timer(timeout, link.close)  # one that drips has no more time
            watch.daemon = True
            watch.start()
            try:
                asked.sock = link
                asked.request("GET", path, headers=headers)
                status = asked.getresponse().status
            finally:
                watch.cancel()
    except TimeoutError:
        return TIMED_OUT
    except (OSError, http.client.HTTPException, ValueError):
        return FAILED
    if matches(status, matcher):
        return None
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{status}]"
