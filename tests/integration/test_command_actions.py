"""Commands as actions: what their exit codes mean, where their words go, and that nobody of theirs is left."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from node_sdk import BaseResourceNode, Pipeline
from node_sdk.actions import ShellActionNode, SubprocessActionNode
from node_sdk.metadata import SqliteMetadataStore
from node_sdk.testing import Rehearsal, TaskResult

PYTHON = sys.executable
STAMP = "ANACOSTIA_TEST"
# Four generations: a child, one that left the session, one whose parent is gone, and one that ignores SIGTERM.
FAMILY = """
import os, signal, subprocess, sys, time
def leave(code, **how):
    return subprocess.Popen([sys.executable, "-c", code], **how)
idle = "import time; time.sleep(600)"
leave(idle)
leave(idle, start_new_session=True)
leave("import subprocess, sys; subprocess.Popen([sys.executable, '-c', %r], start_new_session=True)" % idle).wait()
leave("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); " + idle,
      start_new_session=True, stdout=open(sys.argv[1], "w"))
while not os.path.getsize(sys.argv[1]): time.sleep(0.01)
print("all there", flush=True)
"""


class Called(BaseException):
    """As what calls an attempt back."""


class Scene:
    """Executes nodes after one resource, with a store in memory."""

    def __init__(self) -> None:
        store = SqliteMetadataStore("store", "sqlite:////nowhere/runs.db")
        self.data = BaseResourceNode("data", "/nowhere", store)
        self.lines: list[str] = []
        self.stamp = uuid.uuid4().hex  # in the environment of all that is started

    def execute(self, node: ShellActionNode, line: Callable[[str], None] = lambda text: None) -> TaskResult:
        def log(message: str, level: str = "DEBUG") -> None:
            self.lines.append(message)
            line(message)

        node.log = log  # type: ignore[method-assign]
        with Rehearsal(Pipeline([self.data.metadata_store, self.data, node], name="tiny")) as rehearsal:
            return rehearsal.execute(node.name, rehearsal.start_run())

    def shell(self, command: Any, **more: Any) -> TaskResult:
        return self.execute(ShellActionNode("do", command, [self.data], **more))

    def left(self) -> list[psutil.Process]:
        """Of what was started, who still lives."""
        found = []
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if each.environ().get(STAMP) == self.stamp and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
        return found


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    made = Scene()
    monkeypatch.setenv(STAMP, made.stamp)
    yield made
    left = made.left()
    for each in left:
        each.kill()
    assert left == []


@pytest.mark.parametrize(
    ("code", "state"), [(0, "succeeded"), (3, "succeeded"), (1, "failed"), (2, "error"), ("$(kill -9 $$)", "error")]
)
def test_the_exit_code_says_how_the_task_ended(scene: Scene, code: object, state: str) -> None:
    assert scene.shell(f"exit {code}", shell=True, success=(0, 3), failure=(1,)).state == state


def test_each_line_is_logged_and_the_last_ones_stand_in_the_error(scene: Scene) -> None:
    result = scene.shell(["sh", "-c", "for n in $(seq 30); do echo line $n; done; printf 'no\\377 end' >&2; exit 7"])
    assert scene.lines == [*(f"line {n}" for n in range(1, 31)), "no\ufffd end"]
    assert result.error is not None
    assert "CommandFailed: the command of action 'do' ended with exit code 7\nline 22\n" in result.error
    assert "line 21" not in result.error


def test_a_line_without_end_is_handed_on_in_pieces(scene: Scene) -> None:
    assert scene.shell([PYTHON, "-c", "print('x' * 100_000)"]).state == "succeeded"
    assert "".join(scene.lines) == "x" * 100_000 and len(scene.lines) > 1


def test_a_command_knows_its_task_and_gets_what_it_was_given(scene: Scene, tmp_path: Path) -> None:
    script = "import os; print(os.getcwd(), os.environ['MORE'], os.environ['ANACOSTIA_RUN_ID'])"
    given = {"env": {"MORE": "a 'quoted' 100%"}, "cwd": tmp_path}
    node = ShellActionNode("do", lambda node: [PYTHON, "-c", script, f"{node.run_id}"], [scene.data], **given)  # type: ignore[arg-type]
    assert scene.execute(node).state == "succeeded"
    assert scene.lines == [f"{tmp_path} a 'quoted' 100% 1"]


def test_the_words_of_a_list_are_read_by_no_shell(scene: Scene) -> None:
    scene.shell(["echo", "$HOME; exit 1", "*"])
    assert scene.lines == ["$HOME; exit 1 *"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["no-such-command"], "cannot run 'no-such-command' for action 'do': No such file or directory"),
        ([os.devnull], "cannot run '/dev/null' for action 'do': Permission denied"),
        (["echo", "a\0b"], "embedded null byte"),
        (lambda node: "ls", "'ls' is one string; give a list of words, or say shell=True"),
    ],
)
def test_a_command_that_cannot_be_run_is_an_error_that_says_why(scene: Scene, command: Any, words: str) -> None:
    result = scene.shell(command)
    assert result.state == "error" and words in (result.error or "")


def test_what_a_command_leaves_behind_ends_with_it(scene: Scene, tmp_path: Path) -> None:
    began = time.monotonic()
    assert scene.shell([PYTHON, "-c", FAMILY, str(tmp_path / "deaf")], stop_timeout=0.4).state == "succeeded"
    assert scene.lines == ["all there"]
    assert 0.2 < time.monotonic() - began < 10  # the deaf one was asked first
    assert scene.left() == []


def test_an_attempt_that_is_called_back_takes_the_whole_family_along(scene: Scene, tmp_path: Path) -> None:
    """As the runtime does: by a signal whose handler raises."""
    import signal

    def called(number: int, frame: object) -> None:
        raise Called

    before = signal.signal(signal.SIGURG, called)
    try:
        command = [PYTHON, "-c", FAMILY + "time.sleep(600)", str(tmp_path / "deaf")]
        node = ShellActionNode("do", command, [scene.data], stop_timeout=0.4)
        result = scene.execute(node, line=lambda text: os.kill(os.getpid(), signal.SIGURG))
    finally:
        signal.signal(signal.SIGURG, before)
    assert result.state == "error" and "Called" in (result.error or "")
    assert scene.left() == []


def test_what_the_node_itself_had_started_is_spared(scene: Scene) -> None:
    companion = psutil.Popen(["sleep", "600"])
    try:
        assert scene.shell(["true"]).state == "succeeded"
        assert companion.is_running() and companion.poll() is None
    finally:
        companion.kill()
        companion.wait()


# ---- another interpreter


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of a virtual environment that has nothing of this package."""
    folder = tmp_path_factory.mktemp("venv")
    import venv

    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "job.py").write_text(
        "import json, sys\n"
        "def train(rate, names=()):\n"
        "    print('training at', rate, list(names))\n"
        "    return {'loss': rate / 2, 'prefix': sys.prefix}\n"
        "def foreign():\n"
        "    import node_sdk\n"
        "class Deep:\n"
        "    @staticmethod\n"
        "    def fails(): return False\n"
        "def odd(): return {1, 2}\n"
        "if __name__ == '__main__':\n"
        "    print('words', sys.argv[1:]); sys.exit(4)\n"
    )
    return tmp_path


class Training(SubprocessActionNode):
    def received(self, result: Any) -> bool:
        self.result = result
        return bool(result["loss"] < 1)


def test_a_function_is_called_in_the_other_environment(scene: Scene, elsewhere: Path, job: Path) -> None:
    arguments = {"rate": 0.5, "names": ["é", "b"]}
    node = Training("do", "job:train", [scene.data], python=elsewhere, arguments=lambda node: arguments, cwd=job)
    assert scene.execute(node).state == "succeeded"
    assert scene.lines == ["training at 0.5 ['é', 'b']"]
    assert node.result == {"loss": 0.25, "prefix": str(elsewhere.parent.parent)}


@pytest.mark.parametrize(
    ("target", "state", "words"),
    [
        ("job:Deep.fails", "failed", "returned False"),
        ("job:foreign", "error", "ModuleNotFoundError: No module named 'node_sdk'"),
        ("job:odd", "error", "set is not JSON serializable"),
        ("job:train", "error", "missing 1 required positional argument: 'rate'"),
        ("job:nothing", "error", "has no attribute 'nothing'"),
        ("nowhere:train", "error", "No module named 'nowhere'"),
        ("job", "error", "ended with exit code 4\nwords ['a', '1']"),
    ],
)
def test_what_goes_wrong_there_is_said_here(
    scene: Scene, elsewhere: Path, job: Path, target: str, state: str, words: str
) -> None:
    arguments = ["a", 1] if ":" not in target else None
    node = SubprocessActionNode("do", target, [scene.data], python=elsewhere, arguments=arguments, cwd=job)
    result = scene.execute(node)
    assert result.state == state and words in (result.error or "")


def test_an_interpreter_that_is_not_there_is_named(scene: Scene, tmp_path: Path) -> None:
    result = scene.execute(SubprocessActionNode("do", "json:loads", [scene.data], python=tmp_path / "python"))
    assert f"cannot run '{tmp_path}/python' for action 'do': No such file" in (result.error or "")


def test_arguments_that_are_no_json_are_refused(scene: Scene) -> None:
    node = SubprocessActionNode("do", "json:dumps", [scene.data], python=PYTHON, arguments={"obj": {1}})
    assert "cannot call the function of action 'do': no JSON" in (scene.execute(node).error or "")
