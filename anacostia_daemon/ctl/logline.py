"""One line of a log, taken apart: when, how serious, of which process and run. What has no such head (something that
was printed, a traceback) belongs to the line before it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_TIME = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
_HEAD = re.compile(
    rb"(?P<time>\S+) (?P<level>[A-Z]+) +(?P<node>[^\s\[]+)\[(?P<pid>\d+)\](?: run=(?P<run>\d+))? ?(?P<message>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. `at` (ISO 8601 UTC) and `run_id` are those of the last line before it that says so;
    `level` and `pid` only where it is a record of logging, or the further lines of one."""

    at: str
    text: bytes
    level: str | None = None
    run_id: int | None = None
    pid: int | None = None
    message: bytes | None = None  # without its head; None where it has none


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are to be shown. `since` is ISO 8601 UTC, in milliseconds."""

    since: str | None = None
    level: str | None = None
    run_id: int | None = None

    def __call__(self, line: Line) -> bool:
        """Whether this one is."""
        if self.since is not None and line.at < self.since:
            return False
        if self.run_id is not None and line.run_id != self.run_id:
            return False
        return self.level is None or (line.level is not None and rank(line.level) >= rank(self.level))

    @property
    def everything(self) -> bool:
        return self == Wanted()


def rank(level: str) -> int:
    """How serious; a level of the user's own is as serious as INFO."""
    return LEVELS.index(level) if level in LEVELS else 1


def taken_apart(texts: Iterable[bytes], before: Line) -> Iterator[Line]:
    """Each line with what it has from those before it; `before` is the one before the first."""
    for text in texts:
        before = _line(text, before)
        yield before


def time_of(text: bytes) -> str:
    """The time that a line begins with, in ISO 8601 UTC; '' where there is none."""
    found = _TIME.match(text)
    if found is None:
        return ""
    try:
        return stamp(datetime.fromisoformat(found[0].decode().replace(",", ".")))
    except (ValueError, OverflowError):  # no such time, or none in UTC (the first and the last day that there is)
        return ""


def stamp(moment: datetime) -> str:
    """As `at` is written. A time without a zone is the local time of whoever wrote it, which is here."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(text: bytes, before: Line) -> Line:
    at = time_of(text)
    head = _HEAD.match(text) if at else None
    if head is not None:
        run = head["run"]
        return Line(
            at,
            text,
            head["level"].decode(),
            None if run is None else int(run),
            int(head["pid"]),
            head["message"],
        )
    if at:
        return Line(at, text, run_id=before.run_id)
    if text.startswith(b"    ") and before.level is not None:
        return replace(before, text=text, message=text)
    return Line(before.at, text, run_id=before.run_id)
