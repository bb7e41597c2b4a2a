"""Which runs of a pipeline have ended and were not exported yet. Pure, and remembered in a file of the home."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

LOOKED_AT = 100  # runs, the newest; and so many that are under way


class Due:
    """Of one pipeline. `last`: the highest run that was seen; `open`: those up to it that are to be exported yet."""

    def __init__(self, last: int | None = None, open_runs: Iterable[int] = ()) -> None:
        self.last, self.open = last, set(open_runs)

    def look(self, newest: list[dict[str, Any]], running: list[dict[str, Any]], since: str) -> list[int]:
        """The runs to export, in their order. At the first look, what had ended before `since` is none of them."""
        ids = {row["id"] for row in newest} | {row["id"] for row in running}
        under_way = {row["id"] for row in running} | {row["id"] for row in newest if row["state"] == "running"}
        before = [row["id"] for row in newest if row["ended_at"] is not None and row["ended_at"] < since]
        known = max(before, default=0) if self.last is None else self.last
        self.open |= under_way | {each for each in ids if each > known}
        self.last = max([known, *ids])
        return sorted(self.open - under_way)

    def done(self, run_id: int) -> None:
        """It was exported, or never can be."""
        self.open.discard(run_id)


class Memory:
    """All pipelines, in the file at `path`. `since`: when the first sender of this home began."""

    def __init__(self, path: Path, now: str) -> None:
        self._path = path
        try:
            known = json.loads(path.read_text())
            self.since: str = known["since"]
            self._all = {name: Due(each["last"], each["open"]) for name, each in known["pipelines"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self.since, self._all = now, {}

    def of(self, pipeline: str) -> Due:
        return self._all.setdefault(pipeline, Due())

    def save(self) -> None:
        """Write it down; where that cannot be, some runs may be exported twice, as the same spans."""
        known = {name: {"last": each.last, "open": sorted(each.open)} for name, each in self._all.items()}
        unfinished = self._path.with_suffix(".tmp")
        try:
            unfinished.write_text(json.dumps({"since": self.since, "pipelines": known}))
            unfinished.replace(self._path)
        except OSError:
            pass
