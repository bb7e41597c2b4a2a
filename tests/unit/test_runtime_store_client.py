from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from node_sdk.errors import Fenced, InvalidValue, NotRunning, Refused
from node_sdk.runtime.channel import Channel
from node_sdk.runtime.interrupt import Interrupt, Stopping
from node_sdk.runtime.store_client import MOST_BYTES, MOST_OUTSTANDING, StoreClient
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.store import Begin, Count, LogParams, Published, StoreReply, StoreRequest, Wake

QUESTION = Count("runs", {})
Answer = Callable[[StoreRequest], StoreReply | None]


def agree(request: StoreRequest) -> StoreReply:
    return StoreReply(request.seq, type(request.operation).__name__)


class Store:
    """A thread with a real socket that answers each request as it is told to."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="ana"))
        self.endpoint = f"ipc://{self.folder}/store.sock"
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.interrupt = Interrupt()
        self.fenced: list[Fenced] = []
        self.asked: list[StoreRequest] = []
        self.client = StoreClient(
            Channel(self.context, self.endpoint), "train", 4, self.interrupt, fenced=self.fenced.append
        )
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, answer: Answer = agree) -> None:
        self._thread = threading.Thread(target=self._serve, args=(answer,))
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self.client.channel.close()
        self.interrupt.close()
        self.context.term()
        shutil.rmtree(self.folder)

    def _serve(self, answer: Answer) -> None:
        router = self.context.socket(zmq.ROUTER)
        router.linger = 0
        router.bind(self.endpoint)
        while not self._ending.is_set():
            if router.poll(10):
                sender, data = router.recv_multipart()
                request = decode(data, StoreRequest)
                self.asked.append(request)
                reply = answer(request)
                if reply is not None:
                    router.send_multipart((sender, encode(reply)))
        router.close()


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    yield made
    made.close()


def test_an_ask_waits_for_a_store_that_comes_later(store: Store) -> None:
    timer = threading.Timer(0.05, store.open)
    timer.start()
    assert store.client.ask(QUESTION) == "Count"
    timer.join()


def test_what_is_told_arrives_before_what_is_asked_later(store: Store) -> None:
    store.open()
    for run_id in range(10):
        store.client.tell(Published(run_id))
    store.client.ask(QUESTION)
    assert [type(each.operation).__name__ for each in store.asked] == ["Published"] * 10 + ["Count"]
    assert {(each.node, each.incarnation) for each in store.asked} == {("train", 4)}
    assert [each.seq for each in store.asked] == list(range(1, 12))


def test_a_refusal_is_raised_with_its_kind_and_words(store: Store) -> None:
    store.open(lambda request: StoreReply(request.seq, None, "cannot do it", "not-found"))
    with pytest.raises(Refused, match="cannot do it") as caught:
        store.client.ask(QUESTION)
    assert caught.value.kind == "not-found"


def test_a_refused_tell_is_raised_once_at_the_next_ask_which_is_not_sent(store: Store) -> None:
    def refuse_tells(request: StoreRequest) -> StoreReply:
        if isinstance(request.operation, LogParams):
            return StoreReply(request.seq, None, "no such value", "invalid")
        return agree(request)

    store.open(refuse_tells)
    store.client.tell(LogParams(1, 1, {"a": 1}))
    store.client.ask(QUESTION, settled=True)  # the refusal has come with or before this answer
    with pytest.raises(Refused, match="no such value"):
        store.client.ask(QUESTION)
    assert store.client.ask(QUESTION) == "Count"
    assert sum(isinstance(each.operation, Count) for each in store.asked) == 2


def test_a_tell_that_came_too_late_is_no_error(store: Store) -> None:
    def late(request: StoreRequest) -> StoreReply:
        if isinstance(request.operation, Begin):
            return StoreReply(request.seq, None, "run 1 is over", "finished")
        return agree(request)

    store.open(late)
    store.client.tell(Begin(1, 1))
    store.client.ask(QUESTION, settled=True)
    assert store.client.ask(QUESTION) == "Count"


def test_being_fenced_is_noticed_at_the_answer_of_a_tell_too(store: Store) -> None:
    def fence(request: StoreRequest) -> StoreReply:
        return StoreReply(request.seq, 7, "incarnation 7 has said hello", "fenced")

    store.open(fence)
    store.client.tell(Published(1))
    with pytest.raises(Fenced):
        store.client.ask(QUESTION)
    assert store.fenced[0].current == 7


def test_an_answer_that_is_lost_is_asked_for_again_by_the_next_store(store: Store) -> None:
    first = threading.Event()

    def die_once(request: StoreRequest) -> StoreReply | None:
        if not first.is_set():
            first.set()
            store._ending.set()  # ends the thread, and with it the socket
            return None
        return agree(request)

    store.open(die_once)
    old = store._thread
    assert old is not None

    def come_back() -> None:
        first.wait()
        old.join()
        store._ending.clear()
        store.open(die_once)

    helper = threading.Thread(target=come_back)
    helper.start()
    assert store.client.ask(QUESTION) == "Count"
    helper.join()
    assert [each.seq for each in store.asked] == [1, 1]


def test_a_wait_ends_when_the_process_is_asked_to_stop(store: Store) -> None:
    def stop() -> None:
        store.interrupt.stopping = True
        store.interrupt.poke()

    timer = threading.Timer(0.05, stop)
    timer.start()
    with pytest.raises(Stopping):
        store.client.ask(QUESTION)
    timer.join()


def test_inside_a_task_a_wait_goes_on_though_the_process_is_asked_to_stop(store: Store) -> None:
    store.interrupt.stopping = True
    store.interrupt.poke()
    timer = threading.Timer(0.05, store.open)
    timer.start()
    with store.interrupt.held():
        assert store.client.ask(QUESTION) == "Count"
    timer.join()


def test_a_value_that_cannot_be_sent_is_refused_where_it_is_given(store: Store) -> None:
    with pytest.raises(InvalidValue, match="cannot record LogParams for node 'train'"):
        store.client.tell(LogParams(1, 1, {"object": object()}))


def test_a_process_forked_inside_a_node_cannot_speak_for_it(store: Store) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            store.client.tell(Published(1))
        except NotRunning:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_with_very_much_outstanding_a_tell_waits(store: Store) -> None:
    for run_id in range(MOST_OUTSTANDING):
        store.client.tell(Published(run_id))
    timer = threading.Timer(0.05, store.open)
    timer.start()
    store.client.tell(Published(0))
    timer.join()
    assert store.asked
    store.client.flush(5)
    assert store.client.channel.outstanding == 0


def test_with_very_large_requests_outstanding_a_tell_waits(store: Store) -> None:
    large = LogParams(1, 1, {"text": "x" * (MOST_BYTES // 4)})
    for _ in range(4):
        store.client.tell(large)
    assert store.client.channel.outstanding_bytes > MOST_BYTES
    timer = threading.Timer(0.05, store.open)
    timer.start()
    store.client.tell(large)
    timer.join()
    assert store.asked
    store.client.flush(5)
    assert store.client.channel.outstanding_bytes == 0


def test_threads_of_the_user_may_use_it_too(store: Store) -> None:
    store.open()
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(store.client.ask(QUESTION))) for _ in range(8)]
    for each in threads:
        each.start()
    answers.append(store.client.ask(QUESTION))
    for each in threads:
        each.join()
    assert answers == ["Count"] * 9


def test_what_is_held_is_sent_before_whatever_comes_next(store: Store) -> None:
    store.open()
    store.client.hold(Begin(1, 1))
    store.client.tell(LogParams(1, 1, {"a": 1}))
    store.client.ask(QUESTION)
    assert [type(each.operation).__name__ for each in store.asked] == ["Begin", "LogParams", "Count"]


def test_what_is_taken_back_is_not_sent(store: Store) -> None:
    store.open()
    store.client.hold(Begin(1, 1))
    held = store.client.take_back()
    assert held is not None
    assert 0 <= held < 10
    assert store.client.take_back() is None
    store.client.say_held()
    store.client.ask(QUESTION)
    assert [type(each.operation).__name__ for each in store.asked] == ["Count"]


def test_another_thread_says_what_is_held_too_long(store: Store) -> None:
    store.open()
    store.client.hold(Begin(1, 1))
    thread = threading.Thread(target=store.client.say_held)
    thread.start()
    thread.join()
    store.client.flush(10)
    (begin,) = [each.operation for each in store.asked]
    assert isinstance(begin, Begin)
    assert 0 < begin.seconds < 10
    assert store.client.take_back() is None


def test_another_thread_does_not_wait_for_who_speaks_to_the_store(store: Store) -> None:
    store.client.hold(Begin(1, 1))
    with store.client._lock:
        thread = threading.Thread(target=store.client.say_held)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()
    assert store.client.take_back() is not None


def test_what_the_store_says_unasked_is_no_answer(store: Store) -> None:
    said: list[Wake] = []
    store.client.woken = said.append
    replies = iter((Wake(3, "before", 1), StoreReply(2, "Count")))
    store.open(lambda request: next(replies))  # type: ignore[arg-type,return-value]
    store.client.tell(Published(1))
    assert store.client.ask(QUESTION) == "Count"
    assert said == [Wake(3, "before", 1)]
