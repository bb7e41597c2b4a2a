"""What a start of `anacostiactl` costs, and that its page in the documents is what it says of itself."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from answering_daemon import AnsweringDaemon, node, pipeline, short_home, status

from anacostia_daemon.ctl.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(words: list[str], env: dict[str, str]) -> set[str]:
    """The modules that a command has imported by its end, without those that finding an editable package takes."""
    script = (
        f"import sys\nsys.path[:0] = {[str(ROOT), *filter(None, sys.path)]!r}\n"
        "from anacostia_daemon.ctl.__main__ import main\n"
        f"code = main({words!r})\nprint('loaded', *sys.modules, file=sys.stderr)\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], env=env, capture_output=True, text=True, timeout=30, check=False
    )
    return set(done.stderr.splitlines()[-1].split()[1:])


def test_a_plain_status_imports_next_to_nothing() -> None:
    with short_home() as home:
        home.prepare()
        daemon = AnsweringDaemon(home)
        answer = status(pipeline("digits", node("train")))
        daemon.answers["status"] = {**answer, "daemon": {**answer["daemon"], "home": str(home.path)}}
        try:
            loaded = loaded_by(["status"], {"ANACOSTIA_HOME": str(home.path)})
        finally:
            daemon.stop()
    assert len(daemon.asked) == 1, "it went the whole way"
    assert not loaded & {"click", "typing", "dataclasses", "inspect", "socket", "selectors", "pathlib", "json", "re"}
    assert not {each for each in loaded if each.startswith("node_sdk")} - {
        "node_sdk",
        "node_sdk.wire",
        "node_sdk.wire.unpack",
    }


def test_the_whole_way_of_status_imports_only_what_it_needs() -> None:
    with short_home() as home:
        daemon = AnsweringDaemon(home)
        daemon.answers["status"] = status(pipeline("digits", node("train")))
        env = {"ANACOSTIA_HOME": str(home.path), "XDG_RUNTIME_DIR": str(home.socket_dir.parent.parent)}
        try:
            loaded = loaded_by(["status"], env)
        finally:
            daemon.stop()
    assert daemon.asked, "it did not get as far as the daemon"
    unwanted = {"zmq", "sqlalchemy", "psutil", "rich", "watchdog", "asyncio", "platformdirs", "subprocess", "sqlite3"}
    assert not loaded & (unwanted | {"json", "logging", "tempfile", "shutil", "difflib", "ctypes"})
    assert not {each for each in loaded if each.startswith(("node_sdk.nodes", "node_sdk.runtime", "node_sdk.metadata"))}
    ours = {each.rpartition(".")[2] for each in loaded if each.startswith("anacostia_daemon.ctl.commands.")}
    assert ours == {"status"}


def test_every_command_has_a_module_and_every_module_is_a_command() -> None:
    folder = ROOT / "anacostia_daemon/ctl/commands"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == set(COMMANDS)


def test_the_page_of_the_commands_is_what_help_says(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("generate_cli", ROOT / "docs/generate_cli.py")
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert (ROOT / "docs/cli.md").read_text() == generator.page(), "out of date; write it again with `make docs`"
