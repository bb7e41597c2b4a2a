"""Which answers of a store wait for its disk."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest

from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.testing.standing_laws import standing
from node_sdk.wire.store import OPERATOR, Begin, Complete, Found, LogMetrics, RecordArtifacts, StartRun

CHAIN = graph(action("first", "data"), action("second", "first"))


class Noting(MemoryMetadataStore):
    """Notes of each transaction whether it was to last."""

    def __init__(self) -> None:
        super().__init__()
        self.lasting: list[bool] = []

    def transaction(self, lasting: bool = True) -> AbstractContextManager[None]:
        self.lasting.append(lasting)
        return super().transaction(lasting)


@pytest.fixture
def store() -> Noting:
    return Noting()


def noted(store: Noting) -> list[bool]:
    """The transactions since this was called last."""
    found, store.lasting = store.lasting, []
    return found


def test_what_is_promised_lasts(store: Noting) -> None:
    asker = Asker(store, CHAIN)
    asker.record("a")
    noted(store)
    asker.offer()
    assert True in noted(store)  # a run has begun
    asker.ask("first", Begin(1, 1))
    noted(store)
    asker.ask("first", Complete(1, 1, "succeeded"))
    assert noted(store) == [True]
    asker.ask(OPERATOR, StartRun("by hand", "token"))
    assert noted(store) == [True]


@pytest.mark.parametrize("crashed", [False, True])
def test_hello_begin_and_what_is_logged_wait_for_no_disk(store: Noting, crashed: bool) -> None:
    asker = Asker(store, CHAIN)
    run = asker.run("a")
    noted(store)
    asker.begin("first", run)
    asker.ask("first", LogMetrics(run, 1, 0, {"loss": 1.0}))
    asker.hello("first", interrupted_run=run, crashed=crashed)
    assert noted(store) == [False, False, False]


def test_a_batch_lasts_if_any_of_it_must(store: Noting) -> None:
    asker = Asker(store, CHAIN)
    run = asker.run("a")
    noted(store)
    asker.send(asker.request("first", Begin(run, 1)), asker.request("first", Complete(run, 1, "succeeded")))
    assert noted(store) == [True]


def test_questions_open_no_transaction(store: Noting) -> None:
    asker = Asker(store, CHAIN)
    noted(store)
    asker.rows("runs")
    assert noted(store) == []


def test_a_run_that_ends_because_its_node_said_hello_has_ended_for_good(store: Noting) -> None:
    asker = Asker(store, CHAIN)
    run = asker.run("poison")
    for attempt in (1, 2, 3):
        asker.begin("first", run, attempt)
        noted(store)
        asker.hello("first", interrupted_run=run, crashed=True)
    assert asker.run_state(run) == "failed"
    assert noted(store) == [False, True]


def test_what_would_be_found_again_lasts_where_it_starts_a_run(store: Noting) -> None:
    asker = Asker(store, standing(CHAIN, "data"))

    def arrives(location: str) -> Any:
        return asker.ask("data", RecordArtifacts("data", (Found(location, location, 1),), lasting=False))

    arrives("a")
    noted(store)
    arrives("b")
    assert noted(store) == [False]
    asker.offer()
    noted(store)
    arrives("c")  # while its run is under way
    assert noted(store) == [False]
    for run in (1, 2):
        asker.complete("first", run)
        asker.complete("second", run)
    noted(store)
    arrives("d")
    assert asker.ledger_last_run() == 3
    assert noted(store) == [True]
