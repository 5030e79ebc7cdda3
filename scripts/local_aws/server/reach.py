"""Who can reach whom right now: what a client of the apps would see, told from moto's own state.

An edge `internet -> web` or `web -> api` is whole or not there. It is whole if a load balancer has
rules for the app, is active, admits the client on port 80, and no request that these rules forward
can fail: each target group with a share has a healthy target, and the load balancer may send to
each of those, by its own security groups and by those of the task. Which app something is of says
its tag; which app a rule is for, its own tag, or else that of a target group that it forwards to,
or else that of its load balancer.

A running task is unreachable if it is in no target group that a listener forwards to, or if the
load balancer's health checks cannot reach it, also since that is not in its zone, or if its subnet
leads nowhere: ECS would stop it. It is idle if it could be
reached, and gets no request now: its target group has no share (yet, or any more), or its load
balancer is being provisioned. Tasks of a service that is being deleted do not count.

A task has lost a call if it runs on, one of its environment variables names a load balancer, and it
could reach the app there before, and cannot any more. Which app that is says the path that follows
the name.
"""

from collections.abc import Iterator
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ecs.models import ecs_backends
from moto.elbv2.models import elbv2_backends

from ..ground.groups import admits_everybody, reaches
from ..runs.serving.rules import Request, groups_of, rule_for

APP = "plumbline:app"
#: Clients reach a load balancer on this port.
PORT = 80

Seen = dict[str, list[str]]
KINDS = ("edges", "broken", "unreachable_tasks", "idle_tasks", "lost_calls")
Check = tuple[str | None, str, str]  # path, codes and port
Checks = dict[tuple[str, str], Check]  # of a target group's ARN and a target's ID


class Memory:
    """What was seen at the last look, as far as the next one needs it."""

    def __init__(self) -> None:
        self.checks: Checks = {}
        #: The calls (in words) that have worked, by task, load balancer and app.
        self.calls: dict[tuple[str, str, str], str] = {}


def check_of(group: Any) -> Check:
    codes = (getattr(group, "matcher", None) or {}).get("HttpCode", "")
    return group.health_check_path, codes, str(group.health_check_port)


def checks(known: Checks) -> Checks:
    """The health check of each target's group when it was first seen there.

    A task answers that of its own version: asked otherwise, it becomes unhealthy.
    """
    now: Checks = {}
    for backends in elbv2_backends.values():
        for elb in backends.values():
            for group in elb.target_groups.values():
                for id in group.targets:
                    key = (group.arn, id)
                    now[key] = known.get(key, check_of(group))
    return now


class Region:
    """What there is in a region of an account."""

    def __init__(self, account: str, region: str, known: Checks) -> None:
        self.elb = elbv2_backends[account][region]
        self.known_checks = known
        ec2 = ec2_backends[account][region]
        self.ec2 = ec2
        self.hosts = {(one.subnet.vpc_id, one.private_ip_address): one for one in ec2.enis.values()}
        #: Those that run, by app.
        self.tasks: dict[str, list[Any]] = {}
        for service in ecs_backends[account][region].services.values():
            app = {tag["key"]: tag["value"] for tag in service.tags or []}.get(APP)
            tasks = getattr(service, "tasks", []) if service.status == "ACTIVE" else []
            running = [task for task in tasks if task.last_status == "RUNNING"]
            if app and running:
                self.tasks.setdefault(app, []).extend(running)
        self.ways = list(self.find_ways())

    def find_ways(self) -> Iterator[tuple[str, Any, list[Any]]]:
        """Each app that a load balancer is of or has rules for, with both."""
        for balancer in self.elb.load_balancers.values():
            by_app: dict[str, list[Any]] = {}
            if owner := self.tagged(balancer.arn):
                by_app[owner] = []
            for rule in rules_of(balancer):
                app = self.app_of(rule, balancer)
                if app and (rule.is_default or forwards(rule)):
                    by_app.setdefault(app, []).append(rule)
            for app, rules in by_app.items():
                yield app, balancer, rules

    def app_of(self, rule: Any, balancer: Any) -> str:
        named = (self.tagged(arn) for arn in (rule.arn, *forwards(rule), balancer.arn))
        return next((app for app in named if app), "")

    def tagged(self, arn: str) -> str:
        """The app that something is of, by its tag."""
        return str(self.elb.tagging_service.get_tag_dict_for_resource(arn).get(APP, ""))

    def is_healthy(self, group: Any, id: str) -> bool:
        health = self.elb.describe_target_health(group.arn, [group.targets[id]])[0]
        return bool(
            health.status == "healthy"
            and self.known_checks.get((group.arn, id)) == check_of(group)
            and self.may_be_asked(group, id)
        )

    def may_be_asked(self, group: Any, id: str) -> bool:
        """Whether the load balancers of a target group reach a target on its health port."""
        port = group.health_check_port
        if port in (None, "traffic-port"):
            return True  # that is looked at where requests are
        own = [self.elb.load_balancers[arn] for arn in group.load_balancer_arns]
        return all(self.may_send(one, id, int(port)) for one in own)

    def trouble_behind(self, balancer: Any, rules: list[Any]) -> str:
        """Why some of the requests for these rules of a load balancer fail; "" where none does."""
        if balancer.state != "active":
            return f"{balancer.name} is {balancer.state}"
        if not rules:
            return f"{balancer.name} forwards to nothing"
        return next(filter(None, (self.trouble_of(rule, balancer) for rule in rules)), "")

    def trouble_of(self, rule: Any, balancer: Any) -> str:
        shares = forwards(rule)
        if not any(shares.values()):
            return f"{balancer.name} forwards to nothing"
        for arn, share in shares.items():
            group = self.elb.target_groups.get(arn)
            if not share:
                continue
            if group is None:
                return f"{balancer.name} forwards to {arn}, which is gone"
            healthy = [id for id in group.targets if self.is_healthy(group, id)]
            if not healthy:
                return f"{group.name} has share {share} and no healthy target"
            for id in healthy:
                if not self.may_send(balancer, id, group.targets[id]["Port"]):
                    return f"{balancer.name} may not send to {id} on {group.targets[id]['Port']}"
        return ""

    def may_send(self, balancer: Any, address: str, port: int) -> bool:
        """Whether a load balancer's security groups and those of a target let it send there."""
        target = self.hosts.get((balancer.vpc_id, address))
        own = balancer.interfaces.values()
        zones = {subnet.availability_zone for subnet in balancer.subnets}
        if target is None or target.subnet.availability_zone not in zones:
            return False
        return all(reaches(one, target, int(port)) for one in own)

    def has_way_out(self, subnet_id: str) -> bool:
        """Whether a subnet's table leads to a NAT gateway that works, or to the internet."""
        for table in self.ec2.route_tables.values():
            if subnet_id not in table._associations.values():
                continue
            for route in table.routes:
                if route.destination_cidr_block != "0.0.0.0/0":
                    continue
                nat = route.nat_gateway
                return nat is None or nat.state == "available"
        return False

    def why_unreachable(self, task: Any) -> tuple[str, str]:
        """Why a task is unreachable, and why it is idle; "" where it is not."""
        if not self.has_way_out(task.interface.subnet.id):
            return f"its subnet {task.interface.subnet.id} leads nowhere", ""
        unreachable, idle = "it is in no target group that is forwarded to", ""
        for _, balancer, rules in self.ways:
            for arn, share in (pair for rule in rules for pair in forwards(rule).items()):
                group = self.elb.target_groups.get(arn)
                if group is None or task.address not in group.targets:
                    continue
                port = group.targets[task.address]["Port"]
                if not self.may_send(balancer, task.address, port):
                    unreachable = f"{balancer.name} may not send to its port {port}"
                elif not self.may_be_asked(group, task.address):
                    unreachable = f"{balancer.name} may not send to its health port"
                elif not share:
                    idle = f"{group.name} has no share"
                elif balancer.state != "active":
                    idle = f"{balancer.name} is {balancer.state}"
                else:
                    return "", ""
        return ("", idle) if idle else (unreachable, "")


def look(memory: Memory) -> Seen:
    """What is seen in all accounts and regions."""
    memory.checks = checks(memory.checks)
    seen: Seen = {what: [] for what in KINDS}
    for account, backends in list(elbv2_backends.items()):
        for name in list(backends):
            region = Region(account, name, memory.checks)
            look_at_ways(region, seen)
            look_at_tasks(region, seen)
            look_at_calls(region, memory, seen)
    for found in seen.values():
        found.sort()
    return seen


def look_at_ways(region: Region, seen: Seen) -> None:
    for app, balancer, rules in region.ways:
        if balancer.scheme == "internet-facing":
            clients = ["internet"] if is_public(balancer) else []
        else:
            clients = [one for one, tasks in region.tasks.items() if calls(tasks, balancer)]
        trouble = region.trouble_behind(balancer, rules) if clients else ""
        for client in clients:
            if trouble:
                seen["broken"].append(f"{client} -> {app}: {trouble}")
            elif f"{client} -> {app}" not in seen["edges"]:
                seen["edges"].append(f"{client} -> {app}")


def look_at_tasks(region: Region, seen: Seen) -> None:
    for app, tasks in region.tasks.items():
        for task in tasks:
            unreachable, idle = region.why_unreachable(task) if task.load_balancers else ("", "")
            name = f"task {task.task_arn[-6:]} of {app}"
            if unreachable:
                seen["unreachable_tasks"].append(f"{name}: {unreachable}")
            elif idle:
                seen["idle_tasks"].append(f"{name}: {idle}")


def look_at_calls(region: Region, memory: Memory, seen: Seen) -> None:
    whole = [way for way in region.ways if not region.trouble_behind(*way[1:])]
    works: dict[tuple[str, str, str], str] = {}
    running = set()
    for app, tasks in region.tasks.items():
        for task in tasks:
            running.add(task.task_arn)
            for callee, balancer, rules in whole:
                if names(task, balancer, rules) and calls([task], balancer):
                    words = f"task {task.task_arn[-6:]} of {app} -> {callee}"
                    works[task.task_arn, balancer.arn, callee] = words
    for key, words in memory.calls.items():
        if key[0] in running and key not in works:
            seen["lost_calls"].append(words)
            works[key] = words
    memory.calls = works


def names(task: Any, balancer: Any, rules: list[Any]) -> bool:
    """Whether a task is told by a variable where some of a load balancer's rules answer."""
    told = (
        variable["value"].partition(balancer.dns_name)
        for container in task.definition.container_definitions
        for variable in container.get("environment", [])
    )
    return any(name and rule_at(rest, balancer) in rules for _, name, rest in told)


def rule_at(rest: str, balancer: Any) -> Any:
    """The rule that answers at an address, which goes on like this after the load balancer's name.

    What is asked may be below it: `/api` is an address of `/api/*`.
    """
    path = "/" + rest.partition("/")[2]
    requests = (Request("GET", balancer.dns_name, one) for one in (path, path.rstrip("/") + "/"))
    found = [rule_for(rules_of(balancer), one) for one in requests]
    return next((one for one in found if one and not one.is_default), found[0])


def is_public(balancer: Any) -> bool:
    """Whether a load balancer admits everybody on port 80."""
    return all(admits_everybody(one, PORT) for one in balancer.interfaces.values())


def calls(tasks: list[Any], balancer: Any) -> bool:
    """Whether each of these tasks may send to a load balancer."""
    return all(
        reaches(task.interface, interface, PORT)
        for task in tasks
        for interface in balancer.interfaces.values()
    )


def rules_of(balancer: Any) -> list[Any]:
    """The rules of the listener on port 80, if there is one."""
    at_port = (one for one in balancer.listeners.values() if int(one.port) == PORT)
    return [rule for listener in at_port for rule in listener.rules.values()]


def forwards(rule: Any) -> dict[str, int]:
    """The target groups that a rule forwards to, each with its share."""
    return groups_of(rule.actions[-1].data)
