"""The shell that runs the commands of a build."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from moto.moto_api._internal import mock_random

from ..ground.folder import marked
from .buildspec import Problem


class Shell:
    """The shell that runs the commands of a build, one after the other.

    It reads the names of files from its stdin and runs each file in itself, so that variables
    and the folder stay. After each it writes them down: a shell that has ended is followed by
    one that reads them back.
    """

    DRIVER = """
. "$BUILD_STATE/restore"
while IFS= read -r BUILD_COMMAND; do
    . "$BUILD_COMMAND" </dev/null
    BUILD_STATUS=$?
    set >"$BUILD_STATE/variables"
    export -p >"$BUILD_STATE/exports"
    pwd >"$BUILD_STATE/folder"
    {values}
    printf '\\n%s %s\\n' {mark} "$BUILD_STATUS"
done
"""
    RESTORE = """
if [ -f "$BUILD_STATE/exports" ]; then
    . "$BUILD_STATE/settable"
    . "$BUILD_STATE/exports"
    cd "$(cat "$BUILD_STATE/folder")"
fi 2>/dev/null
"""
    #: Variables that a shell sets itself, and that nobody else may set.
    OWN = re.compile(r"(BASHOPTS|BASH_\w+|EUID|UID|PPID|SHELLOPTS)=")

    def __init__(
        self, folder: Path, source: Path, spec: dict[str, Any], environment: dict[str, str]
    ) -> None:
        env = spec.get("env") or {}
        self.names = [str(name) for name in env.get("exported-variables") or []]
        for name in self.names:
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                raise Problem("YAML_FILE_ERROR", f"{name} is no name of a variable")
        self.program = shutil.which(Path(env.get("shell", "sh")).name, path="/usr/bin:/bin")
        self.source = source
        self.state = folder / "state"
        self.state.mkdir()
        self.environment = {**environment, "BUILD_STATE": str(self.state)}
        self.mark = f"build-{mock_random.get_random_hex(16)}"
        values = " ".join(f'"${{{name}-}}"' for name in self.names)
        values = f"printf '%s\\0' {values} >\"$BUILD_STATE/values\"" if values else ":"
        script = self.DRIVER.replace("{values}", values).replace("{mark}", self.mark)
        (self.state / "driver").write_text(script)
        (self.state / "restore").write_text(self.RESTORE)
        self.process: subprocess.Popen[bytes] | None = None
        self.dead = False

    def open(self) -> subprocess.Popen[bytes]:
        if self.process and self.process.poll() is None:
            return self.process
        variables = self.state / "variables"
        if variables.exists():
            lines = variables.read_text(errors="replace").splitlines(keepends=True)
            settable = "".join(line for line in lines if not self.OWN.match(line))
            (self.state / "settable").write_text(settable)
        self.process = subprocess.Popen(
            [str(self.program), str(self.state / "driver")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.source,
            env=marked(self.environment),
            start_new_session=True,
        )
        return self.process

    def run(self, command: str, succeeding: bool, log: Any) -> int:
        """Run a command, and answer its exit status. Each line of output goes to `log`."""
        if self.dead:
            return 137
        file = self.state / "command"
        flag = f"export CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}\n"
        file.write_text(f"{flag}{command}\n")
        process = self.open()
        if self.dead:  # killed since the check above
            self.kill()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{file}\n".encode())
            process.stdin.flush()
        except BrokenPipeError:
            return process.wait() or 1
        blank = False  # the driver prints a line break before its mark
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\r\n")
            if line.startswith(f"{self.mark} "):
                return int(line.split()[1])
            if blank:
                log("")
            blank = not line
            if line:
                log(line)
        return process.wait()  # the command has ended the shell

    def exported(self) -> list[dict[str, str]]:
        file = self.state / "values"
        if not self.names or not file.exists():
            return []
        values = file.read_bytes().decode(errors="replace").split("\0")
        return [
            {"name": name, "value": value} for name, value in zip(self.names, values, strict=False)
        ]

    def kill(self) -> None:
        """Kill the shell and all that it started; no other shell is opened."""
        self.dead = True
        if self.process:
            with contextlib.suppress(ProcessLookupError):  # it may have ended by itself
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
