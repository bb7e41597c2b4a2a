"""`logs`: what nodes write, straight from their files; needs no daemon."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import json_option, target_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="logs")
@target_argument(required=False)
@click.option("-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="How many of the last.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on; Ctrl-C ends it.")
@json_option
@pass_reach
def command(reach: Reach, target: str | None, lines: int, follow: bool, as_json: bool) -> None:
    """Show what nodes wrote and printed.

    Lines of several nodes are merged by time. Reads the log files themselves, so it works without a daemon.
    With --json each line is an object of its own.
    """
    from anacostia_daemon.ctl.logview import LogView

    view = LogView(reach.home, target, as_json)
    try:
        view.show_last(lines, following=follow)
        if follow:
            view.follow()
    except KeyboardInterrupt:
        return  # the way to end it
    finally:
        view.close()
