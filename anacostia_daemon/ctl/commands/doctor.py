"""`doctor`: looks at everything around the daemon, and says what is wrong and what to do about it."""

from __future__ import annotations

import dataclasses
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from anacostia_daemon.ctl import exits, screen
from anacostia_daemon.ctl.options import json_option
from anacostia_daemon.ctl.reach import Reach, pass_reach
from anacostia_daemon.ctl.text import printable

if TYPE_CHECKING:
    from anacostia_daemon.doctor.finding import Finding

_COLOURS = {"ok": screen.GREEN, "warning": screen.YELLOW, "fault": screen.RED}
_LEVEL = 9  # columns


@click.command(name="doctor")
@json_option
@pass_reach
def command(reach: Reach, as_json: bool) -> int:
    """Look at everything around the daemon: what is wrong, and what to do about it.

    Works with and without a running daemon, and changes nothing. Exit code 1: there is a fault.
    """
    from anacostia_daemon.doctor.examination import examine

    findings = []
    for each in examine(reach.home):
        findings.append(each)
        if not as_json:
            _show(each)
    if as_json:
        screen.show_json([dataclasses.asdict(each) for each in findings])
    else:
        click.echo(_summary(findings))
    return exits.FAILED if any(each.level == "fault" for each in findings) else exits.OK


def _show(finding: Finding) -> None:
    level = screen.styled(f"{finding.level:<{_LEVEL}}", _COLOURS[finding.level])
    for number, line in enumerate(_lines(f"{finding.part}: {finding.finding}")):
        click.echo((level if number == 0 else " " * _LEVEL) + line)
    for number, line in enumerate(_lines(finding.advice)):
        click.echo(" " * _LEVEL + ("→ " if number == 0 and screen.draws_lines() else "  ") + line)


def _lines(text: str) -> list[str]:
    width = screen.width()
    return [printable(text)] if width is None and text else wrap(printable(text), max(24, (width or 80) - _LEVEL - 2))


def _summary(findings: list[Finding]) -> str:
    faults = sum(each.level == "fault" for each in findings)
    warnings = sum(each.level == "warning" for each in findings)
    if not faults and not warnings:
        return screen.styled("all is well", screen.GREEN)
    parts = [
        f"{number} {what}{'' if number == 1 else 's'}" for number, what in ((faults, "fault"), (warnings, "warning"))
    ]
    return screen.styled(", ".join(parts), screen.RED if faults else screen.YELLOW)
