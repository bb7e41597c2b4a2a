"""The units and plists: what systemd's own reader says of them, and what is put into them where they are installed."""

from __future__ import annotations

import os
import plistlib
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anacostia_daemon.ctl.__main__ import main
from anacostia_daemon.service import readable, state, steps, templates

ROOT = Path(__file__).resolve().parents[2]
UNITS = {"system": ROOT / "systemd/system/anacostiad.service", "user": ROOT / "systemd/user/anacostiad.service"}
PLISTS = sorted(ROOT.glob("systemd/launchd/*.plist"))

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs the Debian package systemd")
needs_xmllint = pytest.mark.skipif(shutil.which("xmllint") is None, reason="needs the Debian package libxml2-utils")


def place(platform: steps.Platform = "systemd", of_user: bool = False, lingers: bool = False) -> steps.Place:
    home = Path("/home/mle")
    return steps.Place(
        platform=platform, of_user=of_user, home=home, config=home / ".config", uid=1000, lingers=lingers
    )


# ---- systemd


def placed(scope: str, folder: Path, hardened: bool = False) -> Path:
    """The unit as it would be installed, with an interpreter that exists."""
    unit = folder / steps.UNIT
    for name in (steps.UNIT, steps.NODES_UNIT):
        (folder / name).write_text(templates.unit(f"{scope}/{name}", sys.executable))
    if hardened:
        drop_ins = unit.with_name(f"{unit.name}.d")
        drop_ins.mkdir()
        shutil.copy(ROOT / "systemd/system/hardened.conf", drop_ins)
    return unit


def analyze(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, env=environment, check=False)


@needs_systemd
@pytest.mark.parametrize(("scope", "hardened"), [("system", False), ("system", True), ("user", False)])
def test_systemd_understands_every_line_of_the_units(scope: str, hardened: bool, tmp_path: Path) -> None:
    unit = placed(scope, tmp_path, hardened)

    found = analyze(tmp_path, f"--{scope}", "verify", unit, unit.with_name(steps.NODES_UNIT))

    assert (found.returncode, found.stderr) == (0, "")


@needs_systemd
def test_systemd_would_have_said_so_if_it_did_not(tmp_path: Path) -> None:
    unit = placed("system", tmp_path)
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))

    assert "WatchDogSec" in analyze(tmp_path, "verify", unit).stderr


@needs_systemd
@pytest.mark.parametrize(("hardened", "at_most"), [(False, 5.9), (True, 3.0)])
def test_the_exposure_that_systemd_finds_stays_low(hardened: bool, at_most: float, tmp_path: Path) -> None:
    unit = placed("system", tmp_path, hardened)

    found = analyze(tmp_path, "security", "--offline=yes", f"--threshold={at_most * 10:.0f}", unit)

    score = re.search(r"Overall exposure level for \S+: ([\d.]+)", found.stdout)
    assert found.returncode == 0, score and score[0]
    assert score is not None
    assert float(score[1]) <= at_most


def settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match(r"\w+=", line)]


def test_both_units_supervise_the_daemon_in_the_same_way() -> None:
    system, user = (set(settings(path.read_text())) for path in UNITS.values())

    assert {line.partition("=")[0] for line in user - system} == {"WantedBy"}
    for line in ("Type=notify", "NotifyAccess=main", "KillMode=process", "Delegate=yes", "OOMPolicy=continue"):
        assert line in system & user


def test_no_unit_empties_tmp_under_nodes_that_outlive_their_daemon() -> None:
    lines = [
        line
        for path in (*UNITS.values(), UNITS["system"].with_name("hardened.conf"))
        for line in settings(path.read_text())
    ]

    assert not {"PrivateTmp=yes", "RemoveIPC=yes"} & set(lines)


def test_only_interpreter_and_account_differ_from_the_file_in_the_tree() -> None:
    ours = UNITS["system"].read_text().splitlines()
    made = templates.unit(f"system/{steps.UNIT}", "/srv/env/bin/python3", "mlops").splitlines()

    changed = [(a, b) for a, b in zip(ours, made, strict=True) if a != b]

    assert changed == [
        (
            "ExecStart=/opt/anacostia/bin/python -m anacostia_daemon",
            "ExecStart=/srv/env/bin/python3 -m anacostia_daemon",
        ),
        ("User=anacostia", "User=mlops"),
        (
            "ExecStopPost=/opt/anacostia/bin/python -m anacostia_daemon --end-nodes",
            "ExecStopPost=/srv/env/bin/python3 -m anacostia_daemon --end-nodes",
        ),
    ]


def test_root_keeps_its_capabilities() -> None:
    assert "\nCapabilityBoundingSet=\n" in templates.unit(f"system/{steps.UNIT}", "/x", "mlops")
    assert "\nCapabilityBoundingSet=~\n" in templates.unit(f"system/{steps.UNIT}", "/x", "root")


@pytest.mark.parametrize(
    "path", ["/opt/my env/bin/python", "/opt/100%/python", "/opt/$HOME/python", "/opt/a&b/python", "bin/python", ""]
)
def test_a_path_that_systemd_would_take_apart_is_not_put_into_a_unit(path: str) -> None:
    assert not templates.fits_a_unit(path)


# ---- launchd

TYPES: dict[str, type] = {
    "Label": str,
    "ProgramArguments": list,
    "UserName": str,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "AbandonProcessGroup": bool,
    "ExitTimeOut": int,
    "ProcessType": str,
    "SoftResourceLimits": dict,
    "StandardErrorPath": str,
}
INNER: dict[str, type] = {"SuccessfulExit": bool, "NumberOfFiles": int}


@pytest.mark.parametrize("path", PLISTS, ids=lambda path: path.name)
def test_each_key_of_a_plist_is_one_of_launchd_and_has_its_type(path: Path) -> None:
    job: dict[str, Any] = plistlib.loads(path.read_bytes())

    assert {key: type(value) for key, value in job.items()} == {key: TYPES[key] for key in job}
    for key in ("KeepAlive", "SoftResourceLimits"):
        assert {name: type(value) for name, value in job[key].items()} == {name: INNER[name] for name in job[key]}
    assert job["Label"] == steps.LABEL
    assert job["ProgramArguments"][:3] == [templates.PYTHON, "-m", "anacostia_daemon"]
    assert job["AbandonProcessGroup"], "launchd would kill the nodes with a daemon that crashed"
    assert ("UserName" in job) is (".daemon." in path.name)


@needs_xmllint
@pytest.mark.parametrize("path", PLISTS, ids=lambda path: path.name)
def test_the_plists_are_valid(path: Path) -> None:
    dtd = Path(__file__).with_name("launchd.dtd")

    # Without the line that names the DTD of Apple, which xmllint would look for.
    text = re.sub(r"<!DOCTYPE.*>\n", "", path.read_text())
    found = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--dtdvalid", dtd, "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")


def test_an_installed_plist_names_the_interpreter_the_account_and_the_log() -> None:
    (folders, write) = steps.install(place("launchd"), "/opt/a&b/bin/python", "mlops", hardened=False, now=False)
    (mine, start) = steps.install(place("launchd", of_user=True), "/opt/x/bin/python", "", hardened=False, now=True)

    assert isinstance(write, steps.Write) and isinstance(mine, steps.Write)
    daemon, agent = plistlib.loads(write.content.encode()), plistlib.loads(mine.content.encode())
    assert isinstance(folders, steps.Run)
    assert folders.command[-2:] == ("/usr/local/var/anacostia", "/usr/local/var/log/anacostia")
    assert daemon["ProgramArguments"][-2:] == ["--home", folders.command[-2]]
    assert daemon["StandardErrorPath"].startswith(folders.command[-1] + "/")
    assert write.path == Path("/Library/LaunchDaemons/org.anacostia.anacostiad.plist")
    assert (daemon["ProgramArguments"][0], daemon["UserName"]) == ("/opt/a&b/bin/python", "mlops")
    assert mine.path == Path("/home/mle/Library/LaunchAgents/org.anacostia.anacostiad.plist")
    assert agent["StandardErrorPath"] == "/home/mle/Library/Logs/anacostiad.log"
    assert start == steps.Run(("launchctl", "bootstrap", "gui/1000", str(mine.path)))


# ---- the steps


def told(wanted: list[steps.Step]) -> list[str]:
    return [" ".join(each.command) if isinstance(each, steps.Run) else str(each.path) for each in wanted]


def test_the_service_of_the_machine_is_installed_with_its_account_before_it_is_enabled() -> None:
    wanted = steps.install(place(), "/opt/anacostia/bin/python", "anacostia", hardened=True, now=True)

    assert told(wanted) == [
        "/etc/sysusers.d/anacostia.conf",
        "systemd-sysusers /etc/sysusers.d/anacostia.conf",
        "/etc/tmpfiles.d/anacostia.conf",
        "systemd-tmpfiles --create /etc/tmpfiles.d/anacostia.conf",
        "/etc/systemd/system/anacostiad.service",
        "/etc/systemd/system/anacostiad-nodes.service",
        "/etc/systemd/system/anacostiad.service.d/hardened.conf",
        "systemctl daemon-reload",
        "systemctl enable --now anacostiad.service",
    ]


def test_an_account_that_is_there_already_is_not_made() -> None:
    wanted = steps.install(place(), "/opt/anacostia/bin/python", "mlops", hardened=False, now=False)

    assert told(wanted) == [
        "/etc/systemd/system/anacostiad.service",
        "/etc/systemd/system/anacostiad-nodes.service",
        "systemctl daemon-reload",
        "systemctl enable anacostiad.service",
    ]


@pytest.mark.parametrize("lingers", [False, True])
def test_a_users_own_service_lingers_where_that_is_allowed(lingers: bool) -> None:
    wanted = steps.install(place(of_user=True, lingers=lingers), "/x/python", "", hardened=False, now=False)

    assert told(wanted)[:2] == [
        "/home/mle/.config/systemd/user/anacostiad.service",
        "/home/mle/.config/systemd/user/anacostiad-nodes.service",
    ]
    last = wanted[-1]
    assert isinstance(last, steps.Run)
    assert (last.command == ("loginctl", "enable-linger")) is not lingers
    assert lingers or "as root: loginctl enable-linger 1000" in last.else_do


def test_uninstalling_stops_before_it_removes_and_keeps_what_is_not_ours() -> None:
    assert told(steps.uninstall(place())) == [
        "systemctl disable --now anacostiad.service",
        "systemctl stop anacostiad-nodes.service",
        "/etc/systemd/system/anacostiad.service",
        "/etc/systemd/system/anacostiad-nodes.service",
        "/etc/systemd/system/anacostiad.service.d/hardened.conf",
        "/etc/sysusers.d/anacostia.conf",
        "/etc/tmpfiles.d/anacostia.conf",
        "systemctl daemon-reload",
    ]


def test_a_dry_run_prints_the_unit_and_needs_neither_root_nor_systemd(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "install", "--dry-run", "--hardened", "--now"]) == 0

    said = capsys.readouterr().out
    assert "# would write /etc/systemd/system/anacostiad.service:\n" in said
    assert f"ExecStart={sys.executable} -m anacostia_daemon\n" in said
    assert "# would run: systemctl enable --now anacostiad.service\n" in said


@pytest.mark.parametrize("words", [["--hardened"], ["--as", "root"]])
def test_what_only_the_machines_service_has_is_refused_for_a_users_own(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["service", "install", "--user", "--dry-run", *words]) == 2

    assert "a service of yours runs as you" in capsys.readouterr().err


# ---- what stands in the way, and how it is


def test_a_directory_that_an_account_cannot_enter_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    python = closed / "bin/python"
    python.parent.mkdir(parents=True)
    python.touch()
    tmp_path.chmod(0o755)
    closed.chmod(0o700)
    nobody, mine = pwd.getpwnam("nobody"), pwd.getpwuid(os.getuid())

    assert readable.blocked_at([python], nobody) is not None
    assert readable.blocked_at([python], mine) is None
    assert readable.blocked_at([Path("/usr/bin/env")], nobody) is None
    assert readable.blocked_at([Path("/usr/bin/env")], None) is None


RUNNING = """\
LoadState=loaded
UnitFileState=enabled
ActiveState=active
SubState=running
MainPID=17
StatusText=1 pipeline, 5 nodes ready
Result=success
ExecMainStatus=0
NRestarts=2
ActiveEnterTimestamp=Mon 2026-11-23 14:03:09 UTC
"""


def test_the_state_of_a_running_service_is_told_in_sentences() -> None:
    found = state.parsed(RUNNING)

    assert state.running(found)
    assert state.sentences(found) == [
        "running as pid 17 since Mon 2026-11-23 14:03:09 UTC",
        "1 pipeline, 5 nodes ready",
        "starts when the machine does",
        "restarted 2 times since it was started by hand or at boot",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ActiveState": "inactive", "SubState": "dead"}, ["not running"]),
        ({"ActiveState": "failed", "Result": "watchdog"}, ["failed", "the last one ended by watchdog"]),
        (
            {"ActiveState": "failed", "Result": "exit-code", "ExecMainStatus": "75"},
            ["failed", "exit code 75: another daemon holds its home: stop that one, then start this"],
        ),
        (
            {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code", "ExecMainStatus": "1"},
            ["between two attempts to start", "the last one ended by exit-code (status 1)"],
        ),
    ],
)
def test_a_service_that_does_not_run_says_why(changes: dict[str, str], said: list[str]) -> None:
    found = {**state.parsed(RUNNING), "NRestarts": "0", **changes}

    assert not state.running(found)
    assert state.sentences(found) == [*said, "starts when the machine does"]
