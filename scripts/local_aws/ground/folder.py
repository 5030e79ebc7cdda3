"""The one folder of a local AWS, below TMPDIR, in which everything of it is: images, tasks, builds.

It is made when the first thing needs it, together with a keeper (keeper.py), a process that waits
for the end of the local AWS, however that comes: then it kills what was started with `marked` and
removes the folder. If the keeper was killed too, the next local AWS removes it: each holds a lock
on its own folder, which the kernel opens with the end of the process.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from .keeper import open_up

PREFIX = "local-aws-"
#: The variable by which the keeper knows the processes of a local AWS.
MARK = "LOCAL_AWS_FOLDER"
#: A folder that is being made has no lock yet; older than this, in seconds, it never will.
MAKING = 60
KEEPER = Path(__file__).with_name("keeper.py")


class Folder:
    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.path: Path | None = None
        self.held: int | None = None
        self.keeper: subprocess.Popen[bytes] | None = None

    def own(self) -> Path:
        """The folder, made if it is not there."""
        with self.guard:
            if self.path is None:
                sweep(Path(tempfile.gettempdir()))
                new = Path(tempfile.mkdtemp(prefix=f"{PREFIX}new-"))
                self.held = os.open(new / "lock", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self.held, fcntl.LOCK_EX)
                path = new.with_name(new.name.replace("new-", "", 1))
                new.rename(path)  # only now may others look at its lock
                self.keeper = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(KEEPER), str(path)],
                    stdin=subprocess.PIPE,
                    start_new_session=True,
                )
                self.path = path
            return self.path

    def part(self, name: str) -> Path:
        """A folder in it, for one purpose."""
        path = self.own() / name
        path.mkdir(exist_ok=True)
        return path

    def end(self) -> None:
        """Have the keeper do its work, and wait for it. May be called in a signal handler."""
        if self.keeper and self.keeper.stdin:
            self.keeper.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.keeper.wait(30)


kept = Folder()


def marked(environment: dict[str, str]) -> dict[str, str]:
    """The environment of a process that ends with the local AWS."""
    return {**environment, MARK: str(kept.own())}


def sweep(parent: Path) -> None:
    """Remove the folders of those that have ended and could not do it themselves."""
    for path in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if path.stat().st_uid != os.geteuid():
                continue
            if path.name.startswith(f"{PREFIX}new-"):
                if time.time() - path.stat().st_mtime > MAKING:
                    shutil.rmtree(path, onerror=open_up)
                continue
            held = os.open(path / "lock", os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, onerror=open_up)
            finally:
                os.close(held)
