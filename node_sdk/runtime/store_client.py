"""The way to the metadata store over a socket: `ask` waits for the durable answer, `tell` does not.

Requests leave in the order of the calls and are repeated in that order, so what is told is durable before any later
ask is answered. User threads may use it too: a lock guards the channel.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from node_sdk.errors import BadMessage, Fenced, InvalidValue, NotRunning, Refused
from node_sdk.runtime.channel import Channel, milliseconds
from node_sdk.runtime.ears import Ears, Ready
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.store import Begin, Operation, StoreReply, StoreRequest, Wake

MOST_OUTSTANDING = 1000  # requests told and not yet answered; then `tell` waits too …
MOST_BYTES = 4 * 2**20  # … as it does when they are as large as this together

_LOG = logging.getLogger("anacostia.runtime")


class StoreClient:
    """`binding.StoreAccess` over `channel`, as incarnation `incarnation` of `node`.

    `fenced` is called at the first answer that says a newer incarnation is at work; in a node it ends the process.
    `over` is called with the run where what was told of its task came too late: somebody else has ended that task.
    `alive` is called while the main thread waits, for the heartbeat, at least every `pulse` seconds.
    """

    def __init__(
        self,
        channel: Channel,
        node: str,
        incarnation: int,
        interrupt: Interrupt,
        *,
        fenced: Callable[[Fenced], None] = lambda error: None,
        over: Callable[[int], None] = lambda run_id: None,
        alive: Callable[[], None] = lambda: None,
        pulse: float = 5.0,
    ) -> None:
        self.channel = channel
        self._node = node
        self._incarnation = incarnation
        self._interrupt = interrupt
        self._fenced = fenced
        self._over = over
        self._alive = alive
        self._pulse = pulse
        self._lock = threading.RLock()
        self._shield = interrupt.recall.shielded  # user code may be called back at any instant (see recall.py)
        self._ears = Ears()
        self._seq = 0
        self._answers: dict[int, StoreReply | None] = {}  # of asks; None until it is there
        self._told: dict[int, Operation] = {}
        self._refusals: list[Refused] = []  # of tells, to be raised at the next ask
        self._held: tuple[Begin, float] | None = None  # told, not sent yet; and when it was told
        self._pid = os.getpid()
        self.woken: Callable[[Wake], None] = lambda wake: None  # called with what the store says unasked

    def ask(self, operation: Operation, *, settled: bool = False) -> Any:
        """The durable answer to `operation`. Raises Refused where the store says no; also, unless `settled`, for
        what was told before and refused."""
        with self._shield, self._lock:
            if not settled:
                self.settle()
            return self.answer_to(self._send(operation, asked=True))

    def begin(self, operation: Operation) -> int:
        """Send `operation` and go on; `answer_to` what this returns gives the answer."""
        with self._shield, self._lock:
            return self._send(operation, asked=True)

    def answer_to(self, seq: int) -> Any:
        """The durable answer to what `begin` has sent. Raises Refused where the store says no."""
        with self._shield, self._lock:
            try:
                while (reply := self._answers[seq]) is None:
                    self._wait()
            finally:
                del self._answers[seq]
        error = refusal(reply)
        if error is not None:
            raise error
        return reply.value

    def tell(self, operation: Operation) -> None:
        """Send `operation` and go on; waits only while very much is outstanding."""
        with self._shield, self._lock:
            if self._told:
                self._receive()
            while self.channel.outstanding >= MOST_OUTSTANDING or self.channel.outstanding_bytes >= MOST_BYTES:
                self._wait()
            self._send(operation, asked=False)

    @property
    def waits(self) -> bool:
        """Whether something was told that is not answered yet."""
        return bool(self._told)

    def hold(self, operation: Begin) -> None:
        """As `tell`, but sent before whatever is sent next, or by `say_held`, or not at all (`take_back`)."""
        self._held = (operation, time.monotonic())

    def take_back(self) -> float | None:
        """What is held need not be sent. Returns how many seconds it was; None where nothing is."""
        with self._shield, self._lock:
            held, self._held = self._held, None
            return None if held is None else time.monotonic() - held[1]

    def say_held(self) -> None:
        """Send what is held; for another thread, so it does not wait. Who has the lock now says it before he sends."""
        if self._held is not None and self._lock.acquire(blocking=False):
            try:
                self._send_held()
            finally:
                self._lock.release()

    def settle(self) -> None:
        """Take in what has arrived; raise the first refusal of a `tell` that nobody has heard of yet."""
        if not self._told and not self._refusals:
            return
        with self._shield, self._lock:
            self._receive()
            if self._refusals:
                raise self._refusals.pop(0)

    def forgive(self) -> None:
        """What was refused until now (it stands in the log) is no concern of what comes next."""
        if not self._told and not self._refusals:
            return
        with self._shield, self._lock:
            self._receive()
            self._refusals.clear()

    def receive(self, ready: Ready) -> None:
        """Take in what has arrived. For the main loop, where something is `ready`."""
        if self.channel.concerns(ready):
            with self._shield, self._lock:
                self._receive(ready)

    def flush(self, seconds: float) -> None:
        """Wait until everything told is durable, `seconds` at most."""
        until = time.monotonic() + seconds
        with self._shield, self._lock, self._interrupt.held():
            while self._told and (left := until - time.monotonic()) > 0:
                self._wait(left)

    def _send_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            begin, since = held
            self._send(dataclasses.replace(begin, seconds=time.monotonic() - since), asked=False)

    def _send(self, operation: Operation, *, asked: bool) -> int:
        if self._held is not None:
            self._send_held()
        if os.getpid() != self._pid:
            raise NotRunning(
                f"cannot reach the metadata store from process {os.getpid()}: it was forked inside node "
                f"{self._node!r}, and only the node's own process speaks for it; return the values to it instead"
            )
        try:
            data = encode(StoreRequest(self._seq + 1, self._node, self._incarnation, operation, not asked))
        except BadMessage as error:
            raise InvalidValue(f"cannot record {type(operation).__name__} for node {self._node!r}: {error}") from error
        self._seq += 1
        if asked:
            self._answers[self._seq] = None
        else:
            self._told[self._seq] = operation
        self.channel.send(self._seq, data)
        return self._seq

    def _wait(self, most: float | None = None) -> None:
        """Until something arrives or is due, then take it in."""
        wanted: list[Any] = [*self.channel.sources()]
        main = threading.current_thread() is threading.main_thread()
        if main:  # a user's thread would take wake-ups away that are for the main thread
            self._interrupt.check()
            self._alive()
            wanted.append(self._interrupt.fd)
        due = self.channel.deadline()
        wait = self._pulse if most is None else min(self._pulse, most)
        if due is not None:
            wait = min(wait, due - time.monotonic())
        ready = self._ears.listen(wanted, milliseconds(wait))
        if self._interrupt.fd in ready:
            self._interrupt.pass_over()
        self._receive(ready)

    def _receive(self, ready: Ready | None = None) -> None:
        for data in self.channel.receive(ready):
            try:
                said = decode(data, StoreReply, Wake)
            except BadMessage as garbage:
                _LOG.error("cannot read an answer of the metadata store: %s", garbage)
                continue
            if isinstance(said, Wake):
                self.woken(said)
            elif isinstance(said, StoreReply):
                self._take(said)

    def _take(self, reply: StoreReply) -> None:
        told = self._answered(reply.seq)
        error = refusal(reply)
        if isinstance(error, Fenced):
            self._fenced(error)
        if self._answers.get(reply.seq, reply) is None:
            self._answers[reply.seq] = reply
        elif told is not None and error is not None:
            self._note(told, error)

    def _answered(self, seq: int) -> Operation | None:
        """Request `seq` has its answer, and what was told before it; returns what was told by it."""
        self.channel.answered(seq)
        for earlier in list(itertools.takewhile(lambda each: each < seq, self._told)):
            self.channel.answered(earlier)
            del self._told[earlier]
        return self._told.pop(seq, None)

    def _note(self, told: Operation, error: Refused) -> None:
        name, run_id = type(told).__name__, getattr(told, "run_id", None)
        if error.kind == "finished":  # the run was ended meanwhile; the task's completion hears it as well
            _LOG.info("%s came too late: %s", name, error)
            if run_id is not None:
                self._over(run_id)
            return
        _LOG.error("the metadata store refused %s: %s", name, error)
        self._refusals.append(error)


def refusal(reply: StoreReply) -> Refused | None:
    """The error that `reply` stands for, if it does."""
    if reply.kind is None and reply.error is None:
        return None
    message = reply.error or "refused without a reason"
    if reply.kind == "fenced":
        return Fenced(message, reply.value if isinstance(reply.value, int) else 0)
    return Refused(reply.kind or "invalid", message)
