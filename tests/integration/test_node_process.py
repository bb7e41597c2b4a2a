"""Nodes as processes: store, resource and action work together, and whoever dies, the run completes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from node_sdk.names import MAX_SOCKET_PATH
from node_sdk.runtime.channel import Channel
from node_sdk.runtime.interrupt import Interrupt
from node_sdk.runtime.store_client import StoreClient
from node_sdk.wire.codec import encode
from node_sdk.wire.link import Beat
from node_sdk.wire.loader import Loaded
from node_sdk.wire.signals import Signal
from node_sdk.wire.store import EndRun, Hello
from tests.integration.loader_driver import Driver, asking

START = """
import os, random, sys, threading, time
from pathlib import Path
from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

here = Path(os.getcwd())
store = SqliteMetadataStore("store", f"sqlite:///{here}/runs.db")
models = FilesystemStoreNode("models", here / "out", store, monitoring=False)

def note(text):
    with open(here / "notes", "a") as file:
        file.write(text + "\\n")

def gate(name):
    "Say that one has come to this point, and wait while a file of this name is there."
    note(f"at {name}")
    while (here / name).exists():
        time.sleep(0.005)

class Files(FilesystemStoreNode):
    pass

class Job(BaseActionNode):
    def execute(self):
        note(f"job run {self.run_id} attempt {self.attempt}")
        gate("gate")
        store.log_metrics(loss=1.0 / self.run_id)
        return True
    def on_exit(self):
        note("job exits")

class After(BaseActionNode):
    def execute(self):
        note(f"after run {self.run_id} attempt {self.attempt}")
        return True
"""
END = """
files = Files("files", here / "in", store)
job = Job("job", [files, models])
after = After("after", [job])
pipeline = Pipeline([store, files, models, job, after], name="tiny")
"""
NODES = ("store", "files", "models", "job", "after")


class Tiny(Driver):
    """The pipeline above."""

    def load_tiny(self, more: str = "", end: str = END) -> None:
        file = self.folder / "tiny.py"
        file.write_text(START + more + end)
        answer = self.load(file)
        assert isinstance(answer, Loaded), answer

    def up(self, more: str = "", end: str = END) -> None:
        self.load_tiny(more, end)
        self.start(*NODES)

    def drop(self, name: str) -> None:
        (self.folder / "in" / name).write_text(name)

    def close_gate(self, name: str = "gate") -> None:
        (self.folder / name).write_text("")

    def open_gate(self, name: str = "gate") -> None:
        (self.folder / name).unlink()

    def notes(self) -> list[str]:
        file = self.folder / "notes"
        return file.read_text().splitlines() if file.exists() else []

    def wait_note(self, text: str, times: int = 1) -> None:
        self.wait(lambda: self.notes().count(text) >= times, f"note {text!r}")

    def select(self, query: str) -> list[dict[str, Any]]:
        return self.rows(self.folder / "runs.db", query)

    def run_ended(self, run_id: int, state: str = "succeeded") -> None:
        self.wait(
            lambda: self.select(f"select * from runs where id = {run_id} and state = '{state}'"),
            f"run {run_id} {state}",
        )

    def task(self, run_id: int, node: str) -> dict[str, Any]:
        return self.select(f"select * from tasks where run_id = {run_id} and node = '{node}'")[0]


def operator(driver: Driver) -> AbstractContextManager[StoreClient]:
    """Somebody who asks the store of the tiny pipeline by hand."""
    return asking(driver.sockets / "tiny" / "store.sock")


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Tiny]:
    with Tiny(tmp_path) as made:
        yield made


def test_a_file_that_is_dropped_becomes_a_run_through_all_nodes(tiny: Tiny) -> None:
    tiny.up()
    tiny.drop("a.txt")
    tiny.run_ended(1)
    tiny.drop("b.txt")
    tiny.run_ended(2)
    assert [each["state"] for each in tiny.select("select * from tasks where run_id = 2")] == ["succeeded"] * 5
    assert [each["value"] for each in tiny.select("select * from metrics order by id")] == [1.0, 0.5]
    assert [each["state"] for each in tiny.select("select * from artifacts order by id")] == ["old", "old"]
    for node in reversed(NODES):
        assert tiny.stop(node).exit_code == 0
    assert "job exits" in tiny.notes()
    assert tiny.quit() == 0


def test_files_that_were_there_before_are_a_run_too(tiny: Tiny) -> None:
    (tiny.folder / "in").mkdir()
    tiny.drop("a.txt")
    tiny.up()
    tiny.run_ended(1)


# ---- deaths


def test_an_action_killed_in_execute_executes_again_and_nobody_else_does(tiny: Tiny) -> None:
    tiny.up()
    tiny.close_gate()
    tiny.drop("a.txt")
    tiny.wait_note("at gate")
    tiny.kill("job")
    tiny.open_gate()
    tiny.spawn("job", crashed=True)
    tiny.run_ended(1)
    job = tiny.task(1, "job")
    assert (job["attempts"], job["crashes"], job["state"]) == (2, 1, "succeeded")
    assert tiny.task(1, "after")["attempts"] == 1
    assert [each["attempt"] for each in tiny.select("select * from metrics")] == [2]


def test_a_kill_that_was_no_fault_of_the_node_counts_no_crash(tiny: Tiny) -> None:
    tiny.up()
    tiny.close_gate()
    tiny.drop("a.txt")
    tiny.wait_note("at gate")
    tiny.kill("job")
    tiny.open_gate()
    tiny.spawn("job", crashed=False)
    tiny.run_ended(1)
    assert (tiny.task(1, "job")["attempts"], tiny.task(1, "job")["crashes"]) == (2, 0)


def test_a_task_that_crashes_its_node_again_and_again_ends_as_an_error_and_the_next_run_goes_on(tiny: Tiny) -> None:
    poison = """
class Job(Job):
    def execute(self):
        if "poison" in str(files.list_artifacts("current")):
            os._exit(9)
        return super().execute()
"""
    tiny.up(poison)
    tiny.drop("poison.txt")
    for _ in range(3):
        assert tiny.exited("job").exit_code == 9
        tiny.spawn("job", crashed=True)
    tiny.run_ended(1, "failed")
    assert "crashed the node 3 times" in tiny.task(1, "job")["error"]
    assert tiny.task(1, "after")["state"] == "skipped"
    tiny.drop("good.txt")
    tiny.run_ended(2)


def test_the_store_killed_in_the_middle_of_a_run_costs_only_time(tiny: Tiny) -> None:
    tiny.up()
    tiny.close_gate()
    tiny.drop("a.txt")
    tiny.wait_note("at gate")
    tiny.kill("store")
    tiny.open_gate()
    tiny.start("store", crashed=True)
    tiny.run_ended(1)
    assert tiny.task(1, "job")["attempts"] == 1


def test_a_resource_that_is_killed_misses_nothing(tiny: Tiny) -> None:
    tiny.up()
    tiny.kill("files")
    tiny.drop("a.txt")
    tiny.start("files", crashed=True)
    tiny.run_ended(1)


def test_a_successor_that_is_away_finds_its_task_when_it_is_back(tiny: Tiny) -> None:
    tiny.up()
    tiny.kill("after")
    tiny.drop("a.txt")
    tiny.wait(lambda: tiny.select("select * from tasks where node = 'job' and state = 'succeeded'"))
    tiny.spawn("after", crashed=True)
    tiny.run_ended(1)
    assert tiny.notes().count("after run 1 attempt 1") == 1


@pytest.mark.slow
@pytest.mark.parametrize("round", range(3))
def test_all_processes_killed_at_once_again_and_again_and_each_file_is_in_one_succeeded_run(
    tiny: Tiny, round: int
) -> None:
    # max_crashes is high: here the same task may be hit every time
    tiny.up(end=END.replace('name="tiny"', 'name="tiny", max_crashes=100'))
    for number in range(6):
        tiny.drop(f"{number}.txt")
        tiny.wait(lambda n=number: len(tiny.select("select * from artifacts")) > n)  # type: ignore[misc]
        for node in NODES:
            os.kill(tiny.pid(node), signal.SIGKILL)
        for node in NODES:
            tiny.exited(node)
            tiny.spawn(node, crashed=True)
    tiny.wait(lambda: len(tiny.select("select * from artifacts where state = 'old'")) == 6, "six files are done")
    runs = tiny.select("select distinct run_id from artifacts")
    for run in runs:
        tiny.run_ended(run["run_id"])
    metrics = tiny.select("select run_id from metrics")
    assert sorted(each["run_id"] for each in metrics) == sorted(each["run_id"] for each in runs)


@pytest.mark.parametrize("moment", ["before the rename", "after the rename"])
def test_publishing_that_is_cut_short_is_finished_by_the_next_incarnation(tiny: Tiny, moment: str) -> None:
    making = f"""
from node_sdk.resources import staging
publish = staging.publish
def cut_short(resource, output):
    if {moment!r} == "after the rename":
        publish(resource, output)
    if not (here / "cut").exists():
        (here / "cut").write_text("")
        os._exit(9)
    return publish(resource, output)
staging.publish = cut_short

class Job(BaseActionNode):
    def execute(self):
        with models.save_artifact("model.txt") as path:
            path.write_text("weights")
        return True

class After(After):
    def execute(self):
        note(Path(models.list_artifacts("current")[0]).read_text())
        return super().execute()
"""
    tiny.up(making)
    tiny.drop("a.txt")
    assert tiny.exited("job").exit_code == 9
    tiny.spawn("job", crashed=True)
    tiny.run_ended(1)
    assert (tiny.folder / "out" / "model.txt").read_text() == "weights"
    assert tiny.notes() == ["weights", "after run 1 attempt 1"]
    assert tiny.task(1, "job")["attempts"] == 1
    assert not list((tiny.folder / "out").rglob("1-job"))


def test_an_output_whose_place_has_become_a_folder_is_lost_and_its_node_goes_on(tiny: Tiny) -> None:
    making = """
from node_sdk.resources import staging
seal = staging.seal
def too_late_to_say(folder, resource, location, staged):
    output = seal(folder, resource, location, staged)
    (folder / location).mkdir(exist_ok=True)
    return output

class Job(BaseActionNode):
    def execute(self):
        if self.run_id == 1:
            with models.save_artifact("good") as path:
                path.write_text("weights")
            staging.seal = too_late_to_say
            with models.save_artifact("best") as path:
                path.write_text("weights")
        return True
"""
    tiny.up(making)
    tiny.drop("a.txt")
    tiny.run_ended(1)
    tiny.drop("b.txt")
    tiny.run_ended(2)
    made = tiny.select("select location, state, reason, published from artifacts where resource = 'models' order by id")
    assert [(each["location"], each["state"], each["published"]) for each in made] == [
        ("good", "old", 1),
        ("best", "failed", 1),
    ]
    assert "cannot publish artifact 'best'" in made[1]["reason"]
    assert "Is a directory" in made[1]["reason"]


def test_what_an_attempt_that_raised_had_made_is_not_published(tiny: Tiny) -> None:
    tiny.up("""
class Job(BaseActionNode):
    def execute(self):
        with models.save_artifact("model.txt") as path:
            path.write_text("half of it")
        raise ValueError("in the middle")
""")
    tiny.drop("a.txt")
    tiny.run_ended(1, "failed")
    assert tiny.select("select * from artifacts where resource = 'models'") == []
    assert not (tiny.folder / "out" / "model.txt").exists()


def test_a_node_that_died_before_its_signals_left_sends_them_when_it_is_back(tiny: Tiny) -> None:
    tiny.up("""
from node_sdk.runtime.outbox import Outbox
from node_sdk.runtime.store import StoreLoop
StoreLoop._wake = lambda self, request, reply: None  # it may be lost
signal = Outbox.signal
def cut_short(self, successor, run_id, *attempt):
    if successor == "after" and not (here / "cut").exists():
        (here / "cut").write_text("")
        os._exit(9)
    signal(self, successor, run_id, *attempt)
Outbox.signal = cut_short
""")
    tiny.drop("a.txt")
    assert tiny.exited("job").exit_code == 9
    tiny.spawn("job", crashed=True)
    tiny.run_ended(1)
    assert (tiny.task(1, "job")["attempts"], tiny.task(1, "after")["attempts"]) == (1, 1)


def test_a_signal_that_comes_again_after_a_restart_executes_nothing(tiny: Tiny) -> None:
    tiny.up()
    tiny.drop("a.txt")
    tiny.run_ended(1)
    tiny.stop("job")
    tiny.start("job")
    sender = tiny.context.socket(zmq.DEALER)
    try:
        sender.connect(f"ipc://{tiny.sockets}/tiny/job.sock")
        sender.send(encode(Signal(1, 1, "files")))
        assert sender.poll(10_000)
    finally:
        sender.close(linger=0)
    tiny.drop("b.txt")  # the run after it is executed after it
    tiny.run_ended(2)
    assert [each for each in tiny.notes() if each.startswith("job run")] == [
        "job run 1 attempt 1",
        "job run 2 attempt 1",
    ]


def test_an_attempt_whose_run_was_ended_while_it_waited_does_not_execute(tiny: Tiny) -> None:
    tiny.up("""
class Job(BaseActionNode):
    retries, retry_delay = 1, 0.5
    def execute(self):
        note(f"job run {self.run_id} attempt {self.attempt}")
        return False
""")
    tiny.drop("a.txt")
    tiny.wait(lambda: tiny.task(1, "job")["retry_at"] if tiny.select("select * from runs") else None, "it waits")
    with operator(tiny) as person:
        person.ask(EndRun(1, "cancelled"))
    tiny.drop("b.txt")
    tiny.run_ended(2, "failed")  # its second attempt comes later than that of run 1 would have come
    assert tiny.notes() == ["job run 1 attempt 1", "job run 2 attempt 1", "job run 2 attempt 2"]


def test_a_task_whose_run_was_ended_is_called_back_at_its_next_word_to_the_store(tiny: Tiny) -> None:
    tiny.up("""
class Job(BaseActionNode):
    def execute(self):
        note("at work")
        try:
            while True:
                store.log_metrics(loss=1.0)
                time.sleep(0.01)
        except BaseException as error:
            note(f"called back: {error}")
            raise
""")
    tiny.drop("a.txt")
    tiny.wait_note("at work")
    with operator(tiny) as person:  # and no daemon tells the node
        person.ask(EndRun(1, "cancelled"))
    tiny.wait_note("called back: run 1 was cancelled")
    tiny.wait(lambda: tiny.work("job") == "idle", "it is free for the next run")
    assert tiny.task(1, "job")["state"] == "cancelled"
    assert tiny.incarnations["job"] == 1


# ---- what user code may do


@pytest.mark.parametrize(
    ("body", "state", "error"),
    [
        ("return False", "failed", "execute() returned False"),
        ("raise ValueError('no data')", "error", "ValueError: no data"),
        ("sys.exit(3)", "error", "SystemExit: 3"),
        ("store.log_metrics(loss=float('nan'))", "error", "InvalidValue"),
    ],
    ids=["false", "raises", "exits", "nan"],
)
def test_a_task_that_goes_wrong_fails_its_run_and_the_next_run_goes_on(
    tiny: Tiny, body: str, state: str, error: str
) -> None:
    first = f"class Job(Job):\n    def execute(self):\n        if self.run_id == 1:\n            {body}\n"
    tiny.up(first + "        return True\n")
    tiny.drop("a.txt")
    tiny.run_ended(1, "failed")
    assert tiny.task(1, "job")["state"] == state
    assert tiny.task(1, "job")["error"].startswith(error.split(":")[0])
    assert error in tiny.task(1, "job")["error"]
    assert tiny.task(1, "after")["state"] == "skipped"
    tiny.drop("b.txt")
    tiny.run_ended(2)


def test_each_attempt_of_a_task_has_the_same_key_and_other_stores_have_other_ones(tiny: Tiny) -> None:
    keep = "class Job(Job):\n    retries = 1\n    def execute(self):\n        note(f'key {self.task_key}')\n"
    tiny.up(keep + "        return self.attempt == 2\n")
    tiny.drop("a")
    tiny.run_ended(1)
    (store_id,) = (row["store_id"] for row in tiny.select("select store_id from identity"))
    assert [each for each in tiny.notes() if each.startswith("key")] == [f"key {store_id}/1/job"] * 2


def test_a_segfault_in_execute_is_a_crash_of_that_attempt_only(tiny: Tiny) -> None:
    crash = "class Job(Job):\n    def execute(self):\n        import ctypes\n        if self.attempt == 1:\n"
    tiny.up(crash + "            ctypes.string_at(0)\n        return True\n")
    tiny.drop("a.txt")
    assert tiny.exited("job").signal == signal.SIGSEGV
    tiny.spawn("job", crashed=True)
    tiny.run_ended(1)
    assert tiny.task(1, "job")["attempts"] == 2


def test_a_crash_counts_once_when_the_next_process_dies_before_it_can_note_that_it_is_counted(tiny: Tiny) -> None:
    making = """
from node_sdk.runtime.flight import FlightRecorder
clear = FlightRecorder.clear
def cut_short(self):
    if (here / "crashed").exists() and not (here / "cut").exists():
        (here / "cut").write_text("")
        os._exit(9)
    clear(self)
FlightRecorder.clear = cut_short

class Job(Job):
    def execute(self):
        if self.attempt == 1:
            (here / "crashed").write_text("")
            os._exit(7)
        return True
"""
    tiny.up(making)
    tiny.drop("a.txt")
    assert tiny.exited("job").exit_code == 7
    tiny.spawn("job", crashed=True)
    assert tiny.exited("job").exit_code == 9
    tiny.spawn("job", crashed=True)
    tiny.run_ended(1)
    assert (tiny.task(1, "job")["attempts"], tiny.task(1, "job")["crashes"]) == (2, 1)


def test_a_setup_that_raises_is_said_with_the_node_and_the_cause(tiny: Tiny) -> None:
    tiny.load_tiny("class Job(Job):\n    def setup(self):\n        raise ValueError('no GPU')\n")
    tiny.start("store", "files", "models")
    tiny.spawn("job")
    words = tiny.last_words("job")
    assert (words.kind, words.message) == ("setup", "setup() of node 'job' raised ValueError: no GPU")
    assert tiny.exited("job").exit_code == 1
    assert "Traceback" in tiny.log("tiny", "job")
    assert "job exits" not in tiny.notes()


def test_setup_may_use_the_store(tiny: Tiny) -> None:
    tiny.up("class Job(Job):\n    def setup(self):\n        note(f'{files.get_num_artifacts()} artifacts')\n")
    assert "0 artifacts" in tiny.notes()


def test_a_store_that_cannot_be_opened_is_said(tiny: Tiny) -> None:
    (tiny.folder / "runs.db").mkdir()
    tiny.load_tiny()
    tiny.spawn("store")
    words = tiny.last_words("store")
    assert words.kind == "setup"
    assert "runs.db" in words.message
    assert words.message.startswith("cannot ")
    assert tiny.exited("store").exit_code == 1


def test_a_trigger_condition_that_raises_counts_as_false_and_is_tried_again(tiny: Tiny) -> None:
    broken = """
class Files(FilesystemStoreNode):
    def trigger_condition(self):
        if self.get_num_artifacts("new") == 1:
            raise ValueError("not yet")
        return self.get_num_artifacts("new") > 1
"""
    tiny.up(broken)
    tiny.drop("a.txt")
    tiny.wait(lambda: "trigger_condition() raised ValueError: not yet" in tiny.log("tiny", "files"))
    tiny.drop("b.txt")
    tiny.run_ended(1)


def test_a_trigger_condition_that_never_returns_silences_the_heartbeat(tiny: Tiny) -> None:
    hung = """
class Files(FilesystemStoreNode):
    heartbeat_timeout = 0.3
    def trigger_condition(self):
        gate("gate")
        return False
"""
    tiny.close_gate()
    tiny.load_tiny(hung)
    tiny.start("store", "files")
    tiny.wait_note("at gate")

    def beats() -> int:
        return sum(isinstance(each, Beat) and each.node == "files" for each in tiny.heard)

    def silent() -> bool:
        before, until = beats(), time.monotonic() + 0.5
        tiny.wait(lambda: time.monotonic() > until)
        return beats() == before

    tiny.wait(silent, "no beats any more")
    tiny.open_gate()
    tiny.wait(lambda: not silent(), "beats again")


def test_a_resource_that_reads_a_large_file_is_not_taken_for_hung(tiny: Tiny) -> None:
    slow = """
class Files(FilesystemStoreNode):
    heartbeat_timeout = 0.3
    def look(self):
        gate("gate")
        super().look()
"""
    tiny.close_gate()
    tiny.load_tiny(slow)
    tiny.start("store", "files")
    tiny.drop("a.txt")
    tiny.wait_note("at gate")

    def beats() -> int:
        return sum(isinstance(each, Beat) and each.node == "files" and each.work == "looking" for each in tiny.heard)

    tiny.wait(lambda: beats() > 5, "beats while it looks")  # six intervals, twice its heartbeat_timeout
    tiny.open_gate()
    tiny.wait(lambda: tiny.select("select * from artifacts where location = 'a.txt'"))


def test_what_a_node_prints_and_logs_is_in_its_log_with_the_run(tiny: Tiny) -> None:
    words = "        print('printed')\n        self.log('logged', level='INFO')\n        return True\n"
    tiny.up("class Job(Job):\n    def execute(self):\n        os.system('echo from a child')\n" + words)
    tiny.drop("a.txt")
    tiny.run_ended(1)
    log = tiny.log("tiny", "job")
    assert "\nprinted\n" in log
    assert "\nfrom a child\n" in log
    assert f" INFO  job[{tiny.pid('job')}] run=1 logged\n" in log


def test_nodes_forked_from_one_interpreter_do_not_draw_the_same_random_numbers(tiny: Tiny) -> None:
    pytest.importorskip("numpy")
    tiny.up(
        "import numpy.random\n"  # numpy alone loads it when it is asked for, in each process anew
        "class Job(Job):\n    def setup(self):\n        note(f'{random.random()} {numpy.random.random()}')\n"
        "class After(After):\n    def setup(self):\n        note(f'{random.random()} {numpy.random.random()}')\n"
    )
    assert len({number for line in tiny.notes() for number in line.split()}) == 4


def test_a_thread_of_the_user_may_log_while_a_task_executes(tiny: Tiny) -> None:
    tiny.up("""
class Job(Job):
    def execute(self):
        threads = [threading.Thread(target=store.log_metrics, kwargs={f"m{n}": n}) for n in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return True
""")
    tiny.drop("a.txt")
    tiny.run_ended(1)
    assert len(tiny.select("select * from metrics")) == 20


# ---- stopping, pausing, fencing, garbage


def test_a_node_asked_to_stop_finishes_its_task_first(tiny: Tiny) -> None:
    tiny.up()
    tiny.close_gate()
    tiny.drop("a.txt")
    tiny.wait_note("at gate")
    os.kill(tiny.pid("job"), signal.SIGTERM)
    tiny.open_gate()
    assert tiny.exited("job").exit_code == 0
    assert tiny.task(1, "job")["state"] == "succeeded"
    assert "job exits" in tiny.notes()
    tiny.run_ended(1)


def test_a_node_that_waits_for_the_store_can_be_stopped(tiny: Tiny) -> None:
    tiny.load_tiny()
    tiny.spawn("job")
    tiny.wait(lambda: any(isinstance(each, Beat) and each.node == "job" for each in tiny.heard))
    assert tiny.stop("job").exit_code == 0
    assert "job exits" not in tiny.notes()  # it was never set up


def test_ctrl_c_does_not_end_a_node(tiny: Tiny) -> None:
    tiny.up()
    for node in NODES:
        os.kill(tiny.pid(node), signal.SIGINT)
    tiny.drop("a.txt")
    tiny.run_ended(1)


def test_a_paused_resource_offers_nothing_until_it_is_resumed(tiny: Tiny) -> None:
    tiny.up()
    tiny.wait(lambda: tiny.select("select * from nodes where name = 'files' and offers"))
    tiny.pause("files", True)
    tiny.wait(lambda: tiny.select("select * from nodes where name = 'files' and not offers"))
    tiny.drop("a.txt")
    tiny.wait(lambda: tiny.select("select * from artifacts where state = 'new'"))
    tiny.pause("files", False)
    tiny.run_ended(1)


def test_a_paused_action_begins_nothing_until_it_is_resumed(tiny: Tiny) -> None:
    tiny.load_tiny()
    tiny.start("store", "files", "models", "after")
    tiny.start("job", paused=True)
    tiny.drop("a.txt")
    tiny.wait(lambda: tiny.select("select * from runs"))
    assert tiny.stop("job").exit_code == 0  # it has heard of the run, and leaves it alone
    assert tiny.notes() == ["job exits"]
    tiny.start("job", paused=True)
    tiny.pause("job", False)
    tiny.run_ended(1)


def test_a_node_whose_place_is_taken_ends_at_once_and_says_so(tiny: Tiny) -> None:
    tiny.up()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    interrupt = Interrupt()
    channel = Channel(context, f"ipc://{tiny.sockets}/tiny/store.sock")
    StoreClient(channel, "job", 9, interrupt).ask(Hello())
    tiny.drop("a.txt")
    words = tiny.last_words("job")
    assert (words.kind, words.current) == ("fenced", 9)
    assert tiny.exited("job").exit_code == 70
    assert tiny.notes().count("job exits") == 0
    channel.close()
    interrupt.close()
    context.term()
    tiny.incarnations["job"] = 9
    tiny.spawn("job")
    tiny.run_ended(1)


def test_garbage_at_every_inbox_harms_nobody(tiny: Tiny) -> None:
    tiny.up()
    with zmq.Context() as context:
        for node in NODES:
            with context.socket(zmq.DEALER) as rogue:
                rogue.linger = 1000
                rogue.connect(f"ipc://{tiny.sockets}/tiny/{node}.sock")
                for garbage in (b"", b"\xc1", b"\x81\xa1@\xa4Boom", os.urandom(1000)):
                    rogue.send(garbage)
        for node in NODES:
            tiny.wait(lambda node=node: "sender of garbage" in tiny.log("tiny", node))  # type: ignore[misc]
    tiny.drop("a.txt")
    tiny.run_ended(1)
    assert set(tiny.incarnations.values()) == {1}


def test_a_socket_path_that_is_too_long_is_said(tiny: Tiny) -> None:
    name = node_with_a_path_of(MAX_SOCKET_PATH + 1, tiny)
    tiny.spawn(name)
    words = tiny.last_words(name)
    assert words.kind == "setup"
    assert f"at most {MAX_SOCKET_PATH} are possible" in words.message
    assert tiny.exited(name).exit_code == 1


def test_a_socket_path_as_long_as_the_daemon_lets_pass_can_be_used(tiny: Tiny) -> None:
    tiny.start("store", node_with_a_path_of(MAX_SOCKET_PATH, tiny))


def node_with_a_path_of(size: int, tiny: Tiny) -> str:
    """The name of an action, in a pipeline that is loaded, whose socket's path has `size` bytes."""
    pipeline = "p" * 40
    name = "n" * (size - len(f"{tiny.sockets}/{pipeline}/.sock"))
    tiny.load_tiny(end=END.replace('Job("job"', f'Job("{name}"').replace('name="tiny"', f'name="{pipeline}"'))
    return name


def test_an_idle_pipeline_costs_no_cpu(tiny: Tiny) -> None:
    tiny.up()
    tiny.drop("a.txt")
    tiny.run_ended(1)
    tiny.kill("after")  # also when somebody is away
    processes = [psutil.Process(tiny.pid(node)) for node in NODES if node != "after"]

    def at_rest() -> bool:
        before = [each.num_ctx_switches().voluntary for each in processes]
        until = time.monotonic() + 0.6  # a channel that kept trying would do so twice meanwhile
        tiny.wait(lambda: time.monotonic() > until)
        return [each.num_ctx_switches().voluntary for each in processes] == before

    tiny.wait(at_rest, "nobody wakes")
