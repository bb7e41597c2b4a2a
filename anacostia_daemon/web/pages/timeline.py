"""Where bars and ticks stand on a time axis, in percent of its width. Pure: facts in, places out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anacostia_daemon.web.pages.rendering import duration

Fact = dict[str, Any]

THINNEST = 0.35  # percent: what took no time can still be seen and clicked
MOST_TICKS = 7
MOST_LANES = 12  # of runs beside each other; further ones share the last one
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True)
class Bar:
    """`kind`: waiting, before (earlier attempts), or the state of what is drawn. `lane` counts from the top."""

    x: float
    width: float
    kind: str
    text: str
    run_id: int = 0
    lane: int = 0


@dataclass(frozen=True)
class Tick:
    x: float
    text: str

    @property
    def anchor(self) -> str:
        """Where its text is held, so that it stays inside."""
        return "start" if self.x < 4 else "end" if self.x > 94 else "middle"


@dataclass(frozen=True)
class Axis:
    """From one moment to another, in seconds since the epoch."""

    begin: float
    end: float

    def at(self, moment: float) -> float:
        """The place of a moment, in percent."""
        share = (moment - self.begin) / max(self.end - self.begin, 1e-9)
        return round(100 * min(1.0, max(0.0, share)), 3)

    def bar(self, begin: float, end: float, kind: str, text: str, run_id: int = 0, lane: int = 0) -> Bar:
        """What lasted from one moment to another; never too thin to be seen."""
        x = min(self.at(begin), 100 - THINNEST)
        return Bar(x, round(max(THINNEST, self.at(end) - x), 3), kind, text, run_id, lane)

    def elapsed(self) -> list[Tick]:
        """Ticks that count from the beginning: 0 s, 5 s, 10 s."""
        step = _step((self.end - self.begin) / MOST_TICKS)
        count = int((self.end - self.begin) / step + 1e-9)
        return [Tick(self.at(self.begin + n * step), _elapsed(n * step, step)) for n in range(count + 1)]

    def moments(self) -> list[Tick]:
        """Ticks that tell the time in UTC, at round ones."""
        step = _step((self.end - self.begin) / MOST_TICKS)
        first, last = math.ceil(self.begin / step), math.floor(self.end / step)
        words = "%d %b" if step >= 86400 else "%d %b %H:%M" if self.end - self.begin > 86400 else ""
        words = words or ("%H:%M" if step >= 60 else "%H:%M:%S")
        return [
            Tick(self.at(n * step), datetime.fromtimestamp(n * step, UTC).strftime(words))
            for n in range(first, last + 1)
        ]


def seconds_of(at: str) -> float:
    """A moment of the JSON shapes in seconds since the epoch."""
    return datetime.fromisoformat(at).timestamp()


def of_run(run: Fact, predecessors: dict[str, list[str]], now: float) -> tuple[Axis, dict[str, list[Bar]]]:
    """The bars of each task of a run. A task waits from when the last of its predecessors has ended (or the run has
    begun) until its attempt begins; of several attempts the last one is known, what was before it is one bar."""
    began = seconds_of(run["started_at"])
    tasks = {each["node"]: each for each in run["tasks"]}
    ends = [seconds_of(each["ended_at"]) for each in tasks.values() if each["ended_at"]]
    # A run that is opened again begins where it did; what is drawn ends with what ended last.
    end = now if run["state"] == "running" else max([began, seconds_of(run["ended_at"] or run["started_at"]), *ends])
    axis = Axis(began, max(end, began + 0.001))
    return axis, {
        name: _of_task(axis, task, _ready(task, tasks, predecessors, began), end) for name, task in tasks.items()
    }


def _ready(task: Fact, tasks: dict[str, Fact], predecessors: dict[str, list[str]], began: float) -> float | None:
    """When nothing kept it from beginning but its own node; None: it is not there yet."""
    before = [tasks[each] for each in predecessors.get(task["node"], ()) if each in tasks]
    if any(not each["ended_at"] for each in before):
        return None
    return max([began, *(seconds_of(each["ended_at"]) for each in before)])


def _of_task(axis: Axis, task: Fact, ready: float | None, end: float) -> list[Bar]:
    over = seconds_of(task["ended_at"]) if task["ended_at"] else end
    begun = seconds_of(task["started_at"]) if task["started_at"] else None
    bars = []
    waited_until = min(begun if begun is not None else over, over)
    if ready is not None and waited_until - ready > 0.001 and task["state"] not in ("skipped", "cancelled"):
        several = task["attempts"] > 1
        text = f"{task['node']}: {'earlier attempts' if several else 'waiting'}, {duration(waited_until - ready)}"
        bars.append(axis.bar(ready, waited_until, "before" if several else "waiting", text))
    if begun is not None and task["attempts"]:
        attempt = f", attempt {task['attempts']}" if task["attempts"] > 1 else ""
        text = f"{task['node']}: {task['state']}{attempt}, {duration(max(0.0, over - begun))}"
        bars.append(axis.bar(begun, over, task["state"], text))
    return bars


def of_runs(runs: list[Fact], now: float) -> tuple[Axis, list[Bar]] | None:
    """A bar for each run, those at the same time in lanes below each other; None where there is none."""
    if not runs:
        return None
    spans = sorted(
        ((seconds_of(each["started_at"]), _end(each, now), each) for each in runs), key=lambda each: each[:2]
    )
    axis = Axis(spans[0][0], max(max(end for _, end, _ in spans), spans[0][0] + 1))
    thinnest = (axis.end - axis.begin) * THINNEST / 100
    free: list[float] = []  # when each lane is free again
    bars = []
    for begin, end, run in spans:
        lane = next((n for n, until in enumerate(free) if until <= begin), len(free))
        if lane == len(free) and len(free) < MOST_LANES:
            free.append(0.0)
        lane = min(lane, MOST_LANES - 1)
        free[lane] = max(end, begin + thinnest)
        text = f"run {run['id']}: {run['state']}, {duration(end - begin)}"
        bars.append(axis.bar(begin, end, run["state"], text, run["id"], lane))
    return axis, bars


def of_tasks(run: Fact, longest: float, now: float) -> list[Bar]:
    """The tasks of one run in one line, from its own beginning on an axis that is `longest` seconds long."""
    began = seconds_of(run["started_at"])
    axis = Axis(began, began + max(longest, 0.001))
    return [
        axis.bar(
            seconds_of(task["started_at"]),
            seconds_of(task["ended_at"]) if task["ended_at"] else now,
            task["state"],
            f"{task['node']}: {task['state']}",
        )
        for task in run["tasks"]
        if task["started_at"] and task["attempts"]
    ]


def length(run: Fact, now: float) -> float:
    """How long a run has lasted, in seconds."""
    return max(0.0, _end(run, now) - seconds_of(run["started_at"]))


def _end(run: Fact, now: float) -> float:
    return seconds_of(run["ended_at"]) if run["ended_at"] else now


def _elapsed(seconds: float, step: float) -> str:
    return f"{1000 * seconds:.4g} ms" if step < 0.1 else duration(round(seconds, 3))


def _step(least: float) -> float:
    """A round number of seconds, not less than `least`."""
    for step in _STEPS:
        if least <= step and least > 0.5:
            return step
    if least > 0.5:
        return 86400.0 * math.ceil(least / 86400)
    power = 10.0 ** math.floor(math.log10(max(least, 1e-4)))
    return next(power * n for n in (1, 2, 5, 10) if least <= power * n)
