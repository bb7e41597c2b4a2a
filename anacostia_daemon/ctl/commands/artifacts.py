"""`artifacts`: what the resources of a pipeline hold, as the metadata store has it."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import json_option, limit_option, node_names, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach

STATES = ("new", "current", "old", "failed", "all")


@click.command(name="artifacts")
@pipeline_argument()
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--resource", metavar="NODE", shell_complete=node_names("resource"), help="Only those of this resource.")
@limit_option
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, state: str | None, resource: str | None, limit: int, as_json: bool) -> None:
    """List the artifacts of a pipeline, newest last."""
    args: dict[str, Any] = {"pipeline": pipeline, "state": state, "resource": resource, "limit": limit}
    found = reach.ask("artifacts", {key: value for key, value in args.items() if value is not None})
    if as_json:
        from anacostia_daemon.ctl import screen

        screen.show_json(found)
    else:
        from anacostia_daemon.ctl import rows

        rows.show_artifacts(found)
