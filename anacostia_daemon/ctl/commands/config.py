"""`config`: what may stand in anacostia.toml does, what holds, and read it anew. Only `reload` needs a daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from anacostia_daemon.ctl import exits
from anacostia_daemon.ctl.options import json_option
from anacostia_daemon.ctl.reach import Reach, pass_reach


@click.group(name="config")
def command() -> None:
    """Check, show and reload the configuration, anacostia.toml.

    Which file counts: $ANACOSTIA_CONFIG; else anacostia.toml in the home; else /etc/anacostia/anacostia.toml, for a
    home below /var/lib.
    """


@command.command(name="check")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@pass_reach
def check(reach: Reach, file: str | None) -> None:
    """Say what is wrong with FILE (default: the one that counts), and with what it lists."""
    from anacostia_daemon.config.configuration import find, load, shows_secrets
    from anacostia_daemon.config.listed import obstacles

    path = find(reach.home.path) if file is None else Path(file).absolute()
    config = load(path)
    troubles = [f"pipeline '{each.name}': {why}" for each in config.pipelines.values() for why in obstacles(each)]
    if troubles:
        raise exits.CommandFailed(f"cannot start all that {path} lists:\n  " + "\n  ".join(troubles))
    if shows_secrets(config):
        click.echo(f"others may read {path}, and the values of variables in it: chmod 600 {path}", err=True)
    if path is None:
        click.echo(f"there is no file, so the defaults hold; {reach.home.path / 'anacostia.toml'} would be read")
        return
    count = len(config.pipelines)
    click.echo(f"{path}: nothing is wrong; it lists {count} pipeline{'' if count == 1 else 's'}")


@command.command(name="show")
@json_option
@pass_reach
def show(reach: Reach, as_json: bool) -> None:
    """Show each setting that holds and where it comes from; of secrets only the names.

    Of the daemon that runs; where none does, of one that would be started now.
    """
    found = _of_daemon(reach)
    if found is None:
        found = {**_of_file(reach), "daemon": False}
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found["daemon"]:
        click.echo(f"no daemon runs for {reach.home.path}; one that is started now would be configured so:", err=True)
    _show(found)


@command.command(name="reload")
@pass_reach
def reload(reach: Reach) -> None:
    """Have the daemon read the file anew, as SIGHUP does. A file that cannot be used changes nothing.

    Listed pipelines that are new start; what can be changed at once is; what has to wait, and for what, is said.
    """
    for line in reach.ask("reload-config")["said"]:
        click.echo(line)


def _of_daemon(reach: Reach) -> dict[str, Any] | None:
    try:
        return {**reach.ask("config"), "daemon": True}
    except exits.CommandFailed as error:
        if error.code != exits.UNREACHABLE:
            raise
        return None


def _of_file(reach: Reach) -> dict[str, Any]:
    from anacostia_daemon.config.configuration import find, load, shown

    config = load(find(reach.home.path))
    return {"file": None if config.file is None else str(config.file), "settings": shown(config)}


def _show(found: dict[str, Any]) -> None:
    from anacostia_daemon.ctl import screen
    from anacostia_daemon.ctl.table import Column, Row
    from anacostia_daemon.ctl.text import printable

    rows: list[Row] = [
        [each["key"], printable(json.dumps(each["value"], ensure_ascii=False)), printable(each["source"])]
        for each in found["settings"]
    ]
    screen.show_table((Column("KEY"), Column("VALUE", flexible=True), Column("FROM", flexible=True)), rows, "nothing")
