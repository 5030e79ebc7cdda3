#!/usr/bin/env python3
"""Runs scripts/demo and writes what it shows as an animated SVG: tests/demo.svg, or another FILE.

    scripts/record_demo.py [FILE]

A pause of the demo is one of the recording, up to a limit; what is built before is left out.
"""

import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 100, 30
#: In pixels.
WIDTH, HEIGHT, MARGIN = 8, 18, 14
#: In seconds: no pause is longer, no row is shown for less, and how long the end stays.
LONGEST, SHORTEST, END = 1.5, 0.08, 6.0
STYLE = """
text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #d8dee6; white-space: pre }
.step { fill: #7fd6a8; font-weight: bold }
"""


class Line(NamedTuple):
    """What was printed, and when, in seconds; whether it begins a step."""

    at: float
    text: str
    is_step: bool = False


def shown(lines: Iterable[Line]) -> list[Line]:
    """The rows on the screen, with the times of the recording."""
    rows: list[Line] = []
    now = before = 0.0
    for line in lines:
        now += min(line.at - before, LONGEST) if rows else 0
        before = line.at
        text = re.sub(r"\x1b\[[0-9;]*m|[\x00-\x1f\x7f]", "", line.text)
        is_step = bool(re.match(r" ?\d+\. ", text))
        indent = " " * (4 if is_step else len(text) - len(text.lstrip()))
        wrapped = textwrap.wrap(text, COLUMNS, subsequent_indent=indent, break_on_hyphens=False)
        for row in wrapped or [""]:
            rows.append(Line(now, row, is_step))
            now += SHORTEST
    return rows


def svg(lines: Iterable[Line]) -> str:
    """A screen whose last row is what was printed last, as a terminal scrolls."""
    rows = shown(lines)
    length = rows[-1].at + END
    width, height = COLUMNS * WIDTH + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN
    moves = []
    for number, row in enumerate(rows):
        lift = (ROWS - 1 - number) * HEIGHT
        moves.append(f"{100 * row.at / length:.3f}% {{ transform: translateY({lift}px) }}")
    end = (ROWS - len(rows)) * HEIGHT
    texts = []
    for number, row in enumerate(rows):
        if row.text.strip():
            step = ' class="step"' if row.is_step else ""
            y = MARGIN + number * HEIGHT + 13
            texts.append(f'<text x="{MARGIN}" y="{y}"{step}>{escape(row.text)}</text>')
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" role="img" \
viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title>scripts/demo, from the first step to the last</title>
<style>{STYLE}#rows {{ animation: rows {length:.2f}s step-end infinite }}
@keyframes rows {{
{chr(10).join(moves)}
}}
@media (prefers-reduced-motion: reduce) {{
#rows {{ animation: none; transform: translateY({end}px) }}
}}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#171b21"/>
<clipPath id="screen"><rect y="{MARGIN}" width="{width}" height="{ROWS * HEIGHT}"/></clipPath>
<g clip-path="url(#screen)"><g id="rows">
{chr(10).join(texts)}
</g></g>
</svg>
"""


def record() -> list[Line]:
    lines: list[Line] = []
    with subprocess.Popen([ROOT / "scripts/demo"], stdout=subprocess.PIPE, text=True) as demo:
        for text in demo.stdout or ():
            print(text, end="", flush=True)
            if lines or text.startswith(" 1. "):
                lines.append(Line(time.monotonic(), text.rstrip()))
    if demo.returncode or not lines:
        sys.exit(f"scripts/record_demo.py: the demo ended with {demo.returncode}")
    return [Line(0, "$ scripts/demo"), Line(0, "")] + [
        Line(line.at - lines[0].at, line.text) for line in lines
    ]


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests/demo.svg"
    file.write_text(svg(record()))
