"""Whatever a user gets wrong is answered in words that say what to do, and harms neither daemon nor neighbours."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import BIN, ROOT, Place, wait_for

IMPORTS = """
import sys
from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode
path = sys.argv[1]
class Act(BaseActionNode):
    def execute(self, *args, **kwargs): return True
store = SqliteMetadataStore("store", f"sqlite:///{path}/metadata.db")
inbox = FilesystemStoreNode("inbox", f"{path}/inbox", store)
"""

BAD_FILES = {
    "syntax error": ("def broken(:\n", ["bad.py", "line 1"]),
    "broken import": ("import no_such_module_anywhere\n", ["no_such_module_anywhere"]),
    "error while loading": ("x = 1 / 0\n", ["ZeroDivisionError", "line 1"]),
    "no pipeline": (IMPORTS, ["Pipeline"]),
    "sys.exit": ("import sys; sys.exit(3)\n", ["3"]),
    "two pipelines": (
        IMPORTS + "one = Pipeline([store, inbox, Act('a', [inbox])], name='one')\n"
        "other = SqliteMetadataStore('store', 'sqlite:///x.db')\n"
        "two = Pipeline([other, Act('a', [other])], name='two')\n",
        ["one", "two"],
    ),
    "cycle": (
        IMPORTS + "a = Act('aa', [inbox]); b = Act('bb', [a]); a.predecessors.append(b)\n"
        "Pipeline([store, inbox, a, b], name='p')\n",
        ["aa", "bb"],
    ),
    "duplicate name": (IMPORTS + "Pipeline([store, inbox, Act('inbox', [inbox])], name='p')\n", ["inbox"]),
    "illegal name": (IMPORTS + "Pipeline([store, inbox, Act('no/name', [inbox])], name='p')\n", ["no/name"]),
    "illegal pipeline name": (IMPORTS + "Pipeline([store, inbox, Act('a', [inbox])], name='..')\n", ["'..'"]),
    "unregistered node": (IMPORTS + "Pipeline([store, Act('act', [inbox])], name='p')\n", ["inbox"]),
    "resource without a successor": (IMPORTS + "Pipeline([store, inbox], name='p')\n", ["inbox"]),
    "no metadata store": (IMPORTS + "Pipeline([Act('act', [])], name='p')\n", ["metadata store"]),
    "no nodes": (IMPORTS + "Pipeline([], name='p')\n", ["metadata store"]),
    "store that cannot be opened": (
        IMPORTS + "store = SqliteMetadataStore('db', 'sqlite:////nowhere/at/all/metadata.db')\n"
        "Pipeline([store, Act('act', [store])], name='p')\n",
        ["/nowhere/at/all"],
    ),
    "store of an unknown kind": (
        IMPORTS + "from node_sdk.metadata import SqlMetadataStore\n"
        "store = SqlMetadataStore('db', 'nosuchdb://host/x')\nPipeline([store, Act('act', [store])], name='p')\n",
        ["nosuchdb"],
    ),
    "folder below a file": (
        IMPORTS.replace('f"{path}/inbox"', "__file__ + '/inbox'")
        + "Pipeline([store, inbox, Act('act', [inbox])], name='p')\n",
        ["bad.py/inbox"],
    ),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """One daemon for all that is wrong, with a neighbour that must never notice."""
    opened = Place()
    failed = True
    try:
        opened.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", opened.root / "neighbour")
        yield opened
        failed = False
    finally:
        opened.close(failed=failed)


@pytest.fixture
def place_with_neighbour(shared: Place) -> Iterator[Place]:
    daemon = shared.daemon_pid()
    before = [each["pid"] for each in shared.json("status", "haiku")["pipelines"][0]["nodes"]]
    yield shared
    assert shared.daemon_pid() == daemon
    assert [each["pid"] for each in shared.json("status", "haiku")["pipelines"][0]["nodes"]] == before
    run = len(shared.runs("haiku")) + 1
    shared.write(f"neighbour/haikus/{run}.txt", f"an old silent pond {run}\n")
    shared.run_ended("haiku", run)


def names(place: Place) -> list[str]:
    return [each["name"] for each in place.ask("status")["pipelines"]]


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_file_that_gives_no_pipeline_that_works_is_refused_in_words(place_with_neighbour: Place, fault: str) -> None:
    place = place_with_neighbour
    text, words = BAD_FILES[fault]
    folder = place.root / fault.replace(" ", "-")
    file = place.write(folder / "bad.py", text)
    done = place.ctl("start", file, "--", folder, code=1)
    assert "cannot" in done.stderr.partition("Traceback")[0], done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    if "p" in names(place):  # it was loaded, and could not work
        place.ctl("remove", "p")
    assert names(place) == ["haiku"]


VALUES = {
    "NaN": ("log_metrics(loss=float('nan'))", "loss"),
    "infinite": ("log_metrics(loss=float('-inf'))", "loss"),
    "text as a metric": ("log_metrics(loss='low')", "loss"),
    "an object as a metric": ("log_metrics(loss=object())", "loss"),
    "an unpicklable param": ("log_params(hook=lambda: 1)", "hook"),
    "a NaN inside a param": ("log_params(curve=[1.0, float('nan')])", "curve"),
    "an object as a tag": ("set_tags(model=object())", "model"),
}


@pytest.mark.parametrize("fault", VALUES)
def test_a_value_that_cannot_be_recorded_is_an_error_of_its_task(place_with_neighbour: Place, fault: str) -> None:
    place = place_with_neighbour
    call, key = VALUES[fault]
    folder = place.root / fault.replace(" ", "-")
    text = IMPORTS + f"class Bad(Act):\n    def execute(self):\n        store.{call}\n        return True\n"
    file = place.write(folder / "bad.py", text + "Pipeline([store, inbox, Bad('bad', [inbox])], name='values')\n")
    place.ctl("start", file, "--", folder)
    place.write(folder / "inbox/one.txt", "1")
    run = place.run_ended("values", 1, "failed")
    (task,) = (each for each in run["tasks"] if each["node"] == "bad")
    assert task["state"] == "error"
    assert "cannot" in task["error"] and repr(key) in task["error"] and "'bad'" in task["error"], task["error"]
    assert place.json("metrics", "values") == []
    place.ctl("remove", "values")


def test_a_file_that_vanishes_before_it_is_read_is_an_error_of_its_task(place_with_neighbour: Place) -> None:
    place = place_with_neighbour
    place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--name", "vanishing", "--", place.root / "vanishing")
    place.ctl("pause", "vanishing/shakespeare_eval")
    file = place.write("vanishing/haikus/one.txt", "1")
    wait_for(lambda: place.runs("vanishing"), "a run begins")
    file.unlink()
    place.ctl("resume", "vanishing/shakespeare_eval")
    run = place.run_ended("vanishing", 1, "failed")
    assert "cannot read artifact" in run["tasks"][-1]["error"]
    place.ctl("remove", "vanishing")


def test_asking_for_what_is_not_there_says_what_is(place_with_neighbour: Place) -> None:
    place = place_with_neighbour
    assert "haiku" in place.ctl("status", "hiaku", code=4).stderr
    assert "shakespeare_eval" in place.ctl("stop", "haiku/shakespear_eval", code=4).stderr
    assert "there is no such file" in place.ctl("start", "./nothing.py", code=1).stderr
    assert "no such run" in place.ctl("run", "haiku", "999999", code=4).stderr


def test_a_second_pipeline_of_the_same_name_is_refused(place_with_neighbour: Place) -> None:
    place = place_with_neighbour
    text = IMPORTS + "Pipeline([store, inbox, Act('act', [inbox])], name='haiku')\n"
    loader = place.loader_pid("haiku")
    done = place.ctl("start", place.write("same/other.py", text), "--", place.root / "same", code=1)
    assert "haiku" in done.stderr and "--name" in done.stderr
    assert place.loader_pid("haiku") == loader


def test_a_second_daemon_on_the_same_home_refuses_to_start_and_says_who_holds_it(place_with_neighbour: Place) -> None:
    place = place_with_neighbour
    second = place.spawn(BIN / "anacostiad")
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 75
    assert str(place.daemon_pid()) in said and str(place.home.path) in said


def test_a_socket_path_that_is_too_long_is_refused_with_the_way_out(place: Place) -> None:
    place.env["XDG_RUNTIME_DIR"] = str(place.root / ("x" * 90))
    done = place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root, code=None)
    assert done.returncode not in (0, 2)
    assert "bytes" in done.stderr and "XDG_RUNTIME_DIR" in done.stderr


def test_a_home_that_cannot_be_made_is_refused_with_the_way_out(place: Place) -> None:
    place.write("file", "")
    place.at(place.root / "file" / "home")
    done = place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root, code=None)
    assert done.returncode not in (0, 2)
    assert "cannot" in done.stderr and "ANACOSTIA_HOME" in done.stderr


def test_without_a_daemon_reading_says_so_and_starts_none(place: Place) -> None:
    for words in (["status"], ["runs", "haiku"], ["stop", "haiku"], ["shutdown"]):
        assert "not running" in place.ctl(*words, code=69).stderr
    assert not place.processes()


def test_a_folder_without_permission_is_refused_by_name(place: Place) -> None:
    closed = place.root / "closed"
    closed.mkdir(mode=0o000)
    daemon = subprocess.Popen(
        [BIN / "anacostiad"], env=place.env, preexec_fn=without_the_rights_of_root, stderr=subprocess.DEVNULL
    )
    try:
        place.daemon_pid()
        text = IMPORTS.replace('f"{path}/inbox"', repr(str(closed)))
        file = place.write("bad.py", text + "Pipeline([store, inbox, Act('act', [inbox])], name='p')\n")
        done = place.ctl("start", file, "--", place.root, code=1)
        assert str(closed) in done.stderr and "permission" in done.stderr.lower()
        place.ctl("shutdown")
    finally:
        daemon.terminate()
        daemon.wait(30)


def without_the_rights_of_root() -> None:
    """Root reads what it may not, unless these capabilities cannot be had (PR_CAPBSET_DROP; exec then drops them)."""
    if os.getuid() == 0 and sys.platform == "linux":
        libc = ctypes.CDLL(None)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            libc.prctl(24, capability, 0, 0, 0)


def test_two_pipelines_in_one_daemon_work_side_by_side(place: Place) -> None:
    for name in ("first", "second"):
        place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--name", name, "--", place.root / name)
    for name in ("first", "second"):
        place.write(f"{name}/haikus/pond.txt", f"an old silent pond of {name}\n")
    for name in ("first", "second"):
        place.run_ended(name, 1)
    place.ctl("stop", "first")
    phases = {each["name"]: each["phase"] for each in place.json("status")["pipelines"]}
    assert phases == {"first": "down", "second": "ready"}
    place.write("second/haikus/frog.txt", "a frog\n")
    place.run_ended("second", 2)
    place.ctl("start", "first")
    place.ctl("remove", "second")
    assert names(place) == ["first"]
    assert Path(place.root / "second/metadata.db").exists()


@pytest.mark.parametrize("which", ["control.sock", "link.sock"])
def test_a_socket_path_that_is_taken_stops_the_daemon_with_its_name(place: Place, which: str) -> None:
    taken = place.home.socket_dir / which
    (taken / "something").mkdir(parents=True)
    daemon = place.spawn(BIN / "anacostiad")
    said, _ = daemon.communicate(timeout=30)
    assert daemon.returncode == 1
    assert "cannot" in said and str(taken) in said and "Traceback" not in said, said


def test_the_inbox_of_a_node_that_is_taken_fails_its_start_with_its_name(place: Place) -> None:
    taken = place.home.inbox("haiku", "shakespeare_eval")
    (taken / "something").mkdir(parents=True)
    done = place.ctl("start", ROOT / "examples/haiku/pipeline.py", "--", place.root, code=1)
    assert str(taken) in done.stderr


def test_what_a_killed_daemon_left_behind_does_not_stop_the_next(place: Place) -> None:
    first = place.spawn(BIN / "anacostiad", log=place.root / "log")
    pid = place.daemon_pid()
    first.kill()
    first.wait(30)
    assert place.home.control_socket.exists() and place.home.lock.exists()
    assert "has left its socket behind" in place.ctl("status", code=69).stderr
    place.spawn(BIN / "anacostiad", log=place.root / "log")
    assert place.daemon_pid() != pid
