"""One daemon per test, in a home of its own; nothing of it is left afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from place import Place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


FAILED = pytest.StashKey[bool]()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    opened = Place()
    yield opened
    opened.close(failed=request.node.stash.get(FAILED, True))
