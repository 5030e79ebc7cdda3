"""Runs scripts/demo as somebody without privileges, on a machine that gives no namespaces and has
no engine and no registry. What it needs is built, so that this takes a minute.
"""

import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Whoever calls one of these has not done without it.
MISSING = ("buildah", "docker", "docker-registry", "podman", "runc", "skopeo")
#: A user whose namespaces are limited to none, and who has lost what made that possible.
UNPRIVILEGED = (
    *("unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "sh", "-c"),
    "echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all "
    '--inh-caps=-all --ambient-caps=-all --no-new-privs "$@"',
    "sh",
)


def run(*command: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def without_privileges() -> tuple[str, ...]:
    """What to run a command by. Who may not limit himself is limited already, unless he is root."""
    if run(*UNPRIVILEGED, "true").returncode == 0:
        return UNPRIVILEGED
    if os.getuid() == 0:
        raise AssertionError("root that cannot give up its privileges: run the tests as a user")
    return ()


class Demo(unittest.TestCase):
    def test_it_shows_the_page_without_privileges_namespaces_or_engines(self) -> None:
        by = without_privileges()
        self.assertNotEqual(0, run(*by, "unshare", "--user", "--net", "true").returncode)
        with tempfile.TemporaryDirectory() as folder:
            for name in MISSING:
                Path(folder, name).write_text(f"#!/bin/sh\necho called {name} >&2\nexit 99\n")
                Path(folder, name).chmod(0o755)
            demo = run(*by, "scripts/demo", PATH=f"{folder}:{os.environ['PATH']}")
        told = demo.stdout + demo.stderr
        self.assertEqual(0, demo.returncode, told)
        self.assertNotIn("called ", told)
        self.assertIn("<h1>Weather</h1>", told)
        self.assertRegex(told, r'<pre>\[\{"date":"[^"]+","temperatureC":')
        self.assertRegex(told, r"curl http://\S*api\S*/WeatherForecast\n\s+no answer")
        for words in (
            "36 created",
            "its load balancer lets in task/web at port 80, nobody else",
            "nothing to change, 36 kept",
            "its page says: Release 2",
            "its page says: Release 1",
            "its page still says: Release 1",
            "just ls: nothing is left",
        ):
            self.assertIn(words, told)
        steps = [int(number) for number in re.findall(r"^ ?(\d+)\. ", demo.stdout, re.MULTILINE)]
        self.assertEqual(list(range(1, len(steps) + 1)), steps)


if __name__ == "__main__":
    unittest.main()
