"""`cancel`: end a run by hand."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import RunNumber, json_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="cancel")
@pipeline_argument()
@click.argument("run_id", metavar="RUN", type=RunNumber())
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, run_id: int, as_json: bool) -> None:
    """End a run now, whatever is still open in it.

    A node that executes a task of it is told to stop, and is replaced where it does not within its stop_timeout. The
    run's artifacts become `failed`; `retry` takes them up again.
    """
    answer = reach.ask("cancel", {"pipeline": pipeline, "run_id": run_id})
    if as_json:
        from anacostia_daemon.ctl import screen

        screen.show_json(answer)
    else:
        click.echo(f"cancelled run {answer['run_id']} of pipeline '{pipeline}'")
