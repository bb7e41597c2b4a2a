"""`status`: what is wanted and what is so, of every node; its exit code says whether the two agree."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.desire import as_desired
from anacostia_daemon.ctl.options import json_option, pipeline_argument
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

        return repeat(reach, interval, lambda: _lines(reach.ask("status", args), as_json))
    status = reach.ask("status", args)
    for line in _lines(status, as_json):
        click.echo(line)
    if not status["pipelines"] and not as_json:
        click.echo("no pipeline is registered; `anacostiactl start FILE` starts one", err=True)
    stopped = pipeline is not None and any(each["desired"] == "down" for each in status["pipelines"])
    missing = stopped or bool(status.get("not_started"))
    return exits.NOT_RUNNING if missing or not all(map(as_desired, status["pipelines"])) else exits.OK


def _lines(status: dict[str, Any], as_json: bool) -> list[str]:
    if as_json:
        import json  # most of the time it is for people

        return [json.dumps(status, indent=2, ensure_ascii=False)]
    from anacostia_daemon.ctl.overview import overview

    return overview(status)
