"""Values as people read them: local times, durations, sizes, and text that cannot harm a terminal. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

TYPE_CHECKING = False  # as `typing` has it, whose import takes 3 ms
if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

_CONTROL = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
_CONTROL_BUT_TAB = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"


def printable(text: str, tabs: bool = False) -> str:
    """`text` with its control characters written out: what a node logs must not move the cursor or set a title."""
    if text.isprintable():  # none of them is; most texts have none
        return text
    import re

    return re.sub(_CONTROL_BUT_TAB if tabs else _CONTROL, _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def parsed(iso: str | None) -> datetime | None:
    """A moment of the JSON shapes; None where there is none, or none that we can read."""
    if not iso:
        return None
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def local(iso: str | None, now: datetime | None = None) -> str:
    """In local time, as short as its distance allows: '14:03:09', 'Nov 21 14:03', '2025-11-21'."""
    moment = parsed(iso)
    if moment is None:
        return "-"
    here = (now or datetime.now(UTC)).astimezone()
    there = moment.astimezone(here.tzinfo) if now is not None else moment.astimezone()
    if there.date() == here.date():
        return there.strftime("%H:%M:%S")
    if there.year == here.year:
        return f"{there:%b} {there.day:>2} {there:%H:%M}"
    return there.strftime("%Y-%m-%d")


def ago(iso: str | None, now: datetime | None = None) -> str:
    """How long since then: '3m12s'."""
    moment = parsed(iso)
    return "-" if moment is None else duration(((now or datetime.now(UTC)) - moment).total_seconds())


def until(iso: str | None, now: datetime | None = None) -> str:
    """How long until then: '3m12s'; '0s' where that is over."""
    moment = parsed(iso)
    return "-" if moment is None else duration((moment - (now or datetime.now(UTC))).total_seconds())


def between(start: str | None, end: str | None) -> str:
    """From `start` to `end`, or to now: '0.31s', '3m12s'."""
    began, ended = parsed(start), parsed(end)
    if began is None:
        return "-"
    seconds = ((ended or datetime.now(UTC)) - began).total_seconds()
    return f"{max(seconds, 0.0):.2f}s" if seconds < 10 else duration(seconds)


def past(written: str, now: datetime | None = None) -> datetime | None:
    """'90s', '15m', '2h', '3d' before now; '14:03' is the last time it was so late; a date, with a time or without.
    What has no zone is local."""
    import re

    here = (now or datetime.now(UTC)).astimezone()
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)\s*([smhdw])(?:\s*ago)?", written.strip())
    if found:
        unit = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[found[2]]
        return here - timedelta(seconds=float(found[1]) * unit)
    clock = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", written.strip())
    if clock:
        at = here.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0)
        return at if at <= here else at - timedelta(days=1)
    try:
        return datetime.fromisoformat(written.strip()).astimezone()
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """In its two largest units: '7s', '3m12s', '2h05m', '4d03h'."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def size(number: float | None) -> str:
    """Bytes in the unit that fits: '512 B', '1.4 MiB'."""
    if number is None:
        return "-"
    if number < 1024:
        return f"{number:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}" if number < 100 else f"{number:.0f} {unit}"
    return f"{number / 1024:.1f} TiB"


def shown(value: object) -> str:
    """A value in a table's cell; '-' for none."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(str(value))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'train'?)`, or nothing."""
    from difflib import get_close_matches  # only needed when something went wrong

    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
