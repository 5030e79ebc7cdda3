"""A terminal for tests/terminal.rs: runs a command line in a pseudo-terminal, does what a person does
there, and tells what the screen shows.

    python -m terminal.screen      reads one JSON object from stdin, answers one

    {"command": "mk-env ... | mk-vpc", "env": {...}, "columns": 80, "rows": 24,
     "steps": [{"when": "◌ web", "type": "\\u0003"}]}

Each step waits until the screen shows its `when`, and then keeps the screen as it is, and
types (`type`), gives the terminal another size (`resize`: columns and rows) or runs a command beside it (`run`,
which knows the process group as GROUP). The answer:

    {"code": 0, "screen": [...], "kept": [[...], ...], "cursor": [0, 24], "raw": "..."}

The lines of `screen` begin with those that have left the screen at its top.
"""

import codecs
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import Any

import pyte


def set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def shown(screen: pyte.HistoryScreen) -> list[str]:
    """The lines of the screen and of what has left it, without the empty ones at the end."""
    above = ["".join(line[at].data for at in range(screen.columns)) for line in screen.history.top]
    lines = [line.rstrip() for line in above + list(screen.display)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def start(job: dict[str, Any]) -> tuple[int, int]:
    """Starts the command; answers its process ID, which is its session's, and its terminal."""
    child, terminal = pty.fork()
    if child:
        return child, terminal
    set_size(0, job["columns"], job["rows"])
    os.execve("/bin/bash", ["bash", "-c", job["command"]], job["env"])


def run(job: dict[str, Any]) -> dict[str, Any]:
    screen = pyte.HistoryScreen(job["columns"], job["rows"], history=100_000, ratio=0.01)
    stream = pyte.Stream(screen)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    child, terminal = start(job)
    steps, kept, raw = list(job.get("steps", [])), [], ""
    while True:
        try:
            text = decoder.decode(os.read(terminal, 65536))
        except OSError:
            text = ""
        if not text:
            break
        raw += text
        stream.feed(text)
        while steps and any(steps[0]["when"] in line for line in shown(screen)):
            step = steps.pop(0)
            kept.append(shown(screen))
            if "resize" in step:
                screen.resize(columns=step["resize"][0], lines=step["resize"][1])
                set_size(terminal, *step["resize"])
            if "run" in step:
                subprocess.run(step["run"], shell=True, env=job["env"] | {"GROUP": str(child)}, check=True)
            os.write(terminal, step.get("type", "").encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    cursor = [screen.cursor.x, len(screen.history.top) + screen.cursor.y]
    return {
        "code": code,
        "screen": shown(screen),
        "kept": kept,
        "cursor": cursor,
        "is_cursor_hidden": screen.cursor.hidden,
        "missed": [step["when"] for step in steps],
        "raw": raw,
    }


if __name__ == "__main__":
    print(json.dumps(run(json.load(sys.stdin))))
