"""Main loop of an action: one task at a time, the oldest run first.

A task is begun when the store says it is due or a signal says so; each (run, node) once per incarnation (law 1), unless
an attempt failed and retries are left, or a person has the run retried. Completion is durable before outputs are
published and signals leave (laws 1 and 5).
"""

from __future__ import annotations

import dataclasses
import time
from collections import deque
from typing import Any

from node_sdk.errors import Refused, RunCancelled
from node_sdk.metadata import rules
from node_sdk.nodes.binding import Task
from node_sdk.runtime.attempt import Attempt
from node_sdk.runtime.live import LOG, Live
from node_sdk.runtime.publishing import clear, publish
from node_sdk.runtime.store_client import StoreClient
from node_sdk.runtime.tasks import Tasks, Wanted
from node_sdk.wire.codec import from_map
from node_sdk.wire.signals import Signal, SignalTaken
from node_sdk.wire.store import AskDue, Begin, Complete, Due, EndAttempt, Published, TaskEnd, Wake, Welcome

BRIEF = 0.05  # seconds; an attempt after one that took less is not said to have begun, unless it lasts


class ActionLoop:
    """Executes the tasks of the action in `live`."""

    def __init__(self, live: Live, store: StoreClient, welcome: Welcome) -> None:
        self._live = live
        self._store = store
        self._tasks = Tasks(welcome)
        self._wakes: deque[Wake] = deque()  # heard by whichever thread asks the store, taken up by the main one
        store.woken = self._wakes.append
        self._store_id = welcome.store_id
        self._is_brief = False  # whether the last attempt was
        before = [live.graph.by_name[each] for each in live.spec.predecessors]
        self._resources = {each.name for each in before if each.kind == "resource"}

    def serve(self) -> None:
        """Until Stopping is raised."""
        live = self._live
        while True:
            for run_id in live.watch.take_cancelled():
                self._tasks.cancelled(run_id)
            while self._wakes:
                wake = self._wakes.popleft()
                self._tasks.woken(wake.run_id, (wake.source, wake.attempt))
            live.interrupt.check()
            wanted = None if live.link.paused else self._tasks.next()
            if wanted is not None:
                self._take_up(wanted)
                self._hear()  # an older run may have come: it goes first
                continue
            ready = live.wait(self._store.channel, *(() if live.link.paused else (self._tasks,)))
            self._store.receive(ready)
            if live.inbox.socket in ready:
                self._hear()

    def _hear(self) -> None:
        for sender, signal in self._live.inbox.receive(Signal):
            self._live.inbox.reply(sender, SignalTaken(signal.seq))
            by_resource = signal.source in self._resources
            self._tasks.signalled(signal.run_id, (signal.source, signal.attempt), by_resource=by_resource)

    def _take_up(self, wanted: Wanted) -> None:
        self._store.forgive()
        try:
            confirmed = self._confirm(wanted) if wanted.doubtful else wanted
            if confirmed is not None:
                self._execute(confirmed)
        except Refused as error:  # before anything was begun
            LOG.log(10 if error.kind == "finished" else 40, "not executing run %d: %s", wanted.run_id, error)

    def _confirm(self, wanted: Wanted) -> Wanted | None:
        """What the store says is to be done now; what is to be done later waits."""
        answer = self._store.ask(AskDue(wanted.run_id), settled=True)
        if answer is None:
            LOG.debug("not executing run %d: its task is over, or not due", wanted.run_id)
            return None
        due = from_map(answer, Due)
        if due.wait > 0:
            self._tasks.add(due)
            return None
        return Wanted(due.run_id, due.attempts + 1, failures=due.failures)

    def _execute(self, wanted: Wanted) -> None:
        live = self._live
        task = Task(wanted.run_id, live.launch.node, wanted.attempt, self._store_id)
        begin = Begin(task.run_id, task.attempt)
        if task.attempt > 1:  # it may have waited long, and its run may have been cancelled
            self._store.ask(begin, settled=True)
        with live.interrupt.held():  # a task that has begun may end, as long as the daemon lets us
            live.flight.begin(live.launch.incarnation, task.run_id, task.attempt)
            began = time.monotonic()
            if task.attempt == 1 and self._is_brief:
                self._store.hold(begin)
            elif task.attempt == 1:
                self._store.tell(begin)
            state, error = self._attempt(task)
            self._is_brief = time.monotonic() - began < BRIEF
            if isinstance(live.watch.called, RunCancelled):
                self._give_back(task)
            else:
                self._end(wanted, task, state, error)

    def _attempt(self, task: Task) -> tuple[TaskEnd, str | None]:
        live, watch = self._live, self._live.watch
        assert live.binding is not None
        live.binding.task = task
        try:
            with (
                live.working(f"executing run {task.run_id}, attempt {task.attempt}"),
                watch.over(task.run_id, live.spec.timeout),
            ):
                if live.spec.timeout is not None:
                    live.link.poke()
                return Attempt(live.node, self._store, live.interrupt.recall.run, lambda: watch.called).make()
        finally:
            live.binding.task = None

    def _give_back(self, task: Task) -> None:
        """Its run was cancelled: nothing of it is recorded. Should a person want it again already, the store says."""
        LOG.info("%s; nothing of this task is recorded", self._live.watch.called)
        self._store.take_back()
        self._live.flight.clear()
        clear(self._live, task.run_id)
        self._tasks.signalled(task.run_id)

    def _end(self, wanted: Wanted, task: Task, state: TaskEnd, error: str | None) -> None:
        failures = wanted.failures + 1
        wait = None if state == "succeeded" else rules.retry_wait(self._live.spec, failures)
        if state == "succeeded" or wait is None:
            self._complete(task, state, error)
            return
        try:
            self._store.ask(EndAttempt(task.run_id, task.attempt, state, error, wait), settled=True)
        except Refused as refused:
            if refused.kind != "finished":
                self._complete(task, "error", f"{refused}\n{error}")
                return
            LOG.warning("run %d goes on without this task: %s", task.run_id, refused)
        else:
            self._tasks.add(Due(task.run_id, task.attempt, wait, failures))
            LOG.info("run %d: attempt %d of %d in %g s", task.run_id, failures + 1, self._live.spec.retries + 1, wait)
            self._live.link.work(f"waits {wait:g} s to try run {task.run_id} again")
        self._live.flight.clear()
        clear(self._live, task.run_id)

    def _complete(self, task: Task, state: TaskEnd, error: str | None) -> None:
        live = self._live
        outputs = () if state == "error" else tuple(task.outputs)  # half-done work is nobody's input
        complete = Complete(task.run_id, task.attempt, state, error, outputs, self._store.take_back())
        try:
            successors = self._store.ask(complete, settled=True)
        except Refused as refused:
            outputs = ()
            successors = self._complete_as_error(complete, refused)
        live.flight.clear()
        if successors is None:
            clear(live, task.run_id)
            return
        if outputs:
            lost = publish(live, outputs)
            successors = self._store.ask(Published(task.run_id, lost), settled=True)
        if task.outputs or task.attempt > 1 or state != "succeeded":
            clear(live, task.run_id)
        for successor in successors:
            live.outbox.signal(successor, task.run_id, task.attempt)

    def _complete_as_error(self, complete: Complete, refused: Refused) -> Any:
        """What the store refuses to record as done ends as an error; None where the task is over without us."""
        if refused.kind != "finished":
            as_error = dataclasses.replace(complete, state="error", error=str(refused), outputs=())
            try:
                return self._store.ask(as_error, settled=True)
            except Refused as again:
                refused = again
        LOG.warning("run %d goes on without this task: %s", complete.run_id, refused)
        return None
