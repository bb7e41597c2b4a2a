"""Writes the table of guards into docs/reliability.md, from the list: `python -m tests.mutants.page`, `make docs`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import groupby

from tests.mutants.guard import ROOT, Guard
from tests.mutants.guards import GUARDS

PAGE = ROOT / "docs" / "reliability.md"
BEGIN = "<!-- Guards: written by tests/mutants/page.py from tests/mutants/guards; do not edit. -->\n"
END = "<!-- End of the guards. -->\n"


def table(guards: Sequence[Guard] = GUARDS) -> str:
    """The guards as a table of Markdown, those of one promise together."""
    lines = ["| guard | where | fails without it |", "|---|---|---|"]
    for keeps, group in groupby(sorted(guards, key=lambda guard: _order(guards, guard)), lambda guard: guard.keeps):
        lines.append(f"| **{keeps}** | | |")
        lines += [_row(guard) for guard in group]
    return "\n".join(lines) + "\n"


def page(text: str) -> str:
    """The page with the table as the list has it now; ValueError where the marks are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"cannot find where the guards stand in {PAGE}: the lines that begin and end them are missing")
    return f"{before}{BEGIN}\n{len(GUARDS)} guards.\n\n{table()}\n{END}{after}"


def _order(guards: Sequence[Guard], guard: Guard) -> int:
    """Where its promise is first named."""
    return next(at for at, each in enumerate(guards) if each.keeps == guard.keeps)


def _row(guard: Guard) -> str:
    return f"| {_cell(guard.name)} | `{guard.file}` | {'; '.join(_test(test) for test in guard.caught_by)} |"


def _test(test: str) -> str:
    file, _, name = test.partition("::")
    words = name.replace("::", " ").replace("test_", "").replace("_", " ")
    return f"[{_cell(words)}](../{file})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("[", "(").replace("]", ")")


def main() -> int:
    PAGE.write_text(page(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
