"""The text of anacostia.toml: read whole, or refused in words that name the file."""

from __future__ import annotations

from pathlib import Path

from anacostia_daemon.config.configuration import from_text, shown
from anacostia_daemon.config.problems import ConfigError

_FILE = Path("/etc/anacostia/anacostia.toml")
SEEDS = [
    b'[daemon]\nload_timeout = 7\nsockets = "/run/x"\n[pipelines.p]\nfile = "p.py"\nenvironment = { A = "1" }\n',
    b'[pipelines.p]\nfile = "p.py"\n[pipelines.p.nodes.n]\ncpus = [0]\numask = "027"\nmemory_limit = "2 GiB"\n'
    b'rlimits = { core = 0 }\nrestart = { when = "never", max_restarts = "unlimited" }\n',
]


def check(data: bytes) -> None:
    try:
        config = from_text(data.decode(errors="replace"), _FILE, {})
    except ConfigError as error:
        assert str(error).startswith(f"cannot use the configuration {_FILE}: ")
        return
    assert len(shown(config)) == len(config.settings)
    assert all(each.file.startswith("/") for each in config.pipelines.values())
