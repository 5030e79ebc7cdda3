"""Tests that nothing is left of a local AWS, however it ends: no process, no file, no socket.

.venv/bin/python -m unittest tests/local_aws_endings_test.py
"""

import os
import pathlib
import pty
import signal
import subprocess
import tempfile
import unittest
from typing import Any

from local_aws.runs.serving import kind
from local_aws_serving import ROOT, Serving, get, until


def processes(folder: str) -> list[str]:
    """The command lines of all that has to do with a temporary folder."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            links = b"".join(os.fsencode(os.readlink(process / name)) for name in ("cwd", "root"))
        except OSError:
            continue
        if folder.encode() in words + links and process.name != str(os.getpid()):
            found.append((process / "comm").read_text().strip())
    return found


class Endings(unittest.TestCase):
    environment: dict[str, str] = {}
    signals: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)

    def setUp(self) -> None:
        made = tempfile.TemporaryDirectory(prefix="endings-")
        self.addCleanup(made.cleanup)
        self.folder = made.name

    def serve(self) -> tuple[Serving, Any]:
        serving = Serving({"TMPDIR": self.folder, **self.environment})
        self.addCleanup(serving.process.kill)
        serving.network()
        app = serving.run("web", True, command=["stubborn"])
        self.assertEqual(get(app.dns), (200, "web"))
        self.assertIn("probe", processes(self.folder))
        return serving, app

    def nothing_is_left(self, app: Any) -> None:
        until("no process is left", lambda: not processes(self.folder))
        self.assertEqual(os.listdir(self.folder), [])
        with self.assertRaises(ConnectionRefusedError):
            get(app.dns)

    def test_at_the_end_of_stdin(self) -> None:
        serving, app = self.serve()
        serving.end()
        self.assertEqual(processes(self.folder), [])  # at once, and not only in the end
        self.nothing_is_left(app)

    def test_by_a_signal(self) -> None:
        for number in self.signals:
            with self.subTest(number):
                serving, app = self.serve()
                serving.process.send_signal(number)
                serving.process.wait()
                self.nothing_is_left(app)

    def test_what_a_killed_one_and_its_keeper_left_the_next_removes(self) -> None:
        serving, app = self.serve()
        keepers = subprocess.run(
            ["pgrep", "-f", f"keeper.py {self.folder}/"], capture_output=True, text=True, check=True
        )
        for keeper in keepers.stdout.split():
            os.kill(int(keeper), signal.SIGKILL)
        serving.process.kill()
        until("no process is left", lambda: not processes(self.folder))
        self.assertEqual(len(os.listdir(self.folder)), 1)
        other = Serving({"TMPDIR": self.folder, **self.environment})
        other.push("some")
        other.end()
        self.nothing_is_left(app)


@unittest.skipUnless(os.geteuid() == 0 and kind.works("user"), "without root, that is Endings")
class EndingsOfAnyone(Endings):
    environment = {kind.FORCED: "user"}
    signals = (signal.SIGKILL,)


class EndingsWithoutNamespaces(Endings):
    environment = {kind.FORCED: "plain"}
    signals = (signal.SIGKILL,)


class Command(unittest.TestCase):
    """scripts/local-aws run: it leaves nothing either, also when it is killed."""

    def setUp(self) -> None:
        made = tempfile.TemporaryDirectory(prefix="endings-")
        self.addCleanup(made.cleanup)
        self.folder = made.name
        script = 'touch "$TMPDIR/said"; exec sleep 1000'
        self.words = [str(ROOT / "scripts/local-aws"), "run", "sh", "-c", script]

    def test_it_ends_with_its_terminal_or_by_a_signal(self) -> None:
        for ending in (signal.SIGTERM, signal.SIGKILL, None):
            with self.subTest(ending):
                pid, terminal = pty.fork()
                if pid == 0:
                    os.environ["TMPDIR"] = self.folder
                    os.execv(self.words[0], self.words)
                said = pathlib.Path(self.folder, "said")
                until("it runs", said.exists)
                said.unlink()
                self.assertEqual(len(self.running(b"local_aws")), 1)
                if ending:
                    os.kill(pid, ending)
                else:
                    os.close(terminal)
                os.waitpid(pid, 0)
                until("no server is left", lambda: not self.running(b"local_aws"))
                if ending:
                    os.close(terminal)
                for left in self.running(b"sleep"):  # COMMAND is not ours to end
                    os.kill(left, signal.SIGKILL)

    def running(self, word: bytes) -> list[int]:
        """The processes of this test that have a word in their command line."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                environ = (process / "environ").read_bytes()
            except OSError:
                continue
            if word in words and self.folder.encode() in environ:
                found.append(int(process.name))
        return found


if __name__ == "__main__":
    unittest.main()
