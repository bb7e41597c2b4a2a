"""Crash points: every durable step and every message of a process has a name, is counted, and can be made its last.

Installed from outside, around the code as it is: by the pipeline file in the loader (so in every process forked from
it) and by a launcher in the daemon. What crashes when stands in a file, so it can change while processes live.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LINGER = 200  # milliseconds that ZeroMQ gets to send what "after" a message means was sent


class Points:
    """The points of this process, which is called `me`, by the plan in the folder `root`.

    `plan.json`: {"token": t, "crashes": [[who, point], …], "trace": who}. A point is "name#n": the n-th of that name
    since the process has first seen the plan. The process `who` is killed there. Each crash happens once: the marker
    `crashes/t-i` says it has; the next one of the same process then counts in its next incarnation. Points that a
    process reaches with no crash before it are added to `trace` where the plan asks for it.
    """

    def __init__(self, root: Path, me: str) -> None:
        self.root = root
        self.become(me)

    def become(self, me: str) -> None:
        """This process is called so from here on, and begins to count."""
        self.me = me
        self._token: int | None = None
        self._counts: Counter[str] = Counter()
        self._resting = True

    def at(self, name: str, flush: Callable[[], None] | None = None) -> None:
        """A point is reached. `flush` makes sure that what was sent before it has left."""
        try:
            plan = json.loads((self.root / "plan.json").read_bytes())
        except FileNotFoundError:
            return
        if plan["token"] != self._token:
            self._token = plan["token"]
            self._counts.clear()
        self._counts[name] += 1
        point = f"{name}#{self._counts[name]}"
        if self.me in (plan["trace"], *(who for who, _ in plan["crashes"])):
            self._rest(False)
        for index, (who, where) in enumerate(plan["crashes"]):
            marker = self.root / "crashes" / f"{self._token}-{index}"
            if who == self.me and not marker.exists():
                if where == point:
                    self._die(marker, point, flush)
                return
        if plan["trace"] == self.me:
            with (self.root / "trace").open("a") as trace:
                trace.write(f"{point}\n")

    def rest(self) -> None:
        """The process has nothing to do. Said so that a replay ends only after the victim's last point."""
        self._rest(True)

    def _rest(self, resting: bool) -> None:
        if resting != self._resting:
            self._resting = resting
            busy = self.root / "busy" / f"{self.me}-{os.getpid()}"
            if resting:
                busy.unlink(missing_ok=True)
            else:
                busy.touch()

    def _die(self, marker: Path, point: str, flush: Callable[[], None] | None) -> None:
        if flush is not None:
            flush()
        (self.root / "busy" / f"{self.me}-{os.getpid()}").unlink(missing_ok=True)
        unfinished = marker.with_suffix(f".{os.getpid()}")
        unfinished.write_text(f"{self.me}: {point}")
        unfinished.rename(marker)
        os.kill(os.getpid(), signal.SIGKILL)


def in_nodes(points: Points) -> None:
    """Wrap what a loader and its nodes do."""
    from node_sdk.metadata import versions
    from node_sdk.metadata.database import Database
    from node_sdk.resources import staging
    from node_sdk.runtime import starting
    from node_sdk.runtime.channel import Channel
    from node_sdk.runtime.children import Children
    from node_sdk.runtime.conversation import Conversation
    from node_sdk.runtime.flight import FlightRecorder
    from node_sdk.runtime.inbox import Inbox
    from node_sdk.runtime.link import Link
    from node_sdk.runtime.live import Live
    from node_sdk.runtime.server import Server

    wrap = functools.partial(_wrap, points)
    wrap(Channel, "send", lambda self, seq, data: _name(data), flush=lambda self, *_: self._context)
    replied = functools.partial(wrap, before=False)  # the point before is the commit, or the reply to another
    replied(Inbox, "reply", lambda self, to, message: _word(message), flush=lambda self, *_: self.socket.context)
    _heard(points, Channel, "receive", "an answer")
    _each(points, Inbox, "receive", "heard")
    wrap(FlightRecorder, "begin", "flight.begin", before=False)
    wrap(FlightRecorder, "clear", "flight.clear", before=False)
    wrap(Live, "open", "binding the inbox", before=False)
    wrap(Link, "ready", "ready", before=False)
    for step in ("seal", "publish", "clear_staging"):
        wrap(staging, step, step, before=False)
    wrap(staging, "_sync_folders", "fsync of the folders", after=False)  # between a rename and it
    wrap(versions, "ensure", "making the tables", before=False)
    _transactions(points, Database)
    wrap(Conversation, "send", lambda self, message, **how: _word(message))
    _heard(points, Conversation, "receive", "the daemon")
    wrap(Children, "spawn", lambda self, launch: f"spawning {launch.node}", before=False)
    wrap(Children, "forget", "forgetting", before=False)
    _each(points, Children, "reap", "reaped")
    _become(points, starting)
    _resting(points, Live, "wait")
    _resting(points, Server, "_turn")


def in_daemon(points: Points) -> None:
    """Wrap what a daemon does."""
    from anacostia_daemon.journal.journal import Journal
    from anacostia_daemon.process.handle import ProcessHandle
    from anacostia_daemon.supervisor import keeper
    from anacostia_daemon.supervisor.daemon import Daemon
    from anacostia_daemon.supervisor.hearing import Hearing
    from anacostia_daemon.supervisor.loader_link import LoaderLink

    wrap = functools.partial(_wrap, points)
    wrap(LoaderLink, "send", lambda self, message: _word(message))
    wrap(keeper.LoaderKeeper, "_receive", lambda self, message: f"hearing {_word(message)}", after=False)
    wrap(keeper, "start_loader", "starting a loader")
    wrap(Hearing, "adopt", "adopting", before=False)
    wrap(ProcessHandle, "send", "a POSIX signal")
    wrap(ProcessHandle, "send_group", "a POSIX signal to a group")
    _turns(points, Journal)
    _resting(points, Daemon, "_end_turn")


def _wrap(
    points: Points,
    owner: Any,
    method: str,
    name: str | Callable[..., str],
    *,
    before: bool = True,
    after: bool = True,
    flush: Callable[..., Any] | None = None,
) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        what = name if isinstance(name, str) else name(*args, **kwargs)
        if before:
            points.at(f"before {what}")
        result = original(*args, **kwargs)
        if after:
            points.at(f"after {what}", flush and (lambda: flush(*args).destroy(linger=LINGER)))
        return result

    setattr(owner, method, wrapped)


def _heard(points: Points, owner: Any, method: str, name: str) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapped(self: Any, *ready: Any) -> Any:
        messages = original(self, *ready)
        if messages:
            points.at(f"heard {name}")
        return messages

    setattr(owner, method, wrapped)


def _each(points: Points, owner: Any, method: str, name: str) -> None:
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Iterator[Any]:
        for each in original(*args, **kwargs):
            points.at(f"{name} {_word(each[1]) if isinstance(each, tuple) else each.node}")
            yield each

    setattr(owner, method, wrapped)


def _transactions(points: Points, database: Any) -> None:
    original = database.transaction

    @contextlib.contextmanager
    def wrapped(self: Any, lasting: bool = True) -> Iterator[None]:
        with original(self, lasting):
            yield
            points.at("before commit")
        points.at("after commit")

    database.transaction = wrapped


def _turns(points: Points, journal: Any) -> None:
    original = journal.turn

    @contextlib.contextmanager
    def wrapped(self: Any) -> Iterator[None]:
        with original(self):
            yield
            begun = bool(self._pending)
            if begun:
                points.at("before journal commit")
        if begun:
            points.at("after journal commit")

    journal.turn = wrapped


def _become(points: Points, starting: Any) -> None:
    run_node, run_query, rehearse = starting.run_node, starting.run_query, starting.rehearse

    def node(pipeline: Any, launch: Any, lines: Any) -> None:
        points.become(launch.node)
        points.at("started")
        run_node(pipeline, launch, lines)

    def query(pipeline: Any, launch: Any, writer: int) -> None:
        points.become("query")
        run_query(pipeline, launch, writer)

    def nobody(*args: Any) -> None:
        points.become("standby")
        rehearse(*args)

    starting.run_node, starting.run_query, starting.rehearse = node, query, nobody


def _resting(points: Points, owner: Any, method: str) -> None:
    """What `method` ends, or waits for, is the work of a turn."""
    original = getattr(owner, method)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if method == "wait":
            points.rest()
            return original(*args, **kwargs)
        result = original(*args, **kwargs)
        points.rest()
        return result

    setattr(owner, method, wrapped)


def _name(data: bytes) -> str:
    from node_sdk.wire.codec import Message, decode
    from node_sdk.wire.store import StoreRequest

    message: Any = decode(data, Message)
    return type(message.operation).__name__ if isinstance(message, StoreRequest) else _word(message)


def _word(message: Any) -> str:
    """What a message is called, and which node it is about."""
    operation = getattr(message, "operation", None)
    if operation is not None:
        return type(operation).__name__
    about = getattr(message, "incarnation", None) is not None and getattr(message, "node", "")
    return f"{type(message).__name__} {about}".strip() if about else type(message).__name__
