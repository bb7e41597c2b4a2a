"""What people ask the metadata store of one pipeline: through its node while that is ready, else through a child of
the loader that reads the store's files. So reading answers also when the pipeline is down.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

from anacostia_daemon.supervisor.loop import Handle
from anacostia_daemon.supervisor.pipeline import Pipeline
from anacostia_daemon.supervisor.store_query import UNAVAILABLE, Answer, StoreQuery
from node_sdk.errors import BadMessage
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.loader import Query, QueryAnswer
from node_sdk.wire.store import OPERATOR, Count, Operation, Select, StoreReply, StoreRequest

LOADER_TIMEOUT = 120.0  # seconds; the file may have to be loaded first


class Questions:
    """The questions of one pipeline that wait for their answers."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline, self._loop = pipeline, pipeline.around.loop
        self._query: StoreQuery | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, tuple[Answer, Handle]] = {}
        self._closed = False
        pipeline.hearing.answered, pipeline.hearing.lost = self._answered, self._lost
        pipeline.idle_loader = lambda: not self._asked
        pipeline.cancelling.askable, pipeline.cancelling.ask = lambda: self.store_is_ready, self.ask

    @property
    def store_is_ready(self) -> bool:
        return self._pipeline.nodes[self._pipeline.graph.store.name].state.phase == "ready"

    def ask(self, operation: Operation, answer: Answer) -> None:
        """Call `answer` with the store's reply; of kind UNAVAILABLE where there is none."""
        if not self.store_is_ready:
            self._read(operation, answer)
        elif isinstance(operation, (Select, Count)):
            self._line().ask(operation, partial(self._or_read, operation, answer))
        else:
            self._line().ask(operation, answer)

    def ask_loader(self, operation: Operation, answer: Answer) -> None:
        """Have a child of the loader answer, also while the store is up: it has the pipeline's code."""
        self._read(operation, answer)

    def _or_read(self, operation: Operation, answer: Answer, reply: StoreReply) -> None:
        """A store that cannot do its work, on a full disk say, can yet be read."""
        if reply.kind == UNAVAILABLE and not self._closed:
            self._read(operation, answer)
        else:
            answer(reply)

    def _read(self, operation: Operation, answer: Answer) -> None:
        number = next(self._numbers)
        timeout = self._loop.call_at(
            self._loop.now() + LOADER_TIMEOUT,
            lambda: self._finish(number, f"no answer within {LOADER_TIMEOUT:g} s; see the loader's log"),
        )
        self._asked[number] = (answer, timeout)
        self._pipeline.keeper.send(Query(number, encode(StoreRequest(number, OPERATOR, 0, operation))))

    def close(self) -> None:
        """Tell all who wait that there will be no answer."""
        self._closed = True
        self._lost("the daemon no longer has this pipeline")
        if self._query is not None:
            self._query.close()
            self._query = None

    def _line(self) -> StoreQuery:
        if self._query is None:
            around = self._pipeline.around
            inbox = around.home.inbox(self._pipeline.name, self._pipeline.graph.store.name)
            self._query = StoreQuery(self._loop, around.link.context(), inbox)
        return self._query

    def _answered(self, answer: QueryAnswer) -> None:
        if answer.reply is None:
            self._finish(answer.id, answer.error)
            return
        try:
            self._finish(answer.id, decode(answer.reply, StoreReply))
        except BadMessage as error:
            self._finish(answer.id, str(error))

    def _lost(self, message: str) -> None:
        for number in list(self._asked):
            self._finish(number, message)

    def _finish(self, number: int, reply: StoreReply | str) -> None:
        answer, timeout = self._asked.pop(number, (None, None))
        if answer is None or timeout is None:
            return
        timeout.cancel()
        self._pipeline.changed = True  # the loader may have been kept for this question alone
        answer(StoreReply(number, error=reply, kind=UNAVAILABLE) if isinstance(reply, str) else reply)


def ask_all(
    questions: Questions,
    operations: list[Operation],
    then: Callable[[list[Any]], None],
    otherwise: Callable[[str], None],
) -> None:
    """Ask everything at once; `then` with all values in order, or `otherwise` with the first error."""
    values: dict[int, Any] = {}
    failed: list[str] = []

    def take(index: int, reply: StoreReply) -> None:
        if reply.error is not None:
            if not failed:
                otherwise(reply.error)
            failed.append(reply.error)
            return
        values[index] = reply.value
        if len(values) == len(operations):
            then([values[each] for each in range(len(operations))])

    for index, operation in enumerate(operations):
        questions.ask(operation, lambda reply, index=index: take(index, reply))  # type: ignore[misc]
