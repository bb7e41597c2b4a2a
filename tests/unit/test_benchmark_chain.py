"""What the figures of a chain rest on: stamps that are read while they are written, ways of messages laid end to end,
and a past that keeps the laws.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from chaos.laws import Expected, broken_laws

from benchmarks.chain.critical_path import COMMITTED, RECEIVED, SENT, WAITED, Traces
from benchmarks.chain.past import invent
from benchmarks.chain.stamps import Reader, Stamps
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing.asking import Asker, action, graph

HELLO, ANSWER = 7, 8  # messages


def test_stamps_are_read_once_each_and_in_order(tmp_path: Path) -> None:
    reader, stamps = Reader(tmp_path / "stamps"), Stamps(tmp_path / "stamps", most=3)
    assert reader.new() == []
    stamps.add(1, 10, 11)
    assert reader.new() == [(1, 10, 11, 0)]
    stamps.add(2, 20, 21)
    stamps.add(3, 30, 31, 5)
    assert reader.new() == [(2, 20, 21, 0), (3, 30, 31, 5)]


def test_the_next_process_stamps_behind_the_one_before(tmp_path: Path) -> None:
    Stamps(tmp_path / "stamps", most=3).add(1, 1)
    Stamps(tmp_path / "stamps", most=3).add(2, 2)
    assert [stamp[0] for stamp in Reader(tmp_path / "stamps").new()] == [1, 2]


def test_stamps_that_were_dropped_are_never_taken_for_all(tmp_path: Path) -> None:
    stamps = Stamps(tmp_path / "stamps", most=1)
    stamps.add(1, 1)
    stamps.add(2, 2)
    with pytest.raises(ValueError, match="1 stamps were dropped"):
        Reader(tmp_path / "stamps").new()


def seen(folder: Path, pid: int, *events: tuple[int, int, int, int]) -> None:
    stamps = Stamps(folder / str(pid), most=10)
    for each in events:
        stamps.add(*each)


def test_the_way_of_a_message_is_told_without_gap_from_the_begin_to_the_end(tmp_path: Path) -> None:
    seen(tmp_path, 1, (SENT, HELLO, 110, 112), (WAITED, 1, 113, 180), (RECEIVED, ANSWER, 181, 185))
    seen(
        tmp_path,
        2,
        (WAITED, 1, 50, 130),
        (RECEIVED, HELLO, 131, 135),
        (COMMITTED, 0, 140, 165),
        (SENT, ANSWER, 170, 172),
    )
    way = Traces.load(tmp_path, {1: "a", 2: "store"}).way("a", 100, 200)
    assert way == [
        ("a works", 10),
        ("a → store", 20),
        ("store takes in", 5),
        ("store works", 5),
        ("store commits", 25),
        ("store answers", 5),
        ("store → a", 10),
        ("a takes in", 5),
        ("a works", 15),
    ]
    assert sum(nanoseconds for _, nanoseconds in way) == 100


def test_a_receiver_that_was_busy_when_the_message_left_is_told_apart(tmp_path: Path) -> None:
    seen(tmp_path, 1, (SENT, HELLO, 110, 112))
    seen(tmp_path, 2, (WAITED, 1, 150, 151), (RECEIVED, HELLO, 152, 155))
    way = Traces.load(tmp_path, {1: "a", 2: "b"}).way("b", 100, 160)
    assert way == [("a works", 10), ("b is busy", 40), ("a → b", 1), ("b takes in", 4), ("b works", 5)]


def test_a_way_with_a_message_that_nobody_sent_is_not_told(tmp_path: Path) -> None:
    seen(tmp_path, 2, (WAITED, 1, 150, 151), (RECEIVED, HELLO, 152, 155))
    assert Traces.load(tmp_path, {2: "b"}).way("b", 100, 160) is None


def test_an_invented_past_keeps_the_laws_and_the_store_goes_on_behind_it(tmp_path: Path) -> None:
    database, inbox = tmp_path / "runs.db", tmp_path / "inbox"
    inbox.mkdir()
    store = SqliteMetadataStore("store", f"sqlite:///{database}")
    store.open()
    Asker(store, graph(action("a", "data"), outputs=()))
    store.close()
    invent(database, 30)
    store.open()
    ask = Asker(store, graph(action("a", "data"), outputs=()))
    assert ask.run("x") == 31
    ask.complete("a", 31)
    store.close()
    (inbox / "x").touch()
    assert broken_laws(Expected(database, {"data": inbox})) == []
