"""The table of guards cannot rot: what is to be taken away is there, once, and so is the test that is to miss it."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from node_sdk.metadata import ledger
from tests.mutants import page
from tests.mutants.guard import ROOT, guards_in
from tests.mutants.guards import GUARDS
from tests.mutants.guards.runs import KINDS
from tests.mutants.trial import copy_tree

TEST = "tests/unit/t.py::TestIt::test_it_is_so[twice]"
CONTRACTS = "node_sdk/testing"  # where the tests of a class in tests/contract are written


@cache
def written(file: Path) -> frozenset[str]:
    """The tests, and classes of tests, that are written in a file."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return frozenset(each.name for each in ast.walk(ast.parse(file.read_text())) if isinstance(each, kinds))


def exists(test: str) -> bool:
    file, *classes, name = test.partition("[")[0].split("::")
    if not (ROOT / file).is_file() or not written(ROOT / file).issuperset(classes):
        return False
    places = [ROOT / file, *((ROOT / CONTRACTS).glob("*.py") if classes else ())]
    return any(name in written(place) for place in places)


def test_what_is_to_be_taken_away_stands_in_its_file_exactly_once() -> None:
    found = {(guard.name, guard.file): guard.occurrences(ROOT) for guard in GUARDS}
    assert {where: count for where, count in found.items() if count != 1} == {}


def test_every_test_that_catches_a_mutant_exists() -> None:
    assert [test for guard in GUARDS for test in guard.caught_by if not exists(test)] == []
    assert not exists("tests/unit/test_mutants.py::test_that_nobody_wrote")


def test_every_guard_has_a_name_of_its_own_and_somebody_who_misses_it() -> None:
    assert [name for name, count in Counter(guard.name for guard in GUARDS).items() if count > 1] == []
    assert all(guard.caught_by and guard.keeps for guard in GUARDS)
    assert all(guard.take != guard.put for guard in GUARDS)
    assert len(GUARDS) > 200


def test_the_fence_is_tried_for_each_kind_of_request() -> None:
    assert set(KINDS) == {operation.__name__ for operation in ledger._OPERATIONS}


def test_the_table_in_the_docs_is_the_list() -> None:
    text = page.PAGE.read_text()
    assert text == page.page(text), "out of date; write it again with `make docs`"


def test_a_mutant_is_a_copy_in_which_only_its_guard_is_missing(tmp_path: Path) -> None:
    copy_tree(tmp_path / "copy")
    (guard,) = guards_in("node_sdk/names.py", "names are short", ("a", "MAX_NAME = 64\n", "MAX_NAME = 65\n", TEST))
    assert guard.occurrences(tmp_path / "copy") == 1
    guard.take_away(tmp_path / "copy")
    assert "MAX_NAME = 65\n" in (tmp_path / "copy" / guard.file).read_text()
    assert guard.occurrences(ROOT) == 1
    assert not list((tmp_path / "copy").glob("**/__pycache__"))


def test_a_page_without_a_place_for_the_guards_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="cannot find where the guards stand"):
        page.page("# Reliability\n")


def test_guards_of_one_promise_stand_together_and_link_to_their_tests() -> None:
    one, other = guards_in("a.py", "law 7", ("one", "x", "y", TEST), ("other | way", "z", "", TEST))
    (between,) = guards_in("b.py", "law 1", ("between", "x", "y", TEST))
    assert page.table([one, between, other]).splitlines()[2:] == [
        "| **law 7** | | |",
        "| one | `a.py` | [TestIt it is so(twice)](../tests/unit/t.py) |",
        "| other \\| way | `a.py` | [TestIt it is so(twice)](../tests/unit/t.py) |",
        "| **law 1** | | |",
        "| between | `b.py` | [TestIt it is so(twice)](../tests/unit/t.py) |",
    ]
