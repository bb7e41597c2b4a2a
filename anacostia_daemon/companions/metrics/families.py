"""Every metric that there is: name, type, labels, meaning. The pages, the dashboard and the alert rules are compared
with this list; nothing else is ever exported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PHASES = ("down", "starting", "ready", "stopping", "killing", "backoff", "failed")
WISHES = ("up", "down", "paused")


@dataclass(frozen=True, kw_only=True)
class Family:
    """One metric. Of a counter the samples end in `_total`, which its name does not."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...] = ()
    meaning: str

    @property
    def samples(self) -> tuple[str, ...]:
        """The names of its samples, as queries write them."""
        if self.kind == "counter":
            return (f"{self.name}_total",)
        return (
            tuple(f"{self.name}{end}" for end in ("_bucket", "_sum", "_count"))
            if self.kind == "histogram"
            else (self.name,)
        )


_NODE = ("pipeline", "node")

FAMILIES = (
    Family(name="anacostia_up", kind="gauge", meaning="1 where the daemon answered this scrape, else 0."),
    Family(
        name="anacostia_daemon_start_time_seconds",
        kind="gauge",
        meaning="When the daemon began, in seconds since 1970.",
    ),
    Family(name="anacostia_daemon_cpu_seconds", kind="counter", meaning="CPU time that the daemon has used."),
    Family(name="anacostia_daemon_resident_bytes", kind="gauge", meaning="Memory that the daemon holds."),
    Family(name="anacostia_daemon_turns", kind="counter", meaning="Turns of the daemon's loop."),
    Family(
        name="anacostia_daemon_journal_writable",
        kind="gauge",
        meaning="0 while the journal cannot be written (disk full); no node is started then.",
    ),
    Family(
        name="anacostia_node_phase",
        kind="gauge",
        labels=(*_NODE, "phase"),
        meaning="1 for the phase that the node is in, 0 for the others.",
    ),
    Family(
        name="anacostia_node_desired",
        kind="gauge",
        labels=(*_NODE, "desired"),
        meaning="1 for what is wanted of the node, 0 for the rest.",
    ),
    Family(
        name="anacostia_node_restarts",
        kind="counter",
        labels=(*_NODE, "reason"),
        meaning="Restarts by kind of reason, since the metrics began to be served.",
    ),
    Family(
        name="anacostia_node_incarnation", kind="gauge", labels=_NODE, meaning="The number of the node's last process."
    ),
    Family(
        name="anacostia_node_cpu_percent",
        kind="gauge",
        labels=_NODE,
        meaning="CPU that the node's process has used of late; 100 is one core.",
    ),
    Family(
        name="anacostia_node_resident_bytes",
        kind="gauge",
        labels=_NODE,
        meaning="Memory that the node's process holds.",
    ),
    Family(
        name="anacostia_store_up",
        kind="gauge",
        labels=("pipeline",),
        meaning="1 where the metadata store answered this scrape, else 0. Of a pipeline that is wanted up.",
    ),
    Family(name="anacostia_runs_open", kind="gauge", labels=("pipeline",), meaning="Runs under way."),
    Family(
        name="anacostia_run_duration_seconds",
        kind="histogram",
        labels=("pipeline", "result"),
        meaning="How long runs took that ended, by result, since the store's process began.",
    ),
    Family(
        name="anacostia_task_duration_seconds",
        kind="histogram",
        labels=(*_NODE, "result"),
        meaning="How long tasks took that ended, their last attempt, by result, since the store's process began.",
    ),
    Family(
        name="anacostia_hop_seconds",
        kind="histogram",
        labels=("pipeline",),
        meaning="From the end of a task's last predecessor to the beginning of the task, as the store records both.",
    ),
    Family(
        name="anacostia_artifacts",
        kind="gauge",
        labels=("pipeline", "resource", "state"),
        meaning="Artifacts of a resource by state; those that are new are its queue.",
    ),
    Family(
        name="anacostia_store_commit_seconds",
        kind="histogram",
        labels=("pipeline",),
        meaning="How long commits of the metadata store took.",
    ),
    Family(
        name="anacostia_store_commit_requests",
        kind="histogram",
        labels=("pipeline",),
        meaning="How many requests went into one commit.",
    ),
)

BY_NAME = {family.name: family for family in FAMILIES}
SAMPLES = frozenset(sample for family in FAMILIES for sample in family.samples)
