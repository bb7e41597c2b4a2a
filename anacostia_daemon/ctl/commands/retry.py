"""`retry`: a run that has ended goes on."""

from __future__ import annotations

import os
from typing import Any

import click

from anacostia_daemon.ctl.options import RunNumber, json_option, node_names, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="retry")
@pipeline_argument()
@click.argument("run_id", metavar="RUN", type=RunNumber())
@click.option(
    "--from",
    "from_node",
    metavar="NODE",
    shell_complete=node_names("action"),
    help="Execute this node and all after it, however they ended.",
)
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, run_id: int, from_node: str | None, as_json: bool) -> None:
    """Execute again what did not succeed in a run that has ended.

    It stays the same run, with the same artifacts; what succeeded in it is not executed again.
    """
    token = os.urandom(16).hex()  # one wish, fulfilled once, however often the request is repeated on its way
    args: dict[str, Any] = {"pipeline": pipeline, "run_id": run_id, "token": token}
    answer = reach.ask("retry", args if from_node is None else {**args, "from_node": from_node})
    if as_json:
        from anacostia_daemon.ctl import screen

        screen.show_json(answer)
    else:
        click.echo(f"retrying run {answer['run_id']} of pipeline '{pipeline}'")
