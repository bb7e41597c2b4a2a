"""What a new user does first: the example of the README, typed into an empty folder, run in each of the two ways."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest
from place import ROOT, Place, rows, wait_for

HEAD = """
import logging, sys
from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

path = sys.argv[1]
logging.basicConfig(level=logging.INFO)
logger = logging.getLogger("example")

class MonitoringDataStoreNode(FilesystemStoreNode):
    def trigger_condition(self) -> bool:
        return self.get_num_artifacts("new") >= 1

class ShakespeareEvalNode(BaseActionNode):
    def __init__(self, name, predecessors, metadata_store, loggers=None):
        self.metadata_store = metadata_store
        super().__init__(name, predecessors, loggers)
    def execute(self, *args, **kwargs) -> bool:
        self.log("Evaluating LLM on Shakespeare validation dataset", level="INFO")
        self.metadata_store.log_metrics(shakespeare_test_loss=1.47)
        return True
"""

BODY = """
metadata_store = SqliteMetadataStore(name="metadata_store", uri=f"sqlite:///{path}/metadata.db")
haiku_data_store = MonitoringDataStoreNode("haiku_data_store", f"{path}/haiku", metadata_store)
shakespeare_eval = ShakespeareEvalNode(
    "shakespeare_eval", predecessors=[haiku_data_store], metadata_store=metadata_store
)
pipeline = Pipeline(nodes=[metadata_store, haiku_data_store, shakespeare_eval], loggers=logger)
"""

RUN = "pipeline.run()\n"


def indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())


GUARD = 'if __name__ == "__main__":\n'
STYLES = {
    "at module level": HEAD + BODY + GUARD + indented(RUN),
    "under the guard": HEAD + GUARD + indented(BODY + RUN),
    "under the guard, without run": HEAD + GUARD + indented(BODY),
}


def test_the_readme_typed_into_an_empty_folder_does_what_it_says(place: Place) -> None:
    (code,) = re.findall(r"```python\n# hello.py\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    place.write("hello.py", code)
    place.ctl("start", "hello.py")
    place.write("haikus/pond.txt", "an old silent pond\n")
    place.run_ended("hello", 1, within=10)
    assert [each["key"] for each in place.json("metrics", "hello")] == ["shakespeare_test_loss"]


def a_file_gives_a_metric(place: Place) -> None:
    place.write("haiku/first.txt", "an old silent pond\n")
    place.run_ended("example", 1, within=10)
    metrics = place.json("metrics", "example")
    found = [(each["run_id"], each["node"], each["key"], each["value"]) for each in metrics]
    assert found == [(1, "shakespeare_eval", "shakespeare_test_loss", 1.47)]


@pytest.mark.parametrize("style", STYLES)
def test_the_example_started_by_anacostiactl_turns_a_file_into_a_metric(place: Place, style: str) -> None:
    place.write("example.py", STYLES[style])
    place.ctl("start", "example.py", "--", place.root)
    a_file_gives_a_metric(place)
    assert "Evaluating LLM on Shakespeare validation dataset" in place.ctl("logs", "example").stdout


@pytest.mark.parametrize("style", ["at module level", "under the guard"])
def test_the_example_run_as_a_script_turns_a_file_into_a_metric_and_ends_with_ctrl_c(place: Place, style: str) -> None:
    place.write("example.py", STYLES[style])
    script = place.spawn(sys.executable, "example.py", place.root)
    # The daemon of a terminal has a home of its own, below that of the user's daemon.
    (own,) = wait_for(lambda: list((place.root / "home/foreground").glob("*")), "the script has a home")
    place.at(own)
    place.ready("example", "shakespeare_eval")
    a_file_gives_a_metric(place)
    assert place.ctl("status", "example").stdout
    ctrl_c(place, script.pid)
    said, _ = script.communicate(timeout=30)
    assert script.returncode == 0, said
    assert "Evaluating LLM on Shakespeare validation dataset" in said
    wait_for(lambda: not place.processes(), "all processes have ended")


def ctrl_c(place: Place, script: int) -> None:
    """As a terminal does it: SIGINT to every process of the foreground group."""
    os.killpg(os.getpgid(script), signal.SIGINT)


def test_the_script_can_be_run_again_and_goes_on_where_it_ended(place: Place) -> None:
    place.write("example.py", STYLES["under the guard"])
    for run in (1, 2):
        script = place.spawn(sys.executable, "example.py", place.root)
        (own,) = wait_for(lambda: list((place.root / "home/foreground").glob("*")), "the script has a home")
        place.at(own)
        place.ready("example", "shakespeare_eval")
        place.write(f"haiku/{run}.txt", str(run))
        place.run_ended("example", run)
        ctrl_c(place, script.pid)
        script.communicate(timeout=30)
        assert script.returncode == 0
    database = place.root / "metadata.db"
    assert [row["n"] for row in rows(database, "select count(*) as n from runs")] == [2]
