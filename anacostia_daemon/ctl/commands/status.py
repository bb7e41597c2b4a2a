"""`status`: what is wanted and what is so, of every node; its exit code says whether the two agree."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import json_option, pipeline_argument
from anacostia_daemon.ctl.overview import exit_code, lines
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="status")
@pipeline_argument(required=False)
@click.option("-w", "--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between two, with --watch."
)
@json_option
@pass_reach
def command(reach: Reach, pipeline: str | None, watch: bool, interval: float, as_json: bool) -> int:
    """Show what runs, and whether it is what is wanted.

    What is not as desired is explained below the table: since when, why, what happens next, and what a node that
    failed wrote last. Exit code 0: everything is as desired. 3: a node is not, or the PIPELINE that was named is
    stopped.
    """
    args = {} if pipeline is None else {"pipeline": pipeline}
    if watch:
        from anacostia_daemon.ctl.repeat import repeat

        return repeat(reach, interval, lambda: lines(reach.ask("status", args), as_json))
    status = reach.ask("status", args)
    for line in lines(status, as_json):
        click.echo(line)
    if not status["pipelines"] and not as_json:
        click.echo("no pipeline is registered; `anacostiactl start FILE` starts one", err=True)
    return exit_code(status, pipeline)
