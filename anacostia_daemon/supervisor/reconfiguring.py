"""What SIGHUP does, and `systemctl reload` with it: the configuration is read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_daemon.supervisor.log import report

if TYPE_CHECKING:
    from anacostia_daemon.supervisor.daemon import Daemon


def read_configuration(daemon: Daemon) -> None:
    """Take over what has changed in the configuration. What raises here is reported and changes nothing."""
    report("told to read the configuration anew; there is none", "notice")
