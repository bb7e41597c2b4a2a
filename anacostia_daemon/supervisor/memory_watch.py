"""Looks every second or two whether a node with a `memory_limit` uses more. While no such node runs, nothing is looked
at and no timer runs (law 8); what becomes of one that uses more, the core decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from anacostia_daemon.core.events import Exceeded
from anacostia_daemon.process.footprint import Scales, relatives
from anacostia_daemon.supervisor.loop import Handle, Loop
from anacostia_daemon.supervisor.pipeline import Pipeline
from anacostia_daemon.supervisor.settings import Settings
from anacostia_daemon.supervisor.watched import Watched


class MemoryWatch:
    """Over all pipelines that `pipelines` gives."""

    def __init__(self, loop: Loop, settings: Settings, pipelines: Callable[[], Iterable[Pipeline]]) -> None:
        self._loop, self._settings, self._pipelines = loop, settings, pipelines
        self._timer: Handle | None = None
        self._scales = Scales()

    def arm(self) -> None:
        """Look after `memory_interval` seconds, where there is something to look at."""
        if self._timer is None and any(True for _ in self._limited()):
            self._timer = self._loop.call_at(self._loop.now() + self._settings.memory_interval, self._look)

    def _look(self) -> None:
        self._timer = None
        known = self._known()
        marks = set()
        for pipeline, name, node in list(self._limited()):
            state, limit = node.state, node.state.spec.limits.memory_limit
            if state.pid is None or limit is None:
                continue
            adopters = {os.getpid(), *_loaders(pipeline)}
            mark = pipeline.mark(name, state.incarnation)
            marks.add(mark)
            used = self._scales.used_above(mark, limit, relatives(state.pid, mark, adopters, known))
            if used is not None:
                pipeline.feed(name, Exceeded(state.incarnation, too_much(used, limit)))
        self._scales.keep(marks)
        self.arm()

    def _limited(self) -> Iterator[tuple[Pipeline, str, Watched]]:
        """The nodes with a limit that have a process."""
        for pipeline in self._pipelines():
            for name, node in pipeline.nodes.items():
                state = node.state
                alive = state.pid is not None and state.phase in ("starting", "ready", "stopping")
                if state.spec.limits.memory_limit is not None and alive:
                    yield pipeline, name, node

    def _known(self) -> set[int]:
        """Processes that are nobody's orphans."""
        found: set[int] = set()
        for pipeline in self._pipelines():
            found.update(pid for each in pipeline.nodes.values() if (pid := each.state.pid) is not None)
            found.update(_loaders(pipeline))
        return found


def _loaders(pipeline: Pipeline) -> Iterator[int]:
    return (pid for each in pipeline.loaders if (pid := each.pid) is not None)


def too_much(used: int, limit: int) -> str:
    """In words, for status and journal."""
    return f"used {_mebibytes(used)} of memory, more than its memory_limit of {_mebibytes(limit)}"


def _mebibytes(number: int) -> str:
    return f"{number / (1 << 20):.4g} MiB"
