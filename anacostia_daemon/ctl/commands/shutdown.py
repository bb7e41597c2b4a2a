"""`shutdown`: end the daemon, with its nodes or without."""

from __future__ import annotations

import click

from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="shutdown")
@click.option("--leave-nodes", is_flag=True, help="Let the nodes run on; the next daemon takes them over.")
@pass_reach
def command(reach: Reach, leave_nodes: bool) -> None:
    """Stop all nodes, then the daemon; returns once it is gone.

    What was wanted stays written: the next daemon brings the same pipelines back.
    """
    from anacostia_daemon.ctl.gone import Gone

    pid = reach.ask("version")["pid"]
    with Gone(pid) as gone:
        reach.wish("shutdown", {"leave_nodes": leave_nodes}, "shutting down")
        gone.wait()  # its lock is free then, so that a `start` right after this finds no daemon on its way out
    click.echo("the daemon has ended" + ("; its nodes run on" if leave_nodes else ""))
