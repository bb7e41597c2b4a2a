"""What is shipped for Prometheus, given to Prometheus: the rules, the page of metrics, each query of the dashboard."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from .daemon_process import TIMEOUT, TINY, Daemon, daemon_of_a_test

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("promtool") and shutil.which("prometheus")), reason="needs prometheus"),
]

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Its task fails where a file says so.
STORY = TINY.replace(
    'self.log("counted", level="INFO")\n            return True',
    'return not __import__("os").path.exists(__file__.rpartition("/")[0] + "/fail")',
)
CONFIGURATION = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: anacostia
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
QUICK = {"AnacostiaNodeFailed", "AnacostiaRunFailed"}  # fire without waiting


def queries() -> Iterator[tuple[str, str]]:
    """(where, query) of the dashboard, with all pipelines and nodes chosen."""
    for panel in json.loads((DOCS / "grafana/anacostia.json").read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "30s")
            yield panel["title"], re.sub(r"\$(pipeline|node)\b", ".*", query)


@dataclass(frozen=True)
class Prometheus:
    """A real one that scrapes a real daemon."""

    address: str
    daemon: Daemon

    def ask(self, path: str, **query: str) -> Any:
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return json.load(answer)["data"]

    def values(self, query: str) -> list[float]:
        return [float(each["value"][1]) for each in self.ask("query", query=query)["result"]]


def promtool(*words: str | Path, page: str | None = None) -> None:
    """Has nothing to say."""
    done = subprocess.run(["promtool", *map(str, words)], input=page, capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """After a run that succeeded, one that failed, a restart, and a node that was given up."""
    with daemon_of_a_test("[metrics]\nport = 0\n") as daemon, contextlib.ExitStack() as ends:
        daemon.until(lambda: "metrics: served at" in daemon.log, "metrics are served")
        [port] = re.findall(r"metrics: served at http://127\.0\.0\.1:(\d+)/", daemon.log)
        address = ends.enter_context(_scraping(daemon, port))
        found = Prometheus(address, daemon)
        daemon.start(daemon.write("tiny.py", STORY))
        daemon.until_ready()
        daemon.until(lambda: len(found.values('anacostia_node_restarts_total{reason="signal"}')) == 3, "it is scraped")
        _happen(daemon)
        yield found


def _happen(daemon: Daemon) -> None:
    def over(number: int) -> bool:
        runs = daemon.ask("runs", pipeline="tiny")
        return len(runs) == number and all(each["state"] != "running" for each in runs)

    (daemon.folder / "incoming/one").touch()
    daemon.until(lambda: over(1), "a run has ended")
    (daemon.folder / "fail").touch()
    (daemon.folder / "incoming/two").touch()
    daemon.until(lambda: over(2), "a run has failed")
    while daemon.nodes()["count"]["phase"] != "failed":  # after two restarts its budget is spent
        pid = daemon.nodes()["count"]["pid"]
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            daemon.until(lambda pid=pid: daemon.nodes()["count"]["pid"] != pid, "it is gone")  # type: ignore[misc]


@contextlib.contextmanager
def _scraping(daemon: Daemon, port: str) -> Iterator[str]:
    folder = daemon.folder
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(rules=DOCS / "alerts.yml", port=port))
    listen = ("--web.listen-address=127.0.0.1:0", f"--storage.tsdb.path={folder / 'series'}")
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", *listen], stdout=log, stderr=log
        )
    try:
        daemon.until(lambda: bool(_listens(process.pid)), "Prometheus listens")
        yield _listens(process.pid)
    finally:
        process.kill()
        process.wait()


def _listens(pid: int) -> str:
    where = [each.laddr for each in psutil.Process(pid).net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return f"{where[0].ip}:{where[0].port}" if where else ""


def test_promtool_has_nothing_to_say_about_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", DOCS / "alerts.yml")


def test_each_alert_comes_when_it_should_and_not_before(tmp_path: Path) -> None:
    for each in (DOCS / "alerts.yml", Path(__file__).with_name("alerts_test.yml")):
        shutil.copy(each, tmp_path)

    promtool("test", "rules", tmp_path / "alerts_test.yml")


def test_promtool_has_nothing_to_say_about_the_page_of_metrics(prometheus: Prometheus) -> None:
    [port] = re.findall(r"metrics: served at http://127\.0\.0\.1:(\d+)/", prometheus.daemon.log)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT) as answer:
        page = answer.read().decode()

    assert "anacostia_hop_seconds_bucket" in page
    promtool("check", "metrics", page=page)


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_of_the_dashboard_has_an_answer(prometheus: Prometheus, where: str, query: str) -> None:
    def answered() -> bool:
        return any(not math.isnan(each) for each in prometheus.values(query))

    prometheus.daemon.until(answered, f"{where} shows something for {query}")


def test_what_has_happened_is_alerted(prometheus: Prometheus) -> None:
    def firing() -> set[str]:
        alerts = prometheus.ask("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    prometheus.daemon.until(lambda: firing() == QUICK, "these and no others fire")
    health = {rule["name"]: rule["health"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]}
    assert set(health.values()) == {"ok"}, health
