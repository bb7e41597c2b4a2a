"""A process that was replaced without being killed (nobody could reach it: another namespace, another host) wakes up
again: nothing it says is taken, what it made is not published, and it ends (law 3).

Its supervisor is made to forget it: the loader that could kill it dies, and the next one starts the node anew.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_daemon.process.identity import start_time
from node_sdk.wire.link import LastWords
from node_sdk.wire.loader import Loaded
from tests.integration.test_node_process import Tiny

pytestmark = pytest.mark.slow

# What the woken process does first, each by itself: it is refused at the first word, so the order would hide the rest.
WORK = {
    "metrics": "store.log_metrics(old=1)",
    "params": "store.log_params(old=1)",
    "output": "save()",
    "completion": "pass",
}
JOB = """
def save():
    with models.save_artifact("model.txt") as path:
        path.write_text(f"by {{os.getpid()}}")

class Job(BaseActionNode):
    def execute(self):
        old = {old!r}
        if self.attempt == 1:
            note(f"old in {{old}}")
            gate("gate")
            if old == "completion":
                save()
            note("old goes on")
            {work}
        else:
            store.log_metrics(loss=1.0)
            save()
        return True
    def on_success(self):
        note(f"attempt {{self.attempt}} thinks that it succeeded")
    def on_exit(self):
        note("job exits")
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    with Tiny(tmp_path) as made:
        yield made


def replaced(tiny: Tiny, gate: str = "gate") -> int:
    """Let the job be stopped in execute(), lost, and replaced; the pid of the old process, which still is there."""
    tiny.close_gate(gate)
    tiny.drop("a.txt")
    tiny.wait_note(f"at {gate}")
    old = tiny.pid("job")
    os.kill(old, signal.SIGSTOP)
    assert tiny.process is not None
    tiny.process.kill()
    tiny.process.wait()
    tiny.hang_up()
    assert isinstance(tiny.load(tiny.folder / "tiny.py"), Loaded)
    tiny.start("job")
    return old


@pytest.mark.parametrize("what", WORK)
def test_nothing_that_a_replaced_process_says_is_taken_and_it_ends(tiny: Tiny, what: str) -> None:
    tiny.up(JOB.format(old=what, work=WORK[what]))
    old = replaced(tiny)
    tiny.run_ended(1)
    new = tiny.pid("job")
    assert new != old
    before = {table: tiny.select(f"select * from {table}") for table in ("runs", "tasks", "metrics", "artifacts")}

    tiny.open_gate()
    os.kill(old, signal.SIGCONT)

    words = tiny.wait(lambda: words_of(tiny, 1), "its last words")
    assert (words.kind, words.current) == ("fenced", 2)
    tiny.wait(lambda: start_time(old) is None, "its end")
    assert "old goes on" in tiny.notes()
    assert "job exits" not in tiny.notes()
    after = {table: tiny.select(f"select * from {table}") for table in before}
    assert after == before
    assert [each["key"] for each in after["metrics"]] == ["loss"]
    assert [each["location"] for each in after["artifacts"] if each["resource"] == "models"] == ["model.txt"]
    published = [path for path in (tiny.folder / "out").rglob("*") if path.is_file() and ".anacostia" not in path.parts]
    assert [path.read_text() for path in published] == [f"by {new}"]
    # The replacement never noticed.
    assert tiny.stop("job").exit_code == 0


def test_a_replaced_process_cannot_finish_the_run_that_its_replacement_still_works_on(tiny: Tiny) -> None:
    tiny.up("""
class Job(BaseActionNode):
    def execute(self):
        gate(f"gate-{self.attempt}")
        note(f"attempt {self.attempt} ends")
        return True
""")
    tiny.close_gate("gate-2")
    old = replaced(tiny, "gate-1")
    tiny.wait(lambda: tiny.task(1, "job")["incarnation"] == 2, "the second attempt is recorded")
    assert "at gate-2" in tiny.notes()

    tiny.open_gate("gate-1")
    os.kill(old, signal.SIGCONT)

    words = tiny.wait(lambda: words_of(tiny, 1), "its last words")
    assert words.kind == "fenced"
    assert "attempt 1 ends" in tiny.notes()
    assert (tiny.task(1, "job")["state"], tiny.task(1, "job")["incarnation"]) == ("executing", 2)
    assert tiny.task(1, "after")["state"] == "pending"
    tiny.open_gate("gate-2")
    tiny.run_ended(1)
    assert tiny.task(1, "job")["attempts"] == 2


def words_of(tiny: Tiny, incarnation: int) -> LastWords | None:
    for each in tiny.heard:
        if isinstance(each, LastWords) and (each.node, each.incarnation) == ("job", incarnation):
            return each
    return None
