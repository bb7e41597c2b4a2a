"""`top`: what the nodes use and do, the busiest first, again and again."""

from __future__ import annotations

from typing import Any

import click

from anacostia_daemon.ctl.options import json_option, pipeline_argument
from anacostia_daemon.ctl.reach import Reach, pass_reach

SORTS = ("cpu", "rss", "restarts", "name")


@click.command(name="top")
@pipeline_argument(required=False)
@click.option("--sort", type=click.Choice(SORTS), default="cpu", show_default=True, help="What decides the order.")
@click.option("-n", "--rounds", type=click.IntRange(1), help="End after so many (default: until Ctrl-C).")
@click.option("-d", "--interval", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between.")
@json_option
@pass_reach
def command(reach: Reach, pipeline: str | None, sort: str, rounds: int | None, interval: float, as_json: bool) -> int:
    """Show what the nodes use and do, and go on showing it.

    Keys: c, m, r and n sort by CPU, memory, restarts and name; q ends. CPU is the share of one core since the last
    round. With --json each round is one line.
    """
    from anacostia_daemon.ctl import usage
    from anacostia_daemon.ctl.repeat import repeat

    order = usage.Order(sort)
    args = {} if pipeline is None else {"pipeline": pipeline}

    def draw() -> list[str]:
        status: dict[str, Any] = reach.ask("status", args)
        return usage.as_json(status, order) if as_json else usage.as_table(status, order)

    return repeat(reach, interval, draw, rounds, order.press)
