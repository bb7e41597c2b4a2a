"""`run`: one run with its tasks, and what it used, made and logged."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import RunNumber, json_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="run")
@pipeline_argument()
@click.argument("run_id", metavar="ID", type=RunNumber())
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, run_id: int, as_json: bool) -> None:
    """Show one run: its tasks, its artifacts, its metrics."""
    from anacostia_daemon.ctl import screen

    run = reach.ask("run", {"pipeline": pipeline, "run_id": run_id})
    if as_json:
        screen.show_json(run)
    else:
        _show(run)


def _show(run: dict[str, Any]) -> None:
    from anacostia_daemon.ctl import rows, screen
    from anacostia_daemon.ctl.table import Column, Row
    from anacostia_daemon.ctl.text import between, local, shown

    state = screen.styled(run["state"], screen.word(run["state"]).style)
    took = between(run["started_at"], run["ended_at"])
    click.echo(
        f"run {run['id']} of '{shown(run['pipeline'])}': {state}, started {local(run['started_at'])}, took {took}"
    )
    click.echo(f"triggered by {shown(run['trigger'])}\n")
    columns = [
        Column("NODE"),
        Column("STATE"),
        Column("ATTEMPTS", right=True),
        Column("STARTED"),
        Column("TOOK", right=True),
        Column("ERROR", flexible=True),
    ]
    tasks: list[Row] = [
        [
            shown(task["node"]),
            screen.word(task["state"]),
            shown(task["attempts"]),
            local(task["started_at"]),
            between(task["started_at"], task["ended_at"]),
            shown((task["error"] or "").strip().partition("\n")[0]),
        ]
        for task in run["tasks"]
    ]
    screen.show_table(columns, tasks, "no task")
    if run.get("artifacts"):
        click.echo()
        rows.show_artifacts(run["artifacts"])
    if run.get("metrics"):
        click.echo()
        rows.show_metrics(run["metrics"])
