"""What the configuration says of the daemon itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from anacostia_daemon.config.configuration import load
from anacostia_daemon.config.problems import ConfigError
from anacostia_daemon.supervisor.settings import Settings
from node_sdk.policy import LogPolicy


def test_what_the_configuration_says_of_logs_reaches_who_writes_them(tmp_path: Path) -> None:
    (tmp_path / "anacostia.toml").write_text('[logs]\nmax_bytes = "1 MiB"\nfiles = 2\nlevel = "WARNING"\n')
    settings = Settings()
    settings.follow(load(tmp_path / "anacostia.toml", {}))
    assert settings.log_policy == LogPolicy(max_bytes=2**20, files=2, max_age=30.0, level="WARNING")


def test_a_log_with_room_for_a_few_lines_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "anacostia.toml").write_text("[logs]\nmax_bytes = 100\n")
    with pytest.raises(ConfigError, match="16384 or more"):
        load(tmp_path / "anacostia.toml", {})
