"""The daemon's log: rotated where it is a file of the home, left alone where stderr is somebody else's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from anacostia_daemon.supervisor import log
from node_sdk.policy import LogPolicy
log.rotate(Path(sys.argv[1]), LogPolicy(max_bytes=16_384, files=3))
for number in range(600):
    log.report(f"{number:03d} {'x' * 40}")
"""


def report(home_log: Path, stderr: Path) -> None:
    with stderr.open("ab") as stream:
        daemon = subprocess.Popen([sys.executable, "-c", PROGRAM, str(home_log)], stderr=stream)
    assert daemon.wait(60) == 0


def test_a_log_in_the_home_is_kept_within_bounds(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    report(log, log)
    files = [tmp_path / "daemon.log.2", tmp_path / "daemon.log.1", log]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(each.name for each in files)
    lines = [line for each in files for line in each.read_text().splitlines()]
    assert [int(line.split()[1]) for line in lines] == list(range(600 - len(lines), 600))
    assert all(each.stat().st_size <= 20_000 for each in files)


def test_a_stderr_that_leads_elsewhere_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "journald"
    report(tmp_path / "daemon.log", elsewhere)
    assert len(elsewhere.read_text().splitlines()) == 600
    assert list(tmp_path.iterdir()) == [elsewhere]
