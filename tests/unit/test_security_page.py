"""docs/security.md: its numbers are those of the code, and each promise names a test that is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
UNITS = {"MiB": 2**20, "s": 1, "bytes": 1, "characters": 1, "": 1}
LIMITS = re.findall(r"^\| [^|]+ \| ([\d,]+) ?(\w*) \| `([\w.]+)` \|$", PAGE, re.MULTILINE)
PROMISES = re.findall(r"^\| (?!promise|---)[^|]+ \| [^|]+ \| ([^|]*`tests/[^|]*) \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("number", "unit", "name"), LIMITS, ids=[each[2] for each in LIMITS])
def test_a_limit_is_what_the_page_says(number: str, unit: str, name: str) -> None:
    module, _, constant = name.rpartition(".")
    assert getattr(importlib.import_module(module), constant) == int(number.replace(",", "")) * UNITS[unit]


def test_no_row_of_the_page_is_overlooked() -> None:
    limits = PAGE.partition("| what | at most | where |")[2].split("\n\n")[0]
    assert len(LIMITS) == limits.count("\n") - 1 > 20
    assert len(PROMISES) == sum(table.split("\n\n")[0].count("\n") - 1 for table in PAGE.split("| promise |")[1:]) > 15


@pytest.mark.parametrize("shown_by", PROMISES)
def test_each_promise_names_a_test_that_is_there(shown_by: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", shown_by)
    assert named
    for path, part in named:
        assert re.search(rf"def test_\w*{part}", (ROOT / path).read_text()), f"no test {part} in {path}"
