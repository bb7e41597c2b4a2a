"""Actions: nodes that execute a job when their predecessors have finished for a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from node_sdk.errors import NotRunning
from node_sdk.graph import NodeSpec, TriggerRule
from node_sdk.nodes.base import BaseNode, Loggers
from node_sdk.nodes.binding import Task


class BaseActionNode(BaseNode):
    """Derive from this and override `execute`. Hooks are called as their names say; see each.

    `trigger_rule` says when the task of a run is due, once its predecessors' tasks are over: `all_success` (the
    default), `all_done` (however they ended) or `one_success`. Where it cannot hold, the task is skipped.

    A task that failed, raised or took longer than `timeout` seconds is tried again up to `retries` times, the first
    time after `retry_delay` seconds, each further time after twice as long (an hour at most, unless the delay is more).

    Execution is at least once: a task that a crash interrupted is executed again, with the next `attempt`. What it
    recorded in the store counts once.
    """

    kind = "action"
    trigger_rule: TriggerRule = "all_success"
    retries: int = 0
    retry_delay: float = 0.0
    timeout: float | None = None

    def __init__(self, name: str, predecessors: Sequence[BaseNode], loggers: Loggers = None) -> None:
        super().__init__(name, predecessors, loggers)

    def execute(self, *args: Any, **kwargs: Any) -> bool:
        """Do the job of one run. True: succeeded; False: failed; an exception: error."""
        raise NotImplementedError(f"node {self.name!r}: {type(self).__name__} does not override execute()")

    def before_execution(self) -> None:
        """Called before `execute`."""

    def after_execution(self) -> None:
        """Called after `execute` and the hook of its outcome, whatever that was."""

    def on_success(self) -> None:
        """Called when `execute` returned True."""

    def on_failure(self) -> None:
        """Called when `execute` returned False."""

    def on_error(self, e: Exception) -> None:
        """Called when `execute` raised `e`."""

    @property
    def run_id(self) -> int:
        """Number of the run whose task is being executed. NotRunning outside of a task."""
        return self._task("read run_id").run_id

    @property
    def attempt(self) -> int:
        """Which try of this task this is, from 1. NotRunning outside of a task."""
        return self._task("read attempt").attempt

    @property
    def task_key(self) -> str:
        """The same for every attempt of this task, different for every other, also of other pipelines and databases.

        An idempotency key for the outside: "STORE/RUN/NODE", STORE being random, chosen when the database was made.
        """
        return self._task("read task_key").key

    def _task(self, wish: str) -> Task:
        task = self.bound(wish).task
        if task is None:
            raise NotRunning(f"cannot {wish} of node {self.name!r}: it is executing no task now")
        return task

    def spec(self) -> NodeSpec:
        return dataclasses.replace(
            super().spec(),
            trigger_rule=self.trigger_rule,
            retries=self.retries,
            retry_delay=float(self.retry_delay),
            timeout=None if self.timeout is None else float(self.timeout),
        )
