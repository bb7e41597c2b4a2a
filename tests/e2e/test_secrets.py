"""A password that a pipeline is given comes back nowhere: not in an argument list, the journal, a status or a log."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from place import Place, wait_for

SECRET = "hunter2-s3cret"
URL = f"postgresql+nosuchdriver://alice:{SECRET}@db.example/runs?password={SECRET}"
PIPELINE = """
import os
from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore, SqlMetadataStore

class Fails(BaseActionNode):
    def execute(self, *args, **kwargs):
        assert os.environ["API_TOKEN"]
        raise ValueError("as it must")

sound = SqliteMetadataStore("store", f"sqlite:///{os.path.dirname(__file__)}/metadata.db")
broken = SqlMetadataStore("store", os.environ["DATABASE_URL"])
store = broken if os.environ.get("BROKEN") else sound
pipeline = Pipeline([store, Fails("fails", [store])], name=os.environ["CALLED"])
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Place]:
    """Two pipelines that were given secrets: one whose node fails, one whose store cannot be opened."""
    opened = Place()
    failed = True
    try:
        file = opened.write("pipeline.py", PIPELINE)
        given = ["--env", f"API_TOKEN={SECRET}", "--env", f"DATABASE_URL={URL}"]
        opened.ctl("start", file, *given, "--env", "CALLED=sound")
        opened.ctl("trigger", "sound")
        opened.run_ended("sound", 1, "failed")
        file = opened.write("broken.py", PIPELINE)
        said = opened.ctl("start", file, *given, "--env", "CALLED=broken", "--env", "BROKEN=1", code=1)
        opened.refused = said.stdout + said.stderr  # type: ignore[attr-defined]
        wait_for(lambda: opened.node("broken", "store").get("restarts", 0) >= 1, "the store was tried again")
        yield opened
        failed = False
    finally:
        opened.close(failed=failed)


def test_the_refusal_of_a_database_shows_its_url_without_the_password(shared: Place) -> None:
    said = shared.refused  # type: ignore[attr-defined]
    assert "alice:***@db.example/runs?password=***" in said and SECRET not in said


@pytest.mark.parametrize(
    "command",
    ["status", "status --json", "journal sound", "journal broken --json", "logs", "runs sound", "run sound 1 --json",
     "graph broken --json",],
)  # fmt: skip
def test_no_command_shows_it(shared: Place, command: str) -> None:
    done = shared.ctl(*command.split(), code=None)
    assert done.stdout and SECRET not in done.stdout + done.stderr


def test_no_argument_list_of_any_process_has_it(shared: Place) -> None:
    processes = shared.processes()
    assert len(processes) >= 4  # the daemon, two loaders, a node
    assert not [each for each in processes if SECRET in " ".join(each.cmdline())]


def test_one_file_of_the_home_has_it_which_its_user_alone_can_read(shared: Place) -> None:
    files = [each for each in shared.home.path.rglob("*") if each.is_file()]
    assert {each.name for each in files} > {"journal.db", "daemon.log", "store.log", "fails.log", "loader.log"}
    holding = [each for each in files if SECRET.encode() in each.read_bytes()]
    assert {re.sub(r"-\w+$", "", each.name) for each in holding} == {"environment"}, holding
    assert {each.stat().st_mode & 0o777 for each in holding} == {0o600}


def test_only_the_environment_of_processes_that_were_given_it_has_it(shared: Place) -> None:
    daemon = Path(f"/proc/{shared.daemon_pid()}/environ").read_bytes()
    loader = Path(f"/proc/{shared.loader_pid('sound')}/environ").read_bytes()
    assert SECRET.encode() not in daemon
    assert SECRET.encode() in loader, "the test sees what it looks for"
