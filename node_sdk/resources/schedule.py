"""Time as a resource: each due time of a timetable is an artifact, recorded once, so that it starts one run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args

from node_sdk.errors import InvalidPipeline, InvalidValue
from node_sdk.nodes.base import Loggers
from node_sdk.nodes.resource import BaseResourceNode
from node_sdk.resources import timetable as tables
from node_sdk.resources.timetable import Cron, Interval, Misfire, Timetable
from node_sdk.wire.store import ArtifactState, Found, RecordArtifacts, Select

if TYPE_CHECKING:
    from node_sdk.nodes.store import BaseMetadataStoreNode
    from node_sdk.triggers import Trigger

BEGUN = "begun "  # location of the artifact, old from the first, that says when a timetable came into force
BATCH = 500  # due times recorded in one request


class ScheduleNode(BaseResourceNode):
    """Starts runs by the clock: `cron="0 3 * * mon-fri"` in `timezone`, or `every=300` seconds, counted from the epoch.

    Each due time is an artifact; its location is that time in ISO 8601 UTC, and the store keeps it once, whatever
    crashes and however clocks are set. Due times that are more than `grace` seconds late, since nobody ran or the node
    was paused, were missed: `misfire="once"` makes up for them with the latest, `"all"` with every one (runs that wait
    are claimed together), `"skip"` not at all. They count from the first start of this timetable on.
    """

    def __init__(
        self,
        name: str,
        metadata_store: BaseMetadataStoreNode,
        *,
        cron: str | None = None,
        every: float | None = None,
        timezone: str = "UTC",
        misfire: Misfire = "once",
        grace: float = 10.0,
        loggers: Loggers = None,
        trigger: Trigger | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.timetable = _timetable(name, cron, every, timezone)
        super().__init__(name, self.timetable.text, metadata_store, loggers, monitoring=True, trigger=trigger)
        if misfire not in get_args(Misfire):
            raise InvalidPipeline(f"cannot use misfire={misfire!r} for {name!r}: it is 'skip', 'once' or 'all'")
        if not isinstance(grace, (int, float)) or not 0 <= grace < math.inf:
            raise InvalidPipeline(f"cannot use grace={grace!r} for {name!r}: a number of seconds from 0 is needed")
        self.misfire: Misfire = misfire
        self.grace = grace
        self._clock = clock
        self._seen = 0.0  # up to when due times are dealt with
        self._look_at: float | None = None

    def start_monitoring(self) -> None:
        """Find in the store up to when due times are recorded, and make up for what was missed since then."""
        self._seen = self._recorded_until()
        self.look()

    def stop_monitoring(self) -> None:
        """From here on nothing is due."""
        self._look_at = None

    def look(self) -> None:
        """Record what is due."""
        now = self._clock()
        self._tell_missed(self.timetable.after(self._seen), now)
        batch: list[Found] = []
        for at in tables.due(self.timetable, self._seen, now, self.misfire, self.grace):
            batch.append(Found(location_of(at), "", 0))
            if len(batch) == BATCH:
                self._record_all(batch)
                batch = []
        self._record_all(batch)
        self._seen = now  # also where the clock was set back: what is recorded already will be no news to the store
        self._look_at = self.timetable.after(now)

    def look_at(self) -> float | None:
        """The next due time."""
        return self._look_at

    def load_artifact(self, location: str) -> datetime:
        """The due time that an artifact stands for, in the timetable's zone."""
        try:
            return datetime.fromisoformat(location).astimezone(self.timetable.zone)
        except ValueError as error:
            raise InvalidValue(f"cannot read {location!r} of schedule {self.name!r}: it is no due time") from error

    def _tell_missed(self, first: float, now: float) -> None:
        if first <= now - self.grace:
            words = f"what was due from {location_of(first)} on was missed; misfire={self.misfire!r}"
            self.log(words, "WARNING")

    def _recorded_until(self) -> float:
        """The last due time recorded under this timetable, or when it came into force, which may be now."""
        newest = self._newest()
        begun = self._newest(sha256=self.timetable.text)
        if newest is None or begun is None:
            now = self._clock()
            self._record_all([Found(BEGUN + location_of(now), self.timetable.text, 0)], "old")
            return now
        return _time_of(newest["location"])

    def _newest(self, **where: Any) -> dict[str, Any] | None:
        store = self.bound("read a schedule").store
        rows = store.ask(Select("artifacts", {"resource": self.name, **where}, descending=True, limit=1))
        return rows[0] if rows else None

    def _record_all(self, found: list[Found], state: ArtifactState = "new") -> None:
        if found:
            self.bound("record due times").store.ask(RecordArtifacts(self.name, tuple(found), state))


def location_of(at: float) -> str:
    """The location of the due time `at`, seconds since the epoch."""
    return datetime.fromtimestamp(at, UTC).isoformat()


def _time_of(location: str) -> float:
    return datetime.fromisoformat(location.removeprefix(BEGUN)).timestamp()


def _timetable(name: str, cron: str | None, every: float | None, timezone: str) -> Timetable:
    if (cron is None) == (every is None):
        raise InvalidPipeline(f"cannot make schedule {name!r}: give either cron= or every=")
    if cron is not None:
        return Cron(cron, timezone)
    assert every is not None
    return Interval(every, tables.zone_of(timezone))
