"""Answers one request from the store's files while the store node is down, or with a node's panel, in a process of its
own that reads only."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, NoReturn

from node_sdk.errors import AnacostiaError, BadMessage
from node_sdk.metadata.ledger import Ledger
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.panel import panel_of
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.loader import Query, QueryAnswer
from node_sdk.wire.store import Operation, ShowPanel, StoreReply, StoreRequest

if TYPE_CHECKING:
    from node_sdk.pipeline import Pipeline

LONGEST = 10  # seconds; then SIGALRM ends the process
MOST_WORDS = 2_000  # characters of an error


def run_query(pipeline: Pipeline, launch: Launch, answer_to: int) -> NoReturn:
    """Write a QueryAnswer to the descriptor `answer_to`, and end."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LONGEST)
    assert launch.query is not None
    try:
        data = encode(_answer(pipeline, launch, launch.query))
    except BadMessage as error:
        data = encode(QueryAnswer(launch.query.id, None, str(error)))
    while data:
        data = data[os.write(answer_to, data) :]
    sys.stderr.flush()
    os._exit(0)


def _answer(pipeline: Pipeline, launch: Launch, query: Query) -> QueryAnswer:
    asked: Operation | None = None
    try:
        request = decode(query.request, StoreRequest)
        asked = request.operation
        store: Any = pipeline[launch.node]
        store.open(read_only=True)
        graph = pipeline.graph.named(launch.pipeline)
        ledger = Ledger(store, graph, time.time)
        if isinstance(request.operation, ShowPanel):
            value = panel_of(pipeline, launch.pipeline, request.operation.node, ledger)
            reply = StoreReply(request.seq, value)
        else:
            reply = ledger.answer([request]).replies[0]
        return QueryAnswer(query.id, encode(reply), "")
    except AnacostiaError as error:
        return QueryAnswer(query.id, None, str(error))
    except Exception as error:  # noqa: BLE001  (a third party's store may raise anything; the asker must hear of it)
        cause = f"{type(error).__name__}: {error}"
        what = f"the panel of {asked.node!r}" if isinstance(asked, ShowPanel) else "the metadata store"
        return QueryAnswer(query.id, None, f"cannot read {what} of {launch.pipeline!r}: {cause}"[:MOST_WORDS])
