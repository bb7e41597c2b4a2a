"""`version`: of this program and of the daemon that it would speak with."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon import __version__
from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.options import json_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="version")
@json_option
@pass_reach
def command(reach: Reach, as_json: bool) -> None:
    """Show the version of anacostiactl and of the daemon."""
    daemon: dict[str, Any] | None = None
    try:
        daemon = reach.ask("version")
    except exits.CommandFailed as error:
        if error.code != exits.UNREACHABLE:
            raise
    if as_json:
        from anacostia_daemon.ctl import screen

        screen.show_json({"anacostiactl": __version__, "daemon": daemon})
        return
    click.echo(f"anacostiactl {__version__}")
    if daemon is None:
        click.echo(f"no daemon runs for {reach.home.path}")
    else:
        click.echo(f"anacostiad {daemon['version']} (pid {daemon['pid']}, Python {daemon.get('python', '?')})")
