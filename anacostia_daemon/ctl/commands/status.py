"""`status`: what is wanted and what is so, of every node; its exit code says whether the two agree."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.options import json_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="status")
@pipeline_argument(required=False)
@json_option
@pass_reach
def command(reach: Reach, pipeline: str | None, as_json: bool) -> int:
    """Show what runs, and whether it is what is wanted.

    Exit code 0: everything is as desired. 3: a node is not, or the PIPELINE that was named is stopped.
    """
    from anacostia_daemon.ctl import screen

    status = reach.ask("status", {} if pipeline is None else {"pipeline": pipeline})
    if as_json:
        screen.show_json(status)
    else:
        _show(status)
    stopped = pipeline is not None and any(each["desired"] == "down" for each in status["pipelines"])
    missing = stopped or bool(status.get("not_started"))
    return exits.NOT_RUNNING if missing or not all(map(_as_desired, status["pipelines"])) else exits.OK


def _as_desired(pipeline: dict[str, Any]) -> bool:
    if not pipeline["nodes"] and pipeline["phase"] == "starting":  # its file is being loaded
        return False
    return all(node_as_desired(node) for node in pipeline["nodes"])


def node_as_desired(node: dict[str, Any]) -> bool:
    """Whether a node is what it is wanted to be. A paused node keeps its process; a `done` one needs none."""
    if node["desired"] == "down":
        return bool(node["phase"] == "down")
    return bool(node["phase"] == "ready" or node.get("done"))


def _show(status: dict[str, Any]) -> None:
    from anacostia_daemon.ctl import screen
    from anacostia_daemon.ctl.text import ago, shown

    daemon = status["daemon"]
    about = f"daemon {daemon['version']}, pid {daemon['pid']}, up {ago(daemon['started_at'])}, home {daemon['home']}"
    click.echo(screen.styled(about + (", shutting down" if daemon.get("shutting_down") else ""), screen.DIM))
    if not status["pipelines"]:
        click.echo("no pipeline is registered; `anacostiactl start FILE` starts one", err=True)
    for pipeline in status["pipelines"]:
        click.echo()
        wanted = "" if pipeline["desired"] == "up" else f", wanted {pipeline['desired']}"
        phase = screen.styled(pipeline["phase"], screen.word(pipeline["phase"]).style or screen.BOLD)
        name = screen.styled(shown(pipeline["name"]), screen.BOLD)
        click.echo(f"{name}  {phase}{wanted}  {shown(pipeline['file'])}  {shown(pipeline['store']['uri'])}")
        if pipeline.get("reason"):
            click.echo(shown(pipeline["reason"]))
        if pipeline["nodes"]:
            _show_nodes(pipeline["nodes"])
    for each in status.get("not_started", ()):
        click.echo(
            f"\n{screen.styled(shown(each['name']), screen.BOLD)}  listed, and not started: {shown(each['reason'])}"
        )


def _show_nodes(nodes: list[dict[str, Any]]) -> None:
    from anacostia_daemon.ctl import screen
    from anacostia_daemon.ctl.table import Column, Row
    from anacostia_daemon.ctl.text import shown, size

    columns = [
        Column("NODE"),
        Column("KIND"),
        Column("WANTED"),
        Column("PHASE"),
        Column("PID", right=True),
        Column("RESTARTS", right=True),
        Column("SINCE", right=True),
        Column("CPU", right=True),
        Column("RSS", right=True),
        Column("WORK", flexible=True),
    ]
    rows: list[Row] = []
    for node in nodes:
        cpu = node["cpu_percent"]
        rows.append(
            [
                shown(node["name"]),
                shown(node["kind"]).replace("_", " "),
                screen.word(node["desired"]),
                screen.word(node["phase"]),
                shown(node["pid"]),
                shown(node["restarts"]),
                _since(node),
                "-" if cpu is None else f"{cpu:.1f}%",
                size(node["rss_bytes"]),
                _work(node),
            ]
        )
    screen.show_table(columns, rows, "no nodes")


def _since(node: dict[str, Any]) -> str:
    """How long it has been in its phase, as far as we are told."""
    from anacostia_daemon.ctl.text import ago

    ended = (node["last_end"] or {}).get("at")
    if node["pid"] is None:
        return ago(ended)
    return ago(node["ready_at"] if node["phase"] == "ready" else node["started_at"])


def _work(node: dict[str, Any]) -> str:
    """What it does; where it does nothing, why."""
    from anacostia_daemon.ctl.text import shown

    if node["phase"] == "ready":
        return shown(node["work"])
    reason = node.get("reason") or (node["last_end"] or {}).get("reason")
    return shown(reason)
