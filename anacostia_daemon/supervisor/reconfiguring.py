"""Reads the configuration anew while the daemon runs. One that cannot be used changes nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anacostia_daemon.config.configuration import Config, changed, find, load
from anacostia_daemon.config.problems import ConfigError
from anacostia_daemon.supervisor.log import report

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon


@dataclass(frozen=True)
class Reloaded:
    """What came of it: a line for each thing that changed or has to wait; `error` says why nothing did."""

    said: tuple[str, ...] = ()
    error: str = ""


def reload_configuration(daemon: Daemon) -> Reloaded:
    """Follow the file as it is now: listed pipelines that are new start, keys that can be changed live are, and what
    needs a restart is said. Never raises for what stands in the file; what is said is in the daemon's log, too."""
    if daemon.leaving:
        return _reported(Reloaded(error="cannot reload the configuration: the daemon is shutting down"))
    try:
        config = load(find(daemon.home.path))
    except ConfigError as error:
        return _reported(Reloaded(error=f"{error}\nthe daemon goes on as it was configured before"))
    before, daemon.config = daemon.config, config
    daemon.settings.follow(config)
    daemon.journal.keep = daemon.settings.journal_lines
    said = (*_keys(before, config), *daemon.listing.follow(config))
    return _reported(Reloaded(said or ("nothing has changed",)))


def _keys(before: Config, after: Config) -> Iterator[str]:
    for setting in changed(before, after):
        if setting.key.live:
            now = after.table(setting.path[0]).get(setting.path[-1])
            yield f"{setting.name} is {setting.key.default if now is None else now} now"
        else:
            yield f"{setting.name} has changed; that counts when the daemon is started anew"


def _reported(outcome: Reloaded) -> Reloaded:
    for line in (outcome.error,) if outcome.error else outcome.said:
        report(f"configuration: {line}", "error" if outcome.error else "notice")
    return outcome
