"""Main loop of an action: one task at a time, the oldest run first.

A task is begun when the store says it is due or a signal says so; each (run, node) once per incarnation (law 1).
Completion is durable before outputs are published and signals leave (laws 1 and 5).
"""

from __future__ import annotations

import heapq
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from node_sdk.errors import Refused
from node_sdk.nodes.binding import Task
from node_sdk.runtime.interrupt import Stopping
from node_sdk.runtime.live import LOG, Ending, Live, in_words
from node_sdk.runtime.publishing import clear, publish
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.signals import Signal, SignalTaken
from node_sdk.wire.store import Begin, Complete, Published, TaskEnd, Welcome

LONGEST_ERROR = 8000  # characters of an error that the store keeps
MOST_KNOWN = 10_000  # runs remembered as executed or waiting


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """A task to execute. `doubtful`: it may be over already, so the store is asked before."""

    run_id: int
    attempt: int
    doubtful: bool


class Tasks:
    """Which tasks to execute, each once. `welcome` is what the store said when this incarnation began."""

    def __init__(self, welcome: Welcome) -> None:
        self._last_run_id = welcome.last_run_id
        self._waiting = [Wanted(due.run_id, due.attempts + 1, False) for due in welcome.due]
        heapq.heapify(self._waiting)
        self._known = {each.run_id for each in self._waiting}

    def signalled(self, run_id: int) -> None:
        """A predecessor says the task of `run_id` is due."""
        if run_id not in self._known:
            self._known.add(run_id)
            if len(self._known) > MOST_KNOWN:
                self._forget_oldest()
            heapq.heappush(self._waiting, Wanted(run_id, 1, run_id <= self._last_run_id))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def next(self) -> Wanted:
        """Take the task of the oldest run."""
        return heapq.heappop(self._waiting)

    def _forget_oldest(self) -> None:
        """Runs so long ago are doubtful from here on: the store is asked, should one be signalled again."""
        waiting = {each.run_id for each in self._waiting}
        oldest = sorted(self._known)[: MOST_KNOWN // 2]
        self._last_run_id = max(self._last_run_id, oldest[-1])
        self._known = self._known.difference(oldest) | waiting


class ActionLoop:
    """Executes the tasks of the action in `live`."""

    def __init__(self, live: Live, store: StoreClient, welcome: Welcome) -> None:
        self._live = live
        self._store = store
        self._tasks = Tasks(welcome)

    def serve(self) -> None:
        """Until Stopping is raised."""
        live = self._live
        while True:
            self._hear()
            live.interrupt.check()
            if self._tasks and not live.link.paused:
                self._execute(self._tasks.next())
            else:
                live.wait(self._store.channel)
                self._store.receive()

    def _hear(self) -> None:
        for sender, signal in self._live.inbox.receive(Signal):
            self._live.inbox.reply(sender, SignalTaken(signal.seq))
            self._tasks.signalled(signal.run_id)

    def _execute(self, wanted: Wanted) -> None:
        live = self._live
        task = Task(wanted.run_id, live.launch.node, wanted.attempt)
        with live.interrupt.held():  # a task that has begun may end, as long as the daemon lets us
            self._store.forgive()
            if not self._begin(task, wanted.doubtful):
                return
            assert live.binding is not None
            live.binding.task = task
            try:
                with live.working(f"executing run {task.run_id}, attempt {task.attempt}"):
                    state, error = Attempt(live.node, self._store).make()
                self._complete(task, state, error)
            finally:
                live.binding.task = None

    def _begin(self, task: Task, doubtful: bool) -> bool:
        begin = Begin(task.run_id, task.attempt)
        if doubtful:
            try:
                self._store.ask(begin)
            except Refused as error:
                LOG.log(10 if error.kind == "finished" else 40, "not executing run %d: %s", task.run_id, error)
                return False
        self._live.flight.begin(self._live.launch.incarnation, task.run_id, task.attempt)
        if not doubtful:
            self._store.tell(begin)
        return True

    def _complete(self, task: Task, state: TaskEnd, error: str | None) -> None:
        live = self._live
        outputs = () if state == "error" else tuple(task.outputs)  # half-done work is nobody's input
        try:
            successors = self._store.ask(Complete(task.run_id, task.attempt, state, error, outputs), settled=True)
        except Refused as refused:
            outputs = ()
            successors = self._complete_as_error(task, refused)
        live.flight.clear()
        if successors is None:
            return
        publish(live, outputs)
        if outputs:
            self._store.tell(Published(task.run_id))
        if task.outputs or task.attempt > 1:
            clear(live, task.run_id)
        for successor in successors:
            live.outbox.signal(successor, task.run_id)

    def _complete_as_error(self, task: Task, refused: Refused) -> Any:
        """What the store refuses to record as done ends as an error; None where the task is over without us."""
        error: str | None = str(refused)
        if refused.kind != "finished":
            try:
                return self._store.ask(Complete(task.run_id, task.attempt, "error", error), settled=True)
            except Refused as again:
                refused = again
        LOG.warning("run %d goes on without this task: %s", task.run_id, refused)
        return None


class Attempt:
    """One try: the hooks around `execute()`, as their names say."""

    def __init__(self, node: Any, store: StoreClient) -> None:
        self._node = node
        self._store = store
        self._slips: list[str] = []

    def make(self) -> tuple[TaskEnd, str | None]:
        """How it ended, and the error in words. A hook that raises is noted and changes nothing of the result."""
        node = self._node
        self._hook("before_execution", node.before_execution)
        state, error = self._execute()
        if state == "succeeded":
            self._hook("on_success", node.on_success)
        elif state == "failed":
            self._hook("on_failure", node.on_failure)
        self._hook("after_execution", node.after_execution)
        self._hook("a hook", self._store.settle)
        notes = [each for each in (error, *self._slips) if each]
        return state, bounded("\n".join(notes)) if notes else None

    def _execute(self) -> tuple[TaskEnd, str | None]:
        try:
            done = self._node.execute()
            self._store.settle()  # a value that the store refused is an error of this attempt
        except (Ending, Stopping):
            raise
        except BaseException as raised:  # noqa: BLE001  (SystemExit of user code ends the attempt, not the node)
            LOG.exception("execute() raised %s", in_words(raised))
            text = f"{in_words(raised)}\n{''.join(traceback.format_exception(raised))}"
            self._hook("on_error", partial(self._node.on_error, raised))
            return "error", text
        if done:
            return "succeeded", None
        return "failed", f"execute() returned {done!r}"

    def _hook(self, name: str, hook: Callable[[], Any]) -> None:
        try:
            hook()
        except (Ending, Stopping):
            raise
        except BaseException as raised:  # noqa: BLE001  (as above)
            LOG.exception("%s() raised %s; the result of execute() stands", name, in_words(raised))
            self._slips.append(f"{name}() raised {in_words(raised)}")


def bounded(text: str) -> str:
    """`text` fit to be kept: the first line and the end of what is too long, no half characters."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
    if len(text) <= LONGEST_ERROR:
        return text
    return f"{text[:1000]}\n[…]\n{text[-(LONGEST_ERROR - 1010) :]}"
