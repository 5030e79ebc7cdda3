"""A change for which AWS needs time takes `moment` seconds here.

`later` puts down a change for later; `run_due` makes the changes whose time has come. The server
calls it under its lock before it handles a request: that needs no thread, and a change never comes
in the middle of a request.
"""

import functools
import heapq
import itertools
import time
from collections.abc import Callable

#: How long a state like `pending` or `deleting` lasts, in seconds.
moment = 0.5
#: How long it takes until services know what a role may do, in seconds.
spread = 0.0

#: Told after each change, and which function asked for it.
watcher: Callable[[str], None] | None = None

_waiting: list[tuple[float, int, Callable[[], None]]] = []
_order = itertools.count()


def later(change: Callable[[], None], moments: float = 1, at_least: float = 0) -> None:
    """Make this change `moments` moments from now; with a moment of 0, at the next request.

    A change that asks for itself again needs some seconds `at_least`, or it would never end.
    """
    due = time.monotonic() + max(moments * moment, at_least)
    heapq.heappush(_waiting, (due, next(_order), change))


def run_due() -> None:
    """Make the changes whose time has come, in the order of their times."""
    while _waiting and _waiting[0][0] <= time.monotonic():
        change = heapq.heappop(_waiting)[2]
        change()
        if watcher:
            watcher(name_of(change))


def name_of(change: Callable[[], None]) -> str:
    """Whose change it is: `time:rollout.complete`."""
    if isinstance(change, functools.partial):
        change = change.func
    module = change.__module__.rpartition(".")[2]
    return f"time:{module}.{change.__qualname__.partition('.')[0]}"


def clear() -> None:
    """Forget all of them: the resources they are about are gone."""
    _waiting.clear()
