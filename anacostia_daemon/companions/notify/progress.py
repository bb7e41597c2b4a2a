"""How far people were told, in a file of the home: so that nothing is told twice when the notifier is started again,
and nothing is forgotten that waited to be sent when it died.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from anacostia_daemon.companions.notify.notices import Notice

Key = tuple[Any, ...]
KEPT = 100  # runs of each pipeline that are remembered as told: as many as are looked at


class Progress:
    """`since`: when the first notifier of this home began; runs that failed before are no news."""

    def __init__(self, path: Path, now: str) -> None:
        self._path, self._lock = path, threading.Lock()
        known = _read(path)
        self.since: str = known.get("since") or now
        self.line: int | None = known.get("line")  # of the journal; all up to it were told
        self._read_to = self.line
        self._told: dict[str, list[Key]] = {
            name: [("run", name, *key) for key in keys] for name, keys in known.get("runs", {}).items()
        }
        self._waiting: Counter[Key] = Counter()

    def is_new(self, notice: Notice) -> bool:
        """Whether this run was not told yet, and does not wait to be."""
        with self._lock:
            return notice.key not in self._told.get(notice.pipeline, ()) and notice.key not in self._waiting

    def waits(self, notice: Notice, times: int) -> None:
        """It was given to so many senders."""
        with self._lock:
            if times:
                self._waiting[notice.key] += times
            else:
                self._tell(notice)

    def done(self, notice: Notice) -> None:
        """One of them has finished with it."""
        with self._lock:
            self._waiting[notice.key] -= 1
            if self._waiting[notice.key] <= 0:
                del self._waiting[notice.key]
                self._tell(notice)
            self._save()

    def read_to(self, line: int) -> None:
        """All lines up to this one were looked at, and what they are worth is waiting."""
        with self._lock:
            self._read_to = line
            self._save()

    def _tell(self, notice: Notice) -> None:
        if notice.key[0] == "run":
            told = self._told.setdefault(notice.pipeline, [])
            told.append(notice.key)
            del told[:-KEPT]

    def _save(self) -> None:
        waiting = [key[1] for key in self._waiting if key[0] == "line"]
        self.line = min(waiting) - 1 if waiting else self._read_to
        runs = {name: [key[2:] for key in keys] for name, keys in self._told.items()}
        unfinished = self._path.with_suffix(".tmp")
        try:
            unfinished.write_text(json.dumps({"since": self.since, "line": self.line, "runs": runs}))
            unfinished.replace(self._path)
        except OSError:
            pass  # a full disk: then, should we die, something is told twice


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}
