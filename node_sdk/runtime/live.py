"""What a node's process has: its node object, its sockets, its files. Shared by the main loops of the three kinds."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol

import zmq

from node_sdk.errors import Fenced, Recalled, RunCancelled, TaskTimeout
from node_sdk.nodes.binding import Binding, StoreAccess
from node_sdk.pulse import Pulse
from node_sdk.runtime.channel import milliseconds
from node_sdk.runtime.ears import Ears, Ready
from node_sdk.runtime.flight import FlightRecorder
from node_sdk.runtime.inbox import Inbox
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.lines import Lines
from node_sdk.runtime.link import Link
from node_sdk.runtime.log_watch import LogWatch
from node_sdk.runtime.outbox import Outbox
from node_sdk.runtime.store_client import StoreClient
from node_sdk.runtime.watch import TaskWatch
from node_sdk.wire.link import LastWords

if TYPE_CHECKING:
    from node_sdk.pipeline import Pipeline
    from node_sdk.rotation import Rotation

LONGEST_FAREWELL = 2.0  # seconds until a process that gives up ends, come what may
FENCED = 70  # exit code of a process that a newer incarnation has taken over from

LOG = logging.getLogger("anacostia.runtime")


class Ending(BaseException):
    """This process cannot go on, and ends with these last words. No Exception, so that user code lets it pass."""

    def __init__(self, kind: Literal["setup", "error"], message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Source(Protocol):
    """Something with sockets that the main loop waits on."""

    def sources(self) -> Iterable[zmq.Socket[bytes]]: ...

    def deadline(self) -> float | None: ...


class Live:
    """The node of `launch` in this process. Its link beats once started; `open` makes it reachable."""

    def __init__(
        self,
        pipeline: Pipeline,
        launch: Launch,
        interrupt: Interrupt,
        lines: Lines | None = None,
        rotation: Rotation | None = None,
    ) -> None:
        self._lines = lines = lines or Lines(launch.link, launch.endpoint(pipeline.graph.store.name))
        self.pipeline = pipeline
        self.launch = launch
        self.interrupt = interrupt
        self.graph = pipeline.graph.named(launch.pipeline)
        self.spec = self.graph.by_name[launch.node]
        self.successors = self.graph.successors[launch.node]
        self.node: Any = pipeline[launch.node]
        self.watch = TaskWatch(interrupt.recall, self.spec.stop_timeout, self._give_up)
        self.link = Link(
            lines.daemon,
            pipeline=launch.pipeline,
            node=launch.node,
            incarnation=launch.incarnation,
            heartbeat_timeout=self.spec.heartbeat_timeout,
            paused=launch.paused,
            heeds=self.spec.kind == "resource" and self.spec.monitoring,
            changed=interrupt.poke,
            watch=self.watch,
            pulse=Pulse(launch.pulse_file, launch.incarnation),
            log_watch=None if rotation is None else LogWatch(rotation),
            overdue=self._overdue,
        )
        self.context = lines.context
        self.outbox = Outbox(self.context, launch.node, launch.endpoint)
        self.inbox: Inbox
        self.flight: FlightRecorder
        self.store: StoreClient | None = None
        self.binding: Binding | None = None
        self._ears = Ears()
        self.is_set_up = False  # setup() has been called, so on_exit() is to be

    def open(self) -> None:
        """Bind the inbox: before hello, so that no signal that follows it is missed. Raises CannotBind, OSError."""
        self.inbox = Inbox(self.context, self.launch.inbox(self.launch.node))
        self.flight = FlightRecorder(self.launch.flight_file)

    def client(self) -> StoreClient:
        """A way to the metadata store over its inbox."""
        self.store = StoreClient(
            self._lines.store,
            self.launch.node,
            self.launch.incarnation,
            self.interrupt,
            fenced=self.fenced,
            over=self._over,
            alive=self.link.alive,
            pulse=self.link.interval,
        )
        return self.store

    def last_words(self, kind: Literal["setup", "fenced", "error", "timeout"], message: str, current: int = 0) -> None:
        """Tell the daemon why this process ends, and wait until it is told, for a second at most."""
        launch = self.launch
        self.link.last_words(LastWords(launch.pipeline, launch.node, launch.incarnation, kind, message, current))

    def bind(self, store: StoreAccess) -> Binding:
        """From here on the node objects of this process reach the store."""
        self.binding = Binding(
            pipeline=self.launch.pipeline,
            node=self.launch.node,
            incarnation=self.launch.incarnation,
            store=store,
            wake=self.interrupt.wake,
        )
        self.pipeline.bind(self.binding)
        return self.binding

    def wait(self, *sources: Source, also: Iterable[int] = (), inbox: bool = True) -> Ready:
        """Until the inbox, a source, a descriptor of `also` or the interrupt has something; what is readable.

        Without `inbox`, what arrives there stays there for now. The interrupt has something, too, when its wake-up was
        taken away since the flags were last read.
        """
        wanted: list[Any] = [self.inbox.socket, self.interrupt.fd, *also] if inbox else [self.interrupt.fd, *also]
        due: float | None = None
        for source in (self.outbox, *sources):
            wanted += source.sources()
            at = source.deadline()
            if at is not None and (due is None or at < due):
                due = at
        wait = None if due is None else milliseconds(due - time.monotonic())
        with self.link.unhurried():
            ready = self._ears.listen(wanted, 0 if self.interrupt.missed else wait)
        if self.interrupt.fd in ready or self.interrupt.missed:
            self.interrupt.clear()
        self.outbox.receive(ready)
        return ready

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Inside, user code works and may take as long as it likes; `status` shows `text`."""
        self.link.work(text)
        with self.link.unhurried():
            try:
                yield
            finally:
                self.link.work("idle")

    def fenced(self, error: Fenced) -> NoReturn:
        """A newer incarnation is at work: end."""
        # At once and from whichever thread: not one more line of an old process's work may run (law 3).
        LOG.error("%s; this process ends", error)
        self.last_words("fenced", str(error), error.current)
        os._exit(FENCED)

    def _overdue(self) -> None:
        """What the store was not told because it might be over soon is not over soon. In the link thread."""
        if self.store is not None:
            self.store.say_held()

    def _over(self, run_id: int) -> None:
        """The store has ended a task of this node. If it is the one in progress, nobody wants it any more: the daemon
        says so too, unless it died before it could."""
        if self.binding is not None and self.binding.task is not None and self.binding.task.run_id == run_id:
            self.watch.cancelled(run_id)
            self.link.poke()  # which has to end this process, should the task not let go

    def _give_up(self, called: Recalled) -> None:
        """The main thread was called back from its task and did not come: end it, and all that it has started.

        In the link thread. Nothing here may wait for the main thread, which may hold any lock: of logging, say.
        """
        if isinstance(called, TaskTimeout):
            self.flight.time_out()
        else:
            self.flight.clear()  # nobody wants to hear of that task any more
        message = f"its task {called}, and it did not let go within {self.spec.stop_timeout:g} s"
        if isinstance(called, RunCancelled):
            message = f"{called}, and it did not let go of its task within {self.spec.stop_timeout:g} s"
        with contextlib.suppress(OSError):
            os.write(2, f"{message}; this process ends\n".encode())
        threading.Timer(LONGEST_FAREWELL, _kill_all).start()
        self.last_words("timeout", message)
        _kill_all()


def _kill_all() -> None:
    """This process, and all of its group where it leads it."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def in_words(error: BaseException) -> str:
    """`ValueError: no such file`; at most 1000 characters."""
    text = str(error)
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:1000]
