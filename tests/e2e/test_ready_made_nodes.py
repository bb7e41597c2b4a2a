"""The nodes that come with the SDK, in real pipelines under a real daemon."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from place import ROOT, Place, wait_for

PIPELINE = ROOT / "tests/e2e/ready_pipeline.py"
SERVERS = ROOT / "tests/integration"

pytestmark = pytest.mark.timeout(90)


def artifacts(place: Place, pipeline: str, state: str) -> list[dict[str, Any]]:
    found = place.ask("artifacts", pipeline=pipeline, limit=1000) or []
    return [each for each in found if each["state"] == state]


def test_a_schedule_starts_one_run_for_each_due_time_whoever_is_killed(place: Place) -> None:
    place.ctl("start", PIPELINE, "--", "ticking", place.root)
    for victim in ("clock", "metadata_store", "tell"):
        before = len(artifacts(place, "ticking", "old"))
        killed = place.ready("ticking", victim)
        os.kill(killed["pid"], signal.SIGKILL)
        place.ready("ticking", victim, after=killed["incarnation"])
        wait_for(lambda before=before: len(artifacts(place, "ticking", "old")) >= before + 4, "time goes on")  # type: ignore[misc]
    place.ctl("pause", "ticking/clock")
    wait_for(lambda: all(each["state"] == "succeeded" for each in place.runs("ticking")), "all runs have ended")
    found = [each for each in place.json("artifacts", "ticking") if not each["location"].startswith("begun ")]
    times = sorted(datetime.fromisoformat(each["location"]).timestamp() for each in found)
    steps = {round((later - earlier) / 0.2, 3) for earlier, later in itertools.pairwise(times)}
    assert steps == {1.0}, "no due time is missing and none is there twice"
    claimed = sum(each["value"] for each in place.json("metrics", "ticking", "--key", "due"))
    assert claimed == len([each for each in found if each["state"] == "old"])  # each by one run, also those of one
    late = sorted(each["value"] for each in place.json("metrics", "ticking", "--key", "late"))
    assert 0 < late[len(late) // 2] < 0.15


def test_files_start_a_run_by_number_or_by_age_and_the_ready_made_actions_do_their_jobs(place: Place) -> None:
    web = place.spawn(sys.executable, SERVERS / "web_server.py", log=place.root / "web.log")
    (place.root / "mail").mkdir()
    place.write("job.py", "def check(number):\n    print('checks', number)\n    return number == 4\n")
    mail = place.spawn(
        "sh", "-c", f"sleep 900 | exec {sys.executable} {SERVERS}/mail_server.py mail", log=place.root / "mail.log"
    )
    try:
        web_port = wait_for(lambda: first_line(place.root / "web.log"), "the web server is up")
        mail_port = wait_for(lambda: first_line(place.root / "mail.log"), "the mail server is up")
        place.ctl("start", PIPELINE, "--", "ready", place.root, web_port, mail_port)
        _by_number_and_by_age(place)
        _a_family_that_stays(place)
    finally:
        for each in (web, mail):
            os.killpg(each.pid, signal.SIGKILL)


def _by_number_and_by_age(place: Place) -> None:
    for name in ("a", "b", "c"):
        place.write(f"inbox/{name}.txt", name)
    run = place.run_ended("ready", 1)
    assert {each["location"] for each in artifacts(place, "ready", "old")} == {"a.txt", "b.txt", "c.txt"}
    assert {each["node"]: each["attempts"] for each in run["tasks"] if each["attempts"]} == {
        "shell": 1,
        "there": 1,
        "call": 2,  # the server was busy the first time
        "tell": 1,
    }
    assert " run=1 3 total" in " ".join(place.log("ready", "shell").split())
    assert "run=1 checks 4" in place.log("ready", "there")
    assert "Subject: run 1 has ended" in (place.root / "mail/1.eml").read_text()

    place.write("inbox/d.txt", "d")  # alone: nothing happens until it is a second old
    run = place.run_ended("ready", 2)
    (alone,) = (each for each in artifacts(place, "ready", "old") if each["location"] == "d.txt")
    waited = datetime.fromisoformat(run["started_at"]) - datetime.fromisoformat(alone["created_at"])
    assert 1.0 <= waited.total_seconds() < 3.0


def _a_family_that_stays(place: Place) -> None:
    def sleeping() -> int:
        return sum(each.cmdline() == ["sleep", "600"] for each in place.processes())

    for name in ("stay", "e", "f"):
        place.write(f"inbox/{name}.txt", name)
    wait_for(lambda: sleeping() == 3, "the family is there")
    run = place.run_ended("ready", 3, "failed")
    (task,) = (each for each in run["tasks"] if each["node"] == "shell")
    assert (task["state"], task["error"].splitlines()[0]) == ("error", "did not end within its timeout of 0.5 s")
    assert sleeping() == 0
    assert place.node("ready", "shell")["incarnation"] == 1  # it let go in time


def test_a_condition_on_what_runs_have_recorded_is_asked_again_as_a_run_ends(place: Place) -> None:
    place.ctl("start", PIPELINE, "--", "until-good", place.root)
    for number, words in enumerate(("0.5", "0.3"), start=1):
        place.write(f"inbox/{number}.txt", words)
        place.run_ended("until-good", number)
    place.write("inbox/3.txt", "0.9 wait")
    wait_for(lambda: artifacts(place, "until-good", "new"), "the third file is recorded")
    place.ctl("trigger", "until-good")
    wait_for(lambda: len(place.runs("until-good")) == 3, "run 3 has begun, by hand")
    assert [each["trigger"] for each in place.runs("until-good")] == ["inbox", "inbox", "manual"]
    place.write("inbox/4.txt", "0.1")
    wait_for(lambda: artifacts(place, "until-good", "new"), "the fourth file is recorded")
    assert len(place.runs("until-good")) == 3
    (place.root / "gate").touch()
    place.run_ended("until-good", 4)  # nothing has happened but that run 3 ended, at 0.9
    assert place.runs("until-good")[3]["trigger"] == "inbox"


def first_line(path: Path) -> str:
    text = path.read_text() if path.exists() else ""
    return text.splitlines()[0] if "\n" in text else ""
