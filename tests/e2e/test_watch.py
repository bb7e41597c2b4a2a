"""`start FILE --watch`, as a developer uses it: edit, save, look."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from place import BIN, Place, wait_for

pytestmark = pytest.mark.slow

FILE = """
from pathlib import Path

from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode
from settings import VALUE

here = Path(__file__).parent


class Count(BaseActionNode):
    def execute(self, *args, **kwargs):
        store.log_metrics(value=VALUE)
        return True


store = SqliteMetadataStore("store", f"sqlite:///{here}/metadata.db")
incoming = FilesystemStoreNode("incoming", here / "incoming", store)
pipeline = Pipeline([store, incoming, Count("count", [incoming])], name="watched")
"""


@pytest.fixture
def output(place: Place) -> Path:
    """Of a watch that has begun."""
    place.write("settings.py", "VALUE = 1\n")
    file = place.write("watched.py", FILE)
    log = place.root / "watch.log"
    place.spawn(BIN / "anacostiactl", "start", file, "--watch", log=log)
    wait_for(lambda: "watching the files" in log.read_text(), "the watch begins")
    return log


def watcher(place: Place) -> subprocess.Popen[str]:
    return place.children[-1]


def says(output: Path, words: str) -> None:
    wait_for(lambda: words in output.read_text(), f"{words!r} in what it says: {output.read_text()}")


def test_an_edit_is_taken_up_by_itself_and_a_broken_one_is_told(place: Place, output: Path) -> None:
    before = {name: place.node("watched", name)["pid"] for name in ("store", "incoming", "count")}

    place.write("settings.py", "VALUE = (\n")
    says(output, "'(' was never closed in line 1 of")
    says(output, "nothing has changed: the pipeline runs on as it was")
    assert place.node("watched", "count")["pid"] == before["count"]

    place.write("settings.py", "VALUE = 2\n")
    says(output, "reloaded pipeline 'watched': changed count (its code); not touched: store, incoming")

    assert {name: place.node("watched", name)["pid"] == pid for name, pid in before.items()} == {
        "store": True,
        "incoming": True,
        "count": False,
    }
    place.write("incoming/a.txt", "a")
    place.run_ended("watched", 1)
    assert [row["value"] for row in place.json("metrics", "watched")] == [2]


def test_ctrl_c_ends_the_watch_and_the_pipeline_runs_on(place: Place, output: Path) -> None:
    watcher(place).send_signal(signal.SIGINT)
    assert watcher(place).wait(20) == 0
    assert "watching no more; pipeline 'watched' runs on" in output.read_text()
    place.ctl("status", "watched", code=0)


def test_a_watch_ends_when_its_pipeline_was_stopped(place: Place, output: Path) -> None:
    place.ctl("stop", "watched")
    place.write("settings.py", "VALUE = 3\n")
    assert watcher(place).wait(20) == 3
    assert "cannot reload pipeline 'watched': it is stopped" in output.read_text()


def test_a_pipeline_that_does_not_get_ready_is_watched_until_an_edit_mends_it(place: Place) -> None:
    place.write("settings.py", "VALUE = 1\n")
    mended = place.write("watched.py", FILE).read_text()
    broken = mended.replace(
        "    def execute", "    def setup(self):\n        raise OSError('no GPU')\n\n    def execute"
    )
    file, log = place.write("watched.py", broken), place.root / "watch.log"
    place.spawn(BIN / "anacostiactl", "start", file, "--watch", log=log)
    says(log, "watching the files")
    assert "no GPU" in log.read_text()

    place.write("watched.py", mended)
    says(log, "reloaded pipeline 'watched': changed count (its code)")
    assert place.node("watched", "count")["phase"] == "ready"
