"""`logs`: what nodes write, straight from their files; needs no daemon."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.logline import LEVELS, Wanted
from anacostia_daemon.ctl.options import RunNumber, json_option, moment, target_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="logs")
@target_argument(required=False)
@click.option("-n", "--lines", type=click.IntRange(0), help="How many of the last (default: 50; with --since all).")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on; Ctrl-C ends it.")
@click.option("--since", metavar="WHEN", callback=moment, help="Not older than: 15m, 2h, 3d, 14:03, 2026-11-23T14:03.")
@click.option("--level", type=click.Choice(LEVELS, case_sensitive=False), help="As serious as this, or more.")
@click.option("--run", "run_id", metavar="RUN", type=RunNumber(), help="Of this run.")
@json_option
@pass_reach
def command(
    reach: Reach,
    target: str | None,
    lines: int | None,
    follow: bool,
    since: str | None,
    level: str | None,
    run_id: int | None,
    as_json: bool,
) -> None:
    """Show what nodes wrote and printed.

    Lines of several nodes are merged by time. Reads the log files themselves, old ones too, so it works without a
    daemon. What was printed, not logged, has no level: --level leaves it out. It counts as of the run that the log
    spoke of last. With --json each line is an object of its own.
    """
    from anacostia_daemon.ctl.logview import LogView

    if lines is None:
        lines = 50 if since is None else 1_000_000
    view = LogView(reach.home, target, as_json, wanted=Wanted(since, level, run_id))
    try:
        view.show_last(lines, following=follow)
        if follow:
            view.follow()
    except KeyboardInterrupt:
        return  # the way to end it
    finally:
        view.close()
