"""How a process ends that cannot become the node it was started as: in words, to its log and to the daemon."""

from __future__ import annotations

import os
import sys

from node_sdk.runtime import logs
from node_sdk.runtime.launch import Launch
from node_sdk.runtime.limits import CannotLimit, put_on
from node_sdk.runtime.lines import DaemonLine, Lines
from node_sdk.runtime.link import Link
from node_sdk.wire.link import LastWords


def limited(launch: Launch, lines: Lines | None = None) -> None:
    """Put the limits of the node on this process, or end it. `lines`: those that it has already."""
    try:
        put_on(launch.limits, launch.node)
    except CannotLimit as error:
        logs.redirect(launch.log_file, launch.load.log_policy)
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        say_why(launch, str(error), lines)
        os._exit(1)


def say_why(launch: Launch, message: str, lines: Lines | None = None) -> None:
    """The daemon's journal says it then, and the status."""
    link = Link(
        DaemonLine(launch.link) if lines is None else lines.daemon,
        pipeline=launch.pipeline,
        node=launch.node,
        incarnation=launch.incarnation,
        heartbeat_timeout=30.0,
    )
    link.start()
    link.last_words(LastWords(launch.pipeline, launch.node, launch.incarnation, "setup", message))
