"""The Tab key in real shells: the script that `completion` prints, sourced, and what it offers for a line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.answering_daemon import AnsweringDaemon, node, pipeline, short_home, status

from anacostia_daemon.paths import Home

# Each prints one candidate per line for $LINE, whose last word is being typed.
BASH = """
eval "$(anacostiactl completion bash)"
read -ra COMP_WORDS <<< "$LINE"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_anacostiactl_completion anacostiactl
printf '%s\\n' "${COMPREPLY[@]}"
"""
ZSH = """
compdef() { :; }
compadd() { print -l -- "${(@P)@[-1]}"; }
_describe() { local -a found; found=("${(@P)3}"); print -l -- "${found[@]%%:*}"; }
eval "$(anacostiactl completion zsh)"
words=(${=LINE}); CURRENT=$#words
_anacostiactl_completion
"""
FISH = """
anacostiactl completion fish | source
complete -C "$LINE" | string replace -r '\\t.*' ''
"""


@pytest.fixture
def home() -> Iterator[Home]:
    with short_home() as made:
        daemon = AnsweringDaemon(made)
        daemon.answers["status"] = status(pipeline("digits", node("train"), node("test")), pipeline("haiku"))
        daemon.answers["runs"] = [{"id": 12, "state": "failed"}, {"id": 11, "state": "succeeded"}]
        yield made
        daemon.stop()


def offered(home: Home, shell: str, line: str) -> list[str]:
    program = {"bash": [BASH], "zsh": [ZSH], "fish": [FISH]}[shell]
    options = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["--no-config", "-c"]}[shell]
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ANACOSTIA_HOME": str(home.path),
        "XDG_RUNTIME_DIR": str(home.socket_dir.parent.parent),
        "HOME": str(home.path),
        "LINE": line,
    }
    done = subprocess.run([shell, *options, *program], env=env, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return sorted(each for each in done.stdout.splitlines() if each)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_tab_offers_commands_pipelines_nodes_and_runs(home: Home, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs the Debian package {shell}")
    assert offered(home, shell, "anacostiactl sta") == ["start", "status"]
    assert offered(home, shell, "anacostiactl stop digits/t") == ["digits/test", "digits/train"]
    assert offered(home, shell, "anacostiactl run digits 1") == ["11", "12"]
