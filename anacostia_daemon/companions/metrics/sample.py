"""From what the daemon and the stores say to metrics. Pure: plain values in, families of prometheus-client out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from anacostia_daemon.companions.metrics.families import BY_NAME, FAMILIES, PHASES, WISHES
from anacostia_daemon.companions.story import KINDS

Restarts = Mapping[tuple[str, str, str], int]  # pipeline, node, kind of reason

_CLASSES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "histogram": HistogramMetricFamily}


class Page:
    """The families, filled value by value."""

    def __init__(self) -> None:
        self._families: dict[str, Any] = {
            each.name: _CLASSES[each.kind](each.name, each.meaning, labels=each.labels) for each in FAMILIES
        }

    def put(self, name: str, value: float | None, *labels: str) -> None:
        """A value; None: it is not known, and left out."""
        if value is not None:
            self._families[name].add_metric(labels, float(value))

    def histogram(self, name: str, shown: Mapping[str, Any], *labels: str) -> None:
        """A histogram as a store shows it."""
        buckets = [["+Inf" if bound is None else str(float(bound)), count] for bound, count in shown["buckets"]]
        self._families[name].add_metric(labels, buckets=buckets, sum_value=shown["sum"])

    def choice(self, name: str, chosen: str, among: Iterable[str], *labels: str) -> None:
        """1 for what is chosen, 0 for the others."""
        for each in among:
            self.put(name, each == chosen, *labels, each)

    def families(self) -> list[Metric]:
        return [self._families[name] for name in BY_NAME]


def page(status: Mapping[str, Any], figures: Mapping[str, Any], restarts: Restarts) -> list[Metric]:
    """All metrics, from the answers to `status` and `figures`."""
    made = Page()
    made.put("anacostia_up", 1)
    _daemon(made, status["daemon"], figures["daemon"])
    for pipeline in status["pipelines"]:
        for node in pipeline["nodes"]:
            _node(made, pipeline["name"], node, restarts)
        found = figures["pipelines"].get(pipeline["name"])
        if pipeline["desired"] == "up":
            made.put("anacostia_store_up", found is not None, pipeline["name"])
        if found is not None:
            _store(made, pipeline["name"], found)
    return made.families()


def nobody() -> list[Metric]:
    """The page where the daemon does not answer."""
    made = Page()
    made.put("anacostia_up", 0)
    return made.families()


def _daemon(made: Page, status: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    began = datetime.fromisoformat(status["started_at"]).timestamp()
    made.put("anacostia_daemon_start_time_seconds", began)
    made.put("anacostia_daemon_cpu_seconds", own["cpu_seconds"])
    made.put("anacostia_daemon_resident_bytes", own["rss_bytes"])
    made.put("anacostia_daemon_turns", own["turns"])
    made.put("anacostia_daemon_journal_writable", own["journal_writable"])


def _node(made: Page, pipeline: str, node: Mapping[str, Any], restarts: Restarts) -> None:
    name = node["name"]
    made.choice("anacostia_node_phase", node["phase"], PHASES, pipeline, name)
    made.choice("anacostia_node_desired", node["desired"], WISHES, pipeline, name)
    for kind in KINDS:  # zeros too: what appears with its first restart would not count as a change
        made.put("anacostia_node_restarts", restarts.get((pipeline, name, kind), 0), pipeline, name, kind)
    made.put("anacostia_node_incarnation", node["incarnation"], pipeline, name)
    made.put("anacostia_node_cpu_percent", node["cpu_percent"], pipeline, name)
    made.put("anacostia_node_resident_bytes", node["rss_bytes"], pipeline, name)


def _store(made: Page, pipeline: str, found: Mapping[str, Any]) -> None:
    made.put("anacostia_runs_open", found["open_runs"], pipeline)
    for each in found["runs"]:
        made.histogram("anacostia_run_duration_seconds", each, pipeline, each["state"])
    for each in found["tasks"]:
        made.histogram("anacostia_task_duration_seconds", each, pipeline, each["node"], each["state"])
    for each in found["artifacts"]:
        made.put("anacostia_artifacts", each["count"], pipeline, each["resource"], each["state"])
    made.histogram("anacostia_hop_seconds", found["hops"], pipeline)
    made.histogram("anacostia_store_commit_seconds", found["commits"], pipeline)
    made.histogram("anacostia_store_commit_requests", found["requests"], pipeline)
