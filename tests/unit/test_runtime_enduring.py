"""A store tries again while waiting may help, and ends with words where it may not."""

from __future__ import annotations

import contextlib
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from node_sdk.errors import StoreBroken, StoreUnavailable
from node_sdk.metadata.memory import MemoryMetadataStore
from node_sdk.runtime import enduring
from node_sdk.runtime.enduring import Enduring
from node_sdk.runtime.interrupt import Interrupt, Stopping
from node_sdk.runtime.live import Ending
from node_sdk.runtime.store import OwnAccess, StoreLoop
from node_sdk.testing.asking import Asker, action, graph
from node_sdk.wire.store import OPERATOR, Offer, RecordArtifacts, StartRun

FULL = StoreUnavailable("cannot use the metadata store at x: disk full", "disk full")


class Place:
    """What a store in trouble sees of its process; waiting takes no time."""

    def __init__(self, node: Any = None) -> None:
        self.said: list[str] = []
        self.waits = 0
        self.link = SimpleNamespace(work=self.said.append, runs=lambda ended, failed, moves: None)
        self.interrupt = Interrupt()
        self.node = node
        self.spec = SimpleNamespace(uri="memory://")

    def wait(self, until: enduring.Until, inbox: bool) -> None:
        self.waits += 1
        until._end = 0.0


@pytest.fixture
def place() -> Any:
    made = Place()
    yield made
    made.interrupt.close()


def failing(*outcomes: Exception | str) -> Any:
    """Work that ends so, one after the other."""
    left = list(outcomes)

    def work() -> str:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return work


def test_it_is_tried_until_it_is_done_and_status_says_why_not_yet(place: Any) -> None:
    opened: list[int] = []
    steadfast = Enduring(place, lambda: opened.append(place.waits))
    assert steadfast.until_done(failing(FULL, FULL, FULL, "done")) == "done"
    assert place.said == ["cannot commit: disk full; trying again"] * 3 + ["idle"]
    assert opened == [2, 3]  # once trying again alone was not enough
    assert steadfast.troubles == 1
    assert steadfast.until_done(failing("at once")) == "at once"
    assert steadfast.troubles == 1


def test_what_waiting_cannot_mend_ends_the_process_with_words(place: Any) -> None:
    with pytest.raises(Ending, match="malformed") as ended:
        Enduring(place, lambda: None).until_done(failing(FULL, StoreBroken("the image is malformed")))
    assert ended.value.kind == "error"


def test_a_store_that_is_to_stop_waits_no_longer(place: Any) -> None:
    place.interrupt.stopping = True
    with pytest.raises(Stopping):
        Enduring(place, lambda: None).until_done(failing(FULL))
    with place.interrupt.held(), pytest.raises(StoreUnavailable, match="disk full"):  # in on_exit(), say
        Enduring(place, lambda: None).until_done(failing(FULL))


def test_only_the_main_thread_waits(place: Any) -> None:
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            Enduring(place, lambda: None).until_done(failing(FULL))
        except StoreUnavailable as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert raised == [FULL]
    assert place.waits == 0


def test_a_store_does_not_go_on_with_another_database_in_the_place_of_its_own(place: Any) -> None:
    tables = MemoryMetadataStore()
    ledger = Asker(tables, graph(action("first", "data"))).ledger
    place.node = tables
    access: Any = OwnAccess(place, ledger)
    access.enduring.until_done(failing(FULL, FULL, "done"))
    tables.delete("nodes", {"name": "data"})  # as in a file that somebody restored, or made anew
    with pytest.raises(Ending, match="another database stands in its place"):
        access.enduring.until_done(failing(FULL, FULL, "done"))


class Fails(MemoryMetadataStore):
    """Cannot commit transaction number `at`, counted from when it was set."""

    at = 0

    def transaction(self, lasting: bool = True) -> Any:
        self.at -= 1
        if self.at == 0:
            raise FULL
        return super().transaction(lasting)


def test_what_became_durable_before_the_trouble_is_signalled_after_it() -> None:
    tables = Fails()
    asker = Asker(tables, graph(action("first", "data")))
    asker.record("a")
    bad: Any = RecordArtifacts("data", ("no artifact",))  # type: ignore[arg-type]
    requests = [
        asker.request("data", Offer("data", True, 0)),
        asker.request("data", bad),
        asker.request("data", Offer("data", False, 1)),
    ]
    tables.at = 3  # all at once fails because of the bad one; then the first alone is committed, and the second is not
    with pytest.raises(StoreUnavailable):
        asker.send(*requests)
    (run,) = tables.select("runs", {})
    assert asker.signals == []
    for _ in range(2):  # whatever is answered next, and after that
        asker.rows("runs")
        assert asker.signals.count(("data", run["id"])) == 1


class FailsLate(MemoryMetadataStore):
    """Calls its first transaction that changes something a failure, though it is durable."""

    failed = False

    @contextlib.contextmanager
    def transaction(self, lasting: bool = True) -> Any:
        with super().transaction(lasting):
            yield
        if self.armed and not self.failed:
            self.failed = True
            raise FULL

    armed = False


def test_signals_of_a_commit_that_was_called_failed_and_is_durable_leave_after_the_trouble(place: Any) -> None:
    tables = FailsLate()
    asker = Asker(tables, graph(action("first", "data")))
    asker.record("a")
    signals: list[tuple[str, int]] = []
    # A wish by hand is not kept while the store cannot commit; whoever asked is told that it was not done.
    waiting = [(b"person", asker.request(OPERATOR, StartRun("wish")))]
    place.node = tables
    place.launch = SimpleNamespace(node="store", incarnation=1)
    place.outbox = SimpleNamespace(signal=lambda successor, run_id: signals.append((successor, run_id)))
    place.inbox = SimpleNamespace(
        socket="inbox",
        receive=lambda *kinds, most: [waiting.pop() for _ in range(len(waiting))],
        reply=lambda sender, reply: None,
    )

    def wait(*until: Any, inbox: bool = True) -> dict[Any, int]:
        if not until:
            place.interrupt.stopping = True  # nothing is left to do
        for each in until:
            each._end = 0.0
        return {}

    place.wait = wait
    tables.armed = True
    access: Any = OwnAccess(place, asker.ledger)
    with pytest.raises(Stopping):
        StoreLoop(place, access).serve()
    assert tables.failed
    assert ("data", 1) in signals
