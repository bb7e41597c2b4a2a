"""The way from a command to the daemon: which home, which errors end with which exit code, and what Ctrl-C means."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from anacostia_daemon.ctl import exits

if TYPE_CHECKING:
    from anacostia_daemon.control.client import Client
    from anacostia_daemon.paths import Home

READ_TIMEOUT = 15.0  # seconds; a daemon answers in milliseconds, a store that is down takes a few seconds


class Reach:
    """Made once per `anacostiactl`; finds its home and connects when first needed."""

    def __init__(self, home: str | None) -> None:
        self._home = home

    @cached_property
    def home(self) -> Home:
        """The home of the daemon that is meant."""
        from anacostia_daemon.paths import Home

        return Home.find(self._home)

    @cached_property
    def client(self) -> Client:
        """The connection to its daemon."""
        from anacostia_daemon.control.client import Client

        return Client(self.home)

    def close(self) -> None:
        """End the connection, where there was one."""
        if "client" in self.__dict__:
            self.client.close()

    def ask(self, command: str, args: dict[str, Any] | None = None) -> Any:
        """The answer to a command that only reads, or does its work at once."""
        return self._request(command, args or {}, READ_TIMEOUT)

    def wish(self, command: str, args: dict[str, Any], goes_on: str) -> Any:
        """The answer to a command that takes its time; what happens meanwhile is shown on stderr.

        `goes_on` says what the daemon goes on doing when the person does not wait: "stopping 'digits'".
        """
        try:
            return self._request(command, args, None)
        except KeyboardInterrupt:
            raise exits.CommandFailed(
                f"not waiting any longer; the daemon goes on {goes_on} (see `anacostiactl status`)", exits.INTERRUPTED
            ) from None

    def _request(self, command: str, args: dict[str, Any], timeout: float | None) -> Any:
        from anacostia_daemon.control import client

        try:
            return self.client.request(command, args, _show, timeout)
        except client.ControlRefused as error:
            codes = {"unknown": exits.UNKNOWN, "not-running": exits.NOT_RUNNING}
            raise exits.CommandFailed(str(error), codes.get(error.code, exits.FAILED), error.hint) from None
        except (client.DaemonNotRunning, client.DaemonDenied) as error:
            raise exits.CommandFailed(str(error), exits.UNREACHABLE, self._perhaps_the_service()) from None
        except client.ControlFailure as error:
            raise exits.CommandFailed(str(error)) from None

    def _perhaps_the_service(self) -> str:
        """Whoever installed the service and forgot that it has a home of its own."""
        from anacostia_daemon.service.steps import SYSTEM_HOME, SYSTEM_UNIT

        if self.home.path == SYSTEM_HOME.resolve() or not SYSTEM_UNIT.exists():
            return ""
        return f"the service of this machine has another home: `anacostiactl --home {SYSTEM_HOME} …`"


def _show(text: str) -> None:
    from anacostia_daemon.ctl.text import printable

    for line in text.splitlines():
        click.echo(printable(line), err=True)


pass_reach = click.make_pass_decorator(Reach)
