"""The ledger: the laws of runs, once, for every store. It answers the requests of nodes on top of a store's tables.

All requests of one `answer` are one transaction (group commit), and what it returns may leave only after it has
returned: law 1. Decisions are in `rules`, what operations do is in the modules named after what they deal with; here
is who may ask (law 3) and what happens when something goes wrong. Knows neither SQL nor sockets.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from node_sdk.errors import AnacostiaError, Fenced, InvalidValue, Refused, StoreBroken, StoreUnavailable
from node_sdk.graph import GraphSpec
from node_sdk.metadata import artifacts, claims, hello, logged, reading, retrying, rules, runs, tasks
from node_sdk.metadata.board import NOT_WAITING, Board, Clock
from node_sdk.metadata.counting import Counts
from node_sdk.metadata.figures import Figures
from node_sdk.metadata.tables import Tables
from node_sdk.wire import store as wire
from node_sdk.wire.store import OPERATOR, StoreReply, StoreRequest

_LOG = logging.getLogger("anacostia.store")

Handler = Callable[[Board, StoreRequest, Any], Any]

_OPERATIONS: dict[type[wire.Operation], Handler] = {
    wire.Hello: hello.hello,
    wire.AskDue: hello.ask_due,
    wire.RecordArtifacts: artifacts.record,
    wire.ForgetArtifacts: artifacts.forget,
    wire.UpdateArtifact: artifacts.update,
    wire.TagArtifact: logged.tag_artifact,
    wire.TagRun: logged.tag_run,
    wire.Offer: claims.offer,
    wire.StartRun: claims.start_run,
    wire.Begin: tasks.begin,
    wire.Complete: tasks.complete,
    wire.Published: tasks.published,
    wire.EndAttempt: retrying.end_attempt,
    wire.EndRun: tasks.end_run,
    wire.RetryRun: retrying.retry_run,
    wire.LogMetrics: logged.log_metrics,
    wire.LogParams: logged.log_params,
    wire.SetTags: logged.set_tags,
    wire.Select: lambda board, by, operation: reading.select(board.tables, operation),
    wire.Count: lambda board, by, operation: reading.count(board, operation),
}
_READING = (wire.Select, wire.Count, wire.AskFigures)
# Nobody counts on these after a power failure: all processes are gone, so whoever said hello, or began, says so anew.
# What is logged lasts, at the latest, with the completion of its task.
_BRIEF = (*_READING, wire.Hello, wire.AskDue, wire.Begin, wire.LogMetrics, wire.LogParams, wire.SetTags)
_BY_HAND = (*_READING, wire.StartRun, wire.EndRun, wire.RetryRun, wire.UpdateArtifact, wire.TagArtifact, wire.TagRun)


@dataclass(frozen=True, slots=True)
class Answered:
    """Replies in the order of the requests, and (successor of the store, run id) to be signalled; now durable."""

    replies: list[StoreReply]
    signals: list[tuple[str, int]]


class Ledger:
    """Answers requests on `tables` for the pipeline `graph`; `clock` gives seconds since the epoch."""

    def __init__(self, tables: Tables, graph: GraphSpec, clock: Clock = time.time) -> None:
        self._tables = tables
        self._board = Board(tables, graph, clock)
        self.figures = Figures(node.name for node in graph.nodes if node.kind == "action")
        self._counts = Counts(self._board)
        self._prepared = False
        self._loaded = False
        self._owed: list[tuple[str, int]] = []  # signals of what became durable in an answer that was then cut short

    def prepare(self) -> None:
        """Once, before anything but reading is asked: make the tables know this graph, and go on with what is open.

        StoreBroken where they are those of another pipeline.
        """
        with self._tables.transaction():
            self._claim()
            self._board.load()
            self._adopt_graph()
        self._prepared = self._loaded = True

    @property
    def moves(self) -> int:
        """How often runs, tasks or artifacts have changed since this process began."""
        return self._board.moves

    def is_new(self) -> bool:
        """Whether the tables are empty: no ledger was ever prepared on them."""
        return not self._tables.select("identity", {})

    def is_at_home(self) -> bool:
        """Whether the tables, opened again, are those that this ledger has worked on, and not others in their place."""
        known = self._board.nodes.values()
        if [row["store_id"] for row in self._tables.select("identity", {})] != [self._board.store_id]:
            return False
        rows = {row["name"]: row for row in self._tables.select("nodes", {})}
        return all(each["name"] in rows and rows[each["name"]]["incarnation"] >= each["incarnation"] for each in known)

    def answer(self, requests: Sequence[StoreRequest]) -> Answered:
        """The durable answers to `requests`, done in this order.

        StoreUnavailable where the database cannot do its work: nothing is answered then, and clients ask again.
        """
        try:
            return self._in_one_transaction(requests)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one bad request must not cost the others their answers
            if len(requests) == 1:
                _LOG.exception("cannot answer %r", requests[0])
                return Answered([_failed(requests[0], error)], [])
        replies: list[StoreReply] = []
        for request in requests:
            answered = self.answer([request])
            replies += answered.replies
            self._owed += [signal for signal in answered.signals if signal not in self._owed]
        return Answered(replies, self._all_signals([]))

    def _in_one_transaction(self, requests: Sequence[StoreRequest]) -> Answered:
        board = self._board
        lasting = not all(map(self._is_brief, requests))
        try:
            with self._transaction(requests, lasting):
                if self._prepared and not self._loaded:
                    board.load()
                    self._loaded = True
                board.begin_transaction()
                replies = [self._reply(request) for request in requests]
                decided = time.perf_counter()
            if board.promised and not lasting:
                self._make_last()
        except BaseException:
            self._loaded = False  # the board says what was not committed
            raise
        if not all(isinstance(each.operation, _READING) for each in requests):
            self.figures.committed(time.perf_counter() - decided, len(requests))
            self.figures.happened(board.ended, board.hops)
        return Answered(replies, self._all_signals(board.signals))

    def _transaction(self, requests: Sequence[StoreRequest], lasting: bool) -> AbstractContextManager[None]:
        if self._loaded and all(isinstance(each.operation, _READING) for each in requests):
            return nullcontext()  # this process is the only writer: nothing changes in between
        return self._tables.transaction(lasting)

    def _is_brief(self, request: StoreRequest) -> bool:
        operation = request.operation
        if isinstance(operation, wire.RecordArtifacts) and not operation.lasting:
            return not (self._loaded and runs.may_start(self._board))
        return isinstance(operation, _BRIEF)

    def _make_last(self) -> None:
        """Bring what was committed to the disk: with a lasting transaction, all before it last, too."""
        with self._tables.transaction():
            self._tables.update("identity", {"number": 1}, {"number": 1})

    def _all_signals(self, new: list[tuple[str, int]]) -> list[tuple[str, int]]:
        owed, self._owed = self._owed, []
        return owed + [signal for signal in new if signal not in owed]

    def _reply(self, request: StoreRequest) -> StoreReply:
        try:
            self._check_asker(request)
            if isinstance(request.operation, wire.AskFigures):
                return StoreReply(request.seq, {**self.figures.shown(), **self._counts.shown()})
            value = _OPERATIONS[type(request.operation)](self._board, request, request.operation)
        except Fenced as error:
            return StoreReply(request.seq, error.current, str(error), error.kind)
        except Refused as error:  # raised before anything is written
            return StoreReply(request.seq, None, str(error), error.kind)
        except InvalidValue as error:
            return StoreReply(request.seq, None, str(error), "invalid")
        return StoreReply(request.seq, value)

    def _check_asker(self, request: StoreRequest) -> None:
        operation = type(request.operation)
        if operation not in _OPERATIONS and operation is not wire.AskFigures:
            raise Refused("invalid", f"cannot answer {operation.__name__}: it is no operation of a store")
        if not self._prepared and operation not in _READING:
            raise Refused("invalid", f"cannot do {operation.__name__}: this store is open for reading only")
        if request.node == OPERATOR:
            if operation not in _BY_HAND:
                raise Refused("invalid", f"cannot do {operation.__name__} by hand: it is for nodes")
        elif self._prepared:
            self._check_incarnation(request, operation)

    def _check_incarnation(self, request: StoreRequest, operation: type[wire.Operation]) -> None:
        node, said = self._board.node(request.node), request.incarnation
        known = self._board.nodes[node.name]["incarnation"]
        if said < known:
            raise Fenced(
                f"cannot do {operation.__name__} for incarnation {said} of {node.name!r}: "
                f"incarnation {known} has said hello",
                known,
            )
        if operation is not wire.Hello and said > known:
            raise Refused(
                "invalid", f"cannot do {operation.__name__} for incarnation {said} of {node.name!r}: it said no hello"
            )

    def _claim(self) -> None:
        """Tables belong to the pipeline that used them first: run numbers and nodes of two would be one muddle."""
        graph = self._board.graph
        known = self._tables.select("identity", {})
        if not known:
            self._tables.insert("identity", {"number": 1, "pipeline": graph.name, "store_id": uuid.uuid4().hex})
        elif known[0]["pipeline"] != graph.name:
            raise StoreBroken(
                f"cannot open the metadata store at {graph.store.uri} for pipeline {graph.name!r}: it belongs to "
                f"pipeline {known[0]['pipeline']!r}; give it a database, or a schema, of its own"
            )

    def _adopt_graph(self) -> None:
        board = self._board
        for spec in board.graph.nodes:
            if spec.name not in board.nodes:
                board.add_node(spec)
            board.set_node(spec.name, kind=spec.kind, type=spec.type)
        gone = {name for name in board.nodes if not _is_action(board.graph, name)}
        for name in gone:  # what it had made and not published, nobody else can
            why = f"node {name!r}, which made it, is no longer part of the pipeline"
            artifacts.lose(board, {"made_by_node": name, "published": False}, why)
            for run in board.runs.values():
                run.makers.discard(name)
        for run in list(board.runs.values()):
            for task in run.tasks.values():
                if task["node"] in gone and not rules.is_over(task["state"]):
                    why = f"node {task['node']!r} is no longer part of the pipeline"
                    board.set_task(task, state="cancelled", ended_at=board.now(), error=why, **NOT_WAITING)
            runs.settle(board, run)
        runs.start_due(board)


def _is_action(graph: GraphSpec, name: str) -> bool:
    return name in graph.by_name and graph.by_name[name].kind == "action"


def _failed(request: StoreRequest, error: Exception) -> StoreReply:
    doing = type(request.operation).__name__
    cause = str(error) if isinstance(error, AnacostiaError) else f"{type(error).__name__}: {error}"
    return StoreReply(request.seq, None, f"cannot do {doing} for {request.node!r}: {cause}", "invalid")
