"""What becoming a node goes through, gone through once by the process that stands by: as nobody, and talking to itself.

What is found out on the way is known then, and the pages that it writes are its own, so that nothing of this is left
to be done between the death of a node and the hello of the next. It may touch nothing that anybody else can see.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from node_sdk.runtime import flight, logs
from node_sdk.runtime.action import ActionLoop
from node_sdk.runtime.channel import Channel
from node_sdk.runtime.inbox import Inbox
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.limits import put_on
from node_sdk.runtime.lines import Lines
from node_sdk.runtime.live import Live
from node_sdk.runtime.mark import write_mark
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.codec import decode, encode, from_map, to_map
from node_sdk.wire.link import Beat, NodeMessage
from node_sdk.wire.store import Hello, StoreReply, StoreRequest, Welcome

if TYPE_CHECKING:
    from node_sdk.pipeline import Pipeline

_NOBODY = 0  # no incarnation has this number
_NUMBERS = itertools.count()


def rehearse(pipeline: Pipeline, launch: Launch, lines: Lines, called: int) -> None:
    """As the node of `launch`, which is told to nobody, over other sockets than `lines`. Ends early, with an
    exception, where the descriptor `called` becomes readable."""
    launch = decode(encode(launch), Launch)
    write_mark("")
    put_on(launch.limits, launch.node)
    _write_log(launch)
    flight.read(Path(os.devnull))
    with contextlib.ExitStack() as stage:
        interrupt = Interrupt()
        stage.callback(interrupt.close)
        live = Live(pipeline, launch, interrupt, lines)
        stage.callback(live.link.close)
        # A name without a file, gone with its socket: but that may take longer than until the next time.
        live.inbox = Inbox(lines.context, Path(f"@anacostia-{os.getpid()}-{next(_NUMBERS)}"))
        stage.callback(live.inbox.close)
        channel = Channel(lines.context, f"ipc://{live.inbox.path}")
        stage.callback(channel.close)
        store = StoreClient(channel, launch.node, _NOBODY, interrupt)
        ActionLoop(live, store, _greet(live, store, called))
        decode(encode(Beat(launch.pipeline, launch.node, _NOBODY, True, "idle")), NodeMessage)


def _greet(live: Live, store: StoreClient, called: int) -> Welcome:
    """Say hello, hear it, and answer."""
    greeting = store.begin(Hello())
    heard: list[tuple[bytes, StoreRequest]] = []
    while not heard:
        if called in live.wait(store.channel, also=(called,)):
            raise InterruptedError
        heard = list(live.inbox.receive(StoreRequest))
    for sender, request in heard:
        live.inbox.reply(sender, StoreReply(request.seq, to_map(Welcome(0, (), (), ()))))
    return from_map(store.answer_to(greeting), Welcome)


def _write_log(launch: Launch) -> None:
    """A line that nobody reads; where stdout and stderr go they go already."""
    logs.send_output_to(1)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        handler = logs.LineHandler(nowhere.fileno())
        handler.setFormatter(logs.NodeFormatter(launch.node))
        handler.emit(logging.makeLogRecord({"msg": "ready as incarnation %d", "args": (_NOBODY,)}))
