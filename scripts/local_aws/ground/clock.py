"""What AWS needs time for takes `moment` seconds here.

A change that comes later is put down with `later`; `run_due` makes those whose time has come.
The server calls it under its lock before it handles a request, so that no thread of its own is
needed and a change never comes in the middle of a request.
"""

import heapq
import itertools
import time
from collections.abc import Callable

#: How long a state like `pending` or `deleting` lasts, in seconds.
moment = 0.5

_waiting: list[tuple[float, int, Callable[[], None]]] = []
_order = itertools.count()


def later(change: Callable[[], None], moments: float = 1, at_least: float = 0) -> None:
    """Make this change `moments` moments from now; with a moment of 0, at the next request.

    What comes again and again is to take some seconds `at_least`, or it never ends.
    """
    due = time.monotonic() + max(moments * moment, at_least)
    heapq.heappush(_waiting, (due, next(_order), change))


def run_due() -> None:
    """Make the changes whose time has come, in the order of their times."""
    while _waiting and _waiting[0][0] <= time.monotonic():
        heapq.heappop(_waiting)[2]()


def clear() -> None:
    """Forget all of them: the resources they are about are gone."""
    _waiting.clear()
