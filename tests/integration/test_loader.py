"""The loader, as a process, on files as users write them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from anacostia_daemon.process.identity import start_time
from node_sdk.names import MAX_SOCKET_PATH
from node_sdk.osprocess import facts
from node_sdk.runtime.server import MOST_STRANGERS
from node_sdk.wire.codec import decode, encode
from node_sdk.wire.frames import frame
from node_sdk.wire.loader import (
    Attend,
    Exited,
    Forget,
    Loaded,
    LoadFailed,
    Query,
    QueryAnswer,
    Quit,
    Spawn,
    Spawned,
    SpawnFailed,
)
from node_sdk.wire.store import OPERATOR, Select, StoreReply, StoreRequest
from tests.integration.loader_driver import Driver

IMPORTS = """
import os, sys
from node_sdk import BaseActionNode, Pipeline
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.resources import FilesystemStoreNode

class Job(BaseActionNode):
    def execute(self):
        return True

def nodes():
    store = SqliteMetadataStore("store", f"sqlite:///{os.getcwd()}/runs.db")
    files = FilesystemStoreNode("files", os.path.join(os.getcwd(), "in"), store)
    return [store, files, Job("job", [files])]
"""
MODULE_LEVEL = IMPORTS + "pipeline = Pipeline(nodes(), name='tiny')\n"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driver]:
    with Driver(tmp_path) as made:
        yield made


def write(folder: Path, source: str, name: str = "tiny.py") -> Path:
    file = folder / name
    file.write_text(source)
    return file


def load(daemon: Driver, source: str, **more: object) -> Loaded | LoadFailed:
    answer = daemon.load(write(daemon.folder, source), **more)
    assert isinstance(answer, (Loaded, LoadFailed))
    return answer


def loaded(daemon: Driver, source: str, **more: object) -> Loaded:
    answer = load(daemon, source, **more)
    assert isinstance(answer, Loaded), answer
    return answer


def failed(daemon: Driver, source: str, **more: object) -> LoadFailed:
    answer = load(daemon, source, **more)
    assert isinstance(answer, LoadFailed), answer
    assert daemon.process is not None
    assert daemon.process.wait(30) == 1
    return answer


# ---- files that give a pipeline


@pytest.mark.parametrize(
    "construction",
    [
        "pipeline = Pipeline(nodes(), name='tiny')",
        "if __name__ == '__main__':\n    Pipeline(nodes(), name='tiny')",
        "if __name__ == '__main__':\n    Pipeline(nodes(), name='tiny').run()\n    raise AssertionError('never here')",
        "def main():\n    Pipeline(nodes(), name='tiny').run()\n    return 0\nsys.exit(main())",
        "Pipeline(nodes(), name='tiny')\nsys.exit(0)",
        "other = Pipeline(nodes(), name='other')\nPipeline(nodes(), name='tiny').run()",
    ],
    ids=["module level", "guard", "run under the guard", "main", "exit after", "the one that is run"],
)
def test_a_pipeline_is_found_wherever_it_is_built(daemon: Driver, construction: str) -> None:
    answer = loaded(daemon, IMPORTS + construction)
    assert answer.graph.name == "tiny"
    assert [each.name for each in answer.graph.nodes] == ["store", "files", "job"]
    assert daemon.quit() == 0


TWO = IMPORTS + "first = Pipeline(nodes(), name='alpha')\nsecond = Pipeline(nodes(), name='beta')\n"


@pytest.mark.parametrize(("name", "chosen"), [("second", "beta"), ("alpha", "alpha")])
def test_of_two_pipelines_one_is_chosen_by_variable_or_by_name(daemon: Driver, name: str, chosen: str) -> None:
    assert loaded(daemon, TWO, name=name).graph.name == chosen


def test_a_pipeline_may_be_called_otherwise_by_the_daemon(daemon: Driver) -> None:
    assert loaded(daemon, MODULE_LEVEL, pipeline="mine").graph.name == "mine"
    assert (daemon.sockets / "mine" / "loader.sock").exists()
    daemon.start("store")
    assert (daemon.sockets / "mine" / "store.sock").exists()


def test_the_file_runs_as_python_would_run_it(daemon: Driver) -> None:
    write(daemon.folder, "VALUE = 42\n", "beside.py")
    seen = """
import beside, pickle, json
assert __name__ == "__main__"
json.dump({
    "file": __file__, "argv": sys.argv, "path0": sys.path[0], "cwd": os.getcwd(),
    "pickled": type(pickle.loads(pickle.dumps(Job))).__name__, "main": sys.modules["__main__"].__file__,
    "doc": __doc__, "stdin": sys.stdin.read(),
}, open("seen.json", "w"))
"""
    loaded(daemon, '"""About it."""\n' + MODULE_LEVEL + seen, argv=("--depth", "3"))
    file = str(daemon.folder / "tiny.py")
    assert json.loads((daemon.folder / "seen.json").read_text()) == {
        "file": file,
        "argv": [file, "--depth", "3"],
        "path0": str(daemon.folder.resolve()),
        "cwd": str(daemon.folder),
        "pickled": "type",
        "main": file,
        "doc": "About it.",
        "stdin": "",
    }


def test_what_the_file_prints_is_in_the_log_of_the_loader(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL + "print('from the file')\nos.system('echo from a child')\n")
    log = daemon.log("tiny", "loader")
    assert "from the file\n" in log
    assert "from a child\n" in log


# ---- files that give none


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def broken(:\n", "line 1 of"),
        ("import no_such_module_xyz\n", "no module 'no_such_module_xyz'"),
        ("from os import no_such_name\n", "line 1 cannot import: cannot import name 'no_such_name'"),
        ("x = 1\n", "it builds no Pipeline"),
        (TWO, "it builds 2 pipelines; say which with FILE:NAME (first, second)"),
        ("x = 1\nraise ValueError('no data')\n", "line 2 raised ValueError: no data"),
        ("import sys\nsys.exit('needs --data')\n", "it ended itself with sys.exit('needs --data')"),
        (IMPORTS + "Pipeline(nodes()[1:], name='tiny')\n", "store"),
        (IMPORTS + "Pipeline([], name='tiny')\n", "metadata store"),
        (IMPORTS + "Pipeline(nodes(), name='../up')\n", "cannot name a pipeline '../up'"),
        ("\0", "cannot load"),
    ],
    ids=["syntax", "no module", "no name", "none", "two", "raises", "exits", "invalid", "empty", "name", "binary"],
)
def test_a_file_without_a_pipeline_is_explained(daemon: Driver, source: str, message: str) -> None:
    answer = failed(daemon, source)
    assert message in answer.message
    assert answer.message.startswith("cannot ")


def test_a_missing_module_is_named_with_the_interpreter_that_lacks_it(daemon: Driver) -> None:
    assert sys.executable in failed(daemon, "import no_such_module_xyz\n").message


def test_a_failure_carries_the_users_traceback_and_what_was_printed(daemon: Driver) -> None:
    answer = failed(daemon, "print('so far')\ndef f():\n    1 / 0\nf()\n")
    assert "tiny.py" in answer.detail
    assert "1 / 0" in answer.detail
    assert "so far" in answer.detail
    assert "node_sdk" not in answer.detail


def test_a_file_that_is_not_there_is_said(daemon: Driver) -> None:
    answer = daemon.load(daemon.folder / "nowhere.py")
    assert isinstance(answer, LoadFailed)
    assert "nowhere.py: No such file or directory" in answer.message


def test_a_folder_that_is_not_there_is_said(daemon: Driver) -> None:
    file = write(daemon.folder, MODULE_LEVEL)
    daemon.cwd = str(daemon.folder / "gone")
    answer = daemon.load(file)
    assert isinstance(answer, LoadFailed)
    assert "cannot enter the folder" in answer.message


def test_a_name_that_is_not_there_is_said_with_those_that_are(daemon: Driver) -> None:
    assert "no Pipeline called 'gamma' (first, second)" in failed(daemon, TWO, name="gamma").message


def test_a_socket_folder_too_long_for_a_socket_is_said(daemon: Driver) -> None:
    daemon.sockets = daemon.sockets / ("x" * 80)
    assert f"at most {MAX_SOCKET_PATH} are possible" in failed(daemon, MODULE_LEVEL).message


def test_a_second_loader_of_a_pipeline_is_refused(daemon: Driver, tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded(daemon, MODULE_LEVEL)
    with Driver(tmp_path_factory.mktemp("second")) as other:
        other.sockets_of(daemon)
        assert "another loader of it is at work" in failed(other, MODULE_LEVEL).message
    assert_heard(daemon)


def test_a_loader_beside_another_has_a_socket_of_its_own(
    daemon: Driver, tmp_path_factory: pytest.TempPathFactory
) -> None:
    loaded(daemon, MODULE_LEVEL)
    with Driver(tmp_path_factory.mktemp("second")) as other:
        other.sockets_of(daemon)
        answer = loaded(other, MODULE_LEVEL, beside=True)
        own = f"loader@{answer.pid}.sock"
        assert {path.name for path in (daemon.sockets / "tiny").glob("loader*.sock")} == {"loader.sock", own}
        assert other.quit() == 0
        assert not (daemon.sockets / "tiny" / own).exists()
    assert_heard(daemon)


def test_a_loader_that_was_killed_leaves_its_place_to_the_next_one_also_while_its_nodes_live(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    store = daemon.pid("store")
    assert daemon.process is not None
    daemon.process.kill()
    daemon.process.wait()
    daemon.wait(lambda: daemon.connection is None, "its end")
    daemon.said.clear()
    try:
        assert isinstance(load(daemon, MODULE_LEVEL), Loaded)
        assert start_time(store) is not None
    finally:
        os.kill(store, signal.SIGKILL)


def assert_heard(daemon: Driver) -> None:
    """The loader still takes `daemon` for its daemon."""
    for _ in range(2):  # what a daemon said last is obeyed even when another takes its place; the next is not heard
        assert daemon.connection is not None
        daemon.tell(Spawn(node="nobody", incarnation=1))
        assert daemon.wait(lambda: daemon.first(SpawnFailed, node="nobody"))
        daemon.said[:] = [each for each in daemon.said if not isinstance(each, SpawnFailed)]


@pytest.mark.parametrize(
    "said", [None, b"", b"\0\0\0\3abc", frame(encode(Quit())), frame(encode(Attend()))[:3]], ids=str
)
def test_whoever_connects_is_not_the_daemon_until_it_says_so(daemon: Driver, said: bytes | None) -> None:
    loaded(daemon, MODULE_LEVEL)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(str(daemon.sockets / "tiny" / "loader.sock"))
        if said is None:
            stranger.close()
        else:
            stranger.sendall(said)
        assert_heard(daemon)


def test_strangers_that_stay_without_a_word_do_not_keep_a_daemon_out(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    strangers: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for _ in range(2 * MOST_STRANGERS):
            stranger = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            stranger.connect(str(daemon.sockets / "tiny" / "loader.sock"))
            assert_heard(daemon)
            stranger.settimeout(30)
            strangers.append(stranger)
        assert [each.recv(1) for each in strangers[:MOST_STRANGERS]] == [b""] * MOST_STRANGERS  # hung up on
        assert len(daemon.reconnect("tiny").children) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_another_user_cannot_speak_to_a_loader(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    path = daemon.sockets / "tiny" / "loader.sock"
    for each in (daemon.sockets, path.parent):
        each.chmod(0o755)  # by mistake, say: the kernel still tells who it is
    path.chmod(0o777)
    pid = os.fork()
    if pid == 0:
        answer = b"none"
        with contextlib.suppress(OSError):
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
                stranger.connect(str(path))
                stranger.settimeout(20)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer = b""
                    stranger.sendall(frame(encode(Attend())))
                    answer = stranger.recv(1)
        os._exit(7 if answer == b"" else 0)
    assert_heard(daemon)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    assert_heard(daemon)


def test_a_daemon_that_says_garbage_first_ends_the_loader_with_words(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "node_sdk.runtime.loader", "--daemon-fd", str(theirs.fileno())]
    with ours, theirs:
        ours.sendall(b"\0\0\0\3abc")
        done = subprocess.run(command, pass_fds=[theirs.fileno()], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "cannot load anything" in done.stderr
    assert "Traceback" not in done.stderr


# ---- forking or not


def test_threads_of_numpy_do_not_prevent_forking(daemon: Driver) -> None:
    pytest.importorskip("numpy")
    answer = loaded(daemon, "import numpy\nnumpy.ones((50, 50)) @ numpy.ones((50, 50))\n" + MODULE_LEVEL)
    assert answer.forking, answer.note


THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()\n"


def test_a_thread_that_the_file_leaves_behind_is_named_and_nodes_get_fresh_interpreters(daemon: Driver) -> None:
    answer = loaded(daemon, MODULE_LEVEL + THREAD)
    assert not answer.forking
    assert "(ticker)" in answer.note
    daemon.start("store", "files", "job")
    assert "node_sdk.runtime.spawned" in psutil.Process(daemon.pid("job")).cmdline()
    assert psutil.Process(daemon.pid("job")).environ()["ANACOSTIA_MARK"].endswith("/tiny/job/1")
    (daemon.folder / "in" / "a.txt").write_text("a")
    daemon.wait(lambda: daemon.rows(daemon.folder / "runs.db", "select * from runs where state = 'succeeded'"))


def test_a_node_may_ask_for_a_fresh_interpreter(daemon: Driver) -> None:
    source = MODULE_LEVEL.replace(
        "class Job(BaseActionNode):", "class Job(BaseActionNode):\n    start_method = 'spawn'"
    )
    assert loaded(daemon, source).forking
    daemon.start("store", "files", "job")
    assert "node_sdk.runtime.spawned" in psutil.Process(daemon.pid("job")).cmdline()
    assert "node_sdk.runtime.spawned" not in psutil.Process(daemon.pid("files")).cmdline()
    assert daemon.stop("job").exit_code == 0


def test_a_file_that_breaks_later_is_said_by_the_node_in_its_fresh_interpreter(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL + THREAD)
    write(daemon.folder, "import gone_meanwhile\n")
    daemon.spawn("store")
    assert "no module 'gone_meanwhile'" in daemon.last_words("store").message
    assert daemon.exited("store").exit_code == 1
    assert "gone_meanwhile" in daemon.log("tiny", "store")


# ---- serving


def test_a_child_is_described_so_that_it_can_be_recognised(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    process = psutil.Process(daemon.pid("store"))
    spawned = daemon.first(Spawned, node="store")
    assert spawned is not None
    found = facts(process.pid)
    assert found is not None and spawned.started == found.started
    assert process.ppid() == daemon.process.pid  # type: ignore[union-attr]
    assert os.getsid(process.pid) == process.pid
    assert process.environ()["ANACOSTIA_MARK"].strip() == f"{daemon.sockets.name}/tiny/store/1"


def test_spawning_is_idempotent_and_a_node_never_has_two_processes(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    pid = daemon.pid("store")
    daemon.said.clear()
    daemon.tell(Spawn(node="store", incarnation=1))
    assert daemon.wait(lambda: daemon.first(Spawned)).pid == pid
    daemon.tell(Spawn(node="store", incarnation=2))
    refused = daemon.wait(lambda: daemon.first(SpawnFailed))
    assert f"incarnation 1 still lives as process {pid}" in refused.message


def test_a_living_node_is_not_forgotten(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    daemon.tell(Forget("store", 1))
    daemon.spawn("store")
    refused = daemon.wait(lambda: daemon.first(SpawnFailed, node="store"))
    assert "incarnation 1 still lives" in refused.message


def test_a_node_that_does_not_exist_is_refused(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.tell(Spawn(node="trian", incarnation=1))
    assert "no such node" in daemon.wait(lambda: daemon.first(SpawnFailed)).message


def test_an_end_is_told_to_the_next_daemon_until_it_is_forgotten(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store", "files")
    store, files = daemon.pid("store"), daemon.pid("files")
    daemon.hang_up()
    os.kill(files, signal.SIGKILL)
    daemon.wait(lambda: not psutil.pid_exists(files), "the loader waits for it without a daemon")
    children = {each.node: each for each in daemon.reconnect("tiny").children}
    assert (children["files"].pid, children["files"].signal) == (files, signal.SIGKILL)
    assert (children["store"].pid, children["store"].exit_code, children["store"].signal) == (store, None, None)
    daemon.tell(Forget("files", 1))
    assert [each.node for each in daemon.reconnect("tiny").children] == ["store"]


def test_orphans_of_a_node_are_waited_for_and_not_taken_for_nodes(daemon: Driver) -> None:
    orphan = """
class Job(BaseActionNode):
    def setup(self):
        import subprocess
        process = subprocess.Popen(["sleep", "1000"])
        with open("orphan", "w") as file:
            file.write(str(process.pid))
    def execute(self):
        return True
pipeline = Pipeline(nodes(), name='tiny')
"""
    loaded(daemon, IMPORTS + orphan)
    daemon.start("store", "files", "job")
    pid = int((daemon.folder / "orphan").read_text())
    daemon.kill("job")
    assert psutil.Process(pid).ppid() == daemon.process.pid  # type: ignore[union-attr]
    assert psutil.Process(pid).environ()["ANACOSTIA_MARK"].endswith("tiny/job/1")
    os.kill(pid, signal.SIGKILL)
    daemon.wait(lambda: not psutil.pid_exists(pid), "reaped")
    assert len([each for each in daemon.said if isinstance(each, Exited)]) == 1


def test_sigterm_does_not_end_a_loader_whose_nodes_live(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    assert daemon.process is not None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        daemon.process.send_signal(number)
    daemon.start("files")
    daemon.stop("files")
    daemon.stop("store")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0


def test_quit_waits_for_the_last_node(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    daemon.tell(Quit())
    assert daemon.stop("store").exit_code == 0
    assert daemon.process is not None
    assert daemon.process.wait(30) == 0
    assert not (daemon.sockets / "tiny" / "loader.sock").exists()


def test_a_loader_without_daemon_and_nodes_ends(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.hang_up()
    assert daemon.process is not None
    assert daemon.process.wait(30) == 0


def test_a_daemon_that_says_garbage_is_hung_up_on_and_the_nodes_live(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.start("store")
    assert daemon.connection is not None
    daemon.connection.sendall(b"\0\0\0\3abc")
    daemon.wait(lambda: daemon.connection is None, "hung up")
    assert [each.exit_code for each in daemon.reconnect("tiny").children] == [None]


# ---- queries while the store is down


def ask(daemon: Driver, request: StoreRequest, number: int = 1) -> QueryAnswer:
    daemon.tell(Query(number, encode(request)))
    return daemon.wait(lambda: daemon.first(QueryAnswer, id=number))


RUNS = StoreRequest(1, OPERATOR, 0, Select("runs", {}))


@pytest.mark.parametrize("more", ["", THREAD], ids=["forked", "fresh"])
def test_a_query_is_answered_from_the_files_while_the_store_is_down(daemon: Driver, more: str) -> None:
    loaded(daemon, MODULE_LEVEL + more)
    daemon.start("store", "files", "job")
    (daemon.folder / "in" / "a.txt").write_text("a")
    daemon.wait(lambda: daemon.rows(daemon.folder / "runs.db", "select * from runs where state = 'succeeded'"))
    daemon.kill("store")
    answer = ask(daemon, RUNS)
    assert answer.error == ""
    assert answer.reply is not None
    assert [row["state"] for row in decode(answer.reply, StoreReply).value] == ["succeeded"]


def test_a_query_of_a_store_that_was_never_made_says_so(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    answer = ask(daemon, RUNS)
    assert answer.reply is None
    assert answer.error.startswith("cannot ")
    assert not (daemon.folder / "runs.db").exists()


def test_a_query_that_is_garbage_is_answered_with_words(daemon: Driver) -> None:
    loaded(daemon, MODULE_LEVEL)
    daemon.tell(Query(5, b"garbage"))
    assert "cannot read" in daemon.wait(lambda: daemon.first(QueryAnswer, id=5)).error


def test_a_graph_larger_than_a_socket_holds_arrives_whole(daemon: Driver) -> None:
    source = IMPORTS + (
        "first = nodes()\n"
        "pipeline = Pipeline([*first, *(Job(f'job-{i}', [first[1]]) for i in range(2000))], name='tiny')\n"
    )
    assert len(loaded(daemon, source).graph.nodes) == 2003
