"""`anacostiactl web`, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from integration.daemon_process import daemon_of_a_test
from web.dashboard import Dashboard

CTL = Path(sys.executable).with_name("anacostiactl")


def ctl(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(CTL), "--home", str(home), "web", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_it_says_where_the_dashboard_is(dashboard: Dashboard) -> None:
    done = ctl(dashboard.daemon.home.path, "--no-browser")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{dashboard.url}\n", "")
    assert json.loads(ctl(dashboard.daemon.home.path, "--json").stdout) == {"url": dashboard.url}


@pytest.mark.slow
def test_a_daemon_that_serves_none_is_said_to_and_so_is_one_that_does_not_run(tmp_path: Path) -> None:
    with daemon_of_a_test() as daemon:
        done = ctl(daemon.home.path, "--no-browser")
    assert done.returncode == 3
    assert "this daemon serves none" in done.stderr and "[web]" in done.stderr
    assert ctl(tmp_path, "--no-browser").returncode == 69
