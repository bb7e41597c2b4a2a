"""`metrics`: what the nodes of a pipeline have measured."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import RunNumber, json_option, limit_option, node_names, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="metrics")
@pipeline_argument()
@click.option("--run", "run_id", metavar="ID", type=RunNumber(), help="Only those of this run.")
@click.option("--node", metavar="NODE", shell_complete=node_names(), help="Only those of this node.")
@click.option("--key", metavar="KEY", help="Only this metric.")
@limit_option
@json_option
@pass_reach
def command(
    reach: Reach, pipeline: str, run_id: int | None, node: str | None, key: str | None, limit: int, as_json: bool
) -> None:
    """List the metrics of a pipeline, newest last."""
    args: dict[str, Any] = {"pipeline": pipeline, "run_id": run_id, "node": node, "key": key, "limit": limit}
    found = reach.ask("metrics", {name: value for name, value in args.items() if value is not None})
    if as_json:
        from anacostia_daemon.ctl import screen

        screen.show_json(found)
    else:
        from anacostia_daemon.ctl import rows

        rows.show_metrics(found)
