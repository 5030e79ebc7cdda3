"""A log of who can reach whom (reach.py), with an entry for each change of it.

Each entry names the AWS call, or what time has done, after which it is so.
"""

import time
from typing import Any


class Edges:
    """The log; empty until somebody asks for it, since a look costs a few milliseconds."""

    def __init__(self, started: float) -> None:
        self.started = started
        self.watching = False
        self.log: list[dict[str, Any]] = []
        self.memory: Any = None

    def watch(self, watching: bool) -> None:
        """Begin to look after every change, or end it."""
        self.watching = watching
        self.forget()

    def forget(self) -> None:
        """Begin a new log with how it is now."""
        self.log = []
        self.note("the start")

    def note(self, after: str) -> None:
        """Look, and remember what is seen if it is new. The caller holds the lock."""
        if not self.watching:
            return
        from . import reach  # it imports services that no other test may need

        self.memory = self.memory or reach.Memory()
        seen = reach.look(self.memory)
        last = self.log[-1] if self.log else {}
        if any(last.get(what) != found for what, found in seen.items()):
            at = round(time.monotonic() - self.started, 6)
            self.log.append({"at": at, "after": after, **seen})
