"""The dashboard and the alert rules ask only for metrics that there are, by labels that those have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import Metric

from anacostia_daemon.companions.metrics.families import BY_NAME, FAMILIES, SAMPLES
from anacostia_daemon.companions.metrics.sample import nobody, page
from anacostia_daemon.ctl.cli import COMMANDS

DOCS = Path(__file__).resolve().parents[2] / "docs"
ADDED = {"le", "instance", "job"}  # labels that Prometheus adds
WANTED = {"DaemonDown", "NodeFailed", "RestartLoop", "RunFailed", "StoreUnavailable", "JournalNotWritable"}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "grafana/anacostia.json").read_text())
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """(where, query) of every query that is shipped."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for each in dashboard()["templating"]["list"]:
        if each["type"] == "query":
            yield each["name"], re.sub(r"^label_values\((.*), \w+\)$", r"\1", each["query"]["query"])
    for rule in rules():
        yield rule["alert"], rule["expr"]


def labels_of(sample: str) -> set[str]:
    family = next(each for each in FAMILIES if sample in each.samples)
    return {*family.labels, *ADDED}


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_asks_for_what_there_is(where: str, query: str) -> None:
    asked = re.findall(r"\b(anacostia_\w+)(?:\{([^}]*)\})?", query)
    assert asked, f"{where} asks for nothing of ours"
    for sample, matchers in asked:
        assert sample in SAMPLES, f"{where} asks for {sample}, which is never exported"
        unknown = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers)) - labels_of(sample)
        assert not unknown, f"{where}: {sample} has no label {unknown}"
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
    assert grouped <= set.union(*(labels_of(sample) for sample, _ in asked)), f"{where} groups by {grouped}"
    assert query.count("(") == query.count(")") and query.count("{") == query.count("}")


@pytest.mark.parametrize("panel", dashboard()["panels"], ids=lambda panel: str(panel["title"]))
def test_a_legend_names_labels_that_its_query_leaves(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        [sample, *_] = re.findall(r"anacostia_\w+", target["expr"])
        grouped = re.findall(r"\bby \(([^)]*)\)", target["expr"])
        left = {label.strip() for label in grouped[0].split(",")} if grouped else labels_of(sample)
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= left


def test_the_panels_have_numbers_of_their_own_and_do_not_lie_on_each_other() -> None:
    panels = dashboard()["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    taken = [
        (x, y)
        for place in (each["gridPos"] for each in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken) and max(x for x, _ in taken) < 24


def test_every_metric_is_on_the_dashboard_or_in_a_rule_but_these() -> None:
    asked = {sample for _, query in queries() for sample in re.findall(r"anacostia_\w+", query)}
    silent = {each.name for each in FAMILIES if not asked & set(each.samples)}
    assert silent == {
        "anacostia_daemon_start_time_seconds",
        "anacostia_node_desired",
        "anacostia_node_incarnation",
    }


def test_each_alert_says_how_grave_it_is_and_what_to_do() -> None:
    assert {rule["alert"].removeprefix("Anacostia") for rule in rules()} == WANTED
    for rule in rules():
        assert rule["labels"]["severity"] in ("warning", "critical")
        named = set(re.findall(r"{{ \$labels\.(\w+) }}", json.dumps(rule["annotations"])))
        [sample, *_] = re.findall(r"anacostia_\w+", rule["expr"])
        assert named <= labels_of(sample)
        for command in re.findall(r"`anacostiactl (\w+)", rule["annotations"]["description"]):
            assert command in COMMANDS, f"{rule['alert']} names a command that there is not: {command}"


def exported(families: list[Metric]) -> set[str]:
    return {sample.name for family in families for sample in family.samples}


def test_what_is_exported_is_what_the_list_says_with_its_labels() -> None:
    shown = {"buckets": [[0.1, 1], [None, 2]], "sum": 3.0}
    node = {
        "name": "n", "phase": "ready", "desired": "up", "incarnation": 1, "cpu_percent": None, "rss_bytes": 5,
    }  # fmt: skip
    status = {
        "daemon": {"started_at": "2026-01-01T00:00:00.000Z"},
        "pipelines": [{"name": "p", "desired": "up", "nodes": [node, {**node, "name": "m", "cpu_percent": 1.5}]}],
    }
    store = {
        "open_runs": 1, "runs": [{"state": "failed", **shown}], "tasks": [{"node": "n", "state": "error", **shown}],
        "artifacts": [{"resource": "r", "state": "new", "count": 7}],
        "hops": shown, "commits": shown, "requests": shown,
    }  # fmt: skip
    own = {"cpu_seconds": 1.0, "rss_bytes": 2, "turns": 3, "journal_writable": True}
    made = page(status, {"daemon": own, "pipelines": {"p": store}}, {("p", "n", "exit"): 4})
    assert exported(made) == SAMPLES
    for family in made:
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(BY_NAME[family.name].labels)
    values = {(sample.name, sample.labels.get("node"), sample.labels.get("reason")): sample.value
              for family in made for sample in family.samples}  # fmt: skip
    assert values["anacostia_node_restarts_total", "n", "exit"] == 4
    assert values["anacostia_node_restarts_total", "m", "exit"] == 0
    assert ("anacostia_node_cpu_percent", "n", None) not in values


def test_a_daemon_that_does_not_answer_is_said_and_nothing_else() -> None:
    assert exported(nobody()) == {"anacostia_up"}
