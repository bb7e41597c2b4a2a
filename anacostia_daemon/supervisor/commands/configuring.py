"""Commands about the configuration that holds: what it is, and read it anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_daemon.config.configuration import shown
from anacostia_daemon.supervisor.commands.asking import Arguments, CommandFailed

if TYPE_CHECKING:
    from anacostia_daemon.control.server import Conversation
    from anacostia_daemon.supervisor.daemon import Daemon


def config(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    file = daemon.config.file
    conversation.result({"file": None if file is None else str(file), "settings": shown(daemon.config)})


def reload_config(daemon: Daemon, given: Arguments, conversation: Conversation) -> None:
    outcome = daemon.reload_configuration()
    if outcome.error:
        raise CommandFailed("busy" if daemon.leaving else "failed", outcome.error)
    file = daemon.config.file
    conversation.result({"file": None if file is None else str(file), "said": list(outcome.said)})
