"""Logs of a real node with a child that prints: rotated while both write, and read as one story afterwards."""

from __future__ import annotations

from place import Place, wait_for

from node_sdk.logspace import old_files

PIPELINE = """
import subprocess, sys
from pathlib import Path
from node_sdk import BaseActionNode, LogPolicy, Pipeline
from node_sdk.metadata import SqliteMetadataStore

here = Path(__file__).parent
PRINT = '''
import sys, time
from pathlib import Path
def say(first):
    for number in range(first, first + 2000):
        print(f"{number:05d} {'x' * 90}", flush=True)
say(0)
while not Path(sys.argv[1]).exists():
    time.sleep(0.02)
say(2000)
'''

class Train(BaseActionNode):
    log_policy = LogPolicy(level="INFO")

    def __init__(self, name, store):
        super().__init__(name, [store])

    def execute(self, *args, **kwargs):
        self.log("not worth a line", level="DEBUG")
        self.log("begins", level="INFO")
        subprocess.run([sys.executable, "-c", PRINT, str(here / "go")], check=True)
        self.log("is done", level="WARNING")
        return True

store = SqliteMetadataStore("store", f"sqlite:///{here}/metadata.db")
pipeline = Pipeline([store, Train("train", store)], name="loud", log_policy=LogPolicy(max_bytes=65_536, files=12))
"""


def test_a_log_that_a_child_fills_is_rotated_under_it_and_is_read_as_a_whole(place: Place) -> None:
    place.ctl("start", place.write("loud.py", PIPELINE))
    place.ctl("trigger", "loud")
    log = place.home.log_file("loud", "train")
    wait_for(lambda: old_files(log), "the log is rotated while the child holds it open")
    place.write("go", "")
    place.run_ended("loud", 1)
    wait_for(lambda: len(old_files(log)) > 2, "it is rotated again")
    lines = place.ctl("logs", "loud/train", "--run", "1", "-n", "10000").stdout.splitlines()
    assert [int(each.split()[0]) for each in lines if each.endswith("x" * 90)] == list(range(4000))
    assert lines[0].endswith(" begins") and lines[-1].endswith(" is done")
    records = place.ctl("logs", "loud/train", "--level", "debug", "-n", "10000").stdout
    assert "begins" in records and "not worth a line" not in records
    assert place.json("graph", "loud")["nodes"][1]["log_policy"]["max_bytes"] == 65_536
