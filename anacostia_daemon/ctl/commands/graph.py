"""`graph`: the DAG of a pipeline in the terminal, for Graphviz, or as JSON."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.options import json_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="graph")
@pipeline_argument()
@click.option("--dot", is_flag=True, help="Print it for Graphviz: `anacostiactl graph P --dot | dot -Tsvg`.")
@json_option
@pass_reach
def command(reach: Reach, pipeline: str, dot: bool, as_json: bool) -> None:
    """Draw the graph of a pipeline; predecessors stand above.

    One that is too wide for the terminal is listed by stages instead.
    """
    from anacostia_daemon.ctl import drawing, screen

    if dot and as_json:
        raise click.UsageError("--dot and --json exclude each other")
    graph = reach.ask("graph", {"pipeline": pipeline})
    if as_json:
        screen.show_json(graph)
    elif dot:
        click.echo(drawing.dot(graph))
    else:
        for line in drawing.picture(graph["nodes"], screen.width(), ascii_only=not screen.draws_lines()):
            click.echo(line)
