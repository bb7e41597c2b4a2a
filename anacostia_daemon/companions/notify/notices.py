"""What is worth a notice. Pure: lines of the journal and rows of failed runs in, notices out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from anacostia_daemon.companions.story import Line, is_restart

MOST_TEXT = 2000  # characters of a reason that are sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that happened. `key` says what it was told by: a line of the journal, or a run that ended."""

    event: str
    pipeline: str
    node: str | None = None
    incarnation: int | None = None
    run_id: int | None = None
    reason: str
    at: str  # ISO 8601 UTC
    key: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        """One sentence for people."""
        node = f"node '{self.node}' of pipeline '{self.pipeline}'"
        what = {
            "node-failed": f"{node} has failed: ",
            "node-restarted": f"{node}: ",  # the reason goes on: started again at once after …
            "pipeline-back": f"pipeline '{self.pipeline}' is back: ",
            "run-failed": f"run {self.run_id} of pipeline '{self.pipeline}' has failed: ",
        }
        return what.get(self.event, "") + self.reason

    def content(self) -> dict[str, Any]:
        """As it is sent."""
        found = {**asdict(self), "text": self.text}
        del found["key"]
        return found


class Reader:
    """Reads lines in their order; remembers which nodes have failed, to know when a pipeline is back."""

    def __init__(self) -> None:
        self._failed: dict[str, set[str]] = {}

    def begin(self, status: Mapping[str, Any]) -> None:
        """What has failed before the first line."""
        for pipeline in status["pipelines"]:
            failed = {node["name"] for node in pipeline["nodes"] if node["phase"] == "failed"}
            self._failed[pipeline["name"]] = failed

    def read(self, lines: Iterable[Line]) -> list[Notice]:
        """What they are worth."""
        return [notice for line in lines if line["node"] is not None for notice in self._one(line)]

    def _one(self, line: Line) -> list[Notice]:
        failed = self._failed.setdefault(line["pipeline"], set())
        if line["to"] == "failed":
            failed.add(line["node"])
            return [_of_line("node-failed", line)]
        found = [_of_line("node-restarted", line)] if is_restart(line) else []
        if line["to"] == "ready" and line["node"] in failed:
            failed.discard(line["node"])
            if not failed:
                found.append(_of_line("pipeline-back", line, f"node '{line['node']}', which had failed, is ready"))
        elif (line["event"], line["to"]) == ("desired", "down"):
            failed.discard(line["node"])  # somebody has stopped it: nobody waits for it any more
        return found


def _of_line(event: str, line: Line, reason: str | None = None) -> Notice:
    return Notice(
        event=event,
        pipeline=line["pipeline"],
        node=line["node"],
        incarnation=line["incarnation"],
        reason=(line["reason"] if reason is None else reason)[:MOST_TEXT],
        at=line["at"],
        key=("line", line["id"]),
    )


def of_run(row: Mapping[str, Any]) -> Notice:
    """A run that has failed, as `runs` shows it."""
    causes = [
        f"{task['node']}: {(task['error'] or task['state']).splitlines()[0]}"
        for task in row["tasks"]
        if task["state"] in ("failed", "error", "cancelled")
    ]
    return Notice(
        event="run-failed",
        pipeline=row["pipeline"],
        run_id=row["id"],
        reason="; ".join(causes)[:MOST_TEXT],
        at=row["ended_at"],
        key=("run", row["pipeline"], row["id"], row["ended_at"]),
    )
