"""Writes the table of metrics in docs/observability.md from the list in the code, so that the page cannot say anything
else. `make docs` writes it; `--check` (and a test) only says whether it is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from anacostia_daemon.companions.metrics.families import FAMILIES, Family

PAGE = Path(__file__).with_name("observability.md")
_TABLE = re.compile(r"(\| metric \| labels \| meaning \|\n\|---\|---\|---\|\n)(?:\|.*\n)*")


def page() -> str:
    """The whole page, as it is to be."""
    rows = "".join(map(_row, FAMILIES))
    return _TABLE.sub(lambda found: found[1] + rows, PAGE.read_text(), count=1)


def _row(family: Family) -> str:
    name = family.samples[0] if family.kind != "histogram" else family.name
    kind = "" if family.kind == "gauge" else f" ({family.kind})"
    labels = ", ".join(f"`{each}`" for each in family.labels)
    return f"| `{name}`{kind} | {labels} | {family.meaning} |\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/observability.md is out of date; write it again with `make docs`")
