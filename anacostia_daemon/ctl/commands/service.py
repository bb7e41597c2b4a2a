"""`service`: install, remove and look at the daemon as a service of the machine, or of one user."""

from __future__ import annotations

import click

from anacostia_daemon.ctl import exits

_user = click.option("--user", "of_user", is_flag=True, help="Your own service, not the machine's.")
_dry_run = click.option("--dry-run", is_flag=True, help="Print what would be written and run, and do nothing.")


@click.group(name="service", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Run the daemon as a service: of systemd, or of launchd on macOS."""


@command.command(name="install")
@_user
@click.option("--as", "account", metavar="USER", help="Whom the machine's service runs as (default: anacostia).")
@click.option("--hardened", is_flag=True, help="Also take away what most pipelines do without (systemd, not --user).")
@click.option("--now", is_flag=True, help="Start it too.")
@_dry_run
def install(of_user: bool, account: str | None, hardened: bool, now: bool, dry_run: bool) -> None:
    """Write the unit, with the interpreter that runs this, and have it started with the machine.

    Doing it again after an upgrade brings the unit up to date; drop-ins of yours are left alone.
    """
    from anacostia_daemon.ctl import service

    service.install(of_user=of_user, account=account, hardened=hardened, now=now, dry_run=dry_run)


@command.command(name="uninstall")
@_user
@_dry_run
def uninstall(of_user: bool, dry_run: bool) -> None:
    """Stop the service, with its nodes, and remove its files. State, logs and account stay."""
    from anacostia_daemon.ctl import service

    service.uninstall(of_user=of_user, dry_run=dry_run)


@command.command(name="status")
@_user
def status(of_user: bool) -> int:
    """Show whether it is installed, up to date and running."""
    from anacostia_daemon.ctl import service

    return exits.OK if service.show(of_user=of_user) else exits.NOT_RUNNING
