"""Each limit holds on a live node: read back from /proc, or passed and answered with a restart that says why."""

from __future__ import annotations

import json
import os
import re
import resource
import sys
from pathlib import Path
from typing import Any

import pytest
from place import BIN, Place, wait_for

PIPELINE = Path(__file__).with_name("limited_pipeline.py")
LINUX_ONLY = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a node may use is read from /proc")
pytestmark = LINUX_ONLY


def start(place: Place, code: int = 0, **settings: Any) -> str:
    """What it says on stderr."""
    return place.ctl("start", PIPELINE, "--", place.root, json.dumps(settings), code=code).stderr


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_each_limit_of_the_system_holds_in_the_node_and_in_no_other(place: Place, method: str) -> None:
    cpu = min(os.sched_getaffinity(0))
    limits = {
        "nice": 7,
        "cpus": [cpu],
        "umask": 0o027,
        "oom_score_adj": 321,
        "rlimits": {"nofile": 512, "core": 0},
    }
    start(place, limits=limits, start_method=method)
    pid, other = place.ready("limited", "work")["pid"], place.ready("limited", "inbox")["pid"]

    assert os.getpriority(os.PRIO_PROCESS, pid) == 7
    assert os.sched_getaffinity(pid) == {cpu}
    assert "Umask:\t0027" in proc(pid, "status")
    assert proc(pid, "oom_score_adj").strip() == "321"
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (512, 512)
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    assert os.getpriority(os.PRIO_PROCESS, other) == os.getpriority(os.PRIO_PROCESS, 0)
    assert resource.prlimit(other, resource.RLIMIT_NOFILE) != (512, 512)
    assert place.log("limited", "work"), "a node with limits has a log like any other"
    if method == "spawn":  # the file is run in the node's own process: the limits were there before it
        assert (place.root / f"loaded/{pid}").read_text() == "7 27"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_limit_that_cannot_be_put_on_is_said_and_the_node_never_works_without_it(place: Place, method: str) -> None:
    said = start(place, code=1, limits={"cpus": [4095]}, start_method=method)
    assert "cannot limit node 'work' to cpus 4095: the daemon may use CPUs" in said
    reasons = [each["reason"] for each in place.json("journal", "limited")]
    assert any("cannot limit node 'work' to cpus 4095" in each for each in reasons), reasons
    assert "cannot limit node 'work'" in place.log("limited", "work")


@pytest.mark.parametrize("where", ["grow", "child", "orphan", "bare"])
def test_a_family_that_passes_its_memory_limit_is_restarted_with_that_reason(place: Place, where: str) -> None:
    start(place, limits={"memory_limit": 160 << 20})
    place.write("inbox/first.txt", f"{where} 200")
    place.run_ended("limited", 1)
    node = place.ready("limited", "work", after=1)
    reason = node["last_end"]["reason"]
    found = re.fullmatch(r"used ([\d.]+) MiB of memory, more than its memory_limit of 160 MiB", reason)
    assert found is not None and float(found[1]) > 200, reason
    assert node["incarnation"] == 2 and node["restarts"] == 1
    journal = place.json("journal", "limited")
    assert [each["to"] for each in journal if each["reason"] == reason] == ["killing"]
    assert f"started again at once after: {reason}" in [each["reason"] for each in journal]
    assert place.node("limited", "inbox")["incarnation"] == 1


def test_memory_that_is_shared_with_the_loader_does_not_count_in_full(place: Place) -> None:
    text = PIPELINE.read_text() + "\nballast = bytearray(b'x') * (90 << 20)  # before the nodes are forked\n"
    file = place.write("shares.py", text)
    place.ctl("start", file, "--", place.root, json.dumps({"limits": {"memory_limit": 80 << 20}}))
    place.write("inbox/first.txt", "nothing")
    place.run_ended("limited", 1)
    wait_for(lambda: place.node("limited", "work")["rss_bytes"] > 80 << 20, "more is resident than the limit")
    place.write("inbox/second.txt", "grow 120")
    place.run_ended("limited", 2)
    used = re.findall(r"used ([\d.]+) MiB", " ".join(each["reason"] for each in place.json("journal", "limited")))
    assert {float(each) > 120 for each in used} == {True}, used
    assert place.node("limited", "work")["incarnation"] == 2


def test_a_pipeline_stops_when_an_essential_node_is_given_up_and_says_because_of_whom(place: Place) -> None:
    start(place, essential=True, max_restarts=0)
    place.write("inbox/first.txt", "exit")
    wait_for(lambda: place.node("limited", "inbox")["phase"] == "down", "the others stop")
    wait_for(lambda: place.node("limited", "store")["phase"] == "down", "the others stop")
    failed = place.node("limited", "work")
    assert failed["phase"] == "failed"
    assert place.node("limited", "store")["reason"].startswith("essential node 'work' failed: exited with code 3")
    shown = place.ask("status", pipeline="limited")["pipelines"][0]
    assert (shown["desired"], shown["phase"]) == ("down", "failed")
    assert place.ctl("status", "limited", code=3).stdout
    place.ctl("start", "limited")
    place.run_ended("limited", 1)  # its second attempt does nothing bad


def test_a_daemon_of_a_container_ends_with_the_pipeline_that_it_is_for_and_the_next_one_starts_it_anew(
    place: Place,
) -> None:
    place.write("home/anacostia.toml", "[daemon]\nexit_on_failure = true\n").parent.chmod(0o700)
    daemon = place.spawn(BIN / "anacostiad", log=place.root / "daemon.log")
    wait_for(lambda: place.ask("version"), "the daemon answers")
    start(place, essential=True, max_restarts=0)
    place.write("inbox/first.txt", "exit")
    assert daemon.wait(30) == 70
    assert (
        "given up: limited: essential node 'work' failed: exited with code 3" in (place.root / "daemon.log").read_text()
    )
    place.spawn(BIN / "anacostiad", log=place.root / "daemon.log")
    wait_for(lambda: place.runs("limited"), "the daemon answers")
    place.run_ended("limited", 1)


def test_python_file_ends_with_1_when_an_essential_node_is_given_up(place: Place) -> None:
    text = PIPELINE.read_text() + "\npipeline.run()\n"
    file = place.write("own.py", text)
    place.write("inbox/first.txt", "exit")
    settings = json.dumps({"essential": True, "max_restarts": 0})
    done = place.spawn(sys.executable, file, place.root, settings, log=place.root / "shown.log")
    assert done.wait(60) == 1
    assert "the pipeline cannot go on without a node that has failed" in (place.root / "shown.log").read_text()
