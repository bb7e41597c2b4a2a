"""`journal`: what happened to pipelines and nodes, and why, as sentences."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import json_option, limit_option, target_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="journal")
@target_argument(required=False)
@limit_option
@json_option
@pass_reach
def command(reach: Reach, target: str | None, limit: int, as_json: bool) -> None:
    """Tell what happened to whom, and why; newest last."""
    from anacostia_daemon.ctl import screen
    from anacostia_daemon.ctl.sentences import sentence, serious

    args: dict[str, Any] = {"limit": limit}
    if target is not None:
        pipeline, _, node = target.partition("/")
        args |= {"pipeline": pipeline, "node": node} if node else {"pipeline": pipeline}
    entries = reach.ask("journal", args)
    if as_json:
        screen.show_json(entries)
        return
    for entry in entries:
        click.echo(screen.styled(sentence(entry), screen.RED if serious(entry) else ""))
    if not entries:
        click.echo("nothing has happened yet", err=True)
