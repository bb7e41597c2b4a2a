"""Traces of a real daemon, taken by a collector in a process of its own that reads them as the protocol says."""

from __future__ import annotations

from typing import Any

import pytest

from .daemon_process import TINY, Daemon, daemon_of_a_test
from .receiving import Receiver, receiver

pytestmark = pytest.mark.slow

CHAIN = TINY.replace(
    'pipeline = Pipeline([store, incoming, Count("count", [incoming], store)], name="tiny")',
    """class Fails(Count):
        def execute(self, *args, **kwargs):
            raise ValueError("no luck")

    count = Count("count", [incoming], store)
    pipeline = Pipeline([store, incoming, count, Fails("last", [count], store)], name="tiny")""",
)


def configuration(collector: Receiver) -> str:
    return f"[traces]\nendpoint = 'http://127.0.0.1:{collector.port}/v1/traces?key=s3cret'\n"


def run_once(daemon: Daemon, name: str) -> None:
    before = len(daemon.ask("runs", pipeline="tiny"))
    (daemon.folder / "incoming" / name).write_text(name)
    daemon.until(lambda: _ended(daemon) > before, "a run has ended")


def _ended(daemon: Daemon) -> int:
    return sum(run["state"] != "running" for run in daemon.ask("runs", pipeline="tiny"))


def test_a_run_that_has_ended_is_a_trace_with_a_span_for_each_task_linked_along_the_edges() -> None:
    with receiver("otlp") as collector, daemon_of_a_test(configuration(collector)) as daemon:
        daemon.until((daemon.home.path / "traces.json").exists, "the sender of traces has begun")
        daemon.start(daemon.write("tiny.py", CHAIN))
        daemon.until_ready()
        run_once(daemon, "one")
        daemon.until(lambda: len(collector.taken) == 1, "the first run of the pipeline is exported")
        [found] = collector.taken
        by_name: dict[str, Any] = {span["name"]: span for span in found}
        assert list(by_name) == ["run of tiny", "store", "incoming", "count", "last"]
        whole, count, last = by_name["run of tiny"], by_name["count"], by_name["last"]
        assert len({span["trace"] for span in found}) == 1 and len({span["id"] for span in found}) == 5
        assert whole["parent"] == "" and {span["parent"] for span in found[1:]} == {whole["id"]}
        assert last["links"] == [count["id"]] and count["links"] == [by_name["incoming"]["id"]]
        assert [name for name, span in by_name.items() if span["error"]] == ["run of tiny", "last"]
        assert "no luck" in last["message"]
        assert all(0 <= span["seconds"] <= whole["seconds"] for span in found)


def test_what_a_collector_does_not_take_is_sent_again_and_nothing_twice_after_a_new_daemon() -> None:
    with receiver("otlp", 400, 200) as collector, daemon_of_a_test(configuration(collector)) as daemon:
        daemon.until((daemon.home.path / "traces.json").exists, "the sender of traces has begun")
        daemon.start(daemon.write("tiny.py"))
        daemon.until_ready()
        run_once(daemon, "one")
        daemon.until(lambda: len(collector.taken) == 1, "the run is exported after all")
        assert "traces: cannot send traces; they are kept and sent again: 127.0.0.1: " in daemon.log
        assert "400" in daemon.log and "s3cret" not in daemon.log
        daemon.kill()
        daemon.spawn()
        daemon.until_ready()
        run_once(daemon, "two")
        daemon.until(lambda: len(collector.taken) == 2, "the next run is exported")
        first, second = collector.taken
        assert first[0]["trace"] != second[0]["trace"]
