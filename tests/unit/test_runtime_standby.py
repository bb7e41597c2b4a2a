"""The process that is forked before it is needed, as its loader holds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from node_sdk.runtime.launch import Launch
from node_sdk.runtime.standby import Standby, stand_by
from node_sdk.wire.loader import Load

LAUNCH = Launch(load=Load(file="f", cwd="/", socket_dir="/s", data_dir="/d"), pipeline="p", node="job", incarnation=3)


class Loader:
    """Forks one that stands by, and hears what it does."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.standby: Standby = stand_by(
            self._fork,
            lambda: None,  # type: ignore[arg-type,return-value]
            lambda lines, called: self._say("rehearses"),
            lambda launch, lines: self._say(f"is {launch.node} {launch.incarnation}"),
        )
        os.close(self.writer)

    def _fork(self, be: Callable[[], None]) -> int:
        pid = os.fork()
        if pid == 0:
            try:
                be()
                self._say("ends")
            finally:
                os._exit(0)
        return pid

    def _say(self, what: str) -> None:
        os.write(self.writer, f"{what}\n".encode())

    def hear(self) -> str:
        return os.read(self.reader, 100).decode().strip()

    def close(self) -> None:
        self.standby.close()
        os.waitpid(self.standby.pid, 0)
        os.close(self.reader)


@pytest.fixture
def loader() -> Iterator[Loader]:
    made = Loader()
    yield made
    made.close()


def test_who_stands_by_rehearses_at_once_and_when_alerted_until_it_is_told_who_it_is(loader: Loader) -> None:
    assert loader.hear() == "rehearses"
    loader.standby.alert()
    assert loader.hear() == "rehearses"
    assert loader.standby.become(LAUNCH)
    assert loader.hear().splitlines()[0] == "is job 3"


def test_who_is_alerted_and_told_at_once_becomes_what_it_was_told(loader: Loader) -> None:
    for _ in range(3):
        loader.standby.alert()
    loader.standby.become(LAUNCH)
    heard = ""
    while "ends" not in heard:
        heard += loader.hear()
    assert "is job 3" in heard


def test_who_stands_by_ends_when_nobody_can_tell_it_anything_any_more(loader: Loader) -> None:
    assert loader.hear() == "rehearses"
    loader.standby.close()
    assert loader.hear() == "ends"


def test_nobody_is_told_twice_or_where_it_has_died(loader: Loader) -> None:
    assert loader.hear() == "rehearses"
    loader.standby.close()
    assert loader.hear() == "ends"
    loader.standby.alert()
    assert not loader.standby.become(LAUNCH)
