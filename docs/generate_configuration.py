"""Writes the tables of docs/configuration.md from the table that validates, so that the page cannot say anything else.
What stands above its mark is written by hand.

`make docs` writes it; `python docs/generate_configuration.py --check` (and a test) only says whether it is up to date.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from anacostia_daemon.config.table import Key, Table
from anacostia_daemon.config.tables import TABLES

PAGE = Path(__file__).with_name("configuration.md")

MARK = "<!-- What follows is written by `make docs`. -->\n\n"


def page() -> str:
    """The whole page, as it is to be."""
    by_hand = PAGE.read_text().partition(MARK)[0]
    return by_hand + MARK + "\n".join(section for table in TABLES for section in _sections(table, ()))


def _sections(table: Table, above: tuple[str, ...]) -> Iterator[str]:
    path = (*above, table.name, *([table.named] if table.named else []))
    plain = not above and not table.named
    rows = "\n".join(_row(key) for key in table.keys)
    text = f"## `[{'.'.join(path)}]`\n\n{table.meaning}\n\n"
    text += "Each key has a variable, `ANACOSTIA_" + f"{table.name.upper()}_KEY`.\n\n" if plain else ""
    yield f"{text}| key | what it may be | default | meaning |\n|---|---|---|---|\n{rows}\n"
    for each in table.tables:
        yield from _sections(each, path)


def _row(key: Key) -> str:
    unit = f", in {key.unit}" if key.unit and key.unit not in key.kind.allowed else ""
    when = " Counts at once when reloaded." if key.live else ""
    default = "needed" if key.required else key.default_words or f"`{_written(key.default)}`"
    return f"| `{key.name}` | {key.kind.allowed}{unit} | {default} | {key.meaning}{when} |".replace("\n", " ")


def _written(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/configuration.md is out of date; write it again with `make docs`")
