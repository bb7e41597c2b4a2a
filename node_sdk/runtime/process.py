"""The life of a node's process, the same for the first start and the hundredth (law 2): bind the inbox, say hello,
repeat what was cut short, be ready, work, end. Never returns; the exit code and the last words say how it ended.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from node_sdk.errors import Refused, StoreUnavailable
from node_sdk.metadata.ledger import Ledger
from node_sdk.rotation import Rotation
from node_sdk.runtime import flight, history, logs
from node_sdk.runtime.action import ActionLoop
from node_sdk.runtime.inbox import CannotBind
from node_sdk.runtime.interrupt import Interrupt, Stopping
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.lines import Lines
from node_sdk.runtime.live import LOG, Ending, Live, in_words
from node_sdk.runtime.publishing import publish_again
from node_sdk.runtime.resource import ResourceLoop
from node_sdk.runtime.store import OwnAccess, StoreLoop
from node_sdk.wire.codec import from_map
from node_sdk.wire.store import Hello, Welcome

if TYPE_CHECKING:
    from node_sdk.pipeline import Pipeline

FLUSH = 2.0  # seconds that what was told may take to become durable before the process ends
FAREWELL = 1.0  # seconds that signals may take to arrive; one that is busy or away hears of its task from the store


def run_node(pipeline: Pipeline, launch: Launch, lines: Lines | None = None) -> NoReturn:
    """Be the node of `launch`, one of `pipeline`, until told to end."""
    code = 1
    try:
        interrupt = Interrupt()
        interrupt.install()
        policy = pipeline.graph.by_name[launch.node].log_policy.over(launch.load.log_policy)
        rotation = Rotation(launch.log_file, policy)
        live = Live(pipeline, launch, interrupt, lines, rotation)
        greeting = _greet(live)
        logs.write_to(rotation)
        logs.take_over(pipeline.loggers, launch.node, lambda: _run_id(pipeline, launch.node), policy.level)
        code = _live(live, greeting)
    except BaseException:  # noqa: BLE001  (nothing above this frame: what is not said here is never said)
        traceback.print_exc()
    finally:
        _leave(code)


def _greet(live: Live) -> int | Ending:
    """Bind the inbox, and say hello to the store; the number of that request, or why it cannot be. All that need not
    come before it waits, for the answer takes longest."""
    try:
        live.open()
    except (CannotBind, OSError) as error:
        return Ending("setup", str(error))
    if live.spec.kind == "metadata_store":
        return 0
    store = live.client()
    live.bind(store)
    return store.begin(_hello(live))


def _live(live: Live, greeting: int | Ending) -> int:
    live.link.start()
    try:
        try:
            serve = _start(live, greeting)
            live.link.work("idle")
            live.link.ready()
            LOG.info("ready as incarnation %d", live.launch.incarnation)
            serve()
        except Stopping:
            pass
        _stop(live)
        live.link.close()
    except Ending as ending:
        LOG.error("%s", ending.message)
        live.last_words(ending.kind, ending.message)
        return 1
    except BaseException as error:  # noqa: BLE001  (the daemon must hear of it, whatever it is)
        LOG.exception("node %r ends", live.launch.node)
        live.last_words("error", f"node {live.launch.node!r} ended itself: {in_words(error)}")
        return 1
    return 0


def _start(live: Live, greeting: int | Ending) -> Callable[[], None]:
    """All that comes before being ready; returns the main loop."""
    if isinstance(greeting, Ending):
        raise greeting
    return _start_store(live) if live.spec.kind == "metadata_store" else _start_other(live, greeting)


def _start_store(live: Live) -> Callable[[], None]:
    note, uri = live.launch.history_file, live.spec.uri or ""
    try:
        with live.working("opening the store"):
            had_runs = live.node.lasts and history.is_noted(note, uri)
            if had_runs and not live.node.is_there():
                raise history.missing(note, uri)
            live.node.open()
            ledger = Ledger(live.node, live.graph, time.time)
            if had_runs and ledger.is_new():
                raise history.missing(note, uri)
            ledger.prepare()
            history.keep(note, uri)
    except StoreUnavailable as error:
        raise Ending("setup", str(error)) from error
    access = OwnAccess(live, ledger)
    live.bind(access)
    welcome = _welcome(live, lambda: access.ask(_hello(live)))
    _set_up(live)
    _signal_again(live, welcome)
    return StoreLoop(live, access).serve


def _start_other(live: Live, greeting: int) -> Callable[[], None]:
    live.link.work("waiting for the metadata store")
    store = live.store
    assert store is not None
    welcome = _welcome(live, lambda: store.answer_to(greeting))
    _set_up(live)
    assert live.binding is not None
    live.binding.store_id = welcome.store_id
    live.link.work("starting")
    publish_again(live, store, welcome)
    _signal_again(live, welcome)
    if live.spec.kind == "resource":
        resource = ResourceLoop(live, store, welcome)
        resource.watch()
        return resource.serve
    return ActionLoop(live, store, welcome).serve


def _hello(live: Live) -> Hello:
    launch = live.launch
    interrupted = flight.read(launch.flight_file)
    if interrupted is None:
        return Hello(crashed=launch.crashed)
    return Hello(
        interrupted.run_id,
        launch.crashed,
        interrupted.timed_out,
        interrupted_attempt=interrupted.attempt,
        interrupted_incarnation=interrupted.incarnation,
    )


def _welcome(live: Live, answer: Callable[[], Any]) -> Welcome:
    try:
        welcome = from_map(answer(), Welcome)
    except Refused as error:
        raise Ending("setup", f"cannot start node {live.launch.node!r}: the metadata store says: {error}") from error
    live.flight.clear()  # counted now; should we die before this line, the store knows by the incarnation
    return welcome


def _set_up(live: Live) -> None:
    name = live.launch.node
    live.is_set_up = True
    try:
        with live.working("setup"):
            live.node.setup()
    except (Stopping, Ending):
        raise
    except BaseException as error:
        LOG.exception("setup() failed")
        raise Ending("setup", f"setup() of node {name!r} raised {in_words(error)}") from error


def _signal_again(live: Live, welcome: Welcome) -> None:
    for each in welcome.unsignalled:
        for successor in each.successors:
            live.outbox.signal(successor, each.run_id)


def _stop(live: Live) -> None:
    live.link.work("stopping")
    with live.interrupt.held(), live.link.unhurried():
        if live.spec.kind == "resource" and live.spec.monitoring and live.is_set_up:
            _last(live.node.stop_monitoring)
        if live.is_set_up:
            _last(live.node.on_exit)
        if live.spec.kind == "metadata_store" and live.binding is not None:
            _last(live.node.close)
        if live.store is not None:
            live.store.flush(FLUSH)
        live.outbox.flush(min(FAREWELL, live.spec.stop_timeout / 4))
    LOG.info("ended as asked")


def _last(step: Callable[[], object]) -> None:
    """What is done at the end; the process ends whatever it raises."""
    try:
        step()
    except Exception:  # noqa: BLE001
        LOG.exception("%s() failed at the end", getattr(step, "__name__", "a step"))


def _run_id(pipeline: Pipeline, node: str) -> int | None:
    binding = pipeline[node]._binding
    return binding.task.run_id if binding is not None and binding.task is not None else None


def _leave(code: int) -> NoReturn:
    """End now. No interpreter shutdown: what a user's library left running must not keep a node from ending."""
    try:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
