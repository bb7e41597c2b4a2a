"""All checks in their order. A check that fails itself is a finding like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from anacostia_daemon.control.client import Client, ControlFailure, DaemonNotRunning
from anacostia_daemon.doctor import configuration, machine, pipelines, records, sockets, versions
from anacostia_daemon.doctor import home as of_home
from anacostia_daemon.doctor.finding import Finding, fault
from anacostia_daemon.paths import Home

_ANSWER_WITHIN = 15.0


def examine(home: Home) -> Iterator[Finding]:
    """Findings as they come."""
    with Client(home) as client:
        status, silent = _status(client)
        daemon = None if status is None else status["daemon"]
        if silent:
            yield fault("daemon", silent, f"look into {home.log}")
        nodes = [node for each in (status or {"pipelines": []})["pipelines"] for node in each["nodes"]]
        resources = sum(node["kind"] == "resource" for node in nodes)
        pid = None if daemon is None else daemon["pid"]
        for part, findings in (
            ("home", of_home.check(home)),
            ("configuration", configuration.check(home)),
            ("sockets", sockets.check(home)),
            ("versions", versions.check(daemon)),
            ("journal", records.check(home)),
            ("machine", machine.check(home, resources, pid)),
            ("pipelines", pipelines.check(records.registered(home), status, _asking(client))),
        ):
            try:
                yield from findings
            except OSError as error:
                yield fault(part, f"cannot look at it: {error}", "see that you may read it")


def _status(client: Client) -> tuple[dict[str, Any] | None, str]:
    """What the daemon says; None where none runs, with words where one is there that does not answer."""
    try:
        status: dict[str, Any] = client.request("status", timeout=_ANSWER_WITHIN)
    except DaemonNotRunning:
        return None, ""
    except ControlFailure as error:
        return None, str(error)
    return status, ""


def _asking(client: Client) -> pipelines.Ask:
    def ask(command: str, args: dict[str, Any]) -> Any:
        """The answer; where there is none, why, as text."""
        try:
            return client.request(command, args, timeout=_ANSWER_WITHIN)
        except ControlFailure as error:
            return str(error)

    return ask
