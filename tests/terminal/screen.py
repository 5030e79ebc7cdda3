"""A terminal for tests/terminal.rs: runs a command line in a pseudo-terminal, does what a person
does there, and tells what the screen shows.

    python -m terminal.screen      reads one JSON object from stdin, answers one

    {"command": "mk-env ... | mk-vpc", "env": {...}, "columns": 80, "rows": 24,
     "steps": [{"when": "\u25cc web", "type": "\u0003"}]}

Each step waits until a line of the screen shows its `when`; the screen is kept as it is then. It
may type something (`type`), give the terminal another size (`resize`: columns and rows), kill a
tool (`kill`: its name), or stop all of them and let them go on after a shell has written something
(`stop`: what). The answer:

    {"code": 0, "screen": [...], "kept": [[...], ...], "cursor": [0, 24], "raw": "...", ...}

The lines of `screen` begin with those that have left the screen at its top.
"""

import codecs
import fcntl
import json
import os
import pty
import signal
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


def resize(screen: pyte.HistoryScreen, columns: int, rows: int) -> None:
    """Gives the screen another size. Of fewer rows, the empty ones at the bottom go first, as in a
    real terminal; pyte takes them from the top, and leaves the cursor where it was."""
    fewer = max(screen.lines - rows, 0)
    empty = min(fewer, screen.lines - 1 - screen.cursor.y)
    column, row = screen.cursor.x, screen.cursor.y + empty - fewer
    for at in range(fewer - empty):
        screen.history.top.append(screen.buffer[at])
    screen.cursor_position()
    screen.insert_lines(empty)
    screen.resize(columns=columns, lines=rows)
    screen.cursor_position(row + 1, column + 1)


def start(job: dict[str, Any]) -> tuple[int, int]:
    """Starts the command; answers its process ID, which is its session's, and its terminal."""
    child, terminal = pty.fork()
    if child:
        return child, terminal
    set_size(0, job["columns"], job["rows"])
    os.execve("/bin/bash", ["bash", "-c", job["command"]], job["env"])
    raise AssertionError("execve does not come back")


def kill(group: int, name: str) -> None:
    told = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,comm="], capture_output=True, check=True)
    for line in told.stdout.decode().splitlines():
        process, of, command = line.split(None, 2)
        if int(of) == group and os.path.basename(command) == name:
            os.kill(int(process), signal.SIGKILL)


def do(
    step: dict[str, Any], screen: pyte.HistoryScreen, stream: pyte.Stream, child: int, terminal: int
) -> None:
    if "resize" in step:
        resize(screen, *step["resize"])
        set_size(terminal, *step["resize"])
    if "kill" in step:
        kill(child, step["kill"])
    if "stop" in step:
        os.killpg(child, signal.SIGSTOP)
        stream.feed(step["stop"])
        os.killpg(child, signal.SIGCONT)
    os.write(terminal, step.get("type", "").encode())


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
            do(step, screen, stream, child, terminal)
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
