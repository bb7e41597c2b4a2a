"""Conditions for starting a run, as values: `FilesystemStoreNode(..., trigger=at_least(10) | older_than(60))`.

A trigger is asked when something has happened, and says until when its answer stands if nothing else happens. So one
that depends on time needs one deadline, and nothing polls.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from node_sdk.errors import InvalidPipeline
from node_sdk.wire.store import Count, Select

if TYPE_CHECKING:
    from node_sdk.nodes.resource import BaseResourceNode

__all__ = ["Metric", "Trigger", "Verdict", "at_least", "metric", "older_than"]

MOST_ASKING = 5.0  # seconds that the store may take to answer
MOST_RUNS = 100  # of the newest, in which a metric is looked for


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a condition holds (None: nobody can say), and the time, in seconds since the epoch, at which that ends
    by itself (None: it does not)."""

    holds: bool | None
    until: float | None = None


class Trigger(ABC):
    """A condition; combine conditions with `&`, `|` and `~`.

    Who has no answer, as a metric that nobody has logged, takes part as in SQL: `unknown & False` is False,
    `unknown | True` is True, `~unknown` is unknown, and a run starts only where the whole is True.
    """

    @abstractmethod
    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        """What is so at `now`, seconds since the epoch."""

    def __and__(self, other: Trigger) -> Trigger:
        return _Both(self, _checked(other))

    def __or__(self, other: Trigger) -> Trigger:
        return ~(~self & ~_checked(other))

    def __invert__(self) -> Trigger:
        return _Not(self)

    def __bool__(self) -> bool:
        raise InvalidPipeline(
            "cannot use a trigger as a truth value: combine triggers with &, | and ~, not and, or, not"
        )


def at_least(n: int) -> Trigger:
    """Holds while at least `n` artifacts are new."""
    if type(n) is not int or n < 1:
        raise InvalidPipeline(f"cannot use at_least({n!r}): a whole number from 1 is needed")
    return _AtLeast(n)


def older_than(seconds: float) -> Trigger:
    """Holds once an artifact has been new for `seconds`."""
    if not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise InvalidPipeline(f"cannot use older_than({seconds!r}): a number of seconds from 0 is needed")
    return _OlderThan(float(seconds))


def metric(key: str, *, node: str | None = None, default: float | None = None) -> Metric:
    """The metric `key` as runs have logged it, all nodes together or only `node`; see the methods for conditions.

    One value per run, the last; of the newest runs that have ended and were not cancelled. While a run is under way
    there is no answer: its own value is still to come. `default` is the value where no run has logged any.
    """
    return Metric(key, node, default)


@dataclass(frozen=True, slots=True)
class Metric:
    """Made by `metric`; each method gives a Trigger. A resource is asked again whenever a run ends."""

    key: str
    node: str | None = None
    default: float | None = None

    def above(self, limit: float) -> Trigger:
        """Holds while the newest value is greater than `limit`."""
        return _Above(self, _number(limit))

    def below(self, limit: float) -> Trigger:
        """Holds while the newest value is less than `limit`."""
        return _Above(self, -_number(limit), sign=-1)

    def risen(self, by: float, *, runs: int = 1) -> Trigger:
        """Holds while the newest value is more than `by` above the mean of the last `runs` runs before it."""
        return _Risen(self, _number(by), _runs(runs))

    def fallen(self, by: float, *, runs: int = 1) -> Trigger:
        """Holds while the newest value is more than `by` below the mean of the last `runs` runs before it."""
        return _Risen(self, _number(by), _runs(runs), sign=-1)

    def values(self, resource: BaseResourceNode, most: int) -> list[float] | None:
        """The values of at most `most` runs, newest first; None while a run is under way."""
        store = resource.bound("read metrics").store
        if store.ask(Count("runs", {"state": "running"})):
            return None
        ended = {"state": ["succeeded", "failed"]}
        found: list[float] = []
        for run in store.ask(Select("runs", ended, descending=True, limit=MOST_RUNS)):
            found += self._of(store, run["id"])
            if len(found) >= most:
                break
        return found or ([] if self.default is None else [self.default])

    def _of(self, store: Any, run_id: int) -> Iterator[float]:
        where = {"run_id": run_id, "key": self.key, **({} if self.node is None else {"node": self.node})}
        return (row["value"] for row in store.ask(Select("metrics", where, descending=True, limit=1)))


@dataclass(frozen=True, slots=True)
class _AtLeast(Trigger):
    n: int

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        return Verdict(resource.get_num_artifacts("new") >= self.n)


@dataclass(frozen=True, slots=True)
class _OlderThan(Trigger):
    seconds: float

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        where = {"resource": resource.name, "state": "new"}
        oldest = resource.bound("read artifacts").store.ask(Select("artifacts", where, limit=1))
        if not oldest:
            return Verdict(False)
        since = oldest[0]["created_at"]
        # From the future: the clock was set back, who knows how far. Rather a run too early than one in a year. What is
        # recorded while we ask is a little later than `now`, too.
        if since > now + MOST_ASKING or since + self.seconds <= now:
            return Verdict(True)
        return Verdict(False, since + self.seconds)


@dataclass(frozen=True, slots=True)
class _Above(Trigger):
    metric: Metric
    limit: float
    sign: int = 1

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        values = self.metric.values(resource, 1)
        return Verdict(self.sign * values[0] > self.limit if values else None)


@dataclass(frozen=True, slots=True)
class _Risen(Trigger):
    metric: Metric
    by: float
    runs: int
    sign: int = 1

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        newest, *before = self.metric.values(resource, self.runs + 1) or [0.0]
        if len(before) < self.runs:
            return Verdict(None)
        return Verdict(self.sign * (newest - sum(before) / len(before)) > self.by)


@dataclass(frozen=True, slots=True)
class _Not(Trigger):
    inner: Trigger

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        found = self.inner.look(resource, now)
        return Verdict(None if found.holds is None else not found.holds, found.until)


@dataclass(frozen=True, slots=True)
class _Both(Trigger):
    left: Trigger
    right: Trigger

    def look(self, resource: BaseResourceNode, now: float) -> Verdict:
        first = self.left.look(resource, now)
        if first.holds is False:
            return first
        found = (first, self.right.look(resource, now))
        answers = [each.holds for each in found]
        holds = False if False in answers else None if None in answers else True
        return Verdict(holds, min((each.until for each in found if each.until is not None), default=None))


def _checked(other: object) -> Trigger:
    if not isinstance(other, Trigger):
        raise InvalidPipeline(f"cannot combine a trigger with {other!r}: it is no trigger")
    return other


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise InvalidPipeline(f"cannot compare a metric with {value!r}: a number is needed")
    return float(value)


def _runs(runs: Any) -> int:
    if type(runs) is not int or not 1 <= runs < MOST_RUNS:
        raise InvalidPipeline(f"cannot compare with the last {runs!r} runs: a whole number from 1 to {MOST_RUNS - 1}")
    return runs
