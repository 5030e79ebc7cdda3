"""python -m faults.noise [--latency MS]...

Measures by hand what noise costs: the wall time of `up`, `pipeline-up` and their `down`s in the
noise of tests/convergence.rs, against the time that they take undisturbed, at the same latency.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.request
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SETTINGS = {"ENVIRONMENT": "production", "ENVIRONMENT_SUFFIX": "pr1", "REPOSITORY": "owner/web"}
SETTINGS |= {"WEB_IMAGE": "registry.example/web:1", "API_IMAGE": "registry.example/api:1"}
RECIPES = (("up", "down"), ("pipeline-up", "pipeline-down"))
SEEDS = range(1, 6)


Rules = list[dict[str, Any]]


def noise(seed: int) -> Rules:
    return [
        {"do": "throttle", "share": 0.3, "seed": seed},
        {"do": "fail", "share": 0.025, "seed": seed},
        {"do": "fail", "share": 0.025, "seed": seed, "when": "after"},
        {"do": "cut", "share": 0.01, "seed": seed, "changing": False},
        {"do": "cut", "share": 0.01, "seed": seed, "changing": False, "when": "after"},
    ]


def serve(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *words, "--until-stdin-closes"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def word(server: subprocess.Popen[str]) -> str:
    """The second word of the next line that a server says."""
    assert server.stdout
    return server.stdout.readline().split()[1]


def post(url: str, body: Any, token: str = "") -> None:
    headers = {"X-Local-Token": token}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    urllib.request.urlopen(request).close()


def pipe_of(recipe: str) -> str:
    """What a recipe runs, without wait-env, which waits for what takes AWS or a build its time."""
    command = [str(ROOT / ".venv/bin/just"), "--yes", "--dry-run", recipe]
    shown = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=True,
    )
    pipe = "\n".join(
        line for line in shown.stderr.splitlines() if not line.startswith("cargo build")
    )
    return pipe.replace("| wait-env", "")


def run(pipe: str, url: str) -> tuple[float, int]:
    env = {
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    env |= {"PATH": f"{ROOT / 'target/debug'}:/usr/bin:/bin", "HOME": "/nonexistent"}
    begun = time.monotonic()
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", pipe],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        print(ended.stderr, file=sys.stderr)
    return time.monotonic() - begun, ended.returncode


def measure(latency: float, recipes: tuple[str, str]) -> None:
    servers = [serve("local_aws", "--moment", "0")]
    aws, token = word(servers[0]), word(servers[0])
    servers.append(serve("faults", "--to", aws))
    faults = word(servers[1])
    pipes = [pipe_of(recipe) for recipe in recipes]
    connect = (
        "mk-env production pr1 --region ap-southeast-1 | mk-connection"
        if recipes[0] == "pipeline-up"
        else ""
    )

    def both(rules: Rules) -> list[tuple[float, int]]:
        if connect:
            run(connect, aws)
            post(f"{aws}/_local/handshake", {"connection": "connection-production-pr1"}, token)
        results = []
        for pipe in pipes:
            post(f"{faults}/_faults", rules)
            results.append(run(pipe, faults))
        return results

    both([])  # the local AWS loads its services at their first call
    post(f"{aws}/_local/config", {"latency_ms": latency}, token)
    undisturbed = [both([]) for _ in range(3)]
    disturbed = [both(noise(seed)) for seed in SEEDS]
    for at, recipe in enumerate(recipes):
        usual = statistics.median(results[at][0] for results in undisturbed)
        times = sorted(results[at][0] for results in disturbed)
        codes = sorted({results[at][1] for results in disturbed})
        middle, worst = statistics.median(times), times[-1]
        seconds = f"{usual:.1f} s | {middle:.1f} s | {worst:.1f} s"
        times_usual = f"{middle / usual:.1f} | {worst / usual:.1f}"
        print(f"| {recipe} | {latency:.0f} ms | {seconds} | {times_usual} | {codes} |", flush=True)
    for server in servers:
        assert server.stdin
        server.stdin.close()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="faults.noise")
    parser.add_argument(
        "--latency", type=float, action="append", metavar="MS", help="default: 50 and 200"
    )
    args = parser.parse_args()
    heads = ("recipe", "latency", "undisturbed", "in noise, median", "worst")
    print(f"| {' | '.join(heads)} | times, median | worst | exit codes |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for latency in args.latency or (50, 200):
        for recipes in RECIPES:
            measure(latency, recipes)


if __name__ == "__main__":
    main()
