"""How the service is, from what `systemctl show` prints; and the sentences that say so. Pure."""

from __future__ import annotations

from collections.abc import Mapping

PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "MainPID",
    "StatusText",
    "Result",
    "ExecMainStatus",
    "NRestarts",
    "ActiveEnterTimestamp",
)

_STATUSES = {
    "75": "another daemon holds its home: stop that one, then start this",
    "78": "its configuration cannot be used: `anacostiactl config check` says why, or `journalctl -u anacostiad`",
    "203": "its interpreter is gone: install the service again from the one that is there",
    "217": "its account does not exist: `systemd-sysusers` makes it, or name another with `service install --as USER`",
    "226": "one of the directories that the unit names is not there, or the kernel refuses part of the hardening",
}


def parsed(shown: str) -> dict[str, str]:
    """The `KEY=value` lines of `systemctl show`."""
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def running(state: Mapping[str, str]) -> bool:
    """Whether the daemon is up and has said so."""
    return state.get("ActiveState") in ("active", "reloading")


def sentences(state: Mapping[str, str]) -> list[str]:
    """What a person wants to know, the most important first."""
    lines = [_activity(state)]
    if running(state) and state.get("StatusText"):
        lines.append(state["StatusText"])
    if not running(state) and state.get("Result", "success") != "success":
        lines.append(_cause(state))
    boots = {"enabled": "starts when the machine does", "disabled": "is not started when the machine does"}
    lines.append(boots.get(state.get("UnitFileState", ""), f"its unit file is {state.get('UnitFileState') or 'gone'}"))
    if state.get("NRestarts", "0") != "0":
        lines.append(f"restarted {state['NRestarts']} times since it was started by hand or at boot")
    return lines


def _activity(state: Mapping[str, str]) -> str:
    if running(state):
        return f"running as pid {state.get('MainPID')} since {state.get('ActiveEnterTimestamp')}"
    if state.get("SubState") == "auto-restart":
        return "between two attempts to start"
    return {"activating": "starting", "deactivating": "stopping", "failed": "failed"}.get(
        state.get("ActiveState", ""), "not running"
    )


def _cause(state: Mapping[str, str]) -> str:
    status = state.get("ExecMainStatus", "")
    if status in _STATUSES and state.get("Result") == "exit-code":
        return f"exit code {status}: {_STATUSES[status]}"
    return f"the last one ended by {state.get('Result')}" + (f" (status {status})" if status not in ("", "0") else "")
