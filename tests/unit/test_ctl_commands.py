"""Each command as a person types it: its request, its words, its exit code. The daemon's answers are the test's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from answering_daemon import AnsweringDaemon, node, pipeline, short_home, status

from anacostia_daemon.control.server import Conversation
from anacostia_daemon.ctl import exits, screen, usage
from anacostia_daemon.ctl.__main__ import main
from anacostia_daemon.ctl.desire import node_as_desired
from anacostia_daemon.ctl.overview import overview
from anacostia_daemon.ctl.table import columns_of
from anacostia_daemon.ctl.terminal import Told
from anacostia_daemon.paths import Home

RUN = {
    "id": 3,
    "pipeline": "digits",
    "state": "failed",
    "started_at": "2026-11-23T11:00:00.000Z",
    "ended_at": "2026-11-23T11:00:00.310Z",
    "trigger": "inbox",
    "tasks": [
        {
            "node": "train",
            "state": "error",
            "attempts": 2,
            "started_at": "2026-11-23T11:00:00.000Z",
            "ended_at": None,
            "error": "ValueError: bad\x1b[0m\nTraceback",
        },
        {"node": "store", "state": "succeeded", "attempts": 0, "started_at": None, "ended_at": None, "error": None},
    ],
}
ARTIFACT = {
    "id": 1,
    "resource": "models",
    "location": "model.pkl",
    "state": "new",
    "run_id": None,
    "produced_by": {"run_id": 3, "node": "train"},
    "sha256": "ef43f791cefc9990",
    "size": 1536,
    "created_at": "2026-11-23T11:00:00.000Z",
}
METRIC = {"run_id": 3, "node": "train", "key": "loss", "value": 0.25, "step": 7, "logged_at": "2026-11-23T11:00:00Z"}
ENTRY = {
    "at": "2026-11-23T11:00:00.000Z",
    "pipeline": "digits",
    "node": "train",
    "incarnation": 2,
    "event": "exited",
    "from": "ready",
    "to": "killing",
    "reason": "killed by SIGKILL",
}
GRAPH = {
    "name": "digits",
    "nodes": [
        {"name": "store", "kind": "metadata_store", "type": "SqliteMetadataStore", "predecessors": []},
        {"name": "inbox", "kind": "resource", "type": "Inbox", "predecessors": ["store"]},
    ],
}
READING: list[tuple[list[str], Any]] = [
    (["status"], status(pipeline("digits", node("train")))),
    (["runs", "digits"], [RUN]),
    (["run", "digits", "3"], RUN),
    (["artifacts", "digits"], [ARTIFACT]),
    (["metrics", "digits"], [METRIC]),
    (["journal"], [ENTRY]),
    (["graph", "digits"], GRAPH),
]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    with short_home() as made:
        monkeypatch.setenv("ANACOSTIA_HOME", str(made.path))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.socket_dir.parent.parent))
        yield made


@pytest.fixture
def daemon(home: Home) -> Iterator[AnsweringDaemon]:
    running = AnsweringDaemon(home)
    yield running
    running.stop()


class Typed:
    """What came of a command line."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = self._capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capsys)


# ---- reading


@pytest.mark.parametrize(("words", "answer"), READING, ids=[words[0] for words, _ in READING])
def test_json_is_the_daemons_answer_as_it_is(
    daemon: AnsweringDaemon, typed: Typed, words: list[str], answer: Any
) -> None:
    daemon.answers[words[0]] = answer
    code, out, err = typed(*words, "--json")
    assert (code, json.loads(out), err) == (0, answer, "")


@pytest.mark.parametrize(("words", "answer"), READING, ids=[words[0] for words, _ in READING])
def test_without_a_daemon_every_reading_command_says_so_and_starts_none(
    home: Home, typed: Typed, words: list[str], answer: Any
) -> None:
    code, out, err = typed(*words)
    assert (code, out) == (exits.UNREACHABLE, "")
    assert err == (
        f"anacostiactl: cannot reach the daemon of {home.path}: it is not running; "
        "start it with `anacostiactl start FILE` or `anacostiad`\n"
    )
    assert not home.path.exists()


def test_status_shows_nodes_and_what_they_do(daemon: AnsweringDaemon, typed: Typed) -> None:
    stopping = node("train", phase="stopping", restarts=3, reason="stopped by a user", cpu_percent=None)
    daemon.answers["status"] = status(pipeline("digits", node("store", kind="metadata_store"), stopping))
    code, out, _ = typed("status")
    assert code == exits.NOT_RUNNING
    _, verdict, _, head, titles, store, train, _, why = out.splitlines()
    assert verdict == "1 of 2 nodes is not as desired: digits/train stopping"
    assert head == "digits  ready  /srv/digits.py  sqlite:////srv/metadata.db"
    assert titles.split() == ["NODE", "KIND", "WANTED", "PHASE", "PID", "RESTARTS", "SINCE", "CPU", "RSS", "WORK"]
    assert store.split()[:6] == ["store", "metadata", "store", "up", "ready", "4242"]
    assert store.split()[-4:] == ["0.5%", "39.1", "MiB", "idle"]
    assert train.split()[:6] == ["train", "action", "up", "stopping", "4242", "3"]
    assert train.endswith("stopped by a user")
    assert why.startswith("  train is stopping for ") and why.endswith(": stopped by a user")


def test_status_says_of_a_node_that_failed_why_and_what_to_type_and_what_it_wrote_last(
    daemon: AnsweringDaemon, typed: Typed, tmp_path: Path
) -> None:
    (tmp_path / "train.log").write_text("".join(f"line {number}\n" for number in range(9)) + "\x1b[2Jlast")
    failed = node("train", phase="failed", pid=None, log=str(tmp_path / "train.log"), reason="killed by SIGSEGV; spent")
    daemon.answers["status"] = status(pipeline("digits", failed))
    _, out, _ = typed("status")
    assert (
        "  train has failed: killed by SIGSEGV; spent; it stays down until `anacostiactl restart digits/train`" in out
    )
    assert out.splitlines()[-5:] == ["    line 5", "    line 6", "    line 7", "    line 8", "    \\x1b[2Jlast"]


def test_status_says_when_a_node_is_started_again(daemon: AnsweringDaemon, typed: Typed) -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=330)).isoformat()
    end = {"reason": "exited with code 3", "exit_code": 3, "signal": None, "at": "2026-11-23T11:00:00.000Z"}
    waiting = node("train", phase="backoff", pid=None, restarts=4, last_end=end, next_start_at=soon)
    daemon.answers["status"] = status(pipeline("digits", waiting))
    _, out, _ = typed("status")
    assert "train crashed " in out and " ago: exited with code 3; restart 5 follows in 5m" in out
    assert "again in 5m" in out.splitlines()[5]


def test_status_explains_the_worst_of_many_nodes_and_counts_the_rest(daemon: AnsweringDaemon, typed: Typed) -> None:
    starting = [node(f"n{number}", phase="starting", reason="setting up") for number in range(40)]
    daemon.answers["status"] = status(pipeline("digits", *starting, node("last", phase="failed", reason="spent")))
    _, out, _ = typed("status")
    assert "41 of 41 nodes are not as desired: digits/n0 starting, digits/n1 starting, digits/n2 starting and 38" in out
    explained = out.partition("WORK")[2].splitlines()[42:]
    assert explained[1].startswith("  last has failed for ") and explained[-1] == "  and 33 more are not as desired"


@pytest.mark.parametrize("width", [40, 60, 80, 132, 200])
def test_no_line_of_status_and_top_is_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(screen, "width", lambda: width)
    reason = (
        "setup() of node 'train' raised ValueError: cannot reach the feature store at db7:5432; 5 restarts are spent"
    )
    nodes = [node("a-node-with-quite-a-long-name", work="executing run 17, attempt 1"), node("train", phase="failed")]
    answer = status(pipeline("digits", *nodes, node("test", phase="backoff", reason=reason)))
    for lines in (overview(answer), usage.as_table(answer, usage.Order("cpu"))):
        assert max(map(columns_of, lines)) <= width
        assert any("NODE" in line for line in lines)


def test_status_says_in_one_line_that_all_is_well(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["status"] = status(pipeline("digits", node("store"), node("train")))
    _, out, _ = typed("status")
    assert out.splitlines()[1] == "all as desired: 2 nodes of 1 pipeline"


def test_top_sorts_nodes_by_what_they_use_and_goes_on_for_so_many_rounds(daemon: AnsweringDaemon, typed: Typed) -> None:
    busy, idle = node("train", cpu_percent=97.0, restarts=2), node("store", cpu_percent=0.1, rss_bytes=90_000_000)
    daemon.answers["status"] = status(pipeline("digits", idle, busy))
    code, out, _ = typed("top", "-n", "2", "-d", "0.1")
    assert code == exits.OK and len(daemon.asked) == 2
    total, _, titles, first, second, *again = out.splitlines()
    assert "97.1% CPU  125 MiB  nodes: 2 ready" in total
    assert titles.split() == ["NODE", "PHASE", "PID", "RESTARTS", "CPU", "RSS", "WORK"]
    assert (first.split()[0], second.split()[0], len(again)) == ("train", "store", 5)
    for sort, expected in (("rss", "store"), ("restarts", "train"), ("name", "store")):
        _, out, _ = typed("top", "-n", "1", "--sort", sort, "--json")
        assert json.loads(out)["nodes"][0]["node"] == expected


def test_what_is_shown_again_and_again_waits_for_a_daemon_that_is_away(daemon: AnsweringDaemon, typed: Typed) -> None:
    answers = iter([status(), None, status()])

    def answer(args: dict[str, Any], conversation: Conversation) -> None:
        value = next(answers)
        if value is None:
            conversation.error("failed", "cannot show it: away")
        else:
            conversation.result(value)

    daemon.answers["status"] = answer
    code, out, _ = typed("top", "-n", "3", "-d", "0.1")
    assert code == exits.OK
    assert out.count("nodes: none") == 2 and "cannot show it: away; trying again" in out


def test_what_cannot_be_shown_even_once_is_an_error(home: Home, typed: Typed) -> None:
    assert typed("top")[0] == exits.UNREACHABLE
    assert typed("status", "--watch")[0] == exits.UNREACHABLE


@pytest.mark.parametrize(
    ("changes", "as_desired"),
    [
        ({}, True),
        ({"phase": "starting"}, False),
        ({"phase": "failed"}, False),
        ({"desired": "paused"}, True),
        ({"desired": "down"}, False),
        ({"desired": "down", "phase": "down"}, True),
        ({"phase": "down", "done": True}, True),
        ({"phase": "down"}, False),
    ],
)
def test_whether_a_node_is_as_desired(changes: dict[str, Any], as_desired: bool) -> None:
    assert node_as_desired(node("train", **changes)) is as_desired


def test_the_exit_code_of_status(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["status"] = status()
    assert typed("status")[0] == exits.OK
    stopped = pipeline("digits", node("train", desired="down", phase="down"), desired="down", phase="down")
    daemon.answers["status"] = status(stopped)
    assert typed("status")[0] == exits.OK, "all is as desired"
    assert typed("status", "digits")[0] == exits.NOT_RUNNING, "but whoever asks for it by name asks whether it runs"
    daemon.answers["status"] = lambda args, conversation: conversation.error("unknown", "cannot show it: unknown")
    assert typed("status", "x") == (exits.UNKNOWN, "", "anacostiactl: cannot show it: unknown\n")


def test_runs_name_the_tasks_that_are_worth_a_look(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["runs"] = [RUN]
    _, out, _ = typed("runs", "digits", "--state", "failed", "-n", "5")
    assert out.splitlines()[1].split()[:2] == ["3", "failed"]
    assert out.splitlines()[1].endswith("0.31s  inbox    1/2, train error")
    assert daemon.asked == [("runs", {"pipeline": "digits", "state": "failed", "limit": 5})]


def test_run_shows_tasks_artifacts_and_metrics_in_harmless_words(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["run"] = {**RUN, "artifacts": [ARTIFACT], "metrics": [METRIC]}
    _, out, _ = typed("run", "digits", "3")
    assert "run 3 of 'digits': failed" in out
    assert "ValueError: bad\\x1b[0m\n" in out
    assert "train in 3" in out and "1.5 KiB" in out and "ef43f791cefc " in out
    assert "loss" in out and "0.25" in out
    assert daemon.asked == [("run", {"pipeline": "digits", "run_id": 3})]


def test_filters_are_sent_and_what_was_not_given_is_not(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers |= {"metrics": [], "artifacts": [], "journal": []}
    assert typed("metrics", "p", "--run", "3", "--node", "train", "--key", "loss") == (0, "", "no metric\n")
    assert typed("artifacts", "p", "--state", "all", "--resource", "inbox") == (0, "", "no artifact\n")
    assert typed("journal", "p/train", "--limit", "2") == (0, "", "nothing has happened yet\n")
    assert daemon.asked == [
        ("metrics", {"pipeline": "p", "run_id": 3, "node": "train", "key": "loss", "limit": 100}),
        ("artifacts", {"pipeline": "p", "state": "all", "resource": "inbox", "limit": 100}),
        ("journal", {"pipeline": "p", "node": "train", "limit": 2}),
    ]


def test_the_journal_is_told_in_sentences(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["journal"] = [ENTRY]
    assert typed("journal")[1].endswith(" digits/train (process 2) has ended: killed by SIGKILL\n")


def test_the_graph_is_drawn_or_written_for_graphviz(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["graph"] = GRAPH
    assert "inbox  (resource: Inbox)" in typed("graph", "digits")[1]
    assert '"store" -> "inbox";' in typed("graph", "digits", "--dot")[1]
    assert typed("graph", "digits", "--dot", "--json")[0] == exits.USAGE


def test_version_does_not_need_a_daemon(home: Home, typed: Typed) -> None:
    code, out, _ = typed("version")
    assert code == 0 and f"no daemon runs for {home.path}" in out
    assert json.loads(typed("version", "--json")[1])["daemon"] is None
    assert typed("--version")[1].startswith("anacostiactl ")


# ---- wishes


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "pipeline 'digits': nothing has changed"),
        ({"added": ["test"], "unchanged": ["store"]}, "reloaded pipeline 'digits': added test; not touched: store"),
        (
            {"removed": ["old"], "changed": {"train": "its code", "store": "the graph around it"}},
            "reloaded pipeline 'digits': removed old; changed train (its code), store (the graph around it)",
        ),
    ],
)
def test_a_reload_says_what_it_touched(
    daemon: AnsweringDaemon, typed: Typed, answer: dict[str, Any], words: str
) -> None:
    empty: dict[str, Any] = {"pipeline": "digits", "added": [], "removed": [], "changed": {}, "unchanged": []}
    daemon.answers["reload"] = {**empty, **answer}
    assert typed("reload", "digits") == (0, f"{words}\n", "")
    assert daemon.asked == [("reload", {"pipeline": "digits", "wait": True})]


def test_a_pipeline_that_is_being_loaded_is_not_as_desired_and_says_what_it_does(
    daemon: AnsweringDaemon, typed: Typed
) -> None:
    loading = {**pipeline("digits"), "phase": "starting", "reason": "loading /srv/digits.py for 7 s", "nodes": []}
    daemon.answers["status"] = status({**loading, "store": {"uri": None}})
    code, out, _ = typed("status")
    assert code == exits.NOT_RUNNING
    assert out.splitlines()[-2].startswith("digits  starting  /srv/digits.py")
    assert out.splitlines()[-1] == "  loading /srv/digits.py for 7 s"
    assert "not all as desired: 1 pipeline not started yet: digits" in out


@pytest.mark.parametrize("verb", ["stop", "restart", "pause", "resume"])
def test_wishes_wait_unless_told_not_to(daemon: AnsweringDaemon, typed: Typed, verb: str) -> None:
    def answer(args: dict[str, Any], conversation: Conversation) -> None:
        conversation.progress("train: stopping\x1b")
        conversation.result({"pipeline": "digits", "nodes": ["train"]})

    daemon.answers[verb] = answer
    code, out, err = typed(verb, "digits/train")
    assert (code, err) == (0, "train: stopping\\x1b\n")
    assert "'digits/train'" in out
    assert typed(verb, "digits", "--no-wait")[0] == 0
    assert daemon.asked == [
        (verb, {"target": "digits/train", "wait": True}),
        (verb, {"target": "digits", "wait": False}),
    ]


def test_remove_says_where_the_data_stays(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["remove"] = {"pipeline": "digits", "data": "/srv/home/pipelines/digits"}
    assert typed("remove", "digits")[1] == "removed pipeline 'digits'; its logs stay in /srv/home/pipelines/digits\n"


def test_every_trigger_is_a_wish_of_its_own(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["trigger"] = {"pipeline": "digits", "run_id": 7}
    assert typed("trigger", "digits") == (0, "started run 7 of pipeline 'digits'\n", "")
    typed("trigger", "digits")
    first, second = [args["token"] for _, args in daemon.asked]
    assert first != second


def test_a_run_is_cancelled_by_its_number(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["cancel"] = {"pipeline": "digits", "run_id": 7}
    assert typed("cancel", "digits", "7") == (0, "cancelled run 7 of pipeline 'digits'\n", "")
    assert daemon.asked == [("cancel", {"pipeline": "digits", "run_id": 7})]
    assert typed("cancel", "digits", "seven")[0] == exits.USAGE


def test_every_retry_is_a_wish_of_its_own_and_may_name_a_node(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["retry"] = {"pipeline": "digits", "run_id": 7}
    assert typed("retry", "digits", "7") == (0, "retrying run 7 of pipeline 'digits'\n", "")
    typed("retry", "digits", "7", "--from", "train")
    (_, first), (_, second) = daemon.asked
    assert first.pop("token") != second.pop("token")
    assert first == {"pipeline": "digits", "run_id": 7}
    assert second == {"pipeline": "digits", "run_id": 7, "from_node": "train"}


def test_a_refusal_is_one_line_a_hint_and_its_exit_code(daemon: AnsweringDaemon, typed: Typed) -> None:
    for error, code in (("unknown", exits.UNKNOWN), ("not-running", exits.NOT_RUNNING), ("failed", exits.FAILED)):
        daemon.answers["stop"] = lambda args, talk, error=error: talk.error(error, "cannot stop it: why", "type this")
        assert typed("stop", "digits") == (code, "", "anacostiactl: cannot stop it: why\ntype this\n")


def test_ctrl_c_while_waiting_says_what_goes_on(daemon: AnsweringDaemon) -> None:
    daemon.answers["stop"] = lambda args, conversation: conversation.progress("waiting")
    process = subprocess.Popen(
        [sys.executable, "-m", "anacostia_daemon.ctl", "stop", "digits"], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == exits.INTERRUPTED
    assert said.strip() == (
        "anacostiactl: not waiting any longer; the daemon goes on stopping 'digits' (see `anacostiactl status`)"
    )


def test_shutdown_returns_once_the_daemon_is_gone(daemon: AnsweringDaemon, typed: Typed) -> None:
    stand_in = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    daemon.answers["version"] = {"pid": stand_in.pid, "version": "0.1.0"}

    def end(args: dict[str, Any], conversation: Conversation) -> None:
        conversation.result(None)
        assert stand_in.stdin is not None
        stand_in.stdin.close()

    daemon.answers["shutdown"] = end
    assert typed("shutdown", "--leave-nodes") == (0, "the daemon has ended; its nodes run on\n", "")
    assert stand_in.poll() is not None
    assert daemon.asked[-1] == ("shutdown", {"leave_nodes": True})


# ---- start


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.py").write_text("pipeline = None\n")
    return tmp_path / "digits.py"


@pytest.fixture
def starting(daemon: AnsweringDaemon) -> AnsweringDaemon:
    daemon.answers |= {"version": {"pid": 1}, "start": {"pipeline": "digits", "nodes": ["a", "b"], "home": "/h"}}
    return daemon


def asked_to_start(daemon: AnsweringDaemon) -> dict[str, Any]:
    [args] = [args for command, args in daemon.asked if command == "start"]
    return args


def test_start_sends_all_that_is_needed_to_run_the_file(starting: AnsweringDaemon, typed: Typed, file: Path) -> None:
    words = ["digits.py:pipeline", "--name", "mine", "--env", "A=1=2", "--env", "B=", "--", "--epochs", "3", "-v"]
    assert typed("start", *words) == (0, "started pipeline 'digits': 2 nodes ready\n", "")
    assert asked_to_start(starting) == {
        "file": str(file),
        "object": "pipeline",
        "argv": ["--epochs", "3", "-v"],
        "cwd": str(file.parent),
        "python": sys.executable,
        "name": "mine",
        "env": {"A": "1=2", "B": ""},
        "wait": True,
    }


def test_an_interpreter_is_named_not_resolved(
    starting: AnsweringDaemon, typed: Typed, file: Path, tmp_path: Path
) -> None:
    link = tmp_path / "venv" / "python"
    link.parent.mkdir()
    link.symlink_to(sys.executable)
    assert typed("start", "digits.py", "--python", "venv/python", "--no-wait")[0] == 0
    args = asked_to_start(starting)
    assert args["python"] == str(link) and args["wait"] is False and "object" not in args
    assert "no program that can be executed" in typed("start", "digits.py", "--python", "nowhere/python")[2]


@pytest.mark.parametrize("target", ["digits", "digits/train"])
def test_start_of_what_is_registered_sends_its_name(
    starting: AnsweringDaemon, typed: Typed, target: str, file: Path
) -> None:
    assert typed("start", target)[0] == 0
    assert asked_to_start(starting) == {"target": target, "wait": True}


def test_start_finds_fault_with_its_arguments_before_it_starts_a_daemon(
    home: Home, typed: Typed, file: Path, tmp_path: Path
) -> None:
    for words, code, said in (
        (["nothing.py"], exits.FAILED, "cannot start nothing.py: there is no such file"),
        (["./nothing"], exits.FAILED, "cannot start ./nothing: there is no such file"),
        ([str(tmp_path)], exits.FAILED, "it is a directory"),
        (["digits.py:"], exits.USAGE, "nothing after ':'"),
        (["digits.py", "--env", "A"], exits.USAGE, "--env wants K=V, not 'A'"),
        (["digits", "--name", "x"], exits.USAGE, "go with a FILE"),
        (["digits", "--", "-v"], exits.USAGE, "go with a FILE"),
    ):
        answer = typed("start", *words)
        assert answer[0] == code and said in answer[2], words
    assert not home.path.exists()


def test_what_runs_already_is_not_said_to_be_started(starting: AnsweringDaemon, typed: Typed, file: Path) -> None:
    starting.answers["start"] = {**starting.answers["start"], "already": True}
    assert typed("start", "digits.py")[:2] == (0, "pipeline 'digits' runs already: 2 nodes ready\n")
    assert typed("start", "digits.py", "--no-wait")[:2] == (0, "pipeline 'digits' runs already: 2 nodes\n")


def test_a_directory_that_is_no_pipeline_is_said_to_be_one(
    starting: AnsweringDaemon, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "haikus").mkdir()
    monkeypatch.chdir(tmp_path)
    starting.answers["start"] = lambda args, conversation: conversation.error("unknown", "no such pipeline")
    code, _, err = typed("start", "haikus")
    assert code == exits.UNKNOWN
    assert err.startswith("anacostiactl: cannot start haikus: it is a directory") and "name the Python file" in err
    assert "no such pipeline" in typed("start", "digitz")[2]


def test_a_terminal_is_told_what_is_new_in_the_journal_and_only_that(
    daemon: AnsweringDaemon, home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon.answers["journal"] = [ENTRY, ENTRY]
    home.path.mkdir(exist_ok=True)
    told = Told(home)
    daemon.answers["journal"] = [ENTRY, ENTRY, {**ENTRY, "reason": "something else"}]
    home.journal.write_bytes(b"more than before")
    told.look()
    told.close()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "something else" in lines[0]


# ---- the command line itself


def test_without_any_words_the_help_is_shown_and_nothing_else(home: Home, typed: Typed) -> None:
    code, out, err = typed()
    assert (code, out) == (exits.USAGE, "")
    assert err.lower().startswith("usage: anacostiactl [options] command")


def test_words_in_capitals_stay_so_in_messages(home: Home, typed: Typed) -> None:
    assert "cannot understand this: ARGS, --python" in typed("start", "digits", "--", "-v")[2]


@pytest.mark.parametrize("words", [["run", "d", "{}"], ["cancel", "d", "{}"], ["metrics", "d", "--run", "{}"]])
def test_a_number_that_no_run_can_have_is_that_of_no_run(home: Home, typed: Typed, words: list[str]) -> None:
    number = "99999999999999999999999"
    code, _, err = typed(*[each.format(number) for each in words])
    assert (code, err) == (exits.UNKNOWN, f"anacostiactl: cannot find run {number}: no such run in any pipeline\n")


@pytest.mark.parametrize("verb", ["status", "remove", "trigger"])
def test_a_node_where_a_pipeline_is_wanted_is_told_so(home: Home, typed: Typed, verb: str) -> None:
    code, _, err = typed(verb, "digits/train")
    assert code == exits.USAGE
    assert "a PIPELINE is wanted, not a node of one: 'digits' instead of 'digits/train'" in err


@pytest.mark.parametrize(
    ("redirection", "code", "said"),
    [
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        (">/dev/full", 1, "anacostiactl: cannot go on: No space left on device\n"),
    ],
)
def test_output_that_goes_nowhere(daemon: AnsweringDaemon, redirection: str, code: int, said: str) -> None:
    daemon.answers["status"] = status(pipeline("digits", node("train")))
    command = f'exec "$0" -m anacostia_daemon.ctl status {redirection}'
    done = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_what_is_mistyped_is_guessed(home: Home, typed: Typed) -> None:
    code, _, err = typed("statsu")
    assert code == exits.USAGE
    assert err == "anacostiactl: cannot understand this: no such command 'statsu' (did you mean 'status'?)\n" + (
        "see `anacostiactl --help`\n"
    )
    code, _, err = typed("status", "--jsn")
    assert code == exits.USAGE and "--json" in err and "see `anacostiactl status --help`" in err
    assert typed("run", "digits", "x")[0] == exits.USAGE


def test_home_on_the_command_line_wins(daemon: AnsweringDaemon, typed: Typed, tmp_path: Path) -> None:
    assert str(tmp_path / "other") in typed("--home", str(tmp_path / "other"), "status")[2]


def test_no_colours_where_there_is_no_terminal(daemon: AnsweringDaemon, typed: Typed) -> None:
    daemon.answers["status"] = status(pipeline("digits", node("train")))
    assert "\x1b" not in typed("status")[1]


# ---- completion


def completed(home: Home, words: str) -> list[str]:
    env = {**os.environ, "_ANACOSTIACTL_COMPLETE": "bash_complete", "COMP_WORDS": words}
    env["COMP_CWORD"] = str(words.count(" "))
    done = subprocess.run(
        [sys.executable, "-m", "anacostia_daemon.ctl"], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_live_names_are_completed(daemon: AnsweringDaemon, home: Home) -> None:
    daemon.answers["status"] = status(pipeline("digits", node("train"), node("test")), pipeline("haiku"))
    assert completed(home, "anacostiactl stop d") == ["digits", "digits/train", "digits/test"]
    assert completed(home, "anacostiactl status d") == ["digits"]
    assert completed(home, "anacostiactl restart digits/t") == ["digits/train", "digits/test"]
    assert completed(home, "anacostiactl retry digits 3 --from te") == ["test"]
    assert completed(home, "anacostiactl sta") == ["start", "status"]


@pytest.mark.parametrize(
    "words", ["run digits 1", "cancel digits 1", "logs digits/train --run 1", "metrics digits --run 1"]
)
def test_numbers_of_runs_are_completed(daemon: AnsweringDaemon, home: Home, words: str) -> None:
    daemon.answers["runs"] = [{**RUN, "id": 12}, {**RUN, "id": 11}, {**RUN, "id": 3}]
    assert completed(home, f"anacostiactl {words}") == ["12", "11"]
    assert daemon.asked == [("runs", {"pipeline": "digits", "limit": 20})]


def test_without_a_daemon_completion_is_silent(home: Home) -> None:
    assert completed(home, "anacostiactl stop d") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_each_shell(home: Home, typed: Typed, shell: str) -> None:
    code, out, _ = typed("completion", shell)
    assert code == 0 and f"{shell}_complete" in out
