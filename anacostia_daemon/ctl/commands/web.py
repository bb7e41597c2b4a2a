"""`web`: where the dashboard is, and a browser that shows it."""

from __future__ import annotations

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.options import json_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.command(name="web")
@click.option("--no-browser", is_flag=True, help="Only say where it is.")
@json_option
@pass_reach
def command(reach: Reach, no_browser: bool, as_json: bool) -> None:
    """Show the dashboard in a browser, and print its address.

    The daemon serves it where its configuration has a table [web].
    """
    from anacostia_daemon.ctl import screen, web

    reach.ask("version")  # an address of a daemon that is gone is none
    address = web.address(reach.home)
    if address is None:
        raise exits.CommandFailed(
            "cannot show the dashboard: this daemon serves none",
            exits.NOT_RUNNING,
            f"put a table [web] into {reach.home.path / 'anacostia.toml'} and start the daemon anew",
        )
    if as_json:
        screen.show_json({"url": address})
    else:
        click.echo(address)
    if not no_browser and not as_json:
        web.show(address)
