"""When something is due: a cron expression in a time zone, or a fixed interval. Pure; a time is in seconds since the
epoch.

An interval counts from the epoch, so every process finds the same due times, whenever it was started.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from node_sdk.errors import InvalidPipeline

Misfire = Literal["skip", "once", "all"]

SHORTEST = 0.001  # seconds between two due times
SHIFT = 3 * 3600.0  # seconds; no clock is put back by more in autumn


class Timetable(Protocol):
    """Due times, in both directions."""

    @property
    def text(self) -> str:
        """The timetable in words; the same words are the same timetable."""

    @property
    def zone(self) -> tzinfo:
        """The time zone that due times are shown in."""

    def after(self, at: float) -> float:
        """The first due time later than `at`."""

    def before(self, at: float) -> float:
        """The last due time not later than `at`."""


class Interval:
    """Every `seconds`."""

    def __init__(self, seconds: float, zone: tzinfo = UTC) -> None:
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not SHORTEST <= seconds < math.inf:
            raise InvalidPipeline(f"cannot use every={seconds!r}: a number of seconds from {SHORTEST} is needed")
        self.zone = zone
        self.text = f"every {seconds:g} s"
        self._step = round(seconds * 1e6)  # microseconds: in floats, the millionth due time would not be where it was

    def after(self, at: float) -> float:
        return (_micros(at) // self._step + 1) * self._step / 1e6

    def before(self, at: float) -> float:
        return _micros(at) // self._step * self._step / 1e6


class Cron:
    """The five fields of cron (six: seconds first), read by cronsim as Debian's cron reads them.

    What falls into the hour that is left out in spring is due right after it; what falls into the hour that comes
    twice in autumn is due once. Expressions with `*` in their minutes or hours go on through both as time does.
    """

    def __init__(self, expression: str, zone: str = "UTC") -> None:
        try:
            from cronsim import CronSim, CronSimError
        except ImportError as error:
            raise InvalidPipeline(
                f"cannot use cron={expression!r}: the package cronsim is missing; "
                "install anacostia-daemon[schedule], or use every="
            ) from error
        self.zone = zone_of(zone)
        self.text = f"cron {expression} ({zone})"
        self._expression, self._simulate = expression, CronSim
        try:
            next(CronSim(expression, datetime.now(self.zone)))
        except (CronSimError, AttributeError, TypeError) as error:
            raise InvalidPipeline(f"cannot use cron={expression!r}: {error or 'it is no cron expression'}") from error
        except StopIteration:
            raise InvalidPipeline(f"cannot use cron={expression!r}: it is not due in the next 50 years") from None

    def after(self, at: float) -> float:
        return next(each for each in self._from(at) if each > at)

    def before(self, at: float) -> float:
        earlier = next(
            self._simulate(self._expression, datetime.fromtimestamp(at, self.zone), reverse=True)
        ).timestamp()
        last = min(earlier, at)
        for each in self._from(last - SHIFT):  # going back is exact but for the hours around a change of the clock
            if each > at:
                return last
            last = each
        return last

    def _from(self, at: float) -> Iterator[float]:
        for each in self._simulate(self._expression, datetime.fromtimestamp(at, self.zone)):
            yield each.timestamp()


def zone_of(name: str) -> tzinfo:
    """The time zone called `name` ("Europe/Berlin"); InvalidPipeline where this machine knows none of that name."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InvalidPipeline(
            f"cannot use timezone={name!r}: this machine knows no such time zone; "
            "write it like 'Europe/Berlin', and install the package tzdata where the system has none"
        ) from error


def due(timetable: Timetable, since: float, now: float, misfire: Misfire, grace: float) -> Iterator[float]:
    """The times in (`since`, `now`] for which something is to happen, in order.

    What is more than `grace` seconds late was missed: of that, `skip` drops all, `once` keeps the latest, `all` drops
    none.
    """
    late = now - grace
    if misfire != "all" and timetable.after(since) <= late:
        if misfire == "once":
            yield timetable.before(late)
        since = late
    at = timetable.after(since)
    while at <= now:
        yield at
        at = timetable.after(at)


def _micros(at: float) -> int:
    return round(at * 1e6)
