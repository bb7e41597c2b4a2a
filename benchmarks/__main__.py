"""`python -m benchmarks [FIGURE…]`: measures each figure in a process of its own, prints it, and keeps what it found.

`--page` measures nothing, and writes docs/performance.md anew from what was kept. Where `QUICK=1` is set only few
rounds are made, and nothing is kept.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from benchmarks.harness import quick
from benchmarks.harness.drawing import draw
from benchmarks.harness.machine import busy_with_others, machine
from benchmarks.harness.record import PICTURES, ROOT, write, write_page
from benchmarks.harness.table import terminal

# In the order of the page.
FIGURES = (
    "restart",
    "resume",
    "metric",
    "hop",
    "trigger",
    "rate",
    "pipelined",
    "scale",
    "ctl",
    "history",
    "flood",
    "web",
    "graph",
)


def main(names: list[str]) -> int:
    """Exit status 1 where a figure could not be measured; a goal that is not met is no failure of the run."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # with it each start of ours would compile what users have compiled
    if names == ["--page"]:
        write_page(list(FIGURES))
        return 0
    unknown = set(names) - set(FIGURES)
    if unknown:
        sys.exit(f"cannot measure {', '.join(sorted(unknown))}: the figures are {', '.join(FIGURES)}")
    there = [name for name in FIGURES if Path(__file__).with_name(f"{name}.py").exists()]
    if len(names) == 1:
        return one(names[0])
    command = [sys.executable, "-m", "benchmarks"]
    codes = {name: subprocess.run([*command, name], cwd=ROOT).returncode for name in names or there}
    failed = [name for name, code in codes.items() if code]
    if failed:
        print(f"could not be measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def one(name: str) -> int:
    """Measure the figures of one module."""
    others = busy_with_others()
    try:
        measured = list(importlib.import_module(f"benchmarks.{name}").measure())
    except Exception:  # noqa: BLE001  (the other figures are measured all the same)
        traceback.print_exc()
        return 1
    for figure in measured:
        figure = replace(figure, notes=[*figure.notes, *others])
        print(terminal(figure), flush=True)
        if not quick():
            write(figure, machine())
            draw(figure, PICTURES)
    if not quick():
        write_page(list(FIGURES))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
