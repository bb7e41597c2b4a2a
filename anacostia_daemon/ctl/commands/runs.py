"""`runs`: the runs of a pipeline, newest first."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import json_option, limit_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach

STATES = ("running", "succeeded", "failed", "cancelled")


@click.command(name="runs")
@pipeline_argument()
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@limit_option
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, state: str | None, limit: int, as_json: bool) -> None:
    """List the runs of a pipeline, newest first."""
    from anacostia_daemon.ctl import screen
    from anacostia_daemon.ctl.table import Column, Row
    from anacostia_daemon.ctl.text import between, local, shown

    args: dict[str, Any] = {"pipeline": pipeline, "limit": limit}
    found = reach.ask("runs", args if state is None else {**args, "state": state})
    if as_json:
        screen.show_json(found)
        return
    columns = [
        Column("RUN", right=True),
        Column("STATE"),
        Column("STARTED"),
        Column("TOOK", right=True),
        Column("TRIGGER"),
        Column("TASKS", flexible=True),
    ]
    rows: list[Row] = [
        [
            shown(run["id"]),
            screen.word(run["state"]),
            local(run["started_at"]),
            between(run["started_at"], run["ended_at"]),
            shown(run["trigger"]),
            _tasks(run["tasks"]),
        ]
        for run in found
    ]
    screen.show_table(columns, rows, f"pipeline '{pipeline}' has no such run" if state else "no run yet")


def _tasks(tasks: list[dict[str, Any]]) -> str:
    """'3/5, train executing': how many succeeded, and who is worth a look."""
    from anacostia_daemon.ctl.text import shown

    succeeded = sum(task["state"] == "succeeded" for task in tasks)
    others = [f"{shown(task['node'])} {task['state']}" for task in tasks if task["state"] in _NOTABLE]
    return ", ".join([f"{succeeded}/{len(tasks)}", *others])


_NOTABLE = ("executing", "failed", "error")
