"""Runs in pages, fast however many there are: pages follow the ids, a time is found by halving, and what no index knows
(a metric, a tag) is looked for in a bounded number of runs at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from anacostia_daemon.web.facts.daemon import Daemon
from anacostia_daemon.web.facts.errors import CannotShow

Fact = dict[str, Any]

MOST = 500  # rows of one page
MOST_SCANNED = 2_500  # runs that one page of a filter looks through
MOST_ROWS = 5_000  # of one answer of a store: the daemon, which passes it on, is not held up for long
_TOGETHER = 100  # runs that are asked about together
_AT_ONCE = 4  # questions of one page
_KEY = re.compile("[<>=]")
_BATCH = 250  # runs whose metrics or tags are looked at together
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda one, other: one <= other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    ">": lambda one, other: one > other,
    "=": lambda one, other: one == other,
}


@dataclass(frozen=True)
class Filter:
    """Which runs. `since` and `until` are ISO 8601 UTC; `metric` is like 'loss<0.5' or 'loss', `tag` like
    'model=big' or 'model'; a run fits where one of its tasks does."""

    state: str | None = None
    since: str | None = None
    until: str | None = None
    metric: str | None = None
    tag: str | None = None

    @property
    def looks_inside(self) -> bool:
        return bool(self.metric or self.tag)


async def rows(
    daemon: Daemon,
    pipeline: str,
    table: str,
    where: dict[str, Any],
    *,
    newest_first: bool = False,
    limit: int = MOST,
    after: int | None = None,
) -> list[Fact]:
    """Rows of one table of its store, in the JSON shapes, each with its `id`."""
    arguments = {"where": where, "newest_first": newest_first, "limit": limit, "after": after}
    found: list[Fact] = await daemon.ask("rows", pipeline=pipeline, table=table, **arguments)
    return found


async def run(daemon: Daemon, pipeline: str, run_id: int) -> Fact:
    """As `run --json`, with its params, tags and retries by hand."""
    found: Fact = await daemon.ask("run", pipeline=pipeline, run_id=run_id)
    found["params"] = await rows(daemon, pipeline, "params", {"run_id": run_id})
    found["tags"] = await rows(daemon, pipeline, "tags", {"run_id": run_id})
    found["retries"] = await rows(daemon, pipeline, "retries", {"run_id": run_id})
    return found


async def page(daemon: Daemon, pipeline: str, wanted: Filter, before: int | None, limit: int) -> Fact:
    """Runs older than run `before`, the newest first: {"items", "next", "scanned"}. `next` is the `before` of the page
    that follows, None after the last; with a filter that looks inside, a page may be short and yet have a next one."""
    limit = max(1, min(limit, MOST))
    matches = _inside(wanted)
    if wanted.until is not None:
        newest = await _first_after(daemon, pipeline, wanted.until)
        before = newest if before is None else before if newest is None else min(before, newest)
    where = {} if wanted.state is None else {"state": wanted.state}
    items: list[Fact] = []
    scanned = 0
    while scanned < MOST_SCANNED:
        batch = _BATCH if wanted.looks_inside else limit + 1
        found = await rows(daemon, pipeline, "runs", where, newest_first=True, limit=batch, after=before)
        scanned += len(found)
        fresh = [each for each in found if wanted.since is None or each["started_at"] >= wanted.since]
        fitting = await _with_what_fits(daemon, pipeline, fresh, wanted, matches) if wanted.looks_inside else fresh
        items += fitting
        if len(items) > limit:
            return {"items": items[:limit], "next": items[limit - 1]["id"], "scanned": scanned}
        if len(found) < batch or len(fresh) < len(found):
            return {"items": items, "next": None, "scanned": scanned}
        before = found[-1]["id"]
    return {"items": items, "next": before, "scanned": scanned}


Matches = Callable[[list[Fact], list[Fact]], bool]


async def _with_what_fits(
    daemon: Daemon, pipeline: str, runs: list[Fact], wanted: Filter, matches: Matches
) -> list[Fact]:
    ids = [each["id"] for each in runs]
    metrics = await _logged(daemon, pipeline, "metrics", ids, wanted.metric)
    tags = await _logged(daemon, pipeline, "tags", ids, wanted.tag)
    return [each for each in runs if matches(metrics.get(each["id"], []), tags.get(each["id"], []))]


async def _logged(
    daemon: Daemon, pipeline: str, table: str, ids: list[int], wanted: str | None
) -> dict[int, list[Fact]]:
    """What these runs have logged under the key of a filter, by run."""
    found: dict[int, list[Fact]] = {}
    if wanted:
        for row in await rows_of_runs(daemon, pipeline, table, ids, {"key": _KEY.split(wanted)[0].strip()}):
            found.setdefault(row["run_id"], []).append(row)
    return found


async def rows_of_runs(daemon: Daemon, pipeline: str, table: str, ids: list[int], where: dict[str, Any]) -> list[Fact]:
    """All rows of these runs. Where an answer is full, half as many runs are asked about, so that none is left out; of
    one run the newest rows are given."""
    found: list[Fact] = []
    waiting = batches(ids)
    while waiting:
        asked, waiting = waiting, []
        async for batch, answer in answers(daemon, pipeline, table, asked, where, MOST_ROWS):
            if len(answer) < MOST_ROWS or len(batch) == 1:
                found += answer
            else:
                waiting += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
    return found


async def answers(
    daemon: Daemon, pipeline: str, table: str, asked: list[list[int]], where: dict[str, Any], most: int
) -> AsyncIterator[tuple[list[int], list[Fact]]]:
    """The newest rows of each batch of runs, a few questions at a time: other pages want to be answered, too."""
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        questions = (
            rows(daemon, pipeline, table, {"run_id": each, **where}, newest_first=True, limit=most) for each in part
        )
        for batch, answer in zip(part, await asyncio.gather(*questions), strict=True):
            yield batch, answer


def batches(ids: list[int]) -> list[list[int]]:
    """As many runs as are asked about together. Pure."""
    return [ids[start : start + _TOGETHER] for start in range(0, len(ids), _TOGETHER)]


def _inside(wanted: Filter) -> Matches:
    """Whether metrics and tags of a run are as wanted. Pure; CannotShow where the filter is nonsense."""
    metric = _metric(wanted.metric) if wanted.metric else None
    key, equals, value = (wanted.tag or "").partition("=")

    def matches(metrics: list[Fact], tags: list[Fact]) -> bool:
        if metric is not None and not any(map(metric, metrics)):
            return False
        return not wanted.tag or any(
            each["key"] == key.strip() and (not equals or str(each["value"]) == value.strip()) for each in tags
        )

    return matches


def _metric(text: str) -> Callable[[Fact], bool]:
    for sign, compare in _COMPARE.items():
        key, found, number = text.partition(sign)
        if found:
            try:
                limit = float(number)
            except ValueError:
                raise CannotShow(
                    "invalid", f"cannot filter by metric {text!r}: {number.strip()!r} is no number", "like loss<0.5"
                ) from None
            return lambda row: row["key"] == key.strip() and compare(row["value"], limit)
    return lambda row: bool(row["key"] == text.strip())


async def _first_after(daemon: Daemon, pipeline: str, moment: str) -> int | None:
    """The id of the first run that began after `moment`; None where none did. Ids and times rise together, so it is
    found by halving, with about twenty short questions for a million runs."""
    newest = await rows(daemon, pipeline, "runs", {}, newest_first=True, limit=1)
    if not newest or newest[0]["started_at"] <= moment:
        return None
    low, high = 0, newest[0]["id"] - 1  # the wanted run is the first one after an id in between
    while low < high:
        middle = (low + high) // 2
        [found] = await rows(daemon, pipeline, "runs", {}, limit=1, after=middle)
        if found["started_at"] > moment:
            high = middle
        else:
            low = int(found["id"])
    [found] = await rows(daemon, pipeline, "runs", {}, limit=1, after=low)
    return int(found["id"])


def moment(text: str | None) -> str | None:
    """A time as people write it, as the JSON shapes have it. CannotShow where it is none; pure."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise CannotShow(
            "invalid", f"cannot look for runs at {text!r}: it is no time", "like 2026-11-23T17:00:00Z"
        ) from None
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found
    try:
        return found.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        raise CannotShow("invalid", f"cannot look for runs at {text!r}: there is no such time in UTC") from None
