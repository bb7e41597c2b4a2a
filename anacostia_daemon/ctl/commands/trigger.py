"""`trigger`: a run by hand."""

from __future__ import annotations

import os

import click

from anacostia_daemon.ctl.options import json_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="trigger")
@pipeline_argument()
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, as_json: bool) -> None:
    """Start a run at once, however many are under way, with every new artifact there is."""
    token = os.urandom(16).hex()  # one wish, one run, however often the request is repeated on its way
    answer = reach.ask("trigger", {"pipeline": pipeline, "token": token})
    if as_json:
        from anacostia_daemon.ctl import screen

        screen.show_json(answer)
    else:
        click.echo(f"started run {answer['run_id']} of pipeline '{pipeline}'")
