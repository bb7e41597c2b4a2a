"""The command `anacostiactl` itself: global options, the list of commands, the exit codes in its help."""

from __future__ import annotations

import click

from anacostia_daemon import __version__
from anacostia_daemon.ctl.exits import MEANINGS
from anacostia_daemon.ctl.lazy import LazyGroup
from anacostia_daemon.ctl.reach import Reach

COMMANDS = (
    "start",
    "stop",
    "restart",
    "reload",
    "pause",
    "resume",
    "remove",
    "status",
    "top",
    "logs",
    "trigger",
    "cancel",
    "retry",
    "runs",
    "run",
    "artifacts",
    "metrics",
    "journal",
    "graph",
    "web",
    "config",
    "doctor",
    "shutdown",
    "service",
    "version",
    "completion",
)

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:>3}  {meaning}" for code, meaning in MEANINGS)


@click.command(
    cls=LazyGroup,
    package="anacostia_daemon.ctl.commands",
    names=COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option("--home", metavar="PATH", help="Which daemon: its home (default: $ANACOSTIA_HOME, else your own).")
@click.version_option(__version__, prog_name="anacostiactl", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, home: str | None) -> None:
    """Start, watch and stop Anacostia pipelines.

    Only `start` ever starts a daemon. PIPELINE is the name of a registered pipeline, NODE of one of its nodes.
    """
    ctx.obj = reach = Reach(home)
    ctx.call_on_close(reach.close)
